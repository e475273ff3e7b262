"""A batch in this process, one run after another: nothing needs to be installed for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.batch.board import Board
from gs_stein.batch.plan import Item
from gs_stein.batch.results import Results
from gs_stein.batch.work import Runner
from gs_stein.run.options import RunOptions

if TYPE_CHECKING:
    from gs_stein.optimize.step import Controls


def work_here(
    items: Sequence[Item], output: Path, options: RunOptions, board: Board, controls: Controls,
    results: Results | None = None,
) -> None:  # fmt: skip
    """Work through the runs until all are there or `controls.stop` is set.

    Those that another process works on are looked at once more at the end: it may have finished, or died.

    Raises:
        ValueError: the disk is full.
    """
    runner = Runner(output, options, results)
    for first in (True, False):
        for item in items if first else [item for item in items if board.outcomes[item.name].state == "elsewhere"]:
            if controls.stop:
                return
            board.started(item)
            outcome = runner.run(item, controls, lambda done, total, item=item: board.step(item, done, total))
            board.ended(item, outcome)
            if outcome.full_disk:
                raise ValueError(f"{output}: {outcome.reason}; free some space, and give the same command to go on")
