"""Everything a resumed run needs, in one file written whole or not at all.

A checkpoint holds Gaussians, optimiser moments, densification sums, coefficients and meters of the estimator, VSD's
LoRA with its optimiser, the refined views, weights of the first colours, the guess that is reused, the random
generator, and the counts. It is read with `weights_only=True`: no code in it.
"""

from __future__ import annotations

import errno
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from gs_stein.config.schema import Config
from gs_stein.distill import reuse
from gs_stein.files import write_atomically
from gs_stein.optimize.state import State
from gs_stein.update import adam

FORMAT = 4
"""Raised when the content changes."""


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that there is no space left."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def folder_of(run: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run / "checkpoints"


def checkpoints(run: Path) -> list[Path]:
    """A run's checkpoints, oldest first."""
    return sorted(folder_of(run).glob("step_*.pt"))


def save(run: Path, state: State, keep: int = 2) -> Path:
    """Write a checkpoint and remove all but the latest `keep`.

    Args:
        run: the run's folder.
        state: between two iterations.
        keep: at least 1.

    Returns:
        The file.

    Raises:
        ValueError: it cannot be written (see `is_disk_full`); earlier checkpoints are untouched.
    """
    content = {
        "format": FORMAT,
        "prior": state.priors.identity,
        "step": state.step,
        "seconds": state.seconds,
        "evaluations": state.evaluations,
        "generator": state.generator.get_state(),
        "parameters": {name: parameter.detach() for name, parameter in state.parameters.items()},
        "optimizers": adam.state_dict(state.optimizers),
        "densifier": state.densifier.state_dict(),
        "distiller": state.distiller.state_dict(),
        "refiner": state.refiner.state_dict(),
        "colours": state.colours.weight,
        "reused": None if state.reused is None else state.reused.state_dict(),
    }
    folder_of(run).mkdir(parents=True, exist_ok=True)
    path = folder_of(run) / f"step_{state.step:07d}.pt"
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, buffer.getvalue())
    for old in checkpoints(run)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def restore(path: Path, state: State, config: Config) -> None:
    """Put a checkpoint's content into a state fresh from `begin`.

    Args:
        path: the file.
        state: changed in place.
        config: of the run.

    Raises:
        ValueError: the file is damaged, of another format, or of another prior.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise ValueError(f"resume: {path} is damaged; delete it to fall back on the one before") from error
    if content["format"] != FORMAT:
        raise ValueError(
            f"resume: {path} has format {content['format']}, this version reads {FORMAT}; start anew, or resume with "
            "the version that wrote it"
        )
    if content["prior"] != state.priors.identity:
        raise ValueError(
            f"resume: the run was made with the prior {content['prior']}, not {state.priors.identity}; use that --model"
        )
    state.adopt(content["parameters"], config)
    adam.load_state_dict(state.optimizers, to_device(content["optimizers"], state.device))
    state.densifier.load_state_dict(to_device(content["densifier"], state.device))
    state.distiller.load_state_dict(content["distiller"])
    state.refiner.load_state_dict(content["refiner"], state.priors.device)
    state.colours.weight = to_device(content["colours"], state.device)
    state.reused = reuse.restored(content["reused"], state.priors.device)
    state.generator.set_state(content["generator"])
    state.step, state.seconds, state.evaluations = content["step"], content["seconds"], content["evaluations"]


def to_device(tree: Any, device: torch.device) -> Any:
    """A nest of dictionaries with its tensors on a device."""
    if isinstance(tree, dict):
        return {key: to_device(value, device) for key, value in tree.items()}
    return tree.to(device) if isinstance(tree, torch.Tensor) else tree


def restore_latest(run: Path, state: State, config: Config) -> Path | None:
    """Restore the latest checkpoint that is whole; None if the run has none.

    Raises:
        ValueError: none of them can be read, or they do not fit.
    """
    found = checkpoints(run)
    for path in reversed(found):
        try:
            restore(path, state, config)
        except ValueError as error:
            if "is damaged" not in str(error) or path == found[0]:
                raise
            continue
        return path
    return None
