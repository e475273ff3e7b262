"""How good is the bundled prior? `python -m gs_stein.world.evaluate` measures it on scenes nobody trained on.

Every figure that could flatter or depress a sample by the measure itself is divided by, or printed beside, the same
figure for real renders. The last line of `--json` is one object; `--sheet` also saves the pictures that were judged.
"""

from __future__ import annotations

import json
import sys
import time

import torch

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.depth import load_depth
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import DepthOptions, DiffusionOptions
from gs_stein.scorer import Scorer
from gs_stein.world.command import run_command
from gs_stein.world.detector import FOLDER, Detector
from gs_stein.world.families import FAMILIES, HELD_OUT
from gs_stein.world.measure.attributes import accuracy
from gs_stein.world.measure.guesses import denoising, depth_agreement, reconstruction
from gs_stein.world.measure.options import Options
from gs_stein.world.measure.pictures import Truth, held_out, sample_scene, save_sheet
from gs_stein.world.measure.scores import frechet, retrieval
from gs_stein.world.measure.views import agreement, camera_error
from gs_stein.world.measure.words import for_json, of_samples
from gs_stein.world.render.render import render
from gs_stein.world.scenes import draw_scene


def attributes(options: Options) -> dict[str, float]:
    """Is the red sofa red, in rooms (kinds of the options) and as an object?"""
    figures = {}
    for kinds, suffix, scene in ((options.kinds, "", True), (FAMILIES["objects"].kinds, "_objects", False)):
        prior = load_prior(DiffusionOptions(model=bundled_for(options.model, scene)))
        found = accuracy(
            lambda thing, i, prior=prior: sample_scene(prior, thing.prompt, thing.cameras, options, 7000 + i),
            kinds, 2 * options.scenes, options.views, HELD_OUT,
        )  # fmt: skip
        figures |= {name + suffix: value for name, value in found.items()}
    return figures


@torch.no_grad()
def speed(prior: DiffusionPrior) -> dict[str, float]:
    """Time of one evaluation of 8 views over one 2048³ float32 matmul, fastest of five; the renderer's speed."""
    cameras = sample_cameras(RoomCameras(), 8, torch.Generator().manual_seed(0))
    x, t, text = torch.randn(1, 8, *prior.latent_shape), torch.tensor([500.0]), [prior.embed(["a living room"])]
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    network, matmul = [], []
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, b)
        middle = time.perf_counter()
        prior.predict(x, t, text, cameras)
        matmul.append(middle - start)
        network.append(time.perf_counter() - middle)
    scenes = [draw_scene(HELD_OUT + i, kind) for i, kind in enumerate(FAMILIES["rooms"].kinds)]
    start = time.perf_counter()
    for scene in scenes:
        render(scene, cameras)
    rendered = len(scenes) * len(cameras) / (time.perf_counter() - start)
    return {"denoiser_ms_over_matmul": min(network) / min(matmul), "world_images_per_second": rendered}


def main(options: Options) -> None:
    """Print every figure; goals are in the model card."""
    figures: dict[str, float] = {}

    def add(more: dict[str, float], suffix: str = "") -> None:
        for name, value in more.items():
            figures[name + suffix] = value
            print(f"{name + suffix:32s} {value:8.3f}", flush=True)

    looks = options.words > 0 and (options.detector != FOLDER or FOLDER.is_dir())
    detector = Detector.load(options.detector) if looks else None
    prior = load_prior(DiffusionOptions(model=options.model))
    estimator = load_depth(DepthOptions(), prior) if (prior.folder / "depth").is_dir() else None
    truths = held_out(options.kinds, options.scenes, options.views)
    parts = [(prior, truths, "")]
    if options.objects > 0:
        of_objects = load_prior(DiffusionOptions(model=bundled_for(options.model, scene=False)))
        kinds = FAMILIES["objects"].kinds
        parts.append((of_objects, held_out(kinds, options.objects * len(kinds), options.views), "_objects"))
    for denoiser, scenes, suffix in parts:
        add(reconstruction(denoiser, scenes), suffix)
        add(denoising(denoiser, scenes), suffix)
        if estimator is not None:
            add(depth_agreement(denoiser, estimator, denoiser.schedule, scenes), suffix)
    add(speed(prior))

    samples = []
    for i, truth in enumerate(truths):
        samples.append(sample_scene(prior, truth.caption, truth.cameras, options, i))
        print(f"\rsampled {i + 1}/{len(truths)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if options.sheet is not None:
        save_sheet(options.sheet, samples, truths)
    if (options.scorer / "model.safetensors").exists():
        scorer = Scorer.load(options.scorer)
        texts = [truth.caption for truth in truths]
        real = retrieval(scorer, torch.stack([truth.rgb for truth in truths]), texts)
        ours = retrieval(scorer, torch.stack(samples), texts)
        add({"retrieval_real": real, "retrieval_samples": ours, "retrieval_samples_over_real": ours / max(real, 1e-9)})
        pictures = [truth.rgb for truth in truths]
        between = frechet(scorer, torch.cat(pictures[::2]), torch.cat(pictures[1::2]))
        add({"frechet_over_real": frechet(scorer, torch.cat(samples), torch.cat(pictures)) / between})
    add({"camera_error_deg": camera_error(samples, truths)})
    strangers = held_out(options.kinds, 2 * len(options.kinds), options.views)
    swapped = [
        Truth(b.scene, a.cameras, render(b.scene, a.cameras), b.caption)
        for a, b in zip(strangers[: len(options.kinds)], strangers[len(options.kinds) :], strict=True)
    ]
    add({"camera_error_deg_real": camera_error([s.rgb for s in swapped], strangers[: len(options.kinds)])})
    add(agreement(prior, estimator, truths[:16], options))
    add(attributes(options))
    if detector is not None:
        add(of_samples(options.model, detector, options.words, options))
    if options.json:
        print(json.dumps(for_json(figures)))


def command() -> None:
    """Run what the command line says; mistakes are one line."""
    run_command(main, Options, __doc__)
