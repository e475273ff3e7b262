"""Counting steps that were not finite, and stopping with one line when they do not end."""

from __future__ import annotations

import torch
from torch import Tensor


def all_finite(*values: Tensor | None) -> bool:
    """Whether every number of every tensor is finite (missing tensors are)."""
    tensors = [value for value in values if value is not None]
    # A sum is finite only if all it is made of is: one look at memory instead of three. Finite ones may overflow.
    if not tensors or bool(torch.stack([tensor.sum() for tensor in tensors]).isfinite().all()):
        return True
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def squares_finite(*values: Tensor | None) -> bool:
    """Whether every tensor is finite, and the sum of its squares too: what Adam, meters and fits keep of it."""
    tensors = [value for value in values if value is not None]
    return not tensors or bool(torch.stack([tensor.float().square().sum() for tensor in tensors]).isfinite().all())


class Guard:
    """Skips non-finite steps; `max_skips` in a row are an error.

    A half-precision overflow now and then is normal; a run of them means the scene or the prior is broken.
    """

    def __init__(self, max_skips: int) -> None:
        self.max_skips = max_skips
        self.skipped = 0
        """Steps skipped in all."""
        self.reset = 0
        """Gaussians that had to be put right in all."""
        self.in_a_row = 0
        """Steps that were skipped, or broke Gaussians, since the last good one."""
        self._good = False

    def finite(self, where: str, *values: Tensor | None) -> bool:
        """Whether every element is finite, and none absurdly large; if not, the step is counted as skipped.

        Raises:
            FloatingPointError: see `reject`.
        """
        if squares_finite(*values):
            return True
        self.reject(where)
        return False

    def reject(self, where: str) -> None:
        """Count a step whose `where` was not finite.

        Raises:
            FloatingPointError: this was the last of `max_skips` in a row.
        """
        self.skipped += 1
        self._bad(where)

    def repaired(self, count: int) -> None:
        """Count Gaussians that were not finite after this step, and have been put right.

        Raises:
            FloatingPointError: as for `reject`.
        """
        self.reset += count
        if self._good or self.in_a_row == 0:  # else the step is counted already
            self._bad("the Gaussians")

    def _bad(self, where: str) -> None:
        self._good = False
        self.in_a_row += 1
        if self.in_a_row >= self.max_skips:
            count, self.in_a_row = self.in_a_row, 0  # whoever goes on from here shall have as many tries
            raise FloatingPointError(
                f"{count} steps in a row were not finite, last in {where}; "
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
        return {"skipped": self.skipped, "reset": self.reset, "in_a_row": self.in_a_row, "good": int(self._good)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """The inverse of `state_dict`."""
        self.skipped, self.reset, self.in_a_row = (int(state[name]) for name in ("skipped", "reset", "in_a_row"))
        self._good = bool(state["good"])
