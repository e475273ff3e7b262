"""How noisy is each estimator on real scenes? METHOD's protocol with a prior that learned from pictures.

    python -m gs_stein.bench variance --json

Runs of the main job (its presets, without refinement) by SDS and by SSD are frozen along the way. At each frozen scene
every arm sees the same cameras × timesteps × noises, with the timesteps, the weighting and the guidance that the run
has there; coefficients and VSD's LoRA are fitted on other draws. Three variances are given, each relative to SDS's:
of the gradient of the latents, over noises; of the gradient of the Gaussians, over noises, each attribute scaled as
Adam scales it; and all of the latter, with the spread over timesteps and cameras that no control variate removes.

`ratio_*` are the first times the seconds of an iteration of the main loop (render and backward pass included). SDS and
SSD with K noises divide the variance over noises by K, as independent noises do. An arm that follows each guess for R
iterations has R times the variance of one that asks in each: R gradients in a row are the same, so that their sum has
R² instead of R times the variance of one; its seconds are the mean over the R. Intervals (95 %) bootstrap the views.
"""

from __future__ import annotations

import io
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.bench import analysis
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.presets import presets_folder
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_config
from gs_stein.distill import estimators
from gs_stein.distill.baselines import Constant, Depth, phi_and_gradient
from gs_stein.distill.coefficients import Coefficients
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.lora import LoraScore
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, CoefficientOptions, DistillOptions, FittedSDS
from gs_stein.gaussians.model import Gaussians
from gs_stein.optimize.networks import Priors, load_priors
from gs_stein.optimize.plan import background
from gs_stein.optimize.state import begin, make_prompts
from gs_stein.prior.checkpoints.registry import BUNDLED
from gs_stein.prior.guidance import guided
from gs_stein.prior.schedule import sample_timesteps
from gs_stein.rasterize.api import rasterize
from gs_stein.refine.options import RefineOptions
from gs_stein.types import Cameras, TextEmbedding

FULL_SSD = SSD((Baseline.SPECTRAL, Baseline.DEPTH))
ARMS = {
    "sds": DistillOptions(estimator=SDS()),
    "fitted": DistillOptions(estimator=FittedSDS()),
    "spectral": DistillOptions(estimator=SSD((Baseline.SPECTRAL,))),
    "phi": DistillOptions(estimator=SSD((Baseline.DEPTH,))),
    "depth": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.DEPTH))),
    "printed": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.PRINTED_DEPTH))),
    "ssd": DistillOptions(estimator=FULL_SSD),
    "sds_antithetic": DistillOptions(estimator=SDS(), antithetic=True),
    "ssd_antithetic": DistillOptions(estimator=FULL_SSD, antithetic=True),
    "sds_4_noises": DistillOptions(estimator=SDS(), noises=4),
    "ssd_4_noises": DistillOptions(estimator=FULL_SSD, noises=4),
    "sds_reused": DistillOptions(estimator=SDS(), reuse=3),
    "ssd_antithetic_reused": DistillOptions(estimator=FULL_SSD, antithetic=True, reuse=3),
    "vsd": DistillOptions(estimator=VSD(rank=4)),
}
"""Only estimator, noises, antithetic and reuse are taken from these: most ask the prior in every iteration."""
FITTED = {
    "fitted": (("1",), False), "spectral": (("1",), True), "phi": (("depth",), False), "depth": (("1", "depth"), False),
    "printed": (("1", "printed"), False), "ssd": (("1", "depth"), True),
}  # fmt: skip
"""Control variates of the fitted arms, and whether their coefficients are spectral."""
PARAMETRIC = ("sds", "fitted", "depth", "ssd", "sds_antithetic", "ssd_antithetic", "vsd")
"""Arms whose gradient is followed into the Gaussians."""


