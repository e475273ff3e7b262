"""Batches for training: groups of views drawn from the rendered pool, a pure function of (seed, step).

Training may start before the pool is full: at step n it draws from the first `Mixture.available(n)` shards and waits
for any that are not there yet, so that a resumed run sees exactly the batches an uninterrupted one would.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from gs_stein.prior.bundled import PatchCodec
from gs_stein.text.minilm import MAX_TOKENS
from gs_stein.types import Cameras
from gs_stein.world.families import Family
from gs_stein.world.training.pool import (
    CAPTIONS,
    DEPTH_SIDE,
    LABELS,
    SCENES_PER_SHARD,
    VIEWS,
    Shard,
    rendered,
    shard_path,
)


@dataclass(frozen=True)
class Batch:
    """B groups of V views."""

    x0: Float[Tensor, "B V C h w"]
    depth: Float[Tensor, "B V 32 32"]
    tokens: Float[Tensor, "B L D"]
    mask: Bool[Tensor, "B L"]
    """All False where the caption was dropped for classifier-free guidance."""
    cameras: Cameras
    """B·V of them, group by group."""
    named: Float[Tensor, "B V h w"]
    """How much of each cell shows what the caption names; less than all of it for things that fill a view."""


@dataclass
class Scenes:
    """What training keeps of S scenes: latents instead of pictures (8 kB a view)."""

    x0: Float[Tensor, "S V C h w"]
    small: Float[Tensor, "S V C h/2 w/2"]
    """Of the same pictures at half the resolution."""
    depth: Float[Tensor, "S V 32 32"]
    viewmats: Float[Tensor, "S V 4 4"]
    Ks: Float[Tensor, "S V 3 3"]
    tokens: Float[Tensor, "S c L D"]
    """CAPTIONS entries a scene; what lies beyond their lengths means nothing."""
    lengths: Int[Tensor, "S c"]
    """Tokens of each caption; on the CPU."""
    labels: UInt8[Tensor, "S V 32 32"]
    """Ids of things seen."""
    shares: Float[Tensor, "S V n"]
    """Of each view that each thing fills; 0 for the id 0."""
    named: Bool[Tensor, "S c n"]
    """Things that each caption names."""
    resolution: int


def load_scenes(path: Path, codec: PatchCodec) -> Scenes:
    """Read a shard and encode its pictures, on the codec's device."""
    shard, device = Shard.load(path), codec.mean.device
    S, V, H, W, _ = shard.rgb.shape
    rgb = torch.from_numpy(shard.rgb).to(device).flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        x0 = codec.encode(rgb).half().unflatten(0, (S, V))
        small = codec.encode(F.avg_pool2d(rgb, 2)).half().unflatten(0, (S, V))
    captions = torch.from_numpy(shard.tokens).split(shard.lengths.reshape(-1).tolist())
    tokens = pad_sequence(list(captions), batch_first=True).unflatten(0, (S, CAPTIONS))
    labels = torch.from_numpy(shard.labels).to(device)
    shares = torch.stack([(labels == thing).float().mean((2, 3)) for thing in range(LABELS)], -1)
    shares[..., 0] = 0
    depth, viewmats, Ks, named = (
        torch.from_numpy(array).to(device) for array in (shard.depth, shard.viewmats, shard.Ks, shard.named)
    )
    lengths = torch.from_numpy(shard.lengths)
    return Scenes(x0, small, depth, viewmats, Ks, tokens.to(device), lengths, labels, shares, named, W)


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
    loaded: int = 0
    """Shards in memory."""


FIRST_SHARDS = 6
LARGE = 0.05
"""Share of a view from which on a thing counts no more for being larger."""


