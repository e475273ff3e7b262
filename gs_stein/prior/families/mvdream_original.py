"""MVDream's first release, one .pt file, as a folder that `--model` takes:

    python -m gs_stein.prior.families.mvdream_original sd-v2.1-base-4view.pt STABLE_DIFFUSION_FOLDER NEW_FOLDER

MVDream trained the UNet only: autoencoder, text encoder and noise schedule are those of the Stable Diffusion it began
with, and are taken from its folder (2.1 base for sd-v2.1-base-4view, 1.5 for sd-v1.5-4view).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from gs_stein.files import print_anything, write_atomically
from gs_stein.prior.checkpoints.folder import CheckpointError, check_folder
from gs_stein.prior.families.mvdream import CAMERA, PREFIX, read_weights

PARTS = ("vae", "text_encoder", "tokenizer", "scheduler")
"""Taken from Stable Diffusion."""


def config_of(weights: dict[str, Tensor], path: Path) -> dict[str, Any]:
    """The network's arguments, read from the shapes of its weights (names without prefix).

    Raises:
        CheckpointError: it is no MVDream; one line.
    """
    try:
        width, inside = weights["input_blocks.0.0.weight"].shape[:2]
        if weights["camera_embed.0.weight"].shape[1] != CAMERA:
            raise KeyError
        cross = weights["middle_block.1.transformer_blocks.0.attn2.to_k.weight"]
        linear = weights["middle_block.1.proj_in.weight"].ndim == 2
        blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("input_blocks."))
        downs = [i for i in range(blocks) if f"input_blocks.{i}.0.op.weight" in weights]
        depth = (downs[0] if downs else blocks) - 1
        levels = [range(1 + k * (depth + 1), 1 + k * (depth + 1) + depth) for k in range(len(downs) + 1)]
        factors = [weights[f"input_blocks.{level[0]}.0.out_layers.3.weight"].shape[0] // width for level in levels]
        attends = [2**k for k, at in enumerate(levels) if f"input_blocks.{at[0]}.1.proj_in.weight" in weights][::-1]
    except (KeyError, IndexError) as error:
        raise CheckpointError(f"model: {path} is no checkpoint of MVDream; give sd-v2.1-base-4view.pt") from error
    heads = {"num_head_channels": 64} if linear else {"num_heads": 8}
    return {
        "_class_name": "MultiViewUNetModel", "image_size": 32, "in_channels": inside, "out_channels": inside,
        "model_channels": width, "channel_mult": factors, "num_res_blocks": depth, "attention_resolutions": attends,
        "transformer_depth": 1, "context_dim": cross.shape[1], "camera_dim": CAMERA,
        "use_linear_in_transformer": linear, **heads,
    }  # fmt: skip


def convert(path: Path, base: Path, output: Path) -> None:
    """Write the folder.

    Args:
        path: the .pt file.
        base: folder of the Stable Diffusion that it was trained from.
        output: a new folder.

    Raises:
        CheckpointError: one of them cannot be used; one line.
    """
    from safetensors.torch import save_file

    if output.exists():
        raise CheckpointError(f"output: {output} is there already; give the name of a new folder")
    index = check_folder(base, half=False)[2]
    found = read_weights(path)
    weights = {name.removeprefix(PREFIX): w.contiguous() for name, w in found.items() if name.startswith(PREFIX)}
    config = config_of(weights, path)
    for name in PARTS:
        shutil.copytree(base / name, output / name)
    (output / "unet").mkdir()
    save_file(weights, output / "unet" / "diffusion_pytorch_model.safetensors")
    write_atomically(output / "unet" / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    kept = {name: index[name] for name in PARTS}
    whole = {"_class_name": "MVDreamPipeline", "unet": ["mv_unet", "MultiViewUNetModel"], **kept}
    write_atomically(output / "model_index.json", (json.dumps(whole, indent=2) + "\n").encode())


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    print_anything()
    summary, *_ = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m gs_stein.prior.families.mvdream_original", description=summary)
    for name, what in (("file", "the .pt file"), ("base", "Stable Diffusion's folder"), ("output", "a new folder")):
        parser.add_argument(name, type=Path, help=what)
    options = parser.parse_args(arguments)
    try:
        convert(options.file, options.base, options.output)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"wrote {options.output}; use --model {options.output}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
