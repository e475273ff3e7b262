"""The judge of pictures is not fooled: blur loses detail, grain is far from real patches."""

from __future__ import annotations

import pytest
import torch

from gs_stein.bench.detail import summary
from gs_stein.bench.judge import detail, key, kind_of, looks, real_renders
from gs_stein.bench.patch_distance import blurred
from gs_stein.bench.prompts import Options, wanted
from gs_stein.cameras.options import RoomCameras
from gs_stein.config.schema import Config
from gs_stein.world.scenes import KINDS, LANDSCAPES, MORE_ROOMS, OBJECTS, ROOMS, THINGS


def test_detail_is_the_mean_slope() -> None:
    ramp = torch.linspace(0, 1, 11).expand(1, 3, 11, 11)
    assert detail(ramp) == pytest.approx(0.1)
    assert detail(0.3 * ramp + 0.5) == pytest.approx(0.03)


def test_blurred_and_noised_renders_score_worse() -> None:
    config = Config(prompt="a bedroom", scene=True, cameras=RoomCameras())
    real = real_renders("bedroom", key(config), 64, 2)
    assert real.shape == (24, 3, 64, 64)
    grain = 0.05 * torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    as_it_is, soft, grainy = (looks(rgb, real) for rgb in (real, blurred(real), (real + grain).clamp(0, 1)))
    assert soft["detail"] < 0.8 * as_it_is["detail"]
    assert soft["swd"] > as_it_is["swd"] + 0.02
    assert grainy["detail"] > as_it_is["detail"]  # which is why it never counts alone
    assert grainy["swd"] > as_it_is["swd"] + 0.02


def test_every_written_prompt_has_a_kind_of_its_part() -> None:
    parts = {"scenes": {**ROOMS, **MORE_ROOMS}, "landscapes": LANDSCAPES, "objects": OBJECTS}
    for part, prompt in wanted(Options()):
        assert kind_of(prompt) in parts[part]
    assert kind_of("a living room with a red sofa and a chair") == "living room"
    assert kind_of("a palm tree in a pot") == "palm tree"
    assert all(kind_of(f"a {kind}") == kind for kind in KINDS if kind not in THINGS)
    with pytest.raises(ValueError, match="unicorn"):
        kind_of("a unicorn")


def test_a_summary_is_the_mean_over_prompts() -> None:
    one = {"samples": {"detail_128": 0.6}, "scene": {"detail_256": 0.4, "scorer": 0.5}}
    two = {"samples": {"detail_128": 0.8}, "scene": {"detail_256": 0.6, "scorer": 1.0}}
    assert summary([one, two], [10.0, 30.0]) == {
        "samples_detail_128": 0.7, "scene_detail_256": 0.5, "scorer": 0.75, "seconds": 20.0,
    }  # fmt: skip
