"""`gs-stein train`: from a sentence to a 3D scene.

Reads the command line, says what it chose, drives `optimize`, and keeps the run's folder. See `--help`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

# Threads of OpenMP that wait must sleep instead of spinning, or they take the cores from the rasterizer's own pool.
# Torch and Numba read this when they are imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.command import usage
from gs_stein.command.beside import after_first, beside, let_first_speak
from gs_stein.command.loading import importing_torch
from gs_stein.files import print_anything

if TYPE_CHECKING:
    import viser

    from gs_stein.command.furnish import Furnishing
    from gs_stein.command.parse import Job
    from gs_stein.compose.prompt import Composition
    from gs_stein.config.schema import Config
    from gs_stein.live.options import LiveOptions
    from gs_stein.live.run_view import Live
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.state import State
    from gs_stein.optimize.step import Controls
    from gs_stein.run.metrics import Recorder
    from gs_stein.run.options import RunOptions
    from gs_stein.run.steering import Steering


TELLS = 0.25
"""Share of true pictures in which the scorer must be right for its verdict on a scene to be worth a line."""
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)  # fmt: skip
"""Signals that ask a run to save and end. SIGBREAK is Ctrl-Break, on Windows alone; the studio sends it there."""


def main(arguments: list[str] | None = None, command: str = "gs-stein train") -> int:
    """Run what the command line says; mistakes are one line, without a traceback.

    Args:
        arguments: without the program's name; None: the process's own.
        command: what the user typed before them, for the line that says how to go on.

    Returns:
        The exit status.
    """
    print_anything()
    arguments = sys.argv[1:] if arguments is None else arguments
    if usage.asks(arguments):
        print("" if beside() else usage.usage(command), end="")
        return 0
    from gs_stein.command.parse import parse

    try:
        with after_first(), importing_torch():
            job = parse(arguments, command.removeprefix("python "))
        return run_job(job, command)
    except (ValueError, FloatingPointError, OSError) as error:
        let_first_speak(error)
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


@dataclass(frozen=True)
class Run:
    """What makes up a run: what it trains, where that is kept, and who looks on."""

    config: Config
    """As it was chosen for this machine, with the part of the prompt that the scene itself is asked for."""
    options: RunOptions
    page: LiveOptions
    folder: Path
    state: State
    controls: Controls
    live: Live | None
    """Its page, if it has one."""


class StopSignals:
    """While entered, the first Ctrl-C (or SIGTERM) ends a run between two iterations, the second one at once."""

    def __init__(self, controls: Controls) -> None:
        self.caught: int | None = None
        """Number of the first signal that came."""
        self._controls = controls

    def __enter__(self) -> StopSignals:
        self._before = {number: signal.signal(number, self._stop) for number in ENDING}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.caught = self.caught or number
        self._controls.stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run_job(job: Job, command: str) -> int:
    """Run a job; returns the exit status.

    Args:
        job: what was asked for.
        command: what goes before `--resume`.

    Raises:
        ValueError: something that was asked for cannot be had here, or another process works in the folder.
        FloatingPointError: too many steps in a row were not finite; the last good scene is saved.
        OSError: the folder is no longer what it was.
    """
    from gs_stein import ranks
    from gs_stein.run.folder import working_in

    with contextlib.ExitStack() as held:
        held.enter_context(ranks.joined(job.config.device))
        ranks.by_first(lambda: None if job.resume is None else held.enter_context(working_in(job.resume)))
        if (line := ranks.of_first(ended(job, command))) is not None:
            print(line)
            return 0
        return work(job, command, held)


def ended(job: Job, command: str) -> str | None:
    """What to say, at once, to somebody who wants to go on with a run that is done; None if it is not."""
    from gs_stein.evaluate import read_report
    from gs_stein.run.report import finished

    if job.resume is None or not finished(job.resume, job.config):
        return None
    folder, config, report = shlex.quote(str(job.resume)), job.config, read_report(job.resume)
    other = "" if report.get("prompt") == config.prompt else f"--prompt {shlex.quote(config.prompt)} "
    return (
        f"done        all {report['steps']} iterations of {folder} are done; look: {viewing(command)} {folder}; "
        f"for more: {command} --resume {folder} {other}--iterations {2 * report['steps']}"
    )


def work(job: Job, command: str, held: contextlib.ExitStack) -> int:
    """The same, once no other process works in the folder that is gone on in; a new one is held as long."""
    from gs_stein import ranks
    from gs_stein.command.auto import choose
    from gs_stein.command.furnish import composed, told
    from gs_stein.config.check import check_shares, check_together
    from gs_stein.config.serialize import settings, to_tree
    from gs_stein.gaussians.options import BallStart
    from gs_stein.optimize.networks import load_priors
    from gs_stein.optimize.state import begin
    from gs_stein.optimize.step import Controls
    from gs_stein.run import checkpoint, report
    from gs_stein.run.metrics import Recorder
    from gs_stein.run.steering import Steering, read_steering

    check_together(job.config)
    if job.run.steering is not None:
        read_steering(job.run.steering)  # what is wrong with it is said before a folder is made
    choice = choose(job.config)
    ranks.agree(lambda: settings(to_tree(choice.config)))
    check_shares(choice.config, ranks.size())
    print("\n".join([*job.notes, *choice.reasons]), flush=True)
    priors = load_priors(choice.config, choice.prior_device)
    composition = composed(choice.config, priors) if ranks.size() == 1 else None
    asked = choice.config if composition is None else replace(choice.config, prompt=composition.host)
    for line in () if composition is None else told(composition):
        print(line)
    for note in priors.advice(asked.prompt, asked.scene):
        print(f"note        {note}")
    start = asked
    if job.resume is not None and checkpoint.checkpoints(job.resume):
        # The checkpoint replaces the first scene, whose file may be gone by now.
        start = replace(start, start=BallStart(count=1))
    state = begin(start, priors, choice.device)
    for note in state.notes:
        print(f"note        {note}")
    opened = ranks.by_first(lambda: open_folder(job, choice.config, asked, state, held))
    if opened is None:
        return follow(job, asked, state)
    folder, before = opened
    again = f"{command} --resume {shlex.quote(str(folder))}"
    print(f"folder      {folder}", flush=True)
    steering = Steering(folder, asked, state.step, before, job.run.steering, choice.config.prompt)
    if note := steering.resume(controls := Controls()):
        print(f"note        {note}")
    live = open_viewer(job, folder, controls, priors, state) if job.run.viewer else None
    if live is not None:
        print(live.describe(), flush=True)
    run = Run(asked, job.run, job.live, folder, state, controls, live)
    recorder = Recorder(folder, job.run.log_every, state.step)
    try:
        with StopSignals(controls) as signals:
            iterate(run, recorder, steering)
            furnishing = furnish(run, choice.config, composition, signals)
            if signals.caught is not None:
                report.write_scene(folder, run.config, state, None if furnishing is None else furnishing.scene)
                print(f"stopped at step {state.step}; go on with: {again}", flush=True)
                return 128 + signals.caught
        finish(run, choice.config, choice.reasons, furnishing)
        print(f"look        {viewing(command)} {shlex.quote(str(folder))}", flush=True)
        if live is not None and (job.run.serve == "yes" or (job.run.serve == "auto" and live.watched)):
            held.close()  # others may go on in the folder
            live, page = None, live.release()
            stay(page, run, command)
    except FloatingPointError as error:
        kept = "the last checkpoint"
        with contextlib.suppress(ValueError):  # nothing finite is left, or the disk is full
            checkpoint.save(folder, state, job.run.keep_checkpoints, run.config)
            report.write_scene(folder, run.config, state)
            kept = f"the scene of step {state.step}"
        raise FloatingPointError(f"{error}; {kept} is kept, go on with: {again}") from error
    except (ValueError, OSError) as error:
        if not checkpoint.is_disk_full(error):
            raise
        rest = "there is no checkpoint yet: nothing was lost but this run"
        if kept := checkpoint.checkpoints(folder):
            rest = f"the last good checkpoint is {kept[-1]}; free some and go on with: {again}"
        print(f"error: no space left on the disk; {rest}", file=sys.stderr)
        return 1
    finally:
        with contextlib.suppress(OSError):  # a full disk: what could be flushed was
            recorder.close()
        if live is not None:
            live.close()
    return 0


def follow(job: Job, config: Config, state: State) -> int:
    """What a rank beside the first one does: its share of every iteration. It neither writes nor serves anything, and
    ends when the first one does."""
    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.step import Controls
    from gs_stein.run import checkpoint

    if job.resume is not None:
        checkpoint.restore_latest(job.resume, state, config)
    with StopSignals(Controls()) as signals:
        for _ in optimize(config, state):
            pass
    return 0 if signals.caught is None else 128 + signals.caught


def open_folder(job: Job, config: Config, asked: Config, state: State, held: contextlib.ExitStack) -> tuple[Path, str]:
    """A folder of the run's own, or the one to go on in, whose latest checkpoint is laid over the state; and the prompt
    that the scene was asked for until now.

    Args:
        job: what was asked for.
        config: of the run, which its config.yaml holds.
        asked: the same with the part of the prompt that the scene itself is asked for.
        state: fresh.
        held: holds the folder.
    """
    from gs_stein.config.serialize import read_config
    from gs_stein.run import checkpoint
    from gs_stein.run.folder import new_folder, working_in, write_start

    if job.resume is None:
        folder = new_folder(job.run.output, config.prompt)
        held.enter_context(working_in(folder))
        write_start(folder, config)
        return folder, asked.prompt
    found = checkpoint.restore_latest(job.resume, state, asked, lambda line: print(f"note        {line}"))
    print(f"resume      {found or 'from the start: there is no checkpoint yet'}")
    before = read_config(job.resume / "config.yaml").prompt
    return job.resume, asked.prompt if before == config.prompt else before


def open_viewer(job: Job, folder: Path, controls: Controls, priors: Priors, state: State) -> Live | None:
    """The live view, or None (said in one line) if it cannot be served: training goes on without it."""
    from gs_stein.config.schema import BACKGROUNDS
    from gs_stein.live.familiar import adviser
    from gs_stein.live.run_view import Live

    config, distilled = job.config, state.refiner.first

    def window(step: int) -> tuple[float, float] | None:
        return config.distill.timesteps.window(step / distilled) if step < distilled else None

    try:
        return Live(
            controls, config.prompt, config.cameras, guidance_scale=config.distill.guidance.scale,
            window=window, background=BACKGROUNDS[config.background], rasterize=config.rasterize, options=job.live,
            folder=folder, denoiser=priors.denoiser, depth_estimator=priors.depth, prior_device=priors.device,
            adviser=adviser(priors.denoiser, config.scene), first=state.gaussians,
        )  # fmt: skip
    except (ValueError, ImportError) as error:
        print(f"viewer      off: {error}", file=sys.stderr)
        return None


def iterate(run: Run, recorder: Recorder, steering: Steering) -> None:
    """All iterations; progress, logs, checkpoints and the page follow them."""
    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.step import Controls
    from gs_stein.run import checkpoint
    from gs_stein.run.progress import Progress

    state, controls, held, live = run.state, run.controls, Controls(), run.live
    steering.follow(controls, held, state.step)
    progress = Progress(None if live is None else live.address)

    def denoising(share: float) -> None:
        progress.denoising(share)
        if live is not None:
            live.denoising(share)

    try:
        for step in optimize(run.config, state, held, denoising):
            progress.show(step)
            recorder.add(step)
            if state.step % run.options.checkpoint_every == 0:
                checkpoint.save(run.folder, state, run.options.keep_checkpoints, run.config)
            if live is not None:
                live.publish(step, state.distiller)
                live.wait_while_paused(until=lambda: controls.stop)
            steering.follow(controls, held, state.step)
    finally:
        progress.end()
    checkpoint.save(run.folder, state, run.options.keep_checkpoints, run.config)


def furnish(run: Run, config: Config, composition: Composition | None, signals: StopSignals) -> Furnishing | None:
    """Make the things that are set into the finished scene; None where there are none, or the scene is not finished.

    Args:
        run: at the end of its iterations.
        config: with the whole prompt.
        composition: of that; somebody may have changed it on the page, then of the one that it ended with.
        signals: what ends it.
    """
    from gs_stein.command.furnish import Furnishing, composed
    from gs_stein.rasterize.filter_3d import as_trained
    from gs_stein.run.progress import Progress

    state, live = run.state, run.live
    if state.prompts.current != run.config.prompt:
        config = replace(config, prompt=state.prompts.current)
        composition = None if composition is None else composed(config, state.priors)
    if composition is None or signals.caught is not None or state.step < config.iterations:
        return None
    progress = Progress(None if live is None else live.address)
    scene = as_trained(state.gaussians, config.cameras, config.rasterize)
    furnishing = Furnishing(
        config, composition, scene, state.priors, run.folder, run.controls, lambda line: print(line, flush=True)
    )
    try:
        for step, growing in furnishing:
            progress.show(step)
            if live is not None:
                live.publish(replace(step, gaussians=growing, count=len(growing)), state.distiller)
                live.wait_while_paused(until=lambda: run.controls.stop)
    finally:
        progress.end()
    return furnishing


def finish(run: Run, config: Config, reasons: tuple[str, ...], furnishing: Furnishing | None) -> None:
    """Pictures, video and report of a run that came to its end, and what they say."""
    from gs_stein.run.progress import duration
    from gs_stein.run.report import write_results

    print("writing     pictures, video, report", flush=True)
    if run.state.prompts.current != run.config.prompt:  # somebody has changed it
        config = replace(config, prompt=run.state.prompts.current)
    scene, things = (None, []) if furnishing is None else (furnishing.scene, furnishing.rows)
    result = write_results(run.folder, config, run.options, reasons, run.state, scene, things)
    filmed = "video.mp4, " if run.options.video_frames else ""
    print(f"done in {duration(run.state.seconds)}: preview.png, depth.png, {filmed}point_cloud.ply are in {run.folder}")
    if (line := scored(result.get("scorer", {}))) is not None:
        print(line)
    if run.live is not None:
        run.live.finish(str(run.folder))


def scored(scorer: dict[str, Any]) -> str | None:
    """The scorer's verdict, where it can tell: beside how often it is right on true pictures of that kind."""
    true = scorer.get("views_top1_of_true", 0.0)
    if true < TELLS:
        return None
    return (
        f"scorer      picks this prompt among {scorer['captions']} in {scorer['views_top1']:.0%} of the views; true "
        f"pictures of {scorer['kind']!r} with their captions: {true:.0%}"
    )


def viewing(command: str) -> str:
    """What to type before a folder to look at it."""
    return "gs-stein view" if command.startswith("gs-stein") else "python viewer.py"


def stay(page: viser.ViserServer, run: Run, command: str) -> None:
    """Serve the finished run at the address where it was watched."""
    from gs_stein.live.after import serve_finished

    config, folder = run.config, run.folder
    watched = run.options.serve == "auto"
    print(
        f"page        stays {'while a browser is there; Ctrl-C' if watched else 'until Ctrl-C, which'} ends it",
        flush=True,
    )
    serve_finished(
        page, folder, run.page, watched,
        [
            f"Go on: {command} --resume {folder} --iterations {config.iterations * 3 // 2}",
            f"Another one: {command} --config {folder}/config.yaml --seed {config.seed + 1}",
            f"Look again: {viewing(command)} {folder}",
            f"Compare: {viewing(command)} {folder} OTHER",
        ],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
