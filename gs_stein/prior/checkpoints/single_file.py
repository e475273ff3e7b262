"""One file instead of a folder: what is in it, and the command that makes a folder of it."""

from __future__ import annotations

from pathlib import Path

from gs_stein.prior.checkpoints.folder import NO_GRADIENTS, CheckpointError, read_safetensors_header

KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("conditioner.embedders.1.",), "StableDiffusionXLPipeline"),
    (("joint_blocks.", "text_encoders."), "StableDiffusion3Pipeline"),
    (("diffusion_model.input_blocks.", "cond_stage_model."), "StableDiffusionPipeline"),
)
"""Parts of weights' names that are all there → the pipeline that reads such a file whole."""
ALONE: tuple[tuple[str, str], ...] = (
    ("joint_blocks.", "sd3"),
    ("double_stream_modulation_img.", "black-forest-labs/FLUX.2-klein-base-4B"),
    ("noise_refiner.", "Tongyi-MAI/Z-Image"),
    ("input_blocks.", "sd21-base"),
)
"""Part of the names of a network's weights, without text encoder and autoencoder → a whole model of that kind."""


def explain(path: Path) -> str:
    """What to do with a single file, after "model: FILE is a single file, not a diffusers folder; "."""
    if path.suffix == ".gguf":
        return f"GGUF is quantised, {NO_GRADIENTS}, as a folder"
    if "4view" in path.name and path.suffix != ".safetensors":
        return mvdream()
    try:
        names = list(read_safetensors_header(path)) if path.suffix == ".safetensors" and path.is_file() else []
    except CheckpointError:
        return "its header is damaged; delete it and get it again"
    if any(".lora_" in name or name.startswith("lora_") for name in names):
        return "it holds a LoRA, not a full model; give the base model it was trained on"
    if any("camera_embed." in name for name in names):
        return mvdream()
    if not names:
        return convert("StableDiffusionPipeline")

    def has(part: str) -> bool:
        return any(part in name for name in names)

    for parts, pipeline in KINDS:
        if all(map(has, parts)):
            return convert(pipeline)
    if has("conditioner.embedders.0."):
        return "it is SDXL's refiner, which cannot begin at noise; give sdxl"
    for part, model in ALONE:
        if has(part):
            return f"it holds the network alone, without text encoder and autoencoder; give a whole model: {model}"
    return f"it holds nothing that gs_stein knows ({names[0][:60]}, …); give a diffusers folder"


def convert(pipeline: str) -> str:
    """The way from a file to a folder, with the class that reads it."""
    command = f"{pipeline}.from_single_file(FILE).save_pretrained(FOLDER)"
    return f"convert it once with diffusers: {command}, then --model FOLDER"


def mvdream() -> str:
    """The way from MVDream's first release to a folder."""
    command = "python -m gs_stein.prior.families.mvdream_original FILE STABLE_DIFFUSION_FOLDER FOLDER"
    return f"convert it once: `{command}`, then --model FOLDER"
