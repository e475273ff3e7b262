"""Options of the variance bench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gs_stein.prior.checkpoints.registry import BUNDLED


@dataclass(frozen=True)
class Options:
    """Variance of the estimators at frozen scenes of real runs."""

    prior: str = BUNDLED
    """bundled, a folder, or mixture: a prior with a known score (its own options: --prior mixture --help)."""
    scenes: tuple[str, ...] = ("a cozy living room", "a bedroom with a blue bed", "a kitchen with teal cabinets")
    """Prompts of rooms."""
    objects: tuple[str, ...] = ("a wooden chair", "a potted plant", "a red car")
    """Prompts of objects."""
    guidance: float | None = None
    """Scale of guidance; None: the presets', 2 for rooms and 1.5 for objects. With Stable Diffusion 7.5 to 100 is
    usual."""
    iterations: int = 300
    """Length of the runs; the presets' schedules are stretched to it."""
    stages: tuple[float, ...] = (0.0, 0.02, 0.1, 0.4, 1.0)
    """Where they are frozen, as fractions of the run."""
    groups: int = 4
    """Sets of cameras, with as many views as the preset denoises together."""
    timesteps: int = 3
    noises: int = 4
    """For each set of cameras and timestep; each with its antithetic twin."""
    fits: int = 24
    """Draws behind the coefficients, and LoRA steps."""
    references: int = 0
    """Also measure what a linear response to the noise could do at best, whatever it costs: the denoiser's Jacobian at
    the picture without noise, and its mean over so many other noises (8: five times as long); 0: neither."""
    repeats: int = 24
    """Iterations of each arm that are timed, in turns."""
    quick: bool = False
    """A smoke check within a minute: one prompt, the middle of a short SDS run."""
    plot: Path | None = None
    """Draw the table into this picture."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "groups", "timesteps", "fits", "repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1; give a positive number")
        if self.guidance is not None and not 0 <= self.guidance <= 1000:
            raise ValueError(f"guidance: {self.guidance}; give a number from 0 to 1000, such as 7.5")
        if self.references < 0:
            raise ValueError(f"references: {self.references} is below 0; give 0 for none")
        if self.noises < 2:
            raise ValueError(f"noises: {self.noises} has no variance; give 2 or more")
        if not self.scenes + self.objects:
            raise ValueError("scenes, objects: both are empty; give at least one prompt")
        if not all(0 <= stage <= 1 for stage in self.stages):
            raise ValueError(f"stages: {self.stages} are not fractions of a run; give numbers from 0 to 1")
