"""Is the red sofa red? Colours of named things, read in samples where the renderer says that the thing must be.

A reading is the median colour of a thing inside its outline, in the view that shows most of it, by daylight. Which
colour name it stands for is decided by linear discriminants fitted to readings of real renders of other scenes, shadows
and lamps included; the same decision on held-out real renders says how much of an error is the measure's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.cameras import sample_cameras
from gs_stein.types import Cameras
from gs_stein.world.captions import phrase
from gs_stein.world.primitives import Scene
from gs_stein.world.render import render
from gs_stein.world.scenes import draw_scene

_OWN_COLOUR = ("wood", "brick", "concrete", "checkered tiles")
"""Materials that captions name instead of a colour."""
_LEAST = 0.02
"""Share of a view that a thing must cover, inside its outline."""


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
    mask: Tensor
    """Where the thing is in that view, away from its outline: bool (H, W)."""
    rgb: Float[Tensor, "V 3 H W"]
    """The real pictures."""

    @property
    def prompt(self) -> str:
        """A caption that names this thing alone."""
        if self.text.startswith(("a ", "an ")) and self.kind in self.text:
            return self.text
        article = "an" if self.kind[0] in "aeio" else "a"
        return f"{article} {self.kind} with {self.text}, in daylight"

    def reading(self, rgb: Float[Tensor, "V 3 H W"]) -> np.ndarray:
        """Its median colour in pictures from the same cameras; sRGB in [0, 1]."""
        return rgb[self.view][:, self.mask].median(1).values.clamp(0, 1).numpy()


def inner(labels: np.ndarray, thing: int) -> Tensor:
    """Where each view shows a thing, two pixels away from its outline: bool (V, H, W)."""
    mask = torch.from_numpy(labels == thing).float()[:, None]
    return F.max_pool2d(1 - mask, 5, stride=1, padding=2)[:, 0] == 0


def largest(scene: Scene, seed: int, views: int) -> Thing | None:
    """The thing of a scene that covers most of a view and has a colour that captions name; None if there is none."""
    named = [
        (thing, phrase(thing, np.random.default_rng(seed), bare=0.0))
        for thing in scene.things
        if thing.colour and thing.material not in _OWN_COLOUR and thing.name != "ceiling"
    ]  # fmt: skip
    named = [(thing, text) for thing, text in named if thing.colour in text.split()]
    if not named:
        return None
    cameras = sample_cameras(scene.cameras, views, torch.Generator().manual_seed(seed))
    pictures = render(scene, cameras)
    masks = [inner(pictures.labels, thing.id) for thing, _ in named]
    # Any of those that are large enough, walls and floor not more often than a sofa.
    large = [i for i, mask in enumerate(masks) if mask.float().mean((1, 2)).max() > _LEAST]
    if not large:
        return None
    chosen = large[seed % len(large)]
    thing, text = named[chosen]
    view = int(masks[chosen].sum((1, 2)).argmax())
    rgb = torch.from_numpy(pictures.rgb).permute(0, 3, 1, 2).float() / 255
    return Thing(scene.kind, text, thing.colour, cameras, view, masks[chosen][view], rgb)


def things(kinds: tuple[str, ...], count: int, views: int, first_seed: int) -> Iterator[Thing]:
    """One named thing from each of `count` scenes by daylight."""
    seed, found = first_seed, 0
    while found < count:
        scene = draw_scene(seed, kinds[seed % len(kinds)])
        if scene.time in ("", "day", "sunny") and (thing := largest(scene, seed, views)) is not None:
            found += 1
            yield thing
        seed += 1


class Namer:
    """Linear discriminants from a reading to a colour name (Fisher; equal odds, one covariance for all names)."""

    def __init__(self, readings: np.ndarray, names: list[str]) -> None:
        seen = {name: readings[[n == name for n in names]] for name in dict.fromkeys(names)}
        self.means = {name: r.mean(0) for name, r in seen.items() if len(r) > 2}
        spread = np.concatenate([seen[name] - mean for name, mean in self.means.items()])
        self.precision = np.linalg.inv(spread.T @ spread / len(spread) + 1e-4 * np.eye(3))

    def __call__(self, reading: np.ndarray) -> str:
        """The likeliest name."""

        def distance(name: str) -> float:
            gap = reading - self.means[name]
            return gap @ self.precision @ gap

        return min(self.means, key=distance)


def accuracy(
    sampled: Callable[[Thing, int], Float[Tensor, "V 3 H W"]],
    kinds: tuple[str, ...], count: int, views: int, first_seed: int, reference: int = 240,
) -> dict[str, float]:  # fmt: skip
    """Share of samples whose named thing has the colour of its name; the same for real pictures.

    Args:
        sampled: pictures for a thing's prompt and cameras, given its number too.
        kinds: of scene, taken in turn.
        count: things to sample.
        views: of each scene, sampled jointly.
        first_seed: of the scenes.
        reference: real things to learn from how colour names look.
    """
    known = list(things(kinds, reference, views, first_seed + 500_000))
    name = Namer(np.stack([t.reading(t.rgb) for t in known]), [t.colour for t in known])
    right = {"attribute_accuracy": 0, "attribute_accuracy_real": 0}
    asked = [t for t in things(kinds, count, views, first_seed) if t.colour in name.means]
    for number, thing in enumerate(asked):
        right["attribute_accuracy"] += name(thing.reading(sampled(thing, number))) == thing.colour
        right["attribute_accuracy_real"] += name(thing.reading(thing.rgb)) == thing.colour
    return {key: value / len(asked) for key, value in right.items()} | {"attribute_things": len(asked)}
