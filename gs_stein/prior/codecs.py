"""Pixels ↔ the space that is diffused: Stable Diffusion's VAE, its tiny stand-in, SANA's, FLUX.2's, the bundled one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.autoencoders.autoencoder_kl_flux2 import AutoencoderKLFlux2
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    from gs_stein.prior.bundled import PatchCodec


@runtime_checkable
class Codec(Protocol):
    """A differentiable pair of maps between images in [0, 1] and latents of about unit variance."""

    scale: int
    """Pixels per latent cell."""
    channels: int
    """Latent channels C."""

    @property
    def module(self) -> nn.Module:
        """The network itself."""
        ...

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """Images in [0, 1] to latents."""
        ...

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """Latents to images (not clamped)."""
        ...


class KLCodec:
    """`AutoencoderKL`, with the affine normalisation of its config: z = (mean(x) - shift) · scaling_factor.

    The posterior's mean is used instead of a sample: the noise of distillation drowns the difference (its standard
    deviation is far below σ_t), and every random number stays explicit.
    """

    def __init__(self, module: AutoencoderKL) -> None:
        self.module = module
        config = module.config
        self.scale = 2 ** (len(config["block_out_channels"]) - 1)
        self.channels = config["latent_channels"]
        # Playground's SDXL fine-tunes normalise per channel; SD3 has a scalar shift; the others only a factor.
        shift = config["shift_factor"] or 0.0
        mean, std = config["latents_mean"], config["latents_std"]
        one = torch.ones(1, self.channels, 1, 1)
        self.shift = one * (torch.tensor(mean).view(1, -1, 1, 1) if mean is not None else shift)
        self.factor = one * config["scaling_factor"] / (torch.tensor(std).view(1, -1, 1, 1) if std is not None else 1.0)

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """See `Codec`; differentiable, returned in the dtype of `rgb`."""
        encoded: Any = self.module.encode(2.0 * rgb.to(self.module.dtype) - 1.0)
        mean = encoded.latent_dist.mode().to(rgb.dtype)
        return (mean - self.shift.to(rgb)) * self.factor.to(rgb)

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """See `Codec`; differentiable, returned in the dtype of `x0`."""
        latent = x0 / self.factor.to(x0) + self.shift.to(x0)
        return self.module.decode(latent.to(self.module.dtype), return_dict=False)[0].to(x0.dtype) / 2.0 + 0.5


class _DirectCodec:
    """An autoencoder without a posterior: what it encodes, times one factor, is the latent."""

    def __init__(self, module: AutoencoderTiny | AutoencoderDC) -> None:
        self.module = module
        config = module.config
        self.scale = 2 ** (len(config["encoder_block_out_channels"]) - 1)
        self.channels = config["latent_channels"]
        self.factor = config["scaling_factor"]

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """See `Codec`."""
        encoded = self.module.encode(2.0 * rgb.to(self.module.dtype) - 1.0, return_dict=False)[0]
        return encoded.to(rgb.dtype) * self.factor

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """See `Codec`."""
        latent = (x0 / self.factor).to(self.module.dtype)
        return self.module.decode(latent, return_dict=False)[0].to(x0.dtype) / 2.0 + 0.5


class TinyCodec(_DirectCodec):
    """`AutoencoderTiny` (TAESD): the same latents as the VAE it was distilled from, at an 18th of the decoding cost.

    Its latents are already normalised (scaling_factor 1).
    """


class DeepCodec(_DirectCodec):
    """`AutoencoderDC` (SANA's, arXiv 2410.10733): 32 × 32 pixels a cell."""


class Flux2Codec:
    """`AutoencoderKLFlux2`: 2 × 2 cells side by side as channels, each standardised by statistics of its training."""

    def __init__(self, module: AutoencoderKLFlux2) -> None:
        self.module = module
        config = module.config
        self.scale = 2 ** len(config["block_out_channels"])
        self.channels = 4 * config["latent_channels"]

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        norm: Any = self.module.bn
        mean, variance = (x.to(like).view(1, -1, 1, 1) for x in (norm.running_mean, norm.running_var))
        return mean, (variance + self.module.config["batch_norm_eps"]).sqrt()

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """See `Codec`; the posterior's mean, as in `KLCodec`."""
        encoded: Any = self.module.encode(2.0 * rgb.to(self.module.dtype) - 1.0)
        cells = nn.functional.pixel_unshuffle(encoded.latent_dist.mode().to(rgb.dtype), 2)
        mean, deviation = self._statistics(cells)
        return (cells - mean) / deviation

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """See `Codec`."""
        mean, deviation = self._statistics(x0)
        latent: Any = nn.functional.pixel_shuffle(x0 * deviation + mean, 2).to(self.module.dtype)
        return self.module.decode(latent, return_dict=False)[0].to(x0.dtype) / 2.0 + 0.5


class LinearCodec:
    """The bundled prior's patch codec, which speaks [0, 1] already."""

    def __init__(self, module: PatchCodec) -> None:
        self.module = module
        self.scale = module.config["patch"]
        self.channels = module.config["channels"]

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """See `Codec`."""
        return self.module.encode(rgb.to(self.module.mean.dtype)).to(rgb.dtype)

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """See `Codec`."""
        return self.module.decode(x0.to(self.module.mean.dtype)).to(x0.dtype)
