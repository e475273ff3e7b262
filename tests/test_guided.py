"""Guidance in one evaluation: the difference of weights, who is asked when, and how it is learnt."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundled import SIDE, noise_shards, tiny_bundled

from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import VSD
from gs_stein.prior.bundled import MultiViewDenoiser
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.weights import loaded_network
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.guidance import guided
from gs_stein.prior.guided import GuidedDelta, Shortcut, shapes_of
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import DiffusionOptions, GuidanceOptions
from gs_stein.prior.sampling import antithetic_denoise
from gs_stein.refine.options import RefineOptions
from gs_stein.refine.refiner import Refiner, Round
from gs_stein.types import Cameras, TextEmbedding
from gs_stein.world.training.guided import Guided, Lessons, answers_of, said, train_guided
from gs_stein.world.training.pool import SCENES_PER_SHARD, VIEWS
from gs_stein.world.training.run import Data, Portion, Schedule


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny prior to which it matters what the prompt says."""
    made = tiny_bundled(tmp_path_factory.mktemp("prior"))
    network = MultiViewDenoiser.from_pretrained(made / "network")
    torch.manual_seed(2)
    torch.nn.init.normal_(network.sentence.weight, std=0.5)
    network.save_pretrained(made / "network")
    return made


@pytest.fixture(scope="module")
def taught(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Guided]:
    """A training folder in which the difference was learnt from one shard of noise, and another one held out."""
    training = tmp_path_factory.mktemp("training")
    noise_shards(training, 2)
    job = Guided(
        Data(training, rooms=Portion(2, 1.0), workers=0),
        Schedule(steps=120, images=32, learning_rate=1e-2, cooldown=60, warmup=5, ema=0.9, device="cpu"),
        prior=str(folder), rank=4,
    )  # fmt: skip
    train_guided(job)
    return training, job


def plain_of(folder: Path) -> MultiViewDenoiser:
    network = load_prior(DiffusionOptions(model=str(folder))).network.float()
    assert isinstance(network, MultiViewDenoiser)
    return network


def delta_of(plain: MultiViewDenoiser) -> GuidedDelta:
    return GuidedDelta(shapes_of(plain), plain.config["width"], 4)


def with_shortcut(folder: Path, std: float = 0.0) -> DiffusionPrior:
    prior = load_prior(DiffusionOptions(model=str(folder)))
    assert prior.shortcut is None
    torch.manual_seed(1)
    delta = delta_of(plain_of(folder))
    for parameter in [*delta.up.parameters(), *delta.whole.parameters(), delta.strength.weight] if std else []:
        torch.nn.init.normal_(parameter, std=std)
    prior.shortcut = Shortcut(prior.network, delta)  # type: ignore[arg-type]
    return prior


def question(prior: DiffusionPrior) -> tuple:
    generator = torch.Generator().manual_seed(3)
    x_t = torch.randn(1, 2, *prior.latent_shape, generator=generator)
    cameras = RoomCameras(resolution=SIDE)
    return x_t, torch.tensor([600.0]), [prior.embed(["a room"])], sample_cameras(cameras, 2, generator)


def test_a_difference_begins_as_none_and_leaves_the_network_as_it_is(folder: Path) -> None:
    plain = plain_of(folder)
    delta = delta_of(plain)
    assert all(
        torch.equal(value, plain.get_parameter(name))
        for name, value in delta.added_to(dict(plain.named_parameters())).items()
    )
    thin = {name for name in dict(plain.named_parameters()) if name.replace(".", "/") in delta.up}
    assert "blocks.0.attention.q.weight" in thin
    assert "blocks.0.table" not in thin  # 6 × 32: two thin ones would be no smaller
    prior = with_shortcut(folder, 0.1)
    before = {name: value.clone() for name, value in prior.network.state_dict().items()}
    asked = prior.at_once(4.0)
    assert not torch.allclose(asked.predict(*question(prior)), prior.predict(*question(prior)))
    assert not torch.allclose(asked.predict(*question(prior)), prior.at_once(3.0).predict(*question(prior)))
    assert all(torch.equal(value, before[name]) for name, value in prior.network.state_dict().items())
    assert (asked.evaluations, prior.evaluations) == (4, 2)
    same = with_shortcut(folder)
    torch.testing.assert_close(same.at_once(4.0).predict(*question(same)), same.predict(*question(same)))


