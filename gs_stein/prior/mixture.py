"""An image prior whose score is known exactly: a mixture of Gaussians with an image-like spectrum.

p(x₀ | y) = Σ_k w_k(y) N(m_k, S), with S diagonal in the DCT domain (power falling with frequency, as in pictures).
With Q = α²S + σ²I the noise prediction is

    ε̂(x_t) = σ Q⁻¹ (x_t − α Σ_k π_k m_k),    π = softmax_k( log w_k + α m_kᵀQ⁻¹x_t − ½α² m_kᵀQ⁻¹m_k ),

that is, a network of two linear layers around a softmax. It stands in for a diffusion model in tests and benches: it
is nearly free, its expectations can be taken to any accuracy, and VSD's LoRA fits on its two layers.
"""

from __future__ import annotations

import re

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.prior.dct import dct2, idct2
from gs_stein.prior.schedule import Schedule
from gs_stein.types import Cameras, TextEmbedding

_ABSENT = -1e4
"""Log-weight of a mode that a prompt excludes; finite, so that 0 · log-weight stays 0."""


class MixtureNetwork(nn.Module):
    """ε̂ in the DCT domain, as two linear layers around a softmax.

    Args:
        means: K mode centres in the DCT domain, flattened.
        spectrum: variance of each DCT coefficient, the diagonal of S.
    """

    spectrum: Tensor

    def __init__(self, means: Float[Tensor, "K D"], spectrum: Float[Tensor, " D"]) -> None:
        super().__init__()
        modes, size = means.shape
        self.gate = nn.Linear(size, modes, bias=False)
        self.read = nn.Linear(modes, size, bias=False)
        with torch.no_grad():
            self.gate.weight.copy_(means)
            self.read.weight.copy_(means.T)
        self.register_buffer("means", means.clone())
        self.register_buffer("spectrum", spectrum.clone())

    def forward(
        self,
        x: Float[Tensor, "B V D"],
        alpha: Float[Tensor, "B 1 1"],
        sigma: Float[Tensor, "B 1 1"],
        log_weights: Float[Tensor, "B V K"],
    ) -> Float[Tensor, "B V D"]:
        """Noise prediction of DCT coefficients `x`."""
        precision = 1.0 / (alpha**2 * self.spectrum + sigma**2)
        energy = 0.5 * alpha**2 * torch.einsum("bvd,kd->bvk", precision, self.get_buffer("means").square())
        posterior = torch.softmax(log_weights + self.gate(alpha * precision * x) - energy, dim=-1)
        return sigma * precision * (x - alpha * self.read(posterior))


