"""Where a command is run from changes nothing: terminals that know few characters, checkouts and homes that cannot be
written to, Windows' way to stop a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from gs_stein.files import PACKAGE
from gs_stein.live import jobs

ROOT = PACKAGE.parent
BENCHES = ("raster", "variance", "pixels", "convergence", "prompts", "files", "viewer")
POOR: dict[str, dict[str, str]] = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
"""Terminals by what they cannot show."""


def run(*arguments: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[bytes]:
    where = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=where, capture_output=True, timeout=timeout)


@pytest.mark.parametrize("terminal", ["cp1252", "C"])
def test_help_reaches_every_terminal(terminal: str) -> None:
    """Of all commands, which one process asks for one after the other."""
    code = f"""
        import sys
        from importlib import import_module
        from gs_stein.bench.__main__ import main as bench
        from gs_stein.command.main import COMMANDS
        for name in {BENCHES!r}:
            try:
                bench([name, "--help"])
            except SystemExit as end:
                assert not end.code, name
        for name in COMMANDS:
            try:
                status = import_module(COMMANDS[name][0]).main(["--help"])
            except SystemExit as end:
                status = end.code
            assert not status, name
    """
    done = run("-c", textwrap.dedent(code), **POOR[terminal])
    assert done.returncode == 0, done.stderr[-500:]
    assert b"?" in done.stdout, "what does not fit is replaced"
    assert b"Traceback" not in done.stderr


def test_help_of_the_script() -> None:
    done = run("train.py", "--help-all", **POOR["ascii"])
    assert done.returncode == 0, done.stderr[-500:]
    assert b"--prompt" in done.stdout


def test_modules_that_are_run_print_anything() -> None:
    """Whoever adds one is reminded: the module calls it, or the one whose `main` it hands over to."""
    shared = ("gs_stein.command", "outcome(", "import command\n", "run_command(")
    assert "print_anything()" in (PACKAGE / "world" / "command.py").read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^if __name__ == .__main__.:", text, re.M) and ("print(" in text or "tyro" in text):
            assert "print_anything()" in text or any(word in text for word in shared), path


def test_files_are_opened_in_utf_8() -> None:
    """Whatever the system's own encoding is."""
    command = ["-m", "ruff", "check", "--isolated", "--preview", "--select", "PLW1514", "--output-format", "concise"]
    pytest.importorskip("ruff")
    done = run(*command, "gs_stein", "train.py", "viewer.py", "examples")
    assert done.returncode == 0, done.stdout.decode()
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"\btext=True\b(?!.*encoding)", path.read_text(encoding="utf-8")), path


def blocked_package(folder: Path) -> Path:
    """A copy of the package whose kernels find no room beside their files, as in a checkout that is read-only."""
    package = folder / "gs_stein"
    package.mkdir()
    for path in PACKAGE.iterdir():
        if path.name not in ("rasterize", "world", "__pycache__"):
            (package / path.name).symlink_to(path)
    for name in ("rasterize", "world", "world/render"):
        (package / name).mkdir()
        for path in (PACKAGE / name).iterdir():
            if path.suffix == ".py":
                (package / name / path.name).write_bytes(path.read_bytes())
            elif path.name not in ("render", "__pycache__"):
                (package / name / path.name).symlink_to(path)
        (package / name / "__pycache__").write_text("not a folder", encoding="utf-8")
    return folder


KERNELS = """
import gs_stein.rasterize.cpu_sh, gs_stein.world.render.kernels as kernels
from gs_stein.doctor import check_kernels
assert kernels.TEXTURE_OPTIONS["cache"] is {cached}
print(check_kernels().line())
"""


@pytest.mark.parametrize("room", [True, False])
def test_kernels_where_neither_checkout_nor_home_can_be_written(tmp_path: Path, room: bool) -> None:
    spare = tmp_path / "tmp"
    spare.mkdir()
    code = KERNELS.format(cached=room)
    if not room:  # an unwritable temporary folder, for whoever runs this as root
        code = "import tempfile; tempfile.tempdir = '/dev/null/z'\n" + code
    nowhere = {"HOME": "/dev/null/x", "XDG_CACHE_HOME": "/dev/null/x", "NUMBA_CACHE_DIR": "/dev/null/y"}
    path = {"PYTHONPATH": str(blocked_package(tmp_path)), "TMPDIR": str(spare)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **nowhere, **path}, cwd=tmp_path, capture_output=True,
        encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    if room:
        (folder,) = spare.glob("gs_stein-kernels-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (
            done.stderr == f"note        compiled kernels are kept in {folder}; NUMBA_CACHE_DIR names another folder\n"
        )
        assert done.stdout.startswith(f"note  kernels      kept in {folder}")
    else:
        assert done.stderr == ""
        assert "made by each run: no folder is writable" in done.stdout
    assert "set NUMBA_CACHE_DIR to a folder you own" in done.stdout


@pytest.mark.slow
def test_a_run_without_a_home(tmp_path: Path) -> None:
    done = run(
        "train.py", "--prompt", "a red armchair", "--preset", "preview", "--iterations", "2", "--no-viewer",
        "--refine.share", "0", "--video-frames", "0", "--cameras.resolution", "32", "--output", str(tmp_path),
        HOME="/dev/null/x", XDG_CACHE_HOME="/dev/null/x", XDG_CONFIG_HOME="/dev/null/x", **POOR["ascii"],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert b"done in" in done.stdout
    assert b"Traceback" not in done.stderr


def test_windows_stops_a_run_by_ctrl_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    assert jobs.apart("win32") == ({"creationflags": 0x200}, 1)
    assert jobs.apart("linux") == ({"start_new_session": True}, signal.SIGINT)


def test_a_job_speaks_utf_8_whatever_the_studios_terminal_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    job = jobs.Job([sys.executable, "-c", "print('folder  läufe/φ')"])
    for _ in range(200):
        if job.run is not None:
            break
        time.sleep(0.05)
    job.end(10.0)
    said: list[Any] = list(job.lines)
    assert job.run == jobs.ROOT / "läufe" / "φ", said


def test_advice_is_a_line_and_other_warnings_keep_their_place() -> None:
    code = (
        "import warnings; from gs_stein.files import Advice, print_anything; print_anything(); print_anything();"
        "warnings.warn('mind this', Advice); warnings.warn('and that')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=60)
    line, other = done.stderr.splitlines()[:2]
    assert line == "note        mind this"
    assert other.endswith("UserWarning: and that")


def test_a_bench_that_is_stopped_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from gs_stein.bench import start
    from gs_stein.bench.__main__ import main

    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(start, "main", interrupted)
    assert main(["start"]) == 130
    assert capsys.readouterr().err == "stopped\n"
