"""How often the bundled scorer is right on true pictures, by kind of thing: what a run's own score compares with.

    python -m gs_stein.world.measure.scorer_accuracy gs_stein/weights/scorer

writes accuracy.json beside the scorer: with the captions that name most; among the same others as a run's own score.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from gs_stein.files import print_anything, write_json
from gs_stein.scorer import ACCURACY, Scorer, distractors, retrieval
from gs_stein.text.minilm import MiniLM
from gs_stein.world.families import FAMILIES, SHIPPED
from gs_stein.world.measure.pictures import held_out
from gs_stein.world.scenes import is_object

SCENES = 4
"""Of each kind."""
VIEWS = 8


def main(folder: Path) -> None:
    """Measure every kind and write the table."""
    scorer, encoder, table = Scorer.load(folder), MiniLM(), {}
    kinds = [kind for name in SHIPPED for kind in FAMILIES[name].kinds]
    for i, kind in enumerate(kinds, 1):
        shares = []
        for truth in held_out((kind,), SCENES, VIEWS):
            others = distractors(not is_object(kind), truth.caption)
            shares.append(retrieval(scorer, encoder, truth.rgb, truth.caption, others)[0])
        table[kind] = round(float(torch.tensor(shares).mean()), 3)
        print(f"{i}/{len(kinds)}  {kind:20s} {table[kind]:.0%}", flush=True)
    write_json(folder / ACCURACY, table)
    print(json.dumps(table))


if __name__ == "__main__":
    print_anything()
    main(Path(sys.argv[1]))
