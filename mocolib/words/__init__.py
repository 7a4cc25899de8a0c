"""What a reader is told, and the door that it leaves by.

    said("step {step} of {steps}", step=3, steps=400)
    value("adamw"), spoken("qk_norm", True), layer_name("blocks.0.qkv")

Sentences stand in TOML: claims/ has those about the claims, a file each, logs.toml and
advice.toml those about a reader's log.
"""

from mocolib.words.language import counted, listed, said, table, together
from mocolib.words.settings import fact, label, layer_name, short, spoken, title, value
