"""Denormal numbers: flushed to zero where an optimiser multiplies, and nowhere else.

A moment of Adam that decays stops at a denormal number, and on Intel's processors a step on those takes twenty times as
long. But whoever needs the number next to 0 breaks where it is 0: SciPy's KDTree recurses until its process dies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
    """Start torch's own threads, if none has needed them yet, as threads that flush denormal numbers to zero."""
    with denormals(flushed=True):
        torch.ones(32_768 * torch.get_num_threads(), dtype=torch.uint8)  # as much as makes work for all of them
