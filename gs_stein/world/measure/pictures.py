"""The pictures that are judged: real ones of held-out scenes, and the prior's samples of the same captions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.images import to_bytes, write_png
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.prior.sampling import sample
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.captions import captions
from gs_stein.world.families import HELD_OUT
from gs_stein.world.measure.options import Options
from gs_stein.world.render.render import Views, render
from gs_stein.world.scenes import draw_scene


@dataclass(frozen=True)
class Truth:
    """A held-out scene, how it looks, and how it is described."""

    scene: Scene
    cameras: Cameras
    views: Views
    caption: str

    @cached_property
    def rgb(self) -> Float[Tensor, "V 3 H W"]:
        """The real pictures in [0, 1]."""
        return torch.from_numpy(self.views.rgb).permute(0, 3, 1, 2).float() / 255


def held_out(kinds: tuple[str, ...], count: int, views: int) -> list[Truth]:
    """Draw, caption and render held-out scenes."""
    found = []
    for i in range(count):
        seed = HELD_OUT + i
        scene = draw_scene(seed, kinds[i % len(kinds)])
        cameras = sample_cameras(scene.cameras, views, torch.Generator().manual_seed(seed))
        # The longest of eight captions: most shorter ones ("a lounge") fit dozens of other scenes.
        found.append(Truth(scene, cameras, render(scene, cameras), max(captions(scene, seed, 8), key=len)))
    return found


def sample_scene(prior: DiffusionPrior, prompt: str, cameras: Cameras, options: Options, seed: int) -> Tensor:
    """Jointly sampled views (V, 3, H, W) of a prompt."""
    return sample(
        prior, prior.embed([prompt]), prior.embed([""]), cameras, GuidanceOptions(scale=options.guidance),
        torch.Generator().manual_seed(seed), options.steps, antithetic_level=options.antithetic_level,
        eta=options.eta,
    )  # fmt: skip


def save_sheet(path: Path, samples: list[Tensor], truths: list[Truth]) -> None:
    """Samples on the left, real renders of the caption's scene on the right, a row a scene."""
    rows = [torch.cat([*rgb, *truth.rgb], dim=2) for rgb, truth in zip(samples, truths, strict=True)]
    write_png(path, to_bytes(torch.cat(rows, dim=1).permute(1, 2, 0)))
