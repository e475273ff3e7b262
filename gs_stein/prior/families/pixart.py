"""PixArt-Σ (arXiv 2403.04692): a transformer of 0.6 billion weights with T5's tokens, ε-prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from gs_stein.prior.adapters import Network, flatten_groups
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.encoders import Encode, tokenize
from gs_stein.prior.families.family import Family, Parts
from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
    from transformers import PreTrainedTokenizerBase, T5EncoderModel

LENGTH = 300
"""Tokens of a prompt, as in the pipeline."""


@dataclass
class PixArtTransformer:
    """Cross-attention to masked tokens; the network also guesses a variance, which is dropped."""

    knows_cameras: ClassVar[bool] = False
    module: PixArtTransformer2DModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            added = {"resolution": None, "aspect_ratio": None}
            output = self.module(
                images, encoder_hidden_states=prompts.tokens, encoder_attention_mask=prompts.mask.to(images.dtype),
                timestep=times, added_cond_kwargs=added, return_dict=False,
            )[0]  # fmt: skip
            return output[:, : images.shape[1]]

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@dataclass(frozen=True)
class T5Text:
    """The last states of T5, padding masked."""

    tokenizer: PreTrainedTokenizerBase
    model: T5EncoderModel

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        lower = [prompt.lower().strip() for prompt in prompts]
        ids, mask = (x.to(self.model.device) for x in tokenize(self.tokenizer, lower, LENGTH))
        return TextEmbedding(self.model(ids, attention_mask=mask)[0], mask.bool())


def adapt(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """The adapter, and the loader of T5.

    Raises:
        CheckpointError: PixArt-α at 1024 pixels, which is also told the picture's size.
    """
    parts.require("tokenizer", "text_encoder")
    if parts.module.use_additional_conditions:
        raise CheckpointError(f"model: {parts.folder} is PixArt-α at 1024 pixels; give PixArt-Σ, its successor")
    network = PixArtTransformer(parts.module, parts.options.views_at_once)
    return network, lambda: T5Text(parts.tokenizer(), parts.encoder())


FAMILY = Family("diffusers.models.transformers.pixart_transformer_2d", adapt, patch=2)
