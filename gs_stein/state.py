"""Where a run stands: everything that one iteration hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from gs_stein import optim
from gs_stein.camera_options import OrbitCameras, RoomCameras
from gs_stein.colours import FirstColours
from gs_stein.config import BACKGROUNDS, Config
from gs_stein.densify import Densifier
from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import Baseline, DistillOptions
from gs_stein.gaussians import Gaussians
from gs_stein.held import Held
from gs_stein.initialise import initialise
from gs_stein.prior.views import ViewText
from gs_stein.priors import Priors, baselines
from gs_stein.refine import Refiner
from gs_stein.start_options import FileStart, PointsStart, RoomStart
from gs_stein.step import Controls
from gs_stein.types import Cameras, TextEmbedding


class Prompts:
    """The encoded prompt (one, or one a direction), its negative, and the empty one."""

    def __init__(self, config: Config, priors: Priors) -> None:
        self._config, self._denoiser = config, priors.denoiser
        self.by_view = config.view_prompts.enabled and not config.scene and not priors.knows_cameras
        self.empty = priors.denoiser.embed([""])
        self._encode(config.prompt)

    def _encode(self, prompt: str) -> None:
        negative, words = self._config.negative, self._config.view_prompts
        self.current = prompt
        if self.by_view:
            opposite = self._config.distill.guidance.perp_neg > 0
            self._by_view = ViewText(self._denoiser, prompt, negative, words, negative_views=opposite)
        else:
            self._text, self._negative = self._denoiser.embed([prompt]), self._denoiser.embed([negative])

    def change(self, prompt: str | None) -> None:
        """Encode another prompt, if it is another; None is the configured one."""
        prompt = self._config.prompt if prompt is None else prompt
        if prompt != self.current:
            self._encode(prompt)

    def at(self, cameras: Cameras) -> tuple[TextEmbedding, TextEmbedding]:
        """Prompt and negative prompt: one for all views, or one a view."""
        return self._by_view.at(cameras) if self.by_view else (self._text, self._negative)


@dataclass
class State:
    """A run between two iterations; `gs_stein.checkpoint` writes and reads all of it but the priors."""

    priors: Priors
    prompts: Prompts
    parameters: dict[str, torch.nn.Parameter]
    optimizers: dict[str, torch.optim.Optimizer]
    densifier: Densifier
    distiller: Distiller
    refiner: Refiner
    generator: torch.Generator
    """The only source of randomness; on the CPU."""
    device: torch.device
    """Where the Gaussians live."""
    colours: FirstColours = field(default_factory=FirstColours)
    held: Held | None = None
    """A guess that the next iteration follows."""
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
    match config.cameras, config.start:
        case RoomCameras(size=inside), RoomStart(size=built) if inside != built:
            raise ValueError(f"start.size: a room of {built} m is not cameras.size {inside}; make them equal")
    if isinstance(config.cameras, OrbitCameras) and config.scene:
        raise ValueError("cameras: orbit cameras look at an object from outside; with --scene use kind: room")
    refine = config.refine
    for name, value in ("rates.carve", config.rates.carve), ("refine.carve", refine.carve), ("refine.sow", refine.sow):
        if value > 0 and config.background == "random":
            raise ValueError(
                f"{name}: {value} needs one background to tell what stands before it; "
                "choose another background than random, or 0"
            )
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
        refiner=Refiner(config.refine, priors.denoiser, priors.depth, config.iterations),
        generator=generator,
        device=device,
    )


def needs_normals(config: Config) -> bool:
    """Whether normals have to be rendered."""
    return config.rasterize.normals or Baseline.NORMAL in baselines(config)


def render_size(config: Config, progress: float) -> int:
    """Side in pixels at which this moment of the run renders."""
    return config.resolution.first if is_early(config, progress) else config.cameras.resolution


def views_a_step(config: Config, progress: float) -> int:
    """How many cameras this moment of the run looks through."""
    return config.resolution.views or config.views if is_early(config, progress) else config.views


def is_early(config: Config, progress: float) -> bool:
    """Whether pictures are still small."""
    return config.resolution.first > 0 and progress < config.resolution.until


def solves_colours(config: Config, step: int) -> bool:
    """Whether this iteration solves for the colours; those of a file that the run starts from are kept."""
    return step < config.rates.solved and not isinstance(config.start, FileStart | PointsStart)


def background(config: Config, generator: torch.Generator) -> Float[Tensor, 3]:
    """The colour behind the Gaussians in one step."""
    if config.background == "random":
        return torch.rand(3, generator=generator)
    return torch.full((3,), BACKGROUNDS[config.background])


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
