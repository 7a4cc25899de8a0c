"""The languages of the book: English at its root, others below, from one source.

As a Sphinx extension this file gives a page what another language needs beside its
catalogue: a switch, `hreflang`, contents and search, and the words of the scripts.
"""

import gettext
import json
import os
import re
from itertools import pairwise
from pathlib import Path

import snowballstemmer
import yaml
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from docutils import nodes
from sphinx import addnodes
from sphinx.search import SearchLanguage
from sphinx.search.en import english_stopwords, js_porter_stemmer
from sphinx.transforms import SphinxTransform

from tools import ROOT
from tools.site import address

ENGLISH = "en"
NAMES = {ENGLISH: "English", "zh": "中文"}  # by the folder below the book's root
LOCALES = {ENGLISH: "", "zh": "zh_CN"}  # as catalogues, gettext and MOCOLIB_LANGUAGE
CATALOGUES = ROOT / "book" / "locale"
CODE, SCRIPTS = "mocolib", "assets"  # the catalogues that are no page's
ASKED = "LANGUAGES"  # a variable of the build: `make book LANGUAGES=en`
WORDS = "words.js"
HAN = "㐀-鿿豈-﫿"  # signs, as a range of a pattern
SEARCH = "Search this book..."  # as Jupyter Book has it
SHOWN = ("html_title", "project", "ogp_site_name", "ogp_image_alt")  # of the settings
FOLDED = {  # myst-nb's settings
    "nb_code_prompt_show": "Show the code",
    "nb_code_prompt_hide": "Hide the code",
}
ANSWER = "Answer"  # what a fold of an exercise says, in HTML that Sphinx passes on
SHARED = "../../../inpage/"  # the folder that trains, from a script below zh/_static


def asked() -> list[str]:
    """The languages to build, English first."""
    given = os.environ.get(ASKED, "").split() or list(NAMES)
    if wrong := set(given) - set(NAMES):
        raise SystemExit(f"{ASKED} is {wrong.pop()!r}, but must be of {list(NAMES)}.")
    return [name for name in NAMES if name in given or name == ENGLISH]


def below(language: str) -> str:
    """Where a language's pages lie, seen from the book's root."""
    return "" if language == ENGLISH else f"{language}/"


def written(language: str) -> dict:
    """_config.yml as another language needs it; `in_words` translates its words."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    sphinx = config["sphinx"]["config"]
    config["html"]["baseurl"] += below(language)
    sphinx["ogp_site_url"] = config["html"]["baseurl"]
    sphinx["language"] = LOCALES[language]
    known = translated(CODE, language)
    sphinx |= {name: known.get(words, words) for name, words in FOLDED.items()}
    # a site has one page for a wrong address
    sphinx["extensions"].remove("notfound.extension")
    config["sphinx"]["config"] = {
        name: value for name, value in sphinx.items() if "notfound" not in name
    }
    return config


def configured() -> list[str]:
    """The words of _config.yml that readers see."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    sphinx = config["sphinx"]["config"]
    return [
        config["title"],
        SEARCH,
        *FOLDED.values(),
        ANSWER,
        *(sphinx[name] for name in SHOWN[2:]),
    ]


def catalogue(language: str, name: str) -> Path:
    """A catalogue, as reviewers read it."""
    return CATALOGUES / LOCALES[language] / "LC_MESSAGES" / f"{name}.po"


def compile_all() -> None:
    """Make of each catalogue what gettext reads, where it is not there."""
    for file in CATALOGUES.rglob("*.po"):
        made = file.with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime < file.stat().st_mtime:
            with file.open("rb") as text, made.open("wb") as target:
                write_mo(target, read_po(text, abort_invalid=True))


def translated(name: str, language: str) -> dict[str, str]:
    """What a catalogue translates; nothing of English."""
    made = catalogue(language, name).with_suffix(".mo")
    if language == ENGLISH or not made.exists():
        return {}
    with made.open("rb") as file:
        return {k: v for k, v in gettext.GNUTranslations(file)._catalog.items() if k}


# --- the extension ------------------------------------------------------------------


def language_of(app) -> str:
    return {locale: name for name, locale in LOCALES.items()}.get(
        app.config.language, ENGLISH
    )


def in_words(app, config) -> None:
    """The settings in the language, and a place for the switch."""
    known = translated(CODE, language_of(app))
    for name in SHOWN:
        english = getattr(config, name)
        setattr(config, name, known.get(english, english))
    config.html_theme_options["search_bar_text"] = known.get(SEARCH, SEARCH)
    if len(asked()) > 1:
        parts = ["switch.html", "article-header-buttons.html"]
        config.html_theme_options["article_header_end"] = parts


