"""What a GPU takes and needs, in at most ten minutes: for the day one is there.

    python -m gs_stein.bench gpu --json

No checkpoint is needed: networks of Stable Diffusion 1.5, XL and 3 get random weights, which take as long and as much
memory as real ones. Measured are our rasterizer over bare gsplat; an iteration of SDS, SSD and VSD at 512², with its
peak memory against what `gs-stein doctor` would say; the formats in which the bundled prior stays finite; the denoiser
compiled; and the main job with the bundled prior, from prompt to scene. `--device cpu --tiny` only tries whether all
runs, in networks of a hundredth of the size.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from gs_stein.config.schema import Config
    from gs_stein.distill.options import Estimator

GOALS = {
    "adapter_overhead": 1.03, "ssd_over_sds": 1.1, "ssd_over_vsd": 0.6, "memory_estimate_off_by": 0.1,
    "main_job_seconds": 15.0,
}  # fmt: skip
"""At most."""
ESTIMATORS = ("sds", "ssd", "vsd")


@dataclass(frozen=True)
class Options:
    """Time and memory of a GPU, with random networks of full size."""

    device: str = "cuda"
    """Where to measure."""
    tiny: bool = False
    """Networks of a hundredth of the size: only whether all runs."""
    models: tuple[str, ...] = ("sd15", "sdxl", "sd3")
    """Of which sizes."""
    repeats: int = 12
    """Iterations of which the median is taken, after three."""
    minutes: float = 10.0
    """What would begin later is left out, and said."""
    main_job: bool = True
    """Also run the main job with the bundled prior."""
    json: bool = False
    """Print one JSON object as the last line."""


@dataclass(frozen=True)
class Bench:
    """Where it runs."""

    options: Options
    device: torch.device

    @property
    def side(self) -> int:
        """Of pictures, in pixels."""
        return 32 if self.options.tiny else 512

    @property
    def count(self) -> int:
        """Gaussians."""
        return 500 if self.options.tiny else 100_000

    def sync(self) -> None:
        """Wait for the GPU."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def median(self, run: Callable[[], Any]) -> float:
        """Median seconds of a call, after three that are not counted."""
        seconds = []
        for i in range(3 + self.options.repeats):
            self.sync()
            began = time.perf_counter()
            run()
            self.sync()
            if i >= 3:
                seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)


def adapter(bench: Bench) -> dict[str, float]:
    """Our rasterizer, forward and backward, over bare gsplat with the same arguments."""
    import torch

    from gs_stein.bench.scenes import room_scene, room_views
    from gs_stein.rasterize.api import rasterize
    from gs_stein.rasterize.options import RasterizeOptions

    scene = room_scene(bench.count).to(bench.device).requires_grad_()
    cameras = room_views(4, bench.side).to(bench.device)
    options, background = RasterizeOptions(), torch.zeros(4, 3, device=bench.device)

    def ours() -> None:
        render = rasterize(scene, cameras, options, background)
        (render.rgb.sum() + render.depth.sum()).backward()

    found = {"ours_ms": 1000 * bench.median(ours)}
    if bench.device.type != "cuda":
        return found  # there is no bare one to compare with
    from gs_stein.rasterize.gpu import rasterization

    def bare() -> None:
        images, *_ = rasterization(
            means=scene.means, quats=scene.quats, scales=scene.scales, opacities=scene.opacities, colors=scene.sh,
            viewmats=cameras.viewmats, Ks=cameras.Ks, width=cameras.width, height=cameras.height,
            near_plane=options.near, far_plane=options.far, eps2d=options.eps2d, sh_degree=scene.sh_degree,
            packed=False, backgrounds=background, render_mode="RGB+ED",
            rasterize_mode="antialiased" if options.antialiased else "classic",
        )  # fmt: skip
        images.sum().backward()

    found["bare_ms"] = 1000 * bench.median(bare)
    return found | {"adapter_overhead": found["ours_ms"] / found["bare_ms"]}


def estimator(name: str) -> Estimator:
    """The one of a name, as runs have it."""
    from gs_stein.distill.options import SDS, SSD, VSD

    return {"sds": SDS(), "ssd": SSD(), "vsd": VSD()}[name]


