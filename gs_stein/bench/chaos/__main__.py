"""What a run withstands, part by part, with fixed seeds; most figures should be 0.

    python -m gs_stein.bench chaos --json
    python -m gs_stein.bench chaos --only kills,disks --output runs/chaos

kills       small runs of the main job are killed with SIGKILL at random moments of start, step, checkpoint, refinement
            and final files, and while they are gone on with. `kills`: those that hit a living process; a run that had
            ended before is made again. `lost`: did not end to the bit like a run to which nothing happens, or left
            something hidden.
bits        the first run of all (kernels are compiled) against a later one, a stopped and resumed run against a whole
            one, a watched one against an unwatched one: `bits_differ`. One thread against two:
            `bits_differ_by_threads`.
disks       a disk that fails at the n-th write of a run, full from there on or only once, for every n: `disk_failures`,
            and `disks_wrong` of them did not end with one line, everything readable, and a way on to the same end.
not_finite  NaN, infinity, huge numbers and zero from every network and in every parameter, in every part of a run:
            `injections`, and `not_finite_kept` of them ended otherwise than with a finite scene, or one line.
foreign     messages from pages of other origins, and with forged names: `foreign_messages` arrived. Then many clients
            open a run's page at once and read nothing: `crowd_slowdown`, and `crowd_mb` of memory that stays.
soak        `soak_mb_per_1000`: memory that a run takes for every thousand iterations.
mutations   damaged files of every kind that is read: `tracebacks`, `hangs`, `crashes`, `accepted_broken`, and
            `peak_over_file`, memory in units of the file.

Each part prints its figures when it is done, and how far it is in between. Ctrl-C ends the bench, and says what was
found so far. POSIX only: runs are forked.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

from gs_stein.bench.chaos.options import Options
from gs_stein.bench.chaos.progress import Countdown
from gs_stein.files import print_anything

GOALS = {
    "lost": 0.0, "bits_differ": 0.0, "disks_wrong": 0.0, "not_finite_kept": 0.0, "foreign_messages": 0.0,
    "tracebacks": 0.0, "hangs": 0.0, "crashes": 0.0, "accepted_broken": 0.0, "peak_over_file": 4.0,
}  # fmt: skip
"""What must not be exceeded."""
RUNS = {"kills", "bits", "disks", "soak"}
"""Parts that make runs of the whole command."""


@contextlib.contextmanager
def place(output: Path | None) -> Iterator[Path]:
    """An empty folder, which is kept if it was named.

    Raises:
        ValueError: it holds something already, or cannot be made.
    """
    if output is None:
        with tempfile.TemporaryDirectory(prefix="gs-stein-chaos-") as folder:
            yield Path(folder)
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        taken = any(output.iterdir())
    except OSError as error:
        raise ValueError(f"output: {output} cannot be made ({error.strerror or error}); give another folder") from error
    if taken:
        raise ValueError(f"output: {output} is not empty; give another folder")
    yield output.resolve()


def measure(part: str, found: dict[str, float], pool: ProcessPoolExecutor, folder: Path, options: Options) -> None:
    """One part.

    Args:
        part: its name.
        found: takes its figures, while they are found: an interrupt loses none.
        pool: of warm processes.
        folder: for its runs; made here.
        options: of all parts.
    """
    from gs_stein.bench.chaos import bits, disks, foreign, kills, mutations, not_finite, soak

    told = Countdown(part)
    folder.mkdir()
    if part == "kills":
        kills.measure(found, pool, folder, options.kills, options.alone, options.seed, told)
    elif part == "bits":
        bits.measure(found, pool, folder, told, compiled=not options.quick)
    elif part == "disks":
        disks.measure(found, pool, folder, options.writes, told)
    elif part == "not_finite":
        not_finite.measure(found, pool, folder, options.injections, told)
    elif part == "foreign":
        foreign.measure(found, options.clients, told)
    elif part == "soak":
        soak.measure(found, pool, folder, options.iterations, told)
    else:
        mutations.measure(found, options.mutations, options.seed, told)


def show(found: dict[str, float]) -> bool:
    """Print figures; says whether they are within the goals."""
    for key, value in found.items():
        goal = f"   (goal: at most {GOALS[key]:g})" if key in GOALS else ""
        print(f"{key:26s} {value:10.2f}{goal}", flush=True)
    return all(value <= GOALS.get(key, value) for key, value in found.items())


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench chaos`.

    Returns:
        0 if all goals are reached, 1 if not, 130 if it was interrupted.
    """
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    parts = options.parts()
    if not hasattr(os, "fork"):
        raise ValueError("chaos: this system cannot fork processes; measure on Linux or macOS")
    from gs_stein.bench.chaos.runs import workers

    if options.quick:
        options = options.shortened()
    everything: dict[str, float] = {}
    good, part = True, parts[0]
    try:
        with place(options.output) as folder, workers(folder, warmed=bool(RUNS & set(parts))) as pool:
            for part in parts:
                found: dict[str, float] = {}
                try:
                    measure(part, found, pool, folder / part, options)
                finally:
                    good &= show(found)
                    everything |= found
    except KeyboardInterrupt:
        print(f"interrupted in {part}; what was found until then is above", file=sys.stderr, flush=True)
        return 130
    finally:
        if options.json:
            print(json.dumps({key: round(value, 4) for key, value in everything.items()}), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
