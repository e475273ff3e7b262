"""PCD, the format of the Point Cloud Library: is a file what its header says? Open3D, which reads it, believes it.

Source: https://pointclouds.org/documentation/tutorials/pcd_file_format.html
"""

from __future__ import annotations

from pathlib import Path

from gs_stein.gaussians.formats.common import read_bytes

_LONGEST_HEADER = 1 << 16
_MOST_FIELDS = 256
_KINDS = {"I": (1, 2, 4, 8), "U": (1, 2, 4, 8), "F": (4, 8)}
"""Bytes of a number, by its type."""


def check_pcd(path: Path) -> None:
    """Refuse a header that contradicts itself, or promises more points than the file has.

    Raises:
        ValueError: one line with the file and the header's line.
    """
    head = read_bytes(path, _LONGEST_HEADER)
    said: dict[str, list[str]] = {}
    start = 0
    while "DATA" not in said:
        end = head.find(b"\n", start)
        if end < 0:
            raise ValueError(f"{path}: is no PCD: its header has no line DATA, or is damaged")
        words = head[start:end].decode("ascii", errors="replace").split()
        if words and words[0][0] != "#":
            said.setdefault(words[0], words[1:])
        start = end + 1
    row = _row(path, said)
    points = _number(path, said, "POINTS", 0, 1 << 40)
    kind, left = " ".join(said["DATA"]), path.stat().st_size - start
    if kind == "ascii":
        needed = 2 * points * len(said["FIELDS"]) - 1
    elif kind == "binary":
        needed = points * row
    elif kind == "binary_compressed":
        needed = _compressed(path, start, points * row) + 8
    else:
        raise ValueError(f"{path}: DATA {kind[:40]} is none of ascii, binary and binary_compressed")
    if needed > left:
        raise ValueError(f"{path}: truncated or damaged ({points} POINTS take {needed} bytes or more, not {left})")


def _row(path: Path, said: dict[str, list[str]]) -> int:
    """Bytes of a point."""
    names = said.get("FIELDS", [])
    if not 1 <= len(names) <= _MOST_FIELDS or not {"x", "y", "z"} <= set(names):
        raise ValueError(f"{path}: FIELDS {' '.join(names)[:60]} are no points; x, y and z are needed")
    sizes, kinds, counts = said.get("SIZE", []), said.get("TYPE", []), said.get("COUNT", ["1"] * len(names))
    if not len(names) == len(sizes) == len(kinds) == len(counts):
        raise ValueError(f"{path}: FIELDS, SIZE, TYPE and COUNT name different numbers of fields")
    row = 0
    for name, size, kind, count in zip(names, sizes, kinds, counts, strict=True):
        fits = size.isascii() and size.isdigit() and count.isascii() and count.isdigit() and len(count) < 7
        if not fits or int(size) not in _KINDS.get(kind, ()) or int(count) < 1:
            shown = f"SIZE {size[:9]}, TYPE {kind[:9]}, COUNT {count[:9]}"
            raise ValueError(f"{path}: the field {name[:40]} cannot be of {shown}")
        if name in ("x", "y", "z") and int(count) != 1:
            raise ValueError(f"{path}: COUNT of {name} is {count}, not 1")
        row += int(size) * int(count)
    return row


def _compressed(path: Path, start: int, whole: int) -> int:
    """Bytes of the compressed points, which must make exactly as many as the header says."""
    sizes = read_bytes(path, start + 8)[start:]
    packed, unpacked = (int.from_bytes(sizes[at : at + 4], "little") for at in (0, 4))
    if len(sizes) < 8 or unpacked != whole:
        raise ValueError(f"{path}: truncated or damaged (its points take {whole} bytes, not {unpacked})")
    return packed


def _number(path: Path, said: dict[str, list[str]], key: str, low: int, high: int) -> int:
    text = " ".join(said.get(key, ["nothing"]))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise ValueError(f"{path}: {key} is {text[:40]}, not a number of points")
    return int(text)