@dataclass(frozen=True)
class Options:
    """Variance of the estimators at frozen scenes of real runs."""

    prior: str = BUNDLED
    """bundled, a folder, or mixture: a prior with a known score (its own options: --prior mixture --help)."""
    scenes: tuple[str, ...] = ("a cozy living room", "a bedroom with a blue bed", "a kitchen with teal cabinets")
    """Prompts of rooms."""
    objects: tuple[str, ...] = ("a wooden chair", "a potted plant", "a red car")
    """Prompts of objects."""
    iterations: int = 300
    """Length of the runs; the presets' schedules are stretched to it."""
    stages: tuple[float, ...] = (0.0, 0.02, 0.1, 0.4, 1.0)
    """Where they are frozen, as fractions of the run."""
    groups: int = 4
    """Sets of cameras, with as many views as the preset denoises together."""
    timesteps: int = 3
    noises: int = 4
    """For each set of cameras and timestep; each with its antithetic twin."""
    fits: int = 24
    """Draws behind the coefficients, and LoRA steps."""
    repeats: int = 24
    """Iterations of each arm that are timed, in turns."""
    quick: bool = False
    """A smoke check within a minute: one prompt, the middle of a short SDS run."""
    plot: Path | None = None
    """Draw the table into this picture."""
    json: bool = False
    """Print one JSON object as the last line."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "groups", "timesteps", "fits", "repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1; give a positive number")
        if self.noises < 2:
            raise ValueError(f"noises: {self.noises} has no variance; give 2 or more")
        if not self.scenes + self.objects:
            raise ValueError("scenes, objects: both are empty; give at least one prompt")
        if not all(0 <= stage <= 1 for stage in self.stages):
            raise ValueError(f"stages: {self.stages} are not fractions of a run; give numbers from 0 to 1")


@dataclass(frozen=True)
class Frozen:
    """A scene somewhere along a run."""

    config: Config
    trajectory: str
    progress: float
    parameters: dict[str, Tensor]
    second: dict[str, Tensor]
    """Adam's running mean square of each parameter's gradient; empty before the first step."""


def configured(prompt: str, scene: bool, kind: DistillOptions, options: Options) -> Config:
    """The preset of the main job with another estimator and no refinement, which is none of theirs."""
    preset = read_config(presets_folder() / ("scene.yaml" if scene else "object.yaml"))
    distill = replace(
        preset.distill, estimator=kind.estimator, noises=kind.noises, antithetic=kind.antithetic, reuse=kind.reuse,
        reuse_views=kind.reuse_views,
    )  # fmt: skip
    return replace(
        preset, prompt=prompt, seed=options.seed, iterations=options.iterations, distill=distill,
        refine=RefineOptions(), prior=replace(preset.prior, model=options.prior),
    )  # fmt: skip


def trajectory(config: Config, name: str, priors: Priors, stages: tuple[float, ...]) -> Iterator[Frozen]:
    """Run, and freeze on the way."""
    from gs_stein.optimize.loop import optimize

    state = begin(config, priors)

    def freeze(progress: float) -> Frozen:
        second = {
            key: optimizer.state[p]["exp_avg_sq"].clone()
            for key, optimizer in state.optimizers.items()
            for p in optimizer.param_groups[0]["params"]
            if "exp_avg_sq" in optimizer.state[p]
        }
        return Frozen(config, name, progress, {k: p.detach().clone() for k, p in state.parameters.items()}, second)

    marks = {round(stage * config.iterations): stage for stage in stages}
    if 0 in marks:
        yield freeze(0.0)
    for step in optimize(config, state):
        if step.step in marks:
            yield freeze(marks[step.step])
        if step.step >= max(marks):
            break
    state.distiller.close()


class Stage:
    """A frozen scene, looked at."""

    def __init__(self, frozen: Frozen, priors: Priors) -> None:
        self.frozen, self.config, self.priors = frozen, frozen.config, priors
        self.prompts = make_prompts(frozen.config, priors)
        self.schedule = priors.denoiser.schedule
        assert priors.depth is not None
        self.depth = Depth(priors.depth)

    def look(self, generator: torch.Generator) -> tuple[Cameras, dict[str, torch.nn.Parameter], Tensor, Tensor]:
        """Cameras, Gaussians with a graph to the encoded views of them, and their depth."""
        cameras = sample_cameras(self.config.cameras, self.config.views, generator)
        parameters = {key: torch.nn.Parameter(value) for key, value in self.frozen.parameters.items()}
        render = rasterize(
            Gaussians.from_parameters(parameters), cameras, self.config.rasterize, background(self.config, generator)
        )
        x0 = self.priors.denoiser.encode(render.rgb.permute(0, 3, 1, 2))
        return cameras, parameters, x0, render.depth.detach()

    @torch.no_grad()
    def draw(
        self, x0: Tensor, t: Tensor, generator: torch.Generator, cameras: Cameras, depth: Tensor, *, twins: bool
    ) -> tuple[Draw, Tensor, TextEmbedding]:
        """Noise the views, and ask the prior; also the prompt."""
        eps = torch.randn(len(t), *x0.shape, generator=generator)
        draw = make_draw(
            x0, t, eps, self.schedule, self.config.distill.weighting, antithetic=twins, cameras=cameras, depth=depth,
        )  # fmt: skip
        text, negative = self.prompts.at(cameras)
        guess = guided(
            self.priors.denoiser, draw.x_t, draw.t, text, negative, cameras, self.config.distill.guidance,
            self.prompts.empty,
        )  # fmt: skip
        return draw, guess, text

    def variates(self, draw: Draw) -> dict[str, Tensor]:
        """Every control variate once; the arms share them."""
        phi, gradient = phi_and_gradient(self.depth, draw)
        return {
            "1": Constant().variate(draw),
            "depth": draw.eps * phi - draw.noise_scale() * gradient,
            "printed": draw.eps * phi + gradient,
        }

    def times(self, count: int, generator: torch.Generator) -> Tensor:
        """Timesteps as the run draws them there, one in each of `count` strata."""
        options = replace(self.config.distill.timesteps, sampling="stratified")
        return sample_timesteps(self.schedule, options, count, self.frozen.progress, generator)[0]


@dataclass(frozen=True)
class Found:
    """What one frozen scene showed."""

    latent: dict[str, Float[Tensor, " views"]]
    """Variance over noises of the latents' gradient, a view each."""
    means: dict[str, tuple[float, float]]
    """Shift of the mean against SDS, and cosine."""
    attributes: dict[str, dict[str, float]]
    """Variance over noises of the Gaussians' gradient by arm and attribute, as Adam scales it."""
    parts: dict[str, analysis.Components]
    """Of all attributes together: camera, timestep, noise."""


