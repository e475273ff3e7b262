"""Is a network what its files promise? Its size before anything of that size is made, and its numbers afterwards.

A configuration of a few hundred bytes may ask for a network that fills the machine, or that takes forever to build.
What it asks for is built without memory (on PyTorch's meta device) and counted against what the weight files hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from gs_stein.prior.checkpoints.folder import CheckpointError, read_json, read_safetensors_header

AGAIN = "; delete it and get it again"


class TooLargeError(Exception):
    """A network is larger than its weights."""


def check_size(build: Callable[[dict[str, Any]], nn.Module], where: Path, weights: list[str]) -> None:
    """Refuse a configuration that asks for more than its weight files hold.

    Args:
        build: makes the network of a configuration.
        where: folder with config.json and the files.
        weights: their names.

    Raises:
        CheckpointError: one line with the file, and the field where one alone shows it.
    """
    path, config = where / "config.json", read_json(where / "config.json", where)
    tensors, numbers = held_by(where, weights)
    for field, value in numbers_of(config):
        # No width, depth or vocabulary can be larger than all weights together.
        if not abs(value) <= max(numbers, 1 << 20):
            shown = str(value)[:20]
            raise CheckpointError(f"model: {path}: {field} is {shown}, but its weights are {numbers} numbers{AGAIN}")
    try:
        with torch.device("meta"), counted(tensors, numbers):
            build(config)
    except TooLargeError as error:
        raise CheckpointError(
            f"model: {path} asks for a larger network than its weights make ({error}){AGAIN}"
        ) from error
    except Exception as error:  # a library that is handed a nonsensical configuration fails in many ways
        raise CheckpointError(f"model: {path} describes no network ({reason(error)}){AGAIN}") from error


def held_by(where: Path, weights: list[str]) -> tuple[int, int]:
    """How many tensors, and numbers in all, weight files hold; of files that are not safetensors an upper bound."""
    tensors, numbers = 0, 0
    for name in weights:
        if name.endswith(".safetensors"):
            shapes = [shape for _, shape in read_safetensors_header(where / name).values()]
            tensors, numbers = tensors + len(shapes), numbers + sum(torch.Size(shape).numel() for shape in shapes)
        else:
            size = (where / name).stat().st_size
            # A number takes a byte or more, and a tensor of an archive has a name and a few numbers to itself.
            tensors, numbers = tensors + size // 64 + 1, numbers + size
    return tensors, numbers


def numbers_of(value: Any, field: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a configuration with its place."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield field, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from numbers_of(item, f"{field}.{key}" if field else str(key))


@contextmanager
def counted(tensors: int, numbers: int) -> Iterator[None]:
    """Within it a module that takes more parameters than that raises TooLargeError."""
    seen, made = 0, 0

    def count(module: nn.Module, name: str, value: torch.Tensor | None) -> None:
        nonlocal seen, made
        if value is not None:
            seen, made = seen + 1, made + value.numel()
        # Some weights are made of others, or not kept: twice as many is still in proportion.
        if seen > 2 * tensors + 64 or made > 2 * numbers + (1 << 20):
            raise TooLargeError(f"more than {seen - 1} tensors with {numbers} numbers, where the files hold {tensors}")

    hooks = (register_module_parameter_registration_hook(count), register_module_buffer_registration_hook(count))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def check_finite(network: nn.Module, where: Path) -> None:
    """Refuse weights that are not finite.

    Raises:
        CheckpointError: one line with the folder and the first such weight.
    """
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not tensor.is_meta and not bool(tensor.isfinite().all()):
            raise CheckpointError(f"model: {where}: the weight {name} is not finite (NaN or infinity){AGAIN}")


@contextmanager
def naming(where: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong with a checkpoint within it is told in one line.

    Args:
        where: its folder or file.
        what: completes "PATH ... cannot be": used, read.
    """
    try:
        yield
    except BaseException as error:  # whatever a nonsensical value does to the library that is handed it
        if isinstance(error, CheckpointError) or not is_damage(error):
            raise
        raise CheckpointError(f"model: {where} cannot be {what} ({reason(error)}){AGAIN}") from error


def is_damage(error: BaseException) -> bool:
    """Whether an exception tells of a checkpoint rather than of the machine; panics of Rust are no Exception."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return False
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def reason(error: BaseException) -> str:
    """An exception in a few words."""
    first = (str(error).strip() or "no message").splitlines()[0][:160]
    return first if isinstance(error, (ValueError, RuntimeError, OSError)) else f"{type(error).__name__}: {first}"


def a_number(
    config: dict[str, Any], field: str, low: float, high: float, path: Path, default: float | None = None
) -> Any:
    """A number of a configuration, if it lies between two.

    Raises:
        CheckpointError: it is missing, no number, or outside; one line with file and field.
    """
    value = config.get(field, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        shown = json.dumps(value)[:60]
        raise CheckpointError(f"model: {path}: {field} is {shown}, not a number from {low:g} to {high:g}{AGAIN}")
    return value


def check_normalisation(where: Path) -> None:
    """Refuse an autoencoder whose configuration makes latents of no finite size.

    Raises:
        CheckpointError: one line with file and field.
    """
    path = where / "config.json"
    config = read_json(path, where)
    for field, low, high in (
        ("scaling_factor", 1e-4, 1e4), ("shift_factor", -1e4, 1e4), ("batch_norm_eps", 0.0, 1.0)
    ):  # fmt: skip
        # A factor that is left out is the default one; a null would be taken as it is.
        if config.get(field) is not None or (field == "scaling_factor" and field in config):
            a_number(config, field, low, high, path)
    for field, low in (("latents_mean", -1e4), ("latents_std", 1e-4)):
        values = config.get(field)
        for i, value in enumerate(values if isinstance(values, list) else ()):
            a_number({f"{field}.{i}": value}, f"{field}.{i}", low, 1e4, path)
