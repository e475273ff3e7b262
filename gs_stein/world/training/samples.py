"""Sheets of samples: `python -m gs_stein.world.training.samples` draws what a prior makes of ten prompts, seen all
around.

Rows are prompts, columns yaw angles (azimuths of objects); the views of a row are denoised jointly.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import inside, orbit
from gs_stein.images import to_bytes, write_png
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.denoiser import Denoiser
from gs_stein.prior.options import DiffusionOptions, GuidanceOptions
from gs_stein.prior.sampling import sample
from gs_stein.types import Cameras
from gs_stein.world.command import run_command

ROOMS = (
    "a cozy living room with a red sofa", "a modern kitchen with teal cabinets", "a bedroom with a blue bed",
    "an office at night", "a forest clearing with a red tent", "a beach with palm trees",
)  # fmt: skip
OBJECTS = ("a red car", "a wooden chair", "a potted plant", "a yellow lamp")


@dataclass(frozen=True)
class Options:
    """Draw samples of some prompts from all sides."""

    model: str = "bundled"
    """The prior: "bundled", which has a denoiser for objects, or a folder that `gs_stein.world.training.export`
    wrote."""
    output: Path = Path("samples.png")
    """Where the sheet is written."""
    rooms: tuple[str, ...] = ROOMS
    """Prompts of rooms and landscapes."""
    objects: tuple[str, ...] = OBJECTS
    """Prompts of objects."""
    steps: int = 25
    """Denoising steps."""
    guidance: float = 3.0
    """Classifier-free guidance."""
    antithetic_level: float = 0.35
    """Noise level of a last look that takes out blotches (`gs_stein.prior.sampling.antithetic_denoise`); 0: none."""
    eta: float = 1.0
    """Fresh noise at every step, from 0 (DDIM) to 1 (as much as DDPM)."""
    seed: int = 0
    """Of the noise."""


def turn(around: bool, resolution: int, views: int = 8) -> Cameras:
    """One turn of the head in the middle of a room, or one walk around an object."""
    full, yaw = torch.ones(views), 360 * torch.arange(views) / views
    if around:
        return orbit(yaw, 22 * full, 2.6 * full, 48 * full, resolution)
    return inside(torch.tensor([[0.0, -0.1, 1.5]]).expand(views, 3), yaw, -8 * full, 72 * full, resolution)


def draw(prior: Denoiser, prompts: tuple[str, ...], around: bool, options: Options) -> Float[Tensor, "H W 3"]:
    """The rows of a sheet, values in [0, 1]."""
    rows, nothing, cameras = [], prior.embed([""]), turn(around, prior.resolution)
    for prompt in prompts:
        rgb = sample(
            prior, prior.embed([prompt]), nothing, cameras, GuidanceOptions(scale=options.guidance),
            torch.Generator().manual_seed(options.seed), options.steps, antithetic_level=options.antithetic_level,
            eta=options.eta,
        )  # fmt: skip
        rows.append(torch.cat(list(rgb), dim=2))
    return torch.cat(rows, dim=1).permute(1, 2, 0)


def main(options: Options) -> None:
    """Draw and write a sheet.

    Raises:
        ValueError: no such model.
    """
    parts = []
    for prompts, around in ((options.rooms, False), (options.objects, True)):
        if prompts:
            prior = load_prior(DiffusionOptions(model=bundled_for(options.model, scene=not around)))
            parts.append(draw(prior, prompts, around, options))
    picture = torch.cat(parts)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_png(options.output, to_bytes(picture))
    print(f"{options.output}: {', '.join((*options.rooms, *options.objects))}")


if __name__ == "__main__":
    run_command(main, Options, __doc__)
