"""What a chapter shows beside its panels: pictures with captions, and verdicts."""

import base64
import html
import io

from IPython.display import HTML, Markdown
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


def verdict(*ids: str) -> Markdown:
    """What the recorded runs say on some claims; the words come from `claims`."""
    return Markdown("\n\n".join(_told(claims.CLAIMS[id]()) for id in ids))


def _told(verdict: claims.Verdict) -> str:
    if verdict.word == "too few runs":
        return (
            f"**{verdict.id}: {verdict.word}** ({verdict.runs} runs). {verdict.claim}."
        )
    lines = [
        f"**{verdict.id}: {verdict.word}** ({verdict.runs} runs). {verdict.claim}.",
        "",
        "| measured | mean over seeds | 95 % interval | holds |",
        "|---|---|---|---|",
    ]
    for effect in verdict.effects:
        low, high = effect.interval
        lines.append(
            f"| {effect.name} | {effect.mean:+.4f} | {low:+.4f} to {high:+.4f} "
            f"| {'yes' if effect.holds else 'no'} |"
        )
    return "\n".join(lines)
