"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from gs_stein.gaussians.formats.common import read_bytes
from gs_stein.gaussians.formats.table import Format

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"ply", "ply"), (b"\xef\xbb\xbfply", "ply"), (b"NGSP", "spz"), (b"glTF", "gltf"), (b"PXR-USDC", "usdc"),
    (b"#usda", "usda"), (b"\x93NUMPY", "npy"), (b"<!doctype html", "html"), (b"<html", "html"),
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)  # fmt: skip
_WORDS = {
    "ply": "a .ply; rename it so",
    "spz": "an .spz; rename it so",
    "gltf": "a .glb; rename it so",
    "sog": "a .sog; rename it so",
    "usdz": "a .usdz; rename it so",
    "usdc": "a .usdc; rename it so",
    "usda": "a .usda, OpenUSD as text; rename it so",
    "npy": "a NumPy array; name it .npy and give it as a point cloud",
    "npz": "an archive of NumPy arrays; name it .npz and give it as a point cloud",
    "html": "a web page, perhaps the answer of a server instead of the file; fetch it again",
    "lfs": "a Git LFS pointer, not the file itself; run `git lfs pull`",
    "zip": "a zip archive; unpack it first",
    "broken zip": "a zip archive, and truncated or damaged; fetch it again and unpack it",
    "gzip": "compressed by gzip; unpack it first (gunzip)",
    "zstd": "compressed by zstd; unpack it first",
    "7z": "a 7z archive; unpack it first",
}


def kind_of(path: Path) -> str | None:
    """A format's name, "lfs", "zip", "broken zip", "gzip" and the like, or None for bytes without a known beginning.

    Raises:
        ValueError: the file cannot be read.
    """
    head = read_bytes(path, 512)
    if head.startswith(b"version https://git-lfs"):
        return "lfs"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if head.startswith(b"\x1f\x8b"):
        try:
            inside = zlib.decompressobj(31).decompress(head, 8)
            # Versions 1 to 3 are gzip streams themselves, version 4 is none.
            return "spz" if inside.startswith(b"NGSP") and inside[4:5] != b"\4" else "gzip"
        except zlib.error:
            return "gzip"
    lower = head.lstrip().lower()
    for magic, kind in _MAGIC:
        if head.startswith(magic) or (kind == "html" and lower.startswith(magic)):
            return kind
    return None


def _kind_of_zip(path: Path) -> str:
    names = _names(path)
    if names is None:
        return "broken zip"
    if any(name.rpartition("/")[2] == "meta.json" for name in names):
        return "sog"
    if names and names[0].lower().endswith((".usdc", ".usda", ".usd")):
        return "usdz"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "zip"


def _names(path: Path) -> list[str] | None:
    """What a zip archive lists, or None if its list is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


_NEEDED = {"sog": "a meta.json", "usdz": "a .usdc or .usda as the first file", "npz": "only .npy files"}
"""What is in an archive of a format."""


def refuse_disguise(path: Path, row: Format) -> None:
    """Raise ValueError if a file begins like something else than its suffix says."""
    own = {"compressed_ply": ("ply",), "usd": (path.suffix.lower()[1:],)}.get(row.name, (row.name,))
    refuse_others(path, *own)


def refuse_others(path: Path, *own: str) -> None:
    """Raise ValueError if a file begins like something of a known kind (see `kind_of`) that is none of `own`."""
    kind = kind_of(path)
    if kind is None or kind in own:
        return
    archive = next((name for name in own if name in _NEEDED), None)
    if archive and kind == "broken zip":
        raise ValueError(f"{path}: truncated or damaged (the list of contents at the end is missing or broken)")
    if archive and kind == "zip":
        found = ", ".join((_names(path) or ["nothing"])[:3])
        raise ValueError(
            f"{path}: is a zip archive, but no .{archive}, which has {_NEEDED[archive]} in it: it has {found}"
        )
    raise ValueError(f"{path}: is really {_WORDS.get(kind, kind)}")
