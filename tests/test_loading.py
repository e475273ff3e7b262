"""Torch is imported without looking for garbage, which is looked for again afterwards, whatever happens."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import gc, sys
from gs_stein.command.loading import importing_torch
assert "torch" not in sys.modules
try:
    with importing_torch():
        assert not gc.isenabled()
        {body}
except ValueError:
    pass
assert gc.isenabled() and gc.get_freeze_count() > 0
sys.modules["torch"], before = gc, gc.get_freeze_count()
with importing_torch():
    assert gc.isenabled()
assert gc.get_freeze_count() == before, "a program that has torch already is left alone"
"""


def test_garbage_is_looked_for_again_afterwards() -> None:
    for body in ("pass", "raise ValueError"):
        subprocess.run([sys.executable, "-c", CODE.format(body=body)], check=True)