def configured(bench: Bench, kind: str, name: str) -> Config:
    """An object of four views at full resolution from the first iteration on."""
    from gs_stein.cameras.options import OrbitCameras
    from gs_stein.config.schema import Config
    from gs_stein.distill.options import DistillOptions
    from gs_stein.gaussians.options import BallStart
    from gs_stein.prior.options import DiffusionOptions
    from gs_stein.update.options import NoDensify

    return Config(
        prompt="a red armchair", iterations=3 + bench.options.repeats, views=4, densify=NoDensify(),
        cameras=OrbitCameras(resolution=bench.side), start=BallStart(count=bench.count),
        prior=DiffusionOptions(model=kind, resolution=bench.side), distill=DistillOptions(estimator=estimator(name)),
    )  # fmt: skip


def iteration(bench: Bench, kind: str, name: str) -> dict[str, float]:
    """Median seconds of an iteration, and peak memory against the estimate."""
    import torch

    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.state import begin
    from gs_stein.prior.footprint import CONTEXT, GIB
    from gs_stein.prior.random_models import random_depth, random_prior

    config, cuda = configured(bench, kind, name), bench.device.type == "cuda"
    dtype = config.prior.precision.dtype(bench.device)
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(bench.device)
    prior = random_prior(kind, bench.device, dtype, bench.side, bench.options.tiny)
    depth = random_depth(prior, dtype, bench.options.tiny) if name == "ssd" else None
    state = begin(config, Priors(prior, depth), bench.device)
    seconds, began = [], time.perf_counter()
    for step in optimize(config, state):
        bench.sync()
        if step.skipped:
            raise ValueError(f"{kind}, {name}: a gradient was not finite in {dtype}")
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
    state.distiller.close()
    found = {"seconds": statistics.median(seconds[3:])}
    expected = expected_memory(bench, kind, name)
    if not cuda or bench.options.tiny or expected is None:
        return found
    peak = torch.cuda.max_memory_allocated(bench.device) + CONTEXT
    return found | {
        "peak_gib": peak / GIB, "estimated_gib": expected / GIB, "memory_estimate_off_by": abs(expected / peak - 1)
    }  # fmt: skip


def expected_memory(bench: Bench, kind: str, name: str) -> int | None:
    """Bytes that `gs-stein doctor` says of such an iteration; None for a model that it knows nothing of."""
    from gs_stein.command.gpu_budget import estimate_run

    config = configured(bench, kind, name)
    # Prompts are random numbers here: no text encoder is ever in memory.
    estimated = estimate_run(replace(config, prior=replace(config.prior, text_on_cpu=True)))
    return None if estimated is None else estimated.total(bench.count)


def formats(bench: Bench) -> dict[str, Any]:
    """In which number formats the bundled prior answers with finite numbers, how fast, and the fastest of those."""
    import torch

    from gs_stein.cameras.options import RoomCameras
    from gs_stein.cameras.sampling import sample_cameras
    from gs_stein.prior.checkpoints.load import load_prior
    from gs_stein.prior.options import DiffusionOptions

    generator = torch.Generator().manual_seed(0)
    found: dict[str, Any] = {}
    for name in ("float32", "bfloat16", "float16"):
        prior = load_prior(DiffusionOptions(model="bundled"), bench.device)
        prior.network.to(getattr(torch, name))
        cameras = sample_cameras(RoomCameras(resolution=prior.resolution), 4, generator)
        x_t = torch.randn(1, 4, *prior.latent_shape, generator=generator).to(bench.device)
        text = [prior.embed(["a cozy living room"])]

        def ask(t: float, prior=prior, x_t=x_t, text=text, cameras=cameras) -> torch.Tensor:
            with torch.no_grad():
                return prior.predict(x_t, torch.tensor([t]), text, cameras)

        finite = all(bool(ask(t).isfinite().all()) for t in (20.0, 500.0, 980.0))
        found[name] = {"finite": finite, "ms": 1000 * bench.median(lambda ask=ask: ask(500.0))}
    whole = [name for name, row in found.items() if row["finite"]]
    return found | {"chosen": min(whole, key=lambda name: found[name]["ms"]) if whole else None}


def compiled(bench: Bench, kind: str) -> dict[str, float]:
    """A denoiser evaluation of eight views by torch.compile with CUDA graphs, over the plain one."""
    import torch

    from gs_stein.prior.random_models import random_prior

    dtype = torch.float16 if bench.device.type == "cuda" else torch.float32
    prior = random_prior(kind, bench.device, dtype, bench.side, bench.options.tiny)
    x_t = torch.randn(2, 4, *prior.latent_shape, device=bench.device)
    t, text = torch.tensor([300.0, 300.0]), [prior.embed(["a red armchair"]), prior.embed([""])]

    def ask() -> None:
        with torch.no_grad():
            prior.predict(x_t, t, text, None)

    plain = bench.median(ask)
    network: Any = prior.network
    network.compile(mode="reduce-overhead")
    fast = bench.median(ask)
    return {"plain_ms": 1000 * plain, "compiled_ms": 1000 * fast, "compiled_over_plain": fast / plain}


