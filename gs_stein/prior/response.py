"""How a denoiser's answer moves with the noise it is shown, guessed without asking it.

At the noise levels of distillation nine tenths of what is odd in ε of ε̂ − ε is linear in ε (docs/method.md):
ε̂(x_t) − ε ≈ E[ε̂ − ε] + A ε, where A depends on the clean picture, camera, noise level and prompt, but on no noise.
`NoiseResponse` is such an A: a network in which ε meets only products with what was worked out from those.

Of a perfect denoiser A = −α²/σ² E Cov[x₀ | x_t], by Tweedie's formula of second order. It is as large as α at all noise
levels (within a factor of two, measured), so the network gives it over α.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.prior.attention import start_at_zero
from gs_stein.prior.bundled import RAY_FEATURES, ray_features, timestep_features
from gs_stein.prior.pretrained import Pretrained
from gs_stein.types import Cameras

_TIME_FEATURES = 64


class ResponseBlock(nn.Module):
    """Attention across all views, then a gated product in each cell.

    What is worked out from the conditions goes through the same attention, and decides its weights and all gates; the
    noise only passes.

    Args:
        width: of a token, of noise and of conditions.
        heads: of attention.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query_key = nn.Linear(width, 2 * width)
        self.value_gate = nn.Linear(width, width)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.condition_value = nn.Linear(width, width)
        self.norm_cell = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.up = nn.Linear(width, 2 * width, bias=False)
        self.down = nn.Linear(2 * width, width, bias=False)
        self.condition_up = nn.Linear(width, 2 * width)
        self.condition_down = nn.Linear(2 * width, width)
        start_at_zero(self.condition_value, self.condition_down, self.value_gate, self.gate)

    def forward(
        self, noise: Float[Tensor, "B N width"], condition: Float[Tensor, "B N width"]
    ) -> tuple[Float[Tensor, "B N width"], Float[Tensor, "B N width"]]:
        """Both after the block; the first is linear in `noise`, and the second does not depend on it."""
        seen = self.norm(condition)
        query, key = self.query_key(seen).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Values of both side by side, a head each: one attention for the two.
        values = torch.stack([self.value(noise * (1 + self.value_gate(seen))), self.condition_value(seen)], dim=2)
        values = values.unflatten(-1, (self.heads, -1)).permute(0, 3, 1, 2, 4).flatten(3)
        moved = F.scaled_dot_product_attention(query, key, values).unflatten(-1, (2, -1)).permute(3, 0, 2, 1, 4)
        noise, condition = noise + self.out(moved[0].flatten(2)), condition + moved[1].flatten(2)
        seen = self.norm_cell(condition)
        noise = noise + self.down(self.up(noise) * (1 + self.gate(seen)))
        return noise, condition + self.condition_down(F.gelu(self.condition_up(seen)))


