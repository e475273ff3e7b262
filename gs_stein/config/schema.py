"""One configuration, composed of every room's own options, and its YAML form.

No logic: what a field means is said next to the code that reads it. YAML is loaded strictly: an unknown key names its
nearest neighbour, a value of the wrong type names its field. Where an option is a choice between classes, YAML writes
`kind: NAME` (or just NAME), each class's own `kind`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gs_stein.cameras.options import CameraOptions, OrbitCameras
from gs_stein.distill.options import DistillOptions
from gs_stein.gaussians.options import BallStart, Start
from gs_stein.prior.options import DepthOptions, DiffusionOptions
from gs_stein.rasterize.options import RasterizeOptions
from gs_stein.refine.options import RefineOptions
from gs_stein.text.options import ViewPrompts
from gs_stein.update.options import Densify, LearningRates, MCMCDensify, RegularizeOptions


@dataclass(frozen=True)
class ResolutionSchedule:
    """Render small at first, and few: cheaper, and coarse structure comes first."""

    first: int = 0
    """Side in pixels at the start; 0: the cameras' own all along."""
    until: float = 0.3
    """Fraction of the run after which the cameras' own resolution is used."""
    views: int = 0
    """Cameras a step meanwhile; 0: as many as later."""

    def __post_init__(self) -> None:
        if self.first < 0 or not 0 <= self.until <= 1:
            raise ValueError(
                f"resolution.first, until: {self.first}, {self.until}; give pixels (0: off) and a fraction of the run"
            )
        if self.views < 0 or (self.views and not self.first):
            raise ValueError(
                f"resolution.views: {self.views} with resolution.first {self.first}; give a number of cameras (0: as "
                "later), and the side of the small pictures that they take"
            )


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes."""

    prompt: str = ""
    """What to make, in words."""
    negative: str = ""
    """What to stay away from, in words."""
    scene: bool = False
    """A room seen from inside; otherwise an object seen from around."""
    compose: bool = True
    """Make things that the prompt names, and that scenes of its kind do not have, on their own and set them in (where
    the prior brings a table of things)."""
    layout: str = ""
    """Where things stand: a YAML file, or its text, with a line for each, such as
    a red sofa: {centre: [0, -1.6], size: [2, 0.9, 0.8], faces: north}, in metres."""
    iterations: int = 1500
    """Optimisation steps."""
    views: int = 4
    """Cameras a step; the bundled prior denoises them together."""
    seed: int = 0
    """Of everything random."""
    device: str = "auto"
    """Where Gaussians live and are rasterized: auto, cpu, cuda (gsplat)."""
    prior_device: str = "auto"
    """Where the prior runs: auto, cpu, or any device torch knows (cuda, mps, xpu)."""
    sh_degree: int = 0
    """Degrees of view-dependent colour, 0 to 3."""
    background: Literal["black", "white", "grey", "studio", "random"] = "random"
    """Behind the Gaussians while training; "random" draws a colour a step, so that holes never pay; "studio" is the
    grey that the bundled prior has seen behind every object."""
    cameras: CameraOptions = field(default_factory=OrbitCameras)
    start: Start = field(default_factory=BallStart)
    prior: DiffusionOptions = field(default_factory=lambda: DiffusionOptions(model="auto"))
    depth: DepthOptions = field(default_factory=DepthOptions)
    distill: DistillOptions = field(default_factory=DistillOptions)
    rasterize: RasterizeOptions = field(default_factory=RasterizeOptions)
    resolution: ResolutionSchedule = field(default_factory=ResolutionSchedule)
    rates: LearningRates = field(default_factory=LearningRates)
    regularize: RegularizeOptions = field(default_factory=RegularizeOptions)
    densify: Densify = field(default_factory=MCMCDensify)
    refine: RefineOptions = field(default_factory=RefineOptions)
    view_prompts: ViewPrompts = field(default_factory=ViewPrompts)

    def __post_init__(self) -> None:
        for name in ("iterations", "views"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1; give a positive number")
        if not 0 <= self.sh_degree <= 3:
            raise ValueError(f"sh_degree: {self.sh_degree} is not possible; give 0 to 3")
        check_text("prompt", self.prompt)
        check_text("negative", self.negative)


def check_text(field: str, text: str) -> None:
    """Raise ValueError for bytes of another encoding, which Python hands on from the command line in disguise."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{field}: {text[:60]!r} is not UTF-8; write it in a terminal or file that is") from error


BACKGROUNDS = {"black": 0.0, "white": 1.0, "grey": 0.5, "studio": 127 / 255, "random": 0.5}
"""Grey levels of the backgrounds; of "random" the one that finished scenes are shown before."""
