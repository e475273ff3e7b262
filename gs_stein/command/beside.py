"""A mistake is told once, though torchrun starts the same command several times on a machine. Free of torch."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

COURTESY = 10.0
"""Seconds in which the first rank of a machine has its say."""


def beside() -> bool:
    """Whether torchrun started this process beside another one on this machine, which sees the same command and
    files."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("LOCAL_RANK", "0") != "0"


def let_first_speak(error: BaseException) -> None:
    """Wait, beside another rank, for that one to tell a mistake: when it ends, torchrun ends this one too.

    What only this rank stumbles over it can tell afterwards; what is about the other ranks, at once.
    """
    if beside():
        from gs_stein.ranks import ApartError, LostError

        if not isinstance(error, (ApartError, LostError)):
            time.sleep(COURTESY)


@contextmanager
def after_first() -> Iterator[None]:
    """Inside, a command line may be read that is wrong or asks for help: of that, too, the first one tells."""
    if not beside():
        yield
        return
    with redirect_stderr(io.StringIO()) as said:
        try:
            yield
        except SystemExit as end:
            if not end.code:
                raise
            let_first_speak(end)
            print(said.getvalue(), end="", file=sys.__stderr__)
            raise
