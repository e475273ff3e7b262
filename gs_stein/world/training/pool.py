"""Training data as a stream: scenes drawn from seeds, rendered once by background processes, kept as shards.

A shard is a pure function of its family and number, so a pool can be deleted and rendered again at any time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.cameras.sampling import sample_cameras
from gs_stein.world.command import run_command
from gs_stein.world.families import FAMILIES, SCORER, Family

SCENES_PER_SHARD = 32
VIEWS = 8
CAPTIONS = 6
DEPTH_SIDE = 32
LABELS = 64
"""Things that a scene may have, and the 0 of what is none."""
TRAINING = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gs_stein" / "training"
"""Where training keeps its files unless told otherwise: the user's cache."""


@dataclass(frozen=True)
class Shard:
    """SCENES_PER_SHARD scenes of VIEWS views each."""

    rgb: np.ndarray
    """uint8 (S, V, 128, 128, 3)."""
    depth: np.ndarray
    """float16 (S, V, 32, 32), mean camera z in metres over what was hit; 0 where nothing was."""
    labels: np.ndarray
    """uint8 (S, V, 32, 32), the id of the thing seen in the middle of each cell; 0 where there is none."""
    viewmats: np.ndarray
    """float32 (S, V, 4, 4)."""
    Ks: np.ndarray
    """float32 (S, V, 3, 3)."""
    captions: list[list[str]]
    """CAPTIONS paraphrases a scene."""
    named: np.ndarray
    """bool (S, CAPTIONS, LABELS), which ids a caption names."""
    tokens: np.ndarray
    """float16 (n, 384), the text encoder's states of all captions, one after the other."""
    lengths: np.ndarray
    """int64 (S, CAPTIONS), tokens of each caption."""

    def caption(self, scene: int, number: int = 0) -> Float[Tensor, "L D"]:
        """Token states of one caption of a scene."""
        lengths = self.lengths.reshape(-1)
        which = scene * CAPTIONS + number
        start = int(lengths[:which].sum())
        return torch.from_numpy(self.tokens[start : start + int(lengths[which])]).float()

    def save(self, path: Path) -> None:
        """Write atomically."""
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with open(temporary, "wb") as file:
            np.savez(
                file,
                rgb=self.rgb,
                depth=self.depth,
                labels=self.labels,
                viewmats=self.viewmats,
                Ks=self.Ks,
                captions=np.frombuffer(json.dumps(self.captions).encode(), np.uint8),
                named=self.named,
                tokens=self.tokens,
                lengths=self.lengths,
            )
        os.replace(temporary, path)

    @staticmethod
    def load(path: Path) -> Shard:
        """Read what `save` wrote."""
        with np.load(path) as data:
            if "labels" not in data:
                raise ValueError(f"--folder: {path} was rendered by an earlier version; delete {path.parent}")
            captions = json.loads(data["captions"].tobytes().decode())
            return Shard(
                data["rgb"], data["depth"], data["labels"], data["viewmats"], data["Ks"], captions, data["named"],
                data["tokens"], data["lengths"],
            )  # fmt: skip


def render_scenes(seeds: list[int], kinds: list[str], views: int = VIEWS) -> Shard:
    """Draw, caption, encode and render scenes; cameras come from a generator seeded by the scene."""
    from gs_stein.text.minilm import MiniLM
    from gs_stein.world.captions import describe
    from gs_stein.world.render.render import render
    from gs_stein.world.scenes import draw_scene

    rgb, depth, labels, viewmats, Ks, texts, named = [], [], [], [], [], [], []
    for seed, kind in zip(seeds, kinds, strict=True):
        scene = draw_scene(seed, kind)
        cameras = sample_cameras(scene.cameras, views, torch.Generator().manual_seed(seed % 2**62 + 1))
        picture = render(scene, cameras)
        rgb.append(picture.rgb)
        depth.append(coarse_depth(picture.depth))
        labels.append(coarse_labels(picture.labels))
        viewmats.append(cameras.viewmats.numpy())
        Ks.append(cameras.Ks.numpy())
        described = describe(scene, seed, CAPTIONS)
        texts.append([caption.text for caption in described])
        named.append([np.isin(np.arange(LABELS), caption.named) for caption in described])
    text = MiniLM()([caption for scene in texts for caption in scene])
    return Shard(
        np.stack(rgb), np.stack(depth), np.stack(labels), np.stack(viewmats).astype(np.float32),
        np.stack(Ks).astype(np.float32), texts, np.array(named),
        text.tokens[text.mask].half().numpy(), text.mask.sum(1).view(len(texts), -1).numpy(),
    )  # fmt: skip


