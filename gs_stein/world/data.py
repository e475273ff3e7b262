"""Batches for training: groups of views drawn from the rendered pool, a pure function of (seed, step).

Training may start before the pool is full: at step n it draws from the first `Mixture.available(n)` shards and waits
for any that are not there yet, so that a resumed run sees exactly the batches an uninterrupted one would.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from gs_stein.prior.small import PatchCodec
from gs_stein.types import Cameras
from gs_stein.world.pool import CAPTIONS, DEPTH_SIDE, LABELS, SCENES_PER_SHARD, VIEWS, Family, Shard, shard_path


@dataclass(frozen=True)
class Batch:
    """B groups of V views."""

    x0: Float[Tensor, "B V C h w"]
    depth: Float[Tensor, "B V 32 32"]
    tokens: Float[Tensor, "B L D"]
    mask: Bool[Tensor, "B L"]
    """All False where the caption was dropped for classifier-free guidance."""
    cameras: list[Cameras]
    """One set of V cameras a group."""
    named: Float[Tensor, "B V h w"]
    """How much of each cell shows what the caption names; less than all of it for things that fill a view."""


@dataclass
class Scenes:
    """What training keeps in memory of one shard: latents instead of pictures (8 kB a view)."""

    x0: Float[Tensor, "S V C h w"]
    small: Float[Tensor, "S V C h/2 w/2"]
    """Of the same pictures at half the resolution."""
    depth: Float[Tensor, "S V 32 32"]
    viewmats: Float[Tensor, "S V 4 4"]
    Ks: Float[Tensor, "S V 3 3"]
    tokens: list[Float[Tensor, "_ D"]]
    """CAPTIONS entries a scene, in order."""
    labels: UInt8[Tensor, "S V 32 32"]
    """Ids of things seen."""
    shares: Float[Tensor, "S V n"]
    """Of each view that each thing fills; 0 for the id 0."""
    named: Bool[Tensor, "S c n"]
    """Things that each caption names."""
    resolution: int


def load_scenes(path: Path, codec: PatchCodec) -> Scenes:
    """Read a shard and encode its pictures."""
    shard = Shard.load(path)
    S, V, H, W, _ = shard.rgb.shape
    rgb = torch.from_numpy(shard.rgb).flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        x0 = codec.encode(rgb).half().unflatten(0, (S, V))
        small = codec.encode(F.avg_pool2d(rgb, 2)).half().unflatten(0, (S, V))
    tokens = list(torch.from_numpy(shard.tokens).split(shard.lengths.reshape(-1).tolist()))
    labels = torch.from_numpy(shard.labels)
    shares = torch.stack([(labels == thing).float().mean((2, 3)) for thing in range(LABELS)], -1)
    shares[..., 0] = 0
    return Scenes(
        x0, small, torch.from_numpy(shard.depth), torch.from_numpy(shard.viewmats), torch.from_numpy(shard.Ks),
        tokens, labels, shares, torch.from_numpy(shard.named), W,
    )  # fmt: skip


@dataclass
class Source:
    """One family's share of the mixture."""

    family: Family
    share: float
    """Probability of a group."""
    shards: int
    """How many shards there will be."""
    since: int = 0
    """Step at which the family joined."""
    growth: float = 0.03
    """Shards that become available a step, beyond the first FIRST_SHARDS."""
    loaded: list[Scenes] = field(default_factory=list)


FIRST_SHARDS = 6
LARGE = 0.05
"""Share of a view from which on a thing counts no more for being larger."""


