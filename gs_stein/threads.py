"""Torch's threads on a CPU: the same bits for a seed with any number of them, and none slowed down by denormal numbers.

Torch adds up a large tensor, or a product of few rows, by as many parts as there are threads, and takes another
exponential for the last elements of each part (2.13). What a scene is made of is worked out on one thread where that is
so; products of many rows and convolutions of several pixels were seen to give the same bits.

A moment of Adam that decays stops at a denormal number, and on Intel's processors a step on those takes twenty times as
long. But whoever needs the number next to 0 breaks where it is 0: SciPy's KDTree recurses until its process dies.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

_FEW = 64
"""Rows from which on products were seen to give the same bits on 1 to 4 threads; 11 did not (MKL, 384 columns)."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch works on one thread inside; going in and out takes less than a microsecond."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def few_rows(layer: Callable[[Tensor], Tensor], x: Float[Tensor, "*rows D"]) -> Float[Tensor, "*rows E"]:
    """A linear layer, on one thread if it is given so few rows that their number decides how it adds up."""
    if x.device.type != "cpu" or x.numel() >= _FEW * x.shape[-1]:
        return layer(x)
    with one_thread():
        return layer(x)


@contextmanager
def denormals(flushed: bool) -> Iterator[None]:
    """While entered, this thread flushes denormal numbers to zero, or does not; then it is as it was before.

    Threads that are started meanwhile inherit it for good.
    """
    before = sys.float_info.min * 0.5 == 0.0
    torch.set_flush_denormal(flushed)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def start_threads() -> None:
    """Start the threads of torch that work for this one, unless it has some, to flush denormal numbers to zero.

    To be called before anything large is worked out: threads keep for good what they inherit, and one that does not
    flush changes the scene's bits.
    """
    with denormals(flushed=True):
        torch.ones(32_768 * torch.get_num_threads(), dtype=torch.uint8)  # as much as makes work for all of them
