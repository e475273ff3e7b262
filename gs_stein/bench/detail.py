"""Where do pictures lose detail? World, codec, samples, scene: detail and patch distance of each, prompt by prompt.

    python -m gs_stein.bench detail --json

Every stage is seen from the same held-out cameras and compared with the world's own renders of that kind of scene:
these through the codec, pictures sampled straight from the prior, and the finished scene. detail is 1 and swd small
where a stage keeps what the world shows (`gs_stein.bench.judge`). A blurred and a grainy copy of the renders stand
beside them, to see what the two figures do not take for detail. Finished runs are kept in --output and not repeated.
Sheets of the scenes at 512 pixels are written beside them.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gs_stein.bench.prompts import WRITTEN, make, slug
from gs_stein.files import print_anything, write_atomically

Kind = Literal["scenes", "landscapes", "objects"]
QUICK = (("scenes", "a cozy living room with a red sofa"), ("landscapes", "a beach with palm trees and a sailboat"),
         ("objects", "a red armchair"))  # fmt: skip
"""Three prompts, for a first answer."""


@dataclass(frozen=True)
class Options:
    """Detail of every stage between the world and a finished scene."""

    kinds: tuple[Kind, ...] = ("scenes", "landscapes", "objects")
    """Which parts of the list."""
    prompts: Path = WRITTEN
    """A YAML file with lists of prompts under these names."""
    first: int = 0
    """Only so many prompts of each part; 0: all."""
    preset: Literal["default", "preview"] = "default"
    """How long the scenes are trained."""
    quick: bool = False
    """Three prompts as previews, one of each part."""
    seed: int = 0
    """Of the runs."""
    output: Path = Path("runs/detail")
    """Where runs are kept, and detail.json and sheets are written."""
    json: bool = False
    """Print one JSON object as the last line."""


def stages(run: Path) -> dict[str, dict[str, float]]:
    """All stages of one prompt; kept in the run's folder.

    Returns:
        World (at half of its own scenes), blurred, grain, codec, samples, scene: each with its figures.
    """
    import torch

    from gs_stein.bench.judge import held_out_cameras, judge, judge_pictures, key, kind_of, looks, real_renders
    from gs_stein.bench.patch_distance import blurred
    from gs_stein.config.serialize import read_config
    from gs_stein.evaluate import sample_prior
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.optimize.networks import load_denoiser

    config = read_config(run / "config.yaml")
    real = real_renders(kind_of(config.prompt), key(config), 128)
    half = len(real) // 2
    prior = load_denoiser(config)
    grain = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        coded = torch.cat([prior.decode(prior.encode(part)) for part in real.split(20)]).clamp(0, 1)
    found = {
        "world": looks(real[half:], real[:half]),
        "blurred": looks(blurred(real), real),
        "grain": looks((real + 0.03 * grain).clamp(0, 1), real),
        "codec": looks(coded, real),
    }
    found = {name: {f"{figure}_128": x for figure, x in figures.items()} for name, figures in found.items()}
    samples = sample_prior(config, held_out_cameras(config, prior.resolution)).float()
    found["samples"] = judge_pictures(samples, config)
    return found | {"scene": judge(read_gaussians(run / "point_cloud.ply"), config)}


def summary(judged: list[dict[str, dict[str, float]]], seconds: list[float]) -> dict[str, float]:
    """Means over prompts: STAGE_FIGURE, the scenes' scorer as `scorer`, and seconds."""
    names = {f"{stage}_{figure}" for found in judged for stage, figures in found.items() for figure in figures}
    split = {name: name.split("_", 1) for name in sorted(names)}
    means = {name: statistics.fmean(found[a][b] for found in judged) for name, (a, b) in split.items()}
    means["scorer"] = means.pop("scene_scorer")
    return {name: round(value, 4) for name, value in {**means, "seconds": statistics.fmean(seconds)}.items()}


def sheet(path: Path, run: Path, views: int = 4, side: int = 512) -> None:
    """Held-out views of a scene beside each other."""
    import torch

    from gs_stein.bench.judge import held_out_cameras
    from gs_stein.config.schema import BACKGROUNDS
    from gs_stein.config.serialize import read_config
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.images import to_bytes, write_png
    from gs_stein.rasterize.many_views import render_views

    config = read_config(run / "config.yaml")
    cameras = held_out_cameras(config, side)[:views]
    shown = render_views(
        read_gaussians(run / "point_cloud.ply"), cameras, config.rasterize, BACKGROUNDS[config.background]
    )
    write_png(path, to_bytes(torch.cat([render.rgb[0] for render in shown], dim=1)))


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench detail`."""
    import tyro

    from gs_stein.bench.prompts import Options as Runs
    from gs_stein.bench.prompts import wanted
    from gs_stein.evaluate import read_report
    from gs_stein.files import read_json

    options = tyro.cli(Options, args=argv, prog="python -m gs_stein.bench detail", description=__doc__)
    preset = "preview" if options.quick or options.preset == "preview" else None
    runs = Runs(options.kinds, options.first, preset, options.seed, options.output)
    prompts: Any = QUICK if options.quick else list(wanted(runs, options.prompts))
    made = make(prompts, runs)
    judged: list[dict[str, dict[str, float]]] = []
    seconds: list[float] = []
    print("detail / swd   codec @128    samples @128  scene @128    scene @256    scorer  seconds  prompt")
    for number, ((_, prompt), run) in enumerate(zip(prompts, made, strict=True), 1):
        if sys.stderr.isatty():
            print(f"{number}/{len(prompts)} {prompt} …", end="\r", file=sys.stderr, flush=True)
        kept = run / "detail.json"
        if not kept.exists():
            write_atomically(kept, json.dumps(stages(run)).encode())
        sheet(options.output / f"{slug(prompt)}.png", run)
        found = read_json(kept)
        judged.append(found)
        seconds.append(read_report(run)["seconds"])
        cells = [
            f"{found[stage][f'detail_{side}']:.2f} / {found[stage][f'swd_{side}']:.3f}"
            for stage, side in (("codec", 128), ("samples", 128), ("scene", 128), ("scene", 256))
        ]
        print(f"{'':14s} {'  '.join(cells)}  {found['scene']['scorer']:6.2f} {seconds[-1]:8.0f}  {prompt}", flush=True)
    found = summary(judged, seconds)
    write_atomically(options.output / "detail.json", (json.dumps(found, indent=2) + "\n").encode())
    for name, value in found.items():
        print(f"{name:22s} {value:8.3f}")
    print(f"pictures: {options.output}/*.png")
    if options.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
