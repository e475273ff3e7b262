"""The live curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gs_stein.live import html
from gs_stein.live.snapshot import TERMS, Curves, History

if TYPE_CHECKING:
    import viser

COLOURS = ("#4da3e0", "#f0a03c", "#6cc070", "#d06070", "#a080d0")
CHANGED = "changed by hand"
"""Name of the vertical lines where somebody steered."""
_MARK = "#e83e8c"
_NAMED = 8
"""Changes that are told in words, the latest ones."""


class Plot:
    """One chart in the panel, a fixed set of curves over a shared x, and vertical lines where something was changed."""

    def __init__(
        self,
        server: viser.ViserServer,
        tab: viser.GuiTabHandle,
        title: str,
        x: str,
        names: tuple[str, ...],
        log: bool = False,
    ) -> None:
        self._server, self._tab = server, tab
        self._title, self._x, self._names, self._log = title, x, names, log
        self._shown: Float[np.ndarray, "columns n"] | None = None
        self._marked = False
        self._handle = self._add(None, False)

    def _add(self, order: float | None, marked: bool) -> viser.GuiUplotHandle:
        scales: dict[str, Any] = {"x": {"time": False}}
        if self._log:
            scales["y"] = {"distr": 3}
        series: list[Any] = [{"label": self._x}]
        series += [
            {"label": name, "stroke": COLOURS[i % len(COLOURS)], "width": 1.5, "points": {"show": False}}
            for i, name in enumerate(self._names)
        ]
        if marked:  # on a scale of their own, from edge to edge whatever the curves do
            scales["mark"] = {"range": (0.0, 1.0)}
            series.append(
                {"label": CHANGED, "stroke": _MARK, "width": 1, "scale": "mark", "points": {"show": False}}
            )  # fmt: skip
        empty = tuple(np.array([0.0, 1.0]) if i == 0 else np.array([1.0, 1.0]) for i in range(len(series)))
        with self._tab:
            return self._server.gui.add_uplot(
                empty, tuple(series), title=self._title, scales=scales, aspect=1.6, visible=False,
                legend={"show": True, "live": False}, padding=(8, 24, 0, 0), order=order,
            )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Of its curves."""
        return self._names

    def show(self, table: Float[np.ndarray, "columns n"], marks: Sequence[float] = ()) -> None:
        """Replace the curves; points of which a number is missing (or cannot be drawn) are left out.

        Args:
            table: x, then one row a curve.
            marks: where to draw a vertical line; beyond the curves' ends there is none.
        """
        good = np.isfinite(table).all(axis=0)
        if self._log:
            good &= (table[1:] > 0).all(axis=0)
        table = table[:, good]
        if table.shape[1] < 2:
            return
        here = [mark for mark in marks if table[0, 0] <= mark <= table[0, -1]]
        if here:
            table = with_marks(table, here)
        if self._marked != bool(here):  # the number of curves cannot change while a browser draws them
            old = self._handle
            self._handle, self._marked = self._add(float(old.order), bool(here)), bool(here)
            old.remove()
        if self._shown is not None and np.array_equal(self._shown, table):
            return
        self._shown = table
        self._handle.data = tuple(np.ascontiguousarray(row) for row in table)
        self._handle.visible = True

    def remove(self) -> None:
        """Take it away."""
        self._handle.remove()


