#!/usr/bin/env python3
"""From a sentence to a 3D scene: `python train.py --prompt "a cozy living room" --scene`. See `--help`."""

from __future__ import annotations

import faulthandler
import sys

from gs_stein.command.train import main

if __name__ == "__main__":
    faulthandler.enable()  # what kills the process shall not do it without a word
    sys.exit(main(command="python train.py"))
