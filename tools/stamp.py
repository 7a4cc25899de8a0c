"""Write the public repository's address wherever it is needed: python -m tools.stamp

The address stands in pyproject.toml, under [project.urls]. Colab badges, install lines
and the book's own links are copies, and this is what makes them.
"""

import re
import sys
from pathlib import Path

from tools import ROOT

BRANCH = "main"
ADDRESS = re.compile(
    r'^Repository = "https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)"$', re.M
)
REPOSITORY = r"https://github\.com/[\w.-]+/[\w.-]+"
# Each pattern can only mean our own repository: a link in the prose to somebody
# else's matches none of them.
COPIES = [
    (rf"(git\+){REPOSITORY}", r"\g<1>https://github.com/{owner}/{name}"),
    (rf"(git clone ){REPOSITORY}", r"\g<1>https://github.com/{owner}/{name}"),
    (rf"(?m)^(repository-code: ){REPOSITORY}$", r"\1https://github.com/{owner}/{name}"),
    (
        rf"(?m)^(repository:\n  url: ){REPOSITORY}\n  branch: \S+$",
        r"\1https://github.com/{owner}/{name}\n  branch: {branch}",
    ),
    (
        r"(colab\.research\.google\.com/github)/[\w.-]+/[\w.-]+/blob/[\w.-]+/",
        r"\1/{owner}/{name}/blob/{branch}/",
    ),
    (
        rf"{REPOSITORY}/blob/[\w.-]+/((?:assets|book|data|mocolib|tools)/)",
        r"https://github.com/{owner}/{name}/blob/{branch}/\1",
    ),
    (rf"{REPOSITORY}/issues\)", r"https://github.com/{owner}/{name}/issues)"),
    (rf"(url +=) \{{{REPOSITORY}\}}", r"\1 {{https://github.com/{owner}/{name}}}"),
    (r"https://[\w-]+\.github\.io/[\w.-]+/", "https://{owner}.github.io/{name}/"),
    (r"(notfound_urls_prefix: )/[\w.-]+/", r"\1/{name}/"),
    (r'(<a href=")/[\w.-]+/(index\.html")', r"\1/{name}/\2"),
]


def read_address(root: Path) -> tuple[str, str]:
    """Owner and name of the public repository."""
    found = ADDRESS.search((root / "pyproject.toml").read_text())
    if found is None:
        print(
            "Repository in pyproject.toml is not of the form "
            '"https://github.com/OWNER/NAME".',
            file=sys.stderr,
        )
        sys.exit(2)
    return found["owner"], found["name"]


def stamped_files(root: Path) -> list[Path]:
    named = ["README.md", "CONTRIBUTING.md", "CITATION.cff", "_config.yml"]
    book = (root / "book").glob("*")
    pages = [path for path in book if path.suffix in (".md", ".ipynb")]
    return [root / name for name in named] + sorted(pages)


def stamp(root: Path) -> list[Path]:
    """Bring every copy up to date; returns the files that changed."""
    owner, name = read_address(root)
    changed = []
    for path in stamped_files(root):
        before = after = path.read_text(encoding="utf-8")
        for pattern, template in COPIES:
            copy = template.format(owner=owner, name=name, branch=BRANCH)
            after = re.sub(pattern, copy, after)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for path in stamp(ROOT):
        print(f"stamped {path.relative_to(ROOT)}")
