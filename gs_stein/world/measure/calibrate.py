"""Thresholds of the detector, from real renders of held-out scenes."""

from __future__ import annotations

import numpy as np

from gs_stein.world.captions import Caption
from gs_stein.world.detector import Detector
from gs_stein.world.families import HELD_OUT
from gs_stein.world.measure.words import KINDS, SEEN, Case
from gs_stein.world.scenes import draw_scene

FIRST = HELD_OUT + 5_000_000
"""First seed of the scenes that decide, which no figure is measured on."""
MIDDLES = tuple(round(0.1 + 0.05 * k, 2) for k in range(13))
"""What is tried for `Detector.middle`."""


def calibrate(detector: Detector, count: int) -> None:
    """Decide its thresholds on real renders of so many held-out scenes, none of which is ever asked about.

    The threshold of a noun is where its balanced accuracy is best; of one that fewer than three scenes show, what is
    best for all nouns together. What counts as a middle is what counts best.
    """
    nouns, likely, state = detector.nouns, [], []
    counts: dict[int, list[list[bool]]] = {1: [], 2: [], 3: []}
    for i in range(count):
        seed = FIRST + i
        scene = draw_scene(seed, KINDS[i % len(KINDS)])
        case = Case.of(scene, seed, Caption("", ()))
        sight = detector.look(case.rgb)
        likely.append(sight.nouns.amax((0, 2, 3)).numpy())
        seen = {thing.name for thing in scene.things if case.cells(thing.id) >= SEEN}
        there = {thing.name for thing in scene.things}
        state.append([1 if noun in seen else -1 if noun in there else 0 for noun in nouns])
        for guest in scene.guests:
            noun, many = case.name(guest.ids[0]), len(guest.ids)
            if noun in nouns and case.most(guest.ids) == many:
                counts[many].append([sight.count(noun, middle) == many for middle in MIDDLES])
        if (i + 1) % 64 == 0:
            print(f"calibrated on {i + 1}/{count} held-out scenes", flush=True)
    values, truth = np.array(likely), np.array(state)
    overall = _threshold(values[truth == 1], values[truth == 0])
    for k, noun in enumerate(nouns):
        yes, no = values[truth[:, k] == 1, k], values[truth[:, k] == 0, k]
        detector.thresholds[noun] = _threshold(yes, no) if len(yes) >= 3 and len(no) else overall
        if len(yes) and len(no):
            detector.real[noun] = float((yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean())
    if detector.real:
        worst = sorted(detector.real.items(), key=lambda one: one[1])
        print(f"mean AUC of {len(worst)} nouns {np.mean(list(detector.real.values())):.3f}; worst: ", end="")
        print(", ".join(f"{noun} {auc:.2f}" for noun, auc in worst[:12]))
    told = [np.mean(hits, axis=0) for hits in counts.values() if hits]
    if told:
        best = int(np.argmax(np.mean(told, axis=0)))
        detector.middle = MIDDLES[best]
        print(f"right counts of one, two and three: {', '.join(f'{hits[best]:.2f}' for hits in told)}")


def _threshold(yes: np.ndarray, no: np.ndarray) -> float:
    """Where balanced accuracy is best, in the middle of the gap."""
    values = np.unique(np.concatenate([yes, no]))
    cuts = np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2])
    hits = 1 - np.searchsorted(np.sort(yes), cuts) / len(yes)
    quiet = np.searchsorted(np.sort(no), cuts) / len(no)
    return float(cuts[int((hits + quiet).argmax())])
