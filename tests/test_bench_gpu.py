"""The report for the day a GPU is there, as far as a CPU can try it: tiny random networks through the same code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
from tiny_bundled import tiny_bundled

from gs_stein.bench import gpu
from gs_stein.bench.__main__ import BENCHES
from gs_stein.prior.checkpoints import load
from gs_stein.prior.footprint import CONTEXT, DEPTH_PARAMETERS, MARGIN, PIXEL_BYTES, SD3, VISIBLE_BYTES
from gs_stein.prior.options import DiffusionOptions
from gs_stein.prior.random_models import KINDS, random_depth, random_prior

CPU = torch.device("cpu")


def test_without_a_gpu_it_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"^device: this needs an NVIDIA GPU and PyTorch for CUDA .*--tiny` only"):
        gpu.main([])
    with pytest.raises(ValueError, match=r"^models, repeats: \('flux',\), 12; give some of \('sd15', 'sdxl', 'sd3'\)"):
        gpu.main(["--device", "cpu", "--tiny", "--models", "flux"])
    assert BENCHES["gpu"][0] == "gs_stein.bench.gpu"
    assert BENCHES["t3"][0] == "gs_stein.bench.t3"


@pytest.mark.slow
def test_the_whole_report_on_tiny_networks(tmp_path, monkeypatch, capsys):
    bundled, original = str(tiny_bundled(tmp_path / "tiny")), load.load_prior
    monkeypatch.setattr(load, "load_prior", lambda options, device: original(DiffusionOptions(model=bundled), device))
    arguments = ["--device", "cpu", "--tiny", "--repeats", "1", "--no-main-job", "--models", "sd3", "--json"]
    assert gpu.main(arguments) == 0
    said = capsys.readouterr()
    assert said.err == ""
    report = json.loads(said.out.splitlines()[-1])
    assert report["tiny"]
    assert "no figure means anything" in said.out
    found = report["found"]
    assert not [title for title, row in found.items() if "failed" in row or "left_out" in row], found
    assert {f"sd3 {name}" for name in gpu.ESTIMATORS} < found.keys()
    assert found["bundled prior's formats"]["float32"]["finite"]
    assert found["bundled prior's formats"]["chosen"] in ("float32", "bfloat16", "float16")
    assert report["reached"]["ssd_over_sds"] > 0


def test_no_time_and_failures_are_rows_of_the_report(monkeypatch, capsys):
    def broken() -> dict:
        raise RuntimeError("CUDA out of memory\nmore")

    monkeypatch.setattr(gpu, "sections", lambda bench: [("one", broken), ("two", lambda: {"seconds": 1.0})])
    assert gpu.main(["--device", "cpu", "--tiny", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["found"]
    assert found == {"one": {"failed": "CUDA out of memory"}, "two": {"seconds": 1.0}}
    assert gpu.main(["--device", "cpu", "--tiny", "--json", "--minutes", "0"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["found"]["two"] == {"left_out": "no time"}


def test_the_main_job_is_a_users_command(monkeypatch):
    seen = []

    def run(command, **settings):
        seen.append(command)
        folder = Path(next(a for a in command if a.startswith("--output=")).removeprefix("--output="))
        (folder / "run").mkdir()
        (folder / "run" / "report.json").write_text('{"seconds": 12.5}')
        return subprocess.CompletedProcess(command, len(seen) - 1, "", "error: no such GPU\n")

    monkeypatch.setattr(gpu.subprocess, "run", run)
    bench = gpu.Bench(gpu.Options(device="cpu"), CPU)
    assert gpu.main_job(bench)["main_job_seconds"] == 12.5
    assert {"--scene", "--model=bundled", "--device=cpu"} < set(seen[0])
    assert not [argument for argument in seen[0] if "iterations" in argument], "the job as it is"
    with pytest.raises(ValueError, match="the main job failed: error: no such GPU"):
        gpu.main_job(bench)


def test_goals_are_held_against_the_worst_of_each():
    found = {
        "a sds": {"seconds": 1.0, "memory_estimate_off_by": 0.05}, "a ssd": {"seconds": 1.05},
        "a vsd": {"seconds": 2.0},
        "b sds": {"seconds": 1.0}, "b ssd": {"seconds": 1.2, "memory_estimate_off_by": 0.2}, "b vsd": {"failed": "x"},
        "rasterizer": {"adapter_overhead": 1.01},
    }  # fmt: skip
    assert gpu.verdicts(found, ("a", "b")) == {
        "adapter_overhead": 1.01, "ssd_over_sds": 1.2, "ssd_over_vsd": 0.525, "memory_estimate_off_by": 0.2,
    }  # fmt: skip


def test_memory_is_expected_without_text_encoders():
    """Random prompts need none; with SD 3's T5 the figure would be that of reading prompts."""
    bench = gpu.Bench(gpu.Options(), CPU)
    expected = {name: gpu.expected_memory(bench, "sd3", name) for name in gpu.ESTIMATORS}
    weights = 2 * (SD3.network + SD3.codec)
    views, area = 4, (512 / SD3.pixels) ** 2
    pixels = views * 512**2 * PIXEL_BYTES
    sds = 2 * area * views * (2 * SD3.predict + SD3.encode)  # both guidance branches, and the encoder's graph
    scene = bench.count * (14 * 16 + views * VISIBLE_BYTES)
    assert expected["sds"] == pytest.approx(CONTEXT + weights + MARGIN * (sds + pixels) + scene, rel=1e-6)
    assert expected["ssd"] is not None
    assert expected["ssd"] > CONTEXT + weights + 2 * DEPTH_PARAMETERS
    assert gpu.expected_memory(bench, "z-image", "sds") is None


def test_compiling_is_measured_against_the_plain_network(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **settings: asked.append(settings))
    found = gpu.compiled(gpu.Bench(gpu.Options(device="cpu", tiny=True, repeats=1), CPU), "sd15")
    assert asked == [{"mode": "reduce-overhead"}]
    assert found["compiled_over_plain"] == pytest.approx(found["compiled_ms"] / found["plain_ms"])


@pytest.mark.parametrize("kind", KINDS)
def test_random_priors_are_priors(kind):
    prior = random_prior(kind, CPU, torch.float32, 32, tiny=True)
    x_t = torch.randn(1, 2, *prior.latent_shape, generator=torch.Generator().manual_seed(0))
    text = prior.embed(["a chair"])
    a, b = (prior.predict(x_t, torch.tensor([300.0]), [one], None) for one in (text, prior.embed(["a room"])))
    assert bool(a.isfinite().all())
    assert a.std() > 1e-3
    assert (a - b).abs().max() > 1e-5, "it listens to the prompt"
    depth = random_depth(prior, torch.float32, tiny=True)(x_t, torch.tensor([300.0]), None)
    assert bool(depth.isfinite().all())
