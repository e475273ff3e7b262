"""The panel of a run in progress: what it does, and the knobs. Callbacks set flags and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from gs_stein.live import html
from gs_stein.live.familiar import Advice, AdviceBox
from gs_stein.live.notices import notify
from gs_stein.live.pause import Gate
from gs_stein.live.server import set_title
from gs_stein.live.snapshot import History, Snapshot
from gs_stein.optimize.step import Controls

if TYPE_CHECKING:
    import viser

LONGEST_PROMPT = 1000
"""Characters."""


class RunPanel:
    """Prompt, progress and the buttons that steer; at the top of the page."""

    def __init__(
        self,
        server: viser.ViserServer,
        controls: Controls,
        gate: Gate,
        prompt: str,
        limit: int,
        adviser: Callable[[str], Advice] | None = None,
    ) -> None:
        from viser import Icon

        self._server, self._controls, self._gate, self._limit = server, controls, gate, limit
        self._state = ""
        self.denoising: float | None = None
        """Share of a round's denoising that is done; None once a step has ended."""
        self._told: float | None = None
        self._last: tuple[Snapshot, History] | None = None
        gui = server.gui
        self._prompt = gui.add_text("Prompt", prompt, multiline=True)
        self._change = gui.add_button("Use this prompt from now on", icon=Icon.PENCIL, visible=False)
        self._current, self._adviser, self._advised = prompt, adviser, ""
        self._advice = AdviceBox(server, self._take)
        self._prompt.on_update(lambda _: self._show_change())
        self._change.on_click(lambda _: self._new_prompt())
        self._bar = gui.add_progress_bar(0.0)
        self._table = gui.add_html(html.rows([("Step", "waiting for the first …")]))
        self._pause = gui.add_button("Pause", icon=Icon.PLAYER_PAUSE)
        self._pause.on_click(lambda _: self.toggle())
        self._one = gui.add_button("One step", icon=Icon.PLAYER_TRACK_NEXT, visible=False)
        self._one.on_click(lambda _: self._one_step())
        self._stop = gui.add_button("Stop and save", icon=Icon.DEVICE_FLOPPY, color="red")
        self._stop.on_click(lambda _: self._stop_run())

    def toggle(self) -> None:
        """Pause or go on."""
        if self._gate.paused:
            self._gate.resume()
        else:
            self._gate.pause()
        self.refresh()

    def _one_step(self) -> None:
        self._gate.one_step()
        self.refresh()

    def _stop_run(self) -> None:
        self._controls.stop = True
        self._gate.poke()
        self.refresh()
        notify(self._server, "Stopping", "The run ends after this iteration and saves its files.", "orange")

    def _show_change(self) -> None:
        text = str(self._prompt.value).strip()
        self._change.visible = bool(text) and text != self._current

    def _take(self, prompt: str) -> None:
        self._prompt.value = prompt
        self._new_prompt()

    def advise(self) -> None:
        """Show what the prior does not know of the prompt, if that has changed. Takes a second at the first time."""
        if self._adviser is not None and self._advised != self._current:
            self._advised = self._current
            self._advice.show(self._adviser(self._advised))

    def _new_prompt(self) -> None:
        text = " ".join(str(self._prompt.value).split())[:LONGEST_PROMPT]
        if not text:
            notify(self._server, "Empty prompt", "Say what to make.", "orange")
            return
        self._current, self._controls.prompt = text, text
        self._change.visible = False
        set_title(self._server, text)
        notify(self._server, "Prompt changed", text, "blue")

    def refresh(self) -> None:
        """Show whether the run goes, stands or ends."""
        from viser import Icon

        state = "stop" if self._controls.stop else "pause" if self._gate.paused else "go"
        if state == self._state:
            if self._last is not None and self.denoising != self._told:
                self._tell(*self._last)
            return
        self._state = state
        self._pause.label = "Resume" if state == "pause" else "Pause"
        self._pause.icon = Icon.PLAYER_PLAY if state == "pause" else Icon.PLAYER_PAUSE
        self._one.visible = state == "pause"
        self._pause.disabled = self._one.disabled = self._stop.disabled = state == "stop"
        if self._last is not None:
            self._tell(*self._last)

    def show(self, snapshot: Snapshot, history: History) -> None:
        """The numbers of a moment."""
        self._last = snapshot, history
        self.refresh()
        self._tell(snapshot, history)

    def _tell(self, snapshot: Snapshot, history: History) -> None:
        speed = history.speed()
        left = html.duration(snapshot.seconds_left)
        time_left = "stopping …" if self._controls.stop else "paused" if self._gate.paused else left
        done = 100.0 * snapshot.step / max(snapshot.total, 1)
        self._bar.value = min(max(done, 0.0), 100.0)
        self._told = self.denoising
        busy = "" if self._told is None else f", denoising views {self._told:.0%}"
        pairs = [
            ("Step", f"{snapshot.step} of {snapshot.total}{busy}"),
            ("Time left", time_left),
            ("Speed", "…" if not speed else f"{speed:.2f} steps/s" if speed >= 0.5 else f"{1 / speed:.1f} s a step"),
            ("Gaussians", html.splats_line(len(snapshot.gaussians), snapshot.count, self._limit)),
            ("Views denoised", html.thousands(snapshot.evaluations)),
        ]
        if snapshot.ratio is not None:
            pairs.append(("Variance, chosen / SDS", f"{snapshot.ratio:.2f}"))
        if snapshot.skipped:
            pairs.append(("Steps skipped", str(snapshot.skipped)))
        self._table.content = html.rows(pairs)

    def finished(self, where: str) -> None:
        """The run is over."""
        for button in (self._pause, self._one, self._stop):
            button.visible = False
        self._bar.value = 100.0
        notify(self._server, "Finished", f"{where}; look again with: python viewer.py {where}", "green", None)


