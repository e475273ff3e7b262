"""`viewer.py` alone: type a prompt, press Generate, watch; earlier runs as a gallery."""

from __future__ import annotations

import contextlib
import functools
import queue
import random
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.files import PACKAGE
from gs_stein.live import html
from gs_stein.live.disk import Source
from gs_stein.live.estimate import ELSEWHERE, seconds_by_kind, words
from gs_stein.live.familiar import AdviceBox, advice
from gs_stein.live.gallery import Gallery
from gs_stein.live.jobs import LONGEST_PROMPT, Job, Order, command, gpu_gib, presets
from gs_stein.live.manage import deleted, renamed
from gs_stein.live.notices import notify
from gs_stein.live.options import LiveOptions
from gs_stein.live.panels.run_actions import RunActions
from gs_stein.live.rounds import Rounds, on_signals
from gs_stein.live.server import close_server, describe, open_server, token_of
from gs_stein.live.stage import Stage
from gs_stein.prior.checkpoints.registry import bundled_folder

if TYPE_CHECKING:
    import viser

_DEFAULT = "default"
_OWN = "or one of these …"
_LONGEST_QUEUE = 50
EXAMPLE = PACKAGE / "live" / "example" / "example-a-cozy-living-room.sog"
"""What a studio without runs shows."""
_LOOKED_AT = 50
"""Latest runs that an estimate rests on."""
_KINDS = {"As the prompt sounds": None, "Scene (stand in it)": True, "Object (from around)": False}
"""Whether to make a scene, by what the form calls it."""


@functools.cache
def written_prompts() -> tuple[str, ...]:
    """Prompts of the bundled prior's world: rooms, landscapes, objects."""
    from gs_stein.config.serialize import read_yaml

    return tuple(prompt for prompts in read_yaml(PACKAGE / "bench" / "prompts.yaml").values() for prompt in prompts)


@functools.cache
def _iterations(scene: bool, preset: str | None) -> int:
    """Of a run that asks for nothing else, with the bundled prior."""
    from gs_stein.config.presets import BUNDLED, default_preset, preset_file
    from gs_stein.config.schema import Config
    from gs_stein.config.serialize import merged, read_yaml

    config = merged(Config(), read_yaml(default_preset("scene" if scene else "object", BUNDLED)))
    return config.iterations if preset is None else merged(config, read_yaml(preset_file(preset))).iterations


class Requests(queue.Queue):
    """What browsers have asked for; what is too much is not taken, since nobody waits for the thousandth press."""

    def __init__(self) -> None:
        super().__init__(1000)

    def put(self, item: Callable[[], None], block: bool = False, timeout: float | None = None) -> None:
        """Take a request, or leave it."""
        with contextlib.suppress(queue.Full):
            super().put(item, block=False)


