"""Training of the detector: pictures of the pool, whose scenes are drawn again to learn the names of what they show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from gs_stein.world.builder import Scene
from gs_stein.world.detector import ATTRIBUTES, CELLS, SIDE, Detector
from gs_stein.world.measure.calibrate import calibrate
from gs_stein.world.phrases import attribute
from gs_stein.world.scenes import draw_scene
from gs_stein.world.training.data import Source
from gs_stein.world.training.pool import LABELS, SCENES_PER_SHARD, VIEWS, Shard, rendered, shard_path
from gs_stein.world.training.run import UNPREFIXED, Data, Portion, Run, Schedule

LEAST = 24
"""Views that must show a noun for it to be learnt."""
RARE, REPEATS = 0.02, 8.0
"""Share of views below which views that show a noun are drawn more often, and how often at most."""
CLOSEST = 0.6
"""Side of the smallest part of a view that is trained on."""
UNKNOWN = 255
"""Attribute of what captions name no looks of."""
LARGEST = 0.25
"""Share of a view up to which a thing has a middle; walls have none."""
CROSS = 0.8
"""Standard deviation of a middle, in cells."""


@dataclass(frozen=True)
class Detect:
    """Train the detector that finds named things in pictures; it reads the same pool as the denoiser."""

    data: Annotated[Data, UNPREFIXED] = field(
        default_factory=lambda: Data(
            rooms=Portion(16, 0.08), more_rooms=Portion(16, 0.08), landscapes=Portion(8, 0.06),
            mixed_rooms=Portion(150, 0.65), mixed_landscapes=Portion(20, 0.13),
        )
    )  # fmt: skip
    schedule: Annotated[Schedule, UNPREFIXED] = field(
        default_factory=lambda: Schedule(
            steps=2200, images=32, learning_rate=3e-3, warmup=100, cooldown=1100, ema=0.99, seed=41
        )
    )
    calibration: int = 640
    """Held-out scenes whose real renders decide how likely a thing must be to be there."""

    def __post_init__(self) -> None:
        if self.calibration < 1:
            raise ValueError(f"--calibration: {self.calibration} scenes decide nothing; leave it out for the default")


@dataclass(frozen=True)
class Names:
    """What the ids of a scene stand for."""

    nouns: list[str]
    """By id; "" for none. Parts of guests are called what the guest is."""
    own: list[str]
    """The same, but parts have their own name."""
    attributes: UInt8[np.ndarray, " n"]
    single: np.ndarray
    """Whether it is one thing, which has a middle."""


def names_of(scene: Scene) -> Names:
    """The names of a scene's things, by their ids."""
    nouns, own = [""] * LABELS, [""] * LABELS
    attributes, single = np.full(LABELS, UNKNOWN, np.uint8), np.zeros(LABELS, bool)
    for thing in scene.things:
        nouns[thing.id] = own[thing.id] = thing.name
        looks = attribute(thing)
        if looks in ATTRIBUTES:
            attributes[thing.id] = ATTRIBUTES.index(looks)
        single[thing.id] = not thing.plural
    for guest in scene.guests:
        for part in guest.parts:
            nouns[part] = scene.things[guest.ids[0] - 1].name
            single[part] = False
    return Names(nouns, own, attributes, single)


def middles(labels: UInt8[Tensor, "V h w"], single: np.ndarray) -> UInt8[Tensor, "V h w"]:
    """255 where the middle of what is seen of a thing is, and a small Gaussian around it."""
    row = torch.arange(labels.shape[-1]).float()
    heat = torch.zeros(labels.shape)
    for thing in np.flatnonzero(single):
        mask = (labels == int(thing)).float()
        size = mask.sum((1, 2), keepdim=True)
        x, y = (mask * row).sum((1, 2), keepdim=True) / size, (mask * row[:, None]).sum((1, 2), keepdim=True) / size
        spot = torch.exp(-((row - x) ** 2 + (row[:, None] - y) ** 2) / (2 * CROSS**2))
        seen = (size > 0) & (size < LARGEST * mask[0].numel())
        heat = torch.where(seen, torch.maximum(heat, spot), heat)
    return (255 * heat).round().byte()


