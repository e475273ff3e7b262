"""What the presets for GPUs, and the named models, would need of one: the doctor's figures."""

from __future__ import annotations

import re

from gs_stein.cameras.options import OrbitCameras
from gs_stein.command.gpu_budget import estimate_run
from gs_stein.command.parse import First, base_config
from gs_stein.config.presets import presets_folder
from gs_stein.config.schema import Config
from gs_stein.distill.options import SDS, SSD, VSD, DistillOptions
from gs_stein.prior.checkpoints.registry import MODELS
from gs_stein.prior.footprint import GIB
from gs_stein.prior.options import DiffusionOptions
from gs_stein.update.options import NoDensify

GAUSSIANS = 100_000
"""Of the scene that a model's needs are given for."""


def preset_needs() -> dict[str, float]:
    """GiB that each preset for GPUs of a size needs, smallest GPU first."""
    paths = sorted(presets_folder().glob("gpu-*gb.yaml"), key=lambda path: int(re.sub(r"\D", "", path.stem)))
    needs = {}
    for path in paths:
        config = base_config(First(preset=path.stem), ask_torch=False)
        if (estimated := estimate_run(config)) is not None:
            cap = 0 if isinstance(config.densify, NoDensify) else config.densify.cap
            needs[path.stem] = estimated.total(cap) / GIB
    return needs


def model_needs() -> dict[str, list[float]]:
    """GiB of an iteration by SDS, SSD and VSD, by model: 4 views of 512², text encoders apart."""
    needs: dict[str, list[float]] = {}
    for spec in MODELS:
        prior = DiffusionOptions(model=spec.name, resolution=512, text_on_cpu=True)
        for estimator in (SDS(), SSD(), VSD()):
            distill = DistillOptions(estimator=estimator)
            estimated = estimate_run(Config(cameras=OrbitCameras(resolution=512), distill=distill, prior=prior))
            if estimated is not None:
                needs.setdefault(spec.name, []).append(estimated.total(GAUSSIANS) / GIB)
    return needs
