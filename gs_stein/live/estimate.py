"""How long a run will take, by what the finished ones of its kind took on this machine."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from gs_stein.files import read_json
from gs_stein.live.html import duration

_LATEST = 5
"""Runs of a kind that count."""
ELSEWHERE: dict[str | None, dict[bool, str]] = {
    None: {True: "2 to 7 min on two cores", False: "1 min and more on one core"},
    "preview": {True: "1 to 5 min on one core", False: "15 s to 3 min on one core"},
}
"""Preset → scene or object → how long the bundled prior took: from a core with bf16, and quiet, to one without that had
other work too. README has the figures one by one."""


def seconds_by_kind(runs: Iterable[Path]) -> dict[tuple[bool, int], float]:
    """The median seconds of the latest finished runs.

    Args:
        runs: folders, newest first; what cannot be read is left out.

    Returns:
        (whether it is a scene, iterations) → seconds.
    """
    found: dict[tuple[bool, int], list[float]] = {}
    for run in runs:
        try:
            report = read_json(run / "report.json")
            settings = report["settings"]
            kind = bool(settings["scene"]), int(settings["iterations"])
            seconds = float(report["seconds"])
        except (ValueError, TypeError, KeyError, OverflowError):
            continue
        if 0 < seconds < 1e9:
            found.setdefault(kind, []).append(seconds)
    return {kind: statistics.median(times[:_LATEST]) for kind, times in found.items()}


def words(
    known: dict[tuple[bool, int], float], iterations: dict[bool, int], elsewhere: dict[bool, str] | None = None
) -> str:
    """A line for the form.

    Args:
        known: of `seconds_by_kind`.
        iterations: of a scene (True) and of an object (False), as they are set.
        elsewhere: how long they took on other machines, in words; None: that is not known either.
    """
    parts = []
    for scene, name in ((True, "a scene"), (False, "an object")):
        seconds = known.get((scene, iterations[scene]))
        if seconds is not None:
            parts.append(f"{name} about {duration(seconds)} (the median of earlier runs)")
        elif elsewhere is not None:
            parts.append(f"{name} not known yet, elsewhere {elsewhere[scene]}")
        else:
            parts.append(f"{name} not known yet")
    return f"Takes here: {', '.join(parts)}."
