"""Teaching the learned baseline: what the denoisers are asked, and that it ends as weights a run takes up."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_bundled import noise_shards, tiny_bundled

from gs_stein.config.schema import Config
from gs_stein.distill.learned import Learned
from gs_stein.distill.options import SSD, Baseline
from gs_stein.optimize.networks import load_priors
from gs_stein.optimize.state import begin
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.weights import loaded_network
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.response import NoiseResponse
from gs_stein.run.checkpoint import content_of, restore, save
from gs_stein.run.checkpoint_check import check
from gs_stein.types import Cameras
from gs_stein.world.training.response import Answers, Response, answered, response_loss, train_response
from gs_stein.world.training.run import Data, Portion, Schedule


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Response]:
    """A tiny prior, a training folder with two shards of noise for pictures, and the job that learned from them."""
    prior = tiny_bundled(tmp_path_factory.mktemp("prior"))
    folder = tmp_path_factory.mktemp("training")
    noise_shards(folder, 2)
    job = Response(
        Data(folder, rooms=Portion(2, 1.0), workers=0), Schedule(steps=60, images=32, learning_rate=3e-3, cooldown=30,
                                                                 warmup=5, device="cpu"),
        prior=str(prior), small=0.5, width=32, depth=1, passes=1, runs=1, iterations=4,
    )  # fmt: skip
    train_response(job)
    return prior, folder, job


def with_weights(taught: tuple[Path, Path, Response], folder: Path) -> Config:
    """A run with a prior that has what was learnt beside its networks."""
    own = folder / "prior"
    shutil.copytree(taught[0], own)
    shutil.copytree(taught[1] / "response", own / "response")
    config = Config(prompt="a chair", views=2)
    estimator = SSD((Baseline.CONSTANT, Baseline.LEARNED))
    return replace(
        config, distill=replace(config.distill, estimator=estimator), prior=replace(config.prior, model=str(own))
    )


def test_what_is_odd_in_the_noise_is_learnt(taught: tuple[Path, Path, Response]) -> None:
    prior, folder, job = taught
    before = {path: path.stat().st_mtime_ns for path in answered(job, job.data.sources())}
    assert sorted(path.name for path in before) == ["rooms-00000-0-8.pt", "rooms-00000-run-8.pt", "rooms-00001-0-8.pt"]
    assert all(path.stat().st_mtime_ns == when for path, when in before.items()), "what was asked is kept"
    part = Answers(**torch.load(next(iter(before)), weights_only=True))
    assert (part.alpha <= 1 - job.lowest).all()
    assert (part.alpha > 0).all()

    # One scene asked anew, as the paper defines it.
    denoiser, i = load_prior(DiffusionOptions(model=str(prior))), 5
    side = 4 * part.x0.shape[-1]
    x0, eps, t = part.x0[i].float(), part.eps[i].float(), 1000 * (1 - part.alpha[i : i + 1])
    x_t = [denoiser.schedule.add_noise(x0[None], sign * eps[None], t) for sign in (1, -1)]
    empty = denoiser.embed([""])
    with torch.no_grad():
        found = [denoiser.predict(x, t, [empty], Cameras(part.viewmats[i], part.Ks[i], side, side)) for x in x_t]
    torch.testing.assert_close((found[0] - found[1])[0] / 2 - eps, part.without[i].float(), atol=5e-3, rtol=5e-2)

    with torch.no_grad():
        without, added, *guided = response_loss(loaded_network(NoiseResponse, folder / "response").float(), part)
    assert without < 0.8
    assert added.isfinite()
    assert all(share < 1 for share in guided)


def test_a_run_takes_up_the_weights_that_lie_in_its_prior(taught: tuple[Path, Path, Response], tmp_path: Path) -> None:
    config = with_weights(taught, tmp_path)
    priors = load_priors(config)
    assert priors.response is not None
    state = begin(config, priors)
    learned = state.distiller.estimator.learned  # type: ignore[attr-defined]
    assert not any(p.requires_grad for p in learned.network.parameters())
    bare = load_priors(replace(config, prior=replace(config.prior, model=str(taught[0]))))
    assert bare.response is None
    assert any(p.requires_grad for p in begin(config, bare).distiller.estimator.learned.network.parameters())  # type: ignore[attr-defined]


def test_a_checkpoint_of_one_that_learns_is_checked(taught: tuple[Path, Path, Response]) -> None:
    config = Config(prompt="a chair", views=2)
    distill = replace(config.distill, estimator=SSD((Baseline.CONSTANT, Baseline.LEARNED)))
    config = replace(config, distill=distill, prior=replace(config.prior, model=str(taught[0])))
    state = begin(config, load_priors(config))
    content = content_of(state, config)
    check(content, state)
    content["distiller"]["estimator"]["coefficients"] = {"moments": torch.zeros(2), "pixels": torch.zeros(2)}
    with pytest.raises(ValueError, match=r"distiller\.estimator\.coefficients\.moments does not fit this run"):
        check(content, state)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"heads": 0}, "multiply"), ({"room": [1.0]}, ""), ({"room": [0.0, 0.0, 0.0]}, "not finite"), ({"patch": 16}, "")],
)
def test_weights_that_are_another_priors_are_refused_before_a_run(
    taught: tuple[Path, Path, Response], tmp_path: Path, wrong: dict, why: str
) -> None:
    config = with_weights(taught, tmp_path)
    path = Path(config.prior.model) / "response" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(ValueError, match=rf"model: .*response .*{why}.*; delete it and get it again"):
        load_priors(config)


def test_a_run_is_resumed_with_the_weights_and_options_that_it_had(
    taught: tuple[Path, Path, Response], tmp_path: Path
) -> None:
    config = with_weights(taught, tmp_path)
    path = save(tmp_path, begin(config, load_priors(config)), config=config)
    restore(path, begin(config, load_priors(config)), config)
    estimator = SSD((Baseline.CONSTANT, Baseline.LEARNED), learning_rate=1e-3)
    learns = replace(config, distill=replace(config.distill, estimator=estimator))
    with pytest.raises(ValueError, match=r"made with distill.estimator.learning_rate None, not 0.001; leave the new"):
        restore(path, begin(learns, load_priors(learns)), learns)
    shutil.rmtree(Path(config.prior.model) / "response")
    with pytest.raises(ValueError, match=r"with response [0-9a-f]{8}', not "):
        restore(path, begin(config, load_priors(config)), config)


def test_a_network_that_learns_takes_the_rate_that_is_asked_for_now(taught: tuple[Path, Path, Response]) -> None:
    network = loaded_network(NoiseResponse, taught[1] / "response").float()
    before, after = Learned(copy.deepcopy(network), 1e-3), Learned(copy.deepcopy(network), 0.5)
    after.load_state_dict(before.state_dict())
    assert after._optimizer is not None
    assert after._optimizer.param_groups[0]["lr"] == 0.5
