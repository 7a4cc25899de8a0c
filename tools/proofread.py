"""What a translated message has lost of its English, or says in a word of its own.

Both are parsed as the book's pages are, and must have the same parts: fields, formulas,
code, links, roles and emphasis, in any order. Terms stand in book/locale/terms.toml.
"""

import functools
import json
import re
from collections import Counter

from bs4 import BeautifulSoup
from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

from mocolib.fields import read_table
from tools import ROOT
from tools.language import HAN

TERMS = ROOT / "book" / "locale" / "terms.toml"
SYNTAX = {"amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"}
FIELD = re.compile(r"\{(\w+)\}")
TAG = re.compile(r"</?[a-z][^>]*>")
STRAY = re.compile(r"\*+|`|\$|\{[a-z:]+\}")
TARGET = re.compile(r"<([^>]*)>\s*$")
CODE = "pre, code, .highlight, .citation, .citation-reference, .math, style, noscript"
LISTED = re.compile(r'<span class="\w{1,3}">')  # a line of code with its colours
RUN = re.compile(r"(?:[A-Za-z][A-Za-z'’-]*[ ,\n]+){3,}[A-Za-z'’-]+")  # four words
STYLE = {  # how Chinese is set
    rf"[{HAN}] *[,;:?!](?=[{HAN}\s]|$)": "half-width punctuation behind a Han sign",
    r"\d %": "a space before %",
    r"您": "您 instead of 你",
    r"\n": "a line break: between two Han signs it shows as a space",
}


def faults(message, page: bool = True) -> list[str]:
    """What is wrong with a babel Message; page: whether it is Markdown."""
    english, said = message.id, message.string
    if message.fuzzy:
        return ["marked as fuzzy"]
    if not said:
        return []
    found = [what for sign, what in STYLE.items() if re.search(sign, said)]
    if page and begins_a_block(said):
        found.append("begins like a list, a heading or a quote: Sphinx leaves it out")
    before, after = (Counter(parts(one, page)) for one in (english, said))
    found += [f"{one} is gone" for one in sorted((before - after).keys())]
    found += [f"{one} is new" for one in sorted((after - before).keys())]
    free = {one.removeprefix("free: ") for one in message.user_comments}
    return found + [f"no word for {term!r}" for term in lost(english, said) - free]


@functools.cache
def parser():
    return create_md_parser(MdParserConfig(enable_extensions=SYNTAX), RendererHTML)


def begins_a_block(said: str) -> bool:
    """What is more than a paragraph: as a list or a heading Sphinx leaves it out."""
    kinds = [one.type for one in parser().parse(said) if one.level == 0]
    return kinds != ["paragraph_open", "paragraph_close"]


def parts(text: str, page: bool):
    """All that a translation must keep as it is, one by one."""
    if not page:
        yield from (f"{{{name}}}" for name in FIELD.findall(text))
        yield from TAG.findall(text)
        return
    waiting = list(parser().parse(text))
    while waiting:
        token = waiting.pop()
        waiting += token.children or []
        yield from part(token)


def part(token):
    """What of it stands in one token."""
    content = token.content
    if token.type == "math_inline":
        yield f"${content}$"
    elif token.type == "code_inline":
        yield f"`{content}`"
    elif token.type == "myst_role":
        role, target = token.meta["name"], TARGET.search(content)
        named = "" if role == "term" else target[1] if target else content
        yield f"{{{role}}}{named}"
    elif token.type == "link_open":
        yield f"link to {token.attrs.get('href')}"
    elif token.type in ("strong_open", "em_open", "image"):
        yield token.type.removesuffix("_open")
    elif token.type == "html_inline":
        yield content
    elif token.type == "text" and (stray := STRAY.search(content)):
        yield f"stray {stray[0]}"


@functools.cache
def terms() -> dict[re.Pattern, tuple[str, list[str]]]:
    """The English of each term as a pattern; its name and its accepted forms."""
    table = read_table(TERMS)["terms"]
    return {
        re.compile(rf"\b{re.escape(one)}(?:s|es)?\b", re.I): (one, forms)
        for one, forms in table.items()
    }


def lost(english: str, said: str) -> set[str]:
    """Terms of the English without an accepted form; the longest of each place."""
    found, rest = set(), english
    for pattern, (term, forms) in sorted(terms().items(), key=lambda t: -len(t[1][0])):
        if pattern.search(rest):
            rest = pattern.sub(" ", rest)
            if not any(form in said for form in forms):
                found.add(term)
    return found


def english(page: str) -> list[str]:
    """Runs of English words in a page's article, but for code, names and references."""
    article = BeautifulSoup(page, "html.parser").find("article")
    for one in article.select(CODE):
        one.decompose()
    texts = []
    for one in article.find_all(string=True):
        given = one.parent.get("type") == "application/json"
        texts += _strings(json.loads(one)) if given else [one]
    words = (TAG.sub(" ", text) for text in texts if not LISTED.search(text))
    return [run for text in words for run in RUN.findall(text)]


def _strings(data) -> list[str]:
    """All that a panel's data could show."""
    if isinstance(data, dict | list):
        parts = data.values() if isinstance(data, dict) else data
        return [text for part in parts for text in _strings(part)]
    return [data] if isinstance(data, str) else []
