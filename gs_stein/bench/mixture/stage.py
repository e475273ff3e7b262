"""Images under a prior with a known score, and how they are optimised."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gs_stein.distill.distiller import Distiller
from gs_stein.distill.draw import Draw, make_draw
from gs_stein.distill.options import DistillOptions
from gs_stein.prior.guidance import guided
from gs_stein.prior.mixture import MixturePrior
from gs_stein.prior.options import GuidanceOptions, Weighting
from gs_stein.types import Cameras

PROMPT = "class 1"
VIEWS = 4
"""In a step that is timed."""


class RandomGeometry(nn.Module):
    """A random smooth convolutional network that stands in for a depth and normal estimator."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 4, 3, padding=1))
        self.looks = 0
        """Views looked at so far."""
        self.requires_grad_(False)

    def forward(self, x: Float[Tensor, "B V C h w"]) -> Float[Tensor, "B V 4 h w"]:
        """One depth and three normal channels."""
        self.looks += x.shape[0] * x.shape[1]
        return self.body(x.flatten(0, 1)).unflatten(0, x.shape[:2])

    def depth(self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None) -> Tensor:
        """Relative depth."""
        return self(x_t)[:, :, 0]

    def normals(self, x_t: Float[Tensor, "B V C h w"], t: Float[Tensor, " B"], cameras: Cameras | None) -> Tensor:
        """Unit normals."""
        return nn.functional.normalize(self(x_t)[:, :, 1:].permute(0, 1, 3, 4, 2), dim=-1, eps=1e-3)


@dataclass(frozen=True)
class Scene:
    """V images frozen somewhere along a run."""

    label: str
    x0: Float[Tensor, "V C h w"]
    second: Float[Tensor, "V C h w"]
    """Adam's running mean square of the gradient."""


class Stage:
    """The prior, a geometry to correlate with, and the frozen scenes of one guidance scale."""

    def __init__(self, scale: float, cameras: int, seed: int) -> None:
        self.prior = MixturePrior(seed=seed)
        self.geometry = RandomGeometry(self.prior.shape[0], seed)
        self.guidance = GuidanceOptions(scale=scale)
        self.text, self.negative = self.prior.embed([PROMPT]), self.prior.embed([""])
        # "Rendered" geometry: what the estimator sees in the modes of the class, one per camera.
        modes = self.prior.means[1 :: self.prior.classes]
        clean = modes[torch.arange(cameras) % len(modes)][None]
        depth = self.geometry.depth(clean, torch.zeros(1), None)[0]
        self.depth = depth - depth.amin() + 1.0
        self.normals = self.geometry.normals(clean, torch.zeros(1), None)[0]
        generator = torch.Generator().manual_seed(seed + 1)
        self.start = 0.3 * torch.randn(cameras, *self.prior.shape, generator=generator)

    def distiller(self, options: DistillOptions) -> Distiller:
        """A distiller with this stage's guidance and estimators."""
        return Distiller(
            replace(options, guidance=self.guidance), self.prior, self.geometry.depth, self.geometry.normals
        )

    def run(self, options: DistillOptions, steps: int, seed: int) -> list[Scene]:
        """Optimise the pixels and freeze them at 0, 2, 10, 40 and 100 %."""
        distiller, generator = self.distiller(options), torch.Generator().manual_seed(seed)
        x0 = self.start.clone()
        optimizer = torch.optim.Adam([x0], lr=0.02, betas=(0.9, 0.99))
        marks = {round(steps * part): f"{part:.0%}" for part in (0.0, 0.02, 0.1, 0.4, 1.0)}
        scenes = []
        for step in range(steps + 1):
            x0.grad = self.gradient(distiller, x0, generator, step / steps)
            if step in marks:
                seen = optimizer.state[x0]["exp_avg_sq"] if step else x0.grad.square()
                scenes.append(Scene(marks[step], x0.clone(), seen.clone()))
            optimizer.step()
        return scenes

    def gradient(self, distiller: Distiller, x0: Tensor, generator: torch.Generator, progress: float) -> Tensor:
        """One call of a distiller on this stage's prompt and geometry."""
        return distiller(
            x0,
            text=self.text,
            negative=self.negative,
            cameras=None,
            generator=generator,
            progress=progress,
            depth=self.depth[: len(x0)],
            normals=self.normals[: len(x0)],
        ).grad

    def draw(self, x0: Tensor, t: Tensor, generator: torch.Generator, *, twins: bool) -> tuple[Draw, Tensor]:
        """Noise the frozen scene, and ask the prior."""
        eps = torch.randn(len(t), *x0.shape, generator=generator)
        draw = make_draw(
            x0,
            t,
            eps,
            self.prior.schedule,
            Weighting.SIGMA2,
            antithetic=twins,
            depth=self.depth,
            normals=self.normals,
        )
        return draw, guided(self.prior, draw.x_t, draw.t, self.text, self.negative, None, self.guidance)
