"""gs_stein: from a sentence to a 3D scene of Gaussian splats, by Stein Score Distillation."""

from __future__ import annotations

__version__ = "0.1.0"