class Studio:
    """The page of `viewer.py` without arguments. Requests of browsers are queued for the thread that calls `poll`.

    Args:
        server: the page.
        output: folder of the runs.
        options: limits, and where the runs' own pages listen.
    """

    def __init__(self, server: viser.ViserServer, output: Path, options: LiveOptions) -> None:
        self._server, self._output, self._options = server, output, options
        self._presets = presets()
        self._waiting: deque[Order] = deque()
        self._requests = Requests()
        self.job: Job | None = None
        self._followed = False
        self._advised: tuple[str, bool | None] | None = None
        self.stage = Stage(server, options, self._tabs)
        self.gallery.refresh()
        self._estimate()
        if self.gallery.listed:  # rather than an empty stage
            self._ask_for(self.gallery.listed[0][0])
        else:
            self._requests.put(self._show_example)

    def poll(self) -> None:
        """Do what browsers asked for, follow the run, keep the gallery up to date. Call about once a second."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._requests.get_nowait()()
        try:
            self.stage.poll()
        except Exception as error:  # whatever became of a file, the page goes on, and with it the run
            self._not_opened(error)
        self._follow()
        self.gallery.refresh()
        run, job = self.stage.run, self.job
        self.actions.show(run, job is not None and job.going and run is not None and job.run == run.resolve())

    def close(self) -> bool:
        """Stop the run (it saves first) and all threads; the server stays. Returns as `Stage.close`."""
        if self.job is not None:
            self.job.end()
        return self.stage.close()

    def _tabs(self, tabs: viser.GuiTabGroupHandle) -> None:
        from viser import Icon

        gui = self._server.gui
        with tabs.add_tab("Create"):
            self._prompt = gui.add_text("Prompt", "a cozy living room", multiline=True)
            self._known = gui.add_dropdown("It knows", (_OWN, *written_prompts()), initial_value=_OWN)
            self._known.on_update(lambda _: self._take_known())
            self._advice = AdviceBox(self._server, self._take_prompt)
            self._kind = gui.add_dropdown("Make", tuple(_KINDS))
            for control in (self._prompt, self._kind):
                control.on_update(lambda _: self._requests.put(self._advise))
            self._preset = gui.add_dropdown("Preset", (_DEFAULT, *self._presets), initial_value=_DEFAULT)
            self._preset.on_update(lambda _: self._requests.put(self._estimate))
            self._seed = gui.add_number("Seed", 0, min=0, max=2**31 - 1, step=1)
            dice = gui.add_button("Another seed", icon=Icon.DICE)
            dice.on_click(lambda _: self._another_seed())
            self._takes = gui.add_html("")
            self._go = gui.add_button("Generate", icon=Icon.SPARKLES, color="green")
            self._go.on_click(lambda _: self._requests.put(self._generate))
            self._stop = gui.add_button("Stop and save", icon=Icon.DEVICE_FLOPPY, color="red", visible=False)
            self._stop.on_click(lambda _: self._requests.put(self._stop_job))
            self._forget = gui.add_button("Forget those that wait", icon=Icon.X, visible=False)
            self._forget.on_click(lambda _: self._requests.put(self._waiting.clear))
            self._said = gui.add_html("")
        runs = tabs.add_tab("Gallery")
        with runs:
            self.actions = RunActions(
                self._server,
                lambda run, iterations: self._requests.put(lambda: self._go_on(run, iterations)),
                lambda run, name: self._requests.put(lambda: self._move(run, name)),
                lambda run: self._requests.put(lambda: self._move(run, None)),
            )
        self.gallery = Gallery(self._server, runs, self._output, self._ask_for)

    def _ask_for(self, run: Path, beside: bool = False) -> None:
        """Have a run shown, alone or beside the one that is there."""
        self._requests.put(lambda: self._open(run, beside))

    def _go_on(self, run: Path, iterations: int | None) -> None:
        self._take(Order(run.name, None, None, 0, run.resolve(), iterations))

    def _move(self, run: Path, name: str | None) -> None:
        """Give a run another name, or (None) put it into the trash."""
        try:
            there = deleted(run) if name is None else renamed(run, name)
        except ValueError as error:
            notify(self._server, "Not done", str(error), "orange")
            return
        if name is None:
            notify(self._server, "In the trash", f"It lies in {there}; move it back to have it again.", "blue", None)
        self.gallery.refresh(at_once=True)
        latest = [run for run, _ in self.gallery.listed[:1]]
        self._show([there] if name is not None else latest)

    def _take_known(self) -> None:
        if self._known.value in written_prompts():  # a client may send anything
            self._prompt.value = self._known.value

    def _take_prompt(self, prompt: str) -> None:
        self._prompt.value = prompt

    def _advise(self) -> None:
        """Say what the bundled prior does not know of the prompt, where it is the one that will be asked."""
        asked = str(self._prompt.value), _KINDS.get(str(self._kind.value))
        if asked != self._advised and gpu_gib() == 0:
            self._advised = asked
            self._advice.show(advice(bundled_folder() / "captions", *asked))

    def _estimate(self) -> None:
        """Say how long a run of this preset takes here."""
        preset = str(self._preset.value)
        lengths = {scene: _iterations(scene, preset if preset in self._presets else None) for scene in (True, False)}
        known = seconds_by_kind(self.gallery.known(_LOOKED_AT))
        elsewhere = ELSEWHERE.get(preset if preset in self._presets else None)
        self._takes.content = html.note(words(known, lengths, elsewhere))

    def _another_seed(self) -> None:
        self._seed.value = random.SystemRandom().randrange(2**31)

    def order(self) -> Order | None:
        """What the form asks for; None (and a note) where it cannot be. Browsers may send anything."""
        prompt = " ".join(str(self._prompt.value).split())[:LONGEST_PROMPT]
        if not prompt:
            notify(self._server, "Empty prompt", "Say what to make.", "orange")
            return None
        preset = str(self._preset.value)
        try:
            seed = min(max(int(self._seed.value), 0), 2**31 - 1)
        except (TypeError, ValueError, OverflowError):
            seed = 0
        known = preset if preset in self._presets else None
        return Order(prompt, _KINDS.get(str(self._kind.value)), known, seed)

    def _generate(self) -> None:
        order = self.order()
        if order is not None:
            self._take(order)

    def _take(self, order: Order) -> None:
        """Start what was asked for, or have it wait for its turn."""
        if self.job is not None and self.job.going:
            if len(self._waiting) >= _LONGEST_QUEUE:
                notify(self._server, "Not taken", f"{_LONGEST_QUEUE} prompts wait already.", "orange")
            else:
                self._waiting.append(order)
                notify(self._server, "Waits for its turn", order.prompt, "blue")
            return
        self._start(order)

    def _start(self, order: Order) -> None:
        try:
            self.job = Job(command(order, self._output.resolve(), self._options, token_of(self._server) is not None))
        except (OSError, ValueError) as error:
            notify(self._server, "Not started", str(error), "red")
            return
        self._followed = False
        self._stop.visible = True
        notify(self._server, "Started", order.prompt, "blue")

    def _stop_job(self) -> None:
        if self.job is not None:
            self.job.stop()

    def _follow(self) -> None:
        job = self.job
        if job is None:
            return
        lines = list(job.lines)
        text = html.link("The run's own page, with all controls", job.page) if job.page and job.going else ""
        waiting = [f"waits: {order.prompt}" for order in self._waiting]
        self._forget.visible = bool(waiting)
        self._tell(text + "".join(html.note(line) for line in lines[-4:] + waiting))
        if not self._followed and job.run is not None and (job.run / "config.yaml").is_file():
            self._open(job.run)
            self._followed = True
        if not job.going and self._stop.visible:
            self._stop.visible = False
            if job.failed:
                notify(self._server, "The run failed", lines[-1] if lines else "It said nothing.", "red", None)
            elif job.run is not None:
                notify(self._server, "Stopped" if job.stopped else "Finished", job.run.name, "green", None)
            self._estimate()
            if self._waiting:
                self._start(self._waiting.popleft())

    def _tell(self, content: str) -> None:
        if self._said.content != content:
            self._said.content = content

    def _open(self, run: Path, beside: bool = False) -> None:
        shown = self.stage.run
        self._show([shown, run] if beside and shown not in (None, run) else [run])

    def _show(self, runs: list[Path]) -> None:
        try:
            self.stage.open([Source(run) for run in runs])
        except Exception as error:  # whatever lies in a folder, the page goes on, and with it the run
            self._not_opened(error)

    def _show_example(self) -> None:
        """Something to look at and to walk in, before there is a run."""
        try:
            example = Source(EXAMPLE)
            example.prompt = "a cozy living room (an example that comes with gs_stein, made with the preset preview)"
            self.stage.open([example])
        except Exception as error:  # an incomplete installation: the stage stays empty
            self._not_opened(error)

    def _not_opened(self, error: Exception) -> None:
        notify(self._server, "Not opened", str(error) or type(error).__name__, "red")


def studio(output: Path, options: LiveOptions, ended: threading.Event | None = None) -> bool:
    """Serve the studio until Ctrl-C; a run in progress saves and ends with it.

    Returns:
        Whether all threads have ended; False where one still reads or draws and nobody will wait for it.

    Raises:
        ValueError: nothing can be served at the address.
    """
    ended = on_signals() if ended is None else ended
    server = open_server(options.host, options.port, "gs_stein studio", options)
    page = Studio(server, output, options)
    try:
        print(describe(server), flush=True)
        rounds = Rounds(ended, page.poll, page.poll)
        rounds.wait()
    finally:
        drawn = page.close()
        close_server(server)
    return drawn and not rounds.busy
