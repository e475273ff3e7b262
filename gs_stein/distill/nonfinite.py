"""Counting steps that were not finite, and stopping with one line when they do not end."""

from __future__ import annotations

import torch
from torch import Tensor


class Guard:
    """Skips non-finite steps; `max_skips` in a row are an error.

    A half-precision overflow now and then is normal; a run of them means the scene or the prior is broken.
    """

    def __init__(self, max_skips: int) -> None:
        self.max_skips = max_skips
        self.skipped = 0
        """Steps skipped in all."""
        self.in_a_row = 0
        """Steps skipped since the last good one."""
        self._good = False

    def finite(self, where: str, value: Tensor) -> bool:
        """Whether every element is finite; if not, the step is counted as skipped.

        Raises:
            FloatingPointError: see `reject`.
        """
        if bool(torch.isfinite(value).all()):
            return True
        self.reject(where)
        return False

    def reject(self, where: str) -> None:
        """Count a step whose `where` was not finite.

        Raises:
            FloatingPointError: this was the last of `max_skips` in a row.
        """
        self._good = False
        self.skipped += 1
        self.in_a_row += 1
        if self.in_a_row >= self.max_skips:
            raise FloatingPointError(
                f"{self.in_a_row} steps in a row were not finite, last in {where}; "
                "lower the learning rates or use full precision"
            )

    def begin(self) -> None:
        """A new step: if nobody has rejected the last one, not even outside after `accept`, it ends a run."""
        if self._good:
            self.in_a_row = 0
        self._good = False

    def accept(self) -> None:
        """This step is good, unless somebody rejects it before the next begins."""
        self._good = True

    def state_dict(self) -> dict[str, int]:
        """Counts."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row, "good": int(self._good)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """The inverse of `state_dict`."""
        self.skipped, self.in_a_row = int(state["skipped"]), int(state["in_a_row"])
        self._good = bool(state["good"])
