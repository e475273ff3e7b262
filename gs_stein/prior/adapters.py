"""One adapter per kind of denoising network: from a group of noisy views to the network's own output.

The protocol speaks of B groups of V views with cameras; hub models know single images. Each adapter here does the
flattening and calls the network exactly as its diffusers pipeline does; what the output means (ε, v, flow) is said by
`prediction` and converted elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    from gs_stein.prior.bundled import MultiViewDenoiser


@runtime_checkable
class Network(Protocol):
    """A denoising network behind the group-of-views interface."""

    knows_cameras: ClassVar[bool]
    """Whether it looks at the cameras."""

    @property
    def module(self) -> nn.Module:
        """The network itself (what LoRA adapters are added to)."""
        ...

    def __call__(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "B V C h w"]:
        """The network's bare output in its own dtype."""
        ...


def stack_embeddings(texts: list[TextEmbedding]) -> TextEmbedding:
    """Concatenate embeddings along the prompts, padding the shorter ones with masked zeros."""
    longest = max(text.tokens.shape[1] for text in texts)
    tokens = [nn.functional.pad(text.tokens, (0, 0, 0, longest - text.tokens.shape[1])) for text in texts]
    masks = [nn.functional.pad(text.mask, (0, longest - text.mask.shape[1])) for text in texts]
    pooled = [text.pooled for text in texts if text.pooled is not None]
    if pooled and len(pooled) != len(texts):
        raise ValueError("text: some embeddings have a pooled state and some have not; embed all with one prior")
    return TextEmbedding(torch.cat(tokens), torch.cat(masks), torch.cat(pooled) if pooled else None)


def flatten_groups(
    x_t: Float[Tensor, "B V C h w"],
    t: Float[Tensor, " B"],
    text: list[TextEmbedding],
    like: nn.Module,
    views_at_once: int,
    call: Callable[[Tensor, Tensor, TextEmbedding], Tensor],
) -> Float[Tensor, "B V C h w"]:
    """Run `call` on all B·V views as single images, at most `views_at_once` a time (0: all together)."""
    B, V = x_t.shape[:2]
    if len(text) != B:
        raise ValueError(f"text: {len(text)} embeddings for {B} groups of views; give one a group")
    parameter = next(like.parameters())
    prompts = stack_embeddings([one.expand(V) for one in text]).to(x_t.device, parameter.dtype)
    images = x_t.flatten(0, 1).to(parameter.dtype)
    times = t.to(x_t.device).repeat_interleave(V)
    size = views_at_once or len(images)
    parts = [
        call(images[i : i + size], times[i : i + size], prompts[slice(i, i + size)])
        for i in range(0, len(images), size)
    ]
    return torch.cat(parts).unflatten(0, (B, V))


@dataclass
class PlainUNet:
    """Stable Diffusion 1.x and 2.x: cross-attention to one text encoder's token states."""

    knows_cameras: ClassVar[bool] = False
    module: UNet2DConditionModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            return self.module(images, times, encoder_hidden_states=prompts.tokens, return_dict=False)[0]

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@dataclass
class SDXLUNet:
    """Stable Diffusion XL: two text encoders, a pooled state, and the size conditioning of arXiv 2307.01952, § 2.2."""

    knows_cameras: ClassVar[bool] = False
    module: UNet2DConditionModel
    resolution: int
    """Pixels; announced as the original size, so that small renders are not taken for blown-up thumbnails."""
    scale: int
    """Pixels per latent cell."""
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""
        height, width = (self.scale * side for side in x_t.shape[-2:])
        sizes = (self.resolution, self.resolution, 0, 0, height, width)  # original size, crop corner, target size

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            time_ids = images.new_tensor(sizes).expand(len(images), -1)
            added = {"text_embeds": prompts.pooled, "time_ids": time_ids}
            return self.module(
                images, times, encoder_hidden_states=prompts.tokens, added_cond_kwargs=added, return_dict=False
            )[0]

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@dataclass
class SD3Transformer:
    """Stable Diffusion 3 and 3.5: flow matching, token states of three encoders and a pooled state (2403.03206)."""

    knows_cameras: ClassVar[bool] = False
    module: SD3Transformer2DModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            return self.module(
                hidden_states=images,
                timestep=times,
                encoder_hidden_states=prompts.tokens,
                pooled_projections=prompts.pooled,
                return_dict=False,
            )[0]

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@dataclass
class MultiView:
    """The bundled denoiser: all views of a group at once, with their cameras."""

    knows_cameras: ClassVar[bool] = True
    module: MultiViewDenoiser
    more: Float[Tensor, "1 width"] | None = None
    """Added to the code of the timestep (`gs_stein.prior.guided`)."""

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`.

        Raises:
            ValueError: no cameras.
        """
        if cameras is None:
            raise ValueError("cameras: the bundled prior denoises views jointly and needs their cameras; pass them")
        B, V = x_t.shape[:2]
        dtype = next(self.module.parameters()).dtype
        # One prompt a group where every group has one; one a view otherwise.
        count = 1 if all(len(one) == 1 for one in text) else V
        prompts = stack_embeddings([one.expand(count) for one in text]).to(x_t.device, dtype)
        cameras = cameras.to(x_t.device)
        return self.module(x_t.to(dtype), t.to(x_t.device), prompts.tokens, prompts.mask, cameras, self.more)
