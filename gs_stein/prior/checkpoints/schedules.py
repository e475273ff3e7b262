"""The noise a network was trained with, read from the sampler's configuration that lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gs_stein.prior.checkpoints.bounds import a_number, naming
from gs_stein.prior.checkpoints.folder import CheckpointError, read_json
from gs_stein.prior.checkpoints.weights import KINDS
from gs_stein.prior.schedule import Prediction, Schedule

BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2", "laplace", "sigmoid")
"""Tables that diffusers makes."""
PREDICTIONS: dict[str, Prediction] = {"epsilon": "eps", "v_prediction": "v", "sample": "x0"}


def load_schedule(folder: Path) -> tuple[Schedule, Prediction]:
    """The noise schedule a network was trained with and what it predicts, from its scheduler's config.

    Whatever sampler the config names, training noise of this family is what diffusers' `DDPMScheduler` makes of the
    same config; flow matching has no table, and a shift moves only where a sampler stops.
    """
    path = folder / "scheduler" / "scheduler_config.json"
    config = read_json(path, folder)
    name = str(config.get("_class_name", "?"))
    # Tables of that length are made, one of them step by step.
    count = a_number(config, "num_train_timesteps", 1.0, 1e5, path, default=1000.0)
    # SANA samples with a solver of the other family, which is told that the network predicts a flow.
    if name.startswith("FlowMatch") or config.get("prediction_type") == "flow_prediction":
        return Schedule.flow(int(count)), "flow"
    if name.startswith("EDM") or "beta_schedule" not in config:
        raise CheckpointError(f"model: {folder} uses {name}, whose noise process gs_stein does not know; give {KINDS}")
    if config["beta_schedule"] not in BETAS and config.get("trained_betas") is None:
        raise CheckpointError(
            f"model: {path}: beta_schedule is {str(config['beta_schedule'])[:40]!r}, which diffusers' DDPMScheduler "
            f"does not know; write the one it was trained with: {', '.join(BETAS)}"
        )
    for field in ("beta_start", "beta_end"):
        a_number(config, field, 0.0, 1.0, path, default=0.01)
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    with naming(path, "used"):
        scheduler: Any = DDPMScheduler.from_config(config)
        table = scheduler.alphas_cumprod
        falls = table.ndim == 1 and bool((table >= 0).all() and (table.diff() <= 0).all())
    if not falls or float(table[0]) > 1 or float(table[-1]) > _LEAST_NOISE:
        raise CheckpointError(f"model: {path}: its betas make no noise that grows; delete it and get it again")
    kind = scheduler.config["prediction_type"]
    if not isinstance(kind, str) or kind not in PREDICTIONS:
        raise CheckpointError(f"model: {folder} predicts {kind!r}, which gs_stein does not know; give {KINDS}")
    return Schedule.from_alphas_cumprod(table.float()), PREDICTIONS[kind]


_LEAST_NOISE = 0.9
"""ᾱ at the last step, at most: with more of the picture left nothing could begin at noise."""
