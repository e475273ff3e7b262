"""SPZ, Niantic's format for sending splats: 20 bytes a Gaussian and a byte a coefficient before compression; lossy.

Versions 1 to 3 are one gzip stream behind a header of 16 bytes; version 4 has a plain header of 32 bytes, extensions,
a table of (compressed, uncompressed) sizes, and one zstd stream an attribute.

Its specification says x right, y up, z back. Several tools copy a .ply's numbers unturned instead, so that their files
stand on their heads here: read those with axes="y-down".

Source: https://github.com/nianticlabs/spz (README and src/cc/load-spz.cc), the layout only.
"""

from __future__ import annotations

import math
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gs_stein.files import write_atomically
from gs_stein.gaussians.formats.blocks import Block, on_blocks, on_threads
from gs_stein.gaussians.formats.common import (
    Content,
    first_line,
    largest_filled_in,
    read_bytes,
    smallest_three,
    unit_quats,
    worth_writing,
)
from gs_stein.gaussians.formats.splat import byte_logits, to_bytes
from gs_stein.gaussians.model import MAX_SH_DEGREE, Gaussians

_MAGIC = b"NGSP"
_HEADER = struct.Struct("<4sIIBBBB")
"""Magic, version, count, SH degree, fractional bits, flags, streams (version 4)."""
_ANTIALIASED, _EXTENSIONS = 1, 2
_COORDINATE_SYSTEM = 0xADBE0003
"""Adobe's extension that says the axes where they are not right, up, back."""
_SYSTEMS = {"y-up": 4, "y-down": 6, "z-up": 12}
"""Its words (RUB, RDF, RFU) for our conventions."""
_COLOUR_SCALE = 0.15
_FRACTION_BITS = 12
"""Of positions: a quarter of a millimetre, for a scene of a metre and more."""
_MOST_FRACTION_BITS = 24
"""Of a scene of a quarter of a millimetre."""
_POSITION_MAX = (1 << 23) - 1
_COEFFICIENTS = (0, 3, 8, 15, 24)
"""Spherical harmonics of degree 1 and above, by degree."""
_ZSTD_LEVEL = 1
"""Rounded numbers of a scene are noise to higher levels, which take ten times as long for the same size."""
_MAX_RATIO = 1024
"""No stream is believed to have been compressed further."""
_SIGNED = np.concatenate([np.arange(512), -np.arange(512)]).astype(np.float32) * np.float32(math.sqrt(0.5) / 511)
"""Of ten bits, the highest of which is a sign: a component of a unit quaternion that is not the largest."""
_XYZW, _WXYZ = [1, 2, 3, 0], [3, 0, 1, 2]


def write_spz(
    path: Path,
    gaussians: Gaussians,
    axes: str = "y-up",
    version: Literal[3, 4] = 4,
    render_mode: Literal["default", "mip"] = "default",
) -> None:
    """Write an .spz.

    Args:
        path: the file; an old one is replaced in one step.
        gaussians: a scene of our world, on any device; standard deviations are held between 4.5e-5 and 379 m, higher
            spherical harmonics within ±1.
        axes: the convention to write in; another one than the format's is said by an extension, which version 3 lacks.
        version: of the format; 3 for older readers.
        render_mode: "mip" for a scene trained with antialiasing.

    Raises:
        ValueError: there are no Gaussians, a value is not finite, a position is beyond ±8388607 m, or the file cannot
            be written.
    """
    if version not in (3, 4):
        raise ValueError(f"{path}: SPZ of version {version} cannot be written; give 3 or 4")
    scene = worth_writing(path, gaussians, axes)
    bits, streams = _packed(path, scene)
    flags = _ANTIALIASED if render_mode == "mip" else 0
    if version == 3:
        header = _HEADER.pack(_MAGIC, 3, len(scene), scene.sh_degree, bits, flags, 0)
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        parts = [packer.compress(header), *(packer.compress(stream.tobytes()) for stream in streams), packer.flush()]
        return write_atomically(path, b"".join(parts))
    import zstandard

    extensions = b""
    if axes != "y-up":
        flags |= _EXTENSIONS
        extensions = struct.pack("<III", _COORDINATE_SYSTEM, 4, _SYSTEMS[axes])
    compressed = on_threads(lambda stream: zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(stream.data), streams)
    header = _HEADER.pack(_MAGIC, 4, len(scene), scene.sh_degree, bits, flags, len(streams))
    header += struct.pack("<I12x", 32 + len(extensions)) + extensions
    table = b"".join(struct.pack("<QQ", len(a), a_whole.nbytes) for a, a_whole in zip(compressed, streams, strict=True))
    write_atomically(path, b"".join([header, table, *compressed]))