def main_job(bench: Bench) -> dict[str, float]:
    """From a prompt to a room with the bundled prior, as a user runs it.

    Raises:
        ValueError: it failed; with its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "gs_stein.command.train", "--prompt=a cozy living room", "--scene", "--no-viewer",
            "--model=bundled", "--video-frames=0", f"--device={bench.device.type}", f"--output={folder}",
            *(("--iterations=2", "--preset=preview") if bench.options.tiny else ()),
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=600)
        wall = time.perf_counter() - began
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise ValueError(f"the main job failed: {said[-1]}")
        report = json.loads(next(Path(folder).glob("*/report.json")).read_text(encoding="utf-8"))
    return {"main_job_seconds": float(report["seconds"]), "wall_seconds": wall}


def sections(bench: Bench) -> list[tuple[str, Callable[[], dict[str, Any]]]]:
    """What is measured, in this order: the cheap and the sure first."""
    options = bench.options
    parts: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        ("rasterizer", lambda: adapter(bench)), ("bundled prior's formats", lambda: formats(bench)),
    ]  # fmt: skip
    if options.main_job:
        parts.append(("main job", lambda: main_job(bench)))
    for kind in options.models:
        parts += [(f"{kind} {name}", lambda k=kind, n=name: iteration(bench, k, n)) for name in ESTIMATORS]
    if bench.device.type == "cuda":
        parts.append((f"{options.models[0]} compiled", lambda: compiled(bench, options.models[0])))
    return parts


def verdicts(found: dict[str, Any], models: tuple[str, ...]) -> dict[str, float]:
    """The figures that have a goal, the worst of each."""
    each: dict[str, list[float]] = {name: [] for name in GOALS}
    for row in found.values():
        for name, values in each.items():
            if isinstance(row.get(name), float):
                values.append(row[name])
    for kind in models:
        seconds = {name: found.get(f"{kind} {name}", {}).get("seconds", math.nan) for name in ESTIMATORS}
        for other in ("sds", "vsd"):
            ratio = seconds["ssd"] / seconds[other]
            if math.isfinite(ratio):
                each[f"ssd_over_{other}"].append(ratio)
    return {name: max(values) for name, values in each.items() if values}


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench gpu`.

    Raises:
        ValueError: there is no such device, or no model of that size; one line.
    """
    import torch
    import tyro

    from gs_stein.prior.random_models import KINDS

    options = tyro.cli(Options, args=argv, description=__doc__)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            "device: this needs an NVIDIA GPU and PyTorch for CUDA (`gs-stein doctor` says what is missing); "
            "`--device cpu --tiny` only tries whether all runs"
        )
    unknown = [kind for kind in options.models if kind not in KINDS]
    if unknown or not options.models or options.repeats < 1:
        raise ValueError(f"models, repeats: {options.models}, {options.repeats}; give some of {KINDS}, and 1 or more")
    bench = Bench(options, torch.device(options.device))
    name = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else "CPU"
    found: dict[str, Any] = {}
    began = time.perf_counter()
    print(f"{name}, torch {torch.__version__}" + (", tiny networks: no figure means anything" if options.tiny else ""))
    for title, run in sections(bench):
        if time.perf_counter() - began > 60 * options.minutes:
            found[title] = {"left_out": "no time"}
        else:
            try:
                found[title] = run()
            except (RuntimeError, ValueError, OSError, subprocess.SubprocessError, FloatingPointError) as error:
                found[title] = {"failed": (str(error).strip() or type(error).__name__).splitlines()[0][:200]}
        shown = "  ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in found[title].items())
        print(f"{title:24s} {shown}", flush=True)
    reached = verdicts(found, options.models)
    for goal, value in () if options.tiny else reached.items():
        print(f"{goal:24s} {value:.3g} (goal: at most {GOALS[goal]:g}{'' if value <= GOALS[goal] else '; missed'})")
    if options.json:
        print(json.dumps({"device": name, "tiny": options.tiny, "found": found, "reached": reached}))
    return 0
