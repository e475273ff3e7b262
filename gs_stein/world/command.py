"""How the world's commands begin: `python -m gs_stein.world.…`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro

from gs_stein.files import print_anything


def run_command(main: Callable[[Any], None], options: Any, description: str | None) -> None:
    """Do what the command line says; a mistake is one line.

    Args:
        main: the command.
        options: type of what it takes.
        description: for --help.
    """
    print_anything()
    try:
        main(tyro.cli(options, description=description))
    except ValueError as error:
        sys.exit(f"error: {error}")
