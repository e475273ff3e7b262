"""preview.png and depth.png: what they show of a scene whose sides differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.config.schema import Config
from gs_stein.gaussians.model import Gaussians
from gs_stein.run import pictures


def _board() -> Gaussians:
    """A white board across the east, its front towards the south full of black spots."""
    x, z = torch.meshgrid(torch.linspace(-0.4, 0.4, 17), torch.linspace(-0.4, 0.4, 17), indexing="ij")
    white = torch.stack([x, torch.zeros_like(x), z], -1).reshape(-1, 3)
    spots = white[::3] - torch.tensor([0, 0.1, 0])
    means = torch.cat([white, spots])
    sh = torch.full((len(means), 1, 3), 1.7)
    sh[len(white) :] = -1.7
    quats = torch.zeros(len(means), 4)
    quats[:, 0] = 1
    return Gaussians(means, torch.full((len(means), 3), -3.5), quats, torch.full((len(means),), 6.0), sh)


def test_the_large_picture_is_the_view_with_most_to_see() -> None:
    config = Config(prompt="a board")
    assert isinstance(config.cameras, OrbitCameras)
    sheet = pictures.contact_sheet(_board(), config, side=128).astype(float)
    assert sheet.shape == (128, 128 + 2 * 32, 3)
    hero, around = sheet[:, :128], sheet[:, 128:]
    dark = [(part.mean(axis=2) < 60).mean() for part in (hero, around[96:, 32:], around[64:96, :32])]
    assert dark[0] > 0.01, "the spots are seen"
    back = [around[i * 32 : (i + 1) * 32, j * 32 : (j + 1) * 32] for i in range(4) for j in range(2)]
    hidden = [(part.mean(axis=2) < 60).mean() for part in back]
    assert min(hidden) < dark[0] / 4, "from behind they are not"


def test_depth_has_a_legend_whose_colours_are_those_of_the_pictures() -> None:
    config = replace(Config(prompt="a board"), cameras=OrbitCameras(radius=(2.0, 2.0), elevation=(0.0, 0.0)))
    sheet = pictures.depth_sheet(_board(), config, side=64)
    assert sheet.shape == (2 * 64 + 48, 4 * 64, 3)
    bar, below = sheet[128:152], sheet[152:]
    assert (bar[0] == bar[-1]).all()
    assert len(np.unique(bar[0], axis=0)) > 100
    assert (below < 128).any(axis=2).sum() > 50, "metres are written"
    known = {tuple(colour) for colour in bar[0]}
    seen = sheet[16:48, 16:48].reshape(-1, 3)
    seen = seen[seen.any(axis=1)]
    nearest = np.abs(seen[:, None].astype(int) - np.array(sorted(known))[None]).sum(axis=2).min(axis=1)
    assert nearest.max() <= 12
