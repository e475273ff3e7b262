"""What words say and pictures show: labels for the detector, what is read off its maps, and the figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bundled import tiny_bundled

from gs_stein.bench import words as bench
from gs_stein.world.builder import Relation
from gs_stein.world.captions import Caption, Claim, describe
from gs_stein.world.detector import ATTRIBUTES, CELLS, VIEWS, Detector, Sight
from gs_stein.world.families import FAMILIES, HELD_OUT
from gs_stein.world.measure import calibrate, words
from gs_stein.world.measure.options import Options as Evaluation
from gs_stein.world.measure.words import Case, Verdict, cases, compared, lines, scores, verdicts
from gs_stein.world.phrases import attribute, says
from gs_stein.world.scenes import draw_scene
from gs_stein.world.training import detect, pool
from gs_stein.world.training.run import Data, Portion, Schedule

KEYS = ("presence_over_real", "attributes_over_real", "counts_over_real", "relations_over_real")


@pytest.fixture(scope="module")
def asked() -> list[Case]:
    return cases(8)


@pytest.fixture(scope="module")
def knowing(asked: list[Case]) -> Detector:
    """Knows all nouns of the cases."""
    return Detector(sorted({thing.name for case in asked for thing in case.scene.things}))


def truth(detector: Detector, case: Case) -> Sight:
    """What a perfect detector would see."""
    names, labels = detect.names_of(case.scene), torch.from_numpy(case.labels)
    nouns = torch.stack([
        sum((labels == i for i, own in enumerate(names.own) if own == noun), torch.zeros_like(labels)) > 0
        for noun in detector.nouns
    ], 1).float()  # fmt: skip
    looks = torch.from_numpy(names.attributes.astype(np.int64))[labels.long()]
    attributes = torch.stack([looks == k for k in range(len(ATTRIBUTES))], 1).float()
    return Sight(detector, nouns, attributes, detect.middles(labels, names.single).float() / 255)


def test_captions_claim_what_they_say_and_what_is_true() -> None:
    family, claims = FAMILIES["mixed-rooms"], []
    for i in range(40):
        scene = draw_scene(family.first_seed + i, family.kinds[i % len(family.kinds)])
        guests = {ids: guest for guest in scene.guests for ids in [guest.ids]}
        for caption in describe(scene, i, 4):
            assert caption.said
            for claim in caption.said:
                claims.append(claim)
                assert set(claim.ids) <= set(caption.named)
                if claim.attribute:
                    assert {attribute(scene.things[k - 1]) for k in claim.ids} == {claim.attribute}
                    assert says(caption.text.replace(",", " "), claim.attribute)
                if claim.relation is not None:
                    assert claim.relation in guests[claim.ids].relations
                assert (len(claim.ids) > 1) == any(f"{n} " in caption.text for n in ("two", "three", "pair of")) or (
                    len(caption.said) > 1
                )
    assert 0.4 < np.mean([bool(claim.attribute) for claim in claims]) < 0.9
    assert 0.2 < np.mean([claim.relation is not None for claim in claims]) < 0.8
    assert describe(draw_scene(0, "bedroom"), 0, 1)[0].said == ()


def test_looks_are_colours_or_materials() -> None:
    things = draw_scene(3, "mixed living room").things
    sofa = replace(things[0], name="sofa", colour="red", material="fabric")
    assert attribute(sofa) == "red"
    assert attribute(replace(sofa, material="wood")) == "wood"
    assert attribute(replace(sofa, material="metal")) == "red"
    assert attribute(replace(sofa, material="metal", colour="grey")) == "metal"
    assert attribute(replace(sofa, name="television")) == ""
    assert says("a shiny metal sofa", "metal")
    assert says("two golden crowns", "gold")
    assert not says("a bowl of oranges", "orange")
    assert not says("a sofa", "")


def test_parts_are_called_what_the_guest_is() -> None:
    scene = next(
        scene
        for i in range(200)
        for scene in [draw_scene(HELD_OUT + i, "mixed bedroom")]
        if any(guest.parts for guest in scene.guests)
    )
    guest, names = next(guest for guest in scene.guests if guest.parts), detect.names_of(scene)
    assert names.nouns[guest.parts[0]] == names.nouns[guest.ids[0]] == scene.things[guest.ids[0] - 1].name
    assert names.own[guest.parts[0]] == scene.things[guest.parts[0] - 1].name
    assert not names.single[guest.parts[0]]
    assert names.nouns[0] == ""


def test_every_thing_has_one_middle() -> None:
    labels = torch.zeros(2, CELLS, CELLS, dtype=torch.uint8)
    labels[0, 4:9, 10:13] = 1
    labels[0, 4:9, 14:17] = 2
    labels[1, :20] = 3  # a wall
    labels[1, 30, 30] = 4  # several
    single = np.zeros(pool.LABELS, bool)
    single[1:4] = True
    heat = detect.middles(labels, single)
    assert {tuple(place) for place in (heat[0] == 255).nonzero().tolist()} == {(6, 11), (6, 15)}
    assert heat[1].max() == 0


def test_maps_are_read_as_people_would() -> None:
    detector = Detector(["cat", "sofa", "lamp"])
    nouns, middles = torch.zeros(2, 3, CELLS, CELLS), torch.zeros(2, CELLS, CELLS)
    attributes = torch.zeros(2, len(ATTRIBUTES), CELLS, CELLS)
    nouns[0, 0, 10:12, 10:12] = 0.9
    nouns[0, 1, 12:16, 6:16] = 0.8
    nouns[1, 1, 12:16, 0:3] = 0.7
    attributes[0, ATTRIBUTES.index("black"), 10:12, 10:12] = 1.0
    attributes[0, ATTRIBUTES.index("red"), 12:16] = 1.0
    for x in (8, 13):
        middles[0, 13, x] = 0.9
    sight = Sight(detector, nouns, attributes, middles)
    assert (sight.has("cat"), sight.has("sofa"), sight.has("lamp")) == (True, True, False)
    assert (sight.attribute("cat"), sight.attribute("sofa")) == ("black", "red")
    assert (sight.count("sofa"), sight.count("cat")) == (2, 1)
    assert sight.count("sofa", 0.95) == 1
    assert sight.stands("cat", "on", "sofa")
    assert not sight.stands("sofa", "on", "cat")
    assert sight.stands("sofa", "under", "cat")
    assert sight.stands("cat", "left", "sofa") != sight.stands("cat", "right", "sofa")
    with pytest.raises(ValueError, match="not taught 'dog'"):
        sight.likely("dog")


def test_the_truth_scores_one_and_wrong_scenes_less(asked: list[Case], knowing: Detector) -> None:
    sights = [truth(knowing, case) for case in asked]
    found = verdicts(asked, sights)
    assert len(found) >= 8
    best = scores(found)
    assert (best["presence"], best["presence_auc"], best["attributes"]) == (1.0, 1.0, 1.0)
    assert best["counts"] >= 0.5  # not all middles of three in a row are apart
    assert best["relations"] >= 0.5
    swapped = verdicts(asked, [*sights[1:], sights[0]])
    assert scores(swapped)["presence"] < 0.8
    assert scores(swapped)["presence_auc"] < 0.8
    assert scores(swapped)["attributes"] < 0.5
    ratios = compared(swapped, found)
    assert set(KEYS) <= set(ratios)
    assert ratios["presence_over_real"] == pytest.approx(2 * scores(swapped)["presence"] - 1)
    assert ratios["presence_accuracy_over_real"] == pytest.approx(scores(swapped)["presence"])
    assert ratios["presence_over_real_low"] <= ratios["presence_over_real"] <= ratios["presence_over_real_high"]
    assert compared(found, found)["attributes_over_real"] == 1.0
    assert ratios["presence_n"] == len(found)
    written = lines(asked, found)
    assert len(written) == len(asked)
    assert all(case.caption.text in line for case, line in zip(asked, written, strict=True))


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_detector_that_says_nothing_scores_half(asked: list[Case], knowing: Detector, level: float) -> None:
    nouns = torch.full((VIEWS, len(knowing.nouns), CELLS, CELLS), level)
    sight = Sight(knowing, nouns, torch.zeros(VIEWS, len(ATTRIBUTES), CELLS, CELLS), torch.zeros(VIEWS, CELLS, CELLS))
    found = scores(verdicts(asked, [sight] * len(asked)))
    assert (found["presence"], found["presence_auc"]) == (0.5, 0.5)


def test_nobody_is_asked_about_what_a_detector_takes_for_something_else(asked: list[Case], knowing: Detector) -> None:
    blind = asked[0].name(asked[0].caption.said[0].ids[0])
    unsure = Detector(knowing.nouns, real={blind: words.RELIABLE - 0.01})
    nouns = [
        {asked[v.case].name(v.claim.ids[0]) for v in verdicts(asked, [truth(d, case) for case in asked])}
        for d in (knowing, unsure)
    ]
    assert nouns[0] - nouns[1] == {blind}


def test_figures_of_nothing_are_no_numbers() -> None:
    empty = compared([], [])
    assert set(KEYS) <= set(empty)
    assert words.for_json(empty)["presence_over_real"] is None
    claim = Claim((1,), "red", Relation("left", 2))
    alone = [Verdict(0, claim, 1.0, True, 0.0, True, None, None)]
    found = words.for_json(compared(alone, alone))
    assert (found["presence_over_real"], found["counts_over_real"], found["counts_n"]) == (1.0, None, 0)


def test_cases_are_held_out_and_say_much(asked: list[Case]) -> None:
    assert all(case.scene.held_out for case in asked)
    assert sum(words.weight(case.caption) for case in asked) > 2 * len(asked)
    again = cases(1)[0]
    assert again.caption == asked[0].caption
    assert torch.equal(again.rgb, asked[0].rgb)


def test_a_saved_detector_sees_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    detector = Detector(["cat", "sofa"], thresholds={"cat": 0.25}, middle=0.4, real={"cat": 0.9})
    detector.save(tmp_path / "d")
    size = (tmp_path / "d" / "model.safetensors").stat().st_size
    assert size < 1.5e6
    loaded = Detector.load(tmp_path / "d")
    assert (loaded.nouns, loaded.thresholds, loaded.middle, loaded.real) == (
        ["cat", "sofa"], {"cat": 0.25}, 0.4, {"cat": 0.9},
    )  # fmt: skip
    rgb = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    ours, theirs = detector.eval().look(rgb), loaded.look(rgb)
    assert torch.allclose(ours.nouns, theirs.nouns, atol=5e-3)
    assert loaded.look(rgb[:, :, ::2, ::2].repeat_interleave(4, 2).repeat_interleave(4, 3)).middles.shape == (2, 32, 32)


def test_a_missing_or_damaged_detector_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no detector; train one: `python -m gs_stein.world.train detector`"):
        Detector.load(tmp_path)

    def broken(what: str) -> str:
        folder = tmp_path / "d"
        Detector(["cat"]).save(folder)
        if what == "short":
            data = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(data[:1000])
        elif what == "other":
            (folder / "config.json").write_text(json.dumps({"nouns": ["cat", "dog"]}))
        elif what == "strange":
            (folder / "config.json").write_text(json.dumps({"pouns": 3}))
        elif what == "shape":
            (folder / "config.json").write_text(json.dumps({"nouns": ["cat"], "widths": [1, 2]}))
        elif what == "text":
            (folder / "config.json").write_text("{")
        else:
            detector = Detector(["cat"])
            torch.nn.init.constant_(detector.out.weight, float("nan"))
            detector.save(folder)
        with pytest.raises(ValueError, match=r"detector: .* damaged") as error:
            Detector.load(folder)
        return str(error.value)

    for what in ("short", "other", "strange", "shape", "text", "nan"):
        assert "\n" not in broken(what)


def test_training_learns_names_of_a_pool_and_calibrates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (detect, pool):
        monkeypatch.setattr(module, "SCENES_PER_SHARD", 2)
    monkeypatch.setattr(detect, "VIEWS", 2)
    monkeypatch.setattr(detect, "LEAST", 1)
    family = FAMILIES["mixed-rooms"]
    (tmp_path / "pool").mkdir()
    shard = pool.render_scenes([family.first_seed, family.first_seed + 1], list(family.kinds[:2]), views=2)
    shard.save(pool.shard_path(tmp_path, family, 0))
    data = Data(tmp_path, rooms=Portion(0, 0.0), mixed_rooms=Portion(1, 1.0), workers=0)
    pictures, nouns = detect.Pictures.load(data.sources(), tmp_path)
    assert {"walls", "floor"} <= set(nouns)
    assert pictures.rgb.shape == (4, 128, 128, 3)
    scene = draw_scene(family.first_seed, family.kinds[0])
    ids = torch.from_numpy(shard.labels[0])
    floor = next(thing.id for thing in scene.things if thing.name == "floor")
    assert torch.equal(pictures.nouns[:2] == nouns.index("floor"), ids == floor)
    job = detect.Detect(data, Schedule(steps=3, images=4, warmup=1, device="cpu"), calibration=13)
    detect.train_detector(job)
    detector = Detector.load(tmp_path / "detector")
    assert detector.nouns == nouns
    assert set(detector.thresholds) == set(nouns)
    assert detector.middle in calibrate.MIDDLES


def test_blemished_pictures_stay_pictures() -> None:
    rgb = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    made = detect.blemished(rgb, torch.Generator().manual_seed(1))
    assert made.shape == rgb.shape
    assert float(made.min()) >= 0
    assert float(made.max()) <= 1
    assert torch.equal(made, detect.blemished(rgb, torch.Generator().manual_seed(1)))


def test_parts_of_pictures_keep_what_is_known_of_their_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    cells = torch.rand(16, 1, CELLS, CELLS, generator=generator).round()
    rgb = cells.repeat_interleave(4, 2).repeat_interleave(4, 3)
    seen, known = detect.cut([rgb, cells], generator)
    same = [torch.equal(a, b) or torch.equal(a.flip(-1), b) for a, b in zip(known, cells, strict=True)]
    assert 2 < sum(same) < 14
    middle = seen.unfold(2, 4, 4).unfold(3, 4, 4).mean((-1, -2)).round()
    assert (middle == known).float().mean() > 0.85


def test_the_command_asks_a_prior(tmp_path: Path, knowing: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    knowing.save(tmp_path / "detector")
    prior = tiny_bundled(tmp_path / "tiny")
    words.main(words.Options(str(prior), tmp_path / "detector", 3, 2, tmp_path / "sheet.png", json=True))
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(KEYS) <= set(found)
    assert (tmp_path / "sheet.png").exists()


def test_the_bench_asks_finished_scenes(
    tmp_path: Path, asked: list[Case], knowing: Detector, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    knowing.save(tmp_path / "detector")
    made: list[tuple] = []

    def runs(lines: list[dict], folder: Path, address: str, grid: tuple[str, ...]) -> list[Path]:
        made.append((lines, grid))
        folder.mkdir()
        return [folder / str(i) for i in range(len(lines))]

    monkeypatch.setattr("gs_stein.bench.prompts.make_runs", runs)
    monkeypatch.setattr(bench, "pictures", lambda run, case: case.rgb)
    output = tmp_path / "out"
    flags = ["--scenes", "3", "--detector", str(tmp_path / "detector"), "--output", str(output), "--json"]
    assert bench.main(flags) == 0
    prompts, grid = made[0]
    assert [line["prompt"] for line in prompts] == [case.caption.text for case in asked[:3]]
    assert all(line["scene"] for line in prompts)
    assert grid == ("preset=preview",)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["presence_accuracy_over_real"] == 1.0
    assert set(KEYS) <= set(found)
    assert json.loads((output / "words.json").read_text()) == found
    assert (output / "words.png").exists()


def test_the_bench_wants_a_detector(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no detector"):
        bench.main(["--detector", str(tmp_path)])


def test_a_caption_without_claims_weighs_nothing() -> None:
    assert words.weight(Caption("a room", ())) == 0
    assert words.weight(Caption("a red cat", (), (Claim((1,), "red"),))) == 2
    assert words.weight(Caption("two", (), (Claim((1, 2), "", Relation("left", 3)),))) == 5


def test_nonsense_is_refused(tmp_path: Path, knowing: Detector) -> None:
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: words.Options(scenes=0), "--scenes: 0 is below 1"),
        (lambda: words.Options(steps=-1), "--steps: -1 is below 1"),
        (lambda: Evaluation(words=-3), "--words: -3 is below 0"),
        (lambda: Evaluation(scenes=0), "--scenes: 0 is below 2"),
        (lambda: detect.Detect(calibration=0), "--calibration: 0 scenes decide nothing"),
    ]
    for call, said in refused:
        with pytest.raises(ValueError, match=said):
            call()
    knowing.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"middle": float("nan")}))
    with pytest.raises(ValueError, match=r"is damaged .*; "):
        Detector.load(tmp_path)
