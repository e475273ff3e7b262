#!/usr/bin/env python3
"""Look at splats in the browser: `python viewer.py RUN_OR_PLY`, or `python viewer.py` for the studio. See `--help`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

# Threads of OpenMP that wait must sleep instead of spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.live.options import LiveOptions


@dataclass(frozen=True)
class Command:
    """Look at splats in the browser.

    Give the folder of a run, finished or still training; or a splat file, ours or another tool's; or two of them to
    see them side by side. Without any it is the studio: type a prompt, press Generate, watch.
    """

    paths: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Folder of a run, .ply or .splat; two to compare; none for the studio."""
    output: Path = Path("runs")
    """Studio: folder of the runs."""
    live: tyro.conf.OmitArgPrefixes[LiveOptions] = field(default_factory=LiveOptions)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; mistakes are one line, without a traceback."""
    try:
        command = tyro.cli(Command, args=arguments, prog="viewer.py")
        if command.paths:
            from gs_stein.live.browse import browse

            browse(list(command.paths), command.live)
        else:
            from gs_stein.live.studio import studio

            studio(command.output, command.live)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
