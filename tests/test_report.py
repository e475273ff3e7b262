"""What a report says of the process."""

from __future__ import annotations

import subprocess
import sys

PEAK = "from gs_stein.run.report import peak_memory; print(peak_memory())"


def test_the_peak_is_the_process_s_own_not_that_of_who_started_it() -> None:
    """Linux lets a child begin with the peak that its parent had when it was forked."""
    parent = f"import subprocess, sys; held = bytearray(900 << 20); subprocess.run([sys.executable, '-c', {PEAK!r}])"
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, timeout=120)
    assert 0.05 < float(done.stdout) < 0.85, done.stderr
