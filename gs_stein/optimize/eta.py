"""How long the rest of a run takes.

An iteration costs by what it draws, and by how many views it has denoised: none where it follows a guess, hundreds
where a round of refinement begins. Both prices are fitted to the last hundred iterations or so, by least squares; how
many views are still to be denoised is known.
"""

from __future__ import annotations

import numpy as np

FORGET = 0.99
"""Weight of an iteration against the one after it: pictures grow, and so does the number of Gaussians."""
_FIRST = 20
"""Iterations of which each counts for much less than the next one: in them kernels are compiled, and caches fill."""


class Eta:
    """Seconds an iteration, and seconds a denoised view."""

    def __init__(self) -> None:
        self._normal = np.zeros((2, 2))
        self._right = np.zeros(2)
        self._known = -1

    def add(self, seconds: float, evaluations: int) -> None:
        """Learn from an iteration; the first one compiles and is not counted."""
        if self._known >= 0:
            work = np.array([1.0, evaluations])
            kept = (
                FORGET if self._known >= _FIRST else self._known / (self._known + 2)
            )  # so the n-th weighs as n squared
            self._normal = kept * self._normal + np.outer(work, work)
            self._right = kept * self._right + seconds * work
        self._known += 1

    def left(self, iterations: int, evaluations: int) -> float | None:
        """Seconds that so many iterations with so many denoised views in all take; None before that is known."""
        if not self._normal[0, 0] or (evaluations and not self._normal[1, 1]):
            return None
        # Where all iterations ask alike, the two prices are one: a little ridge shares it between them.
        scale = 1 / np.sqrt(np.diagonal(self._normal).clip(min=1e-12))
        normal = self._normal * np.outer(scale, scale) + 1e-3 * np.eye(2)
        prices = scale * np.linalg.solve(normal, scale * self._right)
        return float(max(0.0, prices.clip(min=0.0) @ [iterations, evaluations]))
