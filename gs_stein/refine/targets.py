"""The views that a scene is fitted to, and what a checkpoint keeps of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.types import Cameras


@dataclass(frozen=True)
class Targets:
    """Views, and what they shall look like."""

    cameras: Cameras
    x0: Float[Tensor, "V C h w"]
    depth: Float[Tensor, "V a b"] | None
    """Relative; None if depth is not fitted."""
    rgb: Float[Tensor, "V 3 H W"] | None = None
    """As pictures in [0, 1], for who registers, blends or prunes; None if nobody does."""

    def __getitem__(self, chosen: Tensor) -> Targets:
        """Some of them."""
        there = chosen.to(self.x0.device)
        depth, rgb = (None if x is None else x[there] for x in (self.depth, self.rgb))
        return Targets(self.cameras[chosen], self.x0[there], depth, rgb)


def saved(targets: Targets | None) -> dict | None:
    """What a checkpoint keeps of targets; their pictures are decoded again."""
    if targets is None:
        return None
    return {"cameras": vars(targets.cameras), "x0": targets.x0, "depth": targets.depth}


def restored(state: dict | None, device: torch.device) -> Targets | None:
    """The inverse of `saved`."""
    if state is None:
        return None
    depth = None if state["depth"] is None else state["depth"].to(device)
    return Targets(Cameras(**state["cameras"]), state["x0"].to(device), depth)
