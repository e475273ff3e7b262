"""What a prior is: protocols that everything in this room fulfils, and everything after it relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from gs_stein.prior.schedule import Schedule


@runtime_checkable
class NormalEstimator(Protocol):
    """World-space normals from a noisy latent, facing the camera; differentiable in x_t."""

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V a b 3"]: ...


@runtime_checkable
class Denoiser(Protocol):
    """A text-to-image diffusion prior: a mixture with a known score, the bundled model, Stable Diffusion.

    `encode` is differentiable; `predict` is the network's bare noise prediction without guidance (guidance is
    written once, in `gs_stein.prior.guidance`).
    """

    schedule: Schedule
    """Noise schedule the network was trained with."""
    resolution: int
    """Side, in pixels, of the square images it knows."""
    evaluations: int
    """Views denoised so far, each guidance branch counted."""
    device: torch.device
    """Where latents live."""

    @property
    def identity(self) -> str:
        """Names the prior in checkpoints and reports, so that no run is resumed with another."""
        ...

    @property
    def knows_cameras(self) -> bool:
        """Whether `predict` looks at the cameras (then prompts need not say where one looks from)."""
        ...

    def embed(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        ...

    def encode(self, rgb: Float[Tensor, "V 3 H W"]) -> Float[Tensor, "V C h w"]:
        """Images in [0, 1] to the space that is diffused (identity for a pixel-space prior)."""
        ...

    def decode(self, x0: Float[Tensor, "V C h w"]) -> Float[Tensor, "V 3 H W"]:
        """The way back, to images in [0, 1] (not clamped)."""
        ...

    def predict(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "B V C h w"]:
        """Noise prediction ε̂ for B groups of V views.

        Args:
            x_t: noisy latents; the views of a group may be denoised jointly.
            t: one timestep a group, in the schedule's units (0 is clean).
            text: B embeddings, each of one prompt (shared by the views) or of V prompts (one a view).
            cameras: the V cameras, the same for every group; None for a prior that ignores them.
        """
        ...


@runtime_checkable
class DepthEstimator(Protocol):
    """Relative depth from a noisy latent, the counterpart of MiDaS for the Stein baseline; differentiable in x_t."""

    def __call__(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None
    ) -> Float[Tensor, "B V a b"]:
        """Relative depth up to scale and shift, *larger is farther* (networks of inverse depth are negated inside)."""
        ...
