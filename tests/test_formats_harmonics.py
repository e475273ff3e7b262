"""Harmonics of a byte each: the code made for a turn does what NumPy does, and files are read alike by either."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from formats_support import scene

from gs_stein.gaussians.files import read_scene, write_gaussians
from gs_stein.gaussians.formats import blocks, harmonics
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import sh_rotation, to_axes

ROTATIONS = {
    **{axes: to_axes(axes).T.contiguous() for axes in ("z-up", "y-down", "y-up")},
    "askew": torch.linalg.qr(torch.arange(9.0, dtype=torch.float64).reshape(3, 3).cos()).Q,
}


def arrays(count: int, higher: int) -> tuple[np.ndarray, np.ndarray]:
    """Constant coefficients, and bytes; rows of both lie apart."""
    generator = np.random.default_rng(count)
    constant = generator.normal(size=(count, 5)).astype(np.float32)[:, 1:4]
    return constant, generator.integers(0, 256, (count, 3 * higher + 7), dtype=np.uint8)[:, : 3 * higher]


@pytest.mark.parametrize("turn", ROTATIONS)
@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 997])
def test_turned_bytes_are_the_product(turn: str, degree: int, count: int) -> None:
    matrix = sh_rotation(ROTATIONS[turn], degree).numpy()[1:, 1:]
    constant, codes = arrays(count, len(matrix))
    around = np.full((count + 2, len(matrix) + 1, 3), 7, np.float32)
    harmonics.turn_bytes(matrix, constant, codes, around[1:-1])
    assert (around[[0, -1]] == 7).all()
    found, numbers = around[1:-1], (codes.astype(np.float64) - 128) / 128
    np.testing.assert_array_equal(found[:, 0], constant)
    expected = np.einsum("ij,njc->nic", matrix, numbers.reshape(found[:, 1:].shape))
    np.testing.assert_allclose(found[:, 1:], expected, atol=4e-7, rtol=0)
    np.testing.assert_array_equal(harmonics.of_bytes(codes), numbers)
    if turn == "z-up" or (degree == 1 and turn != "askew"):
        np.testing.assert_array_equal(found[:, 1:], expected)


def test_arrays_that_do_not_fit_are_not_touched() -> None:
    matrix = sh_rotation(ROTATIONS["y-up"], 1).numpy()[1:, 1:]
    constant, codes = arrays(4, 3)
    out = np.zeros((4, 4, 3), np.float32)
    for bad in (
        (constant[:, ::-1], codes, out),
        (constant, np.asfortranarray(codes), out),
        (constant, codes, np.zeros((4, 4, 6), np.float32)[..., ::2]),
        (constant, codes, np.zeros((4, 5, 3), np.float32)),
    ):
        with pytest.raises(ValueError, match="fit"):
            harmonics.turn_bytes(matrix, *bad)
    assert not out.any()


def read_both_ways(path: Path, monkeypatch: pytest.MonkeyPatch) -> Gaussians:
    """As either reads it: all but the turned harmonics to the last bit."""
    asked: list[int] = []
    turn_bytes = harmonics.turn_bytes
    monkeypatch.setattr(harmonics, "turn_bytes", lambda *given: (asked.append(len(given[-1])), turn_bytes(*given))[1])
    found = []
    for worth in (math.inf, 0):
        monkeypatch.setattr(harmonics, "WORTH", worth)
        assert not asked
        found.append(read_scene(path))
    plain, made = found
    assert sum(asked) == (len(made.gaussians) if made.gaussians.sh_degree else 0)
    assert (plain.axes, plain.notes) == (made.axes, made.notes)
    for a, b in zip(plain.gaussians.tensors()[:4], made.gaussians.tensors()[:4], strict=True):
        assert torch.equal(a, b)
    torch.testing.assert_close(made.gaussians.sh, plain.gaussians.sh, atol=4e-7, rtol=0)
    return made.gaussians


@pytest.mark.parametrize(("version", "axes"), [(3, "y-up"), (4, "y-up"), (4, "y-down"), (4, "z-up")])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [1, 997])
def test_files_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, axes: str, degree: int, count: int
) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 256)
    monkeypatch.setattr(blocks, "PACKED_BLOCK", 256)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    original = scene(count, degree)
    write_gaussians(tmp_path / "a.spz", original, axes, version=version)
    found = read_both_ways(tmp_path / "a.spz", monkeypatch)
    # Half a step of 1/8, as it is at most in any axes.
    torch.testing.assert_close(found.sh[:, 1:], original.sh[:, 1:], atol=0.14, rtol=0)


def test_of_wider_rows_the_first_are_turned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of degree 4, which is read as 3."""
    n, path = 101, tmp_path / "a.spz"
    write_gaussians(path, scene(n, 3), version=3)
    expected = read_scene(path).gaussians
    data = zlib.decompress(path.read_bytes(), 31)
    start = 16 + n * 20
    rest = np.frombuffer(data[start:], np.uint8).reshape(n, 45)
    wide = np.concatenate([rest, np.full((n, 27), 200, np.uint8)], axis=1)
    path.write_bytes(gzip.compress(data[:12] + b"\4" + data[13:start] + wide.tobytes()))
    torch.testing.assert_close(read_both_ways(path, monkeypatch).sh, expected.sh, atol=4e-7, rtol=0)


@pytest.mark.parametrize("stream", [0, 5])
@pytest.mark.parametrize("fault", ["ends early", "is no zstd"])
def test_damage_is_found_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: int, fault: str
) -> None:
    """Streams are unpacked while rows are made of them."""
    import zstandard

    monkeypatch.setattr(blocks, "BLOCK", 256)
    monkeypatch.setattr(blocks, "PACKED_BLOCK", 256)
    path = tmp_path / "a.spz"
    write_gaussians(path, scene(997, 3))
    data = path.read_bytes()
    lengths = [struct.unpack_from("<QQ", data, 32 + 16 * i) for i in range(6)]
    begin = 32 + 16 * 6 + sum(length for length, _ in lengths[:stream])
    length, whole = lengths[stream]
    packed = data[begin : begin + length]
    if fault == "ends early":
        packed = zstandard.ZstdCompressor().compress(zstandard.ZstdDecompressor().decompress(packed)[:-1])
    else:
        packed = packed[:3] + b"\0" + packed[4:]
    table = data[32 : 32 + 16 * stream] + struct.pack("<QQ", len(packed), whole) + data[48 + 16 * stream : 128]
    path.write_bytes(data[:32] + table + data[128:begin] + packed + data[begin + length :])
    found = f"{whole - 1} of {whole} bytes are there" if fault == "ends early" else ".*"
    with pytest.raises(ValueError, match=rf"^{path}: truncated or damaged: stream {stream}: {found}$"):
        read_scene(path)
