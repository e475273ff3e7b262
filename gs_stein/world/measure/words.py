"""Does what the words say stand there? A detector looks for what captions of held-out mixed scenes name.

    python -m gs_stein.world.measure.words --json

Held-out scenes have pairs of things and sentences that nothing was trained on. Of each guest that the caption names and
that the real renders show, the detector is asked whether it is there (against scenes that have none, at the threshold
of real renders), whether it has the colour or material of the caption, whether there are so many, and whether it stands
left of, right of, on, above or under what the caption says. What is not there is wrong in every respect. The same
detector says the same of the real renders: that is what a perfect prior would score. Intervals are bootstrapped over
scenes (95 %).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.images import to_bytes, write_png
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.options import DiffusionOptions
from gs_stein.types import Cameras
from gs_stein.world.builder import Scene
from gs_stein.world.captions import Caption, Claim, describe
from gs_stein.world.command import run_command
from gs_stein.world.detector import FOLDER, RELATIONS, VIEWS, Detector, Sight
from gs_stein.world.families import FAMILIES, HELD_OUT
from gs_stein.world.measure.options import Options as Evaluation
from gs_stein.world.measure.pictures import sample_scene
from gs_stein.world.render.render import render
from gs_stein.world.scenes import draw_scene
from gs_stein.world.things.table import HOME
from gs_stein.world.training.pool import coarse_labels

KINDS = (*FAMILIES["mixed-rooms"].kinds, *FAMILIES["mixed-landscapes"].kinds)
CHOICE = 4
"""Of so many scenes, the one whose caption says most is taken."""
CAPTIONS = 8
"""Of each."""
SEEN = 2
"""Cells in which the real renders must show a thing, all views together, for anybody to be asked about it."""
RELIABLE = 0.8
"""AUC with which the detector must find a noun in real renders (those of `calibrate.py`) to be asked about it."""
FIGURES = ("presence", "attributes", "counts", "relations")


@dataclass(frozen=True)
class Case:
    """A held-out scene with the caption that is asked about."""

    scene: Scene
    cameras: Cameras
    caption: Caption
    rgb: Float[Tensor, "V 3 H W"]
    """Real renders, in [0, 1]."""
    labels: UInt8[np.ndarray, "V h w"]
    """Ids of things seen."""

    @staticmethod
    def of(scene: Scene, seed: int, caption: Caption) -> Case:
        """Rendered from cameras all round that the seed draws."""
        cameras = sample_cameras(scene.cameras, VIEWS, torch.Generator().manual_seed(seed))
        views = render(scene, cameras)
        rgb = torch.from_numpy(views.rgb).permute(0, 3, 1, 2).float() / 255
        return Case(scene, cameras, caption, rgb, coarse_labels(views.labels))

    def name(self, thing: int) -> str:
        """What a thing is called."""
        return self.scene.things[thing - 1].name

    def cells(self, *things: int) -> int:
        """In how many cells some things are seen."""
        return int(np.isin(self.labels, things).sum())

    def most(self, things: tuple[int, ...]) -> int:
        """How many of them are seen in the view that shows most."""
        return max(len(set(things) & set(view.ravel().tolist())) for view in self.labels)

    def may_have(self, noun: str) -> bool:
        """Whether the scene has such a thing, or might without a caption saying so."""
        return noun in HOME[self.scene.kind] or self.scene.thing(noun) is not None


def weight(caption: Caption) -> int:
    """How much a caption says that can be checked."""
    told = [bool(c.attribute) + 2 * (len(c.ids) > 1) + 2 * _readable(c) for c in caption.said]
    return len(told) + sum(told)


def _readable(claim: Claim) -> bool:
    return claim.relation is not None and claim.relation.word in RELATIONS


def cases(count: int, first_seed: int = HELD_OUT, choice: int = CHOICE) -> list[Case]:
    """So many held-out mixed scenes, kinds in turn, with captions that say much."""
    found = []
    for i in range(count):
        said = []
        for seed in range(first_seed + choice * i, first_seed + choice * (i + 1)):
            scene = draw_scene(seed, KINDS[i % len(KINDS)])
            said += [(weight(caption), -seed, scene, caption) for caption in describe(scene, seed, CAPTIONS)]
        _, seed, scene, caption = max(said, key=lambda one: one[:2])
        found.append(Case.of(scene, -seed, caption))
    return found


@dataclass(frozen=True)
class Verdict:
    """What was found of one claim; None where the claim says nothing of that, or nobody could see it."""

    case: int
    claim: Claim
    auc: float
    """Share of the scenes without such a thing where it looks less likely; ties are half."""
    found: bool
    alarms: float
    """Share of the scenes without such a thing where one is found."""
    attribute: bool | None
    count: bool | None
    relation: bool | None


def verdicts(asked: Sequence[Case], sights: Sequence[Sight]) -> list[Verdict]:
    """What a detector found of every claim that the real renders show.

    Args:
        asked: the cases.
        sights: what it saw of each: real renders, samples of its caption, or a scene made for it.
    """
    out = []
    for number, (case, sight) in enumerate(zip(asked, sights, strict=True)):
        for claim in case.caption.said:
            noun = case.name(claim.ids[0])
            others = [s for c, s in zip(asked, sights, strict=True) if not c.may_have(noun)]
            if not _reliable(sight.detector, noun) or case.cells(*claim.ids) < SEEN or not others:
                continue
            likely, found = sight.likely(noun), sight.has(noun)
            auc = float(np.mean([(likely > s.likely(noun)) + 0.5 * (likely == s.likely(noun)) for s in others]))
            alarms = float(np.mean([s.has(noun) for s in others]))
            several = len(claim.ids) > 1 and case.most(claim.ids) == len(claim.ids)
            out.append(
                Verdict(
                    number, claim, auc, found, alarms,
                    found and sight.attribute(noun) == claim.attribute if claim.attribute else None,
                    found and sight.count(noun) == len(claim.ids) if several else None,
                    _stands(case, sight, claim, noun) if _shown(case, sight.detector, claim) else None,
                )
            )  # fmt: skip
    return out


def _reliable(detector: Detector, noun: str) -> bool:
    """Whether a detector knows a noun when it sees it."""
    return noun in detector.nouns and detector.real.get(noun, 1.0) >= RELIABLE


def _shown(case: Case, detector: Detector, claim: Claim) -> bool:
    """Whether a view shows a relation to the only thing of its name."""
    if claim.relation is None or not _readable(claim):
        return False
    other = claim.relation.thing
    alone = sum(thing.name == case.name(other) for thing in case.scene.things) == 1
    both = any(np.isin(view, claim.ids).any() and (view == other).any() for view in case.labels)
    return alone and both and _reliable(detector, case.name(other))


def _stands(case: Case, sight: Sight, claim: Claim, noun: str) -> bool:
    """Whether both are there, as the claim says."""
    assert claim.relation is not None
    other = case.name(claim.relation.thing)
    return sight.has(noun) and sight.has(other) and sight.stands(noun, claim.relation.word, other)


def scores(found: Sequence[Verdict]) -> dict[str, float]:
    """Means over claims: AUC, balanced accuracy, share found, false alarms, right attributes, counts, relations."""

    def mean(values: Sequence[float | bool]) -> float:
        return float(np.mean(values)) if values else float("nan")

    def right(name: str, there: bool = False) -> list[float]:
        told = [(v, getattr(v, name)) for v in found]
        return [float(value) for v, value in told if value is not None and (v.found or not there)]

    share, alarms = mean([v.found for v in found]), mean([v.alarms for v in found])
    return {
        "presence": (share + 1 - alarms) / 2,
        "presence_auc": mean([v.auc for v in found]),
        "presence_found": share,
        "presence_alarms": alarms,
        "attributes": mean(right("attribute")),
        "attributes_of_found": mean(right("attribute", there=True)),
        "counts": mean(right("count")),
        "relations": mean(right("relation")),
    }


def compared(ours: Sequence[Verdict], real: Sequence[Verdict], draws: int = 1000) -> dict[str, float]:
    """Scores of both, and what of the real ones ours reach.

    Args:
        ours: of samples or scenes.
        real: of real renders, for the same claims.
        draws: of the bootstrap over scenes.

    Returns:
        For each of `FIGURES` X: X, X_real, X_over_real, its interval X_over_real_low to _high, and the claims X_n. A
        detector that says nothing scores 0.5 in presence and its AUC, so their ratios are of what is beyond that;
        presence_accuracy_over_real is the ratio as it is.
    """
    mine, theirs = scores(ours), scores(real)
    out = {}
    for name, value in mine.items():
        out |= {name: value, f"{name}_real": theirs[name]}
    for name in (*FIGURES, "presence_auc", "attributes_of_found"):
        out[f"{name}_over_real"] = _over_real(name, mine, theirs)
    out["presence_accuracy_over_real"] = _ratio(mine["presence"], theirs["presence"])
    rng = np.random.default_rng(0)
    by_case: dict[int, list[int]] = {}
    for i, verdict in enumerate(ours):
        by_case.setdefault(verdict.case, []).append(i)
    numbers, drawn = list(by_case.values()), []
    for _ in range(draws if numbers else 0):
        chosen = [i for k in rng.integers(len(numbers), size=len(numbers)) for i in numbers[k]]
        a, b = scores([ours[i] for i in chosen]), scores([real[i] for i in chosen])
        drawn.append([_over_real(name, a, b) for name in FIGURES])
    for i, name in enumerate(FIGURES):
        known = np.array([row[i] for row in drawn if np.isfinite(row[i])])
        low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (np.nan, np.nan)
        out |= {f"{name}_over_real_low": float(low), f"{name}_over_real_high": float(high)}
    told = {"attributes": "attribute", "counts": "count", "relations": "relation"}
    out["presence_n"] = len(ours)
    out |= {f"{name}_n": sum(getattr(v, field) is not None for v in ours) for name, field in told.items()}
    return out


def _over_real(name: str, mine: dict[str, float], theirs: dict[str, float]) -> float:
    chance = 0.5 if name.startswith("presence") else 0.0
    return _ratio(mine[name] - chance, theirs[name] - chance)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float("nan")


def lines(asked: Sequence[Case], found: Sequence[Verdict]) -> list[str]:
    """A line a case: its caption, and what was found (+) or not (-)."""
    out = []
    for number, case in enumerate(asked):
        marks = []
        for v in found:
            if v.case == number:
                relation = "" if v.claim.relation is None else v.claim.relation.word
                parts = ((case.name(v.claim.ids[0]), v.found), (v.claim.attribute, v.attribute))
                parts += ((f"×{len(v.claim.ids)}", v.count), (relation, v.relation))
                marks += [f"{'+' if right else '-'}{text}" for text, right in parts if right is not None]
        out.append(f"{' '.join(marks)}   {case.caption.text}")
    return out


def sheet(path: Path, ours: Sequence[Tensor], asked: Sequence[Case], views: int = 4) -> None:
    """So many views of ours on the left, the real ones on the right, a row a case."""
    rows = []
    for rgb, case in zip(ours, asked, strict=True):
        same = F.interpolate(rgb, case.rgb.shape[2:], mode="area").clamp(0, 1)
        rows.append(torch.cat([*same[:: VIEWS // views], *case.rgb[:: VIEWS // views]], 2))
    write_png(path, to_bytes(torch.cat(rows, 1).permute(1, 2, 0)))


def for_json(found: dict[str, float]) -> dict[str, float | None]:
    """Rounded; null for what no caption claimed."""
    return {name: round(value, 5) if np.isfinite(value) else None for name, value in found.items()}


@dataclass(frozen=True)
class Options:
    """Ask a detector whether a prior's samples show what held-out captions say."""

    model: str = "bundled"
    """The prior: "bundled", or a folder that `gs_stein.world.training.export` wrote."""
    detector: Path = FOLDER
    """What `python -m gs_stein.world.train detector` wrote."""
    scenes: int = 48
    """Held-out mixed scenes; rooms and landscapes in turn."""
    steps: int = 25
    """Denoising steps of a sample of eight views."""
    sheet: Path | None = None
    """Save the sampled pictures, a row a scene, real ones to their right."""
    json: bool = False
    """End with one JSON object on a line of its own."""

    def __post_init__(self) -> None:
        for name in ("scenes", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name}: {getattr(self, name)} is below 1; leave it out for the default")


