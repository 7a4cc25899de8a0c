"""Panels for the chapters: over recorded runs, over pictures, and one that trains.

    from mocolib import lab, sweep
    lab.experiment(sweep.recorded("lr"), id="lr", by=("base_lr", "patch_projection"))
    lab.train_here("freeze", compare="patch_projection")

Recorded: describe (runs -> plain data) -> page (JSON that assets/lab draws, in the
built page and in a kernel alike). Pictures: a frame a setting (`frames`); `heroes` and
`spikes` open chapters, `shares` compares two spikes. `own_log` judges a dropped log.
`train_here` trains: in a built page in the reader's browser, in
a kernel by engine (mocolib's loop in a thread; learned says what it learns) over wire
(two hidden widgets; plain stands in where no script runs).
"""

from mocolib.lab.chapter import (
    elsewhere,
    example,
    finding,
    headlines,
    ledger,
    picture,
    remarked,
    remarks,
    source,
    verdict,
)
from mocolib.lab.crops import cropped, crops
from mocolib.lab.describe import Line
from mocolib.lab.matching import matches
from mocolib.lab.method import method, taken
from mocolib.lab.own_log import own_log
from mocolib.lab.page import experiment
from mocolib.lab.pictures import Frame, beside, frames, meters, pixels, strips, svg
from mocolib.lab.ramp import critical_rates, ramp
from mocolib.lab.remedies import in_order, remedies, screen, three_numbers
from mocolib.lab.room import room
from mocolib.lab.shares import shares
from mocolib.lab.spikes import spikes
from mocolib.lab.train_here import train_here
