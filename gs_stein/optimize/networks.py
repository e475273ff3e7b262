"""The frozen networks of a run: the denoiser, and what the estimator's baselines look through."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import torch

from gs_stein.cameras.options import OrbitCameras
from gs_stein.cameras.sampling import sample_cameras
from gs_stein.config.schema import Config
from gs_stein.distill.options import SSD, Baseline
from gs_stein.prior.checkpoints.folder import CheckpointError
from gs_stein.prior.checkpoints.load import load_prior
from gs_stein.prior.checkpoints.registry import bundled_for
from gs_stein.prior.checkpoints.weights import loaded_network
from gs_stein.prior.denoiser import Denoiser, DepthEstimator, NormalEstimator
from gs_stein.prior.depth import NormalsFromDepth, load_depth
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.response import NoiseResponse
from gs_stein.text.known_prompts import Familiar
from gs_stein.text.language import other_language
from gs_stein.text.minilm import MiniLM
from gs_stein.text.prompts import shortened
from gs_stein.threads import start_threads

LARGE = ("sd21-base", "sd15")
"""What to name to somebody who wants more than a small prior knows."""


@dataclass(frozen=True)
class Priors:
    """What a run asks, and never changes."""

    denoiser: Denoiser
    depth: DepthEstimator | None = None
    normal: NormalEstimator | None = None
    response: NoiseResponse | None = None
    """The prior's own weights of the learned baseline."""

    @property
    def device(self) -> torch.device:
        """Where the denoiser runs."""
        return self.denoiser.device

    @property
    def knows_cameras(self) -> bool:
        """Whether the denoiser is told where the cameras stand (then prompts need not)."""
        return self.denoiser.knows_cameras

    @property
    def group(self) -> int:
        """Views that the denoiser has to be given together; 1 where any number will do."""
        return getattr(self.denoiser, "group", 1)

    def advice(self, prompt: str, scene: bool) -> list[str]:
        """Lines on what a small prior will not understand of a prompt; none if all is well, or the prior is a large
        one."""
        if not isinstance(self.denoiser, DiffusionPrior):
            return []
        if scene and self.group > 1:
            return [
                "this model looks at one thing from all round, and has never stood in a room; take --object with it"
            ]
        familiar = Familiar.load(self.denoiser.folder / "captions")
        if familiar is None:
            return []
        if (language := other_language(prompt)) is not None:
            return [f"{shortened(prompt)!r} looks like {language}; the bundled prior understands English only"]
        encoder, lines = MiniLM(), []
        if unread := encoder.unread(prompt):
            end = shortened(unread)
            lines.append(f"the prompt is longer than the text encoder reads: {end!r} is left out; make it shorter")
        return [*lines, *familiar.advice(prompt, encoder.sentences, scene, LARGE)]

    @property
    def identity(self) -> str:
        """Names the denoiser in checkpoints, so that none is resumed with another; and what else is the prior's own."""
        if self.response is None:
            return self.denoiser.identity
        digest = hashlib.blake2b(digest_size=4)
        for value in self.response.state_dict().values():
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return f"{self.denoiser.identity} with response {digest.hexdigest()}"


def load_denoiser(config: Config, device: torch.device | str = "cpu") -> DiffusionPrior:
    """Load a run's denoiser; "bundled" is the one that knows scenes, or objects, whichever is wanted.

    Raises:
        ValueError: (CheckpointError) a model that cannot be had; one line with the remedy.
    """
    model = bundled_for(config.prior.model, config.scene)
    prior = load_prior(replace(config.prior, model=model), device)
    check_groups(config, prior.group)
    return prior


def check_groups(config: Config, group: int) -> None:
    """Refuse numbers of views that a denoiser of several views at once cannot be given, before a run finds out.

    Args:
        config: of the run.
        group: views that are denoised together.

    Raises:
        ValueError: one line with the field, its value, and what to do.
    """
    counted = {"views": (config.views,), "resolution.views": (config.resolution.views,)}
    if config.refine.share > 0:
        counted |= {"refine.group": (config.refine.group,), "refine.views": config.refine.views}
    for name, numbers in counted.items():
        if any(views % group for views in numbers):
            shown = " and ".join(map(str, numbers)) + (" a step" if name == "views" else "")
            multiples = " ".join(f"{max(1, round(views / group)) * group}" for views in numbers)
            together = f"{group} views together; use --{name.replace('_', '-')} {multiples}, or another multiple"
            raise ValueError(f"{name}: {shown}, but {config.prior.model} denoises {together}")


def load_priors(config: Config, device: torch.device | str = "cpu") -> Priors:
    """Load the denoiser, and a depth estimator if the estimator's baselines or the refinement want one.

    Raises:
        ValueError: (CheckpointError) a model that cannot be had; one line with the remedy.
    """
    start_threads()  # before the weights are worked on: what starts them, they inherit
    denoiser = load_denoiser(config, device)
    wanted = baselines(config)
    fitted = config.refine.share > 0 and config.refine.depth > 0
    response = load_response(denoiser) if Baseline.LEARNED in wanted else None
    if not wanted & {Baseline.DEPTH, Baseline.PRINTED_DEPTH, Baseline.NORMAL} and not fitted:
        return Priors(denoiser, response=response)
    depth = load_depth(config.depth, denoiser)
    return Priors(denoiser, depth, NormalsFromDepth(depth) if Baseline.NORMAL in wanted else None, response)


def misfit(network: NoiseResponse, denoiser: DiffusionPrior) -> str:
    """Why a network cannot answer about a denoiser's latents; empty where it can."""
    side = denoiser.resolution
    cameras = sample_cameras(OrbitCameras(resolution=side), 1, torch.Generator().manual_seed(0)).to(denoiser.device)
    words = torch.zeros(1, 1, denoiser.embed([""]).tokens.shape[-1], device=denoiser.device)
    try:
        with torch.no_grad():
            x0 = denoiser.encode(torch.zeros(1, 3, side, side, device=denoiser.device)).float()[None]
            found = network(torch.ones_like(x0), x0, x0.new_full((1,), 0.5), words, cameras)
    except (RuntimeError, ValueError, IndexError) as error:
        return str(error).partition("\n")[0][:120]
    return "" if all(bool(part.isfinite().all()) for part in found) else "what it says is not finite"


def load_response(denoiser: DiffusionPrior) -> NoiseResponse | None:
    """A prior's own weights of the learned baseline, from the folder `response` beside its networks; None without.

    Raises:
        ValueError: (CheckpointError) they cannot be loaded, or are another prior's.
    """
    folder = denoiser.folder / "response"
    if not folder.is_dir():
        return None
    network = loaded_network(NoiseResponse, folder).eval().float().to(denoiser.device)
    if why := misfit(network, denoiser):
        raise CheckpointError(f"model: {folder} does not fit the prior beside it ({why}); delete it and get it again")
    return network


def baselines(config: Config) -> set[Baseline]:
    """The baselines of the configured estimator."""
    estimator = config.distill.estimator
    return set(estimator.baselines) if isinstance(estimator, SSD) else set()
