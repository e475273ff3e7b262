"""Is the red sofa red? Colours of named things, read in samples where the renderer says that the thing must be.

A prompt leaves open how wide the sofa is and how the light falls, so several real scenes that it fits say where the
thing must be (where most of them show it) and what it looks like there in each of the colours that captions name: they
are rendered with the thing recoloured. Linear discriminants of these looks name a sample's median colour. One more such
scene, which decides nothing, tells what a perfect sampler would score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.builder import Thing as ScenePart
from gs_stein.world.captions import phrase
from gs_stein.world.materials import COLOURS, SECOND_COLOUR, srgb
from gs_stein.world.render.render import render
from gs_stein.world.scenes import draw_scene

_OWN_COLOUR = ("wood", "brick", "concrete", "checkered tiles")
"""Materials that captions name instead of a colour."""
_LEAST = 0.02
"""Share of a view that a thing's main surface must cover, inside its outline."""
_SHOWS = 0.1
"""A pixel shows the main surface if black instead of white changes it by this much."""
_SCENES = 7
"""Real scenes that decide, the thing's own one included."""
_MOST = 0.7
"""Share of them that must show the thing at a pixel."""


@dataclass(frozen=True)
class Thing:
    """A named thing in the view that shows most of it."""

    kind: str
    """Of the scene."""
    text: str
    """Noun phrase, such as "a red sofa"."""
    colour: str
    """What the phrase says."""
    cameras: Cameras
    view: int
    mask: Bool[Tensor, "H W"]
    """Where that view must show its main surface, in pictures of half the size."""
    rgb: Float[Tensor, "V 3 H W"]
    """The real pictures, of that size."""
    looks: dict[str, Float[np.ndarray, "n 3"]]
    """By colour name, readings of real scenes with the thing in that colour."""
    another: Float[Tensor, "V 3 H W"]
    """Real pictures of another scene that the prompt fits, from the same cameras."""

    @property
    def prompt(self) -> str:
        """A caption that names this thing alone."""
        if self.text.startswith(("a ", "an ")) and self.kind in self.text:
            return self.text
        article = "an" if self.kind[0] in "aeio" else "a"
        return f"{article} {self.kind} with {self.text}, in daylight"

    def name(self, rgb: Float[Tensor, "V 3 _H _W"]) -> str:
        """What colour it has in pictures in [0, 1] from the same cameras (Fisher; one covariance for all names)."""
        picture = F.interpolate(rgb[self.view : self.view + 1], self.mask.shape, mode="area")[0]
        means = {name: looks.mean(0) for name, looks in self.looks.items()}
        spread = np.concatenate([looks - means[name] for name, looks in self.looks.items()])
        precision = np.linalg.inv(spread.T @ spread / len(spread) + np.eye(3))
        gaps = {name: _reading(picture, self.mask) - mean for name, mean in means.items()}
        return min(gaps, key=lambda name: float(gaps[name] @ precision @ gaps[name]))


def _reading(rgb: Float[Tensor, "3 H W"], mask: Bool[Tensor, "H W"]) -> Float[np.ndarray, " 3"]:
    """Median colour inside a mask, in CIELAB."""
    return lab(rgb[:, mask].median(1).values.clamp(0, 1).numpy())


def _pictures(scene: Scene, cameras: Cameras) -> tuple[Float[Tensor, "V 3 H W"], np.ndarray]:
    """Colours in [0, 1] and labels."""
    views = render(scene, cameras)
    return torch.from_numpy(views.rgb).permute(0, 3, 1, 2).float() / 255, views.labels


