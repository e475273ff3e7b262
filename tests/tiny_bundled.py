"""A tiny random prior of the bundled kind (multi-view denoiser, patch codec, depth), as a folder to load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

SIDE = 32


def noise_shards(folder: Path, count: int) -> None:
    """A training folder's pool of shards with noise for pictures, all of the same eight views."""
    from gs_stein.cameras.options import RoomCameras
    from gs_stein.cameras.sampling import sample_cameras
    from gs_stein.world.families import FAMILIES
    from gs_stein.world.training.pool import CAPTIONS, SCENES_PER_SHARD, VIEWS, Shard, shard_path

    (folder / "pool").mkdir()
    rng = np.random.default_rng(0)
    cameras = sample_cameras(RoomCameras(resolution=SIDE), VIEWS, torch.Generator().manual_seed(0))
    for index in range(count):
        rgb = rng.integers(0, 256, (SCENES_PER_SHARD, VIEWS, SIDE, SIDE, 3), dtype=np.uint8)
        each = (SCENES_PER_SHARD, 1, 1, 1)
        lengths = np.full((SCENES_PER_SHARD, CAPTIONS), 3)
        Shard(
            rgb, np.zeros(1), np.zeros(1), np.tile(cameras.viewmats.numpy(), each), np.tile(cameras.Ks.numpy(), each),
            [["a room"] * CAPTIONS] * SCENES_PER_SHARD, np.zeros(1),
            rng.normal(size=(lengths.sum(), 384)).astype(np.float16), lengths,
        ).save(shard_path(folder, FAMILIES["rooms"], index))  # fmt: skip


def tiny_bundled(folder: Path) -> Path:
    """Save it; pictures of 32 pixels, latents of 4×8×8."""
    from gs_stein.prior.bundled import MultiViewDenoiser, NoisyDepth, PatchCodec

    with torch.random.fork_rng():
        torch.manual_seed(0)
        codec = PatchCodec(patch=4, channels=4)
        codec.fit(torch.nn.functional.interpolate(torch.rand(8, 3, 8, 8), size=SIDE, mode="bilinear"))
        denoiser = MultiViewDenoiser(
            channels=4, sample_size=SIDE // 4, stem_width=16, stem_blocks=1, width=32, depth=1, heads=2, resolution=SIDE
        )
        depth = NoisyDepth(channels=4, width=16, num_blocks=1)
        for module in (denoiser, depth):
            for parameter in module.parameters():  # zero-initialised layers would answer nothing
                torch.nn.init.normal_(parameter, std=0.05)
    denoiser.save_pretrained(folder / "network")
    codec.save_pretrained(folder / "codec")
    depth.save_pretrained(folder / "depth")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(
        json.dumps({"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000})
    )
    (folder / "model_index.json").write_text(
        json.dumps({
            "_class_name": "MultiViewPipeline",
            "network": ["gs_stein.prior.bundled", "MultiViewDenoiser"],
            "codec": ["gs_stein.prior.bundled", "PatchCodec"],
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
            "depth": ["gs_stein.prior.bundled", "NoisyDepth"],
        })
    )  # fmt: skip
    return folder
