"""What a user with a GPU does: the command from end to end, every estimator, hub models, training the bundled prior.

The rasterizer's own test is in test_rasterize_gpu.py.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from test_main import call, flags, only
from test_train import folder as folder
from tiny_bundled import SIDE, tiny_bundled

from gs_stein import evaluate
from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS
from gs_stein.gaussians.files import read_gaussians
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.depth import NormalsFromDepth, load_depth
from gs_stein.prior.options import DepthOptions, DiffusionOptions, GuidanceOptions, Precision
from gs_stein.prior.sampling import sample
from gs_stein.run import metrics
from gs_stein.world.training import decoder, train
from gs_stein.world.training import run as training

pytestmark = pytest.mark.gpu
DEVICE = "cuda"


@pytest.fixture(scope="module")
def prior(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundled(tmp_path_factory.mktemp("prior"))


def test_the_command_from_prompt_to_files(prior: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """With a viewer, coarse pictures first, solved colours, refinement; then resumed, and measured."""
    arguments = [
        a
        for a in flags(prior, tmp_path, "--refine.share", "0.5", "--refine.rounds", "2", "--port", "0", steps=12)
        if a != "--no-viewer"
    ]
    assert call([*arguments, "--device", DEVICE], monkeypatch) == 0
    said = capsys.readouterr()
    assert ("gsplat (CUDA)" if DEVICE == "cuda" else "compiled kernels") in said.out
    assert "http://" in said.out, said.err
    run = only(tmp_path)
    rows = metrics.read_metrics(run / "metrics.csv")
    assert len(rows) == 12
    assert all(math.isfinite(float(row["gradient"])) for row in rows)
    assert json.loads((run / "report.json").read_text())["steps"] == 12
    assert (run / "video.mp4").read_bytes()[4:8] == b"ftyp"
    assert read_gaussians(run / "point_cloud.ply").finite().all()
    measured = evaluate.evaluate(evaluate.Options(run, views=3, samples=True))
    assert 0.0 < measured["coverage"] <= 1.0
    more = ["--iterations", "14", "--no-viewer", "--no-score", "--log-every", "1", "--video-frames", "0"]
    assert call(["--resume", str(run), *more], monkeypatch) == 0
    assert len(metrics.read_metrics(run / "metrics.csv")) == 14


@pytest.mark.parametrize("kind", ["stable_diffusion", "sdxl", "sd3"])
@pytest.mark.parametrize("estimator", ["ssd", "vsd"])
def test_hub_models_distil_in_half_precision(kind: str, estimator: str, tmp_path: Path, monkeypatch, capsys) -> None:
    """Tiny random checkpoints through the command, by diffusers' own loaders, in fp16 as the presets for GPUs do."""
    model = tmp_path / "model"
    getattr(tiny_models, kind)(model).save_pretrained(model)
    arguments = flags(
        model,
        tmp_path / "runs",
        "--device",
        DEVICE,
        "--prior.precision",
        "fp16",
        "--estimator",
        estimator,
        "--no-score",
        "--video-frames",
        "0",
    )
    if estimator == "vsd":
        arguments += ["--distill.estimator.rank", "2"]
    else:
        arguments += ["--distill.estimator.baselines", "constant"]
    assert call(arguments, monkeypatch) == 0, capsys.readouterr().err
    rows = metrics.read_metrics(only(tmp_path / "runs") / "metrics.csv")
    assert [float(row["gradient"]) > 0 for row in rows] == [True] * 5


@pytest.mark.parametrize(
    "estimator",
    [SDS(), FittedSDS(), SSD((Baseline.CONSTANT, Baseline.DEPTH)),
     SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.NORMAL)), VSD(rank=2)],
)  # fmt: skip
def test_estimators_say_what_they_say_on_a_cpu(estimator, prior: Path) -> None:
    found = []
    for device in ("cpu", DEVICE):
        options = DiffusionOptions(model=str(prior), precision=Precision("fp32"))
        denoiser = load_prior(options, device)
        depth = load_depth(DepthOptions(), denoiser)
        torch.manual_seed(0)
        distiller = Distiller(
            DistillOptions(estimator=estimator, guidance=GuidanceOptions(scale=3.0), noises=2),
            denoiser,
            depth,
            NormalsFromDepth(depth),
        )
        generator = torch.Generator().manual_seed(3)
        cameras = sample_cameras(RoomCameras(resolution=SIDE), 2, generator)
        rgb = torch.rand(2, 3, SIDE, SIDE, generator=generator)
        geometry = 1 + torch.rand(2, SIDE, SIDE, generator=generator)
        normals = torch.nn.functional.normalize(torch.randn(2, SIDE, SIDE, 3, generator=generator), dim=-1)
        for _ in range(3):
            estimate = distiller(
                denoiser.encode(rgb.to(device)).detach(), text=denoiser.embed(["a red chair"]),
                negative=denoiser.embed([""]), cameras=cameras.to(device), generator=generator, progress=0.5,
                depth=geometry.to(device), normals=normals.to(device),
            )  # fmt: skip
            assert estimate.finite
            assert estimate.grad.device.type == torch.device(device).type
        distiller.close()
        found.append(estimate.grad.cpu())
    a, b = found
    if isinstance(estimator, VSD):  # its LoRA starts from random weights, drawn on the device
        assert 0.2 < b.norm() / a.norm() < 5
    else:
        assert (a - b).norm() < 2e-2 * a.norm()


