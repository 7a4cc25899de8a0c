"""Where a command meets the world: whatever goes wrong is one sentence, no traceback.

Exit codes: 0 done; 1 diverged, faulty, or not foreseen; 2 bad input; 130 interrupted;
141 where nobody reads what is said, as of any program in a pipe.
"""

import contextlib
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path

from mocolib.errors import BadInput, LeftOut, PeerLost
from mocolib.files import atomic, shown

LONGEST = 400  # letters of what an unforeseen exception tells of itself
CONTINUES = "stopped; the same command continues the run."


def say(text: str):
    """A sentence on the standard error, also where its letters are no UTF-8."""
    print(f"mocolib: {shown(text)}", file=sys.stderr)


def of_run(id: str, sentence: str, how: str = "") -> str:
    """A sentence on a run, which it names once."""
    who = f"run {id}"
    return sentence if sentence.startswith(who) else f"{who}{how}: {sentence}"


def write_picture(figure, place: Path, **how):
    """A matplotlib figure as a file of the kind that its name ends in, or nothing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic(place) as part:
        figure.savefig(part, dpi=150, format=place.suffix[1:].lower(), **how)


def guarded(command) -> int:
    """The exit code of a command, whatever it raises."""
    open_streams()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", LeftOut)
            warnings.showwarning = _said
            code = command()
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        code = 128 + signal.SIGPIPE
    except KeyboardInterrupt as error:
        code = _end(130, str(error) or "stopped.")
    except BadInput as error:
        code = _end(2, str(error))
    except PeerLost as error:
        code = _end(1, str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        code = _end(2, f"{place}{error.strerror or error}.")
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        code = _end(*_unforeseen(error))
    close_streams()
    return code


@contextlib.contextmanager
def resumable():
    """Around a command that goes on where it was stopped; who stops it is told so."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(CONTINUES) from None


def _end(code: int, sentence: str) -> int:
    with contextlib.suppress(OSError):
        say(sentence)
    return code


def _unforeseen(error: Exception) -> tuple[int, str]:
    told = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST].rstrip(".")
    if isinstance(error, MemoryError) or "memory" in told:
        return 2, f"the memory is too small for this, a smaller batch may fit ({told})."
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return 1, (
        f"this was not foreseen: {told} ({where}); "
        "`python -X dev -m mocolib` and the same words show the way there."
    )


def _said(message, *_, **__):
    """A warning as a sentence."""
    say(" ".join(str(message).split()))


def open_streams():
    """Something stands where a stream was closed, and any name can be printed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # the next file that is opened must not take the stream's number
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115
        if mode == "w":
            with contextlib.suppress(AttributeError):  # a notebook's own kind
                getattr(sys, name).reconfigure(errors="backslashreplace")


def close_streams():
    """What can't be delivered is dropped, so that the interpreter's end is quiet."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)
