"""What became of each run, as its folder tells: nothing is remembered elsewhere, so any process may go on."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gs_stein.batch.plan import Item
from gs_stein.files import read_json, write_json

ASKED = "batch.json"
"""What was asked for, when it began, and when its last file was written."""
FAILED = "failed.json"
"""Why a run failed."""
MARK = ".batch"
"""In the folder of all runs: tells workers that they see the same one."""
State = Literal["new", "half", "finished", "failed", "elsewhere", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """How a run stands."""

    state: State
    """elsewhere: another process works on it; stopped: it was asked to end, and has saved."""
    reason: str = ""
    """Of a failure, one line."""
    seconds: float = 0.0
    """Of its iterations, earlier attempts included."""
    score: float | None = None
    """Share of the views in which the scorer picks the prompt."""
    notes: tuple[str, ...] = ()
    full_disk: bool = False
    """Whether it failed since there is no space left: others would, too."""


def look(output: Path, item: Item) -> Outcome:
    """How the run stands that a folder holds.

    Raises:
        ValueError: the folder holds something else: one line with it.
    """
    folder = output / item.name
    try:
        inside = os.listdir(folder)
    except FileNotFoundError:
        return Outcome("new")
    except OSError as error:
        raise ValueError(f"{folder}: cannot be read ({error.strerror or error}); move it away") from error
    if ASKED not in inside:
        if [name for name in inside if not name.startswith(".")]:
            raise ValueError(f"{folder}: holds something that no batch has made; move it away, or give another name:")
        return Outcome("new")
    try:
        kept = read_json(folder / ASKED)
        failed = read_json(folder / FAILED) if FAILED in inside else None
    except ValueError as error:
        raise ValueError(f"{error}; move {folder} away to have it made anew") from error
    if failed is not None and kept.get("asked") == item.asked:
        return Outcome("failed", str(failed.get("reason")))
    # Without its scene a run is not there, whatever its report says; the last checkpoint makes it again.
    report: Any = None
    if {"report.json", "point_cloud.ply"} <= set(inside):
        with suppress(ValueError):  # damaged: written again from the last checkpoint
            report = read_json(folder / "report.json")
    return finished(str(folder), item, kept, report) or Outcome("half")


def finished(where: str, item: Item, kept: Any, report: Any) -> Outcome | None:
    """How a run stands of which all is there; None if something is not.

    Args:
        where: it lies, for the message.
        item: what is asked for now.
        kept: what batch.json holds.
        report: what report.json holds; None if it is missing or damaged, or the scene is missing.

    Raises:
        ValueError: it was asked for with other settings: one line.
    """
    asked = kept.get("asked") if isinstance(kept, dict) else None
    if asked != item.asked:
        raise ValueError(
            f"{where}: holds a run with {_difference(asked, item.asked)}; move it away, or give another -o"
        )
    if "ended" not in kept or not isinstance(report, dict):
        return None
    scorer, seconds, notes = report.get("scorer"), report.get("seconds"), kept.get("notes")
    score = scorer.get("views_top1") if isinstance(scorer, dict) else None
    return Outcome(
        "finished", seconds=float(seconds) if isinstance(seconds, (int, float)) and 0 <= seconds < 1e12 else 0.0,
        score=score if isinstance(score, float) and 0 <= score <= 1 else None,
        notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
    )  # fmt: skip


def _difference(found: Any, wanted: dict[str, Any]) -> str:
    """What somebody asked for in an earlier command and not in this one."""
    if not isinstance(found, dict):
        return "settings that cannot be read"
    one, other = _apart(found, wanted)
    return f"{json.dumps(one, ensure_ascii=False)[:100]}, not {json.dumps(other, ensure_ascii=False)[:100]}"


def _apart(one: dict[str, Any], other: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What two trees differ in, without what they share."""
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for key in {**one, **other}:
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            a, b = _apart(a, b)
        if a != b:
            ours[key], theirs[key] = a, b
    return ours, theirs


def begin(folder: Path, item: Item) -> dict[str, Any]:
    """Note that an attempt begins; returns what was noted, for `end`."""
    kept = {"asked": item.asked, "began": time.time()}
    write_json(folder / ASKED, kept)
    (folder / FAILED).unlink(missing_ok=True)
    return kept


def end(folder: Path, kept: dict[str, Any], notes: Sequence[str]) -> None:
    """Note that all files of a run are written, and what was said of it."""
    write_json(folder / ASKED, {**kept, "ended": time.time(), "notes": list(notes)})


def fail(folder: Path, reason: str) -> None:
    """Note why a run failed; not where nothing of it could be noted before: then it is new the next time."""
    if (folder / ASKED).exists():
        write_json(folder / FAILED, {"reason": reason})


def open_output(output: Path) -> str:
    """Make the folder of all runs, and mark it; returns the mark.

    Raises:
        ValueError: one line: it cannot be made or written to.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        probe = output / f".{uuid.uuid4().hex}.tmp"
        probe.touch()
        probe.unlink()
        try:
            with open(output / MARK, "x", encoding="ascii") as file:
                file.write(uuid.uuid4().hex)
        except FileExistsError:
            # Of two that begin in one moment, one may find what the other has not written into yet.
            deadline = time.monotonic() + 1.0
            while not (output / MARK).stat().st_size and time.monotonic() < deadline:
                time.sleep(0.02)
            if not (output / MARK).stat().st_size:  # its writer was killed
                (output / MARK).write_text(uuid.uuid4().hex, encoding="ascii")
        return (output / MARK).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"output: {output} cannot be written to ({why}); give another --output") from error
