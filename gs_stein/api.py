"""The front door for Python: a sentence in, a scene out; or the loop itself.

import gs_stein

scene = gs_stein.generate("a cozy living room", preset="preview")
scene.save("room.ply")

config = gs_stein.configure("a red armchair", iterations=200)
for step in gs_stein.steps(config):
    print(step.step, step.count)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gs_stein.config.schema import Config

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8

    from gs_stein.gaussians.model import Gaussians
    from gs_stein.optimize.step import Step


@dataclass(frozen=True)
class Generated:
    """A finished scene."""

    gaussians: Gaussians
    """Our world (metres, z up), on the CPU, as its training views showed it."""
    config: Config
    """What it was made with, the prior named."""

    def save(self, path: str | Path, axes: str | None = None) -> Path:
        """Write the scene in the format of the suffix, upright for the programs that read it.

        Args:
            path: of the file; its folder is made.
            axes: the convention to write in instead of the format's own.

        Raises:
            ValueError: as `gs_stein.gaussians.files.write_gaussians`, or the folder cannot be made.
        """
        from gs_stein.gaussians.files import write_gaussians

        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"{path}: its folder cannot be made ({error.strerror or error})") from error
        write_gaussians(path, self.gaussians, axes)
        return path

    def contact_sheet(self) -> UInt8[np.ndarray, "H W 3"]:
        """The view in which most is to be seen, and eight around, as in preview.png."""
        from gs_stein.run.pictures import contact_sheet

        return contact_sheet(self.gaussians, self.config)


def configure(prompt: str, *, scene: bool | None = None, preset: str | None = None, **options: Any) -> Config:
    """The configuration that `gs-stein train` would use.

    Args:
        prompt: what to make.
        scene: True: a room or landscape seen from inside; False: an object seen from around; None: as the prompt
            sounds.
        preset: laid over the default one, such as "preview".
        options: fields of `Config` as in YAML: `iterations=200, rates={"means": 1e-3}, densify="none"`.

    Raises:
        ValueError: a preset or field that does not exist, or a value that does not fit.
    """
    from gs_stein.command.parse import First, base_config, with_kind, with_layout
    from gs_stein.config.serialize import merged

    if not (scene is None or isinstance(scene, bool)):
        raise ValueError(f"scene: {scene!r} is neither True nor False nor None")
    first = First(prompt=_text(prompt), scene=bool(scene), preset=preset)
    if scene is None and not {"scene", "cameras"} & set(options):
        first, _ = with_kind(first)
    config = base_config(first)
    return with_layout(replace(merged(config, options), prompt=prompt))


def _text(prompt: object) -> str:
    if not isinstance(prompt, str):
        raise ValueError(f"prompt: {prompt!r} is no text; give a sentence such as 'a cozy living room'")
    return prompt


def steps(config: Config) -> Iterator[Step]:
    """Load what the run needs and run it; not asking for the next step is a pause, leaving the loop is the end.

    Args:
        config: of `configure`, or `Config(prompt=...)`.

    Yields:
        One `Step` an iteration; `step.gaussians` is the scene as it stands.

    Raises:
        ValueError: something that was asked for cannot be had here.
        FloatingPointError: too many steps in a row were not finite.
    """
    if not isinstance(config, Config):
        raise ValueError(f"config: {config!r} is no Config; give what gs_stein.configure returns")
    yield from _Loop(config)


class _Loop:
    """A run without a folder: its iterations, then those of the things that are set in."""

    def __init__(self, config: Config) -> None:
        from gs_stein.command.auto import choose
        from gs_stein.config.check import check_together

        check_together(config)
        self._choice = choose(config)
        self.config = self._choice.config
        """With the prior named."""
        self.scene: Gaussians | None = None
        """What came of it, as its training views showed it; None before the end."""

    def __iter__(self) -> Iterator[Step]:
        from gs_stein.command.furnish import Furnishing, composed
        from gs_stein.optimize.loop import optimize
        from gs_stein.optimize.networks import load_priors
        from gs_stein.optimize.state import begin
        from gs_stein.rasterize.filter_3d import as_trained

        config, device = self.config, self._choice.device
        priors = load_priors(config, self._choice.prior_device)
        composition = composed(config, priors)
        asked = config if composition is None else replace(config, prompt=composition.host)
        state = begin(asked, priors, device)
        yield from optimize(asked, state)
        self.scene = as_trained(state.gaussians, config.cameras, config.rasterize).to("cpu")
        if composition is not None:
            furnishing = Furnishing(config, composition, self.scene, priors, say=lambda _: None)
            for step, scene in furnishing:
                yield replace(step, gaussians=scene, count=len(scene))
            self.scene = furnishing.scene


def generate(
    prompt: str, *, scene: bool | None = None, preset: str | None = None, progress: bool = True, **options: Any
) -> Generated:
    """From a sentence to a scene of Gaussian splats, in one call. Nothing is written.

    Args:
        prompt, scene, preset, options: as for `configure`.
        progress: show a line with the time left.

    Raises:
        ValueError, FloatingPointError: as `configure` and `steps`.
    """
    from gs_stein.run.progress import Progress

    loop, line = _Loop(configure(prompt, scene=scene, preset=preset, **options)), Progress()
    try:
        for step in loop:
            if progress:
                line.show(step)
    finally:
        line.end()
    assert loop.scene is not None
    return Generated(loop.scene, loop.config)