def lab(rgb: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """CIELAB (D65) of sRGB in [0, 1]; distances there are roughly what people see.

    Source: CIE 15:2018, section 8.2.1, with the sRGB matrix of IEC 61966-2-1.
    """
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    relative = linear @ to_xyz.T / to_xyz.sum(1)
    x, y, z = np.moveaxis(
        np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29), -1, 0
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def recoloured(scene: Scene, thing: ScenePart, name: str) -> Scene:
    """The scene with the main surface of a thing in another named colour, its texture and light kept.

    Raises:
        ValueError: nothing of the thing has its main colour.
    """
    own = np.array(srgb(*(255 * c for c in thing.rgb)))
    factor = np.tile(np.array(srgb(*COLOURS[name])) / np.array(srgb(*COLOURS[thing.colour])), 3)
    rows, ids = list(scene.materials), scene.material_ids.copy()
    for old in np.unique(ids[scene.thing_ids == thing.id]):
        row = scene.materials[old].copy()
        mean = row[1:4] + SECOND_COLOUR.get(int(row[0]), 0.0) * (row[4:7] - row[1:4])
        if np.abs(mean - own).max() < 0.01:
            row[1:10] = np.clip(row[1:10] * factor, 0.0, 0.95)
            ids[(scene.thing_ids == thing.id) & (ids == old)] = len(rows)
            rows.append(row)
    if len(rows) == len(scene.materials):
        raise ValueError(f"thing: no surface of {thing.name!r} has its main colour")
    return replace(scene, materials=np.array(rows), material_ids=ids)


def colourable(scene: Scene) -> list[ScenePart]:
    """Things whose colour captions name."""
    return [t for t in scene.things if t.colour and t.material not in _OWN_COLOUR and t.name != "ceiling"]


def strangers(scene: Scene, thing: ScenePart, seed: int) -> Iterator[tuple[Scene, ScenePart]]:
    """Other scenes of the kind, at the same time of day, with such a thing in any colour."""
    while True:
        seed += 1
        other = draw_scene(seed, scene.kind)
        same = [t for t in colourable(other) if (t.name, t.material) == (thing.name, thing.material)]
        if same and other.time == scene.time:
            yield other, same[0]


def inner(labels: np.ndarray, thing: int) -> Bool[Tensor, "V H W"]:
    """Where each view shows a thing, a pixel away from its outline."""
    mask = torch.from_numpy(labels == thing).float()[:, None]
    return F.max_pool2d(1 - mask, 3, stride=1, padding=1)[:, 0] == 0


def largest(scene: Scene, seed: int, views: int) -> Thing | None:
    """A thing of a scene that covers enough of a view and has a colour that captions name; None if there is none."""
    named = [(thing, phrase(thing, np.random.default_rng(seed), bare=0.0)) for thing in colourable(scene)]
    named = [(thing, text) for thing, text in named if thing.colour in text.split()]
    cameras = sample_cameras(scene.cameras, views, torch.Generator().manual_seed(seed))
    small = cameras.resized(cameras.width // 2, cameras.height // 2)
    rgb, labels = _pictures(scene, small)
    outlines = {thing.id: inner(labels, thing.id) for thing, _ in named}
    # Any of those that are large enough, walls and floor not more often than a sofa.
    large = [found for found in named if outlines[found[0].id].float().mean((1, 2)).max() > _LEAST]
    if not large:
        return None
    thing, text = large[seed % len(large)]
    view = int(outlines[thing.id].sum((1, 2)).argmax())
    here = small[view : view + 1]
    others = strangers(scene, thing, seed)
    known = [(scene, thing), *(next(others) for _ in range(_SCENES - 1))]
    looks = {name: [_pictures(recoloured(*pair, name), here)[0][0] for pair in known] for name in COLOURS}
    pairs = zip(looks["white"], looks["black"], strict=True)
    shows = [(white - black).abs().amax(0) > _SHOWS for white, black in pairs]
    mask = torch.stack(shows).float().mean(0) > _MOST
    if mask.float().mean() <= _LEAST:
        return None
    readings = {name: np.array([_reading(rgb, mask) for rgb in pictures]) for name, pictures in looks.items()}
    another = _pictures(recoloured(*next(others), thing.colour), small)[0]
    return Thing(scene.kind, text, thing.colour, cameras, view, mask, rgb, readings, another)


def things(kinds: tuple[str, ...], count: int, views: int, first_seed: int) -> Iterator[Thing]:
    """One named thing from each of `count` scenes by daylight."""
    seed, found = first_seed, 0
    while found < count:
        scene = draw_scene(seed, kinds[seed % len(kinds)])
        if scene.time in ("", "day", "sunny") and (thing := largest(scene, seed, views)) is not None:
            found += 1
            yield thing
        seed += 1


def accuracy(
    sampled: Callable[[Thing, int], Float[Tensor, "V 3 H W"]],
    kinds: tuple[str, ...], count: int, views: int, first_seed: int,
) -> dict[str, float]:  # fmt: skip
    """Share of samples whose named thing has the colour of its name; the same for other real scenes that fit.

    Args:
        sampled: pictures for a thing's prompt and cameras, given its number too.
        kinds: of scene, taken in turn.
        count: things to sample.
        views: of each scene, sampled jointly.
        first_seed: of the scenes.
    """
    right = {"attribute_accuracy": 0, "attribute_accuracy_real": 0}
    for number, thing in enumerate(things(kinds, count, views, first_seed)):
        right["attribute_accuracy"] += thing.name(sampled(thing, number)) == thing.colour
        right["attribute_accuracy_real"] += thing.name(thing.another) == thing.colour
    return {key: value / count for key, value in right.items()} | {"attribute_things": count}