def coarse_depth(depth: np.ndarray) -> np.ndarray:
    """Mean depth of what was hit in each cell of a 32×32 grid; depth is float32 (V, H, W), 0 where nothing was hit."""
    V, H, W = depth.shape
    cells = depth.reshape(V, DEPTH_SIDE, H // DEPTH_SIDE, DEPTH_SIDE, W // DEPTH_SIDE)
    hits = (cells > 0).sum((2, 4))
    return (cells.sum((2, 4)) / np.maximum(hits, 1)).astype(np.float16)


def coarse_labels(labels: np.ndarray) -> np.ndarray:
    """What is in the middle of each cell of a 32×32 grid, uint8; labels are ids (V, H, W)."""
    cell = labels.shape[1] // DEPTH_SIDE
    return labels[:, cell // 2 :: cell, cell // 2 :: cell].astype(np.uint8)


def shard_path(folder: Path, family: Family, index: int) -> Path:
    """Where a shard lies."""
    return folder / "pool" / f"{family.name}-{index:05d}.npz"


def rendered(path: Path) -> Path:
    """The same path, once the shard is there: somebody renders it, and whoever waits says so every minute."""
    waited = 0
    while not path.exists():
        time.sleep(1.0)
        waited += 1
        if waited % 60 == 0:
            print(f"waiting for {path.name} ({waited // 60} min)", flush=True)
    return path


def make_shard(folder: Path, family: Family, index: int) -> None:
    """Render one shard unless it is there."""
    path = shard_path(folder, family, index)
    if path.exists():
        return
    scenes = [family.scene(index * SCENES_PER_SHARD + i) for i in range(SCENES_PER_SHARD)]
    render_scenes([seed for seed, _ in scenes], [kind for _, kind in scenes]).save(path)


@dataclass(frozen=True)
class Options:
    """Render a pool of training scenes; several of these may share one by --stride and --offset."""

    folder: Path = TRAINING
    """Where pool/ lies."""
    family: str = "rooms"
    """Which family to render."""
    shards: int = 200
    """How many shards of 32 scenes × 8 views (about 13 MB each)."""
    stride: int = 1
    """Number of processes that share the work."""
    offset: int = 0
    """Which of them this one is."""
    parent: int = 0
    """Process without which to stop after a shard; 0: the one that started this."""


def start_workers(folder: Path, family: str, shards: int, workers: int) -> list[subprocess.Popen]:
    """Start background processes that fill a pool; they end by themselves, or with their parent."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
    return [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gs_stein.world.training.pool",
                "--folder",
                str(folder),
                "--family",
                family,
                "--shards",
                str(shards),
                "--stride",
                str(workers),
                "--offset",
                str(i),
                "--parent",
                str(os.getpid()),
            ],
            env=environment,
        )
        for i in range(workers)
    ]


def main(options: Options) -> None:
    """Fill a pool, reporting images a second."""
    named = FAMILIES | {SCORER.name: SCORER}
    if options.family not in named:
        raise ValueError(f"--family: {options.family!r} is not one of {', '.join(named)}")
    family = named[options.family]
    (options.folder / "pool").mkdir(parents=True, exist_ok=True)
    parent = options.parent or os.getppid()  # by now the trainer may have gone
    start, made = time.time(), 0
    for index in range(options.offset, options.shards, options.stride):
        if os.getppid() != parent:  # the trainer has gone
            return
        fresh = not shard_path(options.folder, family, index).exists()
        make_shard(options.folder, family, index)
        made += fresh
        if fresh:
            rate = made * SCENES_PER_SHARD * VIEWS / (time.time() - start)
            left = (options.shards - index) / options.stride * SCENES_PER_SHARD * VIEWS / rate
            print(
                f"{family.name}: shard {index + 1}/{options.shards}, {rate:.0f} images/s, {left / 60:.0f} min left",
                flush=True,
            )


if __name__ == "__main__":
    run_command(main, Options, Options.__doc__)
