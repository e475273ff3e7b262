"""Priors and depth estimators as folders: tiny random ones in the layouts of diffusers and transformers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from gs_stein.bench.chaos.inputs import Input


def bundled(folder: Path) -> None:
    """A prior of the bundled kind."""
    from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec

    torch.manual_seed(0)
    network = MultiViewDenoiser(
        channels=4, sample_size=8, stem_width=16, stem_blocks=1, width=32, depth=1, heads=2, resolution=32
    )
    parts = {"network": network, "codec": PatchCodec(patch=4, channels=4), "depth": NoisyDepth(4, 16, 1)}
    for name, part in parts.items():
        part.save_pretrained(folder / name)
    (folder / "scheduler").mkdir()
    _write(folder / "scheduler" / "scheduler_config.json", {
        "_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000
    })  # fmt: skip
    _write(folder / "model_index.json", {
        "_class_name": "MultiViewPipeline",
        **{name: ["gs_stein.prior.bundled", type(part).__name__] for name, part in parts.items()},
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    })  # fmt: skip


def stable_diffusion(folder: Path) -> None:
    """Stable Diffusion, with a vocabulary of letters."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(1)
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters), "th"]
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    _write(tokenizer / "vocab.json", {token: i for i, token in enumerate(vocabulary)})
    (tokenizer / "merges.txt").write_text("#version: 0.2\nt h\n", encoding="utf-8")
    _write(tokenizer / "tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
    })  # fmt: skip
    CLIPTextModel(CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )).save_pretrained(folder / "text_encoder")  # fmt: skip
    autoencoder: Any = AutoencoderKL  # whose annotations allow one block only
    autoencoder(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, norm_num_groups=4,
        up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, sample_size=32,
    ).save_pretrained(folder / "vae")  # fmt: skip
    UNet2DConditionModel(
        sample_size=16, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, in_channels=4, out_channels=4,
        cross_attention_dim=16, attention_head_dim=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    ).save_pretrained(folder / "unet")  # fmt: skip
    (folder / "scheduler").mkdir()
    _write(folder / "scheduler" / "scheduler_config.json", {
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000, "prediction_type": "epsilon", "trained_betas": None,
    })  # fmt: skip
    _write(folder / "model_index.json", {
        "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"],
    })  # fmt: skip


def monocular(folder: Path) -> None:
    """A depth estimator of MiDaS's kind."""
    from transformers import DPTConfig, DPTForDepthEstimation

    torch.manual_seed(2)
    DPTForDepthEstimation(DPTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24, image_size=64, patch_size=16,
        backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16], fusion_hidden_size=8, is_hybrid=False,
    )).save_pretrained(folder)  # fmt: skip
    _write(folder / "preprocessor_config.json", {
        "image_processor_type": "DPTImageProcessor", "do_normalize": True, "size": {"height": 64, "width": 64},
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "ensure_multiple_of": 1,
    })  # fmt: skip


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_bundled(folder: Path) -> Iterable[Any]:
    """As `--model FOLDER` does, with its own depth estimator."""
    from gs_stein.prior.checkpoints.load import load_prior
    from gs_stein.prior.depth import load_depth
    from gs_stein.prior.options import DepthOptions, DiffusionOptions

    prior = load_prior(DiffusionOptions(model=str(folder)))
    depth: Any = load_depth(DepthOptions(), prior)
    return [*_numbers(prior.network), *_numbers(prior.codec.module), *_numbers(depth.network)]


def read_stable_diffusion(folder: Path) -> Iterable[Any]:
    """As `--model FOLDER` does, until the first prompt is read."""
    from gs_stein.prior.checkpoints.load import load_prior
    from gs_stein.prior.options import DiffusionOptions

    prior = load_prior(DiffusionOptions(model=str(folder)))
    tokens = prior.embed(["a red room"]).tokens
    table = prior.schedule.alphas_cumprod
    return [*_numbers(prior.network), *_numbers(prior.codec.module), tokens, *([] if table is None else [table])]


def read_monocular(folder: Path) -> Iterable[Any]:
    """As `--depth.model FOLDER`."""
    from gs_stein.prior.depth import load_monocular

    estimator = load_monocular(folder, lambda x: x, None, torch.device("cpu"), torch.float32)
    return _numbers(estimator.network)


def _numbers(module: Any) -> Iterable[torch.Tensor]:
    return (tensor for tensor in module.state_dict().values() if tensor.is_floating_point())


def quietly(make: Any) -> Any:
    """Without what the libraries have to say about tiny networks."""

    def quiet(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(folder)

    return quiet


PRIORS = (
    Input("prior-bundled", quietly(bundled), read_bundled, share=3),
    Input("prior-sd", quietly(stable_diffusion), read_stable_diffusion, share=3),
    Input("depth-dpt", quietly(monocular), read_monocular, share=2),
)
