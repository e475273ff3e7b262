"""Stable Diffusion 1.x, 2.x, XL and 3: which adapter and which text encoders."""

from __future__ import annotations

from collections.abc import Callable

from gs_stein.prior.adapters import Network, PlainUNet, SD3Transformer, SDXLUNet
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.weights import KINDS
from gs_stein.prior.encoders import CLIPText, Encode, SD3Text, SDXLText
from gs_stein.prior.families.family import Parts


def adapt_unet(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """Stable Diffusion 1.x, 2.x or XL, which share a class.

    Raises:
        CheckpointError: an upscaler, a class-conditional model, or one without its text encoders.
    """
    config, at_once = parts.module.config, parts.options.views_at_once
    if config["addition_embed_type"] == "text_time":
        parts.require("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2")
        return SDXLUNet(parts.module, parts.native, parts.codec.scale, at_once), lambda: clip_pair(parts)
    parts.require("tokenizer", "text_encoder")
    if config["class_embed_type"] is not None or config["num_class_embeds"] is not None:
        raise CheckpointError(f"model: {parts.folder} is an upscaler or class-conditional model; give {KINDS}")
    return PlainUNet(parts.module, at_once), lambda: clip(parts)


def adapt_sd3(parts: Parts) -> tuple[Network, Callable[[], Encode]]:
    """Stable Diffusion 3 and 3.5."""
    parts.require("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2")
    return SD3Transformer(parts.module, parts.options.views_at_once), lambda: clip_pair_and_t5(parts)


def clip(parts: Parts) -> Encode:
    """One CLIP text model."""
    return CLIPText(parts.tokenizer(), parts.encoder())


def clip_pair(parts: Parts) -> Encode:
    """SDXL's two CLIP text models."""
    return SDXLText(
        (parts.tokenizer(), parts.tokenizer("tokenizer_2")), (parts.encoder(), parts.encoder("text_encoder_2")),
        parts.index.get("force_zeros_for_empty_prompt", True),
    )  # fmt: skip


def clip_pair_and_t5(parts: Parts) -> Encode:
    """SD3's two CLIP text models, and T5 unless it was left out."""
    with_t5 = "text_encoder_3" in parts.components
    return SD3Text(
        (parts.tokenizer(), parts.tokenizer("tokenizer_2")), (parts.encoder(), parts.encoder("text_encoder_2")),
        (parts.tokenizer("tokenizer_3"), parts.encoder("text_encoder_3")) if with_t5 else None,
        parts.module.config["joint_attention_dim"],
    )  # fmt: skip
