"""Plain numbers of one iteration: what is rendered, how large, before what background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.distill.options import Baseline, DistillOptions
from gs_stein.gaussians.options import FileStart, PointsStart
from gs_stein.optimize.networks import baselines
from gs_stein.optimize.step import Controls


@dataclass(frozen=True)
class Plan:
    """What is known of an iteration before anything is rendered."""

    progress: float
    """Fraction of the run that is done."""
    distilled: float
    """Fraction of the distillation that is done; 1 in refinement."""
    side: int
    """Pixels along a distilled picture's side."""
    views: int
    """Cameras that a distillation step looks through."""
    solve_colours: bool
    """Whether colours are solved for instead of stepped, if the iteration distils."""
    distill: DistillOptions
    """The options with what a viewer holds at other values."""
    prompt: str | None
    """What a viewer asks for instead of the configured prompt; None: nothing else."""
    guidance_scale: float | None
    """What a viewer holds the guidance at; None: as configured."""
    learning_rate: float
    """Factor on every learning rate."""


def plan_step(config: Config, controls: Controls, step: int, distilling: int) -> Plan:
    """The plan of an iteration.

    Args:
        config: of the run.
        controls: what somebody holds at other values just now.
        step: iterations finished.
        distilling: iterations that distil, before refinement.
    """
    distilled = min(1.0, step / max(1, distilling))
    return Plan(
        progress=step / config.iterations,
        distilled=distilled,
        side=render_size(config, distilled),
        views=views_a_step(config, distilled),
        solve_colours=solves_colours(config, step),
        distill=steered(config.distill, controls, distilled),
        prompt=controls.prompt,
        guidance_scale=controls.guidance_scale,
        learning_rate=controls.learning_rate,
    )


def needs_normals(config: Config) -> bool:
    """Whether normals have to be rendered."""
    return config.rasterize.normals or Baseline.NORMAL in baselines(config)


def render_size(config: Config, progress: float) -> int:
    """Side in pixels at which this moment of the distillation renders."""
    return config.resolution.first if is_early(config, progress) else config.cameras.resolution


def views_a_step(config: Config, progress: float) -> int:
    """How many cameras this moment of the distillation looks through."""
    return config.resolution.views or config.views if is_early(config, progress) else config.views


def is_early(config: Config, progress: float) -> bool:
    """Whether pictures are still small."""
    return config.resolution.first > 0 and progress < config.resolution.until


def solves_colours(config: Config, step: int) -> bool:
    """Whether this iteration solves for the colours; those of a file that the run starts from are kept."""
    return step < config.rates.solve_colours and not isinstance(config.start, FileStart | PointsStart)


def draw_background(config: Config, generator: torch.Generator) -> Float[Tensor, 3]:
    """The colour behind the Gaussians in one step."""
    if config.background == "random":
        return torch.rand(3, generator=generator)
    return torch.full((3,), BACKGROUNDS[config.background])


def steered(options: DistillOptions, controls: Controls, progress: float) -> DistillOptions:
    """The distillation options with what a viewer holds at other values."""
    timesteps, guidance = options.timesteps, options.guidance
    if controls.t_min is not None or controls.t_max is not None:
        low, high = timesteps.window(progress)
        low = low if controls.t_min is None else min(max(controls.t_min, 0.0), 1.0)
        high = high if controls.t_max is None else min(max(controls.t_max, 0.0), 1.0)
        timesteps = replace(
            timesteps, t_min=min(low, high), t_max=max(low, high), t_min_end=None, t_max_end=None, anneal="none"
        )
    if controls.guidance_scale is not None:
        guidance = replace(guidance, scale=max(controls.guidance_scale, 0.0))
    return replace(options, timesteps=timesteps, guidance=guidance)
