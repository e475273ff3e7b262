"""How good can a first guess be? `python -m gs_stein.world.measure.attainable --json`.

Where noise hides everything, the best guess of a picture is the mean over all scenes that its caption fits, seen from
the same cameras. Its squared error is the variance of those pictures: what the caption leaves open, and no network can
go below. Here it is measured, on held-out scenes drawn until enough of them fit, beside what the bundled prior reaches.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.images import to_bytes, write_png
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.options import DiffusionOptions
from gs_stein.types import Cameras
from gs_stein.world.captions import article, phrase
from gs_stein.world.command import run_command
from gs_stein.world.families import FAMILIES
from gs_stein.world.measure.attributes import colourable
from gs_stein.world.measure.guesses import first_guess
from gs_stein.world.render.render import render
from gs_stein.world.scenes import draw_scene

FIRST_SEED = 95_000_000
"""Scenes from here on are never trained on, nor measured elsewhere."""
LEVEL = 0.999
"""Noise level of the guess; what is left of the picture there tells nothing."""
_NOISES = 4


@dataclass(frozen=True)
class Options:
    """Measure the error that captions leave to any guess, and the prior's."""

    model: str = "bundled"
    """The prior: "bundled", or a folder that `gs_stein.world.training.export` wrote."""
    kinds: tuple[str, ...] = FAMILIES["rooms"].kinds
    """Kinds of scene."""
    plain: int = 2
    """Prompts a kind that name the style alone."""
    named: int = 3
    """Prompts a kind that name a thing and its colour too."""
    scenes: int = 18
    """Scenes that fit, a prompt."""
    views: int = 4
    """Views of each."""
    draws: int = 5000
    """Scenes drawn of each kind, among which to look for those that fit (half a minute)."""
    sheet: Path | None = None
    """Save a picture: for each prompt the best guess, the prior's guess, and two scenes that fit."""
    json: bool = False
    """End with one JSON object on a line of its own."""


@dataclass(frozen=True)
class Question:
    """A prompt, cameras, and how scenes look from there that it fits."""

    text: str
    cameras: Cameras
    rgb: Float[Tensor, "S V 3 H W"]

    def attainable(self) -> float:
        """Mean squared error of the best guess: the unbiased variance over scenes."""
        return self.rgb.var(0, correction=1).mean().item()

    def mean_colour(self) -> float:
        """That of somebody who knows each view's mean colour and nothing else."""
        return (self.rgb - self.rgb.mean((-2, -1), keepdim=True)).square().mean().item()

    def guesses(self, prior: DiffusionPrior) -> Float[Tensor, "n V 3 H W"]:
        """The prior's x̂₀ of several noises."""
        noised = self.rgb[:_NOISES]
        return torch.stack([first_guess(prior, rgb, self.cameras, self.text, LEVEL, i) for i, rgb in enumerate(noised)])


def fitting(kind: str, draws: int) -> dict[str, list[int]]:
    """Prompts, and the seeds of drawn scenes by daylight that each fits.

    A prompt says the style, and perhaps a thing with its colour. What captions name does not depend on the rest of the
    scene (but for how many things there are), so these scenes are distributed as the caption implies.
    """
    seeds: dict[str, list[int]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + draws):
        scene = draw_scene(seed, kind)
        if scene.time == "day":
            head = article(f"{scene.style} {kind}")
            things = {phrase(thing, np.random.default_rng(0), bare=0.0) for thing in colourable(scene)}
            for text in (f"{head}, in daylight", *(f"{head} with {thing}, in daylight" for thing in sorted(things))):
                seeds[text].append(seed)
    return seeds


def questions(kind: str, options: Options) -> list[Question]:
    """Draw scenes of a kind, choose prompts that enough of them fit, and render those.

    Raises:
        ValueError: too few prompts have as many scenes.
    """
    rng, chosen = np.random.default_rng(0), []
    known = {text: seeds for text, seeds in fitting(kind, options.draws).items() if len(seeds) >= options.scenes}
    for count, names in ((options.plain, False), (options.named, True)):
        texts = [text for text in known if (" with " in text) == names]
        if len(texts) < count:
            raise ValueError(
                f"--draws: {options.draws} scenes are too few: {len(texts)} prompts of {kind} have {options.scenes} "
                f"that fit, {count} are wanted; draw more, or lower --scenes"
            )
        chosen += [texts[i] for i in rng.choice(len(texts), count, replace=False)]
    found = []
    for i, text in enumerate(chosen):
        scenes = [draw_scene(seed, kind) for seed in known[text][: options.scenes]]
        cameras = sample_cameras(scenes[0].cameras, options.views, torch.Generator().manual_seed(i))
        rgb = torch.stack([torch.from_numpy(render(scene, cameras).rgb) for scene in scenes])
        found.append(Question(text, cameras, rgb.permute(0, 1, 4, 2, 3).float() / 255))
    return found


def decibels(error: float) -> float:
    """Peak signal-to-noise ratio of a mean squared error of pictures in [0, 1]."""
    return -10 * float(np.log10(error))


def main(options: Options) -> None:
    """Print a line a prompt, then means over those that name the style alone, and those that name a thing."""
    if options.scenes < 2:
        raise ValueError(f"--scenes: {options.scenes} have no spread; give 2 or more")
    prior = load_prior(DiffusionOptions(model=options.model))
    errors: dict[str, list[tuple[float, float, float]]] = {"plain": [], "named": []}
    rows, begun = [], time.time()
    print(f"{'dB: best, prior, mean-colour oracle':78s}")
    for done, kind in enumerate(options.kinds, 1):
        for question in questions(kind, options):
            guesses = question.guesses(prior)
            reached = (question.rgb[:, None] - guesses).square().mean().item()
            found = (question.attainable(), reached, question.mean_colour())
            errors["named" if " with " in question.text else "plain"].append(found)
            print(f"{question.text:60s}" + "".join(f"{decibels(error):7.2f}" for error in found), flush=True)
            row = [question.rgb.mean(0), guesses.mean(0), *question.rgb[:2]]
            rows.append(torch.cat([torch.cat([*views], dim=-1) for views in row], dim=-1))
        left = (time.time() - begun) / done * (len(options.kinds) - done)
        print(f"{done}/{len(options.kinds)} kinds, {left / 60:.0f} min left", file=sys.stderr, flush=True)
    figures = {}
    for group, values in errors.items():
        if not values:
            continue
        for name, error in zip(("attainable", "reached", "mean_colour"), np.mean(values, 0), strict=True):
            figures[f"x0_psnr_{name}_{group}"] = round(decibels(error), 3)
    print("\n".join(f"{name:32s} {value:8.3f}" for name, value in figures.items()))
    if options.sheet is not None:
        write_png(options.sheet, to_bytes(torch.cat(rows, dim=1).permute(1, 2, 0)))
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    run_command(main, Options, __doc__)
