"""The text encoders of a checkpoint, with their tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gs_stein.prior.checkpoints.folder import (
    CheckpointError,
    Component,
)
from gs_stein.prior.checkpoints.weights import KINDS, loaded, loaded_network, variant
from gs_stein.prior.encoders import Encode
from gs_stein.types import TextEmbedding

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


ENCODERS = (
    "CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel", "Gemma2Model", "Qwen3Model", "Qwen3ForCausalLM",
)  # fmt: skip
"""Classes of transformers that read prompts here."""
TOKENIZERS = ("T5Tokenizer", "GemmaTokenizer", "Qwen2Tokenizer")
"""Besides CLIP's; each also as "…Fast"."""


def transformers_dtype(dtype: torch.dtype) -> dict[str, Any]:
    """The keyword that sets a transformers model's dtype: renamed in 4.56, and the old one warns in 5."""
    import transformers

    new = tuple(int(part) for part in transformers.__version__.split(".")[:2]) >= (4, 56)
    return {"dtype" if new else "torch_dtype": dtype}


def load_text_encoder(folder: Path, component: Component, dtype: torch.dtype) -> Any:
    """A text encoder, by its own class, frozen."""
    import transformers

    where = folder / component.name
    settings = transformers_dtype(dtype) | {"variant": variant(folder, component, dtype)}
    if component.class_name not in ENCODERS:
        raise CheckpointError(
            f"model: {folder} reads prompts with {component.class_name}, which gs_stein cannot drive; give {KINDS}"
        )
    model: Any = loaded_network(getattr(transformers, component.class_name), where, **settings)
    return model.eval().requires_grad_(False)


def load_tokenizer(folder: Path, component: Component) -> PreTrainedTokenizerBase:
    """A tokenizer, by its own class."""
    import transformers

    where = folder / component.name
    match component.class_name:
        case "CLIPTokenizer" | "CLIPTokenizerFast":
            return loaded(transformers.CLIPTokenizer, where)
        case name if name.removesuffix("Fast") in TOKENIZERS:
            return loaded(transformers.AutoTokenizer, where)
        case other:
            raise CheckpointError(f"model: {folder} tokenizes with {other}, which gs_stein cannot drive; give {KINDS}")


def load_minilm() -> Encode:
    """The bundled prior's text encoder; its "no prompt" is an empty mask."""
    from gs_stein.text.minilm import MiniLM

    encode = MiniLM()

    def embed(prompts: list[str]) -> TextEmbedding:
        result = encode(prompts)
        filled = torch.tensor([prompt != "" for prompt in prompts])[:, None]
        return TextEmbedding(result.tokens * filled[:, :, None], result.mask & filled, result.pooled)

    return embed
