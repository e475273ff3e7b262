"""The command a user types, end to end, with a tiny random prior; and what may go wrong on the way."""

from __future__ import annotations

import csv
import errno
import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_bundled import SIDE, tiny_bundled

from gs_stein import evaluate, files
from gs_stein.cameras.options import OrbitCameras, RoomCameras
from gs_stein.command.auto import choose
from gs_stein.config.schema import Config, ResolutionSchedule
from gs_stein.config.serialize import read_config
from gs_stein.distill import distiller
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.gaussians.files import read_gaussians
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import BallStart, OutdoorStart, RoomStart
from gs_stein.optimize.loop import optimize
from gs_stein.optimize.networks import Priors, load_priors
from gs_stein.optimize.plan import render_size, steered
from gs_stein.optimize.state import begin
from gs_stein.optimize.step import Controls
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions
from gs_stein.run import checkpoint, folder, metrics
from gs_stein.run.progress import Progress, duration
from gs_stein.scorer import distractors
from gs_stein.types import Render
from gs_stein.update.options import NoDensify, RegularizeOptions
from gs_stein.update.regularize import haze, oversize

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def flags(prior: Path, output: Path, *more: str, steps: int = 5) -> list[str]:
    return [
        "--prompt", "a cozy living room", "--scene", "--model", str(prior), "--iterations", str(steps), "--views", "2",
        "--start.count", "200", "--cameras.resolution", str(SIDE), "--output", str(output), "--no-viewer",
        "--checkpoint-every", "2", "--log-every", "1", "--video-frames", "4", "--video-size", "32",
        "--refine.share", "0", *more,
    ]  # fmt: skip


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """train.py in this process."""
    spec = importlib.util.spec_from_file_location("train_command", ROOT / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    return module.main()


def only(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def test_a_whole_run_leaves_its_files(prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    assert call(flags(prior, tmp_path), monkeypatch) == 0
    said = capsys.readouterr().out
    for word in (
        "prior",
        "rasterizer",
        "estimator",
        "ssd (constant + depth baselines)",
        "no CUDA" if not torch.cuda.is_available() else "found",
    ):
        assert word in said
    run = only(tmp_path)
    assert run.name.startswith("a-cozy-living-room-")
    assert {path.name for path in run.iterdir()} == {
        "point_cloud.ply", "config.yaml", "checkpoints", "preview.png", "depth.png", "video.mp4", "metrics.csv",
        "tensorboard", "report.json",
    }  # fmt: skip
    gaussians = read_gaussians(run / "point_cloud.ply")
    assert (run / "point_cloud.ply").read_bytes().count(b"\nproperty float ") == 62, "what every viewer reads"
    sheet = np.asarray(Image.open(run / "preview.png"))
    assert sheet.shape == (768, 768 + 2 * 192, 3), "the best view, and eight beside it"
    assert sheet.std() > 1
    assert (run / "video.mp4").read_bytes()[4:8] == b"ftyp"
    rows = metrics.read_metrics(run / "metrics.csv")
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5]
    assert all(math.isfinite(float(row["gradient"])) for row in rows)
    assert list((run / "tensorboard").iterdir())
    found = json.loads((run / "report.json").read_text())
    assert found["steps"] == 5
    assert found["gaussians"] == len(gaussians)
    # A guess for the small pictures and one for the full-size ones; × views × guidance branches.
    assert found["denoiser_evaluations"] == 2 * 2 * 2
    assert found["settings"]["prior"]["model"] == str(prior)
    config = read_config(run / "config.yaml")
    assert config.scene
    assert config.prior.model == str(prior)
    assert checkpoint.checkpoints(run)[-1].name == "step_0000005.pt"

    again = tmp_path / "again"
    assert call(["--config", str(run / "config.yaml"), "--output", str(again), "--no-viewer", "--video-frames", "0",
                 "--no-score"], monkeypatch) == 0  # fmt: skip
    repeated = read_gaussians(only(again) / "point_cloud.ply")
    assert all(torch.equal(a, b) for a, b in zip(gaussians.tensors(), repeated.tensors(), strict=True))
    assert not (only(again) / "video.mp4").exists()

    measured = evaluate.evaluate(evaluate.Options(run, views=3))
    assert 0.0 < measured["coverage"] <= 1.0
    assert -1.0 <= measured["depth"]["pearson"] <= 1.0
    assert measured["depth"]["used_as_baseline"]
    assert measured["timing"]["steps"] == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_done_and_resumes(number, prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    add = metrics.Recorder.add

    def interrupted(self, step) -> None:
        add(self, step)
        if step.step == 3:
            os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(metrics.Recorder, "add", interrupted)
    assert call(flags(prior, tmp_path), monkeypatch) == 128 + number
    assert signal.getsignal(signal.SIGINT) is before
    run = only(tmp_path)
    assert f"--resume {run}" in capsys.readouterr().out
    assert checkpoint.checkpoints(run)[-1].name == "step_0000003.pt"
    assert (run / "point_cloud.ply").exists()
    assert (run / "preview.png").exists(), "a stopped run can be looked at"
    assert not (run / "report.json").exists()

    monkeypatch.setattr(metrics.Recorder, "add", add)
    assert call(["--resume", str(run), "--no-viewer", "--log-every", "1", "--video-frames", "0"], monkeypatch) == 0
    assert [int(row["step"]) for row in metrics.read_metrics(run / "metrics.csv")] == [1, 2, 3, 4, 5]
    straight = tmp_path / "straight"
    assert call(flags(prior, straight, "--no-score", "--video-frames", "0"), monkeypatch) == 0
    one, other = (read_gaussians(folder / "point_cloud.ply") for folder in (run, only(straight)))
    assert all(torch.equal(a, b) for a, b in zip(one.tensors(), other.tensors(), strict=True))


def test_a_resumed_run_needs_the_file_no_more_that_it_began_with(prior, tmp_path, monkeypatch, capsys) -> None:
    cloud = tmp_path / "cloud.npy"
    np.save(cloud, np.random.default_rng(0).uniform((-2, -2, 500), (2, 2, 502), (200, 3)))
    asked = flags(prior, tmp_path / "runs", "--no-score", "--init", str(cloud))
    del asked[asked.index("--start.count") : asked.index("--start.count") + 2]
    assert call([*asked, "--seed", "1"], monkeypatch) == 0
    assert f"{cloud}: map coordinates: the middle" in capsys.readouterr().out
    run = only(tmp_path / "runs")
    whole = read_gaussians(run / "point_cloud.ply")
    checkpoint.checkpoints(run)[-1].unlink()
    cloud.unlink()
    assert call(["--resume", str(run), "--no-viewer", "--no-score", "--video-frames", "0"], monkeypatch) == 0
    again = read_gaussians(run / "point_cloud.ply")
    assert all(torch.equal(a, b) for a, b in zip(whole.tensors(), again.tensors(), strict=True))


@pytest.mark.slow
def test_kill_minus_nine_loses_at_most_the_interval(prior: Path, tmp_path: Path) -> None:
    steps = 100_000  # ends by the signal only
    arguments = flags(prior, tmp_path, "--checkpoint-every", "3", "--keep-checkpoints", "3", steps=steps)
    process = subprocess.Popen([sys.executable, str(ROOT / "train.py"), *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("*/checkpoints/step_*.pt")) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    run = only(tmp_path)
    config = read_config(run / "config.yaml")
    logged = int(metrics.read_metrics(run / "metrics.csv")[-1]["step"])
    state = begin(config, load_priors(config))
    assert checkpoint.restore_latest(run, state, config) is not None
    assert 3 <= state.step <= logged
    assert logged - state.step <= 3
    step = next(optimize(config, state))
    assert bool(step.gaussians.finite().all())


def test_a_full_disk_keeps_the_last_checkpoint(prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    fsync, writes = os.fsync, []

    def filling(handle: int) -> None:
        writes.append(handle)
        if len(writes) > 3:  # config.yaml, metrics.csv, the first checkpoint
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", filling)
    assert call(flags(prior, tmp_path, steps=9), monkeypatch) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    run = only(tmp_path)
    assert said.startswith("error: no space left on the disk; the last good checkpoint is ")
    assert said.endswith(f"--resume {run}")
    assert [path.name for path in checkpoint.folder_of(run).iterdir()] == ["step_0000002.pt"]


def test_a_disk_that_is_full_before_the_first_checkpoint_is_one_line(
    prior: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    fsync, writes = os.fsync, []

    def filling(handle: int) -> None:
        writes.append(handle)
        if len(writes) > 2:  # config.yaml, metrics.csv
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", filling)
    assert call(flags(prior, tmp_path), monkeypatch) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("step ")]
    assert said == ["error: no space left on the disk; there is no checkpoint yet: nothing was lost but this run"]


@pytest.mark.parametrize("log_every", [1, 100])
def test_a_folder_deleted_meanwhile_ends_the_run_with_one_line(
    log_every: int, prior: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    """Whether its metrics find out, or the next checkpoint does."""
    add = metrics.Recorder.add

    def deleting(self, step) -> None:
        if step.step == 3:
            time.sleep(0.5)  # TensorBoard writes on a thread of its own
            shutil.rmtree(only(tmp_path))
        add(self, step)

    monkeypatch.setattr(metrics.Recorder, "add", deleting)
    assert call(flags(prior, tmp_path, "--log-every", str(log_every)), monkeypatch) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("step ")]
    assert len(said) == 1
    assert said[0].startswith("error: the run's folder ")
    assert said[0].endswith(" is gone, and with it what was done; start anew")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_has_to_end_keeps_its_last_good_scene(prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    asked, guided = [], distiller.guided

    def poisoned(*arguments):
        asked.append(guided(*arguments))
        return asked[-1] * (math.nan if len(asked) > 3 else 1)

    monkeypatch.setattr(distiller, "guided", poisoned)
    more = "--distill.max-skips", "3", "--distill.reuse", "1", "--checkpoint-every", "100"
    assert call(flags(prior, tmp_path, *more, steps=9), monkeypatch) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    run = only(tmp_path)
    assert "3 steps in a row were not finite, last in the denoiser's prediction" in line
    assert line.endswith(f"the scene of step 5 is kept, go on with: gs-stein train --resume {run}")
    assert bool(read_gaussians(run / "point_cloud.ply").finite().all())
    config = read_config(run / "config.yaml")
    state = begin(config, load_priors(config))
    assert checkpoint.restore_latest(run, state, config) is not None
    assert (state.step, state.distiller.guard.skipped) == (5, 3)
    monkeypatch.setattr(distiller, "guided", guided)
    assert next(optimize(config, state)).estimate.finite


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "bundled"], "prompt: it is empty"),
        (["--prompt", "x", "--preset", "previw"], "preset: 'previw' is unknown; did you mean preview?"),
        (["--prompt", "x", "--config", "none.yaml"], "there is no file none.yaml"),
        (["--prompt", "x", "--resume", "nowhere"], "resume: nowhere holds no config.yaml"),
        (["--prompt", "x", "--model", "sd2"], "did you mean sd21?"),
        (["--prompt", "x", "--model", "bundled", "--device", "tpu9"], "device: 'tpu9' cannot be used here"),
        (["--prompt", "x", "--model", "bundled", "--densify.cap", "3"], "densify.cap: 3 is below the"),
    ],
)
def test_mistakes_are_one_line(arguments, message, prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    arguments = [str(prior) if a == "bundled" else a for a in arguments]
    assert call([*arguments, "--output", str(tmp_path / "runs"), "--no-viewer"], monkeypatch) == 2
    captured = capsys.readouterr().err.strip().splitlines()
    assert captured[-1].startswith("error: ")
    assert message in captured[-1]
    assert not (tmp_path / "runs").exists()


def mixture(scene: bool = False, **more) -> tuple[Config, Priors]:
    base = Config(
        prompt="class 1", scene=scene, iterations=6, views=2, cameras=OrbitCameras(resolution=16),
        start=BallStart(count=300), densify=NoDensify(), distill=DistillOptions(estimator=SDS()),
    )  # fmt: skip
    base = replace(base, view_prompts=replace(base.view_prompts, enabled=False))
    return replace(base, **more), Priors(MixturePrior((3, 16, 16)))


def test_distillation_reaches_what_the_prompt_names() -> None:
    """One fixed view is a 2D problem: the picture has to arrive at a mode of the prompt's class."""
    still = OrbitCameras(azimuth=(0.0, 0.0), elevation=(0.0, 0.0), radius=(2.5, 2.5), fov=(40.0, 40.0), resolution=16)
    estimator = DistillOptions(estimator=SDS(), guidance=GuidanceOptions(scale=1.0))
    config, priors = mixture(
        iterations=150, views=1, cameras=still, start=BallStart(count=600, opacity=0.5), distill=estimator,
        background="grey",
    )  # fmt: skip
    denoiser = priors.denoiser
    assert isinstance(denoiser, MixturePrior)
    own, other = [], []
    for step in optimize(config, begin(config, priors)):
        x0 = denoiser.encode(step.render.rgb.permute(0, 3, 1, 2))
        own.append(denoiser.distance(x0, "class 1").item())
        other.append(min(denoiser.distance(x0, f"class {k}").item() for k in (0, 2, 3)))
    assert np.mean(own[-10:]) < 0.6 * own[0]
    assert np.mean(own[-10:]) < 0.7 * np.mean(other[-10:])


def test_steps_say_what_happened() -> None:
    config, priors = mixture()
    state = begin(config, priors)
    steps = list(optimize(config, state))
    assert [step.step for step in steps] == [1, 2, 3, 4, 5, 6]
    assert all(step.total == 6 and step.count == 300 and step.skipped == 0 for step in steps)
    assert steps[-1].evaluations == 6 * 2 * 2
    assert not steps[-1].gaussians.means.requires_grad
    assert steps[-1].gaussians.means.data_ptr() == state.parameters["means"].data_ptr()  # live, not a copy
    assert steps[-1].render.rgb.grad_fn is None
    assert steps[-1].variance_ratio == pytest.approx(1.0)  # SDS measured against SDS


def test_controls_take_effect_at_the_next_iteration() -> None:
    config, priors = mixture()
    controls = Controls(t_min=0.7, t_max=0.8)
    state = begin(config, priors)
    loop = optimize(config, state, controls)
    assert 700 <= float(next(loop).estimate.t) <= 800
    controls.t_min, controls.t_max = None, 0.1
    assert float(next(loop).estimate.t) <= 100
    controls.learning_rate = 0.0
    before = state.parameters["means"].detach().clone()
    next(loop)
    assert torch.equal(before, state.parameters["means"])
    controls.prompt = "class 2"
    next(loop)
    assert state.prompts.current == "class 2"
    controls.stop = True
    assert list(loop) == []
    assert state.step == 4


def test_controls_never_make_an_impossible_window() -> None:
    options = DistillOptions()
    for low, high in ((0.9, 0.1), (2.0, None), (None, -1.0), (0.5, 0.5)):
        window = steered(options, Controls(t_min=low, t_max=high, guidance_scale=-3.0), 0.4).timesteps.window(0.4)
        assert 0.0 <= window[0] <= window[1] <= 1.0


def test_a_step_that_is_not_finite_is_skipped_and_counted() -> None:
    config, priors = mixture(iterations=4)
    denoiser, poisoned = priors.denoiser, []
    predict = denoiser.predict

    def sometimes(*arguments):
        eps = predict(*arguments)
        poisoned.append(len(poisoned) == 1)
        return eps * math.nan if poisoned[-1] else eps

    denoiser.predict = sometimes  # type: ignore[method-assign]
    state = begin(config, priors)
    before = state.parameters["means"].detach().clone()
    steps = []
    for step in optimize(config, state):
        steps.append(step)
        if step.step == 2:
            assert math.isnan(step.losses.gradient)
            assert torch.equal(before, state.parameters["means"])
        before = state.parameters["means"].detach().clone()
    assert [step.skipped for step in steps] == [0, 1, 1, 1]
    assert bool(steps[-1].gaussians.finite().all())


def test_many_bad_steps_in_a_row_end_the_run_with_one_line() -> None:
    config, priors = mixture(iterations=10, distill=DistillOptions(estimator=SDS(), max_skips=3))
    priors.denoiser.predict = lambda x, *_: x * math.nan  # type: ignore[method-assign]
    with pytest.raises(FloatingPointError, match="3 steps in a row"):
        list(optimize(config, begin(config, priors)))


def test_what_is_far_may_be_large() -> None:
    """Sizes 0.1 and 1.5 m, each at 0 and 10 m, under a limit of 0.2 m + 0.1 m a metre: one is 7.5 times the limit,
    another 1.25 times."""
    means = torch.tensor([[0.0, 0, 0], [0, 10, 0], [0, 0, 0], [0, 10, 0]], requires_grad=True)
    sizes = torch.tensor([0.1, 0.1, 1.5, 1.5]).log()[:, None].repeat(1, 3).requires_grad_()
    quats = torch.tensor([1.0, 0, 0, 0]).repeat(4, 1)
    gaussians = Gaussians(means, sizes, quats, torch.zeros(4), torch.zeros(4, 1, 3))
    found = oversize(gaussians, 0.2, 0.1)
    assert found.item() == pytest.approx((6.5 + 0.25) / 4)
    found.backward()
    assert means.grad is None
    assert sizes.grad is not None
    assert (sizes.grad.sum(1) > 0).tolist() == [False, False, True, True]


def test_regularizers_pull_the_way_they_say() -> None:
    config, priors = mixture(iterations=25)
    start = begin(config, priors).gaussians

    def end(**weights: float):
        changed = replace(config, regularize=RegularizeOptions(scale_limit=0.01, anisotropy_limit=1.0, **weights))
        *_, last = optimize(changed, begin(changed, priors))
        return last.gaussians

    plain = end()
    assert end(opacity=1e3).opacities.mean() < min(plain.opacities.mean(), start.opacities.mean())
    assert end(scale=1e3).scales.amax(1).mean() < plain.scales.amax(1).mean()

    def needle(gaussians) -> float:
        ordered = gaussians.log_scales.sort(dim=1).values
        return (ordered[:, 2] - ordered[:, 1]).mean().item()

    assert needle(end(anisotropy=1e3)) < needle(plain)
    opacity = end(sparsity=1e3).opacities
    assert (opacity * (1 - opacity)).mean() < (plain.opacities * (1 - plain.opacities)).mean()


def test_haze_is_opacity_that_only_another_background_reveals() -> None:
    behind = torch.full((3,), 0.85)

    def seen(colour: float, alpha: float) -> Render:
        """A picture of one colour all over, as it looks before the background."""
        cover = torch.full((1, 4, 4), alpha, requires_grad=True)
        rgb = cover[..., None] * colour + (1 - cover[..., None]) * behind
        return Render(rgb, torch.ones(1, 4, 4), cover, None, torch.zeros(1, 1, 2), torch.ones(1, 1).int())

    fog, thing, nothing = seen(0.85, 0.6), seen(0.2, 0.9), seen(0.2, 0.0)
    assert haze(fog, behind).item() == pytest.approx(0.6)
    assert haze(thing, behind).item() < 1e-6
    assert haze(nothing, behind).item() == 0.0
    haze(fog, behind).backward()
    assert (fog.alpha.grad > 0).all(), "thinner fog is better"


def test_resolution_grows_when_it_is_told_to() -> None:
    config, priors = mixture(resolution=ResolutionSchedule(first=8, until=0.5))
    assert [render_size(config, p) for p in (0.0, 0.49, 0.5, 1.0)] == [8, 8, 16, 16]
    assert [step.render.rgb.shape[1] for step in optimize(config, begin(config, priors))] == [8, 8, 8, 16, 16, 16]


def test_small_pictures_may_be_fewer() -> None:
    config, priors = mixture(views=3, resolution=ResolutionSchedule(first=8, until=0.5, views=1))
    shapes = [step.render.rgb.shape[:2] for step in optimize(config, begin(config, priors))]
    assert shapes == [(1, 8)] * 3 + [(3, 16)] * 3
    with pytest.raises(ValueError, match=r"resolution.views: 2 with resolution.first 0"):
        ResolutionSchedule(views=2)


def test_options_that_do_not_fit_are_refused() -> None:
    config, priors = mixture(scene=True)
    with pytest.raises(ValueError, match="with --scene use kind: room"):
        begin(config, priors)
    config = replace(config, cameras=RoomCameras(), start=RoomStart(size=(3.0, 3.0, 2.5)))
    with pytest.raises(ValueError, match=r"start\.size"):
        begin(config, priors)


def test_choices_are_explained() -> None:
    choice = choose(Config(prompt="x", prior_device="cpu", device="cpu"))
    assert choice.config.prior.model == "bundled"
    assert len(choice.reasons) == 3
    assert "--outdoors no" in choose(replace(choice.config, start=OutdoorStart())).reasons[3]
    with pytest.raises(ValueError, match="cannot rasterize"):
        choose(Config(prompt="x", device="meta"))


def test_progress_rewrites_a_line_on_a_terminal_and_is_rare_elsewhere() -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    config, priors = mixture(iterations=30)
    for stream, most in ((Terminal(), 30), (io.StringIO(), 2)):
        progress = Progress("http://here", stream)
        for step in optimize(config, begin(config, priors)):
            progress.show(step)
        progress._next = 0.0
        progress.denoising(0.42)
        progress.end()
        text = stream.getvalue()
        assert ("denoising views 42%  step 30/30" in text) == stream.isatty()
        assert "step 30/30  ETA 0:00" in text
        assert text.count("\n") <= (1 if stream.isatty() else most)
        assert ("\r" in text) == stream.isatty()
    assert duration(59.6) == "1:00"
    assert duration(3725.0) == "1:02:05"


def test_folders_never_collide_and_slugs_are_plain(tmp_path: Path) -> None:
    assert folder.slug("A cozy  living-room, ünd/../so!") == "a-cozy-living-room-nd-so"
    assert folder.slug("日本") == "run"
    folders = {folder.new_folder(tmp_path, "x y") for _ in range(3)}
    assert len(folders) == 3
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match="output: "):
        folder.new_folder(file, "x")


def test_metrics_survive_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    row = [1, 0.5, 10, 4, 0, 1.0, 500.0, *([0.0] * (len(metrics.COLUMNS) - 7))]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([metrics.COLUMNS, row, [2, *row[1:]]])
        file.write("3,0.7,1")
    assert [r["step"] for r in metrics.read_metrics(path)] == ["1", "2"]
    metrics.Recorder(tmp_path, 1, done=1).close()
    assert [r["step"] for r in metrics.read_metrics(path)] == ["1"]


def test_held_out_cameras_are_always_the_same_and_never_trained_on() -> None:
    config = Config(prompt="x", scene=True, cameras=RoomCameras(), start=RoomStart())
    one, other = evaluate.evaluation_cameras(config, 11), evaluate.evaluation_cameras(config, 11)
    assert len(one) == 11
    assert torch.equal(one.viewmats, other.viewmats)
    assert len(distractors(True, "a kitchen with teal cabinets")) == 49
    assert "a kitchen with teal cabinets" not in distractors(True, "a kitchen with teal cabinets")
