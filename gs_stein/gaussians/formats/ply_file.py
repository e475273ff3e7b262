"""The PLY container, whoever wrote it: header, and elements as structured arrays straight from the file.

Binary elements are memory maps, so that reading costs no more than looking. Files in text are read by NumPy, and
lists in or before the vertices by plyfile, value by value.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from gs_stein.gaussians.formats.common import first_line, read_bytes

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"), **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"), **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"), **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"), **dict.fromkeys(("double", "float64"), "f8"),
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_HEADER_LIMIT = 1 << 22
"""Bytes within which a header has to end."""


@dataclass(frozen=True)
class PlyFile:
    """What a PLY holds."""

    comments: tuple[str, ...]
    """Comments and obj_info lines without these words; bytes that are not UTF-8 as in Latin-1."""
    elements: dict[str, np.ndarray]
    """Structured arrays by the elements' names, maps of the file where it is binary. Elements that hold lists and
    come after the vertices are left out."""


@dataclass
class _Element:
    name: str
    count: int
    fields: list[tuple[str, str]]
    """(name, NumPy type without byte order)."""
    lists: bool = False


def read_ply_file(path: Path) -> PlyFile:
    """Read the elements of a PLY.

    Raises:
        ValueError: one line with the file: no PLY, a header that is none, truncated, or counts that do not fit.
    """
    header, start = _split_header(path)
    try:
        order, comments, elements = _parse_header(header)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path}: has a header that is no PLY header ({first_line(error)})") from error
    vertex = next((i for i, element in enumerate(elements) if element.name == "vertex"), len(elements) - 1)
    if any(element.lists for element in elements[: vertex + 1]):
        found = _by_plyfile(path, header, start)
    elif order:
        found = _binary(path, start, order, elements)
    else:
        found = _text(path, start, elements)
    return PlyFile(tuple(comments), found)


def _split_header(path: Path) -> tuple[list[str], int]:
    """The header's lines without blank ones, and where the body starts."""
    data = read_bytes(path, _HEADER_LIMIT)
    begin = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    if not data.startswith(b"ply", begin):
        raise ValueError(f"{path}: is no PLY file (it does not start with 'ply')")
    ending = re.search(rb"\r\n|\n|\r", data)
    eol = ending[0] if ending else b"\n"
    last = rb"(?:\r\n|\n|\r)[ \t]*end_header[ \t]*"
    # A header that was edited on Windows may end its last line otherwise than its first one.
    end = re.search(last + eol, data) or re.search(last + rb"\n", data)
    if end is None:
        raise ValueError(f"{path}: has a header that is no PLY header (there is no end_header)")
    lines = []
    for line in re.split(rb"\r\n|\n|\r", data[begin : end.start()]):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("latin-1")
        if text.strip():
            lines.append(text.strip())
    return lines, end.end()


def _parse_header(lines: list[str]) -> tuple[str, list[str], list[_Element]]:
    """Byte order ("" for text), comments, elements."""
    order, comments, elements = None, [], []
    for line in lines[1:]:
        word, *rest = line.split(None, 1)
        parts = rest[0].split() if rest else []
        if word in ("comment", "obj_info"):
            comments.append(rest[0] if rest else "")
        elif word == "format":
            if parts[0] not in _ORDERS:
                raise ValueError(f"unknown format {parts[0]!r}")
            order = _ORDERS[parts[0]]
        elif word == "element":
            elements.append(_Element(parts[0], int(parts[1]), []))
            if elements[-1].count < 0:
                raise ValueError(f"element {parts[0]!r} has a count below 0")
        elif word == "property" and elements:
            if parts[0] == "list":
                elements[-1].lists = True
            elif parts[0] not in _TYPES:
                raise ValueError(f"property of unknown type {parts[0]!r}")
            else:
                elements[-1].fields.append((parts[1], _TYPES[parts[0]]))
        else:
            raise ValueError(f"unexpected line {line[:40]!r}")
    if order is None:
        raise ValueError("it does not say its format")
    names = [element.name for element in elements]
    for given, what in [(names, "element"), *(([f[0] for f in e.fields], f"property of {e.name!r}") for e in elements)]:
        if len(set(given)) < len(given):
            raise ValueError(f"the same {what} comes twice")
    return order, comments, elements


