"""`python -m gs_stein NAME ...`: what `gs-stein NAME ...` does."""

from __future__ import annotations

import sys

from gs_stein.command.main import main

if __name__ == "__main__":
    sys.exit(main())
