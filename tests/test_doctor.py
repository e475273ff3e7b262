"""The doctor says what is there and what to do, on this machine and on others played for it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import pytest
import tiny_models
import torch

from gs_stein import doctor
from gs_stein.doctor import Verdict
from gs_stein.prior.checkpoints.registry import DEPTH, MODELS, NEWER

GIB = 2**30


@pytest.fixture
def gpu(monkeypatch):
    """Plays a machine with one GPU of some size."""

    def play(total: float, free: float | None = None):
        properties = SimpleNamespace(name="GeForce Test", total_memory=int(total * GIB))
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: properties)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *a: (int((free or total) * GIB), int(total * GIB)))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *a: (8, 9))
        monkeypatch.setattr(torch.version, "cuda", "12.8")
        monkeypatch.setattr(doctor, "driver_version", lambda: "570.1")

    return play


def test_every_check_gives_one_line_with_a_remedy_where_it_fails(monkeypatch, capsys):
    status = doctor.main([])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert all(line[:4] in ("ok  ", "note", "FAIL") for line in lines)
    assert all("→" in line for line in lines if line.startswith("FAIL"))
    assert status == any(line.startswith("FAIL") for line in lines)
    assert not any("could not be examined" in line for line in lines)


def test_json_says_the_same(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.ok("a", "fine"), doctor.fail("b", "broken", "mend it")])
    assert doctor.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"name": "a", "verdict": "ok", "found": "fine", "remedy": ""},
        {"name": "b", "verdict": "fail", "found": "broken", "remedy": "mend it"},
    ]


def test_as_a_module_it_prints_nothing_but_its_report():
    command = [sys.executable, "-m", "gs_stein.doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert {entry["name"] for entry in json.loads(done.stdout)} >= {"packages", "cuda", "gsplat", "prior", "disk"}


def test_a_check_that_breaks_stops_nothing():
    def check_thing():
        raise RuntimeError("first line\nsecond line")

    results = doctor.examine((check_thing, lambda: doctor.ok("b", "fine")))
    assert [r.verdict for r in results] == [Verdict.NOTE, Verdict.OK]
    assert results[0].name == "thing"
    assert results[0].found == "could not be examined (RuntimeError: first line)"


@pytest.mark.parametrize("error", [ImportError("no module named torch"), OSError("libcublas.so.12: cannot open")])
def test_a_package_that_cannot_be_imported_is_something_to_fix(error):
    def check_thing():
        raise error

    (result,) = doctor.examine((check_thing,))
    assert result.verdict is Verdict.FAIL
    assert str(error) in result.found
    assert result.remedy


def test_a_check_that_breaks_goes_by_the_name_it_has_otherwise():
    named = {check.__name__.removeprefix("check_") for check in doctor.CHECKS}
    assert {check.name for check in doctor.examine()} == named


def test_packages(monkeypatch):
    wanted = ["torch>=2.0", "numpy>=99", "no-such-package-x", 'pytest>=99; extra == "dev"']
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: wanted)
    check = doctor.check_packages()
    assert check.verdict is Verdict.FAIL
    assert "is not >=99" in check.found
    assert "no-such-package-x is missing" in check.found
    assert "pytest" not in check.found
    assert "torch" not in check.found
    assert check.remedy == "pip install -c constraints.txt -e .", "this is a checkout"


def test_cuda_on_five_machines(monkeypatch, gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "driver_version", lambda: None)
    assert "no NVIDIA driver" in doctor.check_cuda().found
    with monkeypatch.context() as apple:
        apple.setattr(torch.accelerator, "is_available", lambda: True)
        apple.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
        assert "mps is here: it denoises, the CPU rasterizes" in doctor.check_cuda().found
    monkeypatch.setattr(doctor, "driver_version", lambda: "570.1")
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "this PyTorch is a CPU build" in doctor.check_cuda().found
    assert "pip install torch --index-url" in doctor.check_cuda().remedy
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "PyTorch for CUDA 13.0 cannot use it" in doctor.check_cuda().found
    assert doctor.check_cuda().remedy.startswith("update the driver")
    gpu(24)
    check = doctor.check_cuda()
    assert check.verdict is Verdict.OK
    assert "GeForce Test with 24 GiB; driver 570.1, PyTorch for CUDA 12.8" in check.found


def test_driver_version_is_read_from_nvidia_smi(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 550.54\necho 550.54\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert doctor.driver_version() == "550.54"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert doctor.driver_version() is None


def test_gsplat_kernels(monkeypatch, gpu, tmp_path):
    from torch.utils import cpp_extension

    assert doctor.check_gsplat().verdict is Verdict.NOTE, "no GPU here"
    gpu(24)
    monkeypatch.setattr(cpp_extension, "_get_build_directory", lambda name, verbose: str(tmp_path))
    monkeypatch.setattr(cpp_extension, "CUDA_HOME", None)
    check = doctor.check_gsplat()
    assert check.verdict is Verdict.FAIL
    assert "no nvcc" in check.found
    assert "install a CUDA toolkit 12.8" in check.remedy
    monkeypatch.setattr(cpp_extension, "CUDA_HOME", "/usr/local/cuda")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/ninja")
    check = doctor.check_gsplat()
    assert check.verdict is Verdict.NOTE
    assert "compiled at first use" in check.found
    assert "(arch 8.9)" in check.remedy
    (tmp_path / "gsplat_cuda.so").write_bytes(b"")
    assert doctor.check_gsplat().verdict is Verdict.OK


def test_presets_that_fit_grow_with_the_gpu(gpu):
    def fitting(size: float) -> list[str]:
        gpu(size)
        found = doctor.check_presets().found
        return [name for name in ("gpu-8gb", "gpu-12gb", "gpu-24gb", "gpu-48gb") if f"{name}" in found.split("best")[0]]

    assert fitting(7.6) == ["gpu-8gb"]
    assert fitting(11.6) == ["gpu-8gb", "gpu-12gb"]
    assert fitting(23.6) == ["gpu-8gb", "gpu-12gb", "gpu-24gb"]
    assert fitting(47.5) == ["gpu-8gb", "gpu-12gb", "gpu-24gb", "gpu-48gb"]
    gpu(47.5)
    assert doctor.check_presets().found.endswith("best: --preset gpu-48gb")
    gpu(24, free=2)
    check = doctor.check_presets()
    assert check.verdict is Verdict.NOTE
    assert "2.0 GiB free, none fits" in check.found
    assert check.remedy == "close other programs on the GPU"


def test_memory_is_what_the_gpu_bench_is_held_against():
    from gs_stein.bench import gpu

    found = doctor.check_memory().found
    bench = gpu.Bench(gpu.Options(models=("sdxl",)), torch.device("cpu"))
    for kind in ("sd15", "sdxl", "sd3"):
        needs = [gpu.expected_memory(bench, kind, name) for name in gpu.ESTIMATORS]
        assert f"{kind} " + "/".join(f"{need / 2**30:.1f}" for need in needs if need is not None) in found
    assert [part.split()[0] for part in found.split(": ")[1].split(", ")] == [spec.name for spec in MODELS]


def test_bundled_prior(monkeypatch, tmp_path):
    from gs_stein.prior.checkpoints import registry

    monkeypatch.setattr(registry, "bundled_folder", lambda: tmp_path / "prior")
    assert doctor.check_prior().verdict is Verdict.FAIL
    assert "is missing from" in doctor.check_prior().found
    assert doctor.check_prior().remedy == "get gs_stein again, with its weights"
    folder = tiny_models.bundled(tmp_path / "prior")
    assert doctor.check_prior().verdict is Verdict.OK
    weights = folder / "network" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    check = doctor.check_prior()
    assert check.verdict is Verdict.FAIL
    assert "git-lfs pointer" in check.found
    assert check.remedy.startswith("git lfs pull")


def test_cached_checkpoints(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    assert doctor.check_models().found.startswith("cached: none")

    def place(spec) -> Path:
        path = tmp_path / f"models--{spec.repo.replace('/', '--')}" / "snapshots" / spec.revision
        path.mkdir(parents=True)
        return path

    whole = place(MODELS[0])
    tiny_models.stable_diffusion(tmp_path / "sd")
    shutil.copytree(tmp_path / "sd", whole, dirs_exist_ok=True)
    assert doctor.check_models().found.startswith("cached: sd15 (in")
    place(MODELS[3])
    depth = place(DEPTH[0])
    (depth / "config.json").write_text("{}")
    check = doctor.check_models()
    assert check.verdict is Verdict.NOTE
    assert "half-downloaded: sdxl, midas" in check.found
    (depth / "pytorch_model.bin").write_bytes(b"x")
    assert "cached: sd15, midas" in doctor.check_models().found
    newer = tmp_path / f"models--{NEWER[0].repo.replace('/', '--')}"
    (newer / "snapshots" / "abc").mkdir(parents=True)
    (newer / "refs").mkdir()
    (newer / "refs" / "main").write_text("abc")
    assert f"half-downloaded: sdxl, {NEWER[0].name}" in doctor.check_models().found


def test_missing_system_libraries(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.setattr(doctor, "loadable", lambda name: "usb" not in name)
    check = doctor.check_libraries()
    assert check.found == "libusb-1.0.so.0 missing (open3d: mesh export, .ply start)"
    assert check.remedy == "sudo apt-get install libusb-1.0-0"
    monkeypatch.undo()
    assert not doctor.loadable("libno-such-thing.so.7")
    assert doctor.loadable("libc.so.6")


def test_viewer_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        check = doctor.check_viewer(port=port)
        assert check.verdict is Verdict.NOTE
        assert check.found == f"port {port} is taken"
    assert doctor.check_viewer(port=port).verdict is Verdict.OK


def test_disk(monkeypatch, tmp_path):
    def free(gib: float):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=gib * GIB))
        return doctor.check_disk(tmp_path)

    assert free(100).verdict is Verdict.OK
    assert free(1).remedy.startswith("free some, or give --output")
    assert free(5).remedy.startswith("set HF_HOME")


def test_browser(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert doctor.check_browser().remedy == "playwright install chromium"
    (tmp_path / "chromium-1200").mkdir()
    assert doctor.check_browser().verdict is Verdict.OK
