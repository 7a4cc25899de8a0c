"""A run in a folder of its own: there it is trained, and there it is published."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mocolib.files import read_json, state, unreadable, whole_lines
from mocolib.runs import step_table


@dataclass(frozen=True)
class Folder:
    """What a run folder holds; BadInput for what is not there or cannot be read."""

    path: Path

    def file(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def values(self, name: str) -> dict:
        return read_json(self.file(name))

    @property
    def checksum(self) -> str | None:
        """The digest that a published run has; None of another."""
        file = self.path / "checksum"
        return file.read_text(errors="replace").strip() if file.exists() else None

    @property
    def finished(self) -> bool:
        return self.file("end").exists()

    @property
    def written(self) -> tuple:
        kept = [self.path.glob(name) for name in ("end.json", "steps.*")]
        return tuple(state(path) for paths in kept for path in sorted(paths))

    @property
    def _parquet(self) -> Path:
        return self.path / "steps.parquet"

    @property
    def _lines(self) -> Path:
        return self.path / "steps.jsonl"

    @property
    def _in_parquet(self) -> bool:
        # a run that was trained in the book's page ends with its lines
        return self.finished and (self._parquet.exists() or not self._lines.exists())

    @property
    def rows(self) -> int:
        if self._in_parquet:
            try:
                return step_table.rows(self._parquet)
            except (OSError, ValueError) as error:
                raise unreadable(self._parquet, error) from None
        try:
            with open(self._lines, "rb") as file:
                parts = iter(lambda: file.read(2**20), b"")
                return sum(part.count(b"\n") for part in parts)
        except FileNotFoundError:
            return 0

    @property
    def steps(self) -> pd.DataFrame:
        if self._in_parquet:
            try:
                return step_table.read(self._parquet)
            except (OSError, ValueError) as error:
                raise unreadable(self._parquet, error) from None
        try:
            lines = whole_lines(self._lines)
            return pd.DataFrame([json.loads(line) for line in lines])
        except ValueError as error:
            raise unreadable(self._lines, error) from None
