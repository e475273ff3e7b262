"""Many prompts, a run each: `python -m gs_stein.batch prompts.yaml -o runs/night`. The same command again goes on."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from gs_stein.batch.options import BatchOptions, shard_of
from gs_stein.files import print_anything
from gs_stein.run.options import RunOptions

if TYPE_CHECKING:
    from gs_stein.batch.board import Board
    from gs_stein.batch.ledger import Outcome
    from gs_stein.batch.plan import Item
    from gs_stein.batch.results import Results


def main(arguments: list[str] | None = None) -> int:
    """Work through a file of prompts; mistakes are one line, without a traceback.

    Args:
        arguments: without the program's name; None: the process's own.

    Returns:
        0 if all runs are there (of this shard), 1 if not, 2 after a mistake, 128 + the signal that ended it.
    """
    print_anything()
    arguments = sys.argv[1:] if arguments is None else arguments
    again = shlex.join(["gs-stein", "batch", *arguments])
    try:
        options = tyro.cli(BatchOptions, args=arguments, prog="gs-stein batch")
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(options.output)):
            raise ValueError(
                f"output: {options.output} is an address; give a folder to work in, and the address as --results"
            )
        return batch(replace(options, output=options.output.expanduser().resolve()), again)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; what the latest checkpoints hold is kept, go on with: {again}", file=sys.stderr)
        return 130


def batch(options: BatchOptions, again: str) -> int:
    """Do what the options say; returns the exit status, as `main`.

    Args:
        options: with an absolute output.
        again: the command that goes on.

    Raises:
        ValueError: one line: a malformed line of the file, a folder that cannot be written, an address where no Ray is.
    """
    from gs_stein.batch import ledger
    from gs_stein.batch.board import Board
    from gs_stein.batch.plan import plan

    index, count = shard_of(options.shard)
    run = run_options(options)
    items = plan(options)
    mark = ledger.open_output(options.output)
    results = None if options.results is None else opened(options.results, options.output)
    outcomes = stand(items, options, results)
    ours = items[index::count]
    board = Board(options.output, ours, dict(outcomes), items)
    board.say("\n".join(opening(options, ours, outcomes, f"shard {index}/{count}: " if count > 1 else "")))
    todo = [item for item in ours if wanted(outcomes[item.name], options.retry_failed)]
    caught = work(todo, options, run, board, mark, results) if todo else None
    # The page also shows what others have done in the folder meanwhile; whoever ends last has seen all.
    outcomes = {item.name: board.outcomes[item.name] for item in ours}
    everything = outcomes | stand([item for item in items if item.name not in outcomes], options, results)
    Board(options.output, items, everything, items).write_page(going=False)
    if results is not None:
        results.put_file(options.output / "index.html")
    missing = [item for item in ours if outcomes[item.name].state != "finished"]
    board.say("\n".join(closing(options, ours, outcomes, missing)))
    if caught is not None:
        board.say(f"stopped: all that was done is saved; go on with: {again}")
        return 128 + caught
    return 1 if missing else 0


def opened(address: str, output: Path) -> Results:
    """Where finished runs are copied to.

    Raises:
        ValueError: nothing can be written there, or it is where they lie anyway; one line.
    """
    from gs_stein.batch.results import Results

    results = Results(address)
    if results.is_folder(output):
        raise ValueError(f"results: {address} is the folder that -o names; leave one of the two out")
    results.check()
    return results


def stand(items: list[Item], options: BatchOptions, results: Results | None) -> dict[str, Outcome]:
    """How runs stand, by name; where they are to be copied somewhere, those that are not there are not finished."""
    from gs_stein.batch import ledger

    there = {} if results is None else results.finished(items)
    found = {item.name: there.get(item.name) or ledger.look(options.output, item) for item in items}
    if results is None:
        return found
    return {
        name: replace(outcome, state="half") if outcome.state == "finished" and name not in there else outcome
        for name, outcome in found.items()
    }


def wanted(outcome: Outcome, retry_failed: bool) -> bool:
    """Whether a run is to be worked on."""
    return outcome.state in ("new", "half") or (retry_failed and outcome.state == "failed")


def opening(options: BatchOptions, ours: list[Item], outcomes: dict[str, Outcome], shard: str) -> list[str]:
    """What there is to do, in lines."""
    states = [outcomes[item.name].state for item in ours]
    there, runs = states.count("finished"), "1 run" if len(ours) == 1 else f"{len(ours)} runs"
    lines = [
        f"batch       {shard}{runs} in {options.output}: {there} {'is' if there == 1 else 'are'} there, "
        f"{states.count('half')} begun, {states.count('failed')} failed, {states.count('new')} new"
    ]
    failed = [item for item in ours if outcomes[item.name].state == "failed"]
    lines += [f"failed      {item.name}: {outcomes[item.name].reason}" for item in failed]
    if failed and not options.retry_failed:
        lines.append("note        --retry-failed tries those again")
    return lines


def closing(options: BatchOptions, ours: list[Item], outcomes: dict[str, Outcome], missing: list[Item]) -> list[str]:
    """What has become of it, in lines."""
    from gs_stein.batch import ledger

    lines = [f"{len(ours) - len(missing)} of {len(ours)} run{'s are' if len(ours) > 1 else ' is'} there"]
    states = [outcomes[item.name].state for item in missing]
    if elsewhere := states.count("elsewhere"):
        lines.append(f"{elsewhere} {'is' if elsewhere == 1 else 'are'} being worked on by other processes")
    if failed := [item for item in missing if outcomes[item.name].state == "failed"]:
        uncopied = sum(ledger.look(options.output, item).state == "finished" for item in failed)
        if uncopied:
            lines.append(f"{uncopied} could not be copied; the same command tries that again")
        if len(failed) > uncopied:
            lines.append(f"{len(failed) - uncopied} failed; with --retry-failed they are tried again")
    lines.append(f"look        {options.output / 'index.html'}")
    if options.results is not None:
        lines.append(f"copied to   {options.results}")
    return lines


def work(
    todo: list[Item], options: BatchOptions, run: RunOptions, board: Board, mark: str, results: Results | None
) -> int | None:
    """Work on runs where the options say; returns the signal that ended it, if one did."""
    with interrupts_later():
        from gs_stein.batch.here import work_here
        from gs_stein.command.train import StopSignals
        from gs_stein.optimize.step import Controls

    controls = Controls()
    address = where(options, len(todo))
    with contextlib.ExitStack() as held:
        if address == "here":
            board.say("where       in this process, one run after another")
            signals = held.enter_context(StopSignals(controls))
            work_here(todo, options.output, run, board, controls, results)
        else:
            from gs_stein.batch.cluster import connected, work_on_ray

            board.say(f"where       {held.enter_context(connected(address, options))}")
            signals = held.enter_context(StopSignals(controls))  # after Ray has taken them
            work_on_ray(todo, options, run, board, controls, mark)
    return signals.caught


@contextlib.contextmanager
def interrupts_later() -> Iterator[None]:
    """Ctrl-C while this is entered counts at its end: torch swallows it in the midst of importing NumPy, which stays
    half imported, and then every run would fail."""
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def run_options(options: BatchOptions) -> RunOptions:
    """Options of each run, which has no page."""
    return RunOptions(
        output=options.output, checkpoint_every=options.checkpoint_every, video_frames=options.video_frames,
        score=options.score, viewer=False, serve="no",
    )  # fmt: skip


def where(options: BatchOptions, runs: int) -> str:
    """The address to work at, chosen if none was given: Ray pays where runs go side by side."""
    from importlib.util import find_spec

    if options.address is not None:
        return options.address
    if find_spec("ray") is None or runs < 2 or options.shard != "auto" or "SLURM_ARRAY_TASK_ID" in os.environ:
        return "here"
    from gs_stein.batch.cluster import fit_here

    return "local" if fit_here(options) > 1 else "here"


if __name__ == "__main__":
    sys.exit(main())
