"""How good does a scene look? What it shows (scorer), how finished (swd), how much detail: against real renders.

Detail is the mean length of the grey gradient of held-out views, over that of the world's own renders of that kind of
scene from the same cameras. Dust and grain raise it, so it never counts alone: the distance of patches to those of the
real renders (`gs_stein.bench.patch_distance`) grows with either, as it does with blur.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench.patch_distance import swd
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.evaluate import evaluation_cameras, score_pictures
from gs_stein.gaussians.model import Gaussians
from gs_stein.types import Cameras
from gs_stein.world.families import HELD_OUT

VIEWS = 12
"""Held-out views of every scene."""
SCENES = 10
"""Real scenes that are rendered from the same cameras."""
SIDES = (128, 256)
"""Pixels."""
_ALSO = {
    "study": "office", "duck": "rubber duck", "plant": "potted plant", "lounge": "living room", "burger": "hamburger",
    "mountains": "snowy mountains", "forest": "forest clearing", "teddy": "teddy bear", "bookcase": "bookshelf",
}  # fmt: skip
"""Words that stand for a kind of another name."""


def kind_of(prompt: str) -> str:
    """The kind of scene that the world draws for a prompt: the one that is named first, a room or landscape before any
    object ("a living room with a red sofa").

    Raises:
        ValueError: none is named.
    """
    from gs_stein.world.scenes import KINDS, THINGS, is_object

    names = {name: name for name in KINDS if name not in THINGS} | _ALSO
    found = [
        (is_object(kind), at.start(), -len(name), kind)
        for name, kind in names.items()
        if (at := re.search(rf"\b{name}\b", prompt.lower()))
    ]
    if not found:
        raise ValueError(f"prompts: {prompt!r} names no kind of scene that the world draws; name one of {tuple(names)}")
    # Of two objects the first counts ("a birthday cake with candles"), and of one place the longest name.
    return min(found)[-1]


def detail(rgb: Float[Tensor, "n 3 h w"]) -> float:
    """Mean length of the gradient of grey, per pixel."""
    grey = rgb.mean(1)
    across, down = grey[:, :-1, 1:] - grey[:, :-1, :-1], grey[:, 1:, :-1] - grey[:, :-1, :-1]
    return (across.square() + down.square()).sqrt().mean().item()


def held_out_cameras(config: Config, side: int) -> Cameras:
    """The cameras of the run's kind that measure, for square pictures."""
    return evaluation_cameras(config, VIEWS).resized(side, side)


@functools.cache
def real_renders(kind: str, config: Config, side: int, scenes: int = SCENES) -> Float[Tensor, "n 3 side side"]:
    """Held-out scenes of a kind as the world renders them, from the cameras that measure."""
    from gs_stein.world.render.render import render
    from gs_stein.world.scenes import draw_scene

    cameras = held_out_cameras(config, side)
    views = [render(draw_scene(HELD_OUT + i, kind), cameras).rgb for i in range(scenes)]
    return torch.cat([torch.from_numpy(rgb) for rgb in views]).permute(0, 3, 1, 2).float() / 255


def looks(rgb: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]) -> dict[str, float]:
    """Detail of pictures over that of real renders, and the distance of their patches."""
    return {"detail": detail(rgb) / detail(real), "swd": swd(rgb, real)}


@torch.no_grad()
def judge(gaussians: Gaussians, config: Config, sides: tuple[int, ...] = SIDES) -> dict[str, float]:
    """A finished scene, from cameras that its training never drew.

    Args:
        gaussians: the scene.
        config: of its run; prompt and cameras count.
        sides: pixels.

    Returns:
        `scorer` (share of 16 views whose prompt is found among 50 captions), and `detail_S`, `swd_S` of every side.
    """
    from gs_stein.evaluate import score_views
    from gs_stein.rasterize.many_views import render_views

    found = {"scorer": score_views(gaussians, config, 16)["views_top1"]}
    for side in sides:
        cameras = held_out_cameras(config, side)
        shown = render_views(gaussians, cameras, config.rasterize, BACKGROUNDS[config.background])
        rgb = torch.cat([render.rgb for render in shown]).permute(0, 3, 1, 2).clamp(0, 1)
        real = real_renders(kind_of(config.prompt), key(config), side)
        found |= {f"{name}_{side}": value for name, value in looks(rgb, real).items()}
    return found


def judge_pictures(rgb: Float[Tensor, "V 3 H W"], config: Config) -> dict[str, float]:
    """Pictures from the cameras that measure, of their own size, likewise."""
    side = rgb.shape[-1]
    found = {"scorer": score_pictures(rgb, config)["views_top1"]}
    real = real_renders(kind_of(config.prompt), key(config), side)
    return found | {f"{name}_{side}": value for name, value in looks(rgb, real).items()}


def key(config: Config) -> Config:
    """What of a configuration decides the real renders: its cameras, for prompts of one kind to share them."""
    return replace(Config(prompt="", scene=config.scene), cameras=config.cameras)
