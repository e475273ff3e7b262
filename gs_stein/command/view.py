"""`gs-stein view`: splats in the browser; a run or a file, two side by side, or the studio. See `--help`."""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

# Threads of OpenMP that wait must sleep instead of spinning. Torch and Numba read this when they are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# NumPy's own threads spin while they wait for each other: beside other busy programs reading a scene took up to thrice
# as long, alone no less.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gs_stein.command.loading import importing_torch
from gs_stein.files import print_anything
from gs_stein.gaussians.formats.table import FORMATS
from gs_stein.live.options import LiveOptions

_KNOWN = " ".join(suffix for row in FORMATS if row.reads for suffix in row.suffixes)


@dataclass(frozen=True)
class Command:
    """Look at splats in the browser.

    Give the folder of a run, finished or still training; or a splat file of any format or a 3DGS model folder, ours or
    another tool's; or two of them to see them side by side. Without any it is the studio: type a prompt, press
    Generate, watch.
    """

    paths: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(
            help=f"Folder of a run, 3DGS model folder, or splat file ({_KNOWN}); two to compare; none for the studio."
        ),
    ] = ()
    up: Literal["z-up", "y-down", "y-up"] | None = None
    """Which way is up in a file, if it comes out on its side or head; remembered for the next time. The page has the
    same choice. Default: as chosen before, else what the file says, else what is usual for its format."""
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
    print_anything()
    status, whole = 0, True
    try:
        asked = tyro.cli(Command, args=arguments, prog=command)
        if asked.up is not None and not asked.paths:
            raise ValueError("up: there is no file to turn; give one, or leave --up out")
        if asked.paths:
            with importing_torch():
                from gs_stein.live.browse import browse

            whole = browse(list(asked.paths), asked.live, up=asked.up)
        else:
            with importing_torch():
                from gs_stein.live.studio import studio

            whole = studio(asked.output, asked.live)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        status, whole = 130, False
    if not whole:
        # A thread still reads or draws. Nobody wants its work, but Python would abort on finding it inside torch.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    gc.freeze()  # else the interpreter would tidy up for a second before it ends
    return status


if __name__ == "__main__":
    sys.exit(main())
