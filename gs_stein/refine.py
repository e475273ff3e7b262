"""The last part of a run: some views are denoised all the way, and the Gaussians are fitted to them.

Distillation follows the prior's guess after a single evaluation, which is smooth. Once there is a scene to hold on to,
its views can be noised to a level and denoised over many steps, a whole group jointly (SDEdit, arXiv 2108.01073), and
used as photographs; rounds at falling levels let the groups agree. Instruct-NeRF2NeRF (arXiv 2303.12789) and the second
stage of DreamGaussian (arXiv 2309.16653, section 3.3) do likewise, view by view.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.camera_options import CameraOptions
from gs_stein.cameras import sample_cameras
from gs_stein.distill.distiller import Estimate
from gs_stein.distill.safety import Guard
from gs_stein.prior.guidance import GuidanceOptions
from gs_stein.prior.sample import denoise
from gs_stein.train_options import RefineOptions
from gs_stein.types import Cameras, Denoiser, TextEmbedding


class Refiner:
    """Owns the views that the Gaussians are fitted to.

    Args:
        options: how.
        denoiser: the prior.
        iterations: of the whole run.

    Attributes:
        first: iterations that are left to distillation.
    """

    def __init__(self, options: RefineOptions, denoiser: Denoiser, iterations: int) -> None:
        self.options, self.denoiser = options, denoiser
        self.first = iterations - round(options.share * iterations)
        self._length = max(1, -(-(iterations - self.first) // options.rounds))
        self._cameras: Cameras | None = None
        self._targets: Float[Tensor, "N C h w"] | None = None

    def level(self, step: int) -> float | None:
        """The noise level at which this step starts a round; None if it starts none."""
        if step < self.first or (step - self.first) % self._length:
            return None
        start, end = self.options.level
        rounds = max(1, self.options.rounds - 1)
        return start + (end - start) * min(1.0, (step - self.first) // self._length / rounds)

    @torch.no_grad()
    def prepare(
        self,
        level: float,
        encoded: Callable[[Cameras], Float[Tensor, "V C h w"]],
        prompts: Callable[[Cameras], tuple[TextEmbedding, TextEmbedding]],
        cameras: CameraOptions,
        generator: torch.Generator,
    ) -> None:
        """Start a round: look at the scene and denoise what is seen.

        Args:
            level: fraction of T to which the views are noised.
            encoded: renders the scene and encodes it.
            prompts: the prompt and its negative for cameras.
            cameras: where views are drawn from.
            generator: of cameras and noise (CPU).
        """
        options, schedule = self.options, self.denoiser.schedule
        groups, targets = [], []
        times = torch.linspace(level, 0.0, options.steps + 1) * schedule.num_timesteps
        for first in range(0, options.views, options.group):
            views = sample_cameras(cameras, min(options.group, options.views - first), generator)
            x0 = encoded(views)[None]
            eps = torch.randn(x0.shape, generator=generator).to(x0)
            x_t = schedule.add_noise(x0, eps, times[:1].to(x0))
            text, negative = prompts(views)
            guidance = GuidanceOptions(scale=options.guidance)
            groups.append(views)
            targets.append(denoise(self.denoiser, x_t, times.to(x0), text, negative, views.to(x0.device), guidance)[0])
        self._cameras = Cameras(
            torch.cat([c.viewmats for c in groups]), torch.cat([c.Ks for c in groups]), groups[0].width,
            groups[0].height,
        )  # fmt: skip
        self._targets = torch.cat(targets)

    def draw(self, views: int, generator: torch.Generator) -> tuple[Cameras, Float[Tensor, "V C h w"]]:
        """Some of the views, and what they shall look like (latents)."""
        assert self._cameras is not None
        assert self._targets is not None
        chosen = torch.randperm(len(self._cameras), generator=generator)[:views]
        return self._cameras[chosen], self._targets[chosen.to(self._targets.device)]

    def estimate(
        self, x0: Float[Tensor, "V C h w"], target: Float[Tensor, "V C h w"], guard: Guard
    ) -> Estimate:
        """The gradient of ½ weight · ‖x₀ − target‖², in the form of a distillation step.

        Raises:
            FloatingPointError: too many steps in a row were not finite.
        """
        grad = self.options.weight * (x0 - target)
        guard.begin()
        finite = guard.finite("the refined views", grad)
        if finite:
            guard.accept()
        t = torch.full((1,), 0.02 * self.denoiser.schedule.num_timesteps)
        return Estimate(grad, target, torch.zeros_like(target), t, finite, 0)

    def state_dict(self) -> dict:
        """The views of the current round, for checkpoints."""
        if self._cameras is None or self._targets is None:
            return {}
        c = self._cameras
        return {"viewmats": c.viewmats, "Ks": c.Ks, "size": [c.width, c.height], "targets": self._targets}

    def load_state_dict(self, state: dict) -> None:
        """The inverse of `state_dict`."""
        if state:
            self._cameras = Cameras(state["viewmats"], state["Ks"], *state["size"])
            self._targets = state["targets"]
