"""Does what the words say stand in finished scenes? Runs the main job on held-out captions and lets a detector look.

    python -m gs_stein.bench words --json

The captions are of mixed scenes with pairs of things and sentences that nothing was trained on. Every finished scene is
seen from the cameras of the caption's own scene, and the detector (`python -m gs_stein.world.train detector`) is asked
of each thing that the caption names: is it there, of that colour or material, so many, left of or on what the caption
says (`gs_stein.world.measure.words`)? *_over_real is what scenes score over what real renders of the same captions
score. Finished runs are kept in --output and not repeated; words.png shows scenes beside the real renders.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gs_stein.files import PACKAGE, print_anything, write_atomically

if TYPE_CHECKING:
    from torch import Tensor

    from gs_stein.world.measure.words import Case


@dataclass(frozen=True)
class Options:
    """What finished scenes of held-out captions show of what the captions say."""

    scenes: int = 16
    """Captions, one a run; rooms and landscapes in turn."""
    model: str = "bundled"
    """The prior, as for gs-stein train --prior.model."""
    preset: Literal["default", "preview"] = "preview"
    """How long the scenes are trained."""
    seed: int = 0
    """Of the runs."""
    detector: Path = PACKAGE / "weights" / "detector"
    """What `python -m gs_stein.world.train detector` wrote."""
    output: Path = Path("runs/words")
    """Where runs are kept, and words.json and words.png are written."""
    json: bool = False
    """Print one JSON object as the last line."""

    def __post_init__(self) -> None:
        if self.scenes < 1:
            raise ValueError(f"scenes: {self.scenes} is below 1; give how many captions to try")


def pictures(run: Path, case: Case) -> Tensor:
    """A finished scene from the cameras of a case, (V, 3, H, W) in [0, 1]."""
    import torch

    from gs_stein.config.schema import BACKGROUNDS
    from gs_stein.config.serialize import read_config
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.rasterize.many_views import render_views

    config = read_config(run / "config.yaml")
    gaussians = read_gaussians(run / "point_cloud.ply")
    shown = render_views(gaussians, case.cameras, config.rasterize, BACKGROUNDS[config.background])
    return torch.cat([render.rgb for render in shown]).permute(0, 3, 1, 2).clamp(0, 1)


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench words`."""
    import tyro

    options = tyro.cli(Options, args=argv, prog="python -m gs_stein.bench words", description=__doc__)

    from gs_stein.bench.prompts import make_runs
    from gs_stein.world.detector import Detector
    from gs_stein.world.measure.words import cases, figures, for_json

    detector = Detector.load(options.detector)
    asked = cases(options.scenes)
    lines = [{"prompt": case.caption.text, "scene": True, "seed": options.seed} for case in asked]
    grid = () if options.model == "bundled" else (f"prior.model={options.model}",)
    runs = make_runs(
        lines, options.output, "here", (*grid, *([f"preset={options.preset}"] * (options.preset != "default")))
    )
    found = figures(detector, asked, lambda case, i: pictures(runs[i], case), options.output / "words.png")
    text = json.dumps(for_json(found))
    write_atomically(options.output / "words.json", (text + "\n").encode())
    for name, value in found.items():
        print(f"{name:34s} {value:8.3f}")
    print(f"pictures: {options.output / 'words.png'}")
    if options.json:
        print(text)
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