@pytest.mark.parametrize(
    ("change", "guidance", "negative", "a_view"),
    [
        ({}, 4.0, "", 3 + 1),
        ({}, 3.0, "", 3 + 1),
        ({}, 7.5, "", 2 * 3 + 1),
        ({}, 1.0, "", 3 + 1),
        ({}, 0.0, "", 3 + 1),
        ({}, 4.0, "a lamp", 2 * 3 + 1),
        ({"antithetic_denoise": 0.2}, 4.0, "", 3 + 2),
        ({"antithetic_denoise": 0.0}, 4.0, "", 3),
        ({"at_once": False}, 4.0, "", 2 * 3 + 2),
    ],
)
def test_who_is_asked_how_often(folder: Path, change: dict, guidance: float, negative: str, a_view: int) -> None:
    prior = with_shortcut(folder, 0.01)
    options = replace(RefineOptions(share=0.5, rounds=1, views=(4, 4), steps=3, guidance=guidance), **change)
    refiner = Refiner(options, prior, None, 100)
    text = prior.embed(["a room"]), prior.embed([negative])
    refiner.prepare(
        Round(0.7, 4, guidance, anchored=False), lambda cameras: torch.zeros(len(cameras), 3, SIDE, SIDE),
        lambda cameras: text, RoomCameras(resolution=SIDE), torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert prior.evaluations == 4 * a_view
    assert refiner.evaluations_after(0, bool(negative)) == 4 * a_view


def test_with_no_difference_the_answer_is_that_without_guidance(folder: Path) -> None:
    prior = with_shortcut(folder)
    x_t, t, text, cameras = question(prior)
    plain = guided(prior, x_t, t, text[0], prior.embed([""]), cameras, GuidanceOptions(scale=1.0))
    asked = guided(prior.at_once(4.0), x_t, t, text[0], prior.embed([""]), cameras, GuidanceOptions(scale=1.0))
    torch.testing.assert_close(asked, plain)


def test_adapters_of_vsd_in_the_network_change_nothing(folder: Path) -> None:
    prior, other = with_shortcut(folder, 0.1), with_shortcut(folder, 0.1)
    with_adapters = LoraScore(VSD(), prior, 384)
    assert any("lora" in name for name, _ in prior.network.named_parameters())
    torch.testing.assert_close(
        prior.at_once(4.0).predict(*question(prior)), other.at_once(4.0).predict(*question(other))
    )
    with_adapters.close()


def test_the_last_look_leaves_the_shared_views() -> None:
    class Grey(MixturePrior):
        """Takes everything for grey, whose latents are all one half."""

        def predict(self, x_t: torch.Tensor, t: torch.Tensor, text: list, cameras: Cameras | None) -> torch.Tensor:
            self.evaluations += x_t.shape[1]
            return self.schedule.convert(torch.full_like(x_t, 0.5), x_t, t, "x0", "eps")

    looking, x0 = Grey((3, 8, 8)), torch.randn(1, 5, 3, 8, 8)
    text = TextEmbedding(torch.zeros(1, 1, 4), torch.ones(1, 1, dtype=torch.bool))
    cameras = sample_cameras(OrbitCameras(resolution=SIDE), 5, torch.Generator().manual_seed(0))
    found = antithetic_denoise(looking, x0, 0.35, text, cameras, torch.Generator().manual_seed(0), 3, 1, learnt=True)
    assert torch.equal(found[:, :1], x0[:, :1])
    torch.testing.assert_close(found[:, 1:], torch.full_like(found[:, 1:], 0.5))
    assert looking.evaluations == 2 * 3


def test_a_prior_takes_up_what_lies_beside_its_network(
    folder: Path, taught: tuple[Path, Guided], tmp_path: Path
) -> None:
    own = tmp_path / "prior"
    shutil.copytree(folder, own)
    shutil.copytree(taught[0] / "guided", own / "guided")
    prior = load_prior(DiffusionOptions(model=str(own)))
    assert prior.shortcut is not None
    assert prior.shortcut.learnt(4.0)
    assert not prior.shortcut.learnt(7.5)
    assert not torch.allclose(prior.at_once(4.0).predict(*question(prior)), prior.predict(*question(prior)))
    config = own / "guided" / "config.json"
    whole = json.loads(config.read_text())
    fewer = {name: shape for name, shape in whole["shapes"].items() if name != "blocks.0.table"}
    config.write_text(json.dumps(whole | {"shapes": fewer}))
    with pytest.raises(ValueError, match=r"model: .*guided belongs to another network than network beside it; delete"):
        load_prior(DiffusionOptions(model=str(own)))
    scales = [["a", "b"], [3], [5, 3], None, [1, 3, 4], [float("nan"), 5], "35"]
    for wrong in [{"scales": x} for x in scales] + [{"level": x} for x in ("x", 0, None, 5, [0.35])]:
        config.write_text(json.dumps(whole | wrong))
        with pytest.raises(ValueError, match=r"model: .*guided/config\.json.*; delete it and get it again"):
            load_prior(DiffusionOptions(model=str(own)))
    config.write_text(json.dumps(whole | {"rank": 5}))
    with pytest.raises(ValueError, match=r"model: .*guided.*; delete it and get it again"):
        load_prior(DiffusionOptions(model=str(own)))


def test_what_guidance_adds_is_learnt(folder: Path, taught: tuple[Path, Guided]) -> None:
    training, job = taught
    prior = load_prior(DiffusionOptions(model=str(folder)))
    files = said(job, job.data.sources(), prior)
    assert [path.name for path, _ in files] == ["rooms-00000-0.pt", "rooms-00001-0.pt"]
    lesson = Lessons.load(*files[0])
    assert lesson.said.last.sum() == SCENES_PER_SHARD
    assert lesson.said.x_t.shape[1:] == (VIEWS, *prior.latent_shape)
    # One answer asked anew.
    which = int((~lesson.said.last).nonzero()[5])
    scene, caption = int(lesson.said.scene[which]), int(lesson.said.caption[which])
    cameras = Cameras(
        torch.from_numpy(lesson.shard.viewmats[scene]), torch.from_numpy(lesson.shard.Ks[scene]), SIDE, SIDE
    )
    tokens = lesson.shard.caption(scene, caption)
    text = TextEmbedding(tokens[None], torch.ones(1, len(tokens), dtype=torch.bool))
    x_t, t = lesson.said.x_t[which : which + 1].float(), lesson.said.t[which : which + 1]
    with torch.no_grad():
        asked = prior.predict(x_t, t, [text], cameras)
    torch.testing.assert_close(asked[0], lesson.said.asked[which].float(), atol=2e-2, rtol=2e-2)

    net, plain = loaded_network(GuidedDelta, training / "guided").float(), plain_of(folder)
    chosen = torch.arange(0, len(lesson.said.t), 3)
    with torch.no_grad():
        found, wanted, alone, last = answers_of(net, plain, lesson, chosen, torch.Generator().manual_seed(0))
        first, *_ = answers_of(delta_of(plain), plain, lesson, chosen, torch.Generator().manual_seed(0))
    torch.testing.assert_close(wanted[last], alone[last])
    assert (found - wanted).square().mean() < 0.7 * (first - wanted).square().mean()


def test_it_starts_from_what_was_learnt_before(taught: tuple[Path, Guided], tmp_path: Path) -> None:
    before, job = taught
    for part in ("pool", "answers"):
        shutil.copytree(before / part, tmp_path / part)
    shutil.copytree(before / "guided", tmp_path / "prior" / "guided")
    data, none = replace(job.data, folder=tmp_path), replace(job.schedule, steps=0)
    train_guided(replace(job, data=data, schedule=none, start=tmp_path / "prior"))
    one, other = (GuidedDelta.from_pretrained(f / "guided").state_dict() for f in (before, tmp_path))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    (tmp_path / "guided.pt").unlink()
    with pytest.raises(ValueError, match=r"--start: .* holds no weights"):
        train_guided(replace(job, data=data, schedule=none, start=tmp_path / "pool"))


def test_a_mistake_is_named(folder: Path, tmp_path: Path) -> None:
    both = Data(tmp_path, rooms=Portion(1, 1.0), objects=Portion(1, 1.0), workers=0)
    with pytest.raises(ValueError, match=r"--objects\.shards: objects have a denoiser of their own; give all other"):
        train_guided(Guided(both, prior=str(folder)))
    noise_shards(tmp_path, 1)
    one = Data(tmp_path, rooms=Portion(1, 1.0), workers=0)
    with pytest.raises(ValueError, match=r"guided: there are answers about fewer than two shards"):
        train_guided(Guided(one, prior=str(folder)))
    mistakes: list[tuple[dict, str]] = [
        ({"rank": 0}, "--rank: 0"), ({"passes": 0}, "--passes: 0"), ({"seconds": -1.0}, "--seconds: -1"),
    ]  # fmt: skip
    for wrong, said_ in mistakes:
        with pytest.raises(ValueError, match=said_):
            Guided(one, **wrong)
    with pytest.raises(ValueError, match="--images: 0"):
        Schedule(images=0)


def test_what_lies_in_the_training_folder_is_looked_at(taught: tuple[Path, Guided]) -> None:
    folder, job = taught
    with pytest.raises(ValueError, match=r"guided\.pt is of a network of another size; give the options"):
        train_guided(replace(job, rank=8))
    damaged = folder / "answers" / "rooms-00000-0.pt"
    whole = damaged.read_bytes()
    try:
        damaged.write_bytes(whole[:1000])
        with pytest.raises(ValueError, match=r"rooms-00000-0\.pt cannot be read; delete it"):
            train_guided(job)
    finally:
        damaged.write_bytes(whole)
