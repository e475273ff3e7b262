"""A file of prompts as lines with settings: YAML, JSON, JSONL, CSV, or one prompt a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BYTES, VALUES = 64 << 20, 1_000_000
"""Of the largest file, and values of the largest YAML file, that are read."""


@dataclass(frozen=True)
class Line:
    """One prompt with its settings, not checked yet."""

    where: str
    """File and line, for messages."""
    settings: dict[str, Any]
    """`prompt`, and whatever else was said of it; nested, or with dots in their names."""


def read_lines(path: Path) -> list[Line]:
    """All prompts of a file, in its order.

    Raises:
        ValueError: one line with the file, and the number of the line that is malformed.
    """
    try:
        if path.stat().st_size > BYTES:
            raise ValueError(f"prompts: {path} is larger than {BYTES >> 20} MiB; split it")
        if path.suffix.lower() in _OTHERS:
            raise ValueError(f"prompts: {path} is no list that can be read; save it as .yaml, .jsonl, .csv, or .txt")
        reader: Callable[[Path], Iterable[Line]] = _READERS.get(path.suffix.lower(), _plain_lines)
        lines = list(reader(path))
    except OSError as error:
        raise ValueError(f"prompts: {path} cannot be read ({error.strerror or error}); check the path") from error
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"prompts: {path} is not UTF-8 (line {number}); save it as that") from error
    if not lines:
        raise ValueError(f"prompts: {path} holds no prompt; write at least one")
    return lines


def _text(path: Path) -> str:
    """Of a file that is not YAML, whose reader decodes for itself.

    Raises:
        ValueError: it holds zeros, which are UTF-8 and yet no text.
    """
    text = path.read_bytes().decode("utf-8-sig")
    if "\0" in text:
        raise ValueError(f"prompts: {path} holds zeros between its letters, as UTF-16 does; save it as UTF-8")
    return text


def _where(path: Path, number: int, unit: str = "line") -> str:
    return f"{path}, {unit} {number}"


def _line(path: Path, number: int, value: Any, unit: str = "line") -> Line:
    """A line from what stood there: a sentence, or settings.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ValueError(
            f"{_where(path, number, unit)}: {str(value)[:60]!r} is neither a sentence nor settings; write a prompt, or "
            "prompt: and others"
        )
    return Line(_where(path, number, unit), value)


def _yaml_lines(path: Path) -> Iterator[Line]:
    from gs_stein.config import bounded_yaml

    try:
        value, numbers = bounded_yaml.load_items(path, BYTES, VALUES)
    except (OSError, UnicodeDecodeError):
        raise
    except Exception as error:  # whatever is no YAML fails in many ways
        raise ValueError(f"prompts: {path} is not valid YAML ({' '.join(str(error).split())[:160]})") from error
    if value is None:
        return
    if not isinstance(value, list):
        raise ValueError(f"prompts: {path} holds a {type(value).__name__}, not a list; begin each prompt with a dash")
    for number, item in zip(numbers, value, strict=True):
        yield _line(path, number, item)


def _json_lines(path: Path) -> Iterator[Line]:
    with io.StringIO(_text(path), newline=None) as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            yield _line(path, number, _parsed(text, f"{_where(path, number)}:", "write one object a line"))


def _json_list(path: Path) -> Iterator[Line]:
    text = _text(path)
    if not text.strip():
        return
    value = _parsed(text, f"prompts: {path}", "save one object a line as .jsonl")
    if not isinstance(value, list):
        raise ValueError(f"prompts: {path} holds a {type(value).__name__}, not a list; put prompts in [ and ]")
    for number, item in enumerate(value, 1):
        yield _line(path, number, item, "entry")


def _parsed(text: str, where: str, remedy: str) -> Any:
    """What stands there in JSON.

    Raises:
        ValueError: one line: it is none, or a name is given twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{where} is no JSON ({said}); {remedy}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, whose names may each be given once: of two, one would be lost without a word.

    Raises:
        ValueError: one is given twice.
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return values


def _csv_lines(path: Path) -> Iterator[Line]:
    with io.StringIO(_text(path), newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            names = [name.strip() for name in next(rows, [])]
            if "prompt" not in names or len(set(names)) < len(names) or "" in names:
                raise ValueError(
                    f"{_where(path, 1)}: {','.join(names)[:60]!r} names no columns; write their names, each once, one "
                    "of them prompt, with commas between them"
                )
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(names):
                    raise ValueError(
                        f"{_where(path, rows.line_num)}: has {len(row)} cells, not {len(names)}; put what holds a "
                        "comma in quotes"
                    )
                cells = {name: cell.strip() for name, cell in zip(names, row, strict=True) if cell.strip()}
                yield Line(_where(path, rows.line_num), {n: c if n in _TEXT else scalar(c) for n, c in cells.items()})
        except csv.Error as error:
            raise ValueError(f"{_where(path, rows.line_num)}: is no CSV ({error})") from error


_TEXT = ("prompt", "negative", "name")
"""Columns whose cells are taken as they stand."""


def scalar(text: str) -> Any:
    """A cell, or a value of the command line, as YAML would read it: a number, true, text, or a list in brackets."""
    from gs_stein.config import bounded_yaml

    try:
        return bounded_yaml.parse(text)
    except Exception:  # whatever is no YAML fails in many ways
        return text


def _plain_lines(path: Path) -> Iterator[Line]:
    with io.StringIO(_text(path), newline=None) as file:
        for number, text in enumerate(file, 1):
            if (prompt := text.strip()) and not prompt.startswith("#"):
                if prompt.startswith(("{", "[", "- ")):
                    raise ValueError(
                        f"{_where(path, number)}: {prompt[:60]!r} is no sentence; save JSON as .jsonl, YAML as .yaml"
                    )
                yield _line(path, number, prompt)


_READERS: dict[str, Callable[[Path], Iterable[Line]]] = {
    ".yaml": _yaml_lines, ".yml": _yaml_lines, ".json": _json_list, ".jsonl": _json_lines, ".ndjson": _json_lines,
    ".csv": _csv_lines,
}  # fmt: skip
"""By the file's suffix; any other has one prompt a line, and # before remarks."""
_OTHERS = (".tsv", ".xls", ".xlsx", ".ods", ".toml", ".parquet", ".pdf", ".docx", ".html", ".xml")
"""Suffixes of lists that are none of these, and whose lines are no prompts."""
