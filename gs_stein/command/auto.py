"""What `auto` means on this machine, said in plain words: prior, devices, rasterizer, estimator."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein.command.gpu_budget import fitted, workload
from gs_stein.config.schema import Config
from gs_stein.distill.options import SSD
from gs_stein.gaussians.options import OutdoorStart
from gs_stein.prior.checkpoints.registry import BUNDLED, bundled_folder, is_bundled
from gs_stein.prior.options import DepthDecoder

PREFERRED = "sd21-base"
"""The checkpoint taken where there is a GPU for it and nothing else was asked for."""
NEEDED_GIB = 7.0
"""Free GPU memory below which no Stable Diffusion is chosen by itself (it may still be asked for)."""


@dataclass(frozen=True)
class Choice:
    """A configuration without "auto" in it."""

    config: Config
    device: torch.device
    """Of the Gaussians and the rasterizer."""
    prior_device: torch.device
    """Of the denoiser."""
    reasons: tuple[str, ...]
    """One line a choice."""


def choose(config: Config) -> Choice:
    """Decide everything that was left to us.

    Args:
        config: as given.

    Returns:
        The same with a model named, and the devices.

    Raises:
        ValueError: a device that torch does not have here, or a GPU too small for what was asked.
    """
    device, why_device = pick_device(config.device)
    model, why_model = config.prior.model, "as asked for"
    if model == "auto":
        model, why_model = pick_model(device)
    prior_device, why_prior = pick_prior_device(config.prior_device, device, model)
    if config.prior_device == "auto" and prior_device.type == "cpu" and not_here(model):
        raise ValueError(
            f"model: {model} wants a GPU, of which there is none here, and would have to be downloaded; leave out "
            "--preset and --model for the bundled prior, or insist with --prior-device cpu (minutes a step)"
        )
    config = replace(config, prior=replace(config.prior, model=model))
    estimator = config.distill.estimator
    name = estimator.kind
    if isinstance(estimator, SSD):
        name += f" ({' + '.join(baseline.value for baseline in estimator.baselines)} baselines)"
    backend = config.rasterize.backend
    if backend == "auto":
        backend = "gsplat (CUDA)" if device.type == "cuda" else "compiled kernels (CPU)"
    bf16 = is_bundled(model) and config.prior.precision.bundled(prior_device) is torch.bfloat16
    reasons = (
        f"prior       {model} on {prior_device}{' in bf16' if bf16 else ''}: {why_model}; {why_prior}",
        f"rasterizer  {backend} on {device}: {why_device}",
        f"estimator   {name}, guidance {config.distill.guidance.scale:g}, {config.views} views a step",
    )
    if workload(config).depth is DepthDecoder.LINEAR and config.depth.decoder is DepthDecoder.AUTO:
        why = "no tiny one is known for this model's latents"
        reasons += (f"depth       through a linear decoder: {why} (--depth.decoder full: exact, and slow)",)
    if isinstance(config.start, OutdoorStart):
        reasons += (f"start       open ground under a sky {config.start.dome:g} m away (--outdoors no: a room)",)
    config, memory = fitted(config, prior_device)
    if memory is not None:
        reasons += (memory,)
    return Choice(config, device, prior_device, reasons)


def sounds_outdoors(prompt: str) -> bool:
    """Whether a prompt is nearer to the bundled prior's landscapes than to its rooms."""
    from gs_stein.text.known_prompts import Familiar

    familiar = Familiar.load(bundled_folder() / "captions")
    return familiar is not None and familiar.sounds_outdoors(_pooled(prompt))


def sounds_like_a_scene(prompt: str) -> bool:
    """Whether a prompt names a place to stand in rather than a thing to walk around.

    What the bundled prior learnt from counts as it was learnt.
    """
    from gs_stein.text.known_prompts import Familiar
    from gs_stein.text.scene_or_object import names_a_scene

    return names_a_scene(prompt, _pooled(prompt), Familiar.load(bundled_folder() / "captions"))


@functools.cache
def _pooled(prompt: str) -> Float[Tensor, " D"]:
    """Its sentence embedding; kept, unlike the network, which takes a second to load and 90 MB."""
    from gs_stein.text.minilm import MiniLM

    return MiniLM().sentences([prompt])[0]


def checked_device(name: str, field: str) -> torch.device:
    """A device by name.

    Raises:
        ValueError: unknown to torch, or not there.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        here = ", ".join(["cpu", *([str(accelerator())] if accelerator() else [])])
        raise ValueError(f"{field}: {name!r} cannot be used here; this machine has {here}") from error
    return device


def accelerator() -> torch.device | None:
    """The GPU torch knows (NVIDIA, AMD, Apple, Intel), if there is one."""
    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None


def pick_device(name: str) -> tuple[torch.device, str]:
    """Where to rasterize, and why."""
    if name != "auto":
        device = checked_device(name, "device")
        if device.type not in ("cpu", "cuda"):
            raise ValueError(f"device: {name} cannot rasterize; use cpu or cuda, and give {name} to --prior-device")
        return device, "as asked for"
    if not torch.cuda.is_available():
        return torch.device("cpu"), "no CUDA here"
    if torch.version.hip is not None:
        return torch.device("cpu"), "gsplat needs an NVIDIA GPU"
    return torch.device("cuda"), f"found {torch.cuda.get_device_name()}"


def pick_model(device: torch.device) -> tuple[str, str]:
    """Which prior, and why: Stable Diffusion where a GPU and the checkpoint can be had, else the bundled one."""
    if device.type != "cuda":
        return BUNDLED, "no CUDA here for a large one"
    free = torch.cuda.mem_get_info()[0] / 2**30
    if free < NEEDED_GIB:
        return BUNDLED, f"{free:.1f} GiB of GPU memory are free, a large one needs {NEEDED_GIB:g}"
    from gs_stein.prior.checkpoints.download import cached_folder
    from gs_stein.prior.checkpoints.registry import locate

    source = locate(PREFERRED)
    assert source.repo is not None
    if cached_folder(source.repo, source.revision) is not None:
        return PREFERRED, "its checkpoint is cached"
    if reachable(source.repo, source.revision):
        return PREFERRED, "its checkpoint can be downloaded"
    return BUNDLED, f"{PREFERRED} is neither cached nor reachable"


def not_here(model: str) -> bool:
    """Whether a model lies on the hub only."""
    from gs_stein.prior.checkpoints.download import cached_folder
    from gs_stein.prior.checkpoints.registry import locate

    source = locate(model)
    return source.repo is not None and cached_folder(source.repo, source.revision) is None


def reachable(repo: str, revision: str | None) -> bool:
    """Whether the hub answers for a repository, within a few seconds."""
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(repo, revision=revision, timeout=5.0)
    except Exception:  # whatever the client raises, offline modes included: not reachable
        return False
    return True


def pick_prior_device(name: str, device: torch.device, model: str) -> tuple[torch.device, str]:
    """Where the denoiser runs, and why."""
    if name != "auto":
        return checked_device(name, "prior_device"), "device as asked for"
    if device.type == "cuda":
        return device, "beside the rasterizer"
    found = accelerator()
    if found is not None and not is_bundled(model):
        return found, "the GPU torch knows, the rasterizer stays on the CPU"
    return torch.device("cpu"), "small enough for the CPU" if is_bundled(model) else "there is no GPU: this is slow"
