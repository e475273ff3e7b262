"""The things of a prompt, each made by a short run of its own, and set into the finished scene.

A run keeps them in its folder as `things/1-piano/` and so on, each with config.yaml and point_cloud.ply: what is there
is not made again when the run is gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gs_stein.cameras.options import RoomCameras
from gs_stein.compose.furnish import Furnisher, pieces
from gs_stein.compose.layout import read_layout
from gs_stein.compose.prompt import MOST, Composition, Wanted, compose
from gs_stein.compose.things import Place, Table, Thing
from gs_stein.config.schema import Config
from gs_stein.gaussians.options import OutdoorStart
from gs_stein.optimize.step import Controls
from gs_stein.run.folder import slug
from gs_stein.text.prompts import shortened

if TYPE_CHECKING:
    from gs_stein.gaussians.model import Gaussians
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.step import Step

PRESET = "preview"
"""How long a thing is made: it fills a small part of the scene."""


def composed(config: Config, priors: Priors) -> Composition | None:
    """What a run's prompt is made of; None where the prior is asked for all of it.

    Raises:
        ValueError: its layout is none; one line.
    """
    if not (config.scene and isinstance(config.cameras, RoomCameras)):
        if config.layout:
            raise ValueError("layout: boxes stand in a room or a landscape, but an object was asked for; add --scene")
        return None
    folder = getattr(priors.denoiser, "folder", None)
    table = None if folder is None else Table.load(folder / "captions")
    found = compose(config.prompt, table) if config.compose and table is not None else None
    layout = read_layout(config.layout) if config.layout else {}
    taken = set() if found is None else {id(piece.pose) for piece in pieces(found, layout)}
    added = tuple(
        _from_box(words, layout[words].size, table) for words in layout if id(layout[words]) not in taken
    )  # fmt: skip
    if not added:
        return found
    if found is None:
        outdoors = isinstance(config.start, OutdoorStart)
        found = Composition(config.prompt, Place("", (), outdoors, {}, {}, ()), ())
    return replace(found, wanted=(*found.wanted, *added))


def _from_box(words: str, size: tuple[float, float, float], table: Table | None) -> Wanted:
    """A thing that only the layout names."""
    bare = " ".join(word for word in words.split() if word.lower() not in ("a", "an", "the"))
    known = () if table is None else table.things.values()
    thing = next((one for one in known if any(bare.lower().endswith(name) for name in one.names)), None)
    asked = f"{'an' if bare[:1].lower() in tuple('aeiou') else 'a'} {bare}"
    return Wanted(thing or Thing(bare, (bare.lower(),), size, ("floor",), False), asked)


def told(composition: Composition) -> list[str]:
    """What to say of a composition before it is made, a line each."""
    named = []
    for one in composition.wanted:
        times = f"{one.count} × " if one.count > 1 else ""
        where = f" ({' '.join(filter(None, (one.relation, one.other)))})" if one.relation else ""
        named.append(f"{times}{shortened(one.prompt)!r}{where}")
    lines = [
        f"things      {', '.join(named)}: made one by one, and set into {shortened(composition.host)!r} (--no-compose: "
        "left to the prior)"
    ]
    if len(composition.wanted) == MOST:
        lines.append(f"note        no more than {MOST} things of a prompt are made on their own")
    return lines


class Furnishing:
    """Makes every thing, and sets it in; iterate over it.

    Args:
        config: of the run, its prior and devices chosen.
        composition: of its prompt.
        scene: finished, as its training views showed it.
        priors: of the scene; the table beside them says what may carry what.
        folder: of the run, where things are kept; None: nowhere.
        controls: whose `stop` ends it between two iterations.
        say: told, in a line, what begins and what finds no place.
    """

    def __init__(
        self, config: Config, composition: Composition, scene: Gaussians, priors: Priors, folder: Path | None = None,
        controls: Controls | None = None, say: Callable[[str], None] = print,
    ) -> None:  # fmt: skip
        assert isinstance(config.cameras, RoomCameras)
        beside = getattr(priors.denoiser, "folder", None)
        table = (None if beside is None else Table.load(beside / "captions")) or Table({}, {})
        self._pieces = pieces(composition, read_layout(config.layout) if config.layout else {})
        self._furnisher = Furnisher(scene.to("cpu"), config.cameras, composition, table)
        self._maker = _Maker(config, Controls() if controls is None else controls)
        self._seed, self._folder, self._say = config.seed, folder, say
        self.rows: list[dict[str, Any]] = []
        """What was set in, for the report."""
        self.complete = False
        """Whether that is everything."""

    @property
    def scene(self) -> Gaussians:
        """With everything that was set in, on the CPU."""
        return self._furnisher.scene

    def __iter__(self) -> Iterator[tuple[Step, Gaussians]]:
        """Every iteration of every thing, with the scene that it grows in.

        Raises:
            ValueError: a thing cannot be made or kept here.
            FloatingPointError: too many steps in a row were not finite.
        """
        number = 0
        for i, piece in enumerate(self._pieces):
            for wanted, poses in self._furnisher.plan(piece):
                if not poses:
                    self._say(f"note        {wanted.prompt!r} finds no place here, and is left out")
                    continue
                number += 1
                self._say(f"making      {wanted.prompt} ({i + 1} of {len(self._pieces)})")
                own = None if self._folder is None else self._folder / "things" / f"{number}-{slug(wanted.thing.noun)}"
                making = self._maker.make(wanted.prompt, self._seed + number, own)
                for step in making:
                    yield step, self._furnisher.shown(step.gaussians.to("cpu"), poses)
                if making.made is None:
                    return
                boxes = self._furnisher.put(making.made, wanted, poses)
                self.rows.append({
                    "prompt": wanted.prompt, "relation": " ".join(filter(None, (wanted.relation, wanted.other))),
                    "boxes": [[round(x, 3) for x in box] for box in boxes],
                })  # fmt: skip
        self.complete = True


class _Making:
    """A thing that is being made: its iterations, and then what came of them."""

    def __init__(self, steps: Callable[[_Making], Iterator[Step]]) -> None:
        self.made: Gaussians | None = None
        """As its training views showed it, facing south about the origin; None: it was stopped."""
        self._steps = steps

    def __iter__(self) -> Iterator[Step]:
        return self._steps(self)


class _Maker:
    """Makes things with networks that are loaded once."""

    def __init__(self, config: Config, controls: Controls) -> None:
        self._config, self._controls = config, controls
        self._priors: Priors | None = None

    def make(self, prompt: str, seed: int, folder: Path | None) -> _Making:
        """A thing, kept in a folder if one is given; one that lies there already takes no iterations."""
        return _Making(lambda making: self._steps(making, self._of(prompt, seed), folder))

    def _steps(self, making: _Making, config: Config, folder: Path | None) -> Iterator[Step]:
        from gs_stein.command.auto import choose
        from gs_stein.config.serialize import read_config
        from gs_stein.gaussians.files import read_gaussians
        from gs_stein.gaussians.formats.ply import write_ply
        from gs_stein.optimize.loop import optimize
        from gs_stein.optimize.networks import load_priors
        from gs_stein.optimize.state import begin
        from gs_stein.rasterize.filter_3d import as_trained
        from gs_stein.run.folder import write_start

        scene = None if folder is None else folder / "point_cloud.ply"
        if scene is not None and scene.is_file() and read_config(scene.with_name("config.yaml")) == config:
            making.made = read_gaussians(scene)
            return
        choice = choose(config)
        if self._priors is None:
            self._priors = load_priors(choice.config, choice.prior_device)
        state = begin(choice.config, self._priors, choice.device)
        yield from optimize(choice.config, state, self._controls)
        if state.step < choice.config.iterations:
            return
        making.made = as_trained(state.gaussians, config.cameras, config.rasterize).to("cpu")
        if scene is not None:
            scene.parent.mkdir(parents=True, exist_ok=True)
            write_start(scene.parent, config)
            write_ply(scene, making.made, pad_sh=True)
            making.made = read_gaussians(scene)  # a run that is gone on with reads it, and shall see the same bits

    def _of(self, prompt: str, seed: int) -> Config:
        """The configuration of a thing's own run."""
        from gs_stein.command.parse import First, base_config

        ours = self._config
        base = base_config(First(prompt=prompt, scene=False, preset=PRESET, model=ours.prior.model))
        return replace(
            base, prompt=prompt, seed=seed, device=ours.device, prior_device=ours.prior_device,
            prior=replace(ours.prior, model=base.prior.model if base.prior.model != "auto" else ours.prior.model),
        )  # fmt: skip
