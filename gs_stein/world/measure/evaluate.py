"""How good is the bundled prior? `python -m gs_stein.world.evaluate` measures it on scenes nobody trained on.

Every figure that could flatter or depress a sample by the measure itself is divided by, or printed beside, the same
figure for real renders. The last line of `--json` is one object; `--sheet` also saves the pictures that were judged.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import tyro
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.cameras.options import RoomCameras
from gs_stein.cameras.sampling import inside, sample_cameras
from gs_stein.files import PACKAGE
from gs_stein.images import to_bytes, write_png
from gs_stein.prior.agreement import pearson
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.denoiser import DepthEstimator
from gs_stein.prior.depth import CLEAN, load_depth
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import DepthOptions, DiffusionOptions, GuidanceOptions
from gs_stein.prior.sampling import sample
from gs_stein.prior.schedule import Schedule
from gs_stein.scorer import Scorer
from gs_stein.text.minilm import MiniLM
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.captions import captions
from gs_stein.world.families import FAMILIES, HELD_OUT
from gs_stein.world.measure.attributes import accuracy
from gs_stein.world.render.render import Views, render
from gs_stein.world.scenes import draw_scene


@dataclass(frozen=True)
class Options:
    """Measure the bundled prior on held-out scenes and captions."""

    model: str = "bundled"
    """The prior: "bundled", which has a denoiser for objects, or a folder that `gs_stein.world.training.export`
    wrote."""
    scorer: Path = PACKAGE / "weights" / "scorer"
    """The contrastive scorer."""
    kinds: tuple[str, ...] = FAMILIES["rooms"].kinds
    """Kinds of scene, taken in turn."""
    scenes: int = 50
    """Held-out scenes; also the number of captions among which the scorer must find the right one."""
    objects: int = 2
    """Held-out objects of each kind, for x̂₀, codec and depth; 0: none."""
    views: int = 4
    """Views a scene, sampled jointly."""
    steps: int = 25
    """Denoising steps of a sample."""
    guidance: float = 3.0
    """Classifier-free guidance of the samples."""
    polish: float = 0.35
    """Noise level of a last look that takes out blotches (`gs_stein.prior.sampling.polished`); 0: none."""
    eta: float = 1.0
    """Fresh noise at every step, from 0 (DDIM) to 1 (as much as DDPM)."""
    sheet: Path | None = None
    """Save the sampled pictures, a row a scene, real ones to their right."""
    json: bool = False
    """End with one JSON object on a line of its own."""


@dataclass(frozen=True)
class Truth:
    """A held-out scene, how it looks, and how it is described."""

    scene: Scene
    cameras: Cameras
    views: Views
    caption: str

    @cached_property
    def rgb(self) -> Float[Tensor, "V 3 H W"]:
        """The real pictures in [0, 1]."""
        return torch.from_numpy(self.views.rgb).permute(0, 3, 1, 2).float() / 255


def held_out(kinds: tuple[str, ...], count: int, views: int) -> list[Truth]:
    """Draw, caption and render held-out scenes."""
    found = []
    for i in range(count):
        seed = HELD_OUT + i
        scene = draw_scene(seed, kinds[i % len(kinds)])
        cameras = sample_cameras(scene.cameras, views, torch.Generator().manual_seed(seed))
        # The longest of eight captions: most shorter ones ("a lounge") fit dozens of other scenes.
        found.append(Truth(scene, cameras, render(scene, cameras), max(captions(scene, seed, 8), key=len)))
    return found


def sample_scene(prior: DiffusionPrior, prompt: str, cameras: Cameras, options: Options, seed: int) -> Tensor:
    """Jointly sampled views (V, 3, H, W) of a prompt."""
    return sample(
        prior, prior.embed([prompt]), prior.embed([""]), cameras, GuidanceOptions(scale=options.guidance),
        torch.Generator().manual_seed(seed), options.steps, polish=options.polish,
        eta=options.eta,
    )  # fmt: skip


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [0, 1]."""
    return -10 * float(torch.log10((a.clamp(0, 1) - b).square().mean()))


@torch.no_grad()
def reconstruction(prior: DiffusionPrior, truths: list[Truth]) -> dict[str, float]:
    """What the codec keeps."""
    rgb = torch.cat([truth.rgb for truth in truths])
    return {"autoencoder_psnr": psnr(prior.decode(prior.encode(rgb)), rgb)}


@torch.no_grad()
def first_guess(
    prior: DiffusionPrior, rgb: Float[Tensor, "V 3 H W"], cameras: Cameras, prompt: str, level: float, seed: int
) -> Float[Tensor, "V 3 H W"]:
    """One-step x̂₀, decoded, of pictures noised to a level in (0, 1) with a seed's noise."""
    x0 = prior.encode(rgb)[None]
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(seed))
    t = torch.tensor([level * prior.schedule.num_timesteps])
    x_t = prior.schedule.add_noise(x0, eps, t)
    output = prior.predict(x_t, t, [prior.embed([prompt])], cameras)
    return prior.decode(prior.schedule.convert(output, x_t, t, "eps", "x0")[0]).clamp(0, 1)