def with_switch(app, name: str, template, context: dict, doctree) -> None:
    """Where a page is found in the other languages, for readers.

    Before the theme looks for what is empty in the header, and leaves it out.
    """
    own = language_of(app)
    root = context["content_root"] + "../" * (own != ENGLISH)
    context["others"] = [
        {"to": f"{root}{below(one)}{name}.html", "name": NAMES[one], "tag": tag(one)}
        for one in asked()
        if one != own and name != "404"
    ]


def with_alternates(app, name: str, template, context: dict, doctree) -> None:
    """The same for search engines."""
    known = asked()
    if len(known) > 1 and doctree is not None:
        link = '<link rel="alternate" hreflang="{}" href="{}{}{}.html" />'
        lines = [link.format(tag(k), address(), below(k), name) for k in known]
        lines.append(link.format("x-default", address(), "", name))
        context["metatags"] = context.get("metatags", "") + "\n".join(lines)


def tag(language: str) -> str:
    """A language as HTML names it: zh-CN."""
    return (LOCALES[language] or language).replace("_", "-")


def with_words(app) -> None:
    """What the scripts say, as a file that comes before them."""
    if language_of(app) == ENGLISH or app.builder.format != "html":
        return
    own = translated(SCRIPTS, language_of(app))
    given = json.dumps(own, ensure_ascii=False, indent=0)
    folder = app.outdir / "_static"
    folder.mkdir(parents=True, exist_ok=True)
    text = f"globalThis.Why = {{ inpage: {SHARED!r}, messages: {given} }};\n"
    (folder / WORDS).write_text(text, encoding="utf-8")
    app.add_js_file(WORDS, priority=100)


def without_formulas(app, document) -> None:
    """Keep formulas that stand alone out of the catalogues: translated, they break."""
    if app.builder.name == "gettext":
        for formula in document.findall(nodes.math_block):
            formula.source = None


class Captions(SphinxTransform):
    """The captions of _toc.yml, which sphinx_external_toc adds behind Sphinx's own."""

    default_priority = 101

    def apply(self, **_) -> None:
        known = translated(self.env.docname, language_of(self.app))
        for contents in self.document.findall(addnodes.toctree):
            for message in contents.extract_original_messages():
                if message in known:
                    contents.apply_translated_message(message, known[message])


class Folds(SphinxTransform):
    """The heads of folded answers: HTML has no messages."""

    default_priority = 102

    def apply(self, **_) -> None:
        told = translated(CODE, language_of(self.app)).get(ANSWER, ANSWER)
        head = "<summary>{}</summary>".format
        for fold in self.document.findall(nodes.raw):
            if head(ANSWER) in fold.astext():
                fold[0] = nodes.Text(fold.astext().replace(head(ANSWER), head(told)))


CUT = r"""
function splitQuery(query) {
  const runs = query.matchAll(/[HAN]+|(?:(?![HAN])[\p{L}\p{N}_])+/gu);
  return [...runs].flatMap(([run]) =>
    /^[HAN]./u.test(run) ? Array.from(run.slice(1), (sign, i) => run[i] + sign) : run,
  );
}
"""


class Pairs(SearchLanguage):
    """Chinese as overlapping pairs of signs, in pages and in questions alike.

    No dictionary is needed to find 最大回撤: it stands where 最大, 大回 and 回撤 do.
    """

    lang, language_name = "zh", "Chinese"
    js_stemmer_code, stopwords = js_porter_stemmer, english_stopwords
    js_splitter_code = CUT.replace("HAN", HAN)

    def init(self, options: dict) -> None:
        self.stemmer = snowballstemmer.stemmer("english")

    def split(self, text: str) -> list[str]:
        found = []
        for run in re.findall(rf"[{HAN}]+|[^\W{HAN}]+", text):
            cut = re.match(f"[{HAN}].", run)
            found += map("".join, pairwise(run)) if cut else [run]
        return found

    def stem(self, word: str) -> str:
        return self.stemmer.stemWord(word.lower())


def setup(app) -> dict:
    app.add_search_language(Pairs)
    app.add_transform(Captions)
    app.add_transform(Folds)
    app.add_message_catalog("booktheme", str(CATALOGUES))
    app.connect("config-inited", in_words)
    app.connect("builder-inited", with_words)
    app.connect("doctree-read", without_formulas)
    app.connect("html-page-context", with_switch, priority=400)
    app.connect("html-page-context", with_alternates, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