def fit(stage: Stage, fits: int, generator: torch.Generator) -> tuple[dict[str, Coefficients], LoraScore]:
    """Coefficients and LoRA at a frozen scene, on draws of their own."""
    how = CoefficientOptions(half_life=1000.0, leave_one_out=False)
    denoiser = stage.priors.denoiser
    steps = stage.schedule.num_timesteps
    arms = {
        name: Coefficients(
            how, len(keys), torch.tensor([float(key == "1") for key in keys]), spectral=spectral, num_timesteps=steps
        )
        for name, (keys, spectral) in FITTED.items()
    }
    lora = LoraScore(VSD(rank=4), denoiser, denoiser.embed([""]).tokens.shape[-1])
    window = stage.config.distill.timesteps.window(stage.frozen.progress)
    for _ in range(fits):
        cameras, _, x0, depth = stage.look(generator)
        draw, guess, text = stage.draw(x0.detach(), stage.times(1, generator), generator, cameras, depth, twins=False)
        variates = stage.variates(draw)
        for name, arm in arms.items():
            arm.update(guess, [variates[key] for key in FITTED[name][0]], draw)
        lora.train(x0.detach(), text, stage.prompts.empty, cameras, window, generator)
    return arms, lora


def measure(stage: Stage, options: Options, seed: int) -> Found:
    """Every arm on the same cameras × timesteps × noises."""
    generator = torch.Generator().manual_seed(seed)
    arms, lora = fit(stage, options.fits, generator)
    latent: dict[str, list[Tensor]] = {}
    gradients: dict[str, list[Tensor]] = {}
    widths: dict[str, int] = {}
    for _ in range(options.groups):
        cameras, parameters, x0, depth = stage.look(generator)
        here: dict[str, list[Tensor]] = {}
        inner: dict[str, list[Tensor]] = {}
        for t in stage.times(options.timesteps, generator):
            draw, guess, text = stage.draw(x0.detach(), t.repeat(options.noises), generator, cameras, depth, twins=True)
            variates = stage.variates(draw)
            residuals = {
                "sds": estimators.sds(guess, draw),
                "vsd": estimators.vsd(guess, lora.predict(draw.x_t, draw.t, text, cameras)),
            }
            for name, arm in arms.items():
                residuals[name] = arm.residual(guess, [variates[k] for k in FITTED[name][0]], draw, update=False)
            weighted = {name: draw.weight.view(-1, 1, 1, 1, 1) * value for name, value in residuals.items()}
            samples = {name: value[: options.noises] for name, value in weighted.items()}
            for name in ("sds", "ssd"):
                samples[f"{name}_antithetic"] = weighted[name].unflatten(0, (2, -1)).mean(0)
            for name, value in samples.items():
                here.setdefault(name, []).append(value)
                if name in PARAMETRIC:
                    rows = []
                    for sample in value:
                        found = torch.autograd.grad(x0, list(parameters.values()), sample / sample.numel(), True)
                        rows.append(torch.cat([g.flatten() for g in found]))
                    inner.setdefault(name, []).append(torch.stack(rows))
        widths = {key: value.numel() for key, value in parameters.items()}
        for name, values in here.items():
            latent.setdefault(name, []).append(torch.stack(values))
        for name, values in inner.items():
            gradients.setdefault(name, []).append(torch.stack(values))
    lora.close()
    stacked = {name: torch.stack(values) for name, values in latent.items()}  # C T N V c h w
    scaled = preconditioned({n: torch.stack(v) for n, v in gradients.items()}, stage.frozen.second, widths)
    return Found(
        {n: analysis.noise_variance(v).flatten(2).mean(2).flatten() for n, v in stacked.items()},
        {n: analysis.mean_shift(v, stacked["sds"]) for n, v in stacked.items()},
        {n: by_attribute(analysis.noise_variance(v).mean(0), widths) for n, v in scaled.items()},
        {n: analysis.components(v) for n, v in scaled.items()},
    )


