"""What is said of a file or a choice that cannot be judged: sentences with fields.

All of them stand here, so that the book's page says the same as the command line.
"""

KINDS = (
    "a table with a line of names, a JSON a line, Hugging Face's trainer_state.json, "
    "printed lines with Epoch: [..][../..], Parquet, or events of TensorBoard"
)
KNOWN = {  # what a file begins with, and what it then is
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"\x80\x02": "a pickle",
    b"\x80\x03": "a pickle",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"SQLite format 3": "a database",
    b"\x93NUMPY": "an array of numpy",
    b"\x7fELF": "a program",
}
IS_KNOWN = "file {place} is {what}, but must be a log."
EMPTY = "file {place} is empty, but must be {kinds}."
NO_TEXT = "file {place} is no text, but must be a log."
MARKUP = (
    "file {place} is a page of HTML or XML, but must be a log: download the file "
    "itself."
)
LONG_LINE = (
    "file {place} has a line of over {most} letters, but must have a line a step."
)
NOT_WHOLE = "file {place} begins as JSON, but must be whole: {reason}."
LARGE = "it is one JSON value of more than {most} letters"
NO_ROWS = "file {place} is JSON, but must hold rows: a list of them, or lists by name."
NO_NAMES = (
    "file {place} begins with numbers, but must name its columns in its first line."
)
NO_TABLE = "file {place} cannot be read as a table: {reason}."
MANY_NUMBERS = (
    "file {place} holds more than {most} numbers that could be judged, but must hold "
    "fewer: leave columns or rows out."
)
MANY_COLUMNS = (
    "file {place} has more than {most} columns, but must have fewer to be a log."
)
NOTHING = "file {place} has no column of numbers, but must be {kinds}."
UNKNOWN = (
    "file {place} has the columns {names}, but must have an accuracy, a loss or a "
    "gradient norm: choose a column as one of them."
)
MORE = "{names} and {count} more"
NO_COLUMN = "{role} is {name}, but must be a column of {place}: {names}."
HOLDS_TEXT = "{role} is {name}, which holds {text} in {place}, but must hold numbers."
HOLDS_NOTHING = (
    "{role} is {name}, which holds nothing in {place}, but must hold numbers."
)
OUT_OF_RANGE = (
    "accuracy is {name}, which holds {low} to {high} in {place}, but must hold shares "
    "or percent."
)
