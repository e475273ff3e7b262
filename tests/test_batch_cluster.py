"""A batch on Ray: what is said before it is reached, and (slow) workers that die, in a Ray of this machine's own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_bundled import SIDE, tiny_bundled

from gs_stein.batch import __main__ as program
from gs_stein.batch import cluster, ledger
from gs_stein.batch.options import BatchOptions
from gs_stein.batch.plan import Item, plan
from gs_stein.batch.spread import spread
from gs_stein.gaussians.files import read_gaussians

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")


def items(path: Path, text: str = "a chair\n") -> list[Item]:
    path.write_text(text)
    return plan(BatchOptions(path))


def taken_port() -> tuple[socket.socket, int]:
    """A port that is nobody's as long as the socket is open: it is bound, and does not listen."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound, bound.getsockname()[1]


def test_addresses_that_lead_nowhere_are_one_line(tmp_path: Path, capsys) -> None:
    items(tmp_path / "p.txt")
    bound, port = taken_port()
    with bound:
        for address, said in (
            (f"ray://127.0.0.1:{port}", rf"nobody answers at ray://127\.0\.0\.1:{port} \(.*refused\)"),
            (f"127.0.0.1:{port}", "nobody answers at"),
            ("http://127.0.0.1:1", "'http://127.0.0.1:1' is none; give here, local, auto"),
            ("ray://127.0.0.1:99999", "is none; give"),
        ):
            assert program.main([str(tmp_path / "p.txt"), "-o", str(tmp_path / "out"), "--address", address]) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert re.search(said if importlib.util.find_spec("ray") else "pip install", line), line


def test_without_ray_it_says_what_to_install(tmp_path: Path, capsys, monkeypatch) -> None:
    items(tmp_path / "p.txt")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert program.main([str(tmp_path / "p.txt"), "-o", str(tmp_path / "out"), "--address", "auto"]) == 2
    assert "pip install 'gs-stein[cluster]', or give --address here" in capsys.readouterr().err


def test_ray_is_taken_where_it_pays(monkeypatch) -> None:
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    monkeypatch.setattr(cluster, "cores", lambda: 4)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    options = BatchOptions(Path("p.txt"))
    assert program.where(options, 2) == "local"
    assert program.where(options, 1) == "here"
    assert program.where(BatchOptions(Path("p.txt"), cpus_per_run=4), 9) == "here"
    assert program.where(BatchOptions(Path("p.txt"), shard="0/2"), 9) == "here"
    assert program.where(BatchOptions(Path("p.txt"), address="auto"), 1) == "auto"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert program.where(options, 9) == "here", "one run has the GPU to itself"
    assert program.where(BatchOptions(Path("p.txt"), gpus_per_run=0.25), 9) == "local"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert program.where(options, 9) == "here"


def test_deaths_count_only_where_a_run_comes_no_further(tmp_path: Path) -> None:
    (item,) = items(tmp_path / "p.txt")
    options = BatchOptions(tmp_path / "p.txt", tmp_path, retries=2)
    saved = tmp_path / item.name / "checkpoints"
    saved.mkdir(parents=True)
    ledger.begin(saved.parent, item)
    deaths: dict[str, tuple[str, int]] = {}
    for step in range(1, 21):
        (saved / f"step_{step:07d}.pt").touch()
        assert cluster._died(item, options, deaths).state == "half"
    assert cluster._died(item, options, deaths).state == "half"
    died = cluster._died(item, options, deaths)
    assert (died.state, died.reason.split(":")[0]) == ("failed", "its worker died 3 times after step_0000020.pt")
    assert ledger.look(tmp_path, item) == died


