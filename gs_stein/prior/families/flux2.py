"""FLUX.2-klein base: flow matching on packed latents, with three layers of Qwen 3 as text states.

Only the base models: klein itself was distilled to four steps, and FLUX.2-dev to its guidance (see `distilled`).
"""

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
    from diffusers.models.transformers.transformer_flux2 import Flux2Transformer2DModel
    from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

LENGTH = 512
"""Tokens of a prompt, as in the pipeline."""
LAYERS = (9, 18, 27)
"""Hidden states of Qwen 3 that stand side by side."""


@dataclass
class Flux2Transformer:
    """All latent cells and all tokens in one sequence, each with four coordinates: time, row, column, word."""

    knows_cameras: ClassVar[bool] = False
    module: Flux2Transformer2DModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""
        rows, columns = x_t.shape[-2:]
        cells = coordinates(rows, columns, 1).to(x_t.device)

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            words = coordinates(1, 1, prompts.tokens.shape[1]).to(images.device)
            output = self.module(
                hidden_states=images.flatten(2).mT, timestep=(times / 1000).to(images.dtype), guidance=None,
                encoder_hidden_states=prompts.tokens, txt_ids=words.expand(len(images), -1, -1),
                img_ids=cells.expand(len(images), -1, -1), return_dict=False,
            )[0]  # fmt: skip
            return output.mT.unflatten(2, (rows, columns))

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


def coordinates(rows: int, columns: int, words: int) -> Tensor:
    """Time, row, column and word of each token, (1, tokens, 4)."""
    axes = (torch.arange(count) for count in (1, rows, columns, words))
    return torch.cartesian_prod(*axes)[None]


@dataclass(frozen=True)
class QwenLayersText:
    """Three hidden states of Qwen 3 side by side; the transformer attends to padding too, as it was trained."""

    tokenizer: PreTrainedTokenizerBase
    model: Qwen3ForCausalLM

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts."""
        asked = chat(self.tokenizer, prompts, thinking=False)
        ids, mask = (x.to(self.model.device) for x in tokenize(self.tokenizer, asked, LENGTH))
        output = self.model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        return TextEmbedding(torch.cat([output.hidden_states[layer] for layer in LAYERS], dim=-1), mask.bool())


def adapt(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """The adapter, and the loader of Qwen 3."""
    parts.require("tokenizer", "text_encoder")
    network = Flux2Transformer(parts.module, parts.options.views_at_once)
    return network, lambda: QwenLayersText(parts.tokenizer(), parts.encoder())


FAMILY = Family(
    "diffusers.models.transformers.transformer_flux2", adapt, since="0.36", resolution=1024, bf16=True
)  # fmt: skip
