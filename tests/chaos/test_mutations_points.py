"""Point clouds whose headers promise what is not there, and coordinates that are none."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from gs_stein.bench.chaos.inputs import COUNT, INPUTS
from gs_stein.gaussians.formats.points import PointCloud, read_point_cloud

PCD = {kind.name: kind for kind in INPUTS if kind.name.endswith(".pcd")}


@pytest.mark.parametrize("name", PCD)
def test_every_pcd_holds_the_same_points(tmp_path: Path, name: str) -> None:
    table = np.random.default_rng(0).normal(size=(COUNT, 3)).round(4)
    PCD[name].make(tmp_path)
    found = read_point_cloud(tmp_path / name)
    np.testing.assert_allclose(found.points.numpy(), table, atol=1e-5)
    assert found.rgb.unique().numel() > 100


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("binary.pcd", "POINTS 200", "POINTS 4000000000", "4000000000 POINTS take 64000000000 bytes or more, not 3200"),
        ("ascii.pcd", "POINTS 200", "POINTS 4000000000", "4000000000 POINTS take"),
        ("binary_compressed.pcd", "POINTS 200", "POINTS 4000000000", "its points take 64000000000 bytes, not 3200"),
        ("binary.pcd", "POINTS 200", "POINTS -1", "POINTS is -1, not a number of points"),
        ("binary.pcd", "POINTS 200\n", "", "POINTS is nothing, not a number of points"),
        ("binary.pcd", "SIZE 4 4 4 4", "SIZE 4 4 4 3", "the field rgb cannot be of SIZE 3, TYPE U, COUNT 1"),
        ("binary.pcd", "SIZE 4 4 4 4", "SIZE 4 4 4", "FIELDS, SIZE, TYPE and COUNT name different numbers of fields"),
        ("binary.pcd", "COUNT 1 1 1 1", "COUNT 1 1 1 9999999", "the field rgb cannot be of"),
        ("binary.pcd", "COUNT 1 1 1 1", "COUNT 2 1 1 1", "COUNT of x is 2, not 1"),
        ("binary.pcd", "TYPE F F F U", "TYPE F F F Z", "the field rgb cannot be of SIZE 4, TYPE Z, COUNT 1"),
        ("binary.pcd", "FIELDS x y z rgb", "FIELDS a b c d", "FIELDS a b c d are no points"),
        ("binary.pcd", "DATA binary", "DATA zip", "DATA zip is none of ascii, binary and binary_compressed"),
        ("ascii.pcd", "DATA ascii\n", "", "its header has no line DATA"),
    ],
)
def test_a_pcd_that_is_not_what_its_header_says(tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
    PCD[name].make(tmp_path)
    path = tmp_path / name
    data = path.read_bytes()
    assert data.count(old.encode()) == 1
    path.write_bytes(data.replace(old.encode(), new.encode()))
    with pytest.raises(ValueError, match=said) as caught:
        read_point_cloud(path)
    assert str(caught.value).startswith(f"{path}: ")


def read(path: Path, table: np.ndarray) -> PointCloud:
    np.save(path, table)
    return read_point_cloud(path)


def test_a_coordinate_beyond_all_measure_counts_as_infinite(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(50, 3))
    table[3, 1], table[4, 2], table[5, 0] = 1e300, -1e16, np.inf
    found = read(tmp_path / "a.npy", table)
    assert len(found.points) == 47
    assert bool(found.points.isfinite().all())
    assert "3 of 50 points have a NaN or infinite coordinate and are left out" in found.notes


def test_an_array_that_promises_48_gib(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2147483648, 3), }"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(240))
    with pytest.raises(ValueError, match="not an array that numpy can read"):
        read_point_cloud(path)


def test_a_header_that_is_no_python(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3, ".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(24))
    with pytest.raises(ValueError, match="not an array that numpy can read"):
        read_point_cloud(path)


def test_xyzn_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.xyzn"
    path.write_text("0 0 1 0 0 -1\n0 2 0 0 1 0\n3 0 0 1 0 0\n", encoding="utf-8")
    found = read_point_cloud(path)
    assert found.points.tolist() == [[0, 0, 1], [0, 2, 0], [3, 0, 0]]
    assert found.notes == ("ignored: normals",)
