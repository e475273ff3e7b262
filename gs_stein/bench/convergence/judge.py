"""How good a scene is: by the scorer, and by the patches of real renders."""

from __future__ import annotations

import functools

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from gs_stein.bench.patch_distance import swd
from gs_stein.config.schema import BACKGROUNDS, Config
from gs_stein.evaluate import evaluation_cameras
from gs_stein.gaussians.model import Gaussians


@functools.cache
def real_pictures(scene: bool) -> Float[Tensor, "n 3 H W"]:
    """Renders of scenes of the world that nothing was trained on."""
    from gs_stein.world.families import FAMILIES
    from gs_stein.world.measure.pictures import held_out

    truths = held_out(FAMILIES["rooms" if scene else "objects"].kinds, 49, 4)
    return torch.cat([truth.rgb for truth in truths])


class Judge:
    """Judges a scene against its prompt, and against how real renders look."""

    def __init__(self, config: Config) -> None:
        from gs_stein.scorer import Scorer, distractors, scorer_folder
        from gs_stein.text.minilm import MiniLM

        self.scorer = Scorer.load(scorer_folder())
        self.config, self.cameras = config, evaluation_cameras(config, 16)
        with torch.no_grad():
            texts = [config.prompt, *distractors(config.scene, config.prompt)]
            self.captions = self.scorer.captions(MiniLM()(texts))

    def views(self, gaussians: Gaussians) -> Float[Tensor, "16 3 H W"]:
        """What the held-out cameras see."""
        from gs_stein.rasterize.many_views import render_views

        background = BACKGROUNDS[self.config.background]
        views = [r.rgb for r in render_views(gaussians, self.cameras, self.config.rasterize, background)]
        return torch.cat(views).permute(0, 3, 1, 2).float().cpu()

    @torch.no_grad()
    def score(self, gaussians: Gaussians) -> float:
        """Mean log-probability of the prompt among 50 captions, over four groups of four held-out views."""
        rgb = self.views(gaussians)
        # Every fourth view, so that a group looks in all directions.
        groups = torch.stack([rgb[i::4] for i in range(4)])
        logits = self.scorer.log_scale.exp().clamp(max=50) * self.scorer.scenes(groups) @ self.captions.T
        return F.log_softmax(logits, dim=-1)[:, 0].mean().item()

    def patch_distance(self, gaussians: Gaussians) -> float:
        """Distance of patches of the held-out views to those of real renders."""
        return swd(self.views(gaussians), real_pictures(self.config.scene))
