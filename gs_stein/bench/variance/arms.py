"""The arms that are compared, and the runs that they look at."""

from __future__ import annotations

from dataclasses import replace

from gs_stein.bench.variance.options import Options
from gs_stein.config.presets import presets_folder
from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_config
from gs_stein.distill.options import SDS, SSD, VSD, Baseline, DistillOptions, FittedSDS
from gs_stein.prior.options import GuidanceOptions
from gs_stein.refine.options import RefineOptions

FULL_SSD = SSD((Baseline.SPECTRAL, Baseline.DEPTH))
LEARNED = SSD((Baseline.CONSTANT, Baseline.LEARNED))
ARMS = {
    "sds": DistillOptions(estimator=SDS()),
    "fitted": DistillOptions(estimator=FittedSDS()),
    "spectral": DistillOptions(estimator=SSD((Baseline.SPECTRAL,))),
    "phi": DistillOptions(estimator=SSD((Baseline.DEPTH,))),
    "depth": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.DEPTH))),
    "printed": DistillOptions(estimator=SSD((Baseline.CONSTANT, Baseline.PRINTED_DEPTH))),
    "ssd": DistillOptions(estimator=FULL_SSD),
    "learned": DistillOptions(estimator=LEARNED),
    "ssd_learned": DistillOptions(estimator=SSD((Baseline.SPECTRAL, Baseline.DEPTH, Baseline.LEARNED))),
    "sds_antithetic": DistillOptions(estimator=SDS(), antithetic=True),
    "ssd_antithetic": DistillOptions(estimator=FULL_SSD, antithetic=True),
    "learned_antithetic": DistillOptions(estimator=LEARNED, antithetic=True),
    "learned_4_noises": DistillOptions(estimator=LEARNED, noises=4),
    "sds_4_noises": DistillOptions(estimator=SDS(), noises=4),
    "ssd_4_noises": DistillOptions(estimator=FULL_SSD, noises=4),
    "sds_reused": DistillOptions(estimator=SDS(), reuse=3),
    "ssd_antithetic_reused": DistillOptions(estimator=FULL_SSD, antithetic=True, reuse=3),
    "vsd": DistillOptions(estimator=VSD(rank=4)),
}
"""Only estimator, noises, antithetic and reuse are taken from these: most ask the prior in every iteration."""
PRODUCTS = 5
"""Answers of `gs_stein.distill.masked.products`."""
FITTED = {
    "fitted": (("1",), False), "spectral": (("1",), True), "phi": (("depth",), False), "depth": (("1", "depth"), False),
    "printed": (("1", "printed"), False), "ssd": (("1", "depth"), True),
    "learned": (("1", "learned", "learned_prompt"), False),
    "ssd_learned": (("1", "depth", "learned", "learned_prompt"), True),
    "masked": (("1", *(f"masked {i}" for i in range(PRODUCTS))), False),
    "clean": (("1", *(f"clean {i}" for i in range(PRODUCTS))), False),
}  # fmt: skip
"""Control variates of the fitted arms, and whether their coefficients are spectral."""
UNBIASED = ("fitted", "depth", "ssd", "learned", "ssd_learned", "masked", "clean")
"""Fitted arms that subtract nothing but what is of zero mean."""
REFERENCES = ("masked", "clean", "first_order", "mean_jacobian")
"""Control variates that no estimator has, since they cost more than they save. `masked`: local products that see half
of the noise (`gs_stein.distill.masked`), and `clean`, the same of the clean picture; fitted. The other two with a
coefficient of 1, see `Stage.jacobians`."""
PARAMETRIC = ("sds", "fitted", "depth", "ssd", "learned", "sds_antithetic", "ssd_antithetic", "vsd")
"""Arms whose gradient is followed into the Gaussians."""


def configured(prompt: str, scene: bool, kind: DistillOptions, options: Options) -> Config:
    """The preset of the main job with another estimator and no refinement, which is none of theirs."""
    preset = read_config(presets_folder() / ("scene.yaml" if scene else "object.yaml"))
    distill = replace(
        preset.distill, estimator=kind.estimator, noises=kind.noises, antithetic=kind.antithetic, reuse=kind.reuse,
        reuse_views=kind.reuse_views,
        guidance=preset.distill.guidance if options.guidance is None else GuidanceOptions(scale=options.guidance),
    )  # fmt: skip
    return replace(
        preset, prompt=prompt, seed=options.seed, iterations=options.iterations, distill=distill,
        refine=RefineOptions(), prior=replace(preset.prior, model=options.prior),
    )  # fmt: skip


def sampled(name: str) -> str:
    """The arm that was sampled in place of one whose noises are independent copies, or whose guesses are reused."""
    return name.removesuffix("_4_noises").removesuffix("_reused")


def multiplicity(name: str) -> tuple[float, int]:
    """How often an arm's variance over noises, and that over cameras and timesteps, counts what was sampled for it."""
    return ARMS[name].reuse / ARMS[name].noises, ARMS[name].reuse
