"""Tiny random checkpoints of the newer families, built by diffusers' and transformers' own classes and pipelines."""

from __future__ import annotations

import json
from pathlib import Path

import tiny_models
import torch

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)


def letters_tokenizer(folder: Path, tokenizer_class: str, **config):
    """A byte-level tokenizer of single bytes, with a chat template; returns it and the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoTokenizer

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<bos>"]
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": tokenizer_class, "model_max_length": 512, "chat_template": CHAT}
    names |= {"pad_token": special[0], "eos_token": special[0], "unk_token": special[0], "bos_token": "<bos>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names | config))
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return AutoTokenizer.from_pretrained(str(folder)), len(vocabulary)


def qwen(vocabulary: int, layers: int, head: bool):
    """A Qwen 3 of 8 numbers a token."""
    from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3Model

    config = Qwen3Config(
        vocab_size=vocabulary, hidden_size=8, intermediate_size=8, num_hidden_layers=layers, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, max_position_embeddings=512, tie_word_embeddings=True,
    )  # fmt: skip
    return (Qwen3ForCausalLM if head else Qwen3Model)(config).eval()


def pixart(folder: Path):
    """Saves a PixArt-Σ pipeline; returns it."""
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(5)
    words, count = tiny_models.t5_tokenizer(folder.parent / f"{folder.name}-t5")
    t5 = T5EncoderModel(T5Config(vocab_size=count, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)).eval()
    pipeline = PixArtSigmaPipeline(
        tokenizer=words, text_encoder=t5, vae=tiny_models.kl_vae(scaling_factor=0.13025),
        transformer=PixArtTransformer2DModel(
            sample_size=16, num_layers=2, patch_size=2, attention_head_dim=8, num_attention_heads=2, in_channels=4,
            out_channels=8, cross_attention_dim=16, caption_channels=16, use_additional_conditions=False,
        ).eval(),
        scheduler=DPMSolverMultistepScheduler(beta_start=0.0001, beta_end=0.02, solver_order=1),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def sana(folder: Path):
    """Saves a SANA pipeline; returns it."""
    from diffusers import AutoencoderDC, DPMSolverMultistepScheduler, SanaPipeline, SanaTransformer2DModel
    from transformers import Gemma2Config, Gemma2Model

    torch.manual_seed(6)
    words, count = letters_tokenizer(folder.parent / f"{folder.name}-gemma", "GemmaTokenizer")
    gemma = Gemma2Model(Gemma2Config(
        vocab_size=count, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, max_position_embeddings=4096, pad_token_id=0, bos_token_id=3, eos_token_id=0,
    )).eval()  # fmt: skip
    blocks = {
        "block_out_channels": (8, 16), "block_types": ("ResBlock", "EfficientViTBlock"), "layers_per_block": (1, 1),
        "qkv_multiscales": ((), (5,)),
    }  # fmt: skip
    pipeline = SanaPipeline(
        tokenizer=words, text_encoder=gemma,
        vae=AutoencoderDC(
            in_channels=3, latent_channels=4, attention_head_dim=2, upsample_block_type="interpolate",
            downsample_block_type="stride_conv", decoder_act_fns="silu", scaling_factor=0.41407,
            **{f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in blocks.items()},
        ).eval(),
        transformer=SanaTransformer2DModel(
            patch_size=1, in_channels=4, out_channels=4, num_layers=2, num_attention_heads=2, attention_head_dim=4,
            num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8,
            sample_size=16, timestep_scale=0.5,
        ).eval(),
        scheduler=DPMSolverMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0, solver_order=1
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def flux2(folder: Path, **more):
    """Saves a FLUX.2-klein pipeline; returns it."""
    from diffusers import (
        AutoencoderKLFlux2,
        FlowMatchEulerDiscreteScheduler,
        Flux2KleinPipeline,
        Flux2Transformer2DModel,
    )

    torch.manual_seed(7)
    words, count = letters_tokenizer(folder.parent / f"{folder.name}-qwen", "Qwen2Tokenizer")
    vae = AutoencoderKLFlux2(
        block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=2, layers_per_block=1, sample_size=32,
    ).eval()  # fmt: skip
    vae.bn.running_mean.copy_(torch.linspace(-1, 1, 8))
    vae.bn.running_var.copy_(torch.linspace(0.5, 2, 8))
    pipeline = Flux2KleinPipeline(
        tokenizer=words, text_encoder=qwen(count, 28, head=True), vae=vae,
        transformer=Flux2Transformer2DModel(
            patch_size=1, in_channels=8, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=24, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), **more,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def z_image(folder: Path):
    """Saves a Z-Image pipeline; returns it."""
    from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel

    torch.manual_seed(8)
    words, count = letters_tokenizer(folder.parent / f"{folder.name}-qwen", "Qwen2Tokenizer")
    transformer = ZImageTransformer2DModel(
        in_channels=8, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=8,
        axes_dims=[8, 4, 4], axes_lens=[512, 32, 32],
    ).eval()  # fmt: skip
    for name in ("x_pad_token", "cap_pad_token"):
        torch.nn.init.normal_(getattr(transformer, name), std=0.02)  # left as the memory was
    pipeline = ZImagePipeline(
        tokenizer=words, text_encoder=qwen(count, 2, head=False),
        vae=tiny_models.kl_vae(8, scaling_factor=0.3611, shift_factor=0.1159), transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=6.0),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


FAMILIES = {"pixart": pixart, "sana": sana, "flux2": flux2, "z_image": z_image}
