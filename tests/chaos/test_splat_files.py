"""Damaged files of every format: one line with the file's name, or a scene of finite numbers; nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from gs_stein.bench.chaos.damage import in_bytes
from gs_stein.gaussians.files import FORMATS, read_scene, write_gaussians
from gs_stein.gaussians.initialise import initialise
from gs_stein.gaussians.model import Gaussians
from gs_stein.gaussians.options import RoomStart

MUTATIONS = 60
NAMES = [row.name for row in FORMATS if row.reads and row.name != "usd"]  # usd-core is a library that may end a process


def read(path: Path) -> tuple[Gaussians | None, str]:
    """The scene, or what is said instead."""
    try:
        return read_scene(path).gaussians, ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("name", NAMES)
def test_damaged_scenes_are_one_line_or_finite(tmp_path: Path, name: str) -> None:
    row = next(row for row in FORMATS if row.name == name)
    scene = initialise(RoomStart(count=300), torch.Generator().manual_seed(0), sh_degree=1)
    path = tmp_path / f"scene{row.suffixes[0]}"
    write_gaussians(path, scene)
    data, dice, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(MUTATIONS):
        path.write_bytes(in_bytes(data, dice))
        found, said = read(path)
        if found is None:
            refused += 1
            assert str(path) in said
            assert "\n" not in said
        else:
            assert bool(found.finite().all())
            assert len(found) > 0
    assert refused > 5, "damage is noticed where it can be"
