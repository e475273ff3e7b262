"""What can be asked of a batch. Free of torch and Ray, so that `--help` need not wait for them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg


@dataclass(frozen=True)
class BatchOptions:
    """A run for every prompt of a file, in one folder; the same command again goes on.

    gs-stein batch prompts.yaml -o runs/night
    """

    prompts: Positional[Path]
    """The list: YAML, JSON, JSONL or CSV with settings of each prompt, or one prompt a line."""
    output: Annotated[Path, arg(aliases=("-o",))] = Path("runs/batch")
    """Folder of the runs, each in one named after its prompt; index.html shows them. Workers on several machines must
    see it under the same path."""
    results: str | None = None
    """Also copy each finished run, without its checkpoints, to this address: s3://bucket/night, gs://…, any that fsspec
    reaches. What is there counts as finished on every machine, and machines need share no folder."""
    preset: str | None = None
    """For all prompts that name none themselves, such as preview."""
    seeds: int = 1
    """Runs of each prompt, with seeds that follow one another."""
    grid: UseAppendAction[tuple[str, ...]] = ()
    """KEY=A,B: each prompt with each of these values, such as distill.guidance.scale=5,10. May be repeated: all
    combinations."""
    shard: str = "auto"
    """I/N: only every N-th run, counted from the I-th (0 to N-1). auto: as SLURM_ARRAY_TASK_ID says, if it is set."""
    retry_failed: bool = False
    """Also try those again that failed in an earlier attempt."""
    address: str | None = None
    """Where: here (in this process, one after another), local (Ray on this machine), auto (the Ray cluster that this
    machine belongs to), HOST:PORT, or ray://HOST:PORT from outside of it. Left out: local, if Ray is installed and more
    than one run fits on this machine, else here."""
    cpus_per_run: int = 1
    """Cores, and threads, of each run on Ray."""
    gpus_per_run: float | None = None
    """GPUs of each run on Ray; 0.25: four share one. Left out: one each where there are any."""
    retries: int = 3
    """How often in a row the worker of a run may die before its next checkpoint until the run counts as failed."""
    checkpoint_every: int = 100
    """Iterations between checkpoints: what a worker's death can cost."""
    video_frames: int = 120
    """Frames of each video.mp4; 0: no videos."""
    score: bool = True
    """Ask the scorer how well each scene fits its prompt."""

    def __post_init__(self) -> None:
        for name, least in (("seeds", 1), ("cpus_per_run", 1), ("retries", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: {getattr(self, name)} is too few; give {least} or more")
        gpus = self.gpus_per_run
        if gpus is not None and not (0 <= gpus <= 1 or (1 < gpus < 1024 and gpus == int(gpus))):
            raise ValueError(f"gpus_per_run: {gpus}; give a fraction of one GPU, such as 0.25, or a whole number")


def shard_of(text: str, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Which part of the runs is ours: (index, count).

    Args:
        text: I/N, or auto.
        environment: with what SLURM says of a job of an array.

    Raises:
        ValueError: neither, or an index outside of 0 to N-1.
    """
    if text == "auto":
        if "SLURM_ARRAY_TASK_ID" not in environment:
            return 0, 1
        return _of_slurm(environment)
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f"shard: {text!r} is no part; give I/N with I from 0 to N-1, such as 0/8 to 7/8")
    return int(found[1]), int(found[2])


def _of_slurm(environment: Mapping[str, str]) -> tuple[int, int]:
    """The same from an array's variables; its numbers need not begin at 0 nor follow one another."""
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
    try:
        task, count, first, last = (int(environment[name]) for name in names)
        step = (last - first) // (count - 1) if count > 1 else 1
        index = (task - first) // step
    except (KeyError, ValueError, ZeroDivisionError):
        index = count = -1
    if not 0 <= index < count:
        said = ", ".join(f"{name}={environment.get(name)}" for name in names)
        raise ValueError(f"shard: {said} do not say which part of the runs is this job's; give --shard I/N")
    return index, count
