"""Tiny random checkpoints of every kind, built by diffusers' and transformers' own classes and pipelines."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import torch

LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789,.-'"]


def clip_tokenizer(folder: Path):
    """A real CLIP tokenizer whose vocabulary is single letters (byte-pair merges for a few common pairs)."""
    from transformers import CLIPTokenizer

    merges = [("t", "h"), ("th", "e</w>"), ("r", "e"), ("o", "o")]
    vocabulary = ["<|startoftext|>", "<|endoftext|>"]
    vocabulary += LETTERS + [letter + "</w>" for letter in LETTERS] + ["".join(pair) for pair in merges]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({
            "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        })
    )  # fmt: skip
    return CLIPTokenizer.from_pretrained(str(folder)), len(vocabulary)


def t5_tokenizer(folder: Path):
    """A real T5 tokenizer: unigrams over letters and a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import T5TokenizerFast

    words = ["<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz", "▁a", "▁the", "▁red", "▁room", "▁chair"]
    tokenizer = Tokenizer(models.Unigram([(word, -float(len(words) - i)) for i, word in enumerate(words)], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({
            "tokenizer_class": "T5TokenizerFast", "model_max_length": 512, "extra_ids": 0,
            "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>",
        })
    )  # fmt: skip
    return T5TokenizerFast.from_pretrained(str(folder)), len(words)


def clip_model(vocabulary: int, projection: bool, hidden: int = 32):
    """A two-layer CLIP text model."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=37, num_hidden_layers=3, num_attention_heads=4,
        projection_dim=hidden, bos_token_id=0, eos_token_id=1, pad_token_id=1, hidden_act="gelu",
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()


def kl_vae(channels: int = 4, **more):
    """A tiny AutoencoderKL that halves the side once."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 16), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=channels, sample_size=32, **more,
    ).eval()  # fmt: skip


def unet(**more):
    """A tiny UNet2DConditionModel on 16×16 latents."""
    from diffusers import UNet2DConditionModel

    settings = {
        "sample_size": 16, "block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4,
        "in_channels": 4, "out_channels": 4, "cross_attention_dim": 32, "attention_head_dim": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }  # fmt: skip
    return UNet2DConditionModel(**(settings | more)).eval()


def stable_diffusion(folder: Path, prediction_type: str = "epsilon"):
    """Saves a Stable Diffusion pipeline; returns it."""
    from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline

    torch.manual_seed(1)
    tokenizer, vocabulary = clip_tokenizer(folder.parent / f"{folder.name}-tokenizer")
    # As SD 1.5 and SD 2.1 ship.
    scheduler = partial(PNDMScheduler, skip_prk_steps=True) if prediction_type == "epsilon" else DDIMScheduler
    pipeline = StableDiffusionPipeline(
        vae=kl_vae(scaling_factor=0.18215), text_encoder=clip_model(vocabulary, projection=False), tokenizer=tokenizer,
        unet=unet(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        scheduler=scheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            prediction_type=prediction_type,
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def sdxl(folder: Path):
    """Saves a Stable Diffusion XL pipeline; returns it."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    torch.manual_seed(2)
    tokenizer, vocabulary = clip_tokenizer(folder.parent / f"{folder.name}-tokenizer")
    pipeline = StableDiffusionXLPipeline(
        vae=kl_vae(scaling_factor=0.13025), tokenizer=tokenizer, tokenizer_2=tokenizer,
        text_encoder=clip_model(vocabulary, projection=False), text_encoder_2=clip_model(vocabulary, projection=True),
        unet=unet(
            cross_attention_dim=64, addition_embed_type="text_time", addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 32, transformer_layers_per_block=(1, 1),
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            timestep_spacing="leading",
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def sd3(folder: Path, t5: bool = True):
    """Saves a Stable Diffusion 3 pipeline; returns it."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(3)
    tokenizer, vocabulary = clip_tokenizer(folder.parent / f"{folder.name}-tokenizer")
    words, count = t5_tokenizer(folder.parent / f"{folder.name}-t5")
    long = T5EncoderModel(T5Config(vocab_size=count, d_model=80, d_kv=8, d_ff=37, num_layers=1, num_heads=4)).eval()
    pipeline = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=8, out_channels=8, num_layers=2, attention_head_dim=8,
            num_attention_heads=4, joint_attention_dim=80, caption_projection_dim=32, pooled_projection_dim=64,
            pos_embed_max_size=16,
        ).eval(),
        vae=kl_vae(8, scaling_factor=1.5305, shift_factor=0.0609),
        text_encoder=clip_model(vocabulary, projection=True), tokenizer=tokenizer,
        text_encoder_2=clip_model(vocabulary, projection=True), tokenizer_2=tokenizer,
        text_encoder_3=long if t5 else None, tokenizer_3=words if t5 else None,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def bundled(folder: Path) -> Path:
    """A folder in the format of the bundled prior, as `gs_stein.world.training.export` writes it."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec

    torch.manual_seed(4)
    codec = PatchCodec(patch=8, channels=4)
    codec.fit(torch.rand(8, 3, 32, 32))
    network = MultiViewDenoiser(
        channels=4, sample_size=4, stem_width=8, stem_blocks=1, width=16, depth=1, heads=2, resolution=32
    )
    depth = NoisyDepth(channels=4, width=16, num_blocks=1)
    for module in (network, depth):
        for parameter in module.parameters():  # some start at zero, and would answer zero
            torch.nn.init.normal_(parameter, std=0.2)
    network.save_pretrained(folder / "network")
    codec.save_pretrained(folder / "codec")
    depth.save_pretrained(folder / "depth")
    FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "MultiViewPipeline",
        "network": ["gs_stein.prior.bundled", "MultiViewDenoiser"],
        "codec": ["gs_stein.prior.bundled", "PatchCodec"],
        "depth": ["gs_stein.prior.bundled", "NoisyDepth"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
