"""Numbers of a run as it goes: metrics.csv and TensorBoard."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

from gs_stein.files import write_atomically
from gs_stein.optimize.step import Losses, Step
from gs_stein.run.folder import check_there

_TERMS = [item.name for item in fields(Losses)]
COLUMNS = ["step", "seconds", "gaussians", "evaluations", "skipped", "variance_ratio", "t", *_TERMS]


class Recorder:
    """Appends a row every few steps; after a resume, rows beyond the checkpoint are gone.

    Args:
        run: the run's folder.
        every: iterations between rows.
        done: iterations already finished.
    """

    def __init__(self, run: Path, every: int, done: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.run, self.every = run, every
        path = run / "metrics.csv"
        kept = kept_rows(path, done) if path.exists() else []
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        write_atomically(path, buffer.getvalue().encode())
        with _naming(path):
            self._file = open(path, "a", encoding="utf-8", newline="")  # noqa: SIM115 - closed by `close`
        self._csv = csv.writer(self._file, lineterminator="\n")
        with _naming(run / "tensorboard"):
            self._board = SummaryWriter(str(run / "tensorboard"), purge_step=done + 1 if done else None)

    def add(self, step: Step) -> None:
        """Note a step, if its turn has come.

        Raises:
            ValueError: it cannot be written, or the folder is gone.
        """
        if step.step % self.every and step.step != step.total:
            return
        check_there(self.run)  # TensorBoard would say so in a traceback of its own thread
        losses = [getattr(step.losses, name) for name in _TERMS]
        t = step.estimate.t.float().mean().item() if step.estimate.t.numel() else ""
        ratio = "" if step.variance_ratio is None else step.variance_ratio
        counts = [step.step, round(step.seconds, 3), step.count, step.evaluations, step.skipped]
        with _naming(self.run / "metrics.csv"):
            self._csv.writerow([*counts, ratio, t, *losses])
            self._file.flush()
        scalars = {"gaussians": step.count, "skipped": step.skipped, "iterations_per_second": step.step / step.seconds}
        scalars |= {f"loss/{name}": value for name, value in zip(_TERMS, losses, strict=True)}
        if step.variance_ratio is not None:
            scalars["variance_ratio"] = step.variance_ratio
        with _naming(self.run / "tensorboard"):  # its thread tells later what became of what was added before
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step.step)

    def close(self) -> None:
        """Flush and close both."""
        self._file.close()
        self._board.close()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of the disk are one line that names the file."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"{path}: cannot be written ({error.strerror or error})") from error


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Rows of a metrics.csv; a last line that was cut short is left out.

    Raises:
        ValueError: one line with the file: it cannot be read, or is no text in columns.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{path}: cannot be read ({why}); move it away to go on without it") from error
    return [row for row in rows if row.get(COLUMNS[-1]) not in (None, "")]


def kept_rows(path: Path, done: int) -> list[dict[str, str]]:
    """Rows of a metrics.csv up to an iteration; those that say of none are left out.

    Raises:
        ValueError: as `read_metrics`.
    """
    return [
        row
        for row in read_metrics(path)
        if re.fullmatch(r"[0-9]{1,15}", row.get("step") or "") and int(row["step"]) <= done
    ]
