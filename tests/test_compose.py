"""Prompts taken apart, boxes of layouts, where things stand, and how they are set in."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

import gs_stein
from gs_stein.cameras.options import RoomCameras
from gs_stein.command.train import main
from gs_stein.compose import insert
from gs_stein.compose.furnish import Furnisher, pieces
from gs_stein.compose.layout import layout_text, read_layout
from gs_stein.compose.place import Pose, Room, best_pose, lowest_seen, on_top
from gs_stein.compose.prompt import Composition, Wanted, compose
from gs_stein.compose.things import Table
from gs_stein.config.serialize import read_config
from gs_stein.evaluate import read_report
from gs_stein.files import PACKAGE
from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import Gaussians, sh_to_rgb
from gs_stein.gaussians.options import BallStart, RoomStart
from gs_stein.rasterize.reference import covariances

CAPTIONS = PACKAGE / "weights" / "prior" / "captions"
CAMERAS = RoomCameras()


@pytest.fixture(scope="module")
def table() -> Table:
    found = Table.load(CAPTIONS)
    assert found is not None
    return found


def taken_apart(prompt: str, table: Table) -> tuple[str, list[tuple[str, int, str, str]]] | None:
    found = compose(prompt, table)
    return None if found is None else (found.host, [(w.prompt, w.count, w.relation, w.other) for w in found.wanted])


@pytest.mark.parametrize(
    ("prompt", "host", "wanted"),
    [
        ("a bedroom with a guitar", "a bedroom", [("a guitar", 1, "", "")]),
        ("A Bedroom with a red robot", "A Bedroom", [("a red robot", 1, "", "")]),
        ("a snug lounge with two black cats", "a snug lounge", [("a black cat", 2, "", "")]),
        ("a kitchen with a pair of teddies", "a kitchen", [("a teddy bear", 2, "", "")]),
        (
            "an office with a robot and a blue sofa",
            "an office with a blue sofa",
            [("a robot", 1, "", "")],
        ),
        (
            "a bedroom at night with a guitar in the corner, a red rug and a robot",
            "a bedroom at night with a red rug",
            [("a guitar", 1, "corner", ""), ("a robot", 1, "", "")],
        ),
        ("a living room with a cat on a red sofa", "a living room with a red sofa", [("a cat", 1, "on", "sofa")]),
        ("in a bedroom there is a robot by the window", "in a bedroom", [("a robot", 1, "next", "window")]),
        ("left of the window stands a guitar, a nursery", "a nursery", [("a guitar", 1, "left", "window")]),
        ("a library where a robot stands next to the fireplace", "a library", [("a robot", 1, "next", "fireplace")]),
        ("someone put three penguins in a kitchen", "a kitchen", [("a penguin", 3, "", "")]),
        ("a penguin on a beach", "a beach", [("a penguin", 1, "", "")]),
        (
            "a photo of a nursery with a green robot during the day",
            "a photo of a nursery",
            [("a green robot", 1, "", "")],
        ),
    ],
)
def test_what_is_named_beyond_the_scene_is_taken_out(
    table: Table, prompt: str, host: str, wanted: list[tuple[str, int, str, str]]
) -> None:
    found = taken_apart(prompt, table)
    assert found is not None
    assert found[1] == wanted
    assert found[0].removeprefix("in ").startswith(host.removeprefix("in "))
    assert not any(word in found[0] for word in ("~", "  ", "guitar", "robot", "penguin"))


@pytest.mark.parametrize(
    "prompt",
    [
        "a cozy living room",
        "a kitchen with a fridge and a round table",  # a table is what kitchens have
        "a library with a fireplace",
        "a beach with palm trees and a sailboat",
        "a guitar",  # no scene
        "a bedroom with a guitar poster",  # no guitar
        "",
    ],
)
def test_what_the_scene_has_is_left_to_it(table: Table, prompt: str) -> None:
    assert compose(prompt, table) is None


def test_all_of_the_written_prompts_stay_as_they_are(table: Table) -> None:
    """What is measured by them was measured without anything set in; what is not of their rooms is written down."""
    from gs_stein.config.serialize import read_yaml

    written = read_yaml(PACKAGE / "bench" / "prompts.yaml")
    apart = [prompt for kind in written for prompt in written[kind] if kind != "objects" and compose(prompt, table)]
    assert apart == []


def test_a_layout_is_read() -> None:
    found = read_layout(
        "a red sofa: {centre: [0, -1.6], size: [2.0, 0.9, 0.8], faces: north}\n"
        "a cat: centre 1.2 −0.5, 0.4 x 0.6 × 0.45\n"
    )
    sofa, cat = found["a red sofa"], found["a cat"]
    assert sofa.yaw == 180.0
    assert sofa.box == pytest.approx((-1.0, -2.05, 0.0, 1.0, -1.15, 0.8))
    assert cat.yaw == -90.0  # west, towards the middle
    assert cat.box == pytest.approx((0.9, -0.7, 0.0, 1.5, -0.3, 0.45))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a sofa: {centre: [0], size: [1, 1, 1]}", "centre [0]; give 2 or 3 numbers"),
        ("a sofa: {centre: [0, 0], size: [1, 1]}", "give 3 numbers"),
        ("a sofa: {centre: [0, .nan], size: [1, 1, 1]}", "centre"),
        ("a sofa: {centre: [0, 0], size: [1, 1, 0]}", "0.02 to 100 m"),
        ("a sofa: {centre: [0, 0], size: [1, 1, 1], faces: up}", "faces 'up'; give south, east, north, west"),
        ("a sofa: {centre: [0, 0]}", "give its centre, its size"),
        ("a sofa: here", "'here' is neither centre, size nor faces"),
        ("- a sofa", "give a line for each thing"),
        ("a: b: c", "not valid YAML"),
    ],
)
def test_a_bad_layout_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^layout: ") as error:
        read_layout(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_layout_comes_from_a_file(tmp_path: Path) -> None:
    text = "a cat: {centre: [1, 1], size: [1, 1, 1]}"
    (tmp_path / "room.yaml").write_text(text)
    assert layout_text(str(tmp_path / "room.yaml")) == layout_text(text) == text
    with pytest.raises(ValueError, match=r"layout: .*nowhere\.yaml cannot be read"):
        layout_text(str(tmp_path / "nowhere.yaml"))


def block(low: tuple[float, float, float], high: tuple[float, float, float], count: int = 4000) -> Gaussians:
    """A solid box of small Gaussians."""
    generator = torch.Generator().manual_seed(0)
    ends = torch.tensor([low, high])
    means = ends[0] + (ends[1] - ends[0]) * torch.rand(count, 3, generator=generator)
    ball = initialise(BallStart(count=count, opacity=0.9), generator)
    return replace(ball, means=means, log_scales=torch.full((count, 3), math.log(0.01)))


def empty_room() -> Gaussians:
    return initialise(RoomStart(count=20_000, opacity=0.9), torch.Generator().manual_seed(0))


def wanted(table: Table, noun: str, relation: str = "", other: str = "", count: int = 1) -> Wanted:
    return Wanted(table.things[noun], f"a {noun}", count, relation, other)


@pytest.mark.parametrize("noun", ["guitar", "robot", "treasure chest", "penguin"])
def test_things_stand_inside_where_nothing_is(table: Table, noun: str) -> None:
    sofa = block((-1.0, 1.2, 0.0), (1.0, 2.2, 0.9))
    room = Room(Gaussians.cat([empty_room(), sofa]), CAMERAS, table.places["living room"])
    thing = wanted(table, noun)
    pose = best_pose(room, thing, thing.thing.size)
    assert pose is not None
    box = pose.box
    assert room.crowded(box) == 0
    assert box[0] >= -2.5
    assert box[1] >= -2.2
    assert box[3] <= 2.5
    assert box[4] <= 2.2
    assert box[2] == 0


@pytest.mark.parametrize(("relation", "sign"), [("left", -1), ("right", 1)])
def test_left_and_right_are_as_seen_from_the_middle(table: Table, relation: str, sign: int) -> None:
    place = replace(table.places["living room"], boxes={"window": (-0.5, 2.1, 1.0, 0.5, 2.2, 2.0)})
    room = Room(empty_room(), CAMERAS, place)
    thing = wanted(table, "guitar", relation, "window")
    pose = best_pose(room, thing, thing.thing.size)
    assert pose is not None
    assert pose.yaw == 0  # its back to the window's wall, in the north
    middle = (pose.box[0] + pose.box[3]) / 2
    assert 0.5 < sign * middle < 1.2


def test_next_to_the_corner_in_the_middle(table: Table) -> None:
    room = Room(empty_room(), CAMERAS, table.places["living room"])

    def box(noun: str, relation: str, other: str = "") -> tuple[float, ...]:
        thing = wanted(table, noun, relation, other)
        pose = best_pose(room, thing, thing.thing.size)
        assert pose is not None
        return pose.box

    corner = box("guitar", "corner")
    assert min(2.5 - abs(corner[0]), 2.5 - abs(corner[3])) < 0.1
    assert min(2.2 - abs(corner[1]), 2.2 - abs(corner[4])) < 0.1
    middle = box("robot", "middle")
    assert math.hypot(middle[0] + middle[3], middle[1] + middle[4]) / 2 < 0.3
    sofa, chest = room.place.boxes["sofa"], box("treasure chest", "next", "sofa")
    gaps = [max(sofa[i] - chest[i + 3], chest[i] - sofa[i + 3], 0) for i in (0, 1)]
    assert 0.05 < math.hypot(*gaps) < 0.4


def test_a_thing_fills_its_box_and_faces_where_it_should() -> None:
    # Wide in x, a nose in the south.
    thing = Gaussians.cat([block((-0.8, -0.2, -0.4), (0.8, 0.2, 0.4)), block((-0.1, -0.4, 0.2), (0.1, -0.2, 0.4), 400)])
    pose = Pose(2.4, 0.5, 0.3, -90.0, (1.6, 0.6, 0.8))  # its back to the east wall
    part = insert.placed(thing, pose)
    low, high = insert.extent(part)
    assert float(high[0]) == pytest.approx(2.4, abs=0.02)  # depth runs along x now
    assert float(high[0] - low[0]) == pytest.approx(0.6, abs=0.05)
    assert float(high[1] - low[1]) == pytest.approx(1.6, abs=0.05)
    assert float(low[2]) == pytest.approx(0.3, abs=0.02)
    nose = part[4000:].means.mean(0)
    assert float(nose[0]) < 2.0
    assert float(nose[1]) == pytest.approx(0.5, abs=0.05)


def test_a_layouts_box_is_filled_and_covariances_follow() -> None:
    thing = block((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5), 2000)
    generator = torch.Generator().manual_seed(1)
    thing = replace(
        thing, quats=torch.randn(2000, 4, generator=generator), log_scales=-4 + torch.rand(2000, 3, generator=generator)
    )
    factors = torch.tensor([1.0, 1.5, 0.7])
    before, after = (covariances(g.quats, g.scales) for g in (thing, insert.stretched(thing, factors)))
    assert torch.allclose(after, factors[:, None] * before * factors, atol=1e-7)
    (pose,) = read_layout("a box: {centre: [1, 1], size: [1.4, 1, 1], faces: south}").values()
    low, high = insert.extent(insert.placed(thing, pose))
    assert (high - low).tolist() == pytest.approx([1.4, 1.0, 1.0], abs=0.06)
    assert ((low + high) / 2)[:2].tolist() == pytest.approx([1.0, 1.0], abs=0.02)


def test_room_is_made_and_a_shadow_falls(table: Table) -> None:
    heap = block((1.5, -1.9, 0.1), (2.2, -1.2, 0.8))
    scene = Gaussians.cat([empty_room(), heap])
    composition = Composition("a room", table.places["living room"], (wanted(table, "robot"),))
    furnisher = Furnisher(scene, CAMERAS, composition, table)
    pose = Pose(1.85, -1.25, 0.0, 0.0, (0.6, 0.6, 0.8))
    boxes = furnisher.put(block((-0.3, -0.3, -0.4), (0.3, 0.3, 0.4)), wanted(table, "robot"), [pose])
    assert len(boxes) == 1
    whole = furnisher.scene
    x0, y0, _, x1, y1, z1 = boxes[0]

    def within(g: Gaussians, below: float, above: float) -> torch.Tensor:
        m = g.means
        flat = (m[:, 0] > x0) & (m[:, 0] < x1) & (m[:, 1] > y0) & (m[:, 1] < y1)
        return flat & (m[:, 2] > above) & (m[:, 2] < below)

    assert int(within(scene, z1, 0.06).sum()) > 500
    assert int(within(whole[: len(whole) - 4000], z1, 0.06).sum()) == 0
    before, after = (sh_to_rgb(g[within(g, 0.02, -0.1)].sh[:, 0]).mean() for g in (scene, whole[: len(whole) - 4000]))
    assert float(after) < 0.7 * float(before)


def test_small_things_bring_a_table_or_share_one(table: Table) -> None:
    place = replace(table.places["bedroom"], boxes={}, tops=())
    two = Composition("a bedroom", place, (wanted(table, "teapot", count=2),))
    furnisher = Furnisher(empty_room(), CAMERAS, two, table)
    (carrier, under), (pot, poses) = furnisher.plan(pieces(two, {})[0])
    assert carrier.thing.noun == "table"
    assert pot.thing.noun == "teapot"
    assert [pose.z for pose in poses] == [under[0].box[5]] * 2
    first, second = (pose.box for pose in poses)
    assert max(second[0] - first[3], first[0] - second[3], second[1] - first[4], first[1] - second[4]) > -1e-6
    with_desk = Composition("an office", table.places["office"], (wanted(table, "teapot"),))
    ((_, poses),) = Furnisher(empty_room(), CAMERAS, with_desk, table).plan(pieces(with_desk, {})[0])
    desk = table.places["office"].boxes[table.places["office"].tops[0]]
    assert poses[0].z == pytest.approx(desk[5])


def test_a_cat_sits_on_the_seat_not_on_the_back(table: Table) -> None:
    living = Composition("a living room", table.places["living room"], (wanted(table, "cat", "on", "sofa"),))
    ((_, poses),) = Furnisher(empty_room(), CAMERAS, living, table).plan(pieces(living, {})[0])
    assert 0.3 < poses[0].z < 0.6
    sofa = table.places["living room"].boxes["sofa"]
    assert sofa[0] < (poses[0].box[0] + poses[0].box[3]) / 2 < sofa[3]


def test_on_top_avoids_what_stands_there(table: Table) -> None:
    room = Room(empty_room(), CAMERAS, table.places["living room"])
    below = (-1.0, 1.0, 0.0, 1.0, 1.6, 0.7)
    first = on_top(room, (0.3, 0.3, 0.3), below)
    assert first.box[:2] == pytest.approx((-0.15, 1.15))
    room.taken.append(first.box)
    assert abs(sum(on_top(room, (0.3, 0.3, 0.3), below).box[i] for i in (0, 3))) / 2 > 0.2


def test_thick_ground_does_not_swallow_things() -> None:
    ground = block((-4, -4, -0.02), (4, 4, 0.0), 60_000)
    ground = replace(ground, log_scales=torch.full((len(ground), 3), math.log(0.05)))
    ridge = block((-1, 1.6, 0.0), (1, 1.8, 0.45), 20_000)
    assert lowest_seen(ground, 0.0, 2.5, 1.45) < 0.1
    assert 0.1 < lowest_seen(Gaussians.cat([ground, ridge]), 0.0, 2.2, 1.45) <= 0.3


SMALL = {"views": 2, "cameras": {"resolution": 16}, "start": {"count": 2000}, "refine": {"share": 0.0}}


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny prior with the bundled one's table of things."""
    folder = tiny_bundled(tmp_path_factory.mktemp("prior"))
    (folder / "captions").mkdir()
    (folder / "captions" / "things.json").write_bytes((CAPTIONS / "things.json").read_bytes())
    return folder


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Things of three iterations."""
    from gs_stein.command import furnish

    whole = furnish._Maker._of
    monkeypatch.setattr(
        furnish._Maker, "_of",
        lambda self, prompt, seed: replace(
            whole(self, prompt, seed), iterations=3, views=2, start=BallStart(count=200, opacity=0.9),
            refine=replace(whole(self, prompt, seed).refine, share=0.0),
            cameras=replace(whole(self, prompt, seed).cameras, resolution=16),
        ),
    )  # fmt: skip


@pytest.mark.usefixtures("short")
def test_a_sentence_with_a_guest_becomes_a_furnished_scene(prior: Path) -> None:
    asked = {"scene": True, "iterations": 3, "prior": {"model": str(prior)}, "progress": False, **SMALL}
    bare = gs_stein.generate("a bedroom", **asked)
    whole = gs_stein.generate("a bedroom with two robots", **asked)
    assert len(whole.gaussians) > len(bare.gaussians) + 300
    assert whole.config.prompt == "a bedroom with two robots"
    alone = gs_stein.generate("a bedroom with two robots", compose=False, **asked)
    assert len(alone.gaussians) == len(bare.gaussians)


@pytest.mark.usefixtures("short")
def test_a_run_keeps_its_things_and_makes_none_twice(
    prior: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "--prompt", "a bedroom with a robot in the corner and a guitar", "--scene", "--model", str(prior),
        "--no-viewer", "--iterations", "3", "--views", "2", "--cameras.resolution", "16", "--start.count", "2000",
        "--refine.share", "0", "--output", str(tmp_path), "--video-frames", "0", "--no-score",
    ]  # fmt: skip
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "'a robot' (corner), 'a guitar'" in said
    (run,) = tmp_path.iterdir()
    report = read_report(run)
    assert [row["prompt"] for row in report["things"]] == ["a robot", "a guitar"]
    assert report["prompt"] == "a bedroom with a robot in the corner and a guitar"
    first = (run / "point_cloud.ply").read_bytes()
    assert len(read_gaussians(run / "point_cloud.ply")) == report["gaussians"]
    things = sorted(path.name for path in (run / "things").iterdir())
    assert things == ["1-robot", "2-guitar"]
    # As after an interruption before the last of them: the other one is not made again.
    (run / "report.json").unlink()
    (run / "things" / "2-guitar" / "point_cloud.ply").unlink()
    kept = (run / "things" / "1-robot" / "point_cloud.ply").stat().st_mtime_ns
    assert main(["--resume", str(run), "--no-viewer", "--video-frames", "0", "--no-score"]) == 0
    assert (run / "things" / "1-robot" / "point_cloud.ply").stat().st_mtime_ns == kept
    assert (run / "point_cloud.ply").read_bytes() == first
    # Another prompt, with another thing: config.yaml keeps all of it.
    other = ["--resume", str(run), "--prompt", "an office with a penguin", "--iterations", "4"]
    assert main([*other, "--no-viewer", "--video-frames", "0", "--no-score"]) == 0
    assert read_config(run / "config.yaml").prompt == "an office with a penguin"
    assert [row["prompt"] for row in read_report(run)["things"]] == ["a penguin"]
    assert "an office," in (run / "steering.csv").read_text()


@pytest.mark.usefixtures("short")
def test_a_layout_places_what_no_prompt_names(prior: Path, tmp_path: Path) -> None:
    layout = tmp_path / "room.yaml"
    layout.write_text("a red robot: {centre: [1.5, 1.5], size: [0.6, 0.4, 0.8], faces: west}")
    command = [
        "--prompt", "a bedroom", "--scene", "--model", str(prior), "--no-viewer", "--layout", str(layout),
        "--iterations", "3", "--views", "2", "--cameras.resolution", "16", "--start.count", "2000",
        "--refine.share", "0", "--output", str(tmp_path / "runs"), "--video-frames", "0", "--no-score",
    ]  # fmt: skip
    assert main(command) == 0
    (run,) = (tmp_path / "runs").iterdir()
    (row,) = read_report(run)["things"]
    assert row["prompt"] == "a red robot"
    x0, y0, z0, x1, y1, z1 = row["boxes"][0]
    assert ((x0 + x1) / 2, (y0 + y1) / 2, z0) == pytest.approx((1.5, 1.5, 0.0), abs=0.02)
    assert z1 <= 0.82
    assert "a red robot" in (run / "config.yaml").read_text()


def test_a_layout_without_a_room_is_one_line(prior: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "--prompt",
        "a robot",
        "--object",
        "--model",
        str(prior),
        "--no-viewer",
        "--layout",
        "a cat: {centre: [0, 0], size: [1, 1, 1]}",
    ]
    assert main(command) == 2
    assert "layout: boxes stand in a room" in capsys.readouterr().err
