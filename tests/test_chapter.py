"""What a chapter shows: pictures that can be heard, verdicts that code has drawn."""

import base64
import io
import re

from matplotlib.figure import Figure
from PIL import Image

from mocolib import claims, moco
from mocolib.lab import picture, source, verdict


def test_a_picture_carries_alt_text_caption_and_pixels():
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([0, 1])
    shown = picture(figure, alt='a "rising" line', caption="Look <here>.").data
    assert 'alt="a &quot;rising&quot; line"' in shown
    assert "Look &lt;here&gt;." in shown
    raw = re.search(r"base64,([^\"]+)", shown)[1]
    assert Image.open(io.BytesIO(base64.b64decode(raw))).width > 300


def test_a_verdict_is_the_ledgers_word():
    for id, judge in claims.CLAIMS.items():
        found, shown = judge(), verdict(id).data
        assert shown == verdict(found).data
        assert f"{id}: {found.word}</strong> ({found.runs} runs" in shown
        if found.word != "too few runs":
            for effect in found.effects:
                assert f"{effect.mean:+.4f}" in shown


def test_the_source_of_a_wrapped_method_is_its_own():
    shown = source(moco.MoCo.update_key).data
    assert "_foreach_lerp_" in shown
    assert "blob/main/mocolib/moco.py#L" in shown
