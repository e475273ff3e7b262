"""Options of the convergence bench."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gs_stein.bench.convergence.arms import ARMS
from gs_stein.prior.checkpoints.registry import BUNDLED


@dataclass(frozen=True)
class Options:
    """Quality against time and denoiser evaluations, run by run."""

    scenes: tuple[str, ...] = (
        "a cozy living room with a red sofa", "a bedroom with blue walls and a large bed",
        "a kitchen with teal cabinets",
    )  # fmt: skip
    """Prompts of rooms."""
    objects: tuple[str, ...] = ("a wooden chair", "a potted plant", "a red car")
    """Prompts of objects."""
    arms: tuple[str, ...] = tuple(ARMS)
    """Which arms to run."""
    reference: str = "sds"
    """The arm that the others are measured by; it always runs."""
    seeds: int = 2
    """Runs of each prompt and arm."""
    iterations: int = 160
    """Length of each run; the presets' schedules are stretched to it."""
    marks: int = 24
    """Times the scene is scored in a run, more often at its start."""
    rates: tuple[float, ...] = (1.0, 4.0, 8.0, 16.0, 32.0)
    """Factors on every learning rate that are tried for each arm."""
    tuning: float = 0.5
    """Length of the tuning runs as a fraction of `iterations`."""
    guidance: float | None = None
    """Scale of guidance; None: the presets'."""
    model: str = BUNDLED
    """The prior."""
    output: Path = Path("runs/convergence")
    """Where finished runs are remembered, and convergence.png is drawn."""
    address: str = "here"
    """Where runs are made, as for gs-stein batch: here, local, auto, HOST:PORT, or ray://HOST:PORT."""
    quick: bool = False
    """A smoke check within a minute: one prompt, one seed, 12 iterations, no tuning."""
    json: bool = False
    """Print one JSON object as the last line."""
