"""The networks of the bundled prior: small enough for two cores, stored in diffusers' format.

`PatchCodec` maps images to a latent grid and back by one linear map, `MultiViewDenoiser` denoises the views of one
scene jointly, `NoisyDepth` reads relative depth off a noisy latent. All of them train in
`gs_stein.world.training.train`.

Their GELU is the exact one: torch's tanh approximation takes five times as long on a CPU (measured, bf16 and float32).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.prior.attention import MultiViewBlock, TextBlock, start_at_zero
from gs_stein.prior.pretrained import Pretrained
from gs_stein.threads import few_rows
from gs_stein.types import Cameras

NUM_TRAIN_TIMESTEPS = 1000
LONGEST_PROMPT = 33
"""Tokens of a prompt that the denoiser can order, one for "no prompt" included."""


class Pointwise(nn.Conv2d):
    """A convolution of one pixel, as a matrix product: oneDNN's adds up in another order on two threads than on one."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__(channels, out_channels, 1)

    def forward(self, input: Float[Tensor, "n C h w"]) -> Float[Tensor, "n D h w"]:
        """The same numbers, whatever the number of threads; free where channels come last in memory."""
        return F.linear(input.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)


class PictureNorm(nn.GroupNorm):
    """Group norm with one group, as a layer norm of whole pictures: torch's adds up as many parts as there are threads
    where channels come last in memory."""

    def __init__(self, channels: int, affine: bool = True):
        super().__init__(1, channels, affine=affine)

    def forward(self, input: Float[Tensor, "n C h w"]) -> Float[Tensor, "n C h w"]:
        """Each picture less its mean, over its deviation."""
        last = input.permute(0, 2, 3, 1)
        flat = last.flatten(1)
        x = F.layer_norm(flat, flat.shape[1:], eps=self.eps).view(last.shape)
        if self.affine:
            x = x * self.weight + self.bias
        return x.permute(0, 3, 1, 2)


class ConvBlock(nn.Module):
    """Depthwise convolution then a pointwise MLP (as in ConvNeXt), modulated by a condition if any; channels-first."""

    def __init__(self, width: int, condition: int = 0, kernel: int = 5, expand: int = 3):
        super().__init__()
        self.spatial = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = PictureNorm(width, affine=False)
        self.modulate = nn.Linear(condition, 2 * width) if condition else None
        self.up = Pointwise(width, expand * width)
        self.down = Pointwise(expand * width, width)
        start_at_zero(self.down, *([self.modulate] if self.modulate is not None else []))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        h = self.norm(self.spatial(x))
        if self.modulate is not None:
            assert condition is not None
            scale, shift = few_rows(self.modulate, condition)[:, :, None, None].chunk(2, dim=1)
            h = h * (1 + scale) + shift
        return x + self.down(F.gelu(self.up(h)))


