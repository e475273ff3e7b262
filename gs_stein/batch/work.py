"""One run of a batch after another, in one process: networks that two runs share are loaded once."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# As for `gs-stein train`, before torch and Numba are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.batch import ledger
from gs_stein.batch.ledger import Outcome
from gs_stein.batch.plan import Item
from gs_stein.batch.results import Results
from gs_stein.run.options import RunOptions

if TYPE_CHECKING:
    from gs_stein.command.auto import Choice
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.step import Controls


_FRESH = 100
"""Runs after which all networks are loaded anew: each prompt's embedding stays with the prior that encoded it."""


class Runner:
    """Works on runs, one at a time.

    Args:
        output: folder of all runs.
        options: of each run; its own output is not read.
        results: where finished ones are copied to; None: nowhere.
    """

    def __init__(self, output: Path, options: RunOptions, results: Results | None = None) -> None:
        self._output, self._options, self._results = output, options, results
        self._loaded: dict[tuple, Priors] = {}
        self._served = 0

    def run(self, item: Item, controls: Controls, watch: Callable[[int, int], None]) -> Outcome:
        """Begin a run, or go on with it, until it is finished or `controls.stop` is set; no failure gets out.

        Args:
            item: what to make.
            controls: looked at between two iterations.
            watch: told, after each iteration, how many are done, and of how many.
        """
        from gs_stein.run.checkpoint import is_disk_full
        from gs_stein.run.folder import BusyError, working_in

        folder = self._output / item.name
        try:
            folder.mkdir(exist_ok=True)
            with working_in(folder):
                return self._look_and_work(item, folder, controls, watch)
        except BusyError:
            return Outcome("elsewhere")
        except Exception as error:  # there is no such folder, or none that can be locked
            return Outcome("failed", str(error).partition("\n")[0][:500], full_disk=is_disk_full(error))

    def _look_and_work(
        self, item: Item, folder: Path, controls: Controls, watch: Callable[[int, int], None]
    ) -> Outcome:
        """In a folder that is locked."""
        from gs_stein.run.checkpoint import is_disk_full

        try:
            found = ledger.look(self._output, item)
        except ValueError as error:  # another batch's, begun meanwhile: nothing is written into it
            return Outcome("failed", str(error))
        if found.state == "finished":
            return self._handed_over(found, folder)
        try:
            return self._handed_over(self._work(item, folder, controls, watch), folder)
        except Exception as error:  # whatever a run dies of, the others go on
            reason = (str(error).partition("\n")[0] or "no reason given")[:500]
            if not isinstance(error, (ValueError, FloatingPointError, OSError)):
                reason = f"{type(error).__name__}: {reason}"
            with suppress(ValueError, OSError):
                ledger.fail(folder, reason)
            return Outcome("failed", reason, full_disk=is_disk_full(error))

    def _handed_over(self, outcome: Outcome, folder: Path) -> Outcome:
        """A run's outcome, once it is copied to where it is wanted; if it cannot be, the next command tries again."""
        if self._results is not None and outcome.state == "finished":
            try:
                self._results.put(folder)
            except ValueError as error:
                return Outcome("failed", str(error))
        return outcome

    def _work(self, item: Item, folder: Path, controls: Controls, watch: Callable[[int, int], None]) -> Outcome:
        from gs_stein.command.auto import choose
        from gs_stein.command.furnish import Furnishing, composed
        from gs_stein.config.serialize import read_config
        from gs_stein.gaussians.options import BallStart
        from gs_stein.optimize.loop import optimize
        from gs_stein.optimize.state import begin
        from gs_stein.rasterize.filter_3d import as_trained
        from gs_stein.run import checkpoint
        from gs_stein.run.folder import write_start
        from gs_stein.run.metrics import Recorder
        from gs_stein.run.report import write_results

        kept, saved = ledger.begin(folder, item), folder / "config.yaml"
        choice = choose(read_config(saved) if saved.is_file() else item.config())
        config, every = choice.config, self._options.checkpoint_every
        priors = self._priors(choice)
        composition = composed(config, priors)
        asked = config if composition is None else replace(config, prompt=composition.host)
        notes = priors.advice(asked.prompt, config.scene)
        # As `gs-stein train --resume`: a checkpoint replaces the first scene, whose file may be gone by now.
        start = replace(asked, start=BallStart(count=1)) if checkpoint.checkpoints(folder) else asked
        state = begin(start, priors, choice.device)
        notes += state.notes
        if not saved.is_file():
            write_start(folder, config)
        checkpoint.restore_latest(folder, state, asked, notes.append)
        saved_at = state.step
        with closing(Recorder(folder, self._options.log_every, state.step)) as recorder:
            for step in optimize(asked, state, controls):
                recorder.add(step)
                if state.step % every == 0:
                    checkpoint.save(folder, state, self._options.keep_checkpoints, asked)
                    saved_at = state.step
                watch(step.step, step.total)
        if state.step > saved_at:
            checkpoint.save(folder, state, self._options.keep_checkpoints, asked)
        if state.step < config.iterations:
            return Outcome("stopped")
        scene, things = None, []
        if composition is not None:
            trained = as_trained(state.gaussians, config.cameras, config.rasterize)
            furnishing = Furnishing(config, composition, trained, priors, folder, controls, notes.append)
            for step, _ in furnishing:
                watch(step.step, step.total)
            if not furnishing.complete:
                return Outcome("stopped")
            scene, things = furnishing.scene, furnishing.rows
        write_results(folder, config, self._options, choice.reasons, state, scene, things)
        ledger.end(folder, kept, notes)
        return ledger.look(self._output, item)

    def _priors(self, choice: Choice) -> Priors:
        """The networks of a run: those of an earlier one, if it asked for the same."""
        from gs_stein.distill.options import VSD
        from gs_stein.optimize.networks import baselines, load_priors
        from gs_stein.prior.checkpoints.registry import bundled_for, is_bundled

        config = choice.config
        wanted = (
            bundled_for(config.prior.model, config.scene), config.prior, config.depth, choice.prior_device,
            frozenset(baselines(config)), config.refine.share > 0 and config.refine.depth > 0,
        )  # fmt: skip
        self._served += 1
        if self._served % _FRESH == 0:
            self._loaded.clear()
        if wanted in self._loaded:
            return self._loaded[wanted]
        if not is_bundled(config.prior.model):  # a large one: nothing beside it
            self._loaded.clear()
        priors = load_priors(config, choice.prior_device)
        if not isinstance(config.distill.estimator, VSD):  # which puts layers of its own into the network
            self._loaded[wanted] = priors
        return priors