def denoising(prior: DiffusionPrior, truths: list[Truth]) -> dict[str, float]:
    """One-step x̂₀ against the picture, with and without its caption; a mean-colour oracle for scale."""
    figures = {}
    for name, level in (("near_noise", 0.98), ("half", 0.5)):
        errors: dict[str, list[float]] = {"": [], "_unconditional": []}
        for i, truth in enumerate(truths):
            for key, prompt in (("", truth.caption), ("_unconditional", "")):
                guess = first_guess(prior, truth.rgb, truth.cameras, prompt, level, i)
                errors[key].append((guess - truth.rgb).square().mean().item())
        for key, values in errors.items():
            figures[f"x0_psnr_{name}{key}"] = -10 * float(np.log10(np.mean(values)))
    flat = [(truth.rgb - truth.rgb.mean((2, 3), keepdim=True)).square().mean().item() for truth in truths]
    figures["x0_psnr_mean_colour_oracle"] = -10 * float(np.log10(np.mean(flat)))
    return figures


@torch.no_grad()
def depth_agreement(
    prior: DiffusionPrior, estimator: DepthEstimator, schedule: Schedule, truths: list[Truth]
) -> dict[str, float]:
    """Pearson correlation of estimated and true depth at several noise levels, over what was hit."""
    figures = {}
    for level in (0.1, 0.3, 0.5, 0.7):
        values = []
        for i, truth in enumerate(truths):
            x0 = prior.encode(truth.rgb)[None]
            t = torch.tensor([level * schedule.num_timesteps])
            eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(i))
            guess = estimator(schedule.add_noise(x0, eps, t), t, truth.cameras)[0]
            depth = torch.from_numpy(truth.views.depth)[:, None]
            mean, hit = (F.interpolate(x, guess.shape[-2:], mode="area")[:, 0] for x in (depth, (depth > 0).float()))
            values.append(pearson(guess, mean / hit.clamp_min(1e-6), (hit > 0).float()))
        figures[f"depth_pearson_{level}"] = torch.cat(values).mean().item()
    return figures


@torch.no_grad()
def retrieval(scorer: Scorer, rgb: Float[Tensor, "S V 3 H W"], texts: list[str]) -> float:
    """Share of single views whose best caption among all is their own."""
    wanted = scorer.captions(MiniLM()(texts))
    found = F.normalize(scorer.features(rgb.flatten(0, 1)), dim=-1) @ wanted.T
    own = torch.arange(len(texts)).repeat_interleave(rgb.shape[1])
    return (found.argmax(1) == own).float().mean().item()


@torch.no_grad()
def frechet(scorer: Scorer, a: Float[Tensor, "n 3 H W"], b: Float[Tensor, "m 3 H W"]) -> float:
    """Fréchet distance of scorer features seen as Gaussians (FID's formula, arXiv 1706.08500, eq. 6)."""
    from scipy.linalg import sqrtm

    means, covariances = [], []
    for rgb in (a, b):
        features = scorer.features(rgb).double().numpy()
        means.append(features.mean(0))
        covariances.append(np.cov(features, rowvar=False) + 1e-6 * np.eye(features.shape[1]))
    root = np.real(sqrtm(covariances[0] @ covariances[1]))
    gap = means[0] - means[1]
    return float(gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * root))


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


def turned(cameras: Cameras, degrees: float) -> Cameras:
    """Room cameras turned about the vertical through themselves."""
    angle = np.deg2rad(degrees)
    turn = torch.eye(4)
    turn[:2, :2] = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    about = torch.eye(4).repeat(len(cameras), 1, 1)
    about[:, :3, 3] = -cameras.positions
    back = torch.eye(4).repeat(len(cameras), 1, 1)
    back[:, :3, 3] = cameras.positions
    return replace(cameras, viewmats=cameras.viewmats @ back @ turn @ about)


def camera_error(pictures: list[Tensor], truths: list[Truth]) -> float:
    """Mean angle (degrees) by which a picture looks turned away from its camera.

    Each picture is compared (correlation of blurred pictures) with real renders from cameras turned by up to ±60° in
    steps of 15°; the best match tells where it seems to look.
    """
    turns = np.arange(-60, 61, 15)

    def blurred(rgb: Tensor) -> Tensor:
        small = F.interpolate(rgb, size=(32, 32), mode="area")
        return F.normalize((small - small.mean((2, 3), keepdim=True)).flatten(1), dim=-1)

    errors = []
    for rgb, truth in zip(pictures, truths, strict=True):
        scores = []
        for turn in turns:
            real = render(truth.scene, turned(truth.cameras, float(turn))).rgb
            scores.append((blurred(torch.from_numpy(real).permute(0, 3, 1, 2).float() / 255) * blurred(rgb)).sum(1))
        errors.append(np.abs(turns[torch.stack(scores).argmax(0).numpy()]))
    return float(np.mean(errors))


