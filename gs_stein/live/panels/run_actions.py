"""What can be done with the run that is shown in the studio: go on, another name, the trash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gs_stein.live import html
from gs_stein.live.gallery import stamp
from gs_stein.live.manage import steps_to_go

if TYPE_CHECKING:
    import viser


class RunActions:
    """Buttons for one run. Only one thread may call `show`.

    Args:
        server: the page; the buttons are added where its panel stands.
        go_on: called with a run, and the iterations to reach (None: those it was begun for).
        rename: called with a run and the name that was typed.
        delete: called with a run.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        go_on: Callable[[Path, int | None], None],
        rename: Callable[[Path, str], None],
        delete: Callable[[Path], None],
    ) -> None:
        from viser import Icon

        self._run: Path | None = None
        self._more: int | None = None
        self._shown: tuple[object, ...] = ()
        gui = server.gui
        self._folder = gui.add_folder(None, visible=False)
        with self._folder:
            self._name = gui.add_text("This run", "")
            self._name.on_update(lambda _: self._typed())
            self._rename = gui.add_button("Rename", icon=Icon.PENCIL, visible=False)
            self._go_on = gui.add_button("Go on", icon=Icon.PLAYER_PLAY, color="green", visible=False)
            self._delete = gui.add_button("Move to the trash", icon=Icon.TRASH, color="red")
            self._state = gui.add_html("")
        self._rename.on_click(lambda _: self._with_run(lambda run: rename(run, str(self._name.value))))
        self._go_on.on_click(lambda _: self._with_run(lambda run: go_on(run, self._more)))
        self._delete.on_click(lambda _: self._with_run(delete))

    def show(self, run: Path | None, busy: bool) -> None:
        """Concern a run.

        Args:
            run: its folder; None: none is shown.
            busy: whether it is at work, so that nothing can be done with it but looking on.
        """
        if run != self._run:
            self._run = run
            self._folder.visible = run is not None
            self._name.value = "" if run is None else html.printable(run.name)
            self._rename.visible = False
        if run is None:
            return
        state = run, busy, stamp(run / "config.yaml"), stamp(run / "checkpoints")
        if state == self._shown:
            return
        self._shown = state
        step, total = 0, 0
        try:
            step, total = steps_to_go(run)
        except ValueError:  # what is wrong with its settings is said where it is opened
            busy = True
        finished = step >= total
        self._more = total * 3 // 2 if finished else None
        label = f"Go on to step {self._more or total}"
        if self._go_on.label != label:
            self._go_on.label = label
        for button, wanted in ((self._go_on, not busy and step > 0), (self._delete, not busy)):
            if button.visible != wanted:
                button.visible = wanted
        text = "" if busy else html.note(f"It {'ended' if finished else 'was stopped'} at step {step} of {total}.")
        if self._state.content != text:
            self._state.content = text

    def _typed(self) -> None:
        run, text = self._run, str(self._name.value).strip()
        self._rename.visible = run is not None and self._delete.visible and text not in ("", html.printable(run.name))

    def _with_run(self, do: Callable[[Path], None]) -> None:
        if self._run is not None:
            do(self._run)
