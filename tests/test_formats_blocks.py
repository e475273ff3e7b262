"""Blocks of Gaussians on several threads: nothing depends on how many there are, nor on where they end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from formats_support import scene

from gs_stein.gaussians.files import read_scene, write_gaussians
from gs_stein.gaussians.formats import blocks
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import to_axes, turned_to

SUFFIXES = (".ply", ".compressed.ply", ".splat", ".spz", ".sog", ".glb")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 256)
    monkeypatch.setattr(blocks, "PACKED_BLOCK", 256)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


def unlike(n: int) -> Gaussians:
    """Every kind of odd number, in several blocks."""
    found = scene(n, 3)
    found.means[[3, 700], 1] = torch.nan
    found.log_scales[300, 0] = torch.inf
    found.sh[[5, 900], 15, 2] = -torch.inf
    found.sh[[6, 901], 4, 1] = torch.nan
    found.opacity_logits[[8, 999]] = torch.nan
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_and_scenes_do_not_depend_on_the_blocks(
    tmp_path: Path, suffix: str, request: pytest.FixtureRequest
) -> None:
    original = scene(1111, 3)
    whole, apart = tmp_path / f"whole{suffix}", tmp_path / f"apart{suffix}"
    write_gaussians(whole, original)
    expected = read_scene(whole)
    request.getfixturevalue("small_blocks")
    write_gaussians(apart, original)
    found = read_scene(apart)
    assert apart.stat().st_size == whole.stat().st_size
    assert found.notes == expected.notes
    for a, b in zip(found.gaussians.tensors(), expected.gaussians.tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("axes", ["z-up", "y-down", "y-up"])
def test_turned_blocks_are_the_turned_scene_and_what_is_not_finite_is_known(axes: str) -> None:
    original = unlike(1000)
    found, finite = blocks.turned(1000, 3, to_axes(axes), lambda part: blocks.Block.of(original[part]))
    assert np.flatnonzero(~finite).tolist() == [3, 5, 6, 8, 300, 700, 900, 901, 999]
    kept = torch.from_numpy(finite)
    for a, b in zip(found[kept].tensors(), turned_to(original[kept], axes).tensors(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("small_blocks")
def test_finite_numbers_that_overflow_in_a_turn_are_no_fault_of_theirs() -> None:
    original = scene(300, 3)
    original.sh[7, 1:] = 3e38
    _, finite = blocks.turned(300, 3, to_axes("y-up"), lambda part: blocks.Block.of(original[part]))
    assert finite.all()


@pytest.mark.usefixtures("small_blocks")
def test_taken_is_the_scene_in_another_order() -> None:
    original, order = scene(1000, 2), np.random.default_rng(0).permutation(1000)[:777]
    for a, b in zip(blocks.taken(original, order).tensors(), original[order.tolist()].tensors(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_products_of_any_number_of_rows(count: int) -> None:
    generator = np.random.default_rng(count)
    rows, matrix = generator.normal(size=(count, 62)).astype(np.float32)[:, 9:54], generator.normal(size=(45, 45))
    out = np.zeros((count, 48), np.float32)
    blocks.multiply(rows, matrix.astype(np.float32), out[:, 3:])
    np.testing.assert_allclose(out[:, 3:], rows @ matrix, atol=1e-4)
    assert not out[:, :3].any()


@pytest.mark.usefixtures("small_blocks")
def test_threads_keep_the_order_and_hand_on_errors() -> None:
    assert blocks.on_threads(lambda x: x * x, range(50)) == [x * x for x in range(50)]
    assert blocks.on_threads(lambda x: x, []) == []
    with pytest.raises(ValueError, match="of part 7"):
        blocks.on_blocks(lambda part: (_ for _ in ()).throw(ValueError("of part 7")) if part.start == 1792 else 0, 9999)