class Mixture:
    """Draws batches from several families.

    Args:
        folder: the training folder, which holds pool/.
        codec: fitted; encodes pictures as they are loaded. Scenes are kept, and batches made, on its device.
        sources: families with their shares.
        dropout: probability that a group loses its caption.
        groups: how many views a group has, one of these a step.
        text: whether captions are kept, which take as much memory as the pictures; without, batches have no tokens.
    """

    def __init__(
        self,
        folder: Path,
        codec: PatchCodec,
        sources: list[Source],
        dropout: float = 0.1,
        groups: tuple[int, ...] = (1, 4, 4, 8),
        text: bool = True,
    ):
        self.folder, self.codec, self.sources, self.dropout, self.groups = folder, codec, sources, dropout, groups
        self.longest = MAX_TOKENS if text else 0
        self.first = [sum(source.shards for source in sources[:i]) for i in range(len(sources))]
        self.scenes: Scenes | None = None

    def available(self, source: Source, step: int) -> int:
        """How many shards of a family the given step draws from; loads them, waiting until they are rendered."""
        wanted = max(0, step - source.since)
        count = min(source.shards, FIRST_SHARDS + int(source.growth * wanted))
        while source.loaded < count:
            path = shard_path(self.folder, source.family, source.loaded)
            self.keep(load_scenes(rendered(path), self.codec), self.first[self.sources.index(source)] + source.loaded)
            source.loaded += 1
        return count

    def keep(self, scenes: Scenes, number: int) -> None:
        """Put a shard in its place among all that there will be."""
        parts = {name: value for name, value in vars(scenes).items() if isinstance(value, Tensor)}
        parts["tokens"] = F.pad(scenes.tokens, (0, 0, 0, self.longest - scenes.tokens.shape[2]))
        if self.scenes is None:
            total = SCENES_PER_SHARD * sum(source.shards for source in self.sources)
            everything = {name: value.new_empty(total, *value.shape[1:]) for name, value in parts.items()}
            self.scenes = Scenes(**everything, resolution=scenes.resolution)
        for name, value in parts.items():
            getattr(self.scenes, name)[SCENES_PER_SHARD * number :][:SCENES_PER_SHARD] = value

    def draw(self, step: int, images: int, seed: int, small: bool = False) -> Batch:
        """The batch of a step: `images` views in groups of one size; with `small`, of half the resolution."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        views = self.groups[int(torch.randint(len(self.groups), (1,), generator=generator))]
        groups = max(1, images // views)
        # Which scenes, and which of their captions.
        shares = torch.tensor([source.share for source in self.sources])
        source = torch.multinomial(shares, groups, replacement=True, generator=generator)
        counts = torch.tensor([self.available(source, step) for source in self.sources])
        shard = torch.tensor(self.first)[source] + (torch.rand(groups, generator=generator) * counts[source]).long()
        scene = SCENES_PER_SHARD * shard + torch.randint(SCENES_PER_SHARD, (groups,), generator=generator)
        number = torch.randint(CAPTIONS, (groups,), generator=generator)
        kept = torch.rand(groups, generator=generator) >= self.dropout
        where = torch.rand(groups, 1, generator=generator)
        assert self.scenes is not None
        lengths = self.scenes.lengths[scene, number] * kept
        scene, number, kept, where = (x.to(self.scenes.x0.device) for x in (scene, number, kept, where))

        # Every second of eight stratified views is again a stratified set of four. Sets that show what the caption
        # names are likelier: about what is out of sight a caption teaches nothing.
        said = (self.scenes.named[scene, number] & kept[:, None]).float()
        shown = 0.25 + torch.einsum("gvn,gn->gv", (self.scenes.shares[scene] / LARGE).clamp(max=1), said)
        likely = shown.unflatten(1, (views, -1)).sum(1).cumsum(1)
        first = (where * likely[:, -1:] >= likely[:, :-1]).sum(1, keepdim=True)
        chosen = torch.arange(views, device=scene.device) * (VIEWS // views) + first
        scene = scene[:, None]

        x0 = (self.scenes.small if small else self.scenes.x0)[scene, chosen].float()
        weight = said[:, None] * (LARGE / self.scenes.shares[scene, chosen].clamp_min(LARGE))
        labels = self.scenes.labels[scene, chosen].long()
        cells = weight.gather(2, labels.flatten(2)).view_as(labels)
        longest = max(1, int(lengths.max()))
        mask = torch.arange(longest) < lengths[:, None]
        full = self.scenes.resolution
        cameras = Cameras(
            self.scenes.viewmats[scene, chosen].flatten(0, 1), self.scenes.Ks[scene, chosen].flatten(0, 1), full, full
        )
        return Batch(
            x0=x0,
            depth=self.scenes.depth[scene, chosen].float(),
            tokens=self.scenes.tokens[scene[:, 0], number, :longest].float(),
            mask=mask.to(scene.device),
            cameras=cameras.resized(full // 2, full // 2) if small else cameras,
            named=F.avg_pool2d(cells, DEPTH_SIDE // x0.shape[-1]),
        )


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