class MixturePrior:
    """A `Denoiser` of images (C, h, w) whose classes are groups of modes.

    Prompts: "" means every mode alike, "class 2" the modes of class 2 (modes are dealt round-robin: k mod classes).

    Args:
        shape: (C, h, w) of the space that is diffused. With C = 3 it holds images mapped to [−1, 1]; otherwise a fixed
            orthonormal map takes RGB to C channels.
        modes, classes: K and the number of classes.
        contrast: root-mean-square of the mode centres, per element.
        spread: root-mean-square deviation within a mode, per element.
        falloff: exponent of the power spectrum, power ∝ (1 + radius)^−falloff; pictures have about 2.
        schedule: forward process; Stable Diffusion's by default.
        seed: of the modes.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (4, 8, 8),
        *,
        modes: int = 8,
        classes: int = 4,
        contrast: float = 0.7,
        spread: float = 0.35,
        falloff: float = 2.0,
        schedule: Schedule | None = None,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if modes < classes or classes < 1:
            raise ValueError(f"MixturePrior.classes: {classes} classes for {modes} modes; use 1 … {modes}")
        self.schedule = Schedule.stable_diffusion() if schedule is None else schedule
        self.shape, self.resolution, self.evaluations = shape, shape[1], 0
        self.classes, self.device = classes, torch.device("cpu")
        generator = torch.Generator().manual_seed(seed)
        channels, rows, columns = shape
        radius = torch.hypot(*torch.meshgrid(torch.arange(rows) * 1.0, torch.arange(columns) * 1.0, indexing="ij"))
        power = (1.0 + radius) ** -falloff
        power = (power / power.mean()).expand(channels, -1, -1).to(dtype)
        means = torch.randn(modes, *shape, generator=generator, dtype=torch.float64).to(dtype)
        means = contrast * power.sqrt() * means
        spectrum = spread**2 * power
        self.network = MixtureNetwork(means.flatten(1), spectrum.flatten()).requires_grad_(False)
        self.means: Float[Tensor, "K C h w"] = idct2(means)
        mixing = torch.linalg.qr(torch.randn(max(channels, 3), 3, generator=generator, dtype=torch.float64))[0]
        self._channels = torch.eye(3, dtype=dtype) if channels == 3 else mixing[:channels].to(dtype)

    @property
    def identity(self) -> str:
        """The name of its class: nothing of it is stored."""
        return type(self).__name__

    @property
    def knows_cameras(self) -> bool:
        """False: it looks at single images."""
        return False

    def embed(self, prompts: list[str]) -> TextEmbedding:
        """Log-weights of the modes as one token a prompt.

        Raises:
            ValueError: a prompt that is neither empty nor "class N".
        """
        modes = torch.arange(len(self.means)) % self.classes
        tokens = torch.zeros(len(prompts), 1, len(self.means), dtype=self.means.dtype)
        for row, prompt in zip(tokens, prompts, strict=True):
            match = re.fullmatch(r"class (\d+)", prompt.strip())
            if match and int(match[1]) < self.classes:
                row[0] = torch.where(modes == int(match[1]), 0.0, _ABSENT)
            elif prompt.strip():
                raise ValueError(
                    f'prompt: "{prompt}" is unknown to the mixture; use "" or "class 0…{self.classes - 1}"'
                )
        return TextEmbedding(tokens, torch.ones(len(prompts), 1, dtype=torch.bool))

    def encode(self, rgb: Float[Tensor, "V 3 H W"]) -> Float[Tensor, "V C h w"]:
        """Area-averaged to h × w, mapped to [−1, 1], and to C channels."""
        small = nn.functional.interpolate(rgb, size=self.shape[1:], mode="area")
        return torch.einsum("cr,vrhw->vchw", self._channels.to(rgb), 2.0 * small - 1.0)

    def decode(self, x0: Float[Tensor, "V C h w"]) -> Float[Tensor, "V 3 H W"]:
        """The least-squares inverse of `encode`, at h × w."""
        return 0.5 + 0.5 * torch.einsum("rc,vchw->vrhw", torch.linalg.pinv(self._channels.to(x0)), x0)

    def predict(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        text: list[TextEmbedding],
        cameras: Cameras | None,
    ) -> Float[Tensor, "B V C h w"]:
        """The exact noise prediction; views are independent and cameras are ignored."""
        groups, views = x_t.shape[:2]
        self.evaluations += groups * views
        # The sum over tokens lets a prompt be edited additively (VSD's camera token).
        log_weights = torch.stack([prompt.expand(views).tokens.sum(1) for prompt in text]).to(x_t)
        alpha, sigma = (value.to(x_t).view(-1, 1, 1) for value in (self.schedule.alpha(t), self.schedule.sigma(t)))
        eps = self.network(dct2(x_t).flatten(2), alpha, sigma, log_weights)
        return idct2(eps.view(x_t.shape))

    def sample(self, prompt: str, count: int, generator: torch.Generator) -> Float[Tensor, "count C h w"]:
        """Exact draws of x₀ for a prompt."""
        weights = torch.softmax(self.embed([prompt]).tokens[0, 0], dim=0)
        chosen = torch.multinomial(weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, *self.shape, generator=generator, dtype=self.means.dtype)
        return self.means[chosen] + idct2(self.network.spectrum.view(self.shape).sqrt() * noise)

    def distance(self, x0: Float[Tensor, "V C h w"], prompt: str) -> Float[Tensor, " V"]:
        """Root-mean-square distance to the nearest mode of a prompt."""
        allowed = self.means[self.embed([prompt]).tokens[0, 0] > 0.5 * _ABSENT].to(x0)
        return (x0[:, None] - allowed[None]).square().mean((2, 3, 4)).sqrt().amin(1)
