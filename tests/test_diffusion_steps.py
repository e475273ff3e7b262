"""One step of every estimator through every kind of checkpoint, a whole run of train.py, and the full-size network."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import tiny_models
import torch
from test_depth import dpt

from gs_stein.cameras.sampling import orbit
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, CoefficientOptions, DistillOptions
from gs_stein.gaussians.files import read_gaussians
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.depth import NormalsFromDepth, load_depth
from gs_stein.prior.options import DepthDecoder, DepthOptions, DiffusionOptions, GuidanceOptions, Weighting

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("sd-eps", "sd-v", "sdxl", "sd3", "bundled")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_models.stable_diffusion(root / "sd-eps")
        tiny_models.stable_diffusion(root / "sd-v", "v_prediction")
        tiny_models.sdxl(root / "sdxl")
        tiny_models.sd3(root / "sd3")
        tiny_models.bundled(root / "bundled")
        dpt(root / "dpt")
    return {name: root / name for name in (*KINDS, "dpt")}


def step(folders: dict[str, Path], kind: str, estimator, seed: int = 0, leave_one_out: bool = True):
    """One distillation step on a random render of three views; returns (prior, distiller, estimate, d loss / d rgb)."""
    prior = load_prior(DiffusionOptions(model=str(folders[kind])))
    depth = normals = None
    if isinstance(estimator, SSD):
        choice = DepthOptions() if kind == "bundled" else DepthOptions(str(folders["dpt"]), DepthDecoder.LINEAR)
        depth = load_depth(choice, prior)
        normals = NormalsFromDepth(depth)
    options = DistillOptions(
        estimator=estimator, guidance=GuidanceOptions(scale=3.0), noises=2, weighting=Weighting.UNIFORM,
        coefficients=CoefficientOptions(leave_one_out=leave_one_out),
    )  # fmt: skip
    distiller = Distiller(options, prior, depth, normals)
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(3, 3, 40, 40, generator=generator).requires_grad_(True)
    cameras = orbit(torch.tensor([0.0, 90.0, 180.0]), torch.zeros(3), torch.full((3,), 2.5), torch.full((3,), 50.0), 40)
    x0 = prior.encode(rgb)
    estimate = distiller(
        x0.detach(), text=prior.embed(["a red chair"]), negative=prior.embed([""]), cameras=cameras,
        generator=generator, progress=0.5, depth=1 + torch.rand(3, 40, 40, generator=generator),
        normals=torch.nn.functional.normalize(torch.randn(3, 40, 40, 3, generator=generator), dim=-1),
    )  # fmt: skip
    (x0 * estimate.grad).sum().backward()
    return prior, distiller, estimate, rgb.grad


STEIN = SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.NORMAL))


@pytest.mark.parametrize("estimator", [SDS(), VSD(rank=2), STEIN], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_one_step(folders, kind, estimator):
    prior, distiller, estimate, gradient = step(folders, kind, estimator)
    assert estimate.finite
    assert estimate.grad.shape == (3, *prior.latent_shape)
    assert estimate.grad.std() > 0
    assert torch.isfinite(gradient).all()
    assert gradient.abs().mean() > 0
    guidance = 3 * 2 * 2  # views × noises × branches
    if isinstance(estimator, VSD):
        assert prior.evaluations > guidance
        assert distiller.estimator.lora is not None
        assert any(
            value.abs().max() > 0 for name, value in distiller.estimator.lora.parameters.items() if "lora_B" in name
        )
        distiller.estimator.lora.close()
        assert not any("lora" in name for name, _ in prior.network.named_modules())
    else:
        assert prior.evaluations == guidance
    assert not any(p.requires_grad for p in prior.network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_ssd_and_sds_differ_only_by_control_variates(folders, kind):
    """Before anything is learned SSD uses SDS's coefficients, so its first step is exactly SDS on the same draw."""
    first = step(folders, kind, SDS())[2].grad
    torch.testing.assert_close(step(folders, kind, STEIN, leave_one_out=False)[2].grad, first, rtol=1e-4, atol=1e-5)
    assert not torch.equal(step(folders, kind, SDS(), seed=1)[2].grad, first)


