"""An estimator of your own: options and a class, registered; nothing inside gs_stein changes.

The prior is a mixture of Gaussians with a known score, which costs nothing. The estimator subtracts b ε with a fixed b.
E[ε] = 0, so every b is unbiased; what b decides is the variance, which is part of the second moment that is printed.

    python examples/02_own_estimator.py [ITERATIONS]
"""

import sys
from dataclasses import dataclass
from typing import ClassVar

from gs_stein.cameras.options import OrbitCameras
from gs_stein.config.schema import Config
from gs_stein.distill.estimators import Estimator, Parts, make_estimator
from gs_stein.distill.options import DistillOptions
from gs_stein.gaussians.options import BallStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.state import begin
from gs_stein.prior.mixture import MixturePrior
from gs_stein.text.options import ViewPrompts
from gs_stein.update.options import NoDensify


@dataclass(frozen=True)
class Scaled:
    """ε̂ − b ε."""

    kind: ClassVar[str] = "scaled"
    b: float = 0.5


class ScaledNoise(Estimator):
    """Its h is ε, its coefficient fixed."""

    def __init__(self, b: float) -> None:
        self.b = b

    def residual(self, eps_hat, draw, conditions):
        """f − b h."""
        return eps_hat - self.b * draw.eps


@make_estimator.register(Scaled)
def _(options: Scaled, parts: Parts) -> Estimator:
    return ScaledNoise(options.b)


iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 60
for b in (0.0, 0.5, 1.0):
    config = Config(
        prompt="class 1", view_prompts=ViewPrompts(enabled=False), iterations=iterations, views=2, background="grey",
        cameras=OrbitCameras(resolution=16), start=BallStart(count=300), densify=NoDensify(),
        distill=DistillOptions(estimator=Scaled(b)),
    )  # fmt: skip
    steps = list(optimize(config, begin(config, Priors(MixturePrior((3, 16, 16))))))
    print(f"b = {b}: second moment over that of SDS {steps[-1].variance_ratio:.3f}")
