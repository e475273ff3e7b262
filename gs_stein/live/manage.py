"""What can be done with runs that lie in a folder: another name, the trash, going on."""

from __future__ import annotations

import re
from pathlib import Path

from gs_stein.config.schema import Config
from gs_stein.config.serialize import read_yaml
from gs_stein.run.folder import BusyError, working_in

TRASH = "trash"
"""Beside the runs; what lies there is shown no more, and comes back by being moved back."""
_LONGEST = 100
"""Characters of a run's name."""


def renamed(run: Path, name: str) -> Path:
    """Give a run another name; returns its folder under that.

    Args:
        run: its folder.
        name: the new name; what no system takes in names becomes a dash.

    Raises:
        ValueError: nothing is left of the name, or it is taken, or somebody works there; one line.
    """
    clean = re.sub(r'[\x00-\x1f<>:"/\\|?*\ud800-\udfff]+', "-", name)[:_LONGEST].strip(" .-")
    if not clean or clean.lower() == TRASH:
        raise ValueError(f"{name!r} is no name for a run; give one with letters or digits")
    target = run.with_name(clean)
    if target == run:
        return run
    if target.exists():
        raise ValueError(f"there is {clean!r} already; give another name")
    return _moved(run, target)


def deleted(run: Path) -> Path:
    """Put a run into the trash beside it; returns where it is now.

    Raises:
        ValueError: somebody works there, or it cannot be moved; one line.
    """
    target, number = run.parent / TRASH / run.name, 2
    while target.exists():
        target = target.with_name(f"{run.name}-{number}")
        number += 1
    return _moved(run, target)


def steps_to_go(run: Path) -> tuple[int, int]:
    """The step that a run's last checkpoint stands at, 0 without one, and the step that it is to end at.

    Raises:
        ValueError: its settings cannot be read.
    """
    found = (re.fullmatch(r"step_([0-9]{1,9})", path.stem) for path in run.glob("checkpoints/step_*.pt"))
    steps = [int(number[1]) for number in found if number is not None]
    total = read_yaml(run / "config.yaml").get("iterations", Config.iterations)
    if not isinstance(total, int):
        raise ValueError(f"{run / 'config.yaml'}: iterations is {total!r}, which is no whole number")
    return max(steps, default=0), total


def _moved(run: Path, target: Path) -> Path:
    try:
        with working_in(run):
            pass
        target.parent.mkdir(exist_ok=True)
        run.rename(target)
    except BusyError as error:
        raise ValueError(f"{run.name} is still being worked on; stop it first") from error
    except OSError as error:
        raise ValueError(f"{run.name} cannot be moved ({error.strerror or error})") from error
    return target
