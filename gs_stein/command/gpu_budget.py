"""What a configured run will need of a GPU, and how many Gaussians that leaves room for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.config.schema import Config
from gs_stein.distill.options import SSD, VSD, Baseline
from gs_stein.gaussians.options import BallStart, OutdoorStart, RoomStart
from gs_stein.prior.checkpoints.registry import decoder_for, is_bundled, locate
from gs_stein.prior.footprint import (
    GIB,
    Footprint,
    MemoryEstimate,
    Workload,
    estimate,
    footprint_of,
    free_memory,
    gaussians_that_fit,
)
from gs_stein.prior.options import DepthDecoder
from gs_stein.update.options import NoDensify

if TYPE_CHECKING:
    import torch

UNKNOWN = 20_000
"""Gaussians assumed where nothing says how many there will be."""


def workload(config: Config) -> Workload:
    """What one step of a configuration does."""
    distill, estimator = config.distill, config.distill.estimator
    through_images = isinstance(estimator, SSD) and bool(
        {Baseline.DEPTH, Baseline.PRINTED_DEPTH, Baseline.NORMAL} & set(estimator.baselines)
    )
    # The bundled prior's own depth estimator reads the latent: nothing is decoded, and it is tiny.
    own = config.depth.model == "auto" and is_bundled(config.prior.model)
    scale = distill.guidance.scale
    return Workload(
        views=config.views,
        noises=distill.noises * (2 if distill.antithetic else 1),
        branches=3 if distill.guidance.perp_neg > 0 else 1 if scale in (0.0, 1.0) else 2,
        render=config.cameras.resolution,
        sh_degree=config.sh_degree,
        vsd=estimator.samples if isinstance(estimator, VSD) else 0,
        depth=decoder(config) if through_images and not own else None,
    )


def decoder(config: Config) -> DepthDecoder:
    """The depth baseline's decoder, "auto" decided."""
    source = locate(config.prior.model)
    return decoder_for(config.depth.decoder, str(source), source.folder)


def footprint(model: str) -> Footprint | None:
    """The footprint of a named model, or of a local folder (measured from its configs); None where unknown."""
    known = footprint_of(model)
    if known is not None:
        return known
    path = Path(model).expanduser()
    if not path.is_dir():
        return None
    from gs_stein.prior.measure_footprint import measure_folder

    return measure_folder(path)


def native_resolution(model: str, known: Footprint) -> int:
    """Side in pixels at which a model looks at renders."""
    return 768 if model == "sd21" else known.pixels


def estimate_run(config: Config) -> MemoryEstimate | None:
    """GPU memory of a run; None for a model whose footprint is unknown (a hub id that is not a name)."""
    known = footprint(config.prior.model)
    if known is None:
        return None
    resolution = config.prior.resolution or native_resolution(config.prior.model, known)
    return estimate(known, config.prior, workload(config), resolution)


def fitted(config: Config, device: torch.device) -> tuple[Config, str | None]:
    """The configuration with its Gaussian cap lowered to what the GPU holds, and the line that says so.

    Args:
        config: without "auto" (see `choose`).
        device: of the run; anything but CUDA has no budget.

    Returns:
        The configuration, and one line to print; None where there is nothing to say.

    Raises:
        ValueError: not even a small scene fits.
    """
    if device.type != "cuda":
        return config, None
    estimated = estimate_run(config)
    if estimated is None:
        return config, f"memory      no estimate for {config.prior.model}: give a name or a local folder to get one"
    densify = config.densify
    wanted = UNKNOWN if isinstance(densify, NoDensify) else densify.cap
    budget = free_memory(device)
    fits = gaussians_that_fit(estimated, wanted, budget)
    line = f"memory      {estimated.line(fits)}; {budget / GIB:.1f} may be used"
    if not isinstance(densify, NoDensify) and fits < wanted:
        config = replace(config, densify=replace(densify, cap=fits))
        line += f"; the cap is lowered from {wanted:,} Gaussians to {fits:,}"
        if isinstance(config.start, BallStart | RoomStart | OutdoorStart) and config.start.count > fits:
            config = replace(config, start=replace(config.start, count=fits))
            line += ", and so is the start"
    return config, line
