"""The scene itself: N Gaussians in the raw, unbounded coordinates that an optimiser walks in.

`Gaussians` is a plain frozen container. An optimiser holds the same tensors as leaves (`parameters`), a densifier
replaces them by longer or shorter ones, and `Gaussians.from_parameters` puts them back into a scene without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

SH_C0 = 0.28209479177387814
"""The constant basis function 1/(2√π): rgb = 0.5 + SH_C0 · sh[:, 0] for a Gaussian without view dependence."""
MAX_SH_DEGREE = 3


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians. All fields share dtype and device; gradients flow through every one of them."""

    means: Float[Tensor, "N 3"]
    """Centres in the world, metres."""
    log_scales: Float[Tensor, "N 3"]
    """Natural logarithm of the standard deviations (metres) along the Gaussian's own axes."""
    quats: Float[Tensor, "N 4"]
    """Rotation from own axes to the world, w x y z, of any length (normalised where used)."""
    opacity_logits: Float[Tensor, " N"]
    """Opacity before the sigmoid."""
    sh: Float[Tensor, "N K 3"]
    """Spherical-harmonic colour coefficients, K = (degree + 1)²; rgb = max(0, 0.5 + Σ basis · sh)."""

    def __post_init__(self) -> None:
        n = self.means.shape[0]
        wanted = {"means": (n, 3), "log_scales": (n, 3), "quats": (n, 4), "opacity_logits": (n,)}
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(
                    f"Gaussians.{name}: shape {tuple(getattr(self, name).shape)} does not fit {n} means; give {shape}"
                )
        sh = tuple(self.sh.shape)
        if len(sh) != 3 or sh[0] != n or sh[2] != 3 or sh[1] not in (1, 4, 9, 16):
            raise ValueError(
                f"Gaussians.sh: shape {sh} does not fit {n} means; give ({n}, K, 3) with K = 1, 4, 9 or 16"
            )

    def __len__(self) -> int:
        return self.means.shape[0]

    @property
    def count(self) -> int:
        """Number of Gaussians N."""
        return len(self)

    @property
    def sh_degree(self) -> int:
        """Degree of the colour's view dependence: 0 (none) to 3."""
        return math.isqrt(self.sh.shape[1]) - 1

    @property
    def scales(self) -> Float[Tensor, "N 3"]:
        """Standard deviations along the own axes, metres."""
        return self.log_scales.exp()

    @property
    def opacities(self) -> Float[Tensor, " N"]:
        """Peak opacities in (0, 1)."""
        return self.opacity_logits.sigmoid()

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.means.device

    @property
    def dtype(self) -> torch.dtype:
        """Their floating-point type."""
        return self.means.dtype

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The five raw tensors in field order."""
        return self.means, self.log_scales, self.quats, self.opacity_logits, self.sh

    def to(self, *args, **kwargs) -> Gaussians:
        """Move or cast every tensor, as `Tensor.to` does."""
        return Gaussians(*(tensor.to(*args, **kwargs) for tensor in self.tensors()))

    def detach(self) -> Gaussians:
        """The same values outside the graph (memory is shared)."""
        return Gaussians(*(tensor.detach() for tensor in self.tensors()))

    def clone(self) -> Gaussians:
        """A copy with memory of its own, still in the graph."""
        return Gaussians(*(tensor.clone() for tensor in self.tensors()))

    def requires_grad_(self) -> Gaussians:
        """Ask for gradients of every field, in place; returns self."""
        for tensor in self.tensors():
            tensor.requires_grad_()
        return self

    def __getitem__(self, index: slice | list[int] | Tensor) -> Gaussians:
        return Gaussians(*(tensor[index] for tensor in self.tensors()))

    @staticmethod
    def cat(parts: list[Gaussians]) -> Gaussians:
        """Several sets in one, padded with zeros to the highest SH degree among them."""
        degree = max(part.sh_degree for part in parts)
        padded = [part.with_sh_degree(degree) for part in parts]
        return Gaussians(*(torch.cat(columns) for columns in zip(*(p.tensors() for p in padded), strict=True)))

    def with_sh_degree(self, degree: int) -> Gaussians:
        """Truncate the spherical harmonics to a degree, or pad them with zeros up to it."""
        if not 0 <= degree <= MAX_SH_DEGREE:
            raise ValueError(f"sh_degree: {degree} is not possible; give 0 to {MAX_SH_DEGREE}")
        wanted = (degree + 1) ** 2
        missing = wanted - self.sh.shape[1]
        if missing <= 0:
            sh = self.sh[:, :wanted]
        else:
            sh = torch.cat([self.sh, self.sh.new_zeros(len(self), missing, 3)], dim=1)
        return Gaussians(self.means, self.log_scales, self.quats, self.opacity_logits, sh)

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """Detached copies as leaf parameters, under the names that gsplat's densification strategies expect.

        Colour comes as "sh0" (N, 1, 3) and "shN" (N, K-1, 3), so that each can have a learning rate of its own;
        "shN" is absent at degree 0.
        """
        raw = {
            "means": self.means,
            "scales": self.log_scales,
            "quats": self.quats,
            "opacities": self.opacity_logits,
            "sh0": self.sh[:, :1],
        }
        if self.sh.shape[1] > 1:
            raw["shN"] = self.sh[:, 1:]
        return {
            name: torch.nn.Parameter(tensor.detach().clone(memory_format=torch.contiguous_format))
            for name, tensor in raw.items()
        }

    @staticmethod
    def from_parameters(parameters: Mapping[str, Tensor]) -> Gaussians:
        """The scene that these leaves (see `parameters`) describe; gradients reach them."""
        sh = parameters["sh0"]
        if "shN" in parameters:
            sh = torch.cat([sh, parameters["shN"]], dim=1)
        return Gaussians(parameters["means"], parameters["scales"], parameters["quats"], parameters["opacities"], sh)

    def finite(self) -> Tensor:
        """Mask (N,) of the Gaussians whose every number is finite."""
        mask = torch.ones(len(self), dtype=torch.bool, device=self.device)
        for field in fields(self):
            tensor = getattr(self, field.name)
            mask &= tensor.isfinite().reshape(len(self), -1).all(dim=1)
        return mask


def rgb_to_sh(rgb: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """The constant SH coefficient that shows a colour in [0, 1]."""
    return (rgb - 0.5) / SH_C0


def sh_to_rgb(sh0: Float[Tensor, "N 3"]) -> Float[Tensor, "N 3"]:
    """The colour that a constant SH coefficient shows (not clamped)."""
    return 0.5 + SH_C0 * sh0
