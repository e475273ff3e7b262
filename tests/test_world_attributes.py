"""The measure of colours: right on real pictures, wrong where colours are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.world.measure import attributes
from gs_stein.world.render.render import render
from gs_stein.world.scenes import ROOMS, draw_scene

SEED = 90_000_000
pytestmark = pytest.mark.occasional  # renders twenty rooms


@pytest.fixture(scope="module")
def things() -> list[attributes.Thing]:
    return list(attributes.things(tuple(ROOMS), 10, 2, SEED))


def test_things_are_named_and_seen(things):
    for thing in things:
        assert thing.colour in thing.text
        assert thing.text in thing.prompt
        assert thing.prompt.endswith("in daylight")
        assert thing.mask.shape == thing.rgb.shape[-2:] == thing.another.shape[-2:]
        assert thing.mask.float().mean() > 0.02


def test_what_is_named_is_the_colour_under_the_mask(things):
    """Painted like the mean look of a colour, a thing has that colour's name, whatever is around it."""
    tried = np.stack(np.meshgrid(*[np.linspace(0, 1, 33)] * 3), -1).reshape(-1, 3)
    seen = attributes.lab(tried)
    for thing in things:
        for name in ("red", "blue", "green"):
            near = tried[np.square(seen - thing.looks[name].mean(0)).sum(1).argmin()]
            painted = torch.rand(thing.rgb.shape, generator=torch.Generator().manual_seed(0))
            colour = torch.tensor(near, dtype=torch.float32)[:, None, None]
            painted[thing.view] = torch.where(thing.mask, colour, painted[thing.view])
            assert thing.name(painted) == name


def test_discriminants_weigh_hue_where_light_varies():
    light = np.linspace(-20, 20, 7)[:, None] * [1.0, 0.3, 0.0]  # brighter is also redder
    looks = {name: np.array([50.0, a, 0.0]) + light for name, a in (("red", 4.0), ("blue", -4.0))}
    rgb = torch.tensor([0.65, 0.625, 0.63])[None, :, None, None].expand(1, 3, 4, 4)
    here = attributes.lab(rgb[0, :, 0, 0].double().numpy())
    assert here[0] > 60
    assert 0 < here[1] < 9  # as red as blue things are in this light
    mask = torch.ones(4, 4, dtype=torch.bool)
    cameras = sample_cameras(RoomCameras(), 1, torch.Generator().manual_seed(0))
    thing = attributes.Thing("office", "a blue desk", "blue", cameras, 0, mask, rgb, looks, rgb)
    assert min(looks, key=lambda name: float(np.square(here - looks[name].mean(0)).sum())) == "red"
    assert thing.name(rgb) == "blue"


def test_lab_of_known_colours():
    assert np.allclose(attributes.lab(np.ones(3)), [100, 0, 0], atol=0.05)
    assert np.allclose(attributes.lab(np.zeros(3)), 0, atol=1e-6)
    # sRGB's red primary, as tables of CIELAB have it
    assert np.allclose(attributes.lab(np.array([1.0, 0, 0])), [53.24, 80.09, 67.20], atol=0.1)


def test_recolouring_changes_the_thing_alone():
    scene = draw_scene(SEED, "living room")
    thing = next(t for t in attributes.colourable(scene) if t.name == "sofa")
    cameras = sample_cameras(scene.cameras, 4, torch.Generator().manual_seed(0))
    before = render(scene, cameras)
    same, other = (attributes.recoloured(scene, thing, name) for name in (thing.colour, "purple"))
    assert np.array_equal(render(same, cameras).rgb, before.rgb)
    changed = np.abs(render(other, cameras).rgb.astype(int) - before.rgb).max(-1) > 60
    assert changed.sum() > 100
    assert (before.labels[changed] == thing.id).mean() > 0.9  # bounced light changes the rest a little
    with pytest.raises(ValueError, match="sofa"):
        attributes.recoloured(scene, replace(thing, rgb=(0.123, 0.987, 0.456)), "purple")


def test_accuracy_tells_real_pictures_from_grey_ones(things, monkeypatch):
    arguments = (tuple(ROOMS), 10, 2, SEED)
    monkeypatch.setattr(attributes, "things", lambda *asked: things if asked == arguments else [])
    real = attributes.accuracy(lambda thing, _: thing.rgb, *arguments)
    grey = attributes.accuracy(lambda thing, _: thing.rgb.mean(1, keepdim=True).expand_as(thing.rgb), *arguments)
    assert real["attribute_accuracy_real"] == grey["attribute_accuracy_real"]
    assert real["attribute_accuracy"] > 0.5
    assert grey["attribute_accuracy"] < real["attribute_accuracy"]
