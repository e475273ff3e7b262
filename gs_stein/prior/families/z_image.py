"""Z-Image (arXiv 2511.22699): one stream of latent cells and words, flow matching, Qwen 3 as text encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from gs_stein.prior.adapters import Network, flatten_groups
from gs_stein.prior.encoders import Encode, chat, tokenize
from gs_stein.prior.families.family import Family, Parts
from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel
    from transformers import PreTrainedTokenizerBase, Qwen3Model

LENGTH = 512
"""Tokens of a prompt, as in the pipeline."""


@dataclass
class ZImageTransformer:
    """Counts time from noise to image, and so guesses x₀ − ε: both are turned round here."""

    knows_cameras: ClassVar[bool] = False
    module: ZImageTransformer2DModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            words = [tokens[mask] for tokens, mask in zip(prompts.tokens, prompts.mask, strict=True)]
            output = self.module(list(images.unsqueeze(2)), 1 - times / 1000, words, return_dict=False)[0]
            return -torch.stack(list(output)).squeeze(2)

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@dataclass(frozen=True)
class QwenText:
    """The last but one hidden state of Qwen 3."""

    tokenizer: PreTrainedTokenizerBase
    model: Qwen3Model

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        asked = chat(self.tokenizer, prompts, thinking=True)
        ids, mask = (x.to(self.model.device) for x in tokenize(self.tokenizer, asked, LENGTH))
        output = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        return TextEmbedding(output.hidden_states[-2], mask.bool())


def adapt(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """The adapter, and the loader of Qwen 3."""
    parts.require("tokenizer", "text_encoder")
    network = ZImageTransformer(parts.module, parts.options.views_at_once)
    return network, lambda: QwenText(parts.tokenizer(), parts.encoder())


FAMILY = Family(
    "diffusers.models.transformers.transformer_z_image", adapt, since="0.36", patch=2, resolution=1024, bf16=True
)  # fmt: skip