def train(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """train.py in this process."""
    spec = importlib.util.spec_from_file_location("train_command", ROOT / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    return module.main()


@pytest.mark.parametrize("kind", ["sd-eps", "sd3"])
def test_a_whole_run_on_a_local_folder(folders, kind, tmp_path, monkeypatch, capsys):
    status = train(
        [
            "--prompt", "a red chair", "--model", str(folders[kind]), "--iterations", "3", "--views", "2",
            "--start.count", "150", "--cameras.resolution", "32", "--resolution.first", "0", "--output", str(tmp_path),
            "--depth.model", str(folders["dpt"]), "--depth.decoder", "linear", "--no-viewer", "--video-frames", "2",
            "--video-size", "32", "--no-score",
        ],
        monkeypatch,
    )  # fmt: skip
    said = capsys.readouterr()
    assert status == 0, said.err
    (run,) = tmp_path.iterdir()
    report = json.loads((run / "report.json").read_text())
    assert report["steps"] == 3
    assert report["denoiser_evaluations"] == 3 * 2 * 2
    assert len(read_gaussians(run / "point_cloud.ply")) > 0


def test_train_names_what_is_wrong_with_a_model_in_one_line(folders, tmp_path, monkeypatch, capsys):
    common = ["--prompt", "x", "--no-viewer", "--output", str(tmp_path)]
    for model, message in (
        ("sd15x", "error: model: 'sd15x' is not known; did you mean sd15?"),
        (str(folders["sd-eps"] / "unet"), "holds only UNet2DConditionModel; give the pipeline folder above it"),
        ("stabilityai/stable-diffusion-2-1-base", "was removed from the hub; use --model sd21-base"),
    ):
        assert train([*common, "--model", model], monkeypatch) == 2
        said = capsys.readouterr().err.strip()
        assert message in said
        assert "\n" not in said


FULL_SIZE = """
import json, resource, sys, time
import torch
from gs_stein.prior import full_size
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SSD, Baseline, DistillOptions
from gs_stein.prior.codecs import KLCodec
from gs_stein.prior.depth import LinearDecoder, MonocularDepth, load_monocular
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.encoders import PromptCache
from gs_stein.prior.adapters import PlainUNet
from gs_stein.prior.schedule import Schedule
from gs_stein.types import TextEmbedding
from pathlib import Path

cpu = torch.device("cpu")

def random(cls, config):
    with torch.device("meta"):
        module = cls(**config)
    module = module.to_empty(device=cpu)
    for name, value in module.named_parameters():
        if value.ndim > 1:
            torch.nn.init.normal_(value, std=value[0].numel() ** -0.5)
        else:
            torch.nn.init.constant_(value, float("norm" in name and name.endswith("weight")))
    return module.eval().requires_grad_(False)

def text(prompts):
    states = torch.randn(len(prompts), 77, 768, generator=torch.Generator().manual_seed(0))
    return TextEmbedding(states, torch.ones(len(prompts), 77, dtype=torch.bool))

torch.manual_seed(0)
prior = DiffusionPrior(
    PlainUNet(random(UNet2DConditionModel, full_size.SD15_UNET)), "eps",
    KLCodec(random(AutoencoderKL, full_size.VAE | {"scaling_factor": 0.18215})), Schedule.stable_diffusion(),
    PromptCache(lambda: text, cpu), 512, cpu, "random", Path(), checkpointing=True,
)
depth = load_monocular(Path(sys.argv[1]), LinearDecoder(prior.codec, 64, cpu), None, cpu, torch.float32)
distiller = Distiller(DistillOptions(estimator=SSD((Baseline.SPECTRAL, Baseline.DEPTH))), prior, depth)
start = time.monotonic()
rgb = torch.rand(1, 3, 512, 512, requires_grad=True)
x0 = prior.encode(rgb)
estimate = distiller(
    x0.detach(), text=prior.embed(["a chair"]), negative=prior.embed([""]), cameras=None,
    generator=torch.Generator().manual_seed(0), progress=0.5, depth=1 + torch.rand(1, 512, 512),
)
(x0 * estimate.grad).sum().backward()
print(json.dumps({
    "parameters": sum(p.numel() for p in prior.network.parameters()), "finite": estimate.finite,
    "gradient": rgb.grad.abs().mean().item(), "evaluations": prior.evaluations,
    "seconds": time.monotonic() - start,
    "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
}))
"""


@pytest.mark.occasional
def test_full_size_sd15_takes_one_ssd_step_on_the_cpu_within_12_gb(folders):
    """Random weights in the real shapes: UNet and VAE of Stable Diffusion 1.5, one 512² view, fp32."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_SIZE, str(folders["dpt"])],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert found["parameters"] == 859_520_964
    assert found["finite"]
    assert found["gradient"] > 0
    assert found["evaluations"] == 2
    assert found["peak_gib"] * 2**30 < 12e9
