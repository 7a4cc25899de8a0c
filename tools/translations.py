"""The catalogues of the book in other languages: python -m tools.translations [check]

A page has one, book/locale/zh_CN/LC_MESSAGES/book/NAME.po; mocolib.po has what code
says, assets.po what scripts say. This brings them up to date with the English, after
`make book`: what is new is empty, what is gone is dropped, and shown where it had been
translated. Then, or alone with `check`, it says by file what is missing and wrong.
"""

import ast
import json
import os
import re
import subprocess
import sys
from itertools import chain, product
from pathlib import Path

import nbformat
from babel.messages.catalog import Message
from babel.messages.pofile import normalize, read_po

from mocolib.claims import CLAIMS, findings
from tools import ROOT
from tools.language import (
    CATALOGUES,
    CODE,
    ENGLISH,
    LOCALES,
    SCRIPTS,
    below,
    catalogue,
    configured,
)
from tools.proofread import FIELD, english, faults
from tools.site import pages

BUILD = ROOT / "_build"
EXTRACT = "build . -q --builder custom --custom-builder gettext --path-output"
SAYS = {"said", "counted"}  # the doors
STRING = r'"(?:[^"\\]|\\.)*"'
LITERAL = rf"{STRING}(?:\s*\+\s*{STRING})*"
SCRIPTED = re.compile(rf"\b(?:said|counted)\(\s*({LITERAL})(?:,\s*({LITERAL}))?")
SPOKEN = re.compile(r"[^\W\d_]{2}")  # two letters: it may be a word
HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'


def catalogues(locale: str = "*") -> list[Path]:
    """The files of a locale, or of all."""
    return sorted(CATALOGUES.glob(f"{locale}/LC_MESSAGES/**/*.po"))


def read(file: Path) -> dict[str, Message]:
    """What stands in a catalogue, by its English; nothing where there is none."""
    if not file.exists():
        return {}
    with file.open("rb") as text:
        return {one.id: one for one in read_po(text, abort_invalid=True) if one.id}


# --- what there is to translate: messages with their places, by catalogue ------------


def wanted() -> dict[str, dict[str, set[str]]]:
    return {**in_pages(), CODE: in_code(), SCRIPTS: in_scripts()}


def in_pages() -> dict[str, dict[str, set[str]]]:
    """Prose and captions, as Sphinx finds them."""
    command = [Path(sys.executable).with_name("jupyter-book"), *EXTRACT.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*command, BUILD / "messages"], cwd=ROOT, env=environment, check=True
    )
    out = BUILD / "messages" / "_build" / "gettext"
    return {
        name: {message: set() for message in read(out / f"{name}.pot")}
        for name in pages()
        if (out / f"{name}.pot").exists()
    }


def in_code() -> dict[str, set[str]]:
    """What the chapters were heard to say, and what code could say another time."""
    found = {}
    settings = ((message, "_config.yml") for message in configured())
    for message, place in chain(_heard(), _claimed(), _literal(), settings):
        if SPOKEN.search(message):
            found.setdefault(message, set()).add(place)
    return dict(sorted(found.items(), key=lambda one: (min(one[1]), one[0])))


def _heard():
    """Messages that the last build has said; not what they became, said once more."""
    for name in pages():
        file = BUILD / "executed" / f"{Path(name).name}.ipynb"
        if not (ROOT / f"{name}.ipynb").exists():
            continue
        known = nbformat.read(file, as_version=4).metadata if file.exists() else {}
        if "said" not in known:  # what it says would be taken for gone
            sys.exit(f"{name} was not executed; `make book SERVE=0` does that.")
        said = known["said"]
        plain = [(m, {m.replace("*", ""), t.replace("*", "")}, t) for m, t in said]
        made = [
            t.replace("*", "") for m, _, t in plain if t != m and not FIELD.fullmatch(m)
        ]
        lines = {line for one in made for line in one.splitlines()}
        yield from ((m, name) for m, both, _ in plain if not both <= lines)


def _claimed():
    """Every sentence about the claims, whatever their outcome is now."""

    def strings(part):
        parts = part.values() if isinstance(part, dict) else []
        return [part] if isinstance(part, str) else chain(*map(strings, parts))

    for id in (*CLAIMS, findings.EVERY):
        place = f"mocolib/words/claims/{id}.toml"
        yield from ((message, place) for message in strings(findings.sentences(id)))