@dataclass(frozen=True)
class Pictures:
    """All n views that are trained on."""

    rgb: UInt8[Tensor, "n 128 128 3"]
    nouns: UInt8[Tensor, "n 32 32"]
    """Index in the list of nouns; its length for everything else."""
    attributes: UInt8[Tensor, "n 32 32"]
    middles: UInt8[Tensor, "n 32 32"]
    weights: Float[Tensor, " n"]
    """How often each is drawn, relatively."""

    @staticmethod
    def load(sources: list[Source], folder: Path) -> tuple[Pictures, list[str]]:
        """What the families contribute, waiting for what is not rendered yet; and the nouns that enough views show."""
        scenes = [(source, number) for source in sources for number in range(source.shards * SCENES_PER_SHARD)]
        rgb = torch.empty(len(scenes), VIEWS, SIDE, SIDE, 3, dtype=torch.uint8)
        labels = torch.empty(len(scenes), VIEWS, CELLS, CELLS, dtype=torch.uint8)
        heat, names = torch.empty_like(labels), []
        for i, (source, number) in enumerate(scenes):
            if number % SCENES_PER_SHARD == 0:
                shard = Shard.load(rendered(shard_path(folder, source.family, number // SCENES_PER_SHARD)))
                rgb[i : i + SCENES_PER_SHARD] = torch.from_numpy(shard.rgb)
                labels[i : i + SCENES_PER_SHARD] = torch.from_numpy(shard.labels)
            names.append(names_of(draw_scene(*source.family.scene(number))))
            heat[i] = middles(labels[i], names[-1].single)
        views = Counter[str]()
        for one, seen in zip(names, labels, strict=True):
            for view in seen:
                ids = view.unique().tolist()
                views.update({one.nouns[i] for i in ids} | {one.own[i] for i in ids})
        nouns = sorted(name for name, count in views.items() if name and count >= LEAST)
        number_of = {name: i for i, name in enumerate(nouns)}
        looks = torch.empty_like(labels)
        for one, seen, looked in zip(names, labels, looks, strict=True):
            both = zip(one.own, one.nouns, strict=True)
            called = [number_of.get(own, number_of.get(noun, len(nouns))) for own, noun in both]
            looked[:] = torch.from_numpy(one.attributes)[seen.long()]
            seen[:] = torch.tensor(called, dtype=torch.uint8)[seen.long()]
        weights = torch.tensor([source.share / source.shards for source, _ in scenes]).repeat_interleave(VIEWS)
        rgb, labels, looks, heat = (x.flatten(0, 1) for x in (rgb, labels, looks, heat))
        return Pictures(rgb, labels, looks, heat, weights * _repeats(labels, len(nouns))), nouns


def _repeats(nouns: UInt8[Tensor, "n h w"], count: int) -> Float[Tensor, " n"]:
    """How often views are repeated for the rarest noun that they show (as LVIS does, arXiv 1908.03195, section 4.1,
    without its square root)."""
    shown = torch.zeros(len(nouns), count + 1).scatter_(1, nouns.flatten(1).long(), 1.0)[:, :-1]
    factor = (RARE / shown.mean(0).clamp_min(1e-9)).clamp(1.0, REPEATS)
    return (shown * factor).amax(1).clamp_min(1.0)


def cut(maps: list[Float[Tensor, "n _c _h _w"]], generator: torch.Generator) -> list[Float[Tensor, "n _c _h _w"]]:
    """A random part of every view, mirrored or not, in the size of the whole; half of the views are kept whole.

    Args:
        maps: pictures first, then what is known of their cells.
        generator: draws the parts.
    """
    n = len(maps[0])
    draws = torch.rand(4, n, generator=generator)
    side = torch.where(draws[0] < 0.5, torch.ones(n), CLOSEST + (1 - CLOSEST) * 2 * (draws[0] - 0.5))
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = side * torch.where(draws[3] < 0.5, 1.0, -1.0), side
    theta[:, :, 2] = (1 - side)[:, None] * (2 * draws[1:3].T - 1)
    out = []
    for i, x in enumerate(maps):
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        mode = "bilinear" if i == 0 else "nearest"
        out.append(F.grid_sample(x, grid, mode, padding_mode="border", align_corners=False))
    return out


def blemished(rgb: Float[Tensor, "n 3 H W"], generator: torch.Generator) -> Float[Tensor, "n 3 H W"]:
    """As pictures of a prior and of a scene are: somewhat soft, grainy, brighter or darker than they should be."""

    def random() -> Tensor:
        return torch.rand(len(rgb), 1, 1, 1, generator=generator)

    for factor in (2, 4):
        soft = F.interpolate(F.avg_pool2d(rgb, factor), scale_factor=float(factor), mode="bilinear")
        rgb = torch.lerp(rgb, soft, (1.6 * random() - 0.6).clamp_min(0) * (1.0 if factor == 2 else 0.5))
    rgb = (rgb - 0.5) * (0.85 + 0.3 * random()) + 0.5 + 0.1 * (random() - 0.5)
    noise = torch.randn(rgb.shape, generator=generator)
    return (rgb + 0.05 * random() ** 2 * noise).clamp(0, 1)


def loss_of_maps(
    net: Detector, rgb: Tensor, nouns: Int[Tensor, "n h w"], attributes: Int[Tensor, "n h w"], heat: Tensor
) -> Tensor:
    """Cross-entropy of nouns and attributes, in which a noun counts as much as the square root of its cells in the
    view; binary cross-entropy of middles."""
    said, looks, centres = net(rgb)
    counts = torch.zeros(len(rgb), said.shape[1], device=rgb.device)
    counts.scatter_add_(1, nouns.flatten(1), torch.ones_like(nouns.flatten(1), dtype=torch.float32))
    weight = counts.gather(1, nouns.flatten(1)).rsqrt().view_as(nouns)
    of_nouns = (F.cross_entropy(said, nouns, reduction="none") * weight).sum() / weight.sum()
    known = weight * (attributes != UNKNOWN)
    each = F.cross_entropy(looks, attributes.clamp(max=len(ATTRIBUTES) - 1), reduction="none")
    of_looks = (each * known).sum() / known.sum().clamp_min(1e-6)
    of_middles = F.binary_cross_entropy_with_logits(centres, heat, weight=1 + 9 * heat)
    return of_nouns + 0.5 * of_looks + 2.0 * of_middles


def train_detector(job: Detect) -> None:
    """Train, decide the thresholds on held-out renders, and write FOLDER/detector."""
    torch.manual_seed(job.schedule.seed)
    folder, place = job.data.folder, job.schedule.place
    pictures, nouns = Pictures.load(job.data.sources(), folder)
    net = Detector(nouns)
    net.to(memory_format=torch.channels_last)  # a fifth faster, in bfloat16 twice as fast  # pyright: ignore
    print(
        f"detector: {sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {len(nouns)} nouns", flush=True
    )
    run = Run(net, job.schedule, folder, "detector")
    run.resume()

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, int]:
        chosen = torch.multinomial(pictures.weights, job.schedule.images, replacement=True, generator=generator)
        rgb = pictures.rgb[chosen].permute(0, 3, 1, 2).float() / 255
        cells = torch.stack([m[chosen] for m in (pictures.nouns, pictures.attributes, pictures.middles)], 1).float()
        rgb, cells = cut([rgb, cells], generator)
        nouns_of, looks, heat = cells.to(place).unbind(1)
        rgb = blemished(rgb, generator).to(place)
        return loss_of_maps(net, rgb, nouns_of.long(), looks.long(), heat / 255), len(chosen)

    run.train(loss_of)
    if run.step < job.schedule.steps:
        return
    net.load_state_dict(run.ema)
    calibrate(net.cpu().eval(), job.calibration)
    net.save(folder / "detector")
