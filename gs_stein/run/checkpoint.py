"""Everything a resumed run needs, in one file written whole or not at all.

A checkpoint holds Gaussians, optimiser moments, densification sums, coefficients and meters of the estimator, VSD's
LoRA with its optimiser, the refined views, weights of the first colours, the guess that is reused, the random
generator, the counts, and the settings of the run, to tell when it goes on with others. It is read with
`weights_only=True`: no code in it. A checksum tells whether it is whole.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gs_stein.config.schema import Config
from gs_stein.config.serialize import to_tree
from gs_stein.distill import reuse
from gs_stein.files import write_atomically
from gs_stein.optimize.state import State
from gs_stein.prior.bundled import MultiViewDenoiser
from gs_stein.run.checkpoint_check import check, not_finite
from gs_stein.run.folder import check_there
from gs_stein.update import adam

FORMAT = 8
"""Raised when the content changes."""
MOST_SAID = 300
"""Characters of the settings that a run goes on with and that were others before."""
SEAL = b"gs_stein blake2b"
"""Before the checksum at the end of a file. (PyTorch reads its archives without looking at theirs.)"""


class DamagedError(ValueError):
    """A checkpoint that cannot be gone on from, though one before it may be; one line."""


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


def content_of(state: State, config: Config | None = None) -> dict[str, Any]:
    """All of a state but the priors, as nests of tensors and numbers; memory is shared with the scene."""
    settings = None if config is None else json.dumps(to_tree(replace(config, prompt=state.prompts.current)))
    return {
        "format": FORMAT,
        "prior": state.priors.identity,
        "threads": torch.get_num_threads(),
        "settings": settings,
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


def checksum(data: bytes | memoryview) -> bytes:
    """32 bytes that tell one content from another."""
    return hashlib.blake2b(data, digest_size=32).digest()


def sealed(content: Any) -> bytes:
    """A checkpoint's bytes: what `torch.save` writes, and behind it a checksum, which `torch.load` does not look at."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue() + SEAL + checksum(buffer.getbuffer())


def save(run: Path, state: State, keep: int = 2, config: Config | None = None) -> Path:
    """Write a checkpoint and remove those before it, but for the latest ones.

    Args:
        run: the run's folder.
        state: between two iterations.
        keep: how many to leave in all, at least 1.
        config: of the run, which `restore` compares; None: it will not.

    Returns:
        The file.

    Raises:
        ValueError: it cannot be written (see `is_disk_full`), or not all of the state is finite; earlier checkpoints
            are untouched.
    """
    content = content_of(state, config)
    if (where := not_finite(content)) is not None:
        raise ValueError(f"checkpoint: {where} is not finite after step {state.step}; the one before is kept")
    path = folder_of(run) / f"step_{state.step:07d}.pt"
    check_there(run)
    try:
        folder_of(run).mkdir(exist_ok=True)
    except OSError as error:
        raise ValueError(f"checkpoint: {folder_of(run)} cannot be made ({error.strerror})") from error
    write_atomically(path, sealed(content))
    # Later ones are left of a run that had to go back behind them.
    earlier = [old for old in checkpoints(run) if old < path]
    for old in earlier[: max(0, len(earlier) + 1 - keep)]:
        old.unlink(missing_ok=True)
    return path


def read(path: Path) -> Any:
    """The content of a checkpoint whose checksum is right.

    Raises:
        DamagedError: it is not as it was written.
        ValueError: it is of another format.
    """
    try:
        data = path.read_bytes()
        whole, seal, digest = data[: -len(SEAL) - 32], data[-len(SEAL) - 32 : -32], data[-32:]
        is_ours = seal == SEAL and checksum(whole) == digest
        content = torch.load(io.BytesIO(whole if is_ours else data), map_location="cpu", weights_only=True)
        found = content.get("format") if isinstance(content, dict) else None
    except Exception as error:  # whatever bytes that are not ours do to those who read them
        raise DamagedError(f"resume: {path} is damaged ({type(error).__name__})") from error
    if found != FORMAT and isinstance(found, int):
        raise ValueError(
            f"resume: {path} has format {found}, this version reads {FORMAT}; start anew, or resume with the version "
            "that wrote it"
        )
    if not is_ours:
        raise DamagedError(f"resume: {path} is damaged (its checksum is wrong)")
    return content


