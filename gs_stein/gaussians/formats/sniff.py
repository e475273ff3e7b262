"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from gs_stein.gaussians.formats.common import read_bytes
from gs_stein.gaussians.formats.table import Format

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"ply", "ply"), (b"\xef\xbb\xbfply", "ply"), (b"NGSP", "spz"), (b"glTF", "gltf"), (b"PXR-USDC", "usd"),
    (b"#usda", "usd"), (b"\x93NUMPY", "npy"), (b"<!doctype html", "html"), (b"<html", "html"),
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)  # fmt: skip
_WORDS = {
    "ply": "a .ply; rename it so",
    "spz": "an .spz; rename it so",
    "gltf": "a .glb; rename it so",
    "sog": "a .sog; rename it so",
    "usdz": "a .usdz; rename it so",
    "usd": "an OpenUSD file; rename it .usdc (or .usda, if it is text)",
    "npy": "a NumPy array; name it .npy and give it as a point cloud",
    "npz": "an archive of NumPy arrays; name it .npz and give it as a point cloud",
    "html": "a web page, perhaps the answer of a server instead of the file; fetch it again",
    "lfs": "a Git LFS pointer, not the file itself; run `git lfs pull`",
    "zip": "a zip archive; unpack it first",
    "gzip": "compressed by gzip; unpack it first (gunzip)",
    "zstd": "compressed by zstd; unpack it first",
    "7z": "a 7z archive; unpack it first",
}


def kind_of(path: Path) -> str | None:
    """A format's name, "lfs", "zip", "gzip" and the like, or None for bytes without a known beginning.

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
            return "spz" if zlib.decompressobj(31).decompress(head, 4) == b"NGSP" else "gzip"
        except zlib.error:
            return "gzip"
    lower = head.lstrip().lower()
    for magic, kind in _MAGIC:
        if head.startswith(magic) or (kind == "html" and lower.startswith(magic)):
            return kind
    return None


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "zip"
    if any(name.rpartition("/")[2] == "meta.json" for name in names):
        return "sog"
    if names and names[0].lower().endswith((".usdc", ".usda", ".usd")):
        return "usdz"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "zip"


def refuse_disguise(path: Path, row: Format) -> None:
    """Raise ValueError if a file begins like something else than its suffix says."""
    kind = kind_of(path)
    own = {"compressed_ply": ("ply",), "usd": ("usd", "usdz")}.get(row.name, (row.name,))
    if kind is not None and kind not in own:
        raise ValueError(f"{path}: is really {_WORDS.get(kind, kind)}")
