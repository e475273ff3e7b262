"""The coefficients β of the control variates: regression per timestep bin, on noise other than the draw's own.

Minimising E‖ω(f − Σ_k β_k ⊙ h_k)‖² over β is linear regression. Coefficients are resolved per *part* of the latent:
the whole of it, or every channel × radial frequency band of its DCT. The DCT is orthonormal, so parts are orthogonal
and each has its own n × n system (n baselines): a batch of tiny solves, whatever the number of parts.

Zero mean survives only if β is independent of the noise it multiplies. So β at a step comes from the decayed moments
of past steps, optionally joined by the other noises of the same step (leave-one-out), never from the draw's own.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gs_stein.distill.draw import Draw, timestep_bins
from gs_stein.distill.options import CoefficientOptions
from gs_stein.distill.spectral import parts
from gs_stein.prior.dct import dct2, idct2


class Coefficients:
    """Decayed moments per (timestep bin, part), and β solved from them.

    Args:
        options: bins, bands, half-life, ridge.
        count: n, number of control variates.
        prior: (n,) coefficients to shrink to: SDS's, (1, 0, …), where the first variate is ε.
        spectral: resolve per channel × band; else one coefficient a variate.
        num_timesteps: T, the extent of the bins.
    """

    def __init__(
        self,
        options: CoefficientOptions,
        count: int,
        prior: Float[Tensor, " n"],
        *,
        spectral: bool,
        num_timesteps: int,
    ) -> None:
        self.options, self.count, self.spectral, self.num_timesteps = options, count, spectral, num_timesteps
        self.prior = prior.double()
        self.moments: Float[Tensor, "bins P m m"] | None = None
        """Decayed Σ ω² zzᵀ over draws and pixels, z = (h_1 … h_n, f), m = n + 1. None before the first draw."""
        self.pixels: Float[Tensor, "bins P"] | None = None
        """Decayed number of pixels (latent elements) behind each moment."""
        self._part: Int[Tensor, " D"] | None = None
        self._onehot: Float[Tensor, "P D"] | None = None

    def residual(
        self, f: Float[Tensor, "B V C h w"], variates: list[Float[Tensor, "B V C h w"]], draw: Draw, *, update: bool
    ) -> Float[Tensor, "B V C h w"]:
        """f − Σ β_k ⊙ h_k with coefficients that never saw the draw's own noise.

        Args:
            f: the guided noise prediction.
            variates: h_1 … h_n on the same draw.
            draw: gives t, weights, and which groups share a noise.
            update: fold this draw into the moments afterwards.
        """
        stack = torch.stack([*variates, f])
        stack = (dct2(stack) if self.spectral else stack).flatten(3)  # m B V D
        part = self._parts(draw.x0)
        moments, pixels = self._draw_moments(stack, draw, part)
        beta = self._solve_for(draw, moments, pixels).to(f)  # B P n
        spread = beta[:, part].permute(2, 0, 1)[:, :, None]  # n B 1 D
        result = (stack[-1] - (spread * stack[: self.count]).sum(0)).view(f.shape)
        if update:
            self._fold(draw, moments, pixels)
        return idct2(result) if self.spectral else result

    def update(self, f: Float[Tensor, "B V C h w"], variates: list[Float[Tensor, "B V C h w"]], draw: Draw) -> None:
        """Only fold a draw into the moments."""
        self.residual(f, variates, draw, update=True)

    def table(self) -> Float[Tensor, "bins P n"]:
        """β of every bin and part, for plots: parts are channel-major (part = channel · bands + band)."""
        if self.moments is None or self.pixels is None:
            return self.prior.expand(self.options.bins, 1, self.count).clone()
        return self._solve(self.moments, self.pixels)

    def state_dict(self) -> dict[str, Tensor]:
        """Moments and pixel counts (empty before the first draw)."""
        if self.moments is None or self.pixels is None:
            return {}
        return {"moments": self.moments.clone(), "pixels": self.pixels.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        self.moments = state["moments"].clone() if state else None
        self.pixels = state["pixels"].clone() if state else None

    def _parts(self, x0: Float[Tensor, "V C h w"]) -> Int[Tensor, " D"]:
        if self._part is None or self._part.numel() != x0[0].numel():
            channels, rows, columns = x0.shape[1:]
            if self.spectral:
                self._part = parts(channels, rows, columns, self.options.bands).to(x0.device)
            else:
                self._part = torch.zeros(x0[0].numel(), dtype=torch.long, device=x0.device)
        return self._part

    def _draw_moments(
        self, stack: Float[Tensor, "m B V D"], draw: Draw, part: Int[Tensor, " D"]
    ) -> tuple[Float[Tensor, "B P m m"], Float[Tensor, " P"]]:
        size, groups, views, _ = stack.shape
        membership = self._membership(part).to(stack.device)
        products = torch.einsum("ibvd,jbvd->bdij", stack, stack).flatten(2).double()
        moments = (membership @ products).unflatten(2, (size, size))
        return moments * draw.weight.double().square().view(-1, 1, 1, 1), membership.sum(1) * views

    def _membership(self, part: Int[Tensor, " D"]) -> Float[Tensor, "P D"]:
        # Summing over parts as a small dense product: faster than scattered additions on every device.
        if self._onehot is None or self._onehot.shape[1] != len(part):
            self._onehot = torch.nn.functional.one_hot(part).T.double().contiguous()
        return self._onehot

    def _solve_for(
        self, draw: Draw, moments: Float[Tensor, "B P m m"], pixels: Float[Tensor, " P"]
    ) -> Float[Tensor, "B P n"]:
        groups, count, size, _ = moments.shape
        bins = timestep_bins(draw.t, self.options.bins, self.num_timesteps)
        total, seen = moments.new_zeros(groups, count, size, size), moments.new_zeros(groups, count)
        if self.moments is not None and self.pixels is not None:
            total, seen = total + self.moments.to(total)[bins], seen + self.pixels.to(seen)[bins]
        if self.options.leave_one_out and groups > 1:
            # Other noises of this step in the same bin; an antithetic twin is the same noise.
            others = (bins[:, None] == bins[None]) & (draw.source[:, None] != draw.source[None])
            others = others.double()
            total = total + torch.einsum("ab,bpij->apij", others, moments)
            seen = seen + others.sum(1)[:, None] * pixels
        return self._solve(total, seen)

    def _solve(self, moments: Float[Tensor, "X P m m"], pixels: Float[Tensor, "X P"]) -> Float[Tensor, "X P n"]:
        n = self.count
        gram, target = moments[..., :n, :n], moments[..., :n, n]
        prior = self.prior.to(gram)
        # Ridge toward SDS as a Gaussian prior on β of variance 1/ridge: its strength, in pixels, is ridge times the
        # noise of the regression, which is SDS's own residual (per unit of ε²). So a part that SDS predicts poorly,
        # as with strong guidance, has to see more pixels before it is believed.
        fallback = torch.ones_like(pixels)
        left = moments[..., n, n] - 2.0 * (target * prior).sum(-1) + torch.einsum("i,...ij,j->...", prior, gram, prior)
        noise = torch.where(gram[..., 0, 0] > 0, left.clamp_min(0) / gram[..., 0, 0].clamp_min(1e-300), fallback)
        diagonal = gram.diagonal(dim1=-2, dim2=-1)
        unit = torch.where(diagonal > 0, diagonal / pixels.clamp_min(1e-12)[..., None], fallback[..., None])
        # The relative floor only keeps collinear variates solvable.
        penalty = self.options.ridge * noise[..., None] * unit + 1e-9 * diagonal + 1e-30
        return torch.linalg.solve(gram + torch.diag_embed(penalty), target + penalty * prior)

    def _fold(self, draw: Draw, moments: Float[Tensor, "B P m m"], pixels: Float[Tensor, " P"]) -> None:
        if self.moments is None or self.pixels is None:
            self.moments = moments.new_zeros(self.options.bins, *moments.shape[1:])
            self.pixels = moments.new_zeros(self.options.bins, len(pixels))
        bins = timestep_bins(draw.t, self.options.bins, self.num_timesteps)
        drawn = torch.bincount(bins, minlength=self.options.bins).double()
        decay = 0.5 ** (drawn / self.options.half_life)
        self.moments = self.moments.to(moments) * decay[:, None, None, None]
        self.moments.index_add_(0, bins, moments)
        self.pixels = self.pixels.to(moments) * decay[:, None] + drawn[:, None] * pixels
