"""Scenes at the edges of what a lossy format can say: very small ones, and single Gaussians far off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from formats_support import in_order_of, scene

from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.formats.sog import write_sog
from gs_stein.gaussians.formats.spz import write_spz
from gs_stein.gaussians.model import Gaussians


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
    assert float((back.means - original.means[others]).abs().max()) < (0.005 if field == "means" else 1e-4)
    assert float((back.log_scales - original.log_scales[others]).abs().max()) < 0.25
    assert float((back.sh - original.sh[others]).abs().mean()) < 0.02
