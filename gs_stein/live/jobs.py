"""Runs started from the studio: one at a time, each a `gs-stein train` of its own in its own folder."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gs_stein.live.options import LiveOptions

ROOT = Path(__file__).resolve().parents[2]
"""Where the package lies. Runs start here, so that Python finds it without being told."""
_EVERY = 20
"""Iterations between checkpoints: what the studio shows."""
_PAGE = re.compile(r"Viewer: (http://[\w.:\[\]-]+(?:/\?token=[\w-]+)?)$")
LONGEST_PROMPT = 1000
"""Characters."""


@dataclass(frozen=True)
class Order:
    """What somebody asked for; every field was checked."""

    prompt: str
    scene: bool | None
    """Whether to stand in it rather than see it from around; None: as the prompt sounds."""
    preset: str | None
    """Name of a preset, None for the default one."""
    seed: int
    resume: Path | None = None
    """A run to go on with, whose own settings hold; what it is called stands in `prompt`."""
    iterations: int | None = None
    """That the resumed run is to reach; None: as many as it was begun for."""


def command(order: Order, output: Path, options: LiveOptions, token: bool) -> list[str]:
    """The command line of a run. No shell reads it, and no prompt can become an option.

    Args:
        order: what to make.
        output: folder of the runs.
        options: where the run's own page listens, and for whom.
        token: whether the link to it carries a secret. It is a new one: other users may list a command line.
    """
    arguments = [sys.executable, "-m", "gs_stein.command.train"]
    if order.resume is not None:
        arguments.append(f"--resume={order.resume}")
        if order.iterations is not None:
            arguments.append(f"--iterations={order.iterations}")
    else:
        arguments += [f"--prompt={order.prompt}", f"--output={output}", f"--seed={order.seed}"]
        if order.scene is not None:
            arguments.append("--scene" if order.scene else "--object")
        if order.preset is not None:
            arguments.append(f"--preset={order.preset}")
    return [
        *arguments, f"--checkpoint-every={_EVERY}", "--log-every=2", "--serve=no",
        f"--host={options.host}", "--port=0", f"--token={'new' if token else 'none'}",
        *(f"--allow-origin={origin}" for origin in options.allow_origin),
    ]  # fmt: skip


def apart(system: str = sys.platform) -> tuple[dict[str, Any], int]:
    """How a process starts so that Ctrl-C in the studio's terminal is the studio's to pass on, once.

    Args:
        system: as `sys.platform` names it.

    Returns:
        Arguments for `subprocess.Popen`, and the signal that asks the process to end. On Windows a process in a group
        of its own hears Ctrl-Break only.
    """
    if system == "win32":
        group = vars(subprocess)["CREATE_NEW_PROCESS_GROUP"]  # neither name exists elsewhere
        return {"creationflags": group}, vars(signal)["CTRL_BREAK_EVENT"]
    return {"start_new_session": True}, signal.SIGINT


class Job:
    """A run as a process. It goes on, and stays whole, whatever happens to the studio's browsers.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, arguments: list[str], folder: Path = ROOT) -> None:
        self.lines: deque[str] = deque(maxlen=12)
        """The last lines it printed."""
        self.run: Path | None = None
        """Its folder, once it has said so."""
        self.page: str | None = None
        """Address of its own live view."""
        self.stopped = False
        """Whether it was told to."""
        alone, self._please_stop = apart()
        self._process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace",
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},  # whatever the studio's own terminal takes
            **alone,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(folder,), name="job", daemon=True)
        self._reader.start()

    @property
    def going(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self._process.poll() not in (None, 0) and not self.stopped

    def stop(self) -> None:
        """Have it save and end."""
        if self.going:
            self.stopped = True
            self._process.send_signal(self._please_stop)

    def end(self, patience: float = 20.0) -> None:
        """Stop it and wait; kill it if it does not listen."""
        self.stop()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=2.0)

    def _read(self, folder: Path) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                line = line.rstrip()
                if not line:
                    continue
                self.lines.append(line)
                if self.run is None and (found := re.match(r"folder\s+(.+)$", line)):
                    self.run = folder / found[1]
                elif self.page is None and (found := re.match(_PAGE, line)):
                    self.page = found[1]


def presets() -> list[str]:
    """Names that `--preset` takes and this machine can do, the default one aside."""
    from gs_stein.config.presets import offered

    memory = gpu_gib()
    return [
        name for name in offered() if (size := re.fullmatch(r"gpu-(\d+)gb", name)) is None or int(size[1]) <= memory
    ]


def gpu_gib() -> int:
    """Memory of the GPU that a run would take, in GiB and rounded up, as it is sold; 0 without one."""
    import torch

    if not torch.cuda.is_available():
        return 0
    return math.ceil(torch.cuda.get_device_properties(0).total_memory / 2**30)
