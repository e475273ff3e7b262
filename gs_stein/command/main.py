"""The installed command: `gs-stein NAME ...` hands over to one of the programs below.

To add one, add its row: a module with `main(arguments)` that returns the exit status.
"""

from __future__ import annotations

import faulthandler
import sys
from contextlib import suppress
from importlib import import_module

from gs_stein.files import print_anything

COMMANDS = {
    "train": ("gs_stein.command.train", "from a sentence to a 3D scene"),
    "view": ("gs_stein.command.view", "splats in the browser: a run, a file, two side by side, or the studio"),
    "batch": ("gs_stein.batch.__main__", "many prompts, a run each: here, on Ray, or in a job array"),
    "export": ("gs_stein.export.__main__", "any splat file in other formats, or as a mesh"),
    "render": ("gs_stein.render.__main__", "pictures, films and panoramas of any splat file"),
    "evaluate": ("gs_stein.evaluate", "how good a run is, on views it never saw"),
    "doctor": ("gs_stein.doctor", "what this machine can do, and what is missing"),
    "bench": ("gs_stein.bench.__main__", "measure one thing: speed, variance, convergence, prompts"),
}
"""Name → its module, and what it does."""


def main(arguments: list[str] | None = None) -> int:
    """Hand over to the program that was named; nothing heavy is imported before.

    Args:
        arguments: without the program's name; None: the process's own.

    Returns:
        The exit status.
    """
    print_anything()
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name not in COMMANDS:
        asked = name in ("-h", "--help")
        out = sys.stdout if asked else sys.stderr
        print("usage: gs-stein NAME ... (gs-stein NAME --help tells more)\n", file=out)
        for command, (_, what) in COMMANDS.items():
            print(f"  {command:9s} {what}", file=out)
        if not asked:
            print(f"\ngs-stein: there is no {name!r}; give one of {', '.join(COMMANDS)}", file=out)
        return 0 if asked else 2
    with suppress(ValueError, RuntimeError):  # whoever calls this may have no stderr that is a file
        faulthandler.enable()  # what kills the process shall not do it without a word
    try:
        return import_module(COMMANDS[name][0]).main(rest)
    except ValueError as error:
        # A user's mistake is one line, not a traceback.
        print(f"error: {error}", file=sys.stderr)
        return 2
