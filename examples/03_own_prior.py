"""A prior of your own: a score that you can write down, here one Gaussian around a picture you choose.

Anything with the members of `gs_stein.prior.denoiser.Denoiser` can be distilled. For x₀ ~ N(m, s²) the noise
prediction is ε̂ = σ (x_t − α m) / (α² s² + σ²), and pixels optimised by score distillation must become m.

    python examples/03_own_prior.py [STEPS]
"""

import sys

import torch

from gs_stein.distill.distiller import Distiller
from gs_stein.distill.options import SDS, DistillOptions
from gs_stein.prior.schedule import Schedule
from gs_stein.types import TextEmbedding

SIDE, SPREAD = 16, 0.1


class PicturePrior:
    """One Gaussian around a picture; images are their own latents."""

    knows_cameras, identity = False, "one picture"

    def __init__(self) -> None:
        ramp = torch.linspace(-1, 1, SIDE)
        self.picture = torch.stack([ramp.expand(SIDE, SIDE), ramp[:, None].expand(SIDE, SIDE), torch.zeros(SIDE, SIDE)])
        self.schedule, self.resolution, self.evaluations = Schedule.stable_diffusion(), SIDE, 0
        self.device = torch.device("cpu")

    def embed(self, prompts):
        return TextEmbedding(torch.zeros(len(prompts), 1, 1), torch.ones(len(prompts), 1, dtype=torch.bool))

    def encode(self, rgb):
        return 2 * rgb - 1

    def decode(self, x0):
        return (x0 + 1) / 2

    def predict(self, x_t, t, text, cameras):
        self.evaluations += x_t.shape[0] * x_t.shape[1]
        alpha, sigma = (f(t).view(-1, 1, 1, 1, 1) for f in (self.schedule.alpha, self.schedule.sigma))
        return sigma * (x_t - alpha * self.picture) / (alpha**2 * SPREAD**2 + sigma**2)


prior, generator = PicturePrior(), torch.Generator().manual_seed(0)
distiller, text = Distiller(DistillOptions(estimator=SDS()), prior), prior.embed(["anything"])
image = torch.zeros(1, 3, SIDE, SIDE)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 400
for step in range(steps):
    found = distiller(image, text=text, negative=text, cameras=None, generator=generator, progress=step / steps)
    image -= 0.1 * found.grad
print(f"distance to the picture: {(image[0] - prior.picture).abs().mean():.3f} (it began at 0.344)")
