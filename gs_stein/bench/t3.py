"""T3Bench's prompts: one run each, and the mean of their scores beside the published averages.

    python -m gs_stein.bench t3 --prompts prompt_single.txt --clip openai/clip-vit-base-patch16

The lists (prompt_single.txt, prompt_surr.txt, prompt_multi.txt) are in T3Bench's repository; give your copy. T3Bench
scores with networks of its own and a language model; here a CLIP does, or, where none is given, the scorer that ships
with gs_stein. So our figures and the published ones have different units: ours say whether one of our runs is better
than another, only the published ones how those methods compare. The runs are a batch (`gs-stein batch`, here or on Ray
by --address): what is finished in --output is not repeated, so an interrupted bench goes on where it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gs_stein.files import write_atomically

if TYPE_CHECKING:
    from gs_stein.scorer import Clip

PUBLISHED: tuple[tuple[str, float, float, float], ...] = (
    ("ProlificDreamer", 49.4, 44.8, 35.8),
    ("Magic3D", 37.0, 35.4, 25.7),
    ("LatentNeRF", 33.1, 30.6, 20.6),
    ("Fantasia3D", 26.4, 27.0, 18.5),
    ("DreamFusion", 24.4, 24.6, 16.1),
    ("SJC", 24.7, 19.8, 11.7),
)
"""Averages of quality and alignment, 0 to 100, over the three lists. Source: t3bench.com; arXiv 2310.02977."""
LISTS = ("single", "surr", "multi")
"""In the order of those columns; part of the file's name."""


@dataclass(frozen=True)
class Options:
    """Runs of T3Bench's prompts, and what a scorer says of them."""

    prompts: Path
    """A list, a prompt a line."""
    clip: str | None = None
    """A CLIP to judge with: folder or hub id; None: the scorer that ships with gs_stein."""
    model: str | None = None
    """The prior, as for gs-stein train; None: chosen by it."""
    preset: str | None = None
    """Laid over the default one, as for gs-stein train."""
    first: int = 0
    """Only so many prompts; 0: all."""
    views: int = 16
    """Of each scene, from cameras that training never drew."""
    seed: int = 0
    """Of the runs."""
    output: Path = Path("runs/t3")
    """Where runs are kept, and t3.json is written."""
    address: str | None = "here"
    """Where runs are made, as for gs-stein batch: here, local, auto, HOST:PORT, or ray://HOST:PORT."""
    json: bool = False
    """Print one JSON object as the last line."""


def read_prompts(path: Path, first: int = 0) -> list[str]:
    """The prompts of a list.

    Raises:
        ValueError: it cannot be read, or holds none; one line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"prompts: {path} cannot be read ({error}); give a text file with a prompt a line") from error
    found = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not found:
        raise ValueError(f"prompts: {path} is empty; give a text file with a prompt a line")
    return found[:first] if first else found


def make(prompts: list[str], options: Options) -> list[Path]:
    """Have `gs-stein batch` make a run of every prompt, unless that was done before; the runs' folders.

    Raises:
        ValueError: a run failed; its last line is in the message.
    """
    from gs_stein.bench.prompts import make_runs, slug

    told = (Path(options.model or "auto").name, options.preset or "full")
    asked: dict[str, Any] = {"scene": False, "seed": options.seed}
    asked |= {} if options.preset is None else {"preset": options.preset}
    asked |= {} if options.model is None else {"prior.model": options.model}
    lines = [{"prompt": prompt, "name": slug("-".join((prompt[:120], *told))), **asked} for prompt in prompts]
    return make_runs(lines, options.output, options.address)


def judge(run: Path, prompt: str, prompts: list[str], options: Options, clip: Clip | None) -> dict[str, float]:
    """Scores of one run: R-precision among all prompts of the list, and with a CLIP its score."""
    import torch

    from gs_stein.config.schema import BACKGROUNDS
    from gs_stein.config.serialize import read_config
    from gs_stein.evaluate import evaluation_cameras
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.rasterize.many_views import render_views

    config = read_config(run / "config.yaml")
    cameras = evaluation_cameras(config, options.views)
    views = render_views(
        read_gaussians(run / "point_cloud.ply"), cameras, config.rasterize, BACKGROUNDS[config.background]
    )
    rgb = torch.cat([view.rgb for view in views]).permute(0, 3, 1, 2).float().cpu()
    others = [other for other in prompts if other != prompt]
    if clip is not None:
        found = clip.judge(rgb, prompt, others)
        return {"clip_score": found["clip_score"], "r_precision": found["r_precision"]}
    from gs_stein.scorer import Scorer, retrieval, scorer_folder
    from gs_stein.text.minilm import MiniLM

    return {"r_precision": retrieval(Scorer.load(scorer_folder()), MiniLM(), rgb, prompt, others)[0]}


def summary(each: list[dict[str, float]]) -> dict[str, Any]:
    """Means over prompts with bootstrapped 95 % intervals."""
    import torch

    from gs_stein.scorer import interval

    found: dict[str, Any] = {"prompts": len(each)}
    for name in each[0]:
        values = torch.tensor([scores[name] for scores in each])
        found[name] = round(values.mean().item(), 4)
        found[f"{name}_interval"] = [round(end, 4) for end in interval(values)]
    return found


def table(found: dict[str, Any], scorer: str, which: str | None) -> str:
    """Our figures, and the published ones, each with what they are."""
    low, high = found["r_precision_interval"]
    ours = f"R-precision {found['r_precision']:.1%} [{low:.1%}, {high:.1%}] among {found['prompts']} prompts"
    if "clip_score" in found:
        low, high = found["clip_score_interval"]
        ours += f"; CLIP score {found['clip_score']:.1f} [{low:.1f}, {high:.1f}]"
    lines = [f"gs_stein, by {scorer}: {ours}", ""]
    lines += ["Published, by T3Bench's own scorers (another unit; t3bench.com, arXiv 2310.02977):"]
    columns = [name for name in LISTS if which in (None, name)]
    lines += [f"{'':16s}" + "".join(f"{name:>8s}" for name in columns)]
    for method, *scores in PUBLISHED:
        kept = [score for name, score in zip(LISTS, scores, strict=True) if name in columns]
        lines.append(f"{method:16s}" + "".join(f"{score:8.1f}" for score in kept))
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench t3`."""
    import tyro

    from gs_stein.evaluate import load_judge

    options = tyro.cli(Options, args=argv, description=__doc__)
    for name, value, least in (("views", options.views, 1), ("first", options.first, 0)):
        if value < least:
            raise ValueError(f"{name}: {value} is below {least}; give a larger number")
    prompts = read_prompts(options.prompts, options.first)
    clip = None if options.clip is None else load_judge(options.clip)
    scorer = "gs_stein's own small scorer" if options.clip is None else options.clip
    each = []
    for number, (prompt, run) in enumerate(zip(prompts, make(prompts, options), strict=True), 1):
        scores = judge(run, prompt, prompts, options, clip)
        each.append(scores)
        shown = "  ".join(f"{name} {value:.2f}" for name, value in scores.items())
        print(f"{number}/{len(prompts)}  {shown}   {prompt}", flush=True)
    which = next((name for name in LISTS if name in options.prompts.stem), None)
    found = {"list": str(options.prompts), "scorer": scorer, **summary(each)}
    write_atomically(options.output / "t3.json", (json.dumps(found, indent=2) + "\n").encode())
    print("\n" + table(found, scorer, which))
    if options.json:
        print(json.dumps(found))
    return 0
