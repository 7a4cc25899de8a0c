"""Logs that are text: tables with commas or the like, a JSON a line, printed lines.

Which of them a file is, is seen from its beginning; its name says nothing. Lines are
read one at a time, so that a long file needs little more memory than its numbers.
"""

import ast
import codecs
import csv
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

from mocolib.errors import BadInput
from mocolib.logs import columns
from mocolib.logs.table import Tables, number
from mocolib.logs.words import refusals as words
from mocolib.words import said

HEAD = 2**20  # bytes that are looked at before anything is read
LONGEST = 2**24  # letters of a line
WHOLE = 2**26  # letters of a file that is one JSON value
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# torchvision's and moco-v3's: Epoch: [3][ 40/312]; DINO's: Epoch: [3/100] [ 40/312]
PRINTED = re.compile(r"Epoch: \[(\d+)(/\d+)?\]\s*\[\s*(\d+)/(\d+)\]")
METER = re.compile(r"([A-Za-z][\w@/.-]*):?\s+([-+\d.einfa]+)\s+\(\s*[-+\d.einfa]+\)")
TESTED = re.compile(r"^\s*\* Acc@1 ([\d.]+)")
# a line of it, or behind what a logger puts before it
RECORD = re.compile(
    r"""^(\s*\[?|[^#{"'\n][^{"'\n]*[^,;\t{"'\n ][ :] ?)\{["']""", re.MULTILINE
)
BARE = re.compile(
    r"((?<=[:,] )|(?<=\[))-?(nan|inf)(?=[,}\]])"
)  # Python prints no quotes
HISTORY = "log_history"  # Hugging Face's
DELIMITERS = ",;\t|"
COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")


def read(path: Path, head: bytes, tables: Tables):
    """The rows of a text file into `tables`; BadInput where it is no log."""
    encoding = _encoding(head)
    start = head.decode(encoding, "replace").lstrip()
    if "\0" in start:
        raise BadInput(said(words.NO_TEXT, place=tables.place))
    if start.startswith("<"):
        raise BadInput(said(words.MARKUP, place=tables.place))
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        lines = _lines(file, tables.place)
        json_alone = start[:1] in ("[", "{") and _record(start.splitlines()[0]) is None
        if json_alone and (value := _one_value(path, encoding, start, tables.place)):
            for row in _records(value, tables.place):
                tables.add(row)
        elif PRINTED.search(start) or RECORD.search(start):
            _printed(lines, tables)
        else:
            _delimited(lines, start, tables)


def _encoding(head: bytes) -> str:
    for mark, name in MARKS.items():
        if head.startswith(mark):
            return name
    for name, zeros in (("utf-16-le", head[1:400:2]), ("utf-16-be", head[0:400:2])):
        if len(zeros) > 1 and not any(zeros):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return "utf-8"
    except UnicodeDecodeError:
        return "latin-1"


def _lines(file, place: str) -> Iterator[str]:
    while line := file.readline(LONGEST):
        if len(line) == LONGEST:
            most = f"{LONGEST:,}"
            raise BadInput(said(words.LONG_LINE, place=place, most=most))
        yield line


# --- JSON, and what is printed ------------------------------------------------------


def _record(line: str) -> dict | None:
    """A line that is a dict in JSON, or as Python prints it."""
    for read, text in (
        (json.loads, line),
        (ast.literal_eval, BARE.sub(r"'\g<0>'", line)),
    ):
        try:
            value = read(text)
            return value if isinstance(value, dict) else None
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return None


def _one_value(path: Path, encoding: str, start: str, place: str):
    """The JSON that a whole file is; None where it is none but has lines to read."""
    with open(path, encoding=encoding, errors="replace") as file:
        text = file.read(WHOLE + 1)
    try:
        if len(text) > WHOLE:
            raise ValueError(said(words.LARGE, most=f"{WHOLE:,}"))
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if PRINTED.search(start) or RECORD.search(start):
            return None
        reason = " ".join(str(error).split())[:200]
        told = said(words.NOT_WHOLE, place=place, reason=reason)
        raise BadInput(told) from None


def _records(value, place: str) -> Iterator[dict]:
    """The rows of a JSON value: Hugging Face's state, a list of rows, lists by name."""
    if isinstance(value, dict):
        value = value.get(HISTORY, value)
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        yield from map(_flat, value)
    elif isinstance(value, list) and all(
        isinstance(row, list) and len(row) == 3 for row in value
    ):
        yield from ({"Step": row[1], "Value": row[2]} for row in value)  # TensorBoard's
    elif isinstance(value, dict):
        lists = {k: v for k, v in _flat(value).items() if isinstance(v, list)}
        for row in range(max(map(len, lists.values()), default=0)):
            yield {k: v[row] for k, v in lists.items() if row < len(v)}
    else:
        raise BadInput(said(words.NO_ROWS, place=place))


