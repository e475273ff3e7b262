"""Options of the chaos bench."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

PARTS = ("kills", "bits", "disks", "not_finite", "foreign", "soak", "mutations")
"""What can be measured by itself, in the order in which it is."""


@dataclass(frozen=True)
class Options:
    """What a run withstands: kills, full disks, numbers that are not finite, damaged files, strangers, time."""

    only: str = ""
    """Parts to measure, with commas between, such as kills,disks. Left out: all."""
    kills: int = 200
    """Kills that hit a living run."""
    alone: int = 8
    """How many of them hit processes that nobody has prepared, which take half a minute each."""
    mutations: int = 10_000
    """Damaged files that are read."""
    writes: int = 0
    """Which writes of a run fail, one run each, spread evenly over all of them; 0: each."""
    injections: int = 0
    """Numbers that are not finite put somewhere, one run each, spread evenly over all there are; 0: each."""
    clients: int = 300
    """That open the page at once."""
    iterations: int = 3000
    """Of the run whose memory is watched."""
    seed: int = 0
    """Of everything random."""
    output: Path | None = None
    """Where runs are made; those that were lost stay there. Left out: a temporary folder."""
    quick: bool = False
    """A part of everything within a few minutes: whether the bench works, not whether the runs do."""
    json: bool = False
    """Print one JSON object as the last line."""

    def parts(self) -> tuple[str, ...]:
        """The parts that were asked for.

        Raises:
            ValueError: there is no such part, or a number measures nothing.
        """
        asked = tuple(part.strip() for part in self.only.split(",") if part.strip()) or PARTS
        if unknown := [part for part in asked if part not in PARTS]:
            raise ValueError(f"only: there is no part {', '.join(unknown)}; give some of {', '.join(PARTS)}")
        if min(self.kills, self.mutations, self.clients) < 1 or self.iterations < 100:
            raise ValueError("kills, mutations, clients, iterations: give 1 or more, and 100 iterations or more")
        if min(self.alone, self.writes, self.injections) < 0:
            raise ValueError("alone, writes, injections: give 0 or more")
        if self.alone > self.kills:
            raise ValueError(f"alone: {self.alone} of {self.kills} kills; give no more than --kills")
        return tuple(part for part in PARTS if part in asked)

    def shortened(self) -> Options:
        """The same with numbers that are done with soon."""
        return replace(
            self, kills=6, alone=0, mutations=300, writes=8, injections=40, clients=60, iterations=300
        )  # fmt: skip