def preconditioned(
    gradients: dict[str, Tensor], second: dict[str, Tensor], widths: dict[str, int]
) -> dict[str, Tensor]:
    """Gradients over the root of Adam's second moment (of SDS's own gradients before the first step).

    Gaussians whose second moment is below a thousandth of their attribute's mean are hardly ever seen; Adam's ε is for
    them, and so is this floor.
    """
    own = gradients["sds"].square().flatten(0, 2).mean(0).split(list(widths.values()))
    scales = []
    for key, seen in zip(widths, own, strict=True):
        moment = second[key].flatten() if key in second else seen
        scales.append(moment.clamp_min(1e-3 * float(moment.mean()) + 1e-30).rsqrt())
    scale = torch.cat(scales)
    return {name: value * scale for name, value in gradients.items()}


def by_attribute(variance: Float[Tensor, " D"], widths: dict[str, int]) -> dict[str, float]:
    """Mean of each attribute's share of a long vector."""
    return {k: float(v.mean()) for k, v in zip(widths, variance.split(list(widths.values())), strict=True) if len(v)}


def price(options: Options, prompt: str, scene: bool) -> dict[str, float]:
    """Seconds of an iteration of the main loop over SDS's in the same turn: medians. (Memory: `bench convergence`.)"""
    from gs_stein.optimize.loop import optimize

    runs = {}
    for name, kind in ARMS.items():
        config = configured(prompt, scene, kind, options)
        # Full-size pictures throughout: the coarse start of a run is short and cheap for every arm.
        length = kind.reuse * (3 + options.repeats)
        config = replace(config, iterations=length, resolution=replace(config.resolution, first=0))
        state = begin(config, load_priors(config))  # a prior each, for VSD changes its own
        runs[name] = (state, optimize(config, state))
        for _ in range(3 * kind.reuse):  # compile, warm up
            next(runs[name][1])
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, (state, steps) in runs.items():
            before = state.seconds
            for _ in range(ARMS[name].reuse):
                next(steps)
            seconds[name].append((state.seconds - before) / ARMS[name].reuse)
    for state, _ in runs.values():
        state.distiller.close()
    return {
        name: statistics.median(own / sds for own, sds in zip(values, seconds["sds"], strict=True))
        for name, values in seconds.items()
    }