def overlap(cameras: Cameras, i: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where view i + 1 shows what view i does, for views of one standpoint.

    Returns:
        For `grid_sample`, the places in view i + 1 of a picture of size² pixels (1, size, size, 2); how much farther
        along its axis than along that of view i things are there (size, size); where both see them (bool).
    """
    small = cameras.resized(size, size)
    v, u = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    relative = cameras.viewmats[i + 1, :3, :3] @ cameras.viewmats[i, :3, :3].T
    homography = small.Ks[i + 1] @ relative @ torch.linalg.inv(small.Ks[i])
    target = torch.stack([u, v, torch.ones_like(u)], -1) @ homography.T
    farther = target[..., 2]
    grid = target[..., :2] / farther[..., None].clamp_min(1e-6) / size * 2 - 1
    return grid[None], farther, (grid.abs() < 0.97).all(-1) & (farther > 0)


def colour_gap(cameras: Cameras, rgb: Float[Tensor, "V 3 H W"], other: Float[Tensor, "V 3 H W"]) -> float:
    """Mean absolute difference of views v of `rgb` and v + 1 of `other` where they overlap."""
    total = []
    for i in range(len(rgb) - 1):
        grid, _, seen = overlap(cameras, i, rgb.shape[-1])
        warped = F.grid_sample(other[i + 1 : i + 2], grid, align_corners=False)[0]
        total.append((warped - rgb[i]).abs().mean(0)[seen].mean().item())
    return float(np.mean(total))


def depth_gap(cameras: Cameras, depth: Float[Tensor, "V h w"], other: Float[Tensor, "V h w"]) -> float:
    """Share of the variance of relative depth in views v that views v + 1 of `other` leave unexplained, in the overlap.

    z of the one is z of the other over `farther`. Each view's depth has a scale and a shift of its own, so that
    a d + b of the one is to be explained by d / farther and 1 / farther of the other, by least squares.
    """
    total = []
    for i in range(len(depth) - 1):
        grid, farther, seen = overlap(cameras, i, depth.shape[-1])
        warped = F.grid_sample(other[None, i + 1 : i + 2], grid, align_corners=False)[0, 0]
        known = torch.stack([warped / farther, 1 / farther, torch.ones_like(warped)], -1)[seen].double()
        wanted = depth[i][seen].double()
        left = wanted - known @ torch.linalg.lstsq(known, wanted[:, None]).solution[:, 0]
        total.append((left.square().mean() / wanted.var(correction=0).clamp_min(1e-12)).item())
    return float(np.mean(total))


@torch.no_grad()
def agreement(
    prior: DiffusionPrior, estimator: DepthEstimator | None, truths: list[Truth], options: Options
) -> dict[str, float]:
    """Do neighbouring views agree, in colour and in depth, where views of one standpoint, 30° apart, overlap?

    1 is the agreement of real renders, 0 that of unrelated scenes. Depth is the estimator's, for all of them.
    """
    room = RoomCameras()
    yaw = torch.arange(options.views) * 30.0
    level = torch.zeros(options.views)
    cameras = inside(torch.tensor([[0.0, 0.0, 1.45]]).expand(options.views, 3), yaw, level, level + 70, room.resolution)
    real = [torch.from_numpy(render(t.scene, cameras).rgb).permute(0, 3, 1, 2).float() / 255 for t in truths]
    samples = [sample_scene(prior, t.caption, cameras, options, 9000 + i) for i, t in enumerate(truths)]

    def over_real(gap: Callable[[Cameras, Tensor, Tensor], float], real: list[Tensor], samples: list[Tensor]) -> float:
        own = np.mean([gap(cameras, a, a) for a in real])
        strangers = np.mean([gap(cameras, a, b) for a, b in zip(real, real[1:] + real[:1], strict=True)])
        joint = np.mean([gap(cameras, a, a) for a in samples])
        return float((strangers - joint) / (strangers - own))

    figures = {"view_agreement": over_real(colour_gap, real, samples)}
    if estimator is not None:
        clean = torch.tensor([CLEAN * prior.schedule.num_timesteps])
        depths = [[estimator(prior.encode(a)[None], clean, cameras)[0] for a in group] for group in (real, samples)]
        figures["view_agreement_depth"] = over_real(depth_gap, *depths)
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


def save_sheet(path: Path, samples: list[Tensor], truths: list[Truth]) -> None:
    """Samples on the left, real renders of the caption's scene on the right, a row a scene."""
    rows = [torch.cat([*rgb, *truth.rgb], dim=2) for rgb, truth in zip(samples, truths, strict=True)]
    write_png(path, to_bytes(torch.cat(rows, dim=1).permute(1, 2, 0)))


def main(options: Options) -> None:
    """Print every figure; goals are in the model card."""
    figures: dict[str, float] = {}

    def add(more: dict[str, float], suffix: str = "") -> None:
        for name, value in more.items():
            figures[name + suffix] = value
            print(f"{name + suffix:32s} {value:8.3f}", flush=True)

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
    if options.json:
        print(json.dumps({name: round(value, 5) for name, value in figures.items()}))


def command() -> None:
    """Run what the command line says; mistakes are one line."""
    try:
        main(tyro.cli(Options, description=__doc__))
    except ValueError as error:
        sys.exit(f"error: {error}")
