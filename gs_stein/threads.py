"""The same bits for a seed, whatever the number of threads.

Torch adds up a large tensor, or a product of few rows, by as many parts as there are threads, and takes another
exponential for the last elements of each part (2.13, CPU). What a scene is made of is worked out on one thread where
that is so; products of many rows and convolutions of several pixels were seen to give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch works on one thread inside; going in and out takes less than a microsecond."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
