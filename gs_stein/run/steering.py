"""What somebody changed while a run went on, iteration by iteration, so that it is resumed and can be repeated.

`steering.csv` in the run's folder has a row for each change: the iterations finished when it took effect, the prompt,
and guidance, timesteps and learning rates, which are empty where they were as configured. Another prompt given to
`--resume` is such a change too: without its row, nobody could repeat the run.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import astuple, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

from gs_stein.config.schema import Config
from gs_stein.files import write_atomically
from gs_stein.optimize.step import Controls
from gs_stein.run.folder import write_start
from gs_stein.text.prompts import shortened

NAME = "steering.csv"
_LARGEST = 1 << 24
"""Bytes of a file that is read."""


@dataclass(frozen=True)
class Asked:
    """What is in force during an iteration; None: as configured."""

    prompt: str
    guidance_scale: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    learning_rate: float | None = None

    @staticmethod
    def of(controls: Controls, prompt: str) -> Asked:
        """What the page asks for just now.

        Args:
            controls: as somebody may change them at any moment.
            prompt: as configured.
        """
        rate = controls.learning_rate
        return Asked(
            controls.prompt or prompt, controls.guidance_scale, controls.t_min, controls.t_max,
            None if rate == 1.0 else rate,
        )  # fmt: skip

    def put(self, controls: Controls) -> None:
        """Set the controls so."""
        controls.prompt, controls.guidance_scale = self.prompt, self.guidance_scale
        controls.t_min, controls.t_max = self.t_min, self.t_max
        controls.learning_rate = 1.0 if self.learning_rate is None else self.learning_rate


class Steering:
    """Hands to the loop what the page asks for, and notes it when it changes.

    Args:
        run: the run's folder, which holds config.yaml.
        config: of the run.
        done: iterations already finished: later rows of a resumed run are forgotten.
        before: the prompt that the folder's config.yaml names.
        repeated: steering.csv of another run, whose changes are made again; None: nobody's.
        whole: the prompt as typed, where the configuration has what of it the scene itself is asked for.

    Raises:
        ValueError: a file cannot be read.
    """

    def __init__(
        self, run: Path, config: Config, done: int, before: str, repeated: Path | None = None, whole: str = ""
    ) -> None:
        self._run, self._config = run, config
        self._whole = whole or config.prompt
        own = run / NAME
        rows = read_steering(own) if own.is_file() else []
        self._rows = [row for row in rows if row[0] < max(done, 1)]
        self._first, self._latest = Asked(before), rows[-1][1] if rows else Asked(before)
        self._repeated = [] if repeated is None else read_steering(repeated)
        if self._repeated and done:  # what no checkpoint has seen is made again when its time comes, not at once
            past = self._rows or [row for row in self._repeated if row[0] < done]
            self._first, self._latest = (past[0][1], past[-1][1]) if past else (self._first, self._first)

    @property
    def last(self) -> Asked:
        """What was in force in the latest iteration."""
        return self._rows[-1][1] if self._rows else self._first

    def resume(self, controls: Controls) -> str | None:
        """Set the controls as they were, but for the prompt, which is the configuration's unless another run's changes
        are made again; a line that says so."""
        latest = self._latest  # a change that no checkpoint has seen is made again at once
        latest.put(controls)
        controls.prompt = latest.prompt if self._repeated else None
        if replace(latest, prompt="") == Asked(""):
            return None
        values = ((item.name, getattr(latest, item.name)) for item in fields(Asked)[1:])
        held = [f"{name} {value:g}" for name, value in values if value is not None]
        return f"steered as before: {', '.join(held)}"

    def follow(self, controls: Controls, held: Controls, step: int) -> None:
        """Call before each iteration.

        Args:
            controls: what the page sets.
            held: what the loop reads; changed here only, so that what is noted is what is in force.
            step: iterations finished.

        Raises:
            ValueError: the change cannot be noted.
        """
        for at, asked in self._repeated:
            if at == step:
                asked.put(controls)
        asked = Asked.of(controls, self._config.prompt)
        asked.put(held)
        held.stop = controls.stop
        if asked != self.last:
            if asked.prompt != self.last.prompt:
                prompt = self._whole if asked.prompt == self._config.prompt else asked.prompt
                write_start(self._run, replace(self._config, prompt=prompt))
            if not self._rows:
                self._rows.append((0, self._first))
            self._rows.append((step, asked))
            write_atomically(self._run / NAME, _text(self._rows).encode())


def read_steering(path: Path) -> list[tuple[int, Asked]]:
    """The rows of a steering.csv: iterations finished, and what is in force from then on.

    Raises:
        ValueError: it cannot be read, or a row is not as it should be; one line with the file and the row.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"steering: {path} is larger than {_LARGEST >> 20} MiB, which no run writes")
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"steering: {path} cannot be read ({error}); give a run's {NAME}") from error
    return [_row(path, i, row) for i, row in enumerate(table, start=2)]