def _packed(path: Path, scene: Gaussians) -> tuple[int, list[np.ndarray]]:
    """Fractional bits of the positions, and the attributes as contiguous bytes."""
    means = scene.means.numpy()
    reach = float(np.abs(means).max())
    # A smaller scene gets finer steps: 4096 of its extent, as far as its farthest position leaves room.
    extent = float((means.max(axis=0).astype(np.float64) - means.min(axis=0)).max())
    bits = min(_FRACTION_BITS - math.floor(math.log2(min(max(extent, 1e-9), 1))), _MOST_FRACTION_BITS)
    if reach * 2**bits > _POSITION_MAX:
        bits = math.floor(math.log2(_POSITION_MAX / reach))
        if bits < 0:
            raise ValueError(f"{path}: not written: a position of {reach:.3g} m is beyond the ±8388607 m of SPZ")
    quats, opacities = unit_quats(scene.quats).numpy(), scene.opacities.numpy()
    log_scales, sh = scene.log_scales.numpy(), scene.sh.numpy()
    # Fewer steps compress better: 32 of degree 1, 16 above, each with 0 among them.
    step = np.repeat(np.array([8, 16], np.float32), (9, 36))[: 3 * (sh.shape[1] - 1)]
    streams = [np.empty((len(scene), width), np.uint8) for width in (9, 1, 3, 3, 4, len(step)) if width]

    def pack(part: slice) -> None:
        fixed = np.rint(means[part].astype(np.float64) * 2**bits).astype("<i4")
        attributes = [
            np.ascontiguousarray(fixed.view(np.uint8).reshape(-1, 3, 4)[:, :, :3]).reshape(-1, 9),
            to_bytes(opacities[part, None] * 255),
            to_bytes(sh[part, 0] * np.float32(_COLOUR_SCALE * 255) + np.float32(127.5)),
            to_bytes((log_scales[part] + 10) * 16),
            _words(quats[part]).view(np.uint8).reshape(-1, 4),
        ]
        if len(step):
            with np.errstate(over="ignore"):
                higher = np.rint(sh[part, 1:].reshape(-1, len(step)) * (128 / step)) * step + 128
            attributes.append(to_bytes(higher))
        for stream, attribute in zip(streams, attributes, strict=True):
            stream[part] = attribute

    on_blocks(pack, len(scene))
    return bits, streams


def _words(quats: np.ndarray) -> np.ndarray:
    """The smallest three of unit quaternions w x y z, with their signs."""
    largest, others = smallest_three(quats[:, _XYZW])
    words = largest.astype("<u4")
    for column in others.T:
        size = np.floor(511 * np.abs(column) * np.sqrt(2) + 0.5).clip(0, 511).astype(np.uint32)
        words = (words << np.uint32(10)) | (np.uint32(512) * (column < 0)) | size
    return words


