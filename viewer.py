#!/usr/bin/env python3
"""Look at splats in the browser: `python viewer.py RUN_OR_PLY`, or `python viewer.py` for the studio. See `--help`."""

from __future__ import annotations

import faulthandler
import sys

from gs_stein.command.view import main

if __name__ == "__main__":
    faulthandler.enable()  # what kills the process shall not do it without a word
    sys.exit(main(command="viewer.py"))
