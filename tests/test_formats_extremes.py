"""Scenes at the edges of what a lossy format can say: very small ones, single Gaussians far off, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from formats_support import check_close, in_order_of, scene

from gs_stein.gaussians.files import FORMATS, format_of, read_gaussians, write_gaussians
from gs_stein.gaussians.formats.limits import beyond
from gs_stein.gaussians.formats.sog import write_sog
from gs_stein.gaussians.formats.spz import write_spz
from gs_stein.gaussians.formats.table import Format
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.orientation import turned_to


@pytest.mark.parametrize(("size", "place"), [(0.0005, 0.0), (0.02, 0.0), (0.0005, 0.5), (0.0, 0.0)])
def test_a_small_scene_gets_finer_steps_in_spz(tmp_path: Path, size: float, place: float) -> None:
    like = scene(50)
    unit = (like.means - like.means.amin(dim=0)) / (like.means.amax(dim=0) - like.means.amin(dim=0)).max()
    small = Gaussians(unit * size + place, *like.tensors()[1:])
    write_spz(tmp_path / "a.spz", small)
    found = read_gaussians(tmp_path / "a.spz")
    assert float((found.means - small.means).abs().max()) <= max(size / 4096, 2.0**-23)


@pytest.mark.parametrize("field", ["means", "log_scales", "sh"])
@pytest.mark.parametrize("value", [1e30, -1e30])
def test_one_wild_gaussian_does_not_coarsen_the_others_in_sog(tmp_path: Path, field: str, value: float) -> None:
    original = scene(300)
    fields = dict(zip(("means", "log_scales", "quats", "opacity_logits", "sh"), original.tensors(), strict=True))
    wild = {name: tensor.clone() for name, tensor in fields.items()}
    wild[field][7] = value
    write_sog(tmp_path / "a.sog", Gaussians(**wild))
    found = read_gaussians(tmp_path / "a.sog")
    others = torch.arange(300) != 7
    back = in_order_of(found, original)[others]
    assert float((back.means - original.means[others]).abs().max()) < 1e-4
    assert float((back.log_scales - original.log_scales[others]).abs().max()) < 0.25
    assert float((back.sh - original.sh[others]).abs().mean()) < 0.02


@pytest.mark.parametrize("suffix", [".sog", ".compressed.ply"])
def test_what_is_very_far_is_left_out_where_positions_share_a_range(tmp_path: Path, suffix: str) -> None:
    original = scene(300)
    means = original.means.clone()
    means[[7, 9]] = torch.tensor([[-1e30, 0, 0], [0, 1.1e7, 0]])
    wild = Gaussians(means, *original.tensors()[1:])
    write_gaussians(tmp_path / f"a{suffix}", wild)
    found = read_gaussians(tmp_path / f"a{suffix}")
    rest = original[~torch.isin(torch.arange(300), torch.tensor([7, 9]))]
    check_close(found, rest, suffix)
    assert beyond(format_of(Path(suffix)), wild) == ["2 of 300 Gaussians lie beyond ±1e+07 m and are left out"]
    with pytest.raises(ValueError, match="not written: every one of 2 Gaussians lies beyond ±1e\\+07 m"):
        write_gaussians(tmp_path / f"b{suffix}", wild[[7, 9]])


@pytest.mark.parametrize("row", [row for row in FORMATS if row.reads and row.name != "usd"], ids=lambda row: row.name)
def test_what_is_said_to_be_held_or_left_out_is_so(tmp_path: Path, row: Format) -> None:
    original = scene(40)
    log_scales, logits, sh = (tensor.clone() for tensor in (original.log_scales, original.opacity_logits, original.sh))
    log_scales[:3, 1], log_scales[3:5, 0] = 21.0, -21.0
    logits[5:9] = -7.0
    # In the axes of no format is this vivid Gaussian dull, however its harmonics of degree 1 are exchanged.
    sh[9, 1:4] = 4.5
    sh[10, 0] = torch.tensor([30.0, 0, -30.0])
    wild = Gaussians(original.means, log_scales, original.quats, logits, sh)
    path = tmp_path / f"a{row.suffixes[0]}"
    write_gaussians(path, wild)
    found, said = read_gaussians(path), beyond(row, wild)
    counts = {
        words: int(line.split()[0])
        for line in said
        for words in ("faint", "deviation", "harmonics", "base colour")
        if words in line
    }
    assert len(counts) == len(said)
    assert len(found) == 40 - counts.get("faint", 0) == (36 if row.name == "compressed_ply" else 40)
    held = float((found.log_scales.amax() - 21).abs()) > 0.1 or float((found.log_scales.amin() + 21).abs()) > 0.1
    assert held == ("deviation" in counts)
    assert counts.get("deviation", 5) == 5
    pale = float(found.sh[:, 0].abs().max()) < 29
    # A .splat holds what a screen can show, which the export command says of every scene beyond it.
    assert pale == ("base colour" in counts or row.name == "splat")
    assert counts.get("base colour", 1) == 1
    dull = found.sh_degree > 0 and float(found.sh[:, 1:].abs().max()) < 4.4
    assert dull == ("harmonics" in counts)
    assert counts.get("harmonics", 1) == 1


def test_an_ordinary_scene_loses_nothing_worth_a_word() -> None:
    assert [line for row in FORMATS for line in beyond(row, scene(300))] == []


def test_harmonics_are_judged_in_the_axes_of_the_file() -> None:
    """A quarter of a turn mixes the coefficients of degree 2: what fits as it is may not fit when turned."""
    like = scene(1)
    sh = torch.zeros(1, 16, 3)
    sh[0, 6] = 0.95
    sh[0, 8] = -0.95
    upright = Gaussians(*like.tensors()[:4], sh)
    turned = float(turned_to(upright, "y-up").sh[:, 1:].abs().max())
    assert (turned > 1) == bool(beyond(format_of(Path("a.spz")), upright))
    assert turned > 1
    assert not beyond(format_of(Path("a.spz")), upright, "z-up")
