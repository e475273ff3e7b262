"""What a run leaves behind: its folder, its files, and report.json."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import gs_stein
from gs_stein import images
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.config.serialize import to_tree
from gs_stein.evaluate import read_report, score_views
from gs_stein.files import write_json
from gs_stein.gaussians.formats.ply import write_ply
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.state import State
from gs_stein.rasterize.filter_3d import as_trained
from gs_stein.run import pictures, video
from gs_stein.run.options import RunOptions

PACKAGES = ("torch", "numpy", "numba", "gsplat", "diffusers", "transformers", "peft")


def write_scene(run: Path, config: Config, state: State, furnished: Gaussians | None = None) -> Gaussians:
    """The scene as it stands, as its training views showed it, or with the things that were set in: point_cloud.ply,
    padded to 62 properties since some viewers read no other layout, and preview.png, its best view with eight around.
    Returns what was written. An evaluation.json, which measures the scene before, is removed."""
    scene = as_trained(state.gaussians, config.cameras, config.rasterize)
    if furnished is not None:
        scene = furnished.to(scene.device)
    with suppress(OSError):  # on Windows somebody may be reading it
        (run / "evaluation.json").unlink()
    write_ply(run / "point_cloud.ply", scene, pad_sh=True)
    images.write_png(run / "preview.png", pictures.contact_sheet(scene, config))
    return scene


def write_results(
    run: Path, config: Config, options: RunOptions, reasons: tuple[str, ...], state: State,
    furnished: Gaussians | None = None, things: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """The files of a finished run: point_cloud.ply, preview.png, depth.png, video.mp4, and last report.json.

    Args:
        run: its folder.
        config: with the prompt that it ended with.
        options: of pictures, film and score.
        reasons: of what was chosen.
        state: at the end.
        furnished: the scene with the things that were set in; None: there are none.
        things: a row for each.

    Returns:
        The report.

    Raises:
        ValueError: a file cannot be written; those before it are whole.
    """
    give_back_memory()
    scene, background = write_scene(run, config, state, furnished), BACKGROUNDS[config.background]
    result = make_report(config, reasons, state) | ({"things": list(things)} if things else {})
    result["gaussians"] = len(scene)
    if options.score:
        result["scorer"] = score_views(scene, config, views=32)
    images.write_png(run / "depth.png", pictures.depth_sheet(scene, config))
    if options.video_frames:
        size = options.video_size
        frames = video.film(scene, config.cameras, config.rasterize, options.video_frames, size, background)
        video.write_video(run / "video.mp4", frames)
    write_json(run / "report.json", result)  # last: where it is, all is
    return result


def finished(run: Path, config: Config) -> bool:
    """Whether a run has come to the end of a configuration's iterations, and its files are there."""
    try:
        steps = read_report(run).get("steps") or 0
    except ValueError:  # damaged: it is written anew
        return False
    there = all((run / name).is_file() for name in ("point_cloud.ply", "preview.png"))
    return there and steps >= config.iterations


def make_report(config: Config, reasons: tuple[str, ...], state: State) -> dict[str, Any]:
    """Settings, seed, versions, machine, time, cost."""
    return {
        "prompt": config.prompt,
        "seed": config.seed,
        "steps": state.step,
        "seconds": round(state.seconds, 3),
        "seconds_per_step": round(state.seconds / max(state.step, 1), 5),
        "denoiser_evaluations": state.evaluations,
        "gaussians": len(state.parameters["means"]),
        "skipped_steps": state.distiller.guard.skipped,
        "reset_gaussians": state.distiller.guard.reset,
        "rounds_left_out": state.refiner.left_out,
        "variance_ratio": state.distiller.variance_ratio,
        "peak_memory_gib": peak_memory(),
        "prior": state.priors.identity,
        "choices": list(reasons),
        "versions": versions(),
        "machine": machine(),
        "settings": to_tree(config),
    }


def versions() -> dict[str, str]:
    """Of Python, this package and what it computes with."""
    found = {"python": platform.python_version(), "gs_stein": gs_stein.__version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def machine() -> dict[str, Any]:
    """System, cores, threads, GPU."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "system": platform.platform(), "cores": os.cpu_count(), "torch_threads": torch.get_num_threads(), "gpu": gpu
    }  # fmt: skip


def give_back_memory() -> None:
    """Hand what is free to the operating system, where the C library keeps it (glibc): pictures would come on top."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory() -> float | None:
    """Largest resident size of this process so far, in GiB; None where the system does not tell."""
    status = Path("/proc/self/status")
    # The program's own; on Linux the peak of getrusage may be that of the process it was forked from.
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+)", status.read_text(encoding="utf-8"))):
        return round(int(found[1]) / 2**20, 3)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**30 if platform.system() == "Darwin" else 2**20), 3)
