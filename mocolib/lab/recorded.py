"""One call a chapter: a panel over recorded runs, in the page and in a kernel."""

from mocolib.lab.describe import describe
from mocolib.lab.page import explorer


def experiment(runs, *, id, by, question=None, answer=None, **options):
    """Buttons and sliders over recorded runs, or `Line`s; only recorded settings.

    runs: a list. id: a word that is this panel's in the page's address. by: recipe
    fields that become controls. question stands above, answer can be unfolded below.
    options: start={field: value}, the setting shown first (without it the one with the
    deepest fall); keep=[settings] beside it, up to five, each a curve that holds what
    it names and follows the controls in the rest; charts={key: title};
    x="step" or "images", the axis shown first; marks={step: words}, upright lines.
    All seeds are drawn in the first chart; the strong line is the run whose deepest
    fall is the median one, or that of seed=.
    """
    return explorer(describe(runs, id=id, by=by, **options), question, answer)