def read_spz(path: Path) -> Content:
    """Read an .spz of version 1 to 4.

    Raises:
        ValueError: one line with the file: no SPZ, an unknown version, truncated, or counts that do not fit.
    """
    head = read_bytes(path, 32)
    if head.startswith(b"\x1f\x8b"):
        return _legacy(path, read_bytes(path))
    if not head.startswith(_MAGIC):
        raise ValueError(f"{path}: is no SPZ file (neither gzip nor 'NGSP')")
    if len(head) < 32:
        raise ValueError(f"{path}: truncated: {len(head)} bytes hold no header of SPZ")
    data = np.asarray(np.memmap(path, np.uint8, "r")).data
    header = _Header.parse(path, head, len(data))
    if header.version < 4:
        return _plain(path, header, data[16:])
    (toc,) = struct.unpack_from("<I", data, 16)
    start = toc + 16 * header.streams
    if toc < 32 or start > len(data) or header.streams != len(header.sizes):
        raise ValueError(f"{path}: truncated or damaged: its table of {header.streams} streams lies at byte {toc}")
    streams = []
    for i, size in enumerate(header.sizes):
        length, whole = struct.unpack_from("<QQ", data, toc + 16 * i)
        if whole != size or start + length > len(data):
            raise ValueError(f"{path}: truncated or damaged: stream {i} of {whole} bytes does not fit {size}")
        fault = f"{path}: truncated or damaged: stream {i}"
        streams.append(_Unpacked(fault, data[start : start + length], header.count, size // header.count))
        start += length
    axes, notes = _said_axes(bytes(data[32:toc]) if header.flags & _EXTENSIONS else b"")
    return _content(header, streams, axes, notes)


class _Unpacked:
    """A stream of zstd, unpacked as far as rows are asked for: one thread unpacks while others make use of it.

    Ask for every block of rows once; nothing is kept of it.
    """

    def __init__(self, fault: str, packed: memoryview, count: int, width: int) -> None:
        import zstandard

        self._fault, self._count, self._width = fault, count, width
        self._reader = zstandard.ZstdDecompressor().stream_reader(packed)
        self._lock, self._end, self._found = threading.Lock(), 0, 0
        self._early: dict[int, np.ndarray] = {}
        """Blocks before one that was asked for first, by their first row."""

    def __getitem__(self, index: slice) -> np.ndarray:
        with self._lock:
            while self._end <= index.start:
                start = self._end
                self._early[start] = self._next(index.stop - index.start)
            return self._early.pop(index.start)

    def _next(self, rows: int) -> np.ndarray:
        """The following rows, as many as there are."""
        import zstandard

        block = np.empty((min(rows, self._count - self._end), self._width), np.uint8)
        try:
            self._found += self._reader.readinto(block.reshape(-1))
        except zstandard.ZstdError as error:
            raise ValueError(f"{self._fault}: {first_line(error)}") from error
        if self._found < (self._end + len(block)) * self._width:
            raise ValueError(f"{self._fault}: {self._found} of {self._count * self._width} bytes are there")
        self._end += len(block)
        return block


def _legacy(path: Path, data: bytes) -> Content:
    """One gzip stream of header and attributes."""
    unpacker = zlib.decompressobj(31)
    try:
        head = unpacker.decompress(data, 16)
        if not head.startswith(_MAGIC) or len(head) < 16:
            raise ValueError(f"{path}: is no SPZ file (in its gzip there is no 'NGSP')")
        header = _Header.parse(path, head, len(data))
        body = unpacker.decompress(unpacker.unconsumed_tail, sum(header.sizes))
    except zlib.error as error:
        raise ValueError(f"{path}: truncated or damaged ({first_line(error)})") from error
    return _plain(path, header, memoryview(body))


@dataclass(frozen=True)
class _Header:
    version: int
    count: int
    degree: int
    bits: int
    flags: int
    streams: int

    @staticmethod
    def parse(path: Path, head: bytes, file_size: int) -> _Header:
        _, *numbers = _HEADER.unpack_from(head)
        header = _Header(*numbers)
        if not 1 <= header.version <= 4:
            raise ValueError(f"{path}: is SPZ of version {header.version}; versions 1 to 4 can be read")
        if header.degree >= len(_COEFFICIENTS) or header.bits > 31:
            raise ValueError(
                f"{path}: damaged: its header tells of SH degree {header.degree} and {header.bits} fractional bits"
            )
        if header.count == 0:
            raise ValueError(f"{path}: holds no Gaussians")
        if sum(header.sizes) > _MAX_RATIO * file_size:
            raise ValueError(f"{path}: truncated: the header promises {header.count} Gaussians in {file_size} bytes")
        return header

    @property
    def sizes(self) -> list[int]:
        """Bytes of positions, alphas, colours, scales, rotations and, above degree 0, spherical harmonics."""
        widths = [6 if self.version == 1 else 9, 1, 3, 3, 3 if self.version < 3 else 4, 3 * _COEFFICIENTS[self.degree]]
        return [self.count * width for width in widths if width]


def _said_axes(extensions: bytes) -> tuple[str | None, list[str]]:
    """The convention that an extension states, and notes."""
    while len(extensions) >= 8:
        kind, length = struct.unpack_from("<II", extensions)
        if kind == _COORDINATE_SYSTEM and length >= 4 and len(extensions) >= 12:
            (system,) = struct.unpack_from("<I", extensions, 8)
            axes = next((name for name, number in _SYSTEMS.items() if number == system), None)
            known = axes is not None or system == 0
            return axes, [] if known else [
                f"its coordinate system {system} is not understood; right, up, back is taken"
            ]
        extensions = extensions[8 + length :]
    return None, []


def _plain(path: Path, header: _Header, body: memoryview) -> Content:
    """Gaussians of the attributes' bytes, one attribute after the other."""
    size = sum(header.sizes)
    if len(body) < size:
        raise ValueError(f"{path}: truncated: {len(body)} of {size} bytes of {header.count} Gaussians")
    streams = np.split(np.frombuffer(body, np.uint8, size), np.cumsum(header.sizes)[:-1])
    return _content(header, [stream.reshape(header.count, -1) for stream in streams], None, [])


def _content(header: _Header, streams: Sequence[np.ndarray | _Unpacked], axes: str | None, notes: list[str]) -> Content:
    """Gaussians of each attribute's rows of bytes."""
    if header.degree > MAX_SH_DEGREE:
        notes.append(f"spherical harmonics above degree {MAX_SH_DEGREE} are left out")
    mode = "mip" if header.flags & _ANTIALIASED else "default"
    return Content(_Rows(header, streams), axes, mode, tuple(notes))


class _Rows:
    """Gaussians in the attributes' bytes."""

    packed = True

    def __init__(self, header: _Header, streams: Sequence[np.ndarray | _Unpacked]) -> None:
        self._header, self._streams = header, streams

    @property
    def sh_degree(self) -> int:
        return min(self._header.degree, MAX_SH_DEGREE)

    def __len__(self) -> int:
        return self._header.count

    def block(self, index: slice) -> Block:
        """Some rows."""
        positions, alphas, colours, scales, rotations, *rest = (stream[index] for stream in self._streams)
        if self._header.version == 1:
            means = np.ascontiguousarray(positions).view("<f2").astype(np.float32)
        else:
            means = _signed24(positions).astype(np.float32) * np.float32(2.0**-self._header.bits)
        log_scales = scales * np.float32(1 / 16) - np.float32(10)
        base = (colours / np.float32(255) - np.float32(0.5)) / np.float32(_COLOUR_SCALE)
        wanted = 3 * _COEFFICIENTS[self.sh_degree]
        higher = rest[0][:, :wanted] if wanted else np.empty((len(positions), 0), np.uint8)
        return Block(means, log_scales, _quats(rotations)[:, _WXYZ], byte_logits(alphas[:, 0]), base, higher)


def _signed24(positions: np.ndarray) -> np.ndarray:
    """Integers (N, 3) of three bytes each, the lowest first."""
    low, middle, high = (positions[:, i::3] for i in range(3))
    return low.astype(np.int32) | (middle.astype(np.int32) << 8) | (high.view(np.int8).astype(np.int32) << 16)


def _quats(packed: np.ndarray) -> np.ndarray:
    """Unit quaternions x y z w: the first three in three bytes, or the smallest three with their signs in four."""
    if packed.shape[1] == 3:
        return largest_filled_in(np.full(len(packed), 3), packed * np.float32(1 / 127.5) - np.float32(1))
    words = np.ascontiguousarray(packed).view("<u4")[:, 0]
    others = np.empty((3, len(words)), np.float32)
    for i in range(3):
        _SIGNED.take((words >> np.uint32(20 - 10 * i)) & np.uint32(1023), out=others[i], mode="clip")
    return largest_filled_in(words >> np.uint32(30), others.T)