def test_samples_are_those_of_a_cpu(prior: Path) -> None:
    pictures = []
    for device in ("cpu", DEVICE):
        denoiser = load_prior(DiffusionOptions(model=str(prior), precision=Precision("fp32")), device)
        generator = torch.Generator().manual_seed(0)
        cameras = sample_cameras(RoomCameras(resolution=SIDE), 4, generator)
        text, none = denoiser.embed(["a cozy bedroom"]), denoiser.embed([""])
        guidance = GuidanceOptions(scale=2.0)
        rgb = sample(denoiser, text, none, cameras, guidance, generator, steps=5, antithetic_level=0.3, eta=1.0)
        pictures.append(rgb.cpu())
    assert pictures[0].std() > 0.02
    assert (pictures[0] - pictures[1]).abs().max() < 2e-2


def test_training_is_what_it_is_on_a_cpu(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same batches from the same step; and a run that learns, stops and goes on."""
    # cuDNN's convolutions round to TF32 unless told not to, which moves these latents by up to 0.01.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    from test_train import FAMILY

    from gs_stein.prior.bundled import MultiViewDenoiser
    from gs_stein.world.training.data import Mixture, Source

    batches = []
    for device in ("cpu", DEVICE):
        codec = training.load_codec(folder)
        torch.nn.Module.to(codec, device)
        batches.append(Mixture(folder, codec, [Source(FAMILY, 1.0, 2)]).draw(5, 16, seed=1))
    a, b = batches
    torch.testing.assert_close(a.x0, b.x0.cpu(), atol=5e-3, rtol=1e-2)  # kept in half precision
    torch.testing.assert_close(a.named, b.named.cpu())
    assert torch.equal(a.mask, b.mask.cpu())

    def job(steps: int) -> training.Run:
        torch.manual_seed(0)
        net = MultiViewDenoiser(channels=4, stem_width=16, stem_blocks=1, width=32, depth=1, heads=2, text_blocks=1)
        schedule = training.Schedule(
            steps=steps, images=16, warmup=3, learning_rate=3e-3, save_minutes=1e9, bfloat16=True, device=DEVICE
        )
        run = training.Run(net, schedule, tmp_path, "denoiser")
        run.resume()
        codec = training.load_codec(folder)
        torch.nn.Module.to(codec, DEVICE)
        mixture = Mixture(folder, codec, [Source(FAMILY, 1.0, 2)])
        losses = []

        def loss_of(step: int, generator: torch.Generator) -> tuple[torch.Tensor, int]:
            loss = train.denoiser_loss(net, mixture.draw(step, 16, 0), 0.0, 1.0, generator, 2.0)
            losses.append(loss.detach())
            return loss, 16

        run.train(loss_of)
        seen.append(torch.stack(losses).cpu() if losses else torch.zeros(0))
        return run

    seen: list[torch.Tensor] = []
    job(30)
    run = job(60)
    assert run.step == 60
    assert next(iter(run.ema.values())).device.type == DEVICE
    assert seen[1][-10:].mean() < 0.85 * seen[0][:10].mean()
    state = torch.load(tmp_path / "denoiser.pt", map_location="cpu", weights_only=True)
    assert all(value.isfinite().all() for value in state["ema"].values())


def test_depth_and_decoder_train(folder: Path, tmp_path: Path) -> None:
    for name in ("pool", "codec"):
        (tmp_path / name).symlink_to(folder / name)
    data = run.Data(tmp_path, rooms=2, workers=0)
    schedule = training.Schedule(steps=3, images=16, warmup=1, save_minutes=1e9, device=DEVICE)
    train.main(train.Depth(data, schedule))
    (tmp_path / "codec").unlink()
    training.load_codec(folder).save_pretrained(tmp_path / "codec")
    train.main(decoder.Decoder(data, schedule, width=16))
    codec = training.load_codec(tmp_path)
    assert codec.correction is not None
    assert np.isfinite(codec.decode(torch.randn(1, 4, 16, 16)).detach().numpy()).all()


def test_the_shipped_prior_makes_what_the_prompt_names(monkeypatch, tmp_path: Path) -> None:
    """The main job, shortened, with the weights in assets/, judged by the scorer."""
    arguments = ["--prompt", "a red chair", "--preset", "preview", "--iterations", "300", "--device", DEVICE,
                 "--no-viewer", "--video-frames", "0", "--output", str(tmp_path)]  # fmt: skip
    assert call(arguments, monkeypatch) == 0
    found = json.loads((only(tmp_path) / "report.json").read_text())
    assert found["scorer"]["views_top1"] >= 0.5