class Plots:
    """All charts of a run. Only one thread may write.

    Args:
        server: the page.
        tab: where they are.
        changes: what somebody changed while it ran, and after which step.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        tab: viser.GuiTabHandle,
        changes: Callable[[], list[tuple[int, str]]] = list,
    ) -> None:
        self._server, self._tab, self._changes, self._told = server, tab, changes, ""
        with tab:
            self._waiting = server.gui.add_html(
                '<p style="padding:0 1em;opacity:.7">Curves appear after two steps.</p>'
            )
            self._changed = server.gui.add_html("")
        self._gradient = self._plot("Gradient of the loss", "step", ("root mean square in x₀",))
        self._ratio = self._plot("Variance: chosen estimator / SDS", "step", ("chosen / SDS", "SDS"))
        self._moment = self._plot("Second moment of the gradient over t/T", "t/T", ("chosen", "SDS"), log=True)
        self._terms: Plot | None = None
        self._beta: Plot | None = None

    def show(self, history: History, curves: Curves | None) -> None:
        """Redraw."""
        self.show_table(history.table())
        if curves is None:
            return
        self._moment.show(np.vstack([curves.t, curves.moment, curves.moment_sds]))
        if curves.names:
            if self._beta is None or self._beta.names != curves.names:
                self._beta = self._renew(self._beta, "Coefficients β over t/T", "t/T", curves.names)
            self._beta.show(np.vstack([curves.t, curves.beta.T]))

    def show_table(self, table: Float[np.ndarray, "columns n"]) -> None:
        """Redraw what goes over steps; rows as in `History.table`."""
        table = thinned(table)
        if table.shape[1] >= 2:
            self._waiting.visible = False
        changes = self._changes()
        marks = sorted({float(step) for step, _ in changes})
        if (told := told_changes(changes)) != self._told:
            self._told = self._changed.content = told
        self._gradient.show(smooth(table[[0, 1]]), marks)
        self._ratio.show(np.vstack([table[0], table[2], np.ones(table.shape[1])]), marks)
        used = [i for i in range(len(TERMS)) if np.nan_to_num(table[3 + i]).any()]
        if used:
            names = tuple(TERMS[i].replace("_", " ") for i in used)
            if self._terms is None or self._terms.names != names:
                self._terms = self._renew(self._terms, "Regularisers (weighted)", "step", names)
            self._terms.show(table[[0, *(3 + i for i in used)]], marks)

    def _renew(self, old: Plot | None, title: str, x: str, names: tuple[str, ...]) -> Plot:
        if old is not None:
            old.remove()
        return self._plot(title, x, names)

    def _plot(self, title: str, x: str, names: tuple[str, ...], log: bool = False) -> Plot:
        return Plot(self._server, self._tab, title, x, names, log)


def told_changes(changes: list[tuple[int, str]]) -> str:
    """The latest changes as HTML, one line each; empty where there were none."""
    if not changes:
        return ""
    earlier = len(changes) - _NAMED
    lines = [html.note(f"and {earlier} earlier, in steering.csv")] if earlier > 0 else []
    lines += [html.note(f"step {step}: {words}") for step, words in changes[-_NAMED:]]
    return html.heading("Changed by hand, where the curves have a vertical line:") + "".join(lines)


def with_marks(table: Float[np.ndarray, "columns n"], at: Sequence[float]) -> Float[np.ndarray, "columns_ m"]:
    """A table with a last row that is below zero, out of sight, but for a spike to one at each mark; the curves go
    straight on there.

    Args:
        table: x, then one row a curve; all finite, x rising.
        at: places between the first x and the last.
    """
    x = np.concatenate([table[0], np.repeat(at, 3)])
    order = np.argsort(x, kind="stable")
    curves = [np.interp(x, table[0], row) for row in table[1:]]
    spikes = np.concatenate([np.full(table.shape[1], -1.0), np.tile([-1.0, 1.0, -1.0], len(at))])
    return np.vstack([x, *curves, spikes])[:, order]


def thinned(table: Float[np.ndarray, "columns n"], most: int = 400) -> Float[np.ndarray, "columns m"]:
    """Every k-th column, so that at most `most` are left; the last one always is."""
    n = table.shape[1]
    if n <= most:
        return table
    k = -(-n // most)
    return table[:, ::-1][:, ::k][:, ::-1]


def smooth(table: Float[np.ndarray, "2 n"], window: int = 15) -> Float[np.ndarray, "2 m"]:
    """Running mean of the second row over finite values; one step's gradient says little."""
    x, y = table
    good = np.isfinite(y)
    x, y = x[good], y[good]
    if len(y) < window:
        return np.vstack([x, y])
    total = np.cumsum(np.concatenate([[0.0], y]))
    start = np.maximum(np.arange(1, len(y) + 1) - window, 0)
    stop = np.arange(1, len(y) + 1)
    return np.vstack([x, (total[stop] - total[start]) / (stop - start)])
