"""The list of references under the labels by which the text cites them.

A Sphinx extension: `:style: authoryear` in {bibliography} sorts by author and labels an
entry `Chen et al., 2021`, as the reference style author_year of _config.yml writes it.
"""

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle


class Labels(BaseLabelStyle):
    """`Oord et al., 2018`, `Loshchilov and Hutter, 2019`, `Xu, 2021`."""

    def format_labels(self, entries):
        for entry in entries:
            yield f"{names(entry)}, {entry.fields.get('year', '')}"


def names(entry) -> str:
    """The last names of one or two authors; of more the first."""
    last = [family(person) for person in entry.persons.get("author", [])]
    if len(last) > 2 or "others" in last:
        return f"{last[0]} et al."
    return " and ".join(last)


def family(person) -> str:
    """`van den Oord`; of a group its whole name."""
    parts = [*person.prelast_names, *person.last_names]
    return " ".join(part.strip("{}") for part in parts)


class AuthorYear(Style):
    """unsrt, sorted by author, with these labels."""

    default_label_style = Labels
    default_sorting_style = "author_year_title"


def setup(app) -> dict:
    register_plugin("pybtex.style.formatting", "authoryear", AuthorYear)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