class NoiseResponse(Pretrained):
    """A ε for two guidance branches: of the denoiser's answer without the prompt, and of what the prompt adds to it.

    Args:
        channels: of the latent.
        width: of a token.
        depth: blocks.
        heads: of attention.
        text_width: of the text encoder's tokens.
        patch: cells of the latent along a token's side.
        side: tokens along a view's side for which places are learnt; others are interpolated.
        cameras: whether it sees where the views are (then views are one scene's).
        room: of the ray features, metres.
    """

    def __init__(
        self,
        channels: int = 32,
        width: int = 96,
        depth: int = 3,
        heads: int = 4,
        text_width: int = 384,
        patch: int = 2,
        side: int = 8,
        cameras: bool = True,
        room: Sequence[float] = (5.0, 4.4, 2.6),
    ):
        super().__init__()
        cell = channels * patch**2
        self.enter = nn.Linear(cell, width, bias=False)
        self.picture = nn.Linear(cell, width)
        self.where = nn.Linear(RAY_FEATURES, width) if cameras else None
        self.position = nn.Parameter(torch.zeros(side * side, width))
        self.time = nn.Sequential(nn.Linear(_TIME_FEATURES + 1, width), nn.SiLU(), nn.Linear(width, width))
        self.sentence = nn.Linear(text_width, width)
        self.blocks = nn.ModuleList(ResponseBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.direct = nn.Linear(width, 2)
        leaves = [nn.Linear(width, cell, bias=False) for _ in range(2)]
        start_at_zero(self.gate, self.direct, *leaves)  # no response until it is learnt
        self.exit = nn.ModuleList(leaves)

    def forward(
        self,
        eps: Float[Tensor, "B V C h w"],
        x0: Float[Tensor, "G V C h w"],
        alpha: Float[Tensor, " B"],
        sentence: Float[Tensor, "S P D"],
        cameras: Cameras | None,
    ) -> tuple[Float[Tensor, "B V C h w"], Float[Tensor, "B V C h w"]]:
        """The response to noise of B groups of V views, linear in it.

        Args:
            eps: the noise.
            x0: clean latents of the views, of each group or of all alike (G is B or 1).
            alpha: α of the noise level, a group's.
            sentence: mean text token of the prompt, of each group or of all alike (S), a view or all of them (P is V
                or 1).
            cameras: of the V views, or of B·V, group by group; needed where the network sees cameras.

        Returns:
            Of the answer without the prompt, and of the difference that the prompt makes.

        Raises:
            ValueError: the latent is no multiple of the patch, or cameras are missing.
        """
        (B, V, _, rows, _), patch = eps.shape, self.config["patch"]
        if rows % patch or eps.shape[-1] != rows:
            raise ValueError(f"learned: latents of {rows} × {eps.shape[-1]} cells are not made of patches of {patch}")
        side = rows // patch
        noise = self._tokens(eps.flatten(0, 1)).unflatten(0, (B, V)).flatten(1, 2)
        place = self._positions(side)
        if self.where is not None:
            if cameras is None:
                raise ValueError("learned: this network sees cameras; pass them")
            rays = ray_features(cameras, side, side, self.config["room"]).to(eps.dtype)
            place = (self.where(rays).flatten(1, 2) + place).unflatten(0, (-1, V))
        octave = math.log2(self.config["side"] / side)
        time = [timestep_features(1000 * (1 - alpha), _TIME_FEATURES), alpha.new_full((B, 1), octave)]
        # As the denoiser meets it: at high noise next to nothing of the picture is left to look at.
        seen = alpha.to(eps.dtype)[:, None, None, None, None] * x0
        condition = self.picture(self._tokens(seen.flatten(0, 1))).unflatten(0, (-1, V)) + place
        condition = (
            condition
            + self.time(torch.cat(time, dim=1).to(eps.dtype))[:, None, None]
            + self.sentence(sentence)[:, :, None]
        )
        condition = condition.flatten(1, 2)
        raw, noise = noise, self.enter(noise)
        for block in self.blocks:
            noise, condition = block(noise, condition)
        seen = self.norm(condition)
        direct, alpha = self.direct(seen), alpha.to(eps.dtype)[:, None, None]
        without, added = (
            self._cells(alpha * (leave(noise * (1 + gate)) + direct[..., i : i + 1] * raw), B, V, side)
            for i, (gate, leave) in enumerate(zip(self.gate(seen).chunk(2, -1), self.exit, strict=True))
        )
        return without, added

    def _tokens(self, x: Float[Tensor, "n C h w"]) -> Float[Tensor, "n N cell"]:
        return F.pixel_unshuffle(x, self.config["patch"]).flatten(2).transpose(1, 2)

    def _cells(self, tokens: Float[Tensor, "B N cell"], B: int, V: int, side: int) -> Float[Tensor, "B V C h w"]:
        planes = tokens.reshape(B * V, side * side, -1).transpose(1, 2).unflatten(2, (side, side))
        return F.pixel_shuffle(planes, self.config["patch"]).unflatten(0, (B, V))

    def _positions(self, side: int) -> Float[Tensor, "N width"]:
        full = self.config["side"]
        if side == full:
            return self.position
        grid = self.position.T.view(1, -1, full, full)
        return F.interpolate(grid, size=(side, side), mode="area" if side < full else "bilinear")[0].flatten(1).T
