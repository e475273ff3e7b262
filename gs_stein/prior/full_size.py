"""Configurations of the full-size hub models, to build them on the meta device or with random weights."""

from __future__ import annotations

from typing import Any

SD15_UNET = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}
SD21_UNET = SD15_UNET | {
    "sample_size": 64,
    "cross_attention_dim": 1024,
    "attention_head_dim": [5, 10, 20, 20],
    "use_linear_projection": True,
}
SDXL_UNET = {
    "sample_size": 128,
    "in_channels": 4,
    "out_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (320, 640, 1280),
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "transformer_layers_per_block": [1, 2, 10],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
}
SD3_TRANSFORMER = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": 2048,
    "pos_embed_max_size": 192,
}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "sample_size": 512,
}
SD3_VAE = VAE | {
    "latent_channels": 16,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
    "shift_factor": 0.0609,
    "scaling_factor": 1.5305,
}
CLIP_L = {
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
}
CLIP_H = {
    "vocab_size": 49408,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "projection_dim": 512,
}
CLIP_BIGG = {
    "vocab_size": 49408,
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
}
T5_XXL = {
    "vocab_size": 32128,
    "d_model": 4096,
    "d_kv": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}

Sizes = tuple[dict[str, Any], dict[str, Any], int, int, int | None]
"""Arguments of network and autoencoder; width and number of the text tokens; width of the pooled state."""
FULL: dict[str, Sizes] = {
    "sd15": (SD15_UNET, VAE | {"scaling_factor": 0.18215}, 768, 77, None),
    "sdxl": (SDXL_UNET, VAE | {"scaling_factor": 0.13025}, 2048, 77, 1280),
    "sd3": (SD3_TRANSFORMER, SD3_VAE, 4096, 333, 2048),
}
SMALL_UNET: dict[str, Any] = SD15_UNET | {
    "sample_size": 16,
    "layers_per_block": 1,
    "block_out_channels": (32, 32),
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
SMALL_XL: dict[str, Any] = SMALL_UNET | {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 16,
}
SMALL_SD3: dict[str, Any] = SD3_TRANSFORMER | {
    "sample_size": 16,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 1,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "joint_attention_dim": 16,
    "caption_projection_dim": 16,
    "pooled_projection_dim": 16,
    "pos_embed_max_size": 16,
}
SMALL_VAE: dict[str, Any] = VAE | {
    "block_out_channels": (8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 32,
}
TINY: dict[str, Sizes] = {
    "sd15": (SMALL_UNET, SMALL_VAE, 16, 8, None),
    "sdxl": (SMALL_XL, SMALL_VAE, 16, 8, 16),
    "sd3": (SMALL_SD3, SMALL_VAE, 16, 8, 16),
}
DINO: dict[str, Any] = {
    "patch_size": 14,
    "num_hidden_layers": 12,
    "out_features": ["stage3", "stage6", "stage9", "stage12"],
    "reshape_hidden_states": False,
}
DEPTH: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = (
    DINO | {"image_size": 518, "hidden_size": 384, "num_attention_heads": 6},
    {"reassemble_hidden_size": 384, "neck_hidden_sizes": [48, 96, 192, 384], "fusion_hidden_size": 64},
    {},
)
"""Arguments of Depth-Anything V2 small's backbone and head, and of the tiny autoencoder."""
TINY_DEPTH: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = (
    DINO | {"image_size": 56, "hidden_size": 16, "num_attention_heads": 2},
    {"reassemble_hidden_size": 16, "neck_hidden_sizes": [8, 8, 16, 16], "fusion_hidden_size": 8, "head_hidden_size": 8},
    {
        "encoder_block_out_channels": (8, 8),
        "decoder_block_out_channels": (8, 8),
        "num_encoder_blocks": (1, 1),
        "num_decoder_blocks": (1, 1),
    },
)
