"""The figures about the prior: each reaches its best for what is perfect, and its worst for what is not."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import inside
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.depth import load_depth
from gs_stein.prior.options import DepthOptions, DiffusionOptions
from gs_stein.world.families import HELD_OUT
from gs_stein.world.measure import guesses, views
from gs_stein.world.measure.options import Options
from gs_stein.world.measure.pictures import Truth, held_out
from gs_stein.world.render.render import render

KINDS = ("living room", "kitchen")
OPTIONS = Options(views=3)


@pytest.fixture(scope="module")
def prior():
    return load_prior(DiffusionOptions(model="bundled"))


@pytest.fixture(scope="module")
def truths():
    return held_out(KINDS, 4, 3)


class RealDepth:
    """An estimator that knows the truth, up to a scale and a shift a view."""

    def __init__(self, truths: list[Truth]) -> None:
        self.truths = truths

    def __call__(self, x_t, t, cameras):
        truth = next(truth for truth in self.truths if torch.equal(truth.cameras.viewmats, cameras.viewmats))
        depth = F.interpolate(torch.from_numpy(truth.views.depth)[:, None], (16, 16), mode="area")[:, 0]
        return (torch.arange(1, len(depth) + 1)[:, None, None] * depth + 3.0)[None]


def standpoint(views: int):
    yaw, level = 30.0 * torch.arange(views), torch.zeros(views)
    where = torch.tensor([[0.0, 0.0, 1.45]]).expand(views, 3)
    return inside(where, yaw, level, level + 70, RoomCameras().resolution)


def test_the_true_depth_correlates_perfectly_at_every_level(prior, truths):
    found = guesses.depth_agreement(prior, RealDepth(truths), prior.schedule, truths)
    assert list(found) == [f"depth_pearson_{level}" for level in (0.1, 0.3, 0.5, 0.7)]
    assert all(value == pytest.approx(1.0, abs=1e-4) for value in found.values())


def test_depth_of_one_standpoint_agrees_whatever_its_scales_and_shifts(truths):
    cameras = standpoint(3)
    maps = []
    for truth in truths:
        depth = torch.from_numpy(render(truth.scene, cameras).depth)
        scale, shift = torch.tensor([1.0, -0.3, 7.0]), torch.tensor([0.0, 5.0, -2.0])
        maps.append(scale[:, None, None] * depth + shift[:, None, None])
    own = [views.depth_gap(cameras, a, a) for a in maps]
    strangers = [views.depth_gap(cameras, a, b) for a, b in zip(maps, maps[1:] + maps[:1], strict=True)]
    assert max(own) < 0.02  # edges fall between pixels; found 0.005
    assert min(strangers) > 0.3  # found 0.52
    # the slant of an axis is taken into account: a wall straight ahead is no plane of constant depth from the side
    K, R = cameras.Ks, cameras.viewmats[:, :3, :3]
    pixels = torch.stack(
        [*torch.meshgrid(torch.arange(128) + 0.5, torch.arange(128) + 0.5, indexing="xy"), torch.ones(128, 128)], -1
    )
    normal = torch.tensor([1.0, 0.4, 0.0])
    wall = torch.stack([1 / (pixels @ torch.linalg.inv(K[i]).T @ R[i] @ normal) for i in range(3)])
    assert views.depth_gap(cameras, wall, wall) < 1e-3


def test_agreement_is_one_for_real_views_and_none_for_strangers(prior, truths, monkeypatch):
    estimator = load_depth(DepthOptions(), prior)
    cameras = standpoint(3)
    real = [torch.from_numpy(render(t.scene, cameras).rgb).permute(0, 3, 1, 2).float() / 255 for t in truths]
    pictures = {9000 + i: rgb for i, rgb in enumerate(real)}
    monkeypatch.setattr(views, "sample_scene", lambda prior, prompt, cameras, options, seed: pictures[seed])
    found = views.agreement(prior, estimator, truths, OPTIONS)
    assert found == {"view_agreement": pytest.approx(1.0), "view_agreement_depth": pytest.approx(1.0)}

    # neighbouring views of neighbouring scenes, which is what strangers are
    for i in range(4):
        pictures[9000 + i] = torch.stack([real[(i + v) % 4][v] for v in range(3)])
    found = views.agreement(prior, estimator, truths, OPTIONS)
    assert found == {
        "view_agreement": pytest.approx(0.0, abs=1e-6),
        "view_agreement_depth": pytest.approx(0.0, abs=1e-6),
    }
    assert "view_agreement_depth" not in views.agreement(prior, None, truths, OPTIONS)


def test_the_camera_error_is_the_angle_by_which_a_picture_is_turned(truths):
    own = [truth.rgb for truth in truths]
    assert views.camera_error(own, truths) == 0
    turned = []
    for truth in truths:
        rgb = render(truth.scene, views.turned(truth.cameras, 30.0)).rgb
        turned.append(torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255)
    assert views.camera_error(turned, truths) == 30


def test_first_guesses_are_better_with_less_noise_and_with_the_caption(prior, truths):
    found = guesses.denoising(prior, truths)
    assert found["x0_psnr_half"] > found["x0_psnr_near_noise"] + 5
    assert found["x0_psnr_near_noise"] > found["x0_psnr_near_noise_unconditional"]
    assert found["x0_psnr_near_noise"] > found["x0_psnr_mean_colour_oracle"]


def test_held_out_scenes_lie_beyond_all_training(truths):
    assert HELD_OUT > 50_000_000 + 10_000_000
    again = held_out(KINDS, 1, 3)[0]
    assert again.caption == truths[0].caption
    assert torch.equal(again.rgb, truths[0].rgb)
