"""Write the findings of some claims into the README: python -m tools.findings

They follow the recorded runs, so after `mocolib claims --write` they are written anew.
"""

import re

from mocolib import claims
from tools import ROOT

README = ROOT / "README.md"
PLACE = re.compile(r"(?s)(<!-- findings: ([^\n]*) -->\n).*?(?=\n[^-\n ]|\Z)")


def filled(text: str) -> str:
    """The text with a line a claim behind the comment that names the claims."""

    def lines(found: re.Match) -> str:
        said = (f"- {claims.finding(id)}\n" for id in found[2].split())
        return f"{found[1]}\n{''.join(said)}"

    return PLACE.sub(lines, text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote the findings into {README.name}")