class Correction(nn.Module):
    """What a linear decoder cannot know: a correction of its picture from neighbouring latents.

    Tiles that do not meet, ringing and blocks left by a denoiser are what it has been trained to undo. It starts as no
    correction at all.

    Args:
        channels: of the latent.
        width: at the latent's resolution; halved at each doubling of the resolution.
        patch: pixels a cell, a power of two above 2.
    """

    def __init__(self, channels: int, width: int, patch: int):
        super().__init__()
        doublings = int(math.log2(patch)) - 1
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.stages = nn.ModuleList()
        self.widen = nn.ModuleList()
        for i in range(doublings + 1):
            blocks = max(1, 3 - i)
            self.stages.append(nn.Sequential(*(ConvBlock(width >> i) for _ in range(blocks))))
            if i < doublings:
                self.widen.append(Pointwise(width >> i, 4 * (width >> (i + 1))))
        self.exit = nn.Conv2d(width >> doublings, 3 * 4, 3, padding=1)
        start_at_zero(self.exit)

    def forward(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """The correction."""
        h = self.enter(x0.contiguous(memory_format=torch.channels_last))
        for i, stage in enumerate(self.stages):
            h = stage(h)
            if i < len(self.widen):
                h = F.pixel_shuffle(self.widen[i](h), 2).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(self.exit(h), 2)


class PatchCodec(Pretrained):
    """Images ↔ latents by a truncated PCA of square patches, each component scaled to a chosen spread.

    Distillation differentiates through `encode` at every step: here that is one strided convolution. Components are
    scaled by spread**(1 - whitening) instead of to unit variance, so that noise drowns fine detail before
    composition, as it does in pixels, only less steeply. Decoding, which is rare, may add a learnt correction
    (`decoder_width` above 0) to the linear map.
    """

    mean: Tensor
    basis: Tensor
    gain: Tensor

    def __init__(self, patch: int = 8, channels: int = 16, whitening: float = 0.5, decoder_width: int = 0):
        super().__init__()
        self.register_buffer("mean", torch.full((3 * patch * patch,), 0.5))
        self.register_buffer("basis", torch.zeros(channels, 3 * patch * patch))
        self.register_buffer("gain", torch.ones(channels))
        self.correction = Correction(channels, decoder_width, patch) if decoder_width else None

    @torch.no_grad()
    def fit(self, rgb: Float[Tensor, "n 3 H W"]) -> None:
        """Set the basis from example images in [0, 1]: the eigenvectors of their patches' covariance."""
        patch, channels, whitening = self.config["patch"], self.config["channels"], self.config["whitening"]
        patches = F.unfold(rgb, patch, stride=patch).transpose(1, 2).reshape(-1, 3 * patch * patch).double()
        mean = patches.mean(0)
        values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
        values, vectors = values.flip(0)[:channels], vectors.flip(1)[:, :channels]
        vectors = vectors * torch.where(vectors.sum(0) < 0, -1.0, 1.0)
        spread = values.clamp_min(1e-12).sqrt()
        gain = spread**-whitening
        gain = gain / ((spread * gain).square().mean().sqrt())
        self.mean.copy_(mean)
        self.basis.copy_(vectors.T)
        self.gain.copy_(gain)

    def encode(self, rgb: Float[Tensor, "n 3 H W"]) -> Float[Tensor, "n C h w"]:
        """Images in [0, 1] to latents of unit mean square."""
        patch = self.config["patch"]
        kernel = (self.basis * self.gain[:, None]).view(-1, 3, patch, patch)
        return F.conv2d(rgb, kernel, -self.gain * (self.basis * self.mean).sum(1), stride=patch)

    def decode(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """Latents back to images (not clamped)."""
        linear = self.decode_linear(x0)
        return linear if self.correction is None else linear + self.correction(x0)

    def decode_linear(self, x0: Float[Tensor, "n C h w"]) -> Float[Tensor, "n 3 H W"]:
        """The transpose of `encode`: each cell a patch of its own."""
        patch = self.config["patch"]
        kernel = (self.basis / self.gain[:, None]).view(-1, 3, patch, patch)
        mean = self.mean.view(1, 3, patch, patch)
        return F.conv_transpose2d(x0, kernel, stride=patch) + mean.tile(1, 1, x0.shape[2], x0.shape[3])


def ray_features(cameras: Cameras, rows: int, columns: int, room: Sequence[float]) -> Float[Tensor, "V rows columns R"]:
    """What each cell of a view looks at: its ray, and where that ray leaves the room's box, with Fourier features.

    The point on the box is what makes views comparable: cells of two views that see the same piece of wall get the
    same code. Outside a room (object orbits) the point is clamped and the ray itself carries the information.
    """
    directions, origins = cameras.rays(rows, columns)
    size = directions.new_tensor(room)
    centre, half = directions.new_tensor([0.0, 0.0, room[2] / 2]), size / 2
    o = origins[:, None, None, :].expand_as(directions)
    safe = torch.where(directions.abs() < 1e-6, directions.new_tensor(1e-6), directions)
    leave = ((centre + safe.sign() * half - o) / safe).amin(-1, keepdim=True).clamp(0.0, 6.0)
    hit = (o + leave * directions - centre) / half.amax()
    octaves = [f(math.pi * k * v) for v in (hit, directions) for k in (1.0, 2.0, 4.0) for f in (torch.sin, torch.cos)]
    return torch.cat([directions, o - centre, torch.linalg.cross(o - centre, directions), hit, leave / 3, *octaves], -1)


RAY_FEATURES = 3 * 4 + 1 + 2 * 3 * 6


def timestep_features(t: Float[Tensor, " B"], width: int) -> Float[Tensor, "B width"]:
    """Sinusoids of t / T over four decades."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), width // 2, device=t.device))
    angle = (t.float() / NUM_TRAIN_TIMESTEPS)[:, None] * frequencies * math.pi
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def random_parameter(*shape: int, spread: float) -> nn.Parameter:
    """Normal numbers; none on the meta device, where torch would import its compiler, for two seconds, to draw them."""
    values = torch.empty(*shape)
    return nn.Parameter(values if values.is_meta else torch.randn(*shape) * spread)


class MultiViewDenoiser(Pretrained):
    """Denoises the views of one scene jointly, from text and cameras; predicts the flow velocity ε - x₀.

    Convolutions work on the latent grid, a transformer on its 2×2 patches: with 64 tokens a view, attention across
    all views (as in MVDream, arXiv 2308.16512) costs almost nothing. Blocks of its own read the prompt first. Timestep
    modulation is shared by the blocks (adaLN-single of PixArt-α, arXiv 2310.00426). One network serves several
    resolutions: what a picture shows is learnt on small ones, at a quarter of the cost.
    """

    def __init__(
        self,
        channels: int = 16,
        sample_size: int = 16,
        stem_width: int = 96,
        stem_blocks: int = 2,
        width: int = 256,
        depth: int = 6,
        heads: int = 4,
        text_width: int = 384,
        text_blocks: int = 0,
        room: Sequence[float] = (5.0, 4.4, 2.6),
        resolution: int = 128,
        resolutions: Sequence[int] = (64, 128),
    ):
        super().__init__()
        side = sample_size // 2
        self.time = nn.Sequential(nn.Linear(257, width), nn.SiLU(), nn.Linear(width, width))
        self.sentence = nn.Linear(text_width, width, bias=False)
        self.modulation = nn.Linear(width, 6 * width)
        self.null_token = nn.Parameter(torch.zeros(1, text_width))
        self.order = random_parameter(LONGEST_PROMPT, text_width, spread=0.1) if text_blocks else None
        self.read = nn.ModuleList(TextBlock(text_width, 6) for _ in range(text_blocks))
        self.enter = nn.Conv2d(channels + RAY_FEATURES, stem_width, 3, padding=1)
        self.stem = nn.ModuleList(ConvBlock(stem_width, width) for _ in range(stem_blocks))
        self.merge = nn.Linear(4 * stem_width, width)
        self.where = nn.Linear(RAY_FEATURES, width)
        self.position = random_parameter(side * side, width, spread=0.02)
        self.blocks = nn.ModuleList(MultiViewBlock(width, heads, text_width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.split = nn.Linear(width, 4 * stem_width)
        self.join = Pointwise(2 * stem_width, stem_width)
        self.head = nn.ModuleList(ConvBlock(stem_width, width) for _ in range(stem_blocks))
        self.norm_out = PictureNorm(stem_width)
        self.exit = nn.Conv2d(stem_width, channels, 3, padding=1)
        start_at_zero(self.exit, self.modulation)

    def positions(self, side: int) -> Float[Tensor, "n width"]:
        """Position codes of a side × side grid of tokens: the full grid's, averaged or interpolated."""
        full = math.isqrt(len(self.position))
        if side == full:
            return self.position
        grid = self.position.T.view(1, -1, full, full)
        return F.interpolate(grid, size=(side, side), mode="area" if side < full else "bilinear")[0].flatten(1).T

    def forward(
        self,
        x_t: Float[Tensor, "B V C h w"],
        t: Float[Tensor, " B"],
        tokens: Float[Tensor, "P L D"],
        mask: Bool[Tensor, "P L"],
        cameras: Cameras,
        more: Float[Tensor, "B width"] | None = None,
    ) -> Float[Tensor, "B V C h w"]:
        """Velocity of B groups of V views.

        Args:
            x_t: noisy latents (1 - s)·x₀ + s·ε with s = t / 1000.
            t: one timestep a group, in [0, 1000].
            tokens: prompts, B of them (one a group) or B·V (one a view); an all-False mask row means "no prompt".
            mask: True at real tokens.
            cameras: V of them for all groups, or B·V, group by group.
            more: added to the code of the timestep (`gs_stein.prior.guided`).
        """
        B, V, C, rows, columns = x_t.shape
        side = rows // 2
        room = self.config["room"]
        features = ray_features(cameras, rows, columns, room).to(x_t.dtype).unflatten(0, (-1, V))
        features = features.expand(B, -1, -1, -1, -1)
        coarse = ray_features(cameras, side, side, room).to(x_t.dtype).unflatten(0, (-1, V))
        where = self.where(coarse).flatten(2, 3) + self.positions(side)

        empty = ~mask.any(1)
        count = mask.sum(1, keepdim=True).clamp_min(1)
        sentence = (tokens * mask[:, :, None]).sum(1) / count + empty[:, None] * self.null_token
        tokens = torch.cat([self.null_token.expand(len(tokens), 1, -1), tokens], dim=1)
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        for block in self.read:
            assert self.order is not None
            tokens = block(tokens, self.order[: tokens.shape[1]], mask)
        octave = math.log2(self.config["sample_size"] / rows) * torch.ones_like(t)[:, None]
        condition = few_rows(self.time, torch.cat([timestep_features(t, 256), octave], dim=1).to(x_t.dtype))
        if more is not None:
            condition = condition + more.to(condition)
        per_group = condition + few_rows(self.sentence, sentence).view(B, -1, condition.shape[-1]).mean(1)
        modulation = few_rows(self.modulation, F.silu(per_group)).view(B, 6, -1)
        per_view = F.silu(per_group).repeat_interleave(V, dim=0)

        s = (t.float() / NUM_TRAIN_TIMESTEPS)[:, None, None, None, None]
        x = x_t / ((1 - s) ** 2 + s**2).sqrt().to(x_t.dtype)
        x = torch.cat([x, features.permute(0, 1, 4, 2, 3)], dim=2).flatten(0, 1)
        x = self.enter(x.contiguous(memory_format=torch.channels_last))
        for block in self.stem:
            x = block(x, per_view)
        skip = x
        h = self.merge(F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)).view(B, V, side * side, -1) + where
        for block in self.blocks:
            h = block(h, where, modulation, tokens, mask, side)
        h = self.split(self.norm(h)).flatten(0, 1).transpose(1, 2).unflatten(2, (side, side))
        h = F.pixel_shuffle(h, 2).contiguous(memory_format=torch.channels_last)
        x = self.join(torch.cat([h, skip], dim=1))
        for block in self.head:
            x = block(x, per_view)
        return self.exit(F.silu(self.norm_out(x))).view(B, V, C, rows, columns)


class NoisyDepth(Pretrained):
    """Relative depth from a noisy latent, timestep and camera: the bundled counterpart of MiDaS.

    The Stein baseline differentiates through it at every step, so it is a few convolutions. It may see the camera,
    since a baseline may depend on everything but the noise.
    """

    def __init__(
        self,
        channels: int = 16,
        width: int = 96,
        num_blocks: int = 4,
        room: Sequence[float] = (5.0, 4.4, 2.6),
    ):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU())
        self.enter = nn.Conv2d(channels + RAY_FEATURES, width // 2, 3, padding=1)
        self.merge = nn.Conv2d(width // 2, width, 2, stride=2)
        self.blocks = nn.ModuleList(ConvBlock(width, width, kernel=7) for _ in range(num_blocks))
        self.split = nn.ConvTranspose2d(width, width // 2, 2, stride=2)
        self.exit = nn.Sequential(nn.Conv2d(width, width // 2, 3, padding=1), nn.GELU(), Pointwise(width // 2, 1))

    def forward(
        self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras
    ) -> Float[Tensor, "B V h w"]:
        """Relative depth, larger is farther (arguments as in `MultiViewDenoiser.forward`)."""
        B, V, _, rows, columns = x_t.shape
        features = ray_features(cameras, rows, columns, self.config["room"]).to(x_t.dtype).unflatten(0, (-1, V))
        features = features.expand(B, -1, -1, -1, -1).permute(0, 1, 4, 2, 3)
        s = (t.to(x_t.dtype) / NUM_TRAIN_TIMESTEPS)[:, None, None, None, None]
        x = torch.cat([x_t / ((1 - s) ** 2 + s**2).sqrt(), features], dim=2).flatten(0, 1)
        condition = few_rows(self.time, timestep_features(t, 64).to(x_t.dtype)).repeat_interleave(V, dim=0)
        x = x.contiguous(memory_format=torch.channels_last)  # a quarter faster on a CPU
        skip = F.gelu(self.enter(x))
        h = self.merge(skip)
        for block in self.blocks:
            h = block(h, condition)
        return self.exit(torch.cat([self.split(h), skip], dim=1)).view(B, V, rows, columns)
