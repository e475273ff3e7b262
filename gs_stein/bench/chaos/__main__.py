"""What a run withstands, part by part, with fixed seeds; most figures should be 0.

    python -m gs_stein.bench chaos --json
    python -m gs_stein.bench chaos --only kills,disks --output runs/chaos

kills       small runs of the main job are killed with SIGKILL at random moments of start, step, checkpoint, refinement
            and final files, and while they are gone on with. `lost`: did not end to the bit like a run to which nothing
            happens, or left something hidden.
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
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from gs_stein.bench.chaos.options import Options
from gs_stein.bench.chaos.progress import Countdown
from gs_stein.bench.chaos.runs import workers
from gs_stein.files import print_anything

GOALS = {
    "lost": 0.0, "bits_differ": 0.0, "disks_wrong": 0.0, "not_finite_kept": 0.0, "foreign_messages": 0.0,
    "tracebacks": 0.0, "hangs": 0.0, "crashes": 0.0, "accepted_broken": 0.0, "peak_over_file": 4.0,
}  # fmt: skip
"""What must not be exceeded."""


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


def measure(options: Options, folder: Path) -> dict[str, float]:
    """All parts that were asked for, one after the other."""
    from gs_stein.bench.chaos import bits, disks, foreign, kills, mutations, not_finite, soak

    parts, seed = options.parts(), options.seed
    found: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        if {"kills", "bits", "disks", "soak"} & set(parts):
            pool = stack.enter_context(workers(folder))
        for part in parts:
            at, told = folder / part, Countdown(part)
            at.mkdir()
            if part == "kills":
                found |= kills.measure(pool, at, options.kills, options.alone, seed, told)
            elif part == "bits":
                found |= bits.measure(pool, at, told, compiled=not options.quick)
            elif part == "disks":
                found |= disks.measure(pool, at, options.writes, told)
            elif part == "not_finite":
                found |= not_finite.measure(at, options.injections, told)
            elif part == "foreign":
                found |= foreign.measure(options.clients, told)
            elif part == "soak":
                found |= soak.measure(pool, at, options.iterations, told)
            else:
                found |= mutations.measure(options.mutations, seed, told)
    return found


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench chaos`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    options.parts()
    if options.quick:
        options = options.shortened()
    with place(options.output) as folder:
        found = measure(options, folder)
    missed = 0
    for key, value in found.items():
        goal = f"   (goal: at most {GOALS[key]:g})" if key in GOALS else ""
        missed += key in GOALS and value > GOALS[key]
        print(f"{key:26s} {value:10.2f}{goal}")
    if options.json:
        print(json.dumps({key: round(value, 4) for key, value in found.items()}))
    return 1 if missed else 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