class SteerTab:
    """Sliders that take effect at the next iteration.

    Args:
        server: the page.
        controls: flags that the training loop reads.
        guidance: scale as configured.
        window: timesteps as configured at the first step, fractions of T; None: none are drawn.
    """

    def __init__(
        self, server: viser.ViserServer, controls: Controls, guidance: float, window: tuple[float, float] | None
    ) -> None:
        from viser import Icon

        self._controls, self._guidance, self._window = controls, guidance, window
        gui = server.gui
        top = max(30.0, float(round(2 * guidance)))
        # A resumed run may have been steered before.
        scale = guidance if controls.guidance_scale is None else controls.guidance_scale
        held = window if controls.t_min is None or controls.t_max is None else (controls.t_min, controls.t_max)
        factor = math.log10(_within(controls.learning_rate, 0.01, 10.0, 1.0))
        self._scale = gui.add_slider("Guidance scale", 0.0, top, 0.5, min(max(scale, 0.0), top))
        self._range = gui.add_multi_slider(
            "Timesteps t/T", 0.0, 1.0, 0.01, _rounded(held or (0.0, 1.0)), min_range=0.02, disabled=window is None
        )
        self._factor = gui.add_slider(
            "Learning rate", -2.0, 1.0, 0.05, factor, hint="Power of ten: 0 is as configured, 1 is ten times as fast",
            marks=((-2.0, "÷100"), (-1.0, "÷10"), (0.0, "×1"), (1.0, "×10")),
        )  # fmt: skip
        self._scale.on_update(lambda _: self._set_scale())
        self._range.on_update(lambda event: None if event.client is None else self._set_range())
        self._factor.on_update(lambda _: self._set_factor())
        reset = gui.add_button("As configured", icon=Icon.RESTORE)
        reset.on_click(lambda _: self._reset())
        self._told, self._said = gui.add_html(""), ""
        self._tell()

    def follow(self, window: tuple[float, float] | None) -> None:
        """Show the timesteps as configured by now, unless somebody holds them; None: none are drawn any more."""
        if window == self._window:
            return
        self._window, self._range.disabled = window, window is None
        if window is not None and self._controls.t_min is None and self._range.value != _rounded(window):
            self._range.value = _rounded(window)
        self._tell()

    def _set_scale(self) -> None:
        self._controls.guidance_scale = _within(self._scale.value, 0.0, 1000.0, self._guidance)
        self._tell()

    def _set_range(self) -> None:
        window = self._window or (0.0, 1.0)
        low, high = (_within(v, 0.0, 1.0, w) for v, w in zip(self._range.value, window, strict=True))
        self._controls.t_min, self._controls.t_max = min(low, high), max(low, high)
        self._tell()

    def _set_factor(self) -> None:
        self._controls.learning_rate = 10.0 ** _within(self._factor.value, -4.0, 2.0, 0.0)
        self._tell()

    def _reset(self) -> None:
        self._scale.value, self._factor.value = min(self._guidance, float(self._scale.max)), 0.0
        if self._window is not None:
            self._range.value = _rounded(self._window)
        controls = self._controls
        controls.guidance_scale = controls.t_min = controls.t_max = None
        controls.learning_rate = 1.0
        self._tell()

    def _tell(self) -> None:
        c = self._controls
        label = f"Learning ×{c.learning_rate:.3g}"  # the slider's own number is the power of ten
        if self._factor.label != label:
            self._factor.label = label
        changed = [
            name
            for name, is_changed in (
                ("guidance", c.guidance_scale is not None),
                ("timesteps held (no annealing)", c.t_min is not None),
                (f"learning rates × {c.learning_rate:.3g}", c.learning_rate != 1.0),
            )
            if is_changed
        ]
        text = "Changed: " + ", ".join(changed) + "." if changed else "All as configured."
        if self._window is None:
            text += " The run refines: views are denoised from a level of their own, so that timesteps rest."
        if text != self._said:
            self._said, self._told.content = text, html.note(text)


def _rounded(window: tuple[float, float]) -> tuple[float, float]:
    return round(window[0], 2), round(window[1], 2)


def _within(value: object, low: float, high: float, otherwise: float) -> float:
    """A number from a client, which may send anything."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return otherwise
    return min(max(number, low), high) if number == number else otherwise
