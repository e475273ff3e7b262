"""How views are refined. Free of torch, so that `--help` need not wait for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefineOptions:
    """The last part of a run: views denoised over many steps, and the Gaussians fitted to them
    (`gs_stein.refine.refiner`).

    For priors that denoise views jointly; views that were denoised each for itself do not agree.
    """

    share: float = 0.0
    """Fraction of the iterations that is spent on it, at the end of the run; 0 turns it off."""
    rounds: int = 3
    """Times the views are denoised anew: at most, see shortest."""
    shortest: int = 1
    """Iterations that a round has at least; a short run makes fewer rounds."""
    views: tuple[int, int] = (8, 24)
    """Views of the first round, which settles what there is and where, and of each other round."""
    group: int = 8
    """Views that are denoised together, others at every step."""
    anchors: int = 2
    """Views of the first round that join every later group as they are, so that rounds agree; 0: none."""
    level: tuple[float, float] = (0.8, 0.45)
    """How far views are noised before, as a fraction of T: in the first and in the last round."""
    sharpen: float = 0.0
    """How much the scene's renders are sharpened before they are noised, from the second round on: views that were
    fitted to others which disagree are blurred, and a denoiser keeps what blur the noise leaves visible. Unsharp
    masking; 1 doubles what is finer than some pixels; 0: none."""
    steps: int = 10
    """Denoising steps of the first round; later ones, which start from less noise, take steps of that length."""
    order: int = 1
    """Of these steps: 1 is DDIM; 2 is DPM-Solver++(2M), which also looks where the views are going: more detail, fewer
    steps."""
    guidance: float = 4.0
    """Classifier-free guidance of these."""
    at_once: bool = True
    """Guidance, and the last look, in one evaluation of the prior instead of two, where it has learnt that: the bundled
    one has, for guidance of 3 to 5 and no negative prompt."""
    eta: float = 0.0
    """How much of the noise they replace by fresh noise: 0 none (DDIM), 1 as much as DDPM. Mends earlier mistakes."""
    antithetic_denoise: float = 0.35
    """Noise level, as a fraction of T, of a last look at them, which takes out blotches: the mean of the clean guesses
    for a noise and its opposite. Lower keeps more detail; 0 turns it off."""
    register_views: int = 0
    """Times in a round that its views are moved a little, to where the scene has what they show
    (`gs_stein.refine.registration`), so that edges which they show beside each other come together; 0: never."""
    prune_outside_hull: float = 0.0
    """Share of its opacity that a Gaussian loses, now and then, where a round's views show the background through it
    (`gs_stein.update.visual_hull`): what floats. For objects before one background; 0: none."""
    prune_every: int = 40
    """Iterations in between."""
    seed_in_hull: float = 0.0
    """Share of the Gaussians, the faintest ones, that a round may begin by putting where its views show something and
    the scene has nothing (`gs_stein.update.visual_hull`): thin parts. For objects before one background; 0: none."""
    blend_colours: float = 0.0
    """Share of the way that each Gaussian's colour goes, now and then, to the mean of what the views show where it is
    seen (`gs_stein.update.colours`). Less coloured dust where cameras did not look, softer details; 0: none."""
    blend_every: int = 10
    """Iterations in between."""
    weight: float = 10.0
    """Of the squared distance to them, against the regularisers."""
    depth: float = 0.0
    """Weight of 1 − Pearson correlation of rendered depth with the estimator's depth of them; 0 turns it off."""

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise ValueError(f"refine.share: {self.share} is not a fraction of the run below 1; give 0 to turn it off")
        if min(self.views) < 1:
            raise ValueError(f"refine.views: {self.views[0]}, {self.views[1]}; give positive numbers")
        for name in ("rounds", "shortest", "group", "steps", "prune_every", "blend_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"refine.{name}: {getattr(self, name)} is below 1; give a positive number")
        if self.order not in (1, 2):
            raise ValueError(f"refine.order: {self.order} is no order of the solver; give 1 or 2")
        if not 0 <= self.sharpen <= 20:
            raise ValueError(f"refine.sharpen: {self.sharpen} is not between 0 and 20; give 0 for none, 2 for much")
        if self.register_views < 0:
            raise ValueError(f"refine.register_views: {self.register_views} is below 0; give 0 for never")
        if not 0 <= self.anchors < self.group:
            raise ValueError(f"refine.anchors: {self.anchors} leaves no place in a group of {self.group}; give fewer")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"refine.eta: {self.eta} is not between 0 and 1; give 0 for no fresh noise")
        if not 0 <= self.antithetic_denoise < 1:
            raise ValueError(
                f"refine.antithetic_denoise: {self.antithetic_denoise} is not a noise level below 1; give 0 for none"
            )
        if not 0 <= self.prune_outside_hull < 1:
            raise ValueError(
                f"refine.prune_outside_hull: {self.prune_outside_hull} is no share; give one in [0, 1), 0 for none"
            )
        if not 0 <= self.seed_in_hull <= 1:
            raise ValueError(f"refine.seed_in_hull: {self.seed_in_hull} is no share; give one in [0, 1], 0 for none")
        if not 0 <= self.blend_colours <= 1:
            raise ValueError(f"refine.blend_colours: {self.blend_colours} is no share; give one in [0, 1], 0 for none")
        if self.weight < 0 or self.depth < 0:
            raise ValueError(f"refine.weight, depth: {self.weight}, {self.depth}; give 0 or more")
        if not 1 > self.level[0] >= self.level[1] > 0:
            raise ValueError(f"refine.level: {self.level[0]} → {self.level[1]} does not fall between 1 and 0")
