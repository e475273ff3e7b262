"""The arms that are compared, and the run that each of them is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gs_stein.config.presets import presets_folder
from gs_stein.config.schema import Config, ResolutionSchedule
from gs_stein.config.serialize import read_config
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS
from gs_stein.prior.options import GuidanceOptions
from gs_stein.refine.options import RefineOptions


@dataclass(frozen=True)
class Arm:
    """What a run does."""

    distill: DistillOptions
    """Only estimator, noises, antithetic, reuse and reuse_views are taken from it."""
    coarse: bool = False
    """Keep the presets' small pictures at first, and their evenly spread timesteps."""
    views: tuple[int, int] = (4, 4)
    """A step, while pictures are small and later; without `coarse` the second number holds throughout."""
    solved: bool = False
    """Keep the presets' first iterations, in which colours are solved for and objects carved out
    (`gs_stein.update.colours`, `gs_stein.update.visual_hull`)."""
    refined: bool = False
    """Keep the presets' refinement."""


DEPTH = SSD((Baseline.CONSTANT, Baseline.DEPTH))
FULL = SSD((Baseline.SPECTRAL, Baseline.DEPTH))
LEARNED = SSD((Baseline.CONSTANT, Baseline.LEARNED))
FOLLOWED = DistillOptions(reuse=5, reuse_views=2)
"""As the presets follow a guess."""
ARMS = {
    "sds": Arm(DistillOptions(estimator=SDS())),
    "fitted": Arm(DistillOptions(estimator=FittedSDS())),
    "vsd": Arm(DistillOptions(estimator=VSD(rank=4))),
    "ssd_depth": Arm(DistillOptions(estimator=DEPTH)),
    "ssd": Arm(DistillOptions(estimator=FULL)),
    "ssd_antithetic": Arm(DistillOptions(estimator=FULL, antithetic=True)),
    "learned": Arm(DistillOptions(estimator=LEARNED)),
    "sds_one_view": Arm(DistillOptions(estimator=SDS()), views=(1, 1)),
    "fitted_one_view": Arm(DistillOptions(estimator=FittedSDS()), views=(1, 1)),
    "learned_one_view": Arm(DistillOptions(estimator=LEARNED), views=(1, 1)),
    "pairs_one_view": Arm(DistillOptions(estimator=SDS(), antithetic=True), views=(1, 1)),
    "coarse": Arm(DistillOptions(estimator=FittedSDS()), coarse=True),
    "coarse_growing": Arm(DistillOptions(estimator=FittedSDS()), coarse=True, views=(1, 4)),
    "solved": Arm(DistillOptions(estimator=FittedSDS()), solved=True),
    "coarse_solved": Arm(DistillOptions(estimator=FittedSDS()), coarse=True, solved=True),
    "coarse_solved_ssd": Arm(DistillOptions(estimator=DEPTH), coarse=True, solved=True),
    "reused": Arm(replace(FOLLOWED, estimator=FittedSDS())),
    "coarse_solved_reused": Arm(replace(FOLLOWED, estimator=FittedSDS()), coarse=True, solved=True),
    "preset": Arm(replace(FOLLOWED, estimator=DEPTH), coarse=True, solved=True, refined=True),
    "preset_antithetic": Arm(
        replace(FOLLOWED, estimator=DEPTH, antithetic=True), coarse=True, solved=True, refined=True
    ),
}


def configured(
    prompt: str, scene: bool, arm: str, seed: int, iterations: int, model: str, guidance: float | None = None
) -> Config:
    """The preset of the main job with another estimator, and guidance of another scale if one is given."""
    preset = read_config(presets_folder() / ("scene.yaml" if scene else "object.yaml"))
    preset = replace(preset, prompt=prompt, seed=seed, iterations=iterations, prior=replace(preset.prior, model=model))
    wanted = ARMS[arm]
    kind = wanted.distill
    distill = replace(
        preset.distill, estimator=kind.estimator, noises=kind.noises, antithetic=kind.antithetic, reuse=kind.reuse,
        reuse_views=kind.reuse_views,
        guidance=preset.distill.guidance if guidance is None else GuidanceOptions(scale=guidance),
    )  # fmt: skip
    # The estimators differ in distillation; refinement, the same for all of them, would only cover it up.
    preset = replace(preset, distill=distill, refine=preset.refine if wanted.refined else RefineOptions())
    if not wanted.solved:
        preset = replace(preset, rates=replace(preset.rates, solve_colours=0))
    if wanted.coarse:
        early, later = wanted.views
        fewer = replace(preset.resolution, views=0 if early == later else early)
        return replace(preset, views=later, resolution=fewer)
    plain = replace(distill, timesteps=replace(distill.timesteps, sampling="uniform"))
    return replace(preset, distill=plain, resolution=ResolutionSchedule(), views=wanted.views[1])
