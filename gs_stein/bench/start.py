"""How long one waits: for the first splats in an open browser, for the help, for a finished run's page.

    python -m gs_stein.bench start --json

Every figure is a whole process from its command on, the median of several in turn. `first_splats_s`: until `gs-stein
train --scene` has sent its first scene to a page that is open already and asks until it is let in; a browser then needs
another moment to draw it. `viewer_s`: the same for `gs-stein view` of a finished run. `help_s`: until `train --help`
has printed. Files of the environment are in the system's cache (warm); `--cold` asks the system to drop them before
each start, and says so. Kernels are compiled before anything is timed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

GOALS = {"first_splats_s": 5.0, "help_s": 0.3, "viewer_s": 2.0}
"""Seconds, with warm caches."""
_PATIENCE = 300.0
"""Seconds that one start may take."""
_MANY = 1000
"""Splats that make a scene: a page that waits shows a single one, or none."""
_BYTES_A_SPLAT = 32
PAGE = """
import sys, time, msgspec, viser
from gs_stein.bench.start import brings_scene
from viser._messages import ViewerCameraMessage
from websockets.sync.client import connect
from websockets.typing import Subprotocol
place, ahead, up = (0.0, 0.0, 1.5), (0.0, 1.0, 1.5), (0.0, 0.0, 1.0)
camera = ViewerCameraMessage((1.0, 0.0, 0.0, 0.0), place, 1.2, 0.01, 100.0, 600, 800, ahead, up)
while True:
    try:
        socket = connect(sys.argv[1], subprotocols=[Subprotocol(f"viser-v{viser.__version__}")], max_size=None)
        break
    except OSError:
        time.sleep(0.02)
with socket:
    socket.send(msgspec.msgpack.encode(camera.as_serializable_dict()))
    while True:
        if brings_scene(socket.recv()):
            print(time.time(), flush=True)
            break
"""
"""A browser's stand-in, ready before the server is: prints when a scene of splats has come."""


@dataclass(frozen=True)
class Options:
    """What to start, and how often."""

    prompt: str = "a cozy living room"
    """Of the room whose first splats are waited for."""
    repeats: int = 3
    """Starts of each; the median counts."""
    cold: bool = False
    """Ask the system to forget the environment's files before each start (Linux)."""
    json: bool = False
    """Print one JSON object as the last line."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"bench start: repeats: {self.repeats} measures nothing; give 1 or more")
        if self.cold and not hasattr(os, "posix_fadvise"):
            raise ValueError("bench start: cold: this system cannot be asked to forget files; leave --cold out")


def forget_files() -> None:
    """Ask the system to drop what it holds in memory of the environment's files and of the package."""
    for folder in {sysconfig.get_path("platlib"), sysconfig.get_path("stdlib"), str(Path(__file__).parents[1])}:
        for path in Path(folder).rglob("*"):
            if path.suffix in (".py", ".pyc", ".so", ".safetensors", ".nbi", ".nbc") or ".so." in path.name:
                with contextlib.suppress(OSError), path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def command(*arguments: str) -> list[str]:
    """Of one of the program's subcommands."""
    return [sys.executable, "-m", "gs_stein", *arguments]


def until_done(arguments: Sequence[str]) -> float:
    """Seconds of a command from its start to its end.

    Raises:
        ValueError: it failed.
    """
    began = time.time()
    done = subprocess.run(
        command(*arguments), capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE, check=False
    )
    if done.returncode:
        raise ValueError(f"bench start: gs-stein {arguments[0]} failed: {_last_line(done.stdout + done.stderr)}")
    return time.time() - began


def brings_scene(message: bytes) -> bool:
    """Whether a message to a page has a scene of splats in it.

    Args:
        message: as it is sent: lengths of the description before and after compression (8 bytes each), the description
            (zstandard), then arrays as they are.
    """
    import zstandard

    described = zstandard.decompress(message[16 : 16 + int.from_bytes(message[8:16], "little")])
    return b"/splats" in described and len(message) > _BYTES_A_SPLAT * _MANY


def until_splats(arguments: Sequence[str]) -> float:
    """Seconds from a command's start until its page has had a scene, to a client that was there before.

    Raises:
        ValueError: it ended, or took too long.
    """
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = subprocess.Popen(
        [sys.executable, "-c", PAGE, f"ws://127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    time.sleep(1.0)  # its own imports are a browser's that stands open
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        began = time.time()
        server = subprocess.Popen(command(*arguments, "--port", str(port)), stdout=log, stderr=subprocess.STDOUT)
        try:
            while page.poll() is None:
                if server.poll() is not None or time.time() - began > _PATIENCE:
                    log.seek(0)
                    raise ValueError(f"bench start: gs-stein {arguments[0]} showed nothing: {_last_line(log.read())}")
                time.sleep(0.02)
            assert page.stdout is not None
            found = page.stdout.read()
            if not found:
                raise ValueError("bench start: the page's client ended without a scene; is websockets installed?")
            return float(found) - began
        finally:
            for process in (page, server):
                process.kill()
                process.wait()


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["no word"])[-1]


def measure(options: Options, folder: Path) -> dict[str, list[float]]:
    """Seconds of every start."""
    room = ("train", "--prompt", options.prompt, "--scene", "--output", str(folder / "runs"))
    # The finished run that is opened; it compiles what the others then find.
    print("making a short run first ...", file=sys.stderr, flush=True)
    until_done((*room, "--iterations", "20", "--no-viewer", "--no-score", "--video-frames", "0"))
    (run,) = (folder / "runs").iterdir()
    found: dict[str, list[float]] = {key: [] for key in GOALS}
    for turn in range(options.repeats):
        for key in found:
            if options.cold:
                forget_files()
            if key == "help_s":
                taken = until_done(("train", "--help"))
            else:
                taken = until_splats(room if key == "first_splats_s" else ("view", str(run)))
            found[key].append(taken)
            print(f"{turn + 1} of {options.repeats}: {key} {taken:.2f}", file=sys.stderr, flush=True)
    return found


def main(argv: list[str] | None = None) -> int:
    """Entry point of `python -m gs_stein.bench start`."""
    import tyro

    options = tyro.cli(Annotated[Options, tyro.conf.arg(name="")], args=argv, description=__doc__)
    with tempfile.TemporaryDirectory(prefix="gs-stein-bench-") as folder:
        found = measure(options, Path(folder))
    print(f"files of the environment: {'cold' if options.cold else 'warm'}")
    for key, values in found.items():
        goal = "" if options.cold else f"   (goal: at most {GOALS[key]:g})"
        print(f"{key:16s} {statistics.median(values):6.2f}   {min(values):.2f} to {max(values):.2f}{goal}")
    if options.json:
        medians = {key: round(statistics.median(values), 3) for key, values in found.items()}
        print(json.dumps(medians | {"caches": "cold" if options.cold else "warm", "repeats": options.repeats}))
    return 0
