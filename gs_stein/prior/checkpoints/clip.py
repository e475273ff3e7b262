"""A whole CLIP, both towers, as the judge of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gs_stein.prior.checkpoints.bounds import a_number
from gs_stein.prior.checkpoints.folder import (
    CheckpointError,
    check_vocabulary,
    check_weights,
    choose_weights,
    read_json,
)
from gs_stein.prior.checkpoints.registry import NetworkSpec, locate_network
from gs_stein.prior.checkpoints.text import transformers_dtype
from gs_stein.prior.checkpoints.weights import loaded, loaded_network, quiet, variant_of

if TYPE_CHECKING:
    from transformers import CLIPModel, PreTrainedTokenizerBase

CLIP: tuple[NetworkSpec, ...] = ()
"""None has a name of its own: which CLIP judges is a choice to be made and said."""
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
"""Of the pixels that CLIP was trained on, where a folder says nothing."""


@dataclass(frozen=True)
class ClipParts:
    """A CLIP that is ready to judge."""

    name: str
    """As the user gave it."""
    model: CLIPModel
    tokenizer: PreTrainedTokenizerBase
    side: int
    """Of its pictures, in pixels."""
    mean: list[float]
    std: list[float]


def load_clip(name: str) -> ClipParts:
    """A CLIP of a folder or of the hub, in fp32.

    Args:
        name: folder or hub id ("openai/clip-vit-base-patch16", "owner/name@revision").

    Raises:
        CheckpointError: it cannot be had, or is none; one line.
    """
    try:
        folder = locate_network(name, CLIP, "clip")
        return _load(name, folder)
    except CheckpointError as error:
        said = str(error)
        raise CheckpointError(said if said.startswith("clip:") else f"clip: {said.removeprefix('model: ')}") from error


def _load(name: str, folder: Path) -> ClipParts:
    import transformers

    names = [path.name for path in folder.iterdir()]
    if "model_index.json" in names:
        raise CheckpointError(f"{folder} is a model of pictures; give a CLIP, e.g. openai/clip-vit-base-patch16")
    weights = choose_weights(names, half=False)
    config = read_json(folder / "config.json", folder)
    kinds = config.get("architectures")
    kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
    if kind != "CLIPModel" or not isinstance(kinds, list):
        what = f"{folder} holds {str(kind)[:40]}, not a CLIPModel"
        raise CheckpointError(f"{what}; give e.g. openai/clip-vit-base-patch16")
    problem = check_weights(folder.parent, folder.name, weights) if weights else f"{folder.name} has no weights"
    problem = problem or check_vocabulary(folder)
    if problem is not None:
        raise CheckpointError(f"{problem} (in {folder.parent}); get the folder again")
    with quiet():
        settings: dict[str, Any] = transformers_dtype(torch.float32) | {"variant": variant_of(weights)}
        model: Any = loaded_network(transformers.CLIPModel, folder, **settings)
        tokenizer = loaded(transformers.CLIPTokenizer, folder)
    path = folder / "preprocessor_config.json"
    prepare = read_json(path, folder) if path.is_file() else {}
    vision = {"image_size": model.config.vision_config.image_size}
    side = a_number(vision, "image_size", 8.0, 2048.0, folder / "config.json")
    mean, std = (prepare.get(key, value) for key, value in (("image_mean", MEAN), ("image_std", STD)))
    for key, values in (("image_mean", mean), ("image_std", std)):
        if not isinstance(values, list) or len(values) != 3:
            raise CheckpointError(f"{path}: {key} is no list of three numbers; get the folder again")
        for value in values:
            a_number({key: value}, key, 1e-3, 10.0, path)
    return ClipParts(name, model.eval().requires_grad_(False), tokenizer, int(side), mean, std)
