"""The calls of a function that stand in a notebook, made without the rest of it."""

import ast
from pathlib import Path

import nbformat


def statements(notebook: Path) -> list[ast.stmt]:
    """All that a chapter's code cells do, in order; magics and installs left out."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    return [
        node for text in code if "%pip" not in text for node in ast.parse(text).body
    ]


def names(node: ast.AST) -> tuple[set, set]:
    """What a statement reads, and what it gives a name to."""
    read, given = set(), set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            (read if isinstance(part.ctx, ast.Load) else given).add(part.id)
        elif isinstance(part, ast.FunctionDef):
            given.add(part.name)
        elif isinstance(part, ast.alias):
            given.add((part.asname or part.name).split(".")[0])
    return read | (given if isinstance(node, ast.AugAssign) else set()), given


def calls(notebook: Path, function: str) -> list[list[ast.stmt]]:
    """For each statement that calls `lab.FUNCTION`: all that it stands on, and it."""
    found, before = [], statements(notebook)
    for place, node in enumerate(before):
        if not any(
            isinstance(part, ast.Call) and ast.unparse(part.func) == f"lab.{function}"
            for part in ast.walk(node)
        ):
            continue
        needed, chosen = names(node)[0], [node]
        for earlier in reversed(before[:place]):
            read, given = names(earlier)
            if given & needed:
                needed |= read
                chosen.insert(0, earlier)
        found.append(chosen)
    return found


def made(chosen: list[ast.stmt]):
    """Run them."""
    module = ast.Module(chosen, type_ignores=[])
    exec(compile(module, "notebook", "exec"), {"__name__": "notebook"})