def _binary(path: Path, start: int, order: str, elements: list[_Element]) -> dict[str, np.ndarray]:
    size, found = path.stat().st_size, {}
    for element in elements:
        if element.lists:
            return found
        dtype = np.dtype([(name, order + kind) for name, kind in element.fields])
        end = start + element.count * dtype.itemsize
        if end > size:
            raise ValueError(
                f"{path}: truncated: the header promises {element.count} entries {element.name!r} of "
                f"{dtype.itemsize} bytes, and the file ends {end - size} bytes before"
            )
        empty = element.count == 0 or dtype.itemsize == 0
        if empty:
            found[element.name] = np.empty(0 if dtype.itemsize == 0 else element.count, dtype)
        else:
            # As a plain array: a view of a memmap takes ten times as long to make.
            found[element.name] = np.asarray(np.memmap(path, dtype, "r", start, (element.count,)))
        start = end
    with open(path, "rb") as file:
        file.seek(start)
        surplus = len(file.read(1 << 20).strip())
    if surplus:
        surplus = max(surplus, size - start)
        left = "1 byte is" if surplus == 1 else f"{surplus} bytes are"
        raise ValueError(f"{path}: the header's counts do not fit: {left} left over at the end")
    return found


def _text(path: Path, start: int, elements: list[_Element]) -> dict[str, np.ndarray]:
    data = read_bytes(path)[start:]
    rows = iter([line for line in data.decode("latin-1").splitlines() if line.strip()])
    found: dict[str, np.ndarray] = {}
    for element in elements:
        if element.count > len(data):
            raise ValueError(f"{path}: truncated: the header promises {element.count} entries in {len(data)} bytes")
        lines = list(islice(rows, element.count))
        if len(lines) < element.count:
            raise ValueError(
                f"{path}: truncated: of the entries {element.name!r} that the header promises, {element.count}, "
                f"{len(lines)} {'is' if len(lines) == 1 else 'are'} there"
            )
        if element.lists or not lines:
            if not element.lists:
                found[element.name] = np.empty(0, element.fields)
            continue
        try:
            numbers = np.loadtxt(lines, np.float64, comments=None, ndmin=2)
        except ValueError as error:
            raise ValueError(f"{path}: damaged: {element.name!r}: {first_line(error)}") from error
        if numbers.shape[1] != len(element.fields):
            raise ValueError(
                f"{path}: damaged: rows of {element.name!r} hold {numbers.shape[1]} numbers, the header names "
                f"{len(element.fields)}"
            )
        table = np.empty(element.count, element.fields)
        with np.errstate(over="ignore", invalid="ignore"):
            for i, (name, _) in enumerate(element.fields):
                table[name] = numbers[:, i]
        found[element.name] = table
    surplus = sum(1 for _ in rows)
    if surplus:
        left = "1 line is" if surplus == 1 else f"{surplus} lines are"
        raise ValueError(f"{path}: the header's counts do not fit: {left} left over at the end")
    return found


def _by_plyfile(path: Path, header: list[str], start: int) -> dict[str, np.ndarray]:
    """Lists in or before the vertices, with a header that plyfile understands."""
    from plyfile import PlyData, PlyElementParseError, PlyHeaderParseError

    kept = [line for line in header if not line.startswith(("comment", "obj_info"))]
    data = "\n".join([*kept, "end_header", ""]).encode() + read_bytes(path)[start:]
    try:
        ply = PlyData.read(io.BytesIO(data))
    except PlyElementParseError as error:
        raise ValueError(f"{path}: truncated or damaged ({first_line(error)})") from error
    except (PlyHeaderParseError, ValueError, KeyError, UnicodeDecodeError, MemoryError) as error:
        raise ValueError(f"{path}: has a header that is no PLY header ({first_line(error)})") from error
    return {element.name: element.data for element in ply.elements}
