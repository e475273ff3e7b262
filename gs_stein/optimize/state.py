"""Where a run stands: everything that one iteration hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gs_stein import ranks
from gs_stein.config.check import check_together
from gs_stein.config.schema import Config
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.nonfinite import all_finite
from gs_stein.distill.reuse import ReusedGuess
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.eta import Eta
from gs_stein.optimize.networks import Priors
from gs_stein.optimize.plan import Plan
from gs_stein.optimize.start import first_scene
from gs_stein.refine.refiner import Refiner
from gs_stein.text.prompts import Prompts
from gs_stein.update import adam
from gs_stein.update.colours import ColourSolver
from gs_stein.update.densify import Densifier


def make_prompts(config: Config, priors: Priors) -> Prompts:
    """The run's prompts, with words for the direction where the prior cannot tell it by itself."""
    by_view = config.view_prompts.enabled and not config.scene and not priors.knows_cameras
    return Prompts(
        priors.denoiser.embed, config.prompt, config.negative, config.view_prompts if by_view else None,
        negative_views=config.distill.guidance.perp_neg > 0,
    )  # fmt: skip


@dataclass
class State:
    """A run between two iterations; `gs_stein.run.checkpoint` writes and reads all of it but the priors."""

    priors: Priors
    prompts: Prompts
    parameters: dict[str, torch.nn.Parameter]
    optimizers: dict[str, adam.Adam]
    densifier: Densifier
    distiller: Distiller
    refiner: Refiner
    generator: torch.Generator
    """The only source of randomness; on the CPU."""
    device: torch.device
    """Where the Gaussians live."""
    colours: ColourSolver = field(default_factory=ColourSolver)
    reused: ReusedGuess | None = None
    """A guess that the next iteration follows."""
    step: int = 0
    """Iterations finished."""
    seconds: float = 0.0
    """Spent in them."""
    evaluations: int = 0
    """Views denoised."""
    notes: tuple[str, ...] = ()
    """What was changed or left aside of the file that the scene began with, a line each."""

    @property
    def gaussians(self) -> Gaussians:
        """The scene as it stands, detached; memory is shared with the parameters."""
        return Gaussians.from_parameters(self.parameters).detach()

    def description(self) -> dict[str, Any]:
        """What is the same in all ranks of a run."""
        return {
            "the prior": self.priors.identity,
            "the number of iterations done": self.step,
            "the number of Gaussians": len(self.parameters["means"]),
            "the checksum of the Gaussians": ranks.fingerprint(self.parameters.values()),
        }

    @property
    def evaluations_ahead(self) -> int:
        """Views that are still to be denoised, if nobody interferes."""
        reuse = self.distiller.options.reuse  # of the iterations that hold to one guess, the first one has asked for it
        asked, asking = -(-self.step // reuse), -(-self.refiner.first // reuse)
        distilling = max(0, asking - asked) * self.evaluations // max(1, asked)
        return distilling + self.refiner.evaluations_after(self.step, bool(self.prompts.negative))

    def follow(self, plan: Plan, config: Config) -> None:
        """Take over what an iteration's plan says of prompt, estimator and learning rates."""
        self.distiller.options = plan.distill
        self.prompts.change(plan.prompt)
        adam.set_rates(self.optimizers, config.rates, plan.progress, plan.learning_rate)

    def count_iteration(self, seconds: float, evaluations: int, eta: Eta) -> None:
        """One more iteration is finished, which took so long and denoised so many views."""
        self.step += 1
        self.seconds += seconds
        self.evaluations += evaluations
        eta.add(seconds, evaluations)

    def keep_finite(self) -> None:
        """Put right, and count, the Gaussians that the last iteration left with a number or moment that is not finite.

        A number may also be finite, but so large that no render with it is: looked for where iterations fail.

        Raises:
            FloatingPointError: there have been such in too many iterations in a row.
        """
        guard = self.distiller.guard
        everything = *self.parameters.values(), *adam.moments(self.parameters, self.optimizers)
        suspicious = guard.in_a_row or not all_finite(*everything)
        if suspicious and (broken := adam.reset_broken(self.parameters, self.optimizers)):
            guard.repaired(broken)

    def adopt(self, parameters: dict[str, Tensor], config: Config) -> None:
        """Replace the Gaussians by others, with fresh optimisers."""
        self.parameters = {name: torch.nn.Parameter(t.to(self.device)) for name, t in parameters.items()}
        self.optimizers = adam.make_optimizers(self.parameters, config.rates)


def begin(config: Config, priors: Priors, device: torch.device | str = "cpu") -> State:
    """The state before the first iteration.

    Args:
        config: what to do.
        priors: loaded networks.
        device: where the Gaussians shall live.

    Raises:
        ValueError: options that do not fit together.
    """
    check_together(config)
    device = torch.device(device)
    generator = torch.Generator().manual_seed(config.seed)
    gaussians, notes = first_scene(config, generator)
    gaussians = gaussians.to(device)
    parameters = gaussians.parameters()
    distiller = Distiller(config.distill, priors.denoiser, priors.depth, priors.normal, priors.response)
    return State(
        priors=priors,
        prompts=make_prompts(config, priors),
        parameters=parameters,
        optimizers=adam.make_optimizers(parameters, config.rates),
        densifier=Densifier(config.densify, config.iterations, len(gaussians)),
        distiller=distiller,
        refiner=Refiner(config.refine, priors.denoiser, priors.depth, config.iterations),
        generator=generator,
        device=device,
        notes=notes,
    )
