"""The .glb container of glTF 2.0: its JSON, and accessors as arrays straight from the file.

Source: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html, sections 3.6 (accessors) and 4.4 (GLB).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gs_stein.files import atomic_file
from gs_stein.gaussians.formats.common import read_bytes

_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_FLOAT, _VERTICES = 5126, 34962
_LIMIT = (1 << 32) - 1
"""Bytes of the largest .glb: lengths are 32 bits wide."""


@dataclass(frozen=True)
class Accessor:
    """A column of numbers in the file."""

    values: np.ndarray
    """(N, width) as they are stored: a view of the file."""
    normalized: bool
    """Whether integers stand for fractions of the largest one."""

    def numbers(self, rows: slice) -> np.ndarray:
        """Some rows as float32 of their own."""
        found = self.values[rows].astype(np.float32)
        kind = self.values.dtype
        if self.normalized and kind.kind in "iu":
            found /= np.float32(np.iinfo(kind).max)
            np.maximum(found, -1, out=found)
        return found


@dataclass(frozen=True)
class GlbFile:
    """What a .glb holds."""

    document: dict[str, Any]
    """Its JSON."""
    binary: np.ndarray
    """Its one buffer: bytes, a map of the file."""

    def accessor(self, index: int) -> Accessor:
        """A column by its number.

        Raises:
            ValueError: its data lies somewhere else, is compressed, or does not fit into the file.
        """
        column = item(self.document, "accessors", index)
        if "sparse" in column or "bufferView" not in column:
            raise ValueError(f"accessor {index} is sparse; export it without sparse accessors")
        view = item(self.document, "bufferViews", column["bufferView"])
        if view.get("extensions"):
            raise ValueError(f"accessor {index} is compressed by {', '.join(view['extensions'])}; export it plainly")
        if view["buffer"] != 0 or "uri" in item(self.document, "buffers", 0):
            raise ValueError(f"accessor {index} keeps its data outside this file; export all in one .glb")
        if column["componentType"] not in _TYPES or column["type"] not in _WIDTHS:
            raise ValueError(f"accessor {index} has no type for splats ({column['componentType']}, {column['type']})")
        kind, width, count = np.dtype(_TYPES[column["componentType"]]), _WIDTHS[column["type"]], column["count"]
        start, size = view.get("byteOffset", 0), view["byteLength"]
        offset, stride = column.get("byteOffset", 0), view.get("byteStride", width * kind.itemsize)
        if not all(type(n) is int and n >= 0 for n in (count, start, size, offset, stride)):
            raise ValueError(f"accessor {index} has a count or place that is no whole number")
        if stride < width * kind.itemsize:
            raise ValueError(f"accessor {index} has rows of {width * kind.itemsize} bytes every {stride} bytes")
        if start + size > len(self.binary) or offset + stride * (count - 1) + width * kind.itemsize > size:
            raise ValueError(f"accessor {index} reaches beyond the end of the data: truncated, or wrong counts")
        values = np.ndarray((count, width), kind, self.binary.data, start + offset, (stride, kind.itemsize))
        return Accessor(values, column.get("normalized", False) is True)


def item(document: dict[str, Any], table: str, index: int) -> dict[str, Any]:
    """A row of one of the document's tables.

    Raises:
        ValueError: there is none of this number.
    """
    rows = document.get(table, [])
    if type(index) is not int or not 0 <= index < len(rows):
        raise ValueError(f"{table} has no number {index}")
    return rows[index]


def read_glb(path: Path) -> GlbFile:
    """Read the JSON of a .glb and map its buffer.

    Raises:
        ValueError: one line with the file and its fault: missing, no .glb, version 1, truncated, or no JSON.
    """
    head = read_bytes(path, 20)
    if head[:4] != b"glTF" or len(head) < 20:
        raise ValueError(f"{path}: is no .glb (it does not start with 'glTF' and a chunk)")
    _, version, length, size, kind = struct.unpack("<4s4I", head)
    if version != 2:
        raise ValueError(f"{path}: is glTF version {version}; only version 2 has splats")
    data = np.memmap(path, np.uint8, "r")
    if len(data) < max(length, 20 + size):
        raise ValueError(f"{path}: truncated: {len(data)} of {max(length, 20 + size)} bytes are there")
    try:
        document = json.loads(bytes(data[20 : 20 + size]))
    except (ValueError, RecursionError):
        document = None
    if kind != _JSON or not isinstance(document, dict):
        raise ValueError(f"{path}: is no valid .glb: its first chunk is no JSON object")
    binary = data[:0]
    start = 20 + size
    if start + 8 <= length:
        size, kind = struct.unpack("<2I", bytes(data[start : start + 8]))
        if kind == _BINARY:
            binary = data[start + 8 : start + 8 + size]
            if len(binary) < size:
                raise ValueError(f"{path}: truncated: {len(binary)} of {size} bytes of its buffer are there")
    return GlbFile(document, binary)


def write_glb(path: Path, document: dict[str, Any], columns: list[np.ndarray]) -> None:
    """Write a .glb, whole or not at all; column i becomes accessor i.

    Args:
        path: the file.
        document: the JSON without buffers, views and accessors; its entry "asset" is given.
        columns: float32 (N, width); the first one has its bounds written, as positions must.

    Raises:
        ValueError: it would be larger than a .glb can be, or cannot be written.
    """
    names = {width: name for name, width in _WIDTHS.items()}
    accessors, views, total = [], [], 0
    for i, column in enumerate(columns):
        views.append({"buffer": 0, "byteOffset": total, "byteLength": column.nbytes, "target": _VERTICES})
        accessors.append(
            {"bufferView": i, "componentType": _FLOAT, "count": len(column), "type": names[column.shape[1]]}
        )
        total += column.nbytes
    accessors[0] |= {"min": columns[0].min(axis=0).tolist(), "max": columns[0].max(axis=0).tolist()}
    whole = document | {"accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": total}]}
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    length = 28 + len(text) + total
    if length > _LIMIT:
        raise ValueError(f"{path}: not written: {length} bytes are more than a .glb can hold (4 GiB); leave some out")
    with atomic_file(path) as file:
        file.write(struct.pack("<4s4I", b"glTF", 2, length, len(text), _JSON) + text)
        file.write(struct.pack("<2I", total, _BINARY))
        for column in columns:
            file.write(np.ascontiguousarray(column, "<f4").data)
