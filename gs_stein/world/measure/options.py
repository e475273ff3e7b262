"""Options of `python -m gs_stein.world.evaluate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gs_stein.files import PACKAGE
from gs_stein.world.detector import FOLDER
from gs_stein.world.families import FAMILIES


@dataclass(frozen=True)
class Options:
    """Measure the bundled prior on held-out scenes and captions."""

    model: str = "bundled"
    """The prior: "bundled", which has a denoiser for objects, or a folder that `gs_stein.world.training.export`
    wrote."""
    scorer: Path = PACKAGE / "weights" / "scorer"
    """The contrastive scorer."""
    kinds: tuple[str, ...] = FAMILIES["rooms"].kinds
    """Kinds of scene, taken in turn."""
    scenes: int = 50
    """Held-out scenes; also the number of captions among which the scorer must find the right one."""
    objects: int = 2
    """Held-out objects of each kind, for x̂₀, codec and depth; 0: none."""
    views: int = 4
    """Views a scene, sampled jointly."""
    steps: int = 25
    """Denoising steps of a sample."""
    guidance: float = 3.0
    """Classifier-free guidance of the samples."""
    antithetic_level: float = 0.35
    """Noise level of a last look that takes out blotches (`gs_stein.prior.sampling.antithetic_denoise`); 0: none."""
    eta: float = 1.0
    """Fresh noise at every step, from 0 (DDIM) to 1 (as much as DDPM)."""
    words: int = 24
    """Held-out mixed scenes in whose samples the detector looks for what their captions say; 0: none."""
    detector: Path = FOLDER
    """The detector (`python -m gs_stein.world.train detector` trains one); words are left out while none is bundled."""
    sheet: Path | None = None
    """Save the sampled pictures, a row a scene, real ones to their right."""
    json: bool = False
    """End with one JSON object on a line of its own."""

    def __post_init__(self) -> None:
        for name, least in (("scenes", 2), ("objects", 0), ("views", 1), ("steps", 1), ("words", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"--{name}: {getattr(self, name)} is below {least}; leave it out for the default")
