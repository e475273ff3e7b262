"""The folder that is shipped: nothing of the training machine in it, and replaced as a whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec
from gs_stein.text.known_prompts import Familiar
from gs_stein.world.training import export
from gs_stein.world.training.export import Options, export_denoiser, forget_paths, known_captions, main, replace_folder
from gs_stein.world.training.run import Data, Portion, Schedule
from gs_stein.world.training.train import Denoiser, train_denoiser

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).parent.parent / "gs_stein" / "weights"


def filled(folder: Path, content: str) -> Path:
    folder.mkdir()
    (folder / "weights").write_text(content)
    return folder


def test_what_is_shipped_names_no_machine() -> None:
    configurations = [*ASSETS.rglob("*.json")]
    assert len(configurations) >= 5
    for path in configurations:
        text = path.read_text(encoding="utf-8")
        assert "_name_or_path" not in text, path
        assert not re.search(r'"(/|[A-Z]:\\|~)', text), path


def test_paths_are_forgotten_and_the_rest_kept(tmp_path: Path) -> None:
    (tmp_path / "codec").mkdir()
    path = tmp_path / "codec" / "config.json"
    path.write_text(json.dumps({"_class_name": "C", "_name_or_path": "/home/somebody/training", "patch": 8}))
    forget_paths(tmp_path)
    assert json.loads(path.read_text()) == {"_class_name": "C", "patch": 8}


def test_a_folder_is_replaced_and_its_card_kept(tmp_path: Path) -> None:
    folder = filled(tmp_path / "prior", "old")
    (folder / "README.md").write_text("card")
    (folder / "train.sh").write_text("commands")
    (folder / "left over").write_text("of an earlier layout")
    replace_folder(folder, filled(tmp_path / "prior.new", "new"))
    found = {path.name: path.read_text() for path in folder.iterdir()}
    assert found == {"weights": "new", "README.md": "card", "train.sh": "commands"}
    assert [path.name for path in tmp_path.iterdir()] == ["prior"]


@pytest.mark.parametrize("moment", [1, 2])
def test_an_interruption_loses_nothing(tmp_path: Path, moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rename, calls = filled(tmp_path / "prior", "old"), Path.rename, []
    (folder / "README.md").write_text("card")

    def stopped(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == moment:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(folder, filled(tmp_path / "prior.new", "new"))
    monkeypatch.undo()
    old = folder if folder.exists() else tmp_path / "prior.old"
    assert (old / "weights").read_text() == "old"
    replace_folder(folder, filled(tmp_path / "another", "newest"))
    assert (folder / "weights").read_text() == "newest"
    assert (folder / "README.md").read_text() == "card"
    assert not (tmp_path / "prior.old").exists()


def checkpoint(path: Path, value: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = MultiViewDenoiser(channels=4, depth=1).state_dict()
    ema = {name: torch.full_like(entry, value) for name, entry in state.items()}
    torch.save({"ema": ema, "step": 7}, path)


def test_the_mean_of_two_checkpoints_is_shipped(tmp_path: Path) -> None:
    checkpoint(tmp_path / "now" / "denoiser.pt", 1.0)
    checkpoint(tmp_path / "before.pt", 0.0)
    assert export_denoiser(tmp_path / "now", 4, tmp_path / "both", tmp_path / "before.pt", 0.75) == 7
    assert export_denoiser(tmp_path / "now", 4, tmp_path / "alone") == 7
    for folder, value in (("both", 0.75), ("alone", 1.0)):
        weights = MultiViewDenoiser.from_pretrained(tmp_path / folder).state_dict()
        assert all(bool((entry == value).all()) for entry in weights.values())


@pytest.mark.parametrize(
    ("earlier", "share", "said"), [("missing.pt", 0.5, "--earlier"), ("now/denoiser.pt", 1.5, "--share")]
)
def test_a_wrong_mean_is_named(tmp_path: Path, earlier: str, share: float, said: str) -> None:
    checkpoint(tmp_path / "now" / "denoiser.pt", 1.0)
    with pytest.raises(ValueError, match=said):
        main(Options(tmp_path / "now", tmp_path / "assets", earlier=tmp_path / earlier, share=share))
    assert not (tmp_path / "assets").exists()


def codec(folder: Path, seed: int = 0) -> None:
    made = PatchCodec(channels=4)
    made.fit(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)))
    made.save_pretrained(folder / "codec")


def values(prior: Path) -> list[float]:
    """Of the denoisers of scenes and of objects and of the depth estimator, in each of which all weights are one."""
    networks = (
        MultiViewDenoiser.from_pretrained(prior / "network"),
        MultiViewDenoiser.from_pretrained(prior / "network_objects"),
        NoisyDepth.from_pretrained(prior / "depth"),
    )
    return [float(next(iter(network.state_dict().values())).flatten()[0]) for network in networks]


@pytest.fixture(scope="module")
def few_captions() -> Familiar:
    return known_captions(60, 8, words=4)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_captions: Familiar) -> Path:
    """A training folder, and in assets/prior a whole prior exported from it: scenes 1, objects 2, depth 3."""
    monkeypatch.setattr(export, "known_captions", lambda: few_captions)
    for name, weight in (("rooms", 1.0), ("things", 2.0)):
        checkpoint(tmp_path / name / "denoiser.pt", weight)
    depth = {name: torch.full_like(entry, 3) for name, entry in NoisyDepth(channels=4).state_dict().items()}
    torch.save({"ema": depth, "step": 7}, tmp_path / "rooms" / "depth.pt")
    codec(tmp_path / "rooms")
    main(Options(tmp_path / "rooms", tmp_path / "assets", objects=tmp_path / "things"))
    return tmp_path


def test_parts_that_were_not_trained_anew_stay(trained: Path) -> None:
    prior = trained / "assets" / "prior"
    checkpoint(trained / "again" / "denoiser.pt", 4.0)
    main(Options(trained / "empty", trained / "assets", objects=trained / "again"))
    assert values(prior) == [1, 4, 3]
    both = trained / "again" / "denoiser.pt"
    main(Options(trained / "empty", trained / "assets", objects=trained / "things", objects_earlier=both, share=0.75))
    assert values(prior) == [1, 2.5, 3]
    checkpoint(trained / "again" / "denoiser.pt", 5.0)
    main(Options(trained / "again", trained / "elsewhere", base=prior))
    assert values(trained / "elsewhere" / "prior") == [5, 2.5, 3]
    index = json.loads((trained / "elsewhere" / "prior" / "model_index.json").read_text())
    assert {"network", "network_objects", "depth", "codec", "scheduler"} < index.keys()


def test_parts_of_another_codec_are_not_mixed_in(trained: Path) -> None:
    again, assets = trained / "again", trained / "assets"
    checkpoint(again / "denoiser.pt", 4.0)
    codec(again, seed=1)
    with pytest.raises(ValueError, match=r"--base: .* another codec"):
        main(Options(again, assets))
    with pytest.raises(ValueError, match=r"--objects: .* another codec"):
        main(Options(trained / "rooms", assets, objects=again))
    assert values(assets / "prior") == [1, 2, 3]


def test_a_mean_without_the_other_part_is_named(trained: Path) -> None:
    one = trained / "things" / "denoiser.pt"
    with pytest.raises(ValueError, match=r"--folder: .* no denoiser"):
        main(Options(trained / "empty", trained / "assets", earlier=one))
    with pytest.raises(ValueError, match=r"--objects-earlier: .* give --objects"):
        main(Options(trained / "rooms", trained / "assets", objects_earlier=one))


@pytest.mark.parametrize(("rooms", "expected"), [(0, 2), (1, 1)])
def test_training_starts_from_an_exported_prior(trained: Path, rooms: int, expected: float) -> None:
    start = trained / "assets" / "prior"
    new = Data(trained / "new", rooms=Portion(rooms, 1.0), objects=Portion(1, 1.0))
    job = Denoiser(start=start, depth=1, text_blocks=0, data=new, schedule=Schedule(steps=0))
    (trained / "new").mkdir()
    train_denoiser(job)
    state = torch.load(trained / "new" / "denoiser.pt", weights_only=True)["net"]
    assert all(bool((entry == expected).all()) for entry in state.values())
    assert (trained / "new" / "codec" / "config.json").exists()
