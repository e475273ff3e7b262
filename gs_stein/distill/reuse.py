"""A guess of the prior that several iterations follow.

Asking the denoiser is most of an iteration, and what limits distillation is how far a step of Adam goes, not how fresh
the guess is. So further steps may follow the same guess x̂₀: with the noise held too, the gradient is linear in the
latents, ω α/σ (x₀ − x̂₀) up to what control variates took off, and needs no network. What is left of an iteration is
rendering, and more steps with fewer views each get further in the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import ranks
from gs_stein.distill.distiller import Estimate
from gs_stein.types import Cameras


@dataclass(frozen=True)
class ReusedGuess:
    """What the last guess was, and where."""

    cameras: Cameras
    x0: Float[Tensor, "V C h w"]
    """Latents that were noised."""
    estimate: Estimate
    left: int
    """Iterations that shall still follow it."""

    def at(self, x0: Float[Tensor, "V C h w"]) -> Estimate:
        """The estimate if the same guess had been made with the views at `x0`; nothing is evaluated."""
        moved = self.estimate.stiffness * (x0 - self.x0)
        return replace(self.estimate, grad=self.estimate.grad + moved, evaluations=0, lora_loss=None)

    def part(self, views: int) -> ReusedGuess:
        """Every n-th of its views, so that there are about `views`; other ones in the next iteration. 0: all."""
        every = -(-len(self.cameras) // views) if views else 1
        if every == 1:
            return self
        chosen = torch.arange(self.left % every, len(self.cameras), every)
        there = chosen.to(self.x0.device)
        return replace(self, cameras=self.cameras[chosen], x0=self.x0[there], estimate=self.estimate.views(there))

    def own(self) -> ReusedGuess:
        """Of several ranks at work, this one's share of the views."""
        mine = ranks.own(len(self.cameras))
        if ranks.count() == 1:
            return self
        return replace(self, cameras=self.cameras[mine], x0=self.x0[mine], estimate=self.estimate.views(mine))

    def after_use(self) -> ReusedGuess | None:
        """What is left after an iteration that followed it."""
        return replace(self, left=self.left - 1) if self.left > 1 else None

    def state_dict(self) -> dict[str, Any]:
        """Everything, for checkpoints."""
        return {**vars(self), "cameras": vars(self.cameras), "estimate": vars(self.estimate)}


def restored(state: dict[str, Any] | None, device: torch.device) -> ReusedGuess | None:
    """The inverse of `state_dict`; latents go to the denoiser's device."""
    if state is None:
        return None
    estimate: dict[str, Any] = {
        name: value.to(device) if isinstance(value, Tensor) else value for name, value in state["estimate"].items()
    }
    return ReusedGuess(Cameras(**state["cameras"]), state["x0"].to(device), Estimate(**estimate), state["left"])