def changes(run: Path | None, guidance: float | None = None) -> list[tuple[int, str]]:
    """What was changed while a run went on, in words, each with the iterations finished by then.

    Args:
        run: its folder; None: it has none.
        guidance: scale as configured; None: not known.

    Returns:
        Nothing also where the file cannot be read: it is only looked at.
    """
    if run is None or not (run / NAME).is_file():
        return []
    try:
        rows = read_steering(run / NAME)
    except ValueError:
        return []
    return [(step, _words(old, new, guidance)) for (_, old), (step, new) in pairwise(rows) if old != new]


def _words(old: Asked, new: Asked, guidance: float | None) -> str:
    def scale(asked: Asked) -> str:
        value = guidance if asked.guidance_scale is None else asked.guidance_scale
        return "as configured" if value is None else f"{value:g}"

    def timesteps(asked: Asked) -> str:
        held = [f"{value:.2f}" for value in (asked.t_min, asked.t_max) if value is not None]
        return " to ".join(held) or "as configured"

    def rates(asked: Asked) -> str:
        return f"×{1.0 if asked.learning_rate is None else asked.learning_rate:.3g}"

    shown = {
        "prompt": [f"“{shortened(asked.prompt)}”" for asked in (old, new)],
        "guidance": [scale(asked) for asked in (old, new)],
        "timesteps": [timesteps(asked) for asked in (old, new)],
        "learning rates": [rates(asked) for asked in (old, new)],
    }
    changed = {
        "prompt": old.prompt != new.prompt,
        "guidance": old.guidance_scale != new.guidance_scale,
        "timesteps": (old.t_min, old.t_max) != (new.t_min, new.t_max),
        "learning rates": old.learning_rate != new.learning_rate,
    }
    return "; ".join(f"{name} {before} → {after}" for name, (before, after) in shown.items() if changed[name])


def _row(path: Path, line: int, row: dict[str, str]) -> tuple[int, Asked]:
    try:
        numbers = {item.name: float(row[item.name]) if row[item.name] else None for item in fields(Asked)[1:]}
        if None in row or None in row.values():
            raise ValueError  # too many cells, or too few
        if not all(value is None or math.isfinite(value) for value in numbers.values()) or not row["prompt"].strip():
            raise ValueError
        step, rate = int(row["step"]), numbers["learning_rate"]
        if step < 0 or (rate is not None and rate < 0):  # it would climb away from the prompt
            raise ValueError
        return step, Asked(row["prompt"], **numbers)
    except (KeyError, TypeError, ValueError) as error:
        names = ", ".join(["step", *(item.name for item in fields(Asked))])
        raise ValueError(f"steering: {path}, line {line}, is no row of {names}; give a run's {NAME}") from error


def _text(rows: list[tuple[int, Asked]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["step", *(item.name for item in fields(Asked))])
    writer.writerows([step, *astuple(asked)] for step, asked in rows)
    return buffer.getvalue()
