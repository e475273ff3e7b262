"""SANA (arXiv 2410.10629): linear attention on latents of 32 × 32 pixels a cell, flow matching, Gemma 2 as encoder."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from gs_stein.prior.adapters import Network, flatten_groups, stack_embeddings
from gs_stein.prior.encoders import Encode, tokenize
from gs_stein.prior.families.family import Family, Parts
from gs_stein.types import Cameras, TextEmbedding

if TYPE_CHECKING:
    from diffusers.models.transformers.sana_transformer import SanaTransformer2DModel
    from transformers import Gemma2Model, PreTrainedTokenizerBase

LENGTH = 300
"""Tokens of a prompt, as in the pipeline."""


@dataclass
class SanaTransformer:
    """Cross-attention to masked tokens."""

    knows_cameras: ClassVar[bool] = False
    module: SanaTransformer2DModel
    views_at_once: int = 0

    def __call__(self, x_t: Tensor, t: Tensor, text: list[TextEmbedding], cameras: Cameras | None) -> Tensor:
        """See `Network`; cameras are ignored."""
        scale = self.module.config["timestep_scale"]

        def call(images: Tensor, times: Tensor, prompts: TextEmbedding) -> Tensor:
            return self.module(
                images, encoder_hidden_states=prompts.tokens, encoder_attention_mask=prompts.mask.to(images.dtype),
                timestep=times * scale, return_dict=False,
            )[0]  # fmt: skip

        return flatten_groups(x_t, t, text, self.module, self.views_at_once, call)


@functools.cache
def instruction() -> str:
    """The request to write a better prompt that SANA was trained to read before each prompt, as diffusers keeps it."""
    from diffusers.pipelines.sana.pipeline_sana import SanaPipeline

    return "\n".join(inspect.signature(SanaPipeline.__call__).parameters["complex_human_instruction"].default)


@dataclass(frozen=True)
class GemmaText:
    """The last states of Gemma 2, of the first token and of the last 299: the instruction's own are cut out."""

    tokenizer: PreTrainedTokenizerBase
    model: Gemma2Model

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts; no prompt has no instruction."""
        return stack_embeddings([self.one(prompt.lower().strip()) for prompt in prompts])

    def one(self, prompt: str) -> TextEmbedding:
        """Encode one prompt, in lower case as the pipeline does."""
        self.tokenizer.padding_side = "right"
        length = LENGTH
        if prompt:
            length += len(self.tokenizer(instruction(), verbose=False).input_ids) - 2
            prompt = instruction() + prompt
        ids, mask = (x.to(self.model.device) for x in tokenize(self.tokenizer, [prompt], length))
        states = self.model(ids, attention_mask=mask)[0]
        kept = [0, *range(length - LENGTH + 1, length)]
        return TextEmbedding(states[:, kept], mask[:, kept].bool())


def adapt(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """The adapter, and the loader of Gemma 2."""
    parts.require("tokenizer", "text_encoder")
    network = SanaTransformer(parts.module, parts.options.views_at_once)
    return network, lambda: GemmaText(parts.tokenizer(), parts.encoder())


FAMILY = Family("diffusers.models.transformers.sana_transformer", adapt, bf16=True)
