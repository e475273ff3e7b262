"""Finds things in pictures: which noun is where, what it looks like, how many there are, and what is left of what.

It only measures and never trains splats. A small convolutional network says of every cell of a 32×32 grid what is in
its middle (a noun of a fixed list), which colour or material that has, and whether it is the middle of a thing.
Everything else is read off these maps.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from gs_stein.files import PACKAGE, read_json, write_json
from gs_stein.scorer import Residual
from gs_stein.world.captions import MATERIAL_WORDS
from gs_stein.world.materials import COLOURS

FOLDER = PACKAGE / "weights" / "detector"
"""Where a bundled one lies."""
SIDE = 128
"""Pictures are shrunk to this side before they are looked at."""
CELLS = 32
"""Cells across a picture."""
VIEWS = 8
"""Views of a scene, all round, that thresholds are made for: the best of more views would be a better one."""
ATTRIBUTES = (*COLOURS, *MATERIAL_WORDS)
"""Colours, and materials that captions name instead."""
CORE = 0.5
"""A thing fills the cells in which it is at least so likely, relative to where it is likeliest."""
NEAR = 2.0
"""Cells by which what is on or above something may stand out to the side."""
RELATIONS = ("left", "right", "on", "above", "under")
"""Words of `phrases.RELATIONS` that a picture shows."""


class Detector(nn.Module):
    """A residual U-Net from pictures to maps of nouns, attributes and middles.

    Args:
        nouns: that it knows; one further channel stands for everything else.
        widths: channels at a quarter, an eighth and a sixteenth of the resolution.
        thresholds: by noun, how likely it must be somewhere for a scene to have it, from 0 to 1.
        middle: how likely a middle must be for a thing to count.
        real: by noun, how well it is found in real renders of held-out scenes (AUC).
    """

    def __init__(
        self,
        nouns: list[str],
        widths: Sequence[int] = (40, 80, 96),
        thresholds: dict[str, float] | None = None,
        middle: float = 0.3,
        real: dict[str, float] | None = None,
    ):
        super().__init__()
        self.nouns, self.widths, self.middle = list(nouns), tuple(widths), middle
        self.thresholds, self.real = dict(thresholds or {}), dict(real or {})
        fine, medium, coarse = widths

        def down(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
            cut = nn.Conv2d(before, after, kernel, stride, padding=(kernel - stride + 1) // 2, bias=False)
            return [cut, nn.BatchNorm2d(after), nn.ReLU()]

        self.fine = nn.Sequential(*down(3, fine, 8, 4), Residual(fine))
        self.medium = nn.Sequential(*down(fine, medium, 3, 2), Residual(medium), Residual(medium))
        self.coarse = nn.Sequential(*down(medium, coarse, 3, 2), Residual(coarse))
        self.from_coarse = nn.Conv2d(coarse, medium, 1)
        self.from_medium = nn.Conv2d(medium, fine, 1)
        self.mix = nn.Sequential(Residual(medium))
        self.last = nn.Sequential(*down(fine, medium, 3, 1))
        self.out = nn.Conv2d(medium, len(self.nouns) + 1 + len(ATTRIBUTES) + 1, 1)

    def forward(self, rgb: Float[Tensor, "n 3 _H _W"]) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of square pictures in [0, 1]: (n, N + 1, 32, 32) of nouns, the last for everything else; (n, A, 32,
        32) of attributes; (n, 32, 32) of middles."""
        if rgb.shape[-1] != SIDE:
            rgb = F.interpolate(rgb, size=(SIDE, SIDE), mode="area")
        fine = self.fine(rgb - 0.5)
        medium = self.medium(fine)
        coarse = self.coarse(medium)
        medium = self.mix(medium + F.interpolate(self.from_coarse(coarse), scale_factor=2.0, mode="nearest"))
        fine = fine + F.interpolate(self.from_medium(medium), scale_factor=2.0, mode="nearest")
        out = self.out(self.last(fine)).float()
        nouns, attributes, middles = out.split((len(self.nouns) + 1, len(ATTRIBUTES), 1), 1)
        return nouns, attributes, middles[:, 0]

    @torch.no_grad()
    def look(self, rgb: Float[Tensor, "V 3 _H _W"]) -> Sight:
        """What views of one scene show."""
        nouns, attributes, middles = self(rgb.float().clamp(0, 1))
        return Sight(self, nouns.softmax(1)[:, :-1], attributes.softmax(1), middles.sigmoid())

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "nouns": self.nouns, "widths": self.widths, "middle": self.middle,
            "thresholds": {name: round(value, 5) for name, value in self.thresholds.items()},
            "real": {name: round(value, 4) for name, value in self.real.items()},
        }  # fmt: skip
        state = self.state_dict()
        weights = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state.items()}
        temporary = folder / "model.tmp"
        save_file(weights, temporary)
        os.replace(temporary, folder / "model.safetensors")
        write_json(folder / "config.json", config)

    @staticmethod
    def load(folder: Path) -> Detector:
        """Read what `save` wrote, ready to look.

        Raises:
            ValueError: there is none, or its files are damaged; one line.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if not (folder / "model.safetensors").is_file():
            raise ValueError(
                f"detector: {folder} holds no detector; train one: `python -m gs_stein.world.train detector`"
            )
        try:
            detector = Detector(**read_json(folder / "config.json"))
            detector.load_state_dict(load_file(folder / "model.safetensors"))
        except (ValueError, TypeError, AttributeError, RuntimeError, OSError, SafetensorError) as error:
            why = str(error).partition("\n")[0]
            raise ValueError(f"detector: {folder} is damaged ({why}); delete it and get or train it again") from error
        if not all(bool(value.isfinite().all()) for value in detector.state_dict().values()):
            raise ValueError(f"detector: {folder} is damaged (not all weights are finite); get or train it again")
        for value in (detector.middle, *detector.thresholds.values(), *detector.real.values()):
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(
                    f"detector: {folder} is damaged (config.json: {value!r} is no number); get or train it again"
                )
        return detector.float().eval().requires_grad_(False)


@dataclass(frozen=True)
class Sight:
    """What a detector sees in V views of one scene."""

    detector: Detector
    nouns: Float[Tensor, "V N h w"]
    """Probabilities; with that of everything else they add up to 1."""
    attributes: Float[Tensor, "V A h w"]
    middles: Float[Tensor, "V h w"]

    @cached_property
    def _best(self) -> Float[Tensor, "V N"]:
        return self.nouns.amax((2, 3))

    def _map(self, noun: str) -> Float[Tensor, "V h w"]:
        """Where a noun is.

        Raises:
            ValueError: the detector does not know it.
        """
        if noun not in self.detector.nouns:
            raise ValueError(f"detector: it was not taught {noun!r}; train it on scenes that have some")
        return self.nouns[:, self.detector.nouns.index(noun)]

    def likely(self, noun: str) -> float:
        """How likely the noun is where it is likeliest."""
        return float(self._map(noun).max())

    def has(self, noun: str) -> bool:
        """Whether the scene has one, by the threshold of real renders."""
        return self.likely(noun) >= self.detector.thresholds.get(noun, 0.5)

    def attribute(self, noun: str) -> str:
        """Colour or material of the noun, where it is."""
        there = self._map(noun)
        weight = there * (there >= CORE * there.max())
        return ATTRIBUTES[int(torch.einsum("vhw,vahw->a", weight, self.attributes).argmax())]

    def count(self, noun: str, middle: float | None = None) -> int:
        """How many there are: middles of such things, in the view that shows most.

        Args:
            noun: that is counted.
            middle: how likely a middle must be; None: as the detector has it.
        """
        there = self._map(noun)
        around = F.max_pool2d(there[:, None], 3, 1, 1)[:, 0]
        highest = F.max_pool2d(self.middles[:, None], 3, 1, 1)[:, 0]
        tops = (self.middles == highest) & (self.middles >= (self.detector.middle if middle is None else middle))
        return max(1, int((tops & (around >= CORE * there.max())).sum((1, 2)).max()))

    def stands(self, noun: str, word: str, other: str) -> bool:
        """Whether one is "left", "right", "on", "above" or "under" another, in the view that shows both best."""
        a, b = self._map(noun), self._map(other)
        limits = [self.detector.thresholds.get(name, 0.5) for name in (noun, other)]
        view = int(torch.minimum(a.amax((1, 2)) / limits[0], b.amax((1, 2)) / limits[1]).argmax())
        (x, y, _), (u, v, half) = _place(a[view]), _place(b[view])
        if word in ("left", "right"):
            return (x < u) == (word == "left")
        return (y < v) == (word != "under") and abs(x - u) <= half + NEAR


def _place(there: Float[Tensor, "h w"]) -> tuple[float, float, float]:
    """Middle (x right, y down) of what fills a map, and half its width, in cells."""
    weight = (there * (there >= CORE * there.max())).numpy()
    across, down = weight.sum(0), weight.sum(1)
    cells = np.flatnonzero(across)
    x, y = (float((line * np.arange(len(line))).sum() / line.sum()) for line in (across, down))
    return x, y, float(cells[-1] - cells[0] + 1) / 2