def figures(
    detector: Detector,
    asked: Sequence[Case],
    pictures: Callable[[Case, int], Float[Tensor, "V 3 H W"]],
    path: Path | None = None,
) -> dict[str, float]:
    """The figures of `compared`; a line a scene is printed.

    Args:
        detector: looks.
        asked: the cases.
        pictures: of the caption of a case, from its cameras, given its number too.
        path: of a sheet.
    """
    real = [detector.look(case.rgb) for case in asked]
    shown = []
    for i, case in enumerate(asked):
        shown.append(pictures(case, i).float().cpu())
        print(f"\rmade {i + 1}/{len(asked)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if path is not None:
        sheet(path, shown, asked)
    found = verdicts(asked, [detector.look(rgb) for rgb in shown])
    print("\n".join(lines(asked, found)), flush=True)
    return compared(found, verdicts(asked, real))


def of_samples(
    model: str, detector: Detector, count: int, options: Evaluation, path: Path | None = None
) -> dict[str, float]:
    """The figures of a prior's samples."""
    prior = load_prior(DiffusionOptions(model=model))
    return figures(
        detector, cases(count), lambda case, i: sample_scene(prior, case.caption.text, case.cameras, options, i), path
    )


def main(options: Options) -> None:
    """Measure and print."""
    detector = Detector.load(options.detector)
    settings = replace(Evaluation(), steps=options.steps)
    found = of_samples(options.model, detector, options.scenes, settings, options.sheet)
    for name, value in found.items():
        print(f"{name:34s} {value:8.3f}")
    if options.json:
        print(json.dumps(for_json(found)))


if __name__ == "__main__":
    run_command(main, Options, __doc__)