def restore(path: Path, state: State, config: Config, tell: Callable[[str], None] | None = None) -> None:
    """Put a checkpoint's content into a state fresh from `begin`.

    Args:
        path: the file.
        state: changed in place; as it was before if there is an error.
        config: of the run.
        tell: told, in a line, if sums are taken in another order here, and the end differs in its last bits for that;
            and if the run was made with other settings until now.

    Raises:
        DamagedError: the file is damaged, not finite, or does not fit the run.
        ValueError: it is of another format, or of another prior.
    """
    content = read(path)
    prior = content.get("prior") if isinstance(content, dict) else None
    if isinstance(prior, str) and prior != state.priors.identity:
        raise ValueError(
            f"resume: {path} was made with the prior {prior!r}, not {state.priors.identity!r}; use that --model"
        )
    before = content_of(state)
    try:
        check(content, state)
        settings = {} if content["settings"] is None else flat(json.loads(content["settings"]))
        lay_over(content, state, config)
    except Exception as error:  # whatever a content that is not ours does to those who take it over
        lay_over(before, state, config)
        if other := other_estimator(content, config):
            raise ValueError(f"resume: {path} was made with {other}; leave the new one out") from error
        reason = str(error).partition("\n")[0] if isinstance(error, ValueError) else type(error).__name__
        raise DamagedError(f"resume: {path} is damaged ({reason})") from error
    if tell is None:
        return
    now = flat(to_tree(config)) if settings else {}
    if other := [f"{key} {now.get(key)} ({settings.get(key)} before)" for key in now if settings.get(key) != now[key]]:
        tell(f"resume: other settings than until step {state.step}: {', '.join(other)[:MOST_SAID]}")
    threads, here = content["threads"], torch.get_num_threads()
    bundled = isinstance(getattr(state.priors.denoiser, "network", None), MultiViewDenoiser)  # see `gs_stein.threads`
    if threads != here and state.priors.device.type == "cpu" and not bundled:
        tell(
            f"resume: {here} threads here, {threads} before: the last bits may not be those of an uninterrupted run "
            f"(OMP_NUM_THREADS={threads} keeps them)"
        )


def other_estimator(content: Any, config: Config) -> str:
    """How the estimator's options were, where they are others now: what it remembers is not the new one's."""
    kept = content.get("settings") if isinstance(content, dict) else None
    before, now = (
        {key: value for key, value in flat(tree).items() if key.startswith("distill.estimator")}
        for tree in (json.loads(kept) if isinstance(kept, str) else {}, to_tree(config))
    )
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    return ", ".join(f"{key} {before.get(key)}, not {now.get(key)}" for key in changed) if before else ""


def flat(tree: dict[str, Any], above: str = "") -> dict[str, Any]:
    """A nest of settings as one mapping, with names such as `distill.guidance.scale`."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def lay_over(content: dict[str, Any], state: State, config: Config) -> None:
    """Replace all of a state but the priors by what `content_of` another one gave."""
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


def restore_latest(run: Path, state: State, config: Config, tell: Callable[[str], None] | None = None) -> Path | None:
    """Restore the latest checkpoint that is whole; None if the run has none.

    Args:
        run: the run's folder.
        state: fresh from `begin`; changed in place.
        config: of the run.
        tell: told, in a line, of each checkpoint that is passed over, and of another number of threads.

    Raises:
        ValueError: none of them can be read, or they do not fit.
    """
    found = checkpoints(run)
    for path in reversed(found):
        try:
            restore(path, state, config, tell)
        except DamagedError as error:
            if path == found[0]:
                raise DamagedError(f"{error}; no other is left: move {folder_of(run)} away to begin anew") from error
            if tell is not None:
                tell(f"{error}; the one before is taken")
            continue
        return path
    return None
