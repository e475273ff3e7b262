"""Whether a prompt names a place to stand in or a thing to walk around, so that nobody has to say so.

A linear classifier on sentence embeddings: ridge regression on the captions that the bundled prior was trained with and
on the words below, which stand for everything else. Its coefficients are kept beside this file; to fit them anew after
either has changed: `python -m gs_stein.text.scene_or_object gs_stein/weights/prior/captions`.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.text.known_prompts import Familiar
from gs_stein.text.minilm import MiniLM

COEFFICIENTS = Path(__file__).with_name("scene_or_object.json")
RIDGE = 1.0
PLACES = (
    "room", "hall", "hallway", "corridor", "house interior", "apartment", "studio flat", "lounge", "salon",
    "dining room", "cellar", "basement", "shop", "store", "market", "restaurant", "cafe", "pub", "office",
    "workshop", "studio", "laboratory", "theatre", "museum", "temple", "cathedral", "palace interior", "ballroom",
    "prison cell", "cave", "tunnel", "subway station", "airport", "harbour", "city", "town", "village", "square",
    "alley", "road", "park", "garden", "courtyard", "field", "valley", "canyon", "hill", "mountains", "forest",
    "jungle", "swamp", "beach", "coast", "bay", "island", "river", "waterfall", "lake", "sea", "underwater world",
    "planet surface", "desert", "glacier", "sky", "landscape", "skyline", "ruins", "playground", "stadium",
    "factory", "cockpit", "cabin interior", "greenhouse", "terrace", "rooftop", "patio", "porch", "nursery",
    "dormitory",
)  # fmt: skip
THINGS = (
    "chair", "sofa", "couch", "stool", "table", "desk", "bench", "bed", "cupboard", "dresser", "shelf", "cabinet",
    "lamp", "mirror", "clock", "vase", "cup", "bottle", "plate of food", "cake", "pizza", "apple", "banana",
    "vegetable", "loaf of bread", "flower", "tree", "mushroom", "dog", "cat", "horse", "bird", "fish", "elephant",
    "lion", "owl", "frog", "dinosaur", "monster", "person", "man", "woman", "child", "soldier", "knight", "statue",
    "sculpture", "doll", "toy", "ball", "car", "truck", "bus", "bicycle", "train engine", "airplane", "helicopter",
    "rocket", "boat", "ship", "tank", "house", "tower", "windmill", "castle model", "tent", "phone", "computer",
    "camera", "television", "radio", "piano", "violin", "drum", "trumpet", "hammer", "sword", "shield", "helmet",
    "hat", "shoe", "bag", "suitcase", "book", "box", "barrel", "key", "crown", "ring", "candle", "umbrella",
    "chess piece",
)  # fmt: skip
LOOKS = ("old", "red", "small", "beautiful", "futuristic", "wooden", "dark")
"""In turn: without them a prompt's adjectives would decide."""


def sounds_like_a_scene(pooled: Float[Tensor, " D"]) -> bool:
    """Whether a prompt is nearer to places than to things.

    Args:
        pooled: its sentence embedding, a unit vector.
    """
    *direction, constant = _coefficients()
    return float(pooled.cpu() @ torch.tensor(direction)) + constant > 0


def names_a_scene(prompt: str, pooled: Float[Tensor, " D"], familiar: Familiar | None) -> bool:
    """The same, where what a prior learnt from counts as it was learnt.

    Args:
        prompt: as typed.
        pooled: its sentence embedding, a unit vector.
        familiar: what the prior knows; None: it is a large one.
    """
    known = None
    if familiar is not None:
        named = None if familiar.vocabulary is None else familiar.vocabulary.named(prompt)
        known = familiar.kind_of(pooled) if named is None else named
    return sounds_like_a_scene(pooled) if known is None else known


def fit(familiar: Familiar, encode: Callable[[list[str]], Float[Tensor, "n D"]]) -> Float[Tensor, " coefficients"]:
    """The coefficients, and last the constant.

    Args:
        familiar: captions of a prior's world.
        encode: sentences → unit vectors.
    """
    words = [*PLACES, *THINGS]
    plain = [f"a {word}" for word in words]
    described = [f"a {LOOKS[i % len(LOOKS)]} {word}" for group in (PLACES, THINGS) for i, word in enumerate(group)]
    embeddings = torch.cat([familiar.embeddings, encode(plain + described).cpu()]).double()
    scenes = torch.tensor([*familiar.scenes, *2 * [word in PLACES for word in words]])
    rows = torch.cat([embeddings, torch.ones(len(embeddings), 1, dtype=torch.float64)], dim=1)
    normal = rows.T @ rows + RIDGE * torch.eye(rows.shape[1], dtype=torch.float64)
    return torch.linalg.solve(normal, rows.T @ torch.where(scenes, 1.0, -1.0).double()).float()


@functools.cache
def _coefficients() -> tuple[float, ...]:
    return tuple(json.loads(COEFFICIENTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    known = Familiar.load(Path(sys.argv[1]))
    if known is None:
        sys.exit(f"{sys.argv[1]}: holds no captions.json")
    found = [round(value, 4) for value in fit(known, MiniLM().sentences).tolist()]
    COEFFICIENTS.write_text(json.dumps(found) + "\n", encoding="utf-8")