def sampled(name: str) -> str:
    """The arm that was sampled in place of one whose noises are independent copies, or whose guesses are held."""
    return name.removesuffix("_4_noises").removesuffix("_reused")


def multiplicity(name: str) -> tuple[float, int]:
    """How often an arm's variance over noises, and that over cameras and timesteps, counts what was sampled for it."""
    return ARMS[name].reuse / ARMS[name].noises, ARMS[name].reuse


def summarise(
    found: list[Found], cost: dict[str, float], seed: int, suffix: str
) -> tuple[dict[str, float | list[float]], list[str]]:
    """Every figure of a kind of scene, and a table."""
    figures: dict[str, float | list[float]] = {}
    reference = torch.stack([f.latent["sds"] for f in found])
    rows = [f"{'arm':22s} {'variance':>9s} {'95 % interval':>17s} {'seconds':>8s} {'product':>8s} {'Gaussians':>10s}"
            f" {'all of it':>10s} {'shift':>7s} {'cosine':>7s}"]  # fmt: skip
    for name in ARMS:
        source, (often, again) = sampled(name), multiplicity(name)
        ours = torch.stack([f.latent[source] for f in found])
        ratio, low, high = (often * x for x in analysis.ratio_interval(ours, reference, seed))
        seconds = cost[name]
        shift, cosine = (statistics.fmean(f.means[source][i] for f in found) for i in (0, 1))
        inner = whole = float("nan")
        if source in PARAMETRIC:
            noise = [(often * f.parts[source].noise, f.parts["sds"].noise) for f in found]
            inner = _geometric([a / b for a, b in noise])
            rest = [max(0.0, f.parts["sds"].camera) + max(0.0, f.parts["sds"].timestep) for f in found]
            whole = _geometric([(again * r + a) / (r + b) for r, (a, b) in zip(rest, noise, strict=True)])
        figures |= {
            f"ratio_{name}_over_sds{suffix}": ratio * seconds,
            f"ratio_{name}_over_sds{suffix}_interval": [low * seconds, high * seconds],
            f"variance_{name}_over_sds{suffix}": ratio, f"iteration_cost_{name}{suffix}": seconds,
            f"gaussians_{name}_over_sds{suffix}": inner, f"whole_{name}_over_sds{suffix}": whole,
            f"mean_shift_{name}{suffix}": shift, f"cosine_{name}{suffix}": cosine,
        }  # fmt: skip
        rows.append(
            f"{name:22s} {ratio:9.3f} [{low:7.3f}, {high:6.3f}] {seconds:8.3f} {ratio * seconds:8.3f} {inner:10.3f}"
            f" {whole:10.3f} {shift:7.3f} {cosine:7.3f}"
        )
    for name in ("sds", "ssd"):
        parts = [f.parts[name] for f in found]
        total = [max(0.0, p.camera) + max(0.0, p.timestep) + p.noise for p in parts]
        for part in ("camera", "timestep", "noise"):
            share = statistics.fmean(max(0.0, getattr(p, part)) / t for p, t in zip(parts, total, strict=True))
            figures[f"share_{part}_{name}{suffix}"] = share
    figures[f"iteration_cost_ssd_over_vsd{suffix}"] = cost["ssd"] / cost["vsd"]
    for attribute in found[0].attributes["sds"]:
        figures[f"{attribute}_ssd_over_sds{suffix}"] = _geometric(
            [f.attributes["ssd"][attribute] / f.attributes["sds"][attribute] for f in found]
        )
    return figures, rows


def _geometric(values: list[float]) -> float:
    return statistics.geometric_mean(max(value, 1e-12) for value in values)


