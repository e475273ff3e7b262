"""Networks of the published sizes with random weights: time and memory can be measured where no weights can be had."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gs_stein.prior import full_size as sizes
from gs_stein.prior.adapters import Network, PlainUNet, SD3Transformer, SDXLUNet
from gs_stein.prior.checkpoints.weights import quiet
from gs_stein.prior.codecs import KLCodec, TinyCodec
from gs_stein.prior.depth import MonocularDepth
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.encoders import Encode, PromptCache
from gs_stein.prior.families.table import network_class
from gs_stein.prior.schedule import Schedule
from gs_stein.types import TextEmbedding

KINDS = ("sd15", "sdxl", "sd3")
"""An ε-prediction of each size, and a flow."""


def filled(module: nn.Module, device: torch.device, dtype: torch.dtype, seed: int = 0) -> Any:
    """A module that was built on PyTorch's meta device, on a real one with random weights of a sensible size."""
    with quiet():
        module = module.to(dtype).to_empty(device=device).eval().requires_grad_(False)
    generator = torch.Generator(device).manual_seed(seed)
    named = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in named:
        if not tensor.is_floating_point():
            tensor.zero_()
        elif tensor.ndim < 2:
            tensor.fill_(float(name.endswith("weight")))  # norms do nothing, biases are nought
        else:
            tensor.normal_(std=1 / math.sqrt(tensor[0].numel()), generator=generator)
    return module


def random_text(width: int, tokens: int, pooled: int | None) -> Encode:
    """Stands for a text encoder: a random embedding a prompt, the same one for the same prompt."""

    def encode(prompts: list[str]) -> TextEmbedding:
        def numbers(prompt: str, *shape: int) -> Tensor:
            return torch.randn(shape, generator=torch.Generator().manual_seed(len(prompt)))

        states = torch.stack([numbers(prompt, tokens, width) for prompt in prompts])
        extra = None if pooled is None else torch.stack([numbers(prompt, pooled) for prompt in prompts])
        return TextEmbedding(states, torch.ones(states.shape[:2], dtype=torch.bool), extra)

    return encode


def random_prior(kind: str, device: torch.device, dtype: torch.dtype, resolution: int, tiny: bool) -> DiffusionPrior:
    """A prior of one of `KINDS`.

    Args:
        kind: which.
        device, dtype: of the networks; SDXL's autoencoder is in fp32 where they are in fp16, as it has to be.
        resolution: side in pixels at which it looks at renders.
        tiny: everything a hundredth of its size, to see whether all runs.
    """
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    network, vae, width, tokens, pooled = sizes.TINY[kind] if tiny else sizes.FULL[kind]
    name = "SD3Transformer2DModel" if kind == "sd3" else "UNet2DConditionModel"
    with torch.device("meta"):
        module, autoencoder = network_class(name)(**network), AutoencoderKL(**vae)
    module = filled(module, device, dtype)
    upcast = kind == "sdxl" and dtype == torch.float16
    codec = KLCodec(filled(autoencoder, device, torch.float32 if upcast else dtype, seed=1))
    adapters: dict[str, Network] = {
        "sd15": PlainUNet(module), "sdxl": SDXLUNet(module, resolution, codec.scale), "sd3": SD3Transformer(module),
    }  # fmt: skip
    flow = kind == "sd3"
    return DiffusionPrior(
        adapters[kind], "flow" if flow else "eps", codec, Schedule.flow() if flow else Schedule.stable_diffusion(),
        PromptCache(lambda: random_text(width, tokens, pooled), device), resolution, device, f"random {kind}",
        Path("nowhere"),
    )  # fmt: skip


def random_depth(prior: DiffusionPrior, dtype: torch.dtype, tiny: bool) -> MonocularDepth:
    """Depth-Anything V2 small behind a tiny autoencoder of the prior's latents."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone, head, decoder = sizes.TINY_DEPTH if tiny else sizes.DEPTH
    config = DepthAnythingConfig(backbone_config=Dinov2Config(**backbone), **head)
    with torch.device("meta"):
        network = DepthAnythingForDepthEstimation(config)
        codec: Any = AutoencoderTiny(latent_channels=prior.codec.channels, **decoder)
    decode = TinyCodec(filled(codec, prior.device, dtype, seed=2)).decode
    half = [0.5] * 3
    return MonocularDepth(
        filled(network, prior.device, dtype, seed=3), decode, backbone["image_size"], half, half, inverse=True
    )
