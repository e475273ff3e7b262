"""The measure of colours: right on real pictures, wrong where colours are."""

import numpy as np
import pytest
import torch

from gs_stein.world import attributes
from gs_stein.world.scenes import ROOMS


@pytest.fixture(scope="module")
def things() -> list[attributes.Thing]:
    return list(attributes.things(ROOMS, 8, 2, 90_000_000))


def test_things_are_large_named_and_seen(things):
    assert len(things) == 8
    for thing in things:
        assert thing.colour in thing.text
        assert thing.text in thing.prompt
        assert thing.prompt.endswith("in daylight")
        assert thing.mask.shape == thing.rgb.shape[-2:]
        assert thing.mask.float().mean() > 0.02
        assert thing.reading(thing.rgb).shape == (3,)


def test_a_reading_is_the_colour_under_the_mask(things):
    thing = things[0]
    painted = torch.rand(thing.rgb.shape)
    painted[thing.view] = torch.where(thing.mask, torch.tensor([0.7, 0.2, 0.1])[:, None, None], painted[thing.view])
    assert np.allclose(thing.reading(painted), [0.7, 0.2, 0.1], atol=1e-6)


def test_names_are_told_apart_by_their_spread():
    rng = np.random.default_rng(0)
    # Brightness varies a lot, hue little: discriminants must weigh hue, plain distance would not.
    bright = rng.normal(0, 0.2, (400, 1))
    base = np.where(np.arange(400)[:, None] % 2 == 0, [0.5, 0.4, 0.4], [0.4, 0.4, 0.5])
    readings = base + bright + rng.normal(0, 0.01, (400, 3))
    names = ["red", "blue"] * 200
    name = attributes.Namer(readings[:200], names[:200])
    right = [name(r) == n for r, n in zip(readings[200:], names[200:], strict=True)]
    assert np.mean(right) > 0.97
    assert "rare" not in attributes.Namer(np.concatenate([readings, base[:2]]), [*names, "rare", "rare"]).means


def test_accuracy_tells_real_pictures_from_grey_ones():
    arguments = (ROOMS, 12, 2, 90_000_000, 60)
    real = attributes.accuracy(lambda thing, _: thing.rgb, *arguments)
    grey = attributes.accuracy(lambda thing, _: thing.rgb.mean(1, keepdim=True).expand_as(thing.rgb), *arguments)
    assert real["attribute_accuracy"] == real["attribute_accuracy_real"] == grey["attribute_accuracy_real"]
    assert real["attribute_accuracy"] > 0.5
    assert grey["attribute_accuracy"] < real["attribute_accuracy"]
