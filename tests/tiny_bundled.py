"""A tiny random prior of the bundled kind (multi-view denoiser, patch codec, depth), as a folder to load."""

from __future__ import annotations

import json
from pathlib import Path

import torch

SIDE = 32


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
