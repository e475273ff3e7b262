"""One run on several processes: what they share out, what they add up, and that they stay one run.

`torchrun --nproc-per-node N train.py …` starts N ranks of the same command. All of them hold all Gaussians, draw all
random numbers from the same stream, and take the same steps; each renders a share of the views, and asks the prior for
a share of the answers. What comes of a share is added up, or put in its place among the others', before anything that
depends on it changes, so a run is the same, up to the order of sums, however many ranks there are.

Only what is inside `with ranks.at_work()` is shared out: an iteration, in all ranks at once. Elsewhere, as in a process
without others, every function here leaves things as they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch import distributed as dist

T = TypeVar("T")

PATIENCE = timedelta(minutes=10)
"""Longest wait for the others' share of a sum."""
_PAUSE = timedelta(days=30)
"""Longest wait between iterations, for the first rank: it saves, and its page may be paused."""
_sharing: ContextVar[bool] = ContextVar("sharing", default=False)
_between: dist.ProcessGroup | None = None
"""The ranks as they wait between iterations; their messages never go through a GPU."""


class LostError(ValueError):
    """Another rank is gone; one line."""


class ApartError(ValueError):
    """Ranks were told different things; one line, in each of them."""


@contextmanager
def joined(device: str = "auto") -> Iterator[None]:
    """Inside, a process that torchrun started is one of its ranks; all but the first print errors only.

    Args:
        device: where Gaussians are to live, as configured; unless it is the CPU, each rank takes a GPU of its own.

    Raises:
        ValueError: there are fewer GPUs than ranks, or the others cannot be reached.
    """
    global _between
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or not dist.is_torchelastic_launched():
        yield
        return
    if torch.cuda.is_available() and device != "cpu":
        place, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if place >= there or ":" in device:
            raise ValueError(
                f"device: {device}, with {os.environ['LOCAL_WORLD_SIZE']} ranks and {there} GPUs on this machine; each "
                "rank takes a GPU of its own: lower --nproc-per-node, and leave --device out"
            )
        torch.cuda.set_device(place)
    with _others():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
        _between = cast("dist.ProcessGroup", dist.new_group(backend="gloo", timeout=_PAUSE))
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere if rank() else sys.stdout):
        yield
    dist.destroy_process_group()
    _between = None


def rank() -> int:
    """Which rank this process is, from 0; the first one shows, writes and decides."""
    return 0 if _between is None else dist.get_rank()


def size() -> int:
    """How many ranks there are, whether or not they are at work together."""
    return 1 if _between is None else dist.get_world_size()


@contextmanager
def at_work(together: bool = True) -> Iterator[None]:
    """Inside, work is shared out, and all ranks have to come along the same way; not so with together=False."""
    token = _sharing.set(together)
    try:
        yield
    finally:
        _sharing.reset(token)


def count() -> int:
    """How many ranks the work is shared out to just now."""
    return size() if _sharing.get() else 1


def own(things: int) -> slice:
    """Which of so many things, in their order, are this rank's; shares are as equal as can be."""
    ranks, mine = count(), rank()
    return slice(things * mine // ranks, things * (mine + 1) // ranks) if ranks > 1 else slice(0, things)


def total(*parts: Tensor) -> tuple[Tensor, ...]:
    """Sums over the ranks; the very tensors where there is one."""
    if count() == 1:
        return parts
    found = []
    for part in parts:
        summed = part.detach().clone(memory_format=torch.contiguous_format)
        with _others():
            dist.all_reduce(summed)
        found.append(summed)
    return tuple(found)


def whole(part: Tensor, things: int, dim: int = 0) -> Tensor:
    """All ranks' shares of so many things, put together along a dimension; outside any graph."""
    if count() == 1:
        return part
    shape = list(part.shape)
    shape[dim] = things
    mine = own(things)
    # A sum with nothing but zeros from the others is exact, and works for shares of any size.
    full = part.new_zeros(shape)
    full.narrow(dim, mine.start, mine.stop - mine.start).copy_(part.detach())
    return total(full)[0]


@torch.no_grad()
def average_gradients(parameters: Iterable[Tensor], also: dict[str, float] | None = None) -> dict[str, float]:
    """Replace each gradient by its mean over the ranks: every term of a loss is a mean over views, or the same in all.

    All are sent in one piece, since waiting for each other costs more than sending.

    Args:
        parameters: whose gradients.
        also: numbers that go along, in single precision.

    Returns:
        The means of those.
    """
    also = {} if also is None else also
    if count() == 1:
        return also
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    numbers = gradients[0].new_tensor(list(also.values()))
    (flat,) = total(torch.cat([numbers, *(gradient.flatten() for gradient in gradients)]))
    numbers, *means = (flat / count()).split([len(also), *(g.numel() for g in gradients)])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))
    return dict(zip(also, numbers.tolist(), strict=True))


def of_first(value: T) -> T:
    """What the first rank has in place of this, between iterations."""
    if size() == 1:
        return value
    holder: list[Any] = [value]
    with _others():
        dist.broadcast_object_list(holder, src=0, group=_between, device=torch.device("cpu"))
    return holder[0]


def by_first(work: Callable[[], T]) -> T | None:
    """What the first rank does alone, between iterations; None in the others.

    Raises:
        ValueError: in the others, what went wrong with it in the first one, which raises its own.
    """
    if rank() > 0:
        if mistake := of_first(""):
            raise ValueError(mistake)
        return None
    try:
        done = work()
    except Exception as error:
        of_first(str(error) or type(error).__name__)
        raise
    of_first("")
    return done


def agree(describe: Callable[[], dict[str, Any]]) -> None:
    """Check, between iterations, that all ranks say the same, before they compute anything with each other.

    Args:
        describe: gives names and values; not asked where there is one rank only.

    Raises:
        ApartError: they do not; one line, in every rank, with the first name that they differ in.
    """
    if size() == 1:
        return
    said: list[Any] = [None] * size()
    with _others():
        dist.all_gather_object(said, describe(), group=_between)
    for other, theirs in enumerate(said):
        for name in {**said[0], **theirs}:
            here, there = (one.get(name, "nothing") for one in (said[0], theirs))
            if here != there:
                raise ApartError(
                    f"ranks: {name} is {here!r} in rank 0 and {there!r} in rank {other}; give all the same command, "
                    "version and files"
                )


def fingerprint(tensors: Iterable[Tensor]) -> list[int]:
    """The sum of the bits of each tensor of 32-bit floats, read as integers: exact, in any order, on any device."""
    return [int(tensor.detach().contiguous().view(torch.int32).sum(dtype=torch.int64)) for tensor in tensors]


@contextmanager
def _others() -> Iterator[None]:
    """Errors of those that exchange something are one line."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0][:160]
        raise LostError(
            f"ranks: another rank is gone or cannot be reached ({reason}); what was saved last stands: give the same "
            "torchrun command with --resume"
        ) from error