class Mixture:
    """Draws batches from several families.

    Args:
        folder: the training folder, which holds pool/.
        codec: fitted; encodes pictures as they are loaded.
        sources: families with their shares.
        dropout: probability that a group loses its caption.
        groups: how many views a group has, one of these a step.
    """

    def __init__(
        self,
        folder: Path,
        codec: PatchCodec,
        sources: list[Source],
        dropout: float = 0.1,
        groups: tuple[int, ...] = (1, 4, 4, 8),
    ):
        self.folder, self.codec, self.sources, self.dropout, self.groups = folder, codec, sources, dropout, groups

    def available(self, source: Source, step: int) -> int:
        """How many shards of a family the given step draws from; loads them, waiting until they are rendered."""
        wanted = max(0, step - source.since)
        count = min(source.shards, FIRST_SHARDS + int(source.growth * wanted))
        while len(source.loaded) < count:
            path = shard_path(self.folder, source.family, len(source.loaded))
            waited = 0
            while not path.exists():
                time.sleep(1.0)
                waited += 1
                if waited % 60 == 0:
                    print(f"waiting for {path.name} ({waited // 60} min)", flush=True)
            source.loaded.append(load_scenes(path, self.codec))
        return count

    def draw(self, step: int, images: int, seed: int, small: bool = False) -> Batch:
        """The batch of a step: `images` views in groups of one size; with `small`, of half the resolution."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)

        def integer(high: int) -> int:
            return int(torch.randint(high, (1,), generator=generator))

        views = self.groups[integer(len(self.groups))]
        shares = torch.tensor([s.share for s in self.sources])
        x0, depth, tokens, cameras, named = [], [], [], [], []
        for _ in range(max(1, images // views)):
            source = self.sources[int(torch.multinomial(shares, 1, generator=generator))]
            scenes = source.loaded[integer(self.available(source, step))]
            scene = integer(SCENES_PER_SHARD)
            number = integer(CAPTIONS)
            dropped = float(torch.rand((), generator=generator)) < self.dropout
            said = scenes.named[scene, number].float() * (not dropped)
            # Every second of eight stratified views is again a stratified set of four. Sets that show what the caption
            # names are likelier: about what is out of sight a caption teaches nothing.
            shown = 0.25 + (scenes.shares[scene] / LARGE).clamp(max=1) @ said
            first = torch.multinomial(shown.view(views, -1).sum(0), 1, generator=generator)
            chosen = torch.arange(views) * (VIEWS // views) + first
            x0.append((scenes.small if small else scenes.x0)[scene, chosen].float())
            depth.append(scenes.depth[scene, chosen].float())
            weight = said * (LARGE / scenes.shares[scene, chosen].clamp_min(LARGE))
            cells = weight.gather(1, scenes.labels[scene, chosen].long().flatten(1)).view(-1, DEPTH_SIDE, DEPTH_SIDE)
            named.append(F.avg_pool2d(cells, DEPTH_SIDE // x0[-1].shape[-1]))
            caption = scenes.tokens[scene * CAPTIONS + number].float()
            tokens.append(caption[:0] if dropped else caption)
            full = scenes.resolution
            view = Cameras(scenes.viewmats[scene, chosen], scenes.Ks[scene, chosen], full, full)
            cameras.append(view.resized(full // 2, full // 2) if small else view)
        mask = torch.zeros(len(tokens), max(1, *(len(c) for c in tokens)), dtype=torch.bool)
        padded = torch.zeros(*mask.shape, tokens[0].shape[-1])
        for i, caption in enumerate(tokens):
            padded[i, : len(caption)], mask[i, : len(caption)] = caption, True
        return Batch(torch.stack(x0), torch.stack(depth), padded, mask, cameras, torch.stack(named))


def stratified_logit_normal(
    count: int, mean: float, spread: float, generator: torch.Generator
) -> Float[Tensor, " count"]:
    """Noise levels s in (0, 1) with logit(s) ~ N(mean, spread²), one in each of `count` equal strata (SD3, eq. 19)."""
    uniform = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return torch.sigmoid(mean + spread * torch.special.ndtri(uniform.clamp(1e-5, 1 - 1e-5)))


def fit_codec(codec: PatchCodec, shards: list[Path]) -> float:
    """Fit the codec on all shards but the last, and return the PSNR (dB) on the last."""
    pictures = [torch.from_numpy(Shard.load(path).rgb[:, ::2].reshape(-1, 128, 128, 3)) for path in shards]
    rgb = [p.permute(0, 3, 1, 2).float() / 255 for p in pictures]
    codec.fit(torch.cat(rgb[:-1]))
    with torch.no_grad():
        error = (codec.decode(codec.encode(rgb[-1])).clamp(0, 1) - rgb[-1]).square().mean().item()
    return -10 * float(np.log10(error))
