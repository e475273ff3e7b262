"""Where a run stands: everything that one iteration hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import optim
from gs_stein.camera_options import OrbitCameras, RoomCameras
from gs_stein.config import Config
from gs_stein.densify import Densifier
from gs_stein.distill.baselines import NormalEstimator
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SSD, Baseline, DistillOptions
from gs_stein.gaussians import Gaussians
from gs_stein.initialise import initialise
from gs_stein.prior.diffusion import DiffusionPrior
from gs_stein.prior.small import MultiViewDenoiser
from gs_stein.prompts import directions, view_prompts
from gs_stein.start_options import RoomStart
from gs_stein.step import Controls
from gs_stein.types import Cameras, Denoiser, DepthEstimator, TextEmbedding


@dataclass(frozen=True)
class Priors:
    """The frozen networks of a run."""

    denoiser: Denoiser
    depth: DepthEstimator | None = None
    normal: NormalEstimator | None = None

    @property
    def device(self) -> torch.device:
        """Where the denoiser runs."""
        return self.denoiser.device if isinstance(self.denoiser, DiffusionPrior) else torch.device("cpu")

    @property
    def knows_cameras(self) -> bool:
        """Whether the denoiser is told where the cameras stand (then prompts need not)."""
        return isinstance(self.denoiser, DiffusionPrior) and isinstance(self.denoiser.network, MultiViewDenoiser)

    @property
    def identity(self) -> str:
        """Names the denoiser in checkpoints, so that none is resumed with another."""
        return self.denoiser.identity if isinstance(self.denoiser, DiffusionPrior) else type(self.denoiser).__name__


class Prompts:
    """The encoded prompt (one, or one a direction), its negative, and the empty one."""

    def __init__(self, config: Config, priors: Priors) -> None:
        self._config, self._denoiser = config, priors.denoiser
        self.by_view = config.view_prompts.enabled and not config.scene and not priors.knows_cameras
        self.current = config.prompt
        self.text = self._encode(config.prompt)
        self.negative = priors.denoiser.embed([config.negative])
        self.empty = priors.denoiser.embed([""])

    def _encode(self, prompt: str) -> TextEmbedding:
        if self.by_view:
            return self._denoiser.embed(view_prompts(prompt, self._config.view_prompts))
        return self._denoiser.embed([prompt])

    def change(self, prompt: str | None) -> None:
        """Encode another prompt, if it is another; None is the configured one."""
        prompt = self._config.prompt if prompt is None else prompt
        if prompt != self.current:
            self.current, self.text = prompt, self._encode(prompt)

    def for_cameras(self, cameras: Cameras) -> TextEmbedding:
        """One prompt for all views, or one a view."""
        return self.text[directions(cameras, self._config.view_prompts)] if self.by_view else self.text


@dataclass
class State:
    """A run between two iterations; `gs_stein.checkpoint` writes and reads all of it but the priors."""

    priors: Priors
    prompts: Prompts
    parameters: dict[str, torch.nn.Parameter]
    optimizers: dict[str, torch.optim.Optimizer]
    densifier: Densifier
    distiller: Distiller
    generator: torch.Generator
    """The only source of randomness; on the CPU."""
    device: torch.device
    """Where the Gaussians live."""
    step: int = 0
    """Iterations finished."""
    seconds: float = 0.0
    """Spent in them."""
    evaluations: int = 0
    """Views denoised."""

    @property
    def gaussians(self) -> Gaussians:
        """The scene as it stands, detached; memory is shared with the parameters."""
        return Gaussians.from_parameters(self.parameters).detach()

    def adopt(self, parameters: dict[str, Tensor], config: Config) -> None:
        """Replace the Gaussians by others, with fresh optimisers."""
        self.parameters = {name: torch.nn.Parameter(t.to(self.device)) for name, t in parameters.items()}
        self.optimizers = optim.make_optimizers(self.parameters, config.rates)


def begin(config: Config, priors: Priors, device: torch.device | str = "cpu") -> State:
    """The state before the first iteration.

    Args:
        config: what to do.
        priors: loaded networks.
        device: where the Gaussians shall live.

    Raises:
        ValueError: options that do not fit together.
    """
    if not config.prompt.strip():
        raise ValueError('prompt: it is empty; say what to make, e.g. --prompt "a cozy living room"')
    inside = isinstance(config.cameras, RoomCameras) and isinstance(config.start, RoomStart)
    if inside and config.cameras.size != config.start.size:
        raise ValueError(
            f"start.size: a room of {config.start.size} m is not cameras.size {config.cameras.size}; make them equal"
        )
    if isinstance(config.cameras, OrbitCameras) and config.scene:
        raise ValueError("cameras: orbit cameras look at an object from outside; with --scene use kind: room")
    device = torch.device(device)
    generator = torch.Generator().manual_seed(config.seed)
    gaussians = initialise(config.start, generator, config.sh_degree).to(device)
    parameters = gaussians.parameters()
    distiller = Distiller(config.distill, priors.denoiser, priors.depth, priors.normal)
    return State(
        priors=priors,
        prompts=Prompts(config, priors),
        parameters=parameters,
        optimizers=optim.make_optimizers(parameters, config.rates),
        densifier=Densifier(config.densify, config.iterations, len(gaussians)),
        distiller=distiller,
        generator=generator,
        device=device,
    )


def needs_normals(config: Config) -> bool:
    """Whether the estimator looks at rendered normals."""
    estimator = config.distill.estimator
    return isinstance(estimator, SSD) and Baseline.NORMAL in estimator.baselines


def render_size(config: Config, progress: float) -> int:
    """Side in pixels at which this moment of the run renders."""
    early = config.resolution.first > 0 and progress < config.resolution.until
    return config.resolution.first if early else config.cameras.resolution


def background(config: Config, generator: torch.Generator) -> Float[Tensor, 3]:
    """The colour behind the Gaussians in one step."""
    if config.background == "random":
        return torch.rand(3, generator=generator)
    level = {"black": 0.0, "white": 1.0, "grey": 0.5}[config.background]
    return torch.full((3,), level)


def steered(options: DistillOptions, controls: Controls, progress: float) -> DistillOptions:
    """The distillation options with what a viewer holds at other values."""
    timesteps, guidance = options.timesteps, options.guidance
    if controls.t_min is not None or controls.t_max is not None:
        low, high = timesteps.window(progress)
        low = low if controls.t_min is None else min(max(controls.t_min, 0.0), 1.0)
        high = high if controls.t_max is None else min(max(controls.t_max, 0.0), 1.0)
        timesteps = replace(
            timesteps, t_min=min(low, high), t_max=max(low, high), t_min_end=None, t_max_end=None, anneal="none"
        )
    if controls.guidance_scale is not None:
        guidance = replace(guidance, scale=max(controls.guidance_scale, 0.0))
    return replace(options, timesteps=timesteps, guidance=guidance)
