"""`gs-stein view`: splats in the browser; a run or a file, two side by side, or the studio. See `--help`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import tyro

# Threads of OpenMP that wait must sleep instead of spinning. Torch and Numba read this when they are imported.
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


def main(arguments: list[str] | None = None, command: str = "gs-stein view") -> int:
    """Run what the command line says; mistakes are one line, without a traceback.

    Args:
        arguments: without the program's name; None: the process's own.
        command: what the user typed before them, as `--help` shows it.

    Returns:
        The exit status.
    """
    try:
        asked = tyro.cli(Command, args=arguments, prog=command)
        if asked.paths:
            from gs_stein.live.browse import browse

            browse(list(asked.paths), asked.live)
        else:
            from gs_stein.live.studio import studio

            studio(asked.output, asked.live)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
