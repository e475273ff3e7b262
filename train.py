#!/usr/bin/env python3
"""From a sentence to a 3D scene: `python train.py --prompt "a cozy living room" --scene`.

Reads the command line, says what it chose, drives `optimize`, and keeps the run's folder. See `--help`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# Threads of OpenMP that wait must sleep instead of spinning, or they take the cores from the rasterizer's own pool.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from gs_stein.command.parse import Job, parse

if TYPE_CHECKING:
    from gs_stein.live.run_view import Live
    from gs_stein.optimize.networks import Priors
    from gs_stein.optimize.step import Controls


def main(job: Job) -> int:
    """Run a job; returns the exit status."""
    from gs_stein.command.auto import choose
    from gs_stein.optimize.loop import optimize
    from gs_stein.optimize.networks import load_priors
    from gs_stein.optimize.state import begin
    from gs_stein.optimize.step import Controls
    from gs_stein.run import checkpoint, report
    from gs_stein.run.folder import new_folder, write_start
    from gs_stein.run.metrics import Recorder
    from gs_stein.run.progress import Progress, duration

    choice = choose(job.config)
    config, options = choice.config, job.run
    print("\n".join(choice.reasons), flush=True)
    priors = load_priors(config, choice.prior_device)
    if note := priors.advice(config.prompt, config.scene):
        print(f"note        {note}")
    state = begin(config, priors, choice.device)

    # A folder of its own, or the one to go on in.
    if job.resume is None:
        run = new_folder(options.output, config.prompt)
        write_start(run, config)
    else:
        run = job.resume
        found = checkpoint.restore_latest(run, state, config)
        print(f"resume      {found or 'from the start: there is no checkpoint yet'}")
    print(f"folder      {run}", flush=True)

    controls, live = Controls(), None
    if options.viewer:
        live = open_viewer(job, run, controls, priors, state.refiner.first)
        if live is not None:
            print(live.describe(), flush=True)

    # The first Ctrl-C (or SIGTERM) ends the run between two iterations, the second one at once.
    caught: list[int] = []

    def stop(number: int, frame: object) -> None:
        caught.append(number)
        controls.stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    progress, last = Progress(None if live is None else live.address), None

    def watch(share: float) -> None:
        progress.denoising(share)
        if live is not None:
            live.denoising(share)

    recorder = Recorder(run, options.log_every, state.step)
    try:
        for last in optimize(config, state, controls, watch):
            progress.show(last)
            recorder.add(last)
            if state.step % options.checkpoint_every == 0:
                checkpoint.save(run, state, options.keep_checkpoints)
            if live is not None:
                live.publish(last, state.distiller)
                live.wait_while_paused(until=lambda: controls.stop)
        progress.end()
        checkpoint.save(run, state, options.keep_checkpoints)
        if caught:
            report.write_scene(run, config, state)
            print(f"stopped at step {state.step}; go on with: python train.py --resume {run}", flush=True)
            return 128 + caught[0]
        for number, handler in before.items():
            signal.signal(number, handler)
        print("writing     pictures, video, report", flush=True)
        result = report.write_results(run, config, options, choice.reasons, state, last)
        filmed = "video.mp4, " if options.video_frames else ""
        print(f"done in {duration(state.seconds)}: preview.png, {filmed}point_cloud.ply are in {run}")
        if (scorer := result.get("scorer")) and "views_top1" in scorer:
            print(f"scorer      picks the prompt among {scorer['captions']} in {scorer['views_top1']:.0%} of the views")
        if live is not None:
            live.finish(str(run))
    except (ValueError, OSError) as error:
        if not checkpoint.is_disk_full(error):
            raise
        progress.end()
        kept = checkpoint.checkpoints(run)
        rest = f"the last good checkpoint is {kept[-1]}; free some and go on with: python train.py --resume {run}"
        print(f"error: no space left on the disk; {rest if kept else 'nothing was lost but this run'}", file=sys.stderr)
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        with contextlib.suppress(OSError):  # a full disk: what could be flushed was
            recorder.close()
        if live is not None:
            live.close()
    return 0


def open_viewer(job: Job, run: Path, controls: Controls, priors: Priors, distilled: int) -> Live | None:
    """The live view, or None (said in one line) if it cannot be served: training goes on without it."""
    from gs_stein.config.schema import BACKGROUNDS
    from gs_stein.live.run_view import Live

    config = job.config

    def window(step: int) -> tuple[float, float] | None:
        return config.distill.timesteps.window(step / distilled) if step < distilled else None

    try:
        return Live(
            controls, config.prompt, config.cameras, guidance_scale=config.distill.guidance.scale,
            window=window, backdrop=BACKGROUNDS[config.background], rasterize=config.rasterize, options=job.live,
            folder=run, denoiser=priors.denoiser, depth_estimator=priors.depth, prior_device=priors.device,
        )  # fmt: skip
    except (ValueError, ImportError) as error:
        print(f"viewer      off: {error}", file=sys.stderr)
        return None


def command() -> int:
    """Run what the command line says; mistakes are one line, without a traceback."""
    try:
        return main(parse())
    except (ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(command())
