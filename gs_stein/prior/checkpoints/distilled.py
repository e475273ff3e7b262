"""Models that were distilled to a few steps, or to their guidance: their guesses are no scores.

Score distillation reads a network's guess at any noise level as the mean of all clean images that could be there. A
network that was taught to jump to one image in four steps answers something else, and nothing fails: the scene only
becomes flat or over-saturated. So what says so of itself is refused, and what only looks like it is told.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gs_stein.prior.checkpoints.folder import CheckpointError, read_json

SCHEDULERS = {
    "LCMScheduler": "LCM",
    "TCDScheduler": "TCD",
    "SCMScheduler": "SANA-Sprint",
    "FlowMatchLCMScheduler": "LCM",
}
"""Samplers that only such models come with."""
NAMES = re.compile(
    r"(?:^|[\W_])(lcm|tcd|turbo|lightning|hyper|schnell|sprint|dmd2?|flash|\d+-?steps?)(?=$|[\W_])", re.IGNORECASE
)
"""Words in the names of such models."""
INSTEAD = (
    ("Flux2", "black-forest-labs/FLUX.2-klein-base-4B"),
    ("ZImage", "Tongyi-MAI/Z-Image"),
    ("Sana", "Efficient-Large-Model/Sana_600M_512px_diffusers"),
    ("PixArt", "PixArt-alpha/PixArt-Sigma-XL-2-512-MS"),
    ("StableDiffusionXL", "sdxl"),
    ("StableDiffusion3", "sd3"),
    ("LatentConsistency", "sd15"),
    ("StableDiffusion", "sd21-base"),
)
"""Beginning of a pipeline's name → the model that such a one was distilled from."""


def instead(pipeline: str) -> str:
    """What to give to `--model` in place of a distilled model of that pipeline."""
    return next((model for start, model in INSTEAD if pipeline.startswith(start)), "the base model it was made from")


def refuse_distilled(folder: Path, pipeline: str, index: dict[str, Any], network: dict[str, Any]) -> None:
    """Refuse what says of itself that it was distilled.

    Args:
        folder: of the checkpoint.
        pipeline: its class, from model_index.json.
        index: model_index.json.
        network: config.json of the denoiser.

    Raises:
        CheckpointError: one line with what to use instead.
    """
    scheduler = str(read_json(folder / "scheduler" / "scheduler_config.json", folder).get("_class_name", ""))
    kind = None
    if scheduler in SCHEDULERS:
        kind = f"a few steps ({SCHEDULERS[scheduler]})"
    elif network.get("time_cond_proj_dim") is not None:
        kind = "a few steps (LCM)"
    elif index.get("is_distilled") is True:
        kind = "a few steps (model_index.json: is_distilled)"
    elif network.get("guidance_embeds") is True:
        kind = "its guidance (config.json: guidance_embeds), and has no guess without a prompt"
    if kind is not None:
        raise CheckpointError(
            f"model: {folder} was distilled to {kind}, so that its guesses are no scores; "
            f"give --model {instead(pipeline)}"
        )


def suspicion(folder: Path, identity: str, pipeline: str) -> str | None:
    """One line on a model that looks as if it were distilled; None for any other.

    Args:
        folder: of the checkpoint.
        identity: folder or hub id, as the user knows it.
        pipeline: its class.
    """
    path = folder / "scheduler" / "scheduler_config.json"
    config = read_json(path, folder)
    # Turbo and Lightning begin at pure noise; so do models of zero terminal SNR, which are whole.
    trailing = config.get("timestep_spacing") == "trailing" and not config.get("rescale_betas_zero_snr")
    flows = str(config.get("_class_name")).startswith("FlowMatch") or config.get("prediction_type") == "flow_prediction"
    named = NAMES.search(Path(identity.partition("@")[0]).name) or NAMES.search(str(config.get("_name_or_path", "")))
    if named is not None:
        why = f"its name says {named[1]!r}"
    elif trailing and not flows:
        why = 'its sampler has timestep_spacing "trailing", as Turbo and Lightning'
    else:
        return None
    return (
        f"model: {identity} may have been distilled to a few steps ({why}): scenes turn flat or garish with such; "
        f"--model {instead(pipeline)} is whole"
    )