def _flat(row: dict, before: str = "") -> dict:
    flat = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}/")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _printed(lines: Iterator[str], tables: Tables):
    """Lines that are dicts or have meters; all others are talk."""
    step = 0
    for line in lines:
        if found := PRINTED.search(line):
            epoch, batch, batches = (int(found[k]) for k in (1, 3, 4))
            step = epoch * batches + batch
            if found[2]:  # DINO prints medians, as its successors write them
                tables.facts["medians"] = True
            row = {f"train {k}" if "@" in k else k: v for k, v in METER.findall(line)}
            tables.add({"step": step, "epoch": epoch, **row})
        elif found := TESTED.search(line):
            tables.add({"step": step, "* Acc@1": found[1]})
        elif "{" in line and (
            row := _record(line[max(0, line.find("{")) :].strip(" \t\r\n,[]"))
        ):
            for part in _rows(row, tables.place):
                tables.add(part)
                if {"iter_time", "data_time"} <= part.keys():
                    tables.facts["medians"] = True


def _rows(record: dict, place: str) -> list[dict]:
    """The rows of a line's dict: itself without its lists, or one an entry of those.

    Its lists are rows where all that is judged is in them, or all of any use.
    """
    flat = _flat(record)
    lists = {name for name, value in flat.items() if isinstance(value, list)}
    uses = {name: use for name in flat if (use := columns.use(name))}
    judged = {name for name, use in uses.items() if use in columns.JUDGED}
    if HISTORY in record or (lists and (judged or set(uses)) <= lists):
        return list(_records(record, place))
    return [{k: None if k in lists else v for k, v in flat.items()}]


# --- tables -------------------------------------------------------------------------


def _delimited(lines: Iterator[str], start: str, tables: Tables):
    sample = [line for line in start.splitlines()[:200] if line.strip()] or [""]
    for _ in range(ahead := _ahead(sample)):
        next((line for line in lines if line.strip()), "")
    sample = sample[ahead:] or [""]
    delimiter = _delimiter(sample)
    comma = _decimal_comma(sample, delimiter)
    try:
        rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        rows = (row for row in rows if any(cell.strip() for cell in row))
        first = next(rows, [""])  # of cells that are all empty none is left
        header = [name.strip().lstrip("#").strip() for name in first]
        if all(number(name) is not None for name in header):
            raise BadInput(said(words.NO_NAMES, place=tables.place))
        places = _places(header)
        for row in rows:
            if row == header:  # a run that was continued writes it again
                continue
            cells = [cell.replace(",", ".") for cell in row] if comma else row
            _row(cells, places, tables)
    except csv.Error as error:
        told = said(words.NO_TABLE, place=tables.place, reason=error)
        raise BadInput(told) from None


def _ahead(sample: list[str]) -> int:
    """Lines ahead of that of names: a spreadsheet's note to itself, then comments."""
    count = int(sample[0].lower().startswith("sep="))
    for line, after in itertools.pairwise(sample[count:]):
        cells = re.split(f"[{DELIMITERS}\\s]+", after)
        if not line.startswith("#") or any(number(cell) is not None for cell in cells):
            break  # numbers follow: these are names
        count += 1
    return count


def _delimiter(sample: list[str]) -> str:
    """What stands most often in the first line, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", sample[0])
    best = max(DELIMITERS, key=bare.count)
    words = [len(line.split()) for line in sample[:2]]
    spaces = best not in bare and len(words) == 2 and words[0] == words[1] > 1
    return " " if spaces else best


def _decimal_comma(sample: list[str], delimiter: str) -> bool:
    if delimiter == ",":
        return False
    cells = [cell.strip() for line in sample[1:] for cell in line.split(delimiter)]
    point = any(re.fullmatch(r"[-+]?\d*\.\d+", cell) for cell in cells)
    return not point and any(COMMA.fullmatch(cell) for cell in cells)


def _places(header: list[str]) -> list[tuple]:
    """Of each column its run and its name; W&B's export of a chart has one a run."""
    chart = any(name.endswith(("__MIN", "__MAX")) for name in header)
    places = [tuple(n.rsplit(" - ", 1)) if chart else (n,) for n in header]
    return [place if len(place) == 2 else ("", *place) for place in places]


def _row(cells: list[str], places: list[tuple], tables: Tables):
    """A line of a table, to each run the columns that are its own or everybody's."""
    every, own = {}, {}
    for (run, name), cell in zip(places, cells, strict=False):
        if not run:
            every[name] = cell
        elif name.endswith("__MIN"):
            mean = own.get(run, {}).get(name.removesuffix("__MIN"))
            if number(cell) is not None and number(cell) != number(mean):
                tables.facts["means"] = True
        elif not name.endswith("__MAX"):
            own.setdefault(run, {})[name] = cell
    for run, row in own.items() or [("", {})]:
        tables.add({**every, **row}, run)