def _literal():
    """Messages that stand where they are said."""
    for path in sorted((ROOT / "mocolib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(getattr(node, "func", None), "id", None)
            for one in node.args[: 1 + (name == "counted")] if name in SAYS else []:
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value, str(path.relative_to(ROOT))


def in_scripts() -> dict[str, set[str]]:
    found = {}
    for path in sorted((ROOT / "assets").rglob("*.js")):
        for match in SCRIPTED.finditer(path.read_text("utf-8")):
            for literal in filter(None, match.groups()):
                message = "".join(map(json.loads, re.findall(STRING, literal)))
                found.setdefault(message, set()).add(str(path.relative_to(ROOT)))
    return found


# --- bringing the catalogues up to date ----------------------------------------------


def update(file: Path, messages: dict[str, set[str]]) -> list[str]:
    """Write a catalogue anew; the translated messages that it no longer has."""
    before, parts = read(file), [HEAD]
    for message, places in messages.items():
        known = before.get(message)
        lines = [f"# {one}\n" for one in (known.user_comments if known else [])]
        lines += [f"#: {' '.join(sorted(places))}\n"] if places else []
        said = known.string if known and not known.fuzzy else ""
        pair = (normalize(one, width=0) for one in (message, said))
        parts.append("{}msgid {}\nmsgstr {}\n".format("".join(lines), *pair))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(parts), encoding="utf-8")
    return [m for m, one in before.items() if one.string and m not in messages]


def update_all() -> None:
    found = wanted()
    for language in set(LOCALES) - {ENGLISH}:
        for name, messages in found.items():
            for gone in update(catalogue(language, name), messages):
                print(f"{name}.po: dropped {gone!r}")


def missing() -> dict[str, list[str]]:
    """Messages without a translation, by file."""
    return {
        file.relative_to(CATALOGUES).as_posix(): [
            message for message, one in read(file).items() if not one.string
        ]
        for file in catalogues()
    }


def stale() -> dict[str, list[str]]:
    """Translated messages that the English page no longer has, by file."""

    def squeezed(text: str) -> str:
        return "".join(text.split())

    contents, found = (ROOT / "_toc.yml").read_text("utf-8"), {}
    for language, name in product(set(LOCALES) - {ENGLISH}, pages()):
        prose = squeezed(_prose(name) + contents)
        file = catalogue(language, name)
        found[file.relative_to(CATALOGUES).as_posix()] = [
            message
            for message, one in read(file).items()
            if one.string and squeezed(message) not in prose
        ]
    return found


def _prose(name: str) -> str:
    """A page without its code."""
    chapter = ROOT / f"{name}.ipynb"
    if not chapter.exists():
        return (ROOT / f"{name}.md").read_text("utf-8")
    cells = nbformat.read(chapter, as_version=4).cells
    return "\n".join(one.source for one in cells if one.cell_type == "markdown")


def left() -> dict[str, int]:
    """How many runs of English words a built page still has, by page."""
    built = BUILD / "html"
    found = {}
    for language, name in product(set(LOCALES) - {ENGLISH}, pages()):
        page = built / below(language) / f"{name}.html"
        if page.exists():
            found[f"{language}/{name}"] = len(english(page.read_text("utf-8")))
    return found


def wrong() -> list[str]:
    """What is wrong with those that there are, a line each."""
    return [
        f"{file.relative_to(CATALOGUES)}: {message[:50]!r}: {fault}"
        for file in catalogues()
        for message, one in read(file).items()
        for fault in faults(one, page=file.parent.name == "book")
    ]


def waiting() -> list[str]:
    """What is to be done, a line a file."""
    told = {"{} missing": missing(), "{} of English that has changed": stale()}
    lines = [
        f"{name}: {count.format(len(messages))}"
        for count, by_file in told.items()
        for name, messages in by_file.items()
        if messages
    ]
    return lines + [f"{page}: {n} runs of English" for page, n in left().items() if n]


if __name__ == "__main__":
    if sys.argv[1:] != ["check"]:
        update_all()
    print(*waiting(), *wrong(), sep="\n")
    sys.exit(1 if wrong() else 0)
