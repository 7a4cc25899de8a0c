"""The numbers that the book prints as the paper's."""

import pandas as pd

from mocolib.data import data_root

STANDING = {  # how we know a number of data/paper.csv
    "T": "text or table",
    "D": "derived from these",
    "S": "second hand",
    "C": "released code",
}


def paper_numbers(*sweeps: str) -> pd.DataFrame:
    """The rows of data/paper.csv for some of its sweeps; accuracies in percent.

    `setting` and `value` say what was varied, `status` is a key of STANDING and
    `read in` what it stands for.
    """
    table = pd.read_csv(data_root() / "paper.csv")
    table["read in"] = table["status"].map(STANDING)
    return table[table["sweep"].isin(sweeps)]
