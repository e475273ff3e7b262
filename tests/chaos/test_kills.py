"""Runs that are killed, and runs whose disk fails, end as if nothing had happened once they are gone on with."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from gs_stein.bench.chaos import bits, disks, kills, left, runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessPoolExecutor]:
    with runs.workers(tmp_path_factory.mktemp("workers"), 1) as pool:
        yield pool


@pytest.fixture(scope="module")
def whole(pool: ProcessPoolExecutor, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A run to which nothing happened, and its events."""
    output = tmp_path_factory.mktemp("whole") / "runs"
    events = pool.submit(kills.uninterrupted, output).result().events
    return runs.run_of(output), events


def test_killed_runs_are_gone_on_with_to_the_same_end(pool, whole, tmp_path: Path) -> None:
    run, events = whole
    # One among the final files, one that is killed again while it is gone on with; the bench does the others.
    drawn = {case.stage: case for case in kills.cases(12, 3, events)}
    outcomes = [pool.submit(kills.killed, case, tmp_path, run).result() for case in (drawn["final"], drawn["resume"])]
    assert [outcome.faults for outcome in outcomes] == [(), ()]


def test_a_signal_that_comes_too_late_is_no_kill_and_sent_again(monkeypatch, tmp_path: Path) -> None:
    """The first three runs have ended before it comes, and so has the first that is gone on with."""
    statuses = iter([0, 0, 0, kills.HIT, 0, 0, kills.HIT, kills.HIT, 0])
    sent: list = []

    def forked(arguments, folder: Path, kill=None) -> runs.Ended:
        sent.append(("resumed" if "--resume" in arguments else "begun", kill))
        run = folder if "--resume" in arguments else folder / "run"
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").touch()
        return runs.Ended(next(statuses), "")

    monkeypatch.setattr(kills, "forked", forked)
    monkeypatch.setattr(kills, "faults", lambda run, whole: [])
    case = kills.Case(0, "resume", (5, 1.0), (3, 0.5))
    assert kills.killed(case, tmp_path, tmp_path) == kills.Outcome(case, (), retried=4)
    assert sent == [
        ("begun", (5, 1.0)), ("begun", (5, 0.3)), ("begun", (5, 0.0)), ("begun", (4, 0.0)), ("resumed", (3, 0.5)),
        ("resumed", None), ("begun", (4, 0.0)), ("resumed", (3, 0.15)), ("resumed", None),
    ]  # fmt: skip
    assert list(kills.moments((4, 0.0)))[-1] == (0, 0.0), "at last before it has done anything"


def test_what_is_killed_before_it_has_begun_is_refused_and_begun_anew(pool, whole, tmp_path: Path) -> None:
    run, events = whole
    made = next(i for i, (_, event) in enumerate(events, 1) if event.endswith(".lock"))
    case = kills.Case(0, "start", (made, 0.0), None)
    ended = pool.submit(runs.forked, runs.started(tmp_path / "a"), tmp_path / "a", case.kill).result()
    assert ended.status == -signal.SIGKILL
    assert not list(tmp_path.glob("a/*/config.yaml")), "it was killed where this test means to"
    assert pool.submit(kills.after, tmp_path / "a", ended, None, runs.forked, run).result() == []


def test_moments_of_every_kind_are_aimed_at(whole) -> None:
    _, events = whole
    stages = kills.stages_of(events)
    assert stages[0] == "start"
    assert set(kills.STAGES) - {"resume"} <= set(stages)
    cases = kills.cases(60, 0, events)
    assert cases == kills.cases(60, 0, events)
    assert len({case.kill for case in cases}) > 50
    assert {case.stage for case in cases if case.again is not None} == {"resume"}
    assert all(stages[case.kill[0]] != "start" for case in cases if case.again is not None)
    assert all(stages[case.kill[0]] == case.stage for case in cases if case.again is None)


def test_a_difference_and_whatever_is_left_are_seen(whole, tmp_path: Path) -> None:
    import shutil

    run, _ = whole
    other = tmp_path / "other"
    shutil.copytree(run, other)
    assert left.faults(other, run) == left.broken(other) == []
    (other / ".lock").touch()
    ply = bytearray((other / "point_cloud.ply").read_bytes())
    ply[-1] ^= 1
    (other / "point_cloud.ply").write_bytes(ply)
    (other / "metrics.csv").write_text((other / "metrics.csv").read_text().rsplit("\n", 2)[0] + "\n")
    (other / "preview.png").write_bytes((other / "preview.png").read_bytes()[:-500])
    assert left.faults(other, run) == [
        ".lock is left", "point_cloud.ply differs", "preview.png differs", "metrics.csv says otherwise"
    ]  # fmt: skip
    assert [line.split()[0] for line in left.broken(other)] == ["preview.png"]


def test_a_failing_disk_is_one_line_and_nothing_is_lost(pool, whole, tmp_path: Path) -> None:
    run, _ = whole
    count = pool.submit(disks.writes_of, tmp_path / "counted").result()
    assert count > 50
    # Somewhere in the middle, and the last thing of all; once, and from there on.
    for failure in (disks.Failure(count // 2, True, errno.EIO), disks.Failure(count - 3, False, errno.ENOSPC)):
        assert pool.submit(disks.failing, failure, tmp_path, run).result() == [], failure


def test_a_stopped_run_is_gone_on_with_to_the_same_bits(pool, whole, tmp_path: Path) -> None:
    run, events = whole
    half = next(i for i, (_, event) in enumerate(events, 1) if f".step_{runs.REFINED + 1:07d}" in event)
    assert left.faults(pool.submit(bits.stopped_and_resumed, tmp_path / "stopped", half).result(), run) == []
