"""How good is a run? `python -m gs_stein.evaluate RUN` renders views it never saw and measures; JSON on the output.

* `retrieval`: how often a contrastive scorer picks the run's prompt among 50 captions, over the single views (mean)
  and for all views together. With --samples the same for pictures sampled straight from the prior: the ceiling.
* `clip`, with --clip: CLIP score and R-precision (how often a view is nearest to its own prompt among 50) of a CLIP of
  the hub, with 95 % intervals.
* `depth`: Pearson correlation of rendered depth and an estimator's on the same picture.
* `timing`: of the run, and of rendering.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.config.serialize import read_config
from gs_stein.files import print_anything, read_json
from gs_stein.gaussians.model import Gaussians
from gs_stein.prior.options import GuidanceOptions
from gs_stein.types import Cameras

if TYPE_CHECKING:
    from gs_stein.scorer import Clip

HELD_OUT_SEED = 0x5EED
"""Of the cameras that measure; training draws from another stream."""


@dataclass(frozen=True)
class Options:
    """Measure a finished run on views it never saw; prints JSON and writes RUN/evaluation.json."""

    run: Path
    """Folder of the run."""
    views: int = 16
    """Held-out views; four stratified turns of the camera make sixteen."""
    samples: bool = False
    """Also score pictures sampled from the run's prior (slow)."""
    seed: int = HELD_OUT_SEED
    """Of the held-out cameras."""
    clip: str | None = None
    """Also judge with this CLIP: a folder, or a hub id such as openai/clip-vit-base-patch16."""


def evaluation_cameras(config: Config, views: int, seed: int = HELD_OUT_SEED) -> Cameras:
    """Cameras of the run's own kind that training never drew, at most eight directions a turn."""
    generator = torch.Generator().manual_seed(seed)
    turns = [sample_cameras(config.cameras, min(8, views - first), generator) for first in range(0, views, 8)]
    return Cameras(
        torch.cat([turn.viewmats for turn in turns]), torch.cat([turn.Ks for turn in turns]),
        turns[0].width, turns[0].height,
    )  # fmt: skip


def score_pictures(rgb: Float[Tensor, "V 3 H W"], config: Config) -> dict[str, float]:
    """Retrieval of the prompt among 50 captions by the bundled scorer."""
    from gs_stein.scorer import CAPTIONS, Scorer, distractors, retrieval, scorer_folder
    from gs_stein.text.minilm import MiniLM

    scorer = Scorer.load(scorer_folder())
    each, together = retrieval(
        scorer, MiniLM(), rgb.float().cpu(), config.prompt, distractors(config.scene, config.prompt)
    )
    return {"views_top1": each, "together_top1": together, "captions": CAPTIONS, "views": len(rgb)}


def load_judge(name: str) -> Clip:
    """A CLIP of a folder or of the hub.

    Raises:
        ValueError: it cannot be had, or is none; one line.
    """
    from gs_stein.prior.checkpoints.clip import load_clip
    from gs_stein.scorer import Clip

    parts = load_clip(name)
    return Clip(parts.model, parts.tokenizer, parts.side, parts.mean, parts.std)


def of_true_pictures(config: Config) -> dict[str, Any]:
    """How often the scorer is right on true pictures of what the prompt asks for; empty where that is not known: for
    other priors' worlds, and for words that the bundled one has not seen."""
    from gs_stein.prior.checkpoints.registry import bundled_folder, is_bundled
    from gs_stein.scorer import ACCURACY, scorer_folder
    from gs_stein.text.minilm import MiniLM
    from gs_stein.text.vocabulary import Vocabulary

    table, vocabulary = scorer_folder() / ACCURACY, Vocabulary.load(bundled_folder() / "captions")
    if not is_bundled(config.prior.model) or vocabulary is None or not table.is_file():
        return {}
    kind = vocabulary.kind(config.prompt, MiniLM().sentences, config.scene)
    return {} if kind is None else {"kind": kind, "views_top1_of_true": read_json(table)[kind]}