def draw(path: Path, figures: dict[str, float | list[float]], kinds: list[str]) -> None:
    """Variance × seconds of every arm, a panel a kind of scene."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot as plt

    from gs_stein.files import write_atomically

    figure, axes = plt.subplots(1, len(kinds), figsize=(5.2 * len(kinds), 3.8), squeeze=False, sharey=True)
    for axis, kind in zip(axes[0], kinds, strict=True):
        found = [(figures[f"ratio_{name}_over_sds_{kind}"], figures[f"ratio_{name}_over_sds_{kind}_interval"])
                 for name in ARMS]  # fmt: skip
        values = np.array([value for value, _ in found])
        errors = np.abs(np.array([bounds for _, bounds in found]).T - values)
        axis.barh(list(ARMS), values, xerr=errors, color=["0.6" if n == "sds" else "C0" for n in ARMS], capsize=2)
        axis.axvline(1.0, color="0.3", lw=0.8)
        axis.set(title=kind, xlabel="variance × seconds, SDS = 1", xlim=(0, min(4.0, 1.1 * float(values.max()))))
    axes[0][0].invert_yaxis()  # shared
    figure.tight_layout()
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix.lstrip(".") or "png", dpi=110)
    write_atomically(path, picture.getvalue())
    plt.close(figure)


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench variance`."""
    import tyro

    options = tyro.cli(
        Annotated[Options, tyro.conf.arg(name="")], args=argv, prog="python -m gs_stein.bench variance",
        description=__doc__,
    )  # fmt: skip
    arms = {"sds": ARMS["sds"], "ssd": ARMS["ssd"]}
    if options.quick:
        options = replace(
            options, scenes=options.scenes[:1], objects=options.objects[:0] if options.scenes else options.objects[:1],
            iterations=40, stages=(0.5,), groups=2, timesteps=2, noises=2, fits=4, repeats=2,
        )  # fmt: skip
        arms = {"sds": ARMS["sds"]}
    started = time.perf_counter()
    figures: dict[str, object] = {"prior": options.prior, "iterations": options.iterations, "seed": options.seed}
    flat: dict[str, float | list[float]] = {}
    kinds = [(name, prompts) for name, prompts in (("scenes", options.scenes), ("objects", options.objects)) if prompts]
    for kind, prompts in kinds:
        scene, found = kind == "scenes", []
        priors = load_priors(configured("", scene, ARMS["ssd"], options))
        cost = price(options, prompts[0], scene)
        for number, prompt in enumerate(prompts):
            for name, arm in arms.items():
                for frozen in trajectory(configured(prompt, scene, arm, options), name, priors, options.stages):
                    found.append(measure(Stage(frozen, priors), options, options.seed + 100 * number + len(found)))
                    ratio = found[-1].latent["ssd"].sum() / found[-1].latent["sds"].sum()
                    print(
                        f"{time.perf_counter() - started:6.0f} s  {prompt!r}, {name} run at {frozen.progress:.0%}: "
                        f"SSD's variance {ratio:.3f} of SDS's", file=sys.stderr, flush=True,
                    )  # fmt: skip
        more, rows = summarise(found, cost, options.seed, f"_{kind}")
        flat |= more
        guidance = configured("x", scene, ARMS["sds"], options).distill.guidance.scale
        print(f"\n{kind}: {len(found)} frozen scenes, guidance {guidance:g}; relative to SDS")
        print("\n".join(rows))
        shares = ", ".join(f"{p} {flat[f'share_{p}_sds_{kind}']:.0%}" for p in ("camera", "timestep", "noise"))
        print(f"SDS's gradient of the Gaussians varies by {shares}")
    if options.plot is not None:
        draw(options.plot, flat, [kind for kind, _ in kinds])
    if options.json:
        figures["seconds"] = round(time.perf_counter() - started, 1)
        rounded = {
            key: [round(x, 5) for x in value] if isinstance(value, list) else round(value, 5)
            for key, value in flat.items()
            if isinstance(value, list) or math.isfinite(value)  # JSON knows no NaN
        }
        print(json.dumps(figures | rounded))
    return 0


if __name__ == "__main__":
    sys.exit(main())
