"""What this package is without the calls that Windows has not. (It is not run there: this is what can be looked at
elsewhere.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BODY = """
import importlib, os, pkgutil, signal, sys, types
# Other people's packages have their own ways there; here they keep what they were made for.
import torch, numba, numpy, PIL.Image, imageio_ffmpeg, tyro, viser, diffusers, transformers, scipy.spatial, plyfile
import getpass, multiprocessing.popen_spawn_posix, concurrent.futures.process, asyncio, socket, tempfile, shutil
import subprocess
tempfile.gettempdir()
for name in ("fork", "setsid", "killpg", "getuid", "geteuid", "sched_getaffinity", "sysconf", "getpgid", "nice",
             "getloadavg", "O_NOFOLLOW", "O_DIRECTORY", "register_at_fork"):
    vars(os).pop(name, None)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "SIGPROF", "SIGUSR1", "SIGPIPE", "setitimer", "ITIMER_REAL", "ITIMER_PROF",
             "pthread_kill", "pthread_sigmask", "sigwait"):
    vars(signal).pop(name, None)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty"):
    sys.modules[name] = None  # importing it is an ImportError
held = []
def locking(handle, mode, count):
    place = os.fstat(handle).st_ino
    if place in held:
        raise PermissionError(13, "locked")
    held.append(place)
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)

import gs_stein
left_out = ("gs_stein.world", "gs_stein.bench", "gs_stein.batch.cluster")
for module in pkgutil.walk_packages(gs_stein.__path__, "gs_stein."):
    if not module.name.startswith(left_out) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)

from pathlib import Path
from gs_stein.run.folder import BusyError, LOCK, working_in
from gs_stein.run.report import peak_memory
run = Path(sys.argv[1])
with working_in(run):
    try:
        with working_in(run):
            print("two at once")
    except BusyError as error:
        print(str(os.getpid()) in str(error))
peak_memory()
from gs_stein.command.train import main
print(main(["--resume", str(run), "--no-viewer"]))
from gs_stein.bench.chaos.__main__ import main
try:
    main([])
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_without_the_calls_of_posix_everything_is_there_but_the_chaos_bench(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", BODY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "True", "2", "chaos: this system cannot fork processes; measure on Linux or macOS",
    ]  # fmt: skip
    assert done.stderr.splitlines()[-1].endswith("holds no config.yaml; give the folder of a run")