def score_views(gaussians: Gaussians, config: Config, views: int) -> dict[str, Any]:
    """Retrieval on held-out views, and on true pictures; says why where there is no scorer."""
    from gs_stein.rasterize.many_views import render_views
    from gs_stein.scorer import scorer_folder

    if not (scorer_folder() / "model.safetensors").exists():
        return {"skipped": "there is no scorer in gs_stein/weights/scorer"}
    cameras = evaluation_cameras(config, views)
    background = BACKGROUNDS[config.background]
    rgb = torch.cat([r.rgb for r in render_views(gaussians, cameras, config.rasterize, background)])
    return score_pictures(rgb.permute(0, 3, 1, 2), config) | of_true_pictures(config)


def evaluate(options: Options) -> dict[str, Any]:
    """Measure a run.

    Raises:
        ValueError: the folder is no run, or its files are damaged.
    """
    from gs_stein.gaussians.files import read_gaussians
    from gs_stein.rasterize.many_views import render_views
    from gs_stein.scorer import distractors, scorer_folder

    if not (options.run / "config.yaml").is_file():
        raise ValueError(f"run: {options.run} holds no config.yaml; give the folder of a run")
    if options.views < 1:
        raise ValueError(f"views: {options.views} is below 1; give a positive number")
    judge = None if options.clip is None else load_judge(options.clip)
    config = read_config(options.run / "config.yaml")
    gaussians = read_gaussians(options.run / "point_cloud.ply")
    cameras = evaluation_cameras(config, options.views, options.seed)
    list(render_views(gaussians, cameras[:1], config.rasterize))  # compile outside the timing
    began = time.perf_counter()
    renders = list(render_views(gaussians, cameras, config.rasterize, BACKGROUNDS[config.background]))
    seconds = time.perf_counter() - began
    rgb = torch.cat([r.rgb for r in renders]).permute(0, 3, 1, 2)
    depth = torch.cat([r.depth for r in renders])
    alpha = torch.cat([r.alpha for r in renders])

    report = read_report(options.run)
    result: dict[str, Any] = {
        "run": str(options.run),
        "prompt": config.prompt,
        "views": options.views,
        "gaussians": len(gaussians),
        "coverage": alpha.mean().item(),
        "timing": {
            "run_seconds": report.get("seconds"),
            "steps": report.get("steps"),
            "denoiser_evaluations": report.get("denoiser_evaluations"),
            "render_ms_per_view": 1000 * seconds / options.views,
        },
    }
    has_scorer = (scorer_folder() / "model.safetensors").exists()
    result["retrieval"] = score_pictures(rgb, config) if has_scorer else None
    if judge is not None:
        others = distractors(config.scene, config.prompt)
        result["clip"] = {"scorer": options.clip, **judge.judge(rgb.float().cpu(), config.prompt, others)}
    result["depth"] = depth_agreement(config, rgb, depth, alpha, cameras)
    if options.samples and has_scorer:
        result["retrieval_of_samples"] = score_pictures(sample_prior(config, cameras), config)
    return result


def read_report(run: Path) -> dict[str, Any]:
    """A run's report.json; empty while it has none.

    Raises:
        ValueError: one line with the file: no JSON, or a figure that is no number.
    """
    path = run / "report.json"
    report = read_json(path) if path.is_file() else {}
    for name in ("seconds", "steps", "denoiser_evaluations", "peak_memory_gib"):
        value = report.get(name, 0)
        if type(value) not in (int, float, type(None)) or not abs(value or 0) < 1e15:
            raise ValueError(f"{path}: {name} is {json.dumps(value)[:60]}, not a number; move the file away")
    return report


