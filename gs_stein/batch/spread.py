"""The engine of a batch for other work than runs: one function, many arguments, here or on Ray."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gs_stein.batch.options import BatchOptions

J = TypeVar("J")
R = TypeVar("R")


def spread(
    work: Callable[[J], R], jobs: Sequence[J], address: str = "here", cpus: int = 1, retries: int = 3
) -> Iterator[tuple[J, R]]:
    """What a function makes of each job, as they end.

    Args:
        work: importable by its name where the workers are; what it loads should stay with the process, which takes
            one job after another.
        jobs: each can be pickled, as can what is made of it.
        address: here (one after another, in this process), local, auto, HOST:PORT, or ray://HOST:PORT.
        cpus: cores, and threads, of each on Ray.
        retries: how often a job is begun again whose worker died.

    Raises:
        ValueError: one line: no Ray is there, or a worker died too often.
    """
    if address == "here" or not jobs:
        for job in jobs:
            yield job, work(job)
        return
    from gs_stein.batch.cluster import connected

    with connected(address, BatchOptions(Path(), cpus_per_run=cpus, gpus_per_run=0.0, address=address)):
        import ray
        from ray.exceptions import RayError, RayTaskError

        threads = {name: str(cpus) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
        remote = ray.remote(work).options(
            num_cpus=cpus, max_retries=retries,
            runtime_env={"env_vars": {**threads, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}},
        )  # fmt: skip
        going: dict[Any, J] = {remote.remote(job): job for job in jobs}
        while going:
            (answer,), _ = ray.wait(list(going), num_returns=1)
            job = going.pop(answer)
            try:
                yield job, ray.get(answer)
            except RayTaskError as error:
                raise error.as_instanceof_cause() from error  # as it would have been here
            except RayError as error:
                raise ValueError(f"address: a worker died {retries + 1} times ({type(error).__name__})") from error
