"""The live curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gs_stein.live.snapshot import TERMS, Curves, History

if TYPE_CHECKING:
    import viser

COLOURS = ("#4da3e0", "#f0a03c", "#6cc070", "#d06070", "#a080d0")


class Plot:
    """One chart in the panel, a fixed set of curves over a shared x."""

    def __init__(
        self, server: viser.ViserServer, title: str, x: str, names: tuple[str, ...], log: bool = False
    ) -> None:
        self._server, self._title, self._x, self._names, self._log = server, title, x, names, log
        self._shown: Float[np.ndarray, "columns n"] | None = None
        scales: dict[str, Any] = {"x": {"time": False}}
        if log:
            scales["y"] = {"distr": 3}
        series: list[Any] = [{"label": x}]
        series += [
            {"label": name, "stroke": COLOURS[i % len(COLOURS)], "width": 1.5, "points": {"show": False}}
            for i, name in enumerate(names)
        ]
        empty = tuple(np.array([0.0, 1.0]) if i == 0 else np.array([1.0, 1.0]) for i in range(len(series)))
        self._handle = server.gui.add_uplot(
            empty, tuple(series), title=title, scales=scales, aspect=1.6, visible=False,
            legend={"show": True, "live": False},
        )  # fmt: skip

    @property
    def names(self) -> tuple[str, ...]:
        """Of its curves."""
        return self._names

    def show(self, table: Float[np.ndarray, "columns n"]) -> None:
        """Replace the curves; points of which a number is missing (or cannot be drawn) are left out.

        Args:
            table: x, then one row a curve.
        """
        good = np.isfinite(table).all(axis=0)
        if self._log:
            good &= (table[1:] > 0).all(axis=0)
        table = table[:, good]
        if table.shape[1] < 2:
            return
        if self._shown is not None and np.array_equal(self._shown, table):
            return
        self._shown = table
        self._handle.data = tuple(np.ascontiguousarray(row) for row in table)
        self._handle.visible = True

    def remove(self) -> None:
        """Take it away."""
        self._handle.remove()


class Plots:
    """All charts of a run. Only one thread may write."""

    def __init__(self, server: viser.ViserServer, tab: viser.GuiTabHandle) -> None:
        self._server, self._tab = server, tab
        with tab:
            self._waiting = server.gui.add_html(
                '<p style="padding:0 1em;opacity:.7">Curves appear after two steps.</p>'
            )
            self._gradient = Plot(server, "Gradient of the loss", "step", ("root mean square in x₀",))
            self._ratio = Plot(server, "Variance: chosen estimator / SDS", "step", ("chosen / SDS", "SDS"))
            self._moment = Plot(server, "Second moment of the gradient over t/T", "t/T", ("chosen", "SDS"), log=True)
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
        self._gradient.show(smooth(table[[0, 1]]))
        self._ratio.show(np.vstack([table[0], table[2], np.ones(table.shape[1])]))
        used = [i for i in range(len(TERMS)) if np.nan_to_num(table[3 + i]).any()]
        if used:
            names = tuple(TERMS[i].replace("_", " ") for i in used)
            if self._terms is None or self._terms.names != names:
                self._terms = self._renew(self._terms, "Regularisers (weighted)", "step", names)
            self._terms.show(table[[0, *(3 + i for i in used)]])

    def _renew(self, old: Plot | None, title: str, x: str, names: tuple[str, ...]) -> Plot:
        if old is not None:
            old.remove()
        with self._tab:
            return Plot(self._server, title, x, names)


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