def depth_agreement(
    config: Config, rgb: Float[Tensor, "V 3 H W"], depth: Float[Tensor, "V H W"], alpha: Float[Tensor, "V H W"],
    cameras: Cameras,
) -> dict[str, Any]:  # fmt: skip
    """Mean Pearson correlation of rendered depth with the depth an estimator reads off the same pictures.

    Over what is more than half opaque: elsewhere there is no depth to agree on.

    The estimator sees the nearly clean latent. Whether the run used the same one as a baseline is said beside.
    """
    from gs_stein.distill.options import Baseline
    from gs_stein.optimize.networks import baselines, load_denoiser
    from gs_stein.prior.agreement import pearson, shrink
    from gs_stein.prior.checkpoints.registry import BUNDLED
    from gs_stein.prior.depth import LatentDepth, MonocularDepth, load_depth

    try:
        model = BUNDLED if config.prior.model == "auto" else config.prior.model
        prior = load_denoiser(replace(config, prior=replace(config.prior, model=model)))
        estimator = load_depth(config.depth, prior)
    except ValueError as error:
        return {"skipped": str(error)}
    with torch.no_grad():
        if isinstance(estimator, MonocularDepth):
            estimated = estimator.of_images(rgb)
        else:
            x0 = prior.encode(rgb)
            t = torch.full((1,), 0.02 * prior.schedule.num_timesteps)
            parts = [estimator(x0[i : i + 4][None], t, cameras[i : i + 4])[0] for i in range(0, len(x0), 4)]
            estimated = torch.cat(parts)
    shrunk, covered = shrink(depth[..., None], (alpha > 0.5).to(depth), estimated.shape[-2:])
    each = pearson(estimated[None], shrunk[..., 0], covered)[0]
    name = "the prior's own" if isinstance(estimator, LatentDepth) else config.depth.model
    used = bool(baselines(config) & {Baseline.DEPTH, Baseline.PRINTED_DEPTH})
    return {"pearson": each.mean().item(), "worst_view": each.min().item(), "estimator": name, "used_as_baseline": used}


def samples_guidance(config: Config) -> GuidanceOptions:
    """Classifier-free guidance of pictures that a scene is compared with: what the views that it was fitted to had.

    Refined views have `refine.guidance`; a run without refinement has nothing but distillation's, whose Perp-Neg is
    left out as the refinement leaves it out.
    """
    scale = config.refine.guidance if config.refine.share > 0 else config.distill.guidance.scale
    return GuidanceOptions(scale=scale)


def sample_prior(config: Config, cameras: Cameras) -> Float[Tensor, "V 3 H W"]:
    """Pictures of the prompt straight from the prior, from pure noise, four consistent views at a time.

    Neighbours, or four from all round for a prior that has learnt those (MVDream).
    """
    from gs_stein.optimize.networks import load_denoiser
    from gs_stein.prior.sampling import sample

    prior = load_denoiser(config)
    text, negative = prior.embed([config.prompt]), prior.embed([config.negative])
    guidance, generator = samples_guidance(config), torch.Generator().manual_seed(HELD_OUT_SEED)
    # As the run denoises the views that it refines.
    refine = config.refine
    level, eta, order = (refine.antithetic_denoise, refine.eta, refine.order) if refine.share else (0.0, 0.0, 1)
    turns = torch.arange(len(cameras))
    if prior.group > 1:
        turns = turns.view(prior.group, -1).T.flatten()
    pictures = []
    for some in turns.split(4):
        four = cameras[some]
        rgb = sample(prior, text, negative, four, guidance, generator, antithetic_level=level, eta=eta, order=order)
        pictures.append(rgb)
    return torch.cat(pictures)[turns.argsort()]


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    import sys

    import tyro

    print_anything()
    settings = (tyro.conf.PositionalRequiredArgs,)
    options = tyro.cli(Options, args=arguments, config=settings, prog="gs-stein evaluate")
    try:
        result = evaluate(options)
        from gs_stein.files import json_text, write_atomically

        text = json_text(result)
        write_atomically(options.run / "evaluation.json", text.encode())
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
