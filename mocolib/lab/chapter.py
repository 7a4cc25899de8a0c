"""What a chapter shows beside its panels: pictures with captions, and verdicts."""

import base64
import html
import io

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from mocolib import claims


def picture(figure: Figure, alt: str, caption: str) -> HTML:
    """A figure with alt text and a caption, alike in Jupyter, Colab and the page."""
    target = io.BytesIO()
    figure.savefig(target, dpi=160, bbox_inches="tight")
    data = base64.b64encode(target.getvalue()).decode()
    return HTML(
        f'<figure class="picture"><img alt="{html.escape(alt, quote=True)}" '
        f'src="data:image/png;base64,{data}" style="max-width:100%;background:#fff">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def verdict(*ids: str) -> HTML:
    """What the recorded runs say on some claims; the words come from `claims`."""
    return HTML("".join(_told(claims.CLAIMS[id]()) for id in ids))


def _told(verdict: claims.Verdict) -> str:
    seeds = max((len(e.values) for e in verdict.effects), default=0)
    lead = (
        f"<p><strong>{verdict.id}: {verdict.word}</strong> ({verdict.runs} runs, "
        f"{seeds} seeds). {html.escape(verdict.claim)}.</p>"
    )
    if verdict.word == "too few runs":
        return lead
    rows = [
        {
            "measured": effect.name,
            "mean over seeds": f"{effect.mean:+.4f}",
            "95 % interval": "{:+.4f} to {:+.4f}".format(*effect.interval),
            "holds": "yes" if effect.holds else "no",
        }
        for effect in verdict.effects
    ]
    return lead + pd.DataFrame(rows).to_html(index=False, border=0)