def test_a_worker_knows_whether_it_sees_the_folder(tmp_path: Path) -> None:
    mark = ledger.open_output(tmp_path / "out")
    assert ledger.open_output(tmp_path / "out") == mark, "the same for every process"
    options = program.run_options(BatchOptions(tmp_path / "p.txt", tmp_path / "out"))
    threads = torch.get_num_threads()
    assert cluster.Worker(tmp_path / "out", mark, options, threads).ready() is None
    wrong = cluster.Worker(tmp_path / "other", mark, options, threads).ready()
    assert wrong is not None
    assert re.match(r"output: .*other is not the same folder on .*; give one that all machines share", wrong)


@pytest.mark.occasional
@needs_ray
def test_what_dies_is_gone_on_with_and_nothing_is_lost(tmp_path: Path) -> None:
    """Two workers, one of which is killed, and then the driver; the end is that of a batch that nothing befell."""
    prior = tiny_bundled(tmp_path / "prior")
    line = {
        "scene": False, "prior.model": str(prior), "iterations": 60, "views": 2, "start.count": 200,
        "cameras.resolution": SIDE, "refine.share": 0,
    }  # fmt: skip
    lines = tmp_path / "p.jsonl"
    lines.write_text("".join(json.dumps({**line, "prompt": f"thing {i}"}) + "\n" for i in range(3)))

    def command(output: str, address: str) -> list[str]:
        return [
            sys.executable, "-m", "gs_stein.batch", str(lines), "-o", str(tmp_path / output), "--address", address,
            "--video-frames", "0", "--no-score", "--checkpoint-every", "5",
        ]  # fmt: skip

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    log = tmp_path / "log"
    with log.open("w") as file:
        driver = subprocess.Popen(command("out", "local"), stdout=file, stderr=file, env=environment)
    try:
        first = saved(tmp_path / "out", driver, set())
        os.kill(int((first.parent.parent / ".lock").read_text()), signal.SIGKILL)
        saved(tmp_path / "out", driver, {first.parent.parent.name})
        time.sleep(1)
        again = "its worker died; another one goes on" in log.read_text()
    finally:
        driver.kill()
        driver.wait()
    done = subprocess.run(
        command("out", "local"), capture_output=True, text=True, timeout=200, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "3 of 3 runs are there" in done.stdout
    assert again or "begun" in done.stdout
    assert "raylet" not in log.read_text() + done.stderr
    subprocess.run(command("here", "here"), capture_output=True, timeout=200, env=environment, check=True)
    for i in range(3):
        one, other = (read_gaussians(tmp_path / name / f"thing-{i}-s0" / "point_cloud.ply") for name in ("out", "here"))
        assert all(torch.equal(a, b) for a, b in zip(one.tensors(), other.tensors(), strict=True))


def saved(output: Path, driver: subprocess.Popen, but: set[str]) -> Path:
    """A checkpoint, as soon as there is one, of any run but those named."""
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        assert driver.poll() is None
        for path in output.glob("*/checkpoints/step_*.pt"):
            if path.parent.parent.name not in but and (path.parent.parent / ".lock").exists():
                return path
        time.sleep(0.05)
    raise AssertionError("no checkpoint")


def test_other_work_is_done_here_one_after_another() -> None:
    assert list(spread(len, ["a", "bcd"])) == [("a", 1), ("bcd", 3)]
    assert list(spread(len, [], "local")) == []
    with pytest.raises(ValueError, match="address: 'x y' is none"):
        list(spread(len, ["a"], "x y"))


@needs_ray
@pytest.mark.occasional
def test_other_work_is_done_on_ray_and_begun_again_where_a_worker_dies(tmp_path: Path) -> None:
    def inverse(number: float) -> float:
        return 1 / number

    assert dict(spread(inverse, [1.0, 2.0, 4.0], "local")) == {1.0: 1.0, 2.0: 0.5, 4.0: 0.25}
    with pytest.raises(ZeroDivisionError):
        list(spread(inverse, [0.0], "local"))

    def killed_once(path: Path) -> int:
        if not path.exists():
            path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    ((_, pid),) = spread(killed_once, [tmp_path / "killed"], "local")
    assert (tmp_path / "killed").exists()
    assert pid != os.getpid()
