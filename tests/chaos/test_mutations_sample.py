"""A quick sample of `python -m gs_stein.bench chaos --only mutations`: every kind of file, damaged some ten times."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from gs_stein.bench.chaos import damage
from gs_stein.bench.chaos.inputs import INPUTS
from gs_stein.bench.chaos.mutations import Outcome, Worker, outcomes, summary

CASES = 320


@pytest.mark.slow
def test_damaged_files_are_one_line_or_finite() -> None:
    told: list[tuple[int, int]] = []
    found = outcomes(CASES, 7, lambda done, total: told.append((done, total)), lanes=1)
    assert [outcome.case for outcome in found] == list(range(CASES))
    wrong = [outcome for outcome in found if outcome.verdict not in ("accepted", "refused")]
    assert not wrong, "\n".join(map(str, wrong))
    assert max(outcome.peak for outcome in found) < 4
    assert Counter(outcome.verdict for outcome in found)["refused"] > CASES // 2, "damage is noticed where it can be"
    assert told[-1] == (CASES, CASES)


def test_what_is_counted() -> None:
    verdicts = ("accepted", "refused", "refused", "traceback", "hang", "crash", "broken")
    found = summary([Outcome(i, "ply", "a.ply", verdict, peak=i / 2) for i, verdict in enumerate(verdicts)])
    assert found == {
        "mutations": 7, "accepted": 1, "refused": 2, "tracebacks": 1, "hangs": 1, "crashes": 1, "accepted_broken": 1,
        "peak_over_file": 3.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "verdict"),
    {
        "raise ValueError('a.ply: is damaged')": "refused",
        "raise ValueError('it is damaged')": "traceback",  # which file?
        "raise ValueError('a.ply: is damaged\\nin two lines')": "traceback",
        "raise KeyError('x')": "traceback",
        "values.append(float('nan'))": "broken",
        "import torch; values.append(torch.tensor([1.0, float('inf')]))": "broken",
        "pass": "accepted",
    }.items(),
)
def test_the_harness_sees_each_fault(fault: str, verdict: str) -> None:
    worker = object.__new__(Worker)

    def read() -> list:
        values: list = [1.0]
        exec(fault, {"values": values})
        return values

    assert worker.judged(read, ("a.ply",), 1)["verdict"] == verdict


@pytest.mark.parametrize(
    ("body", "verdict"), [("while True: pass", "hang"), ("import os; os.abort()", "crash")], ids=["hang", "crash"]
)
def test_a_worker_that_ends_is_followed_by_another(tmp_path: Path, body: str, verdict: str) -> None:
    """The second of three cases ends it."""
    code = f"""
import sys
from pathlib import Path
from gs_stein.bench.chaos import mutations

class Fake:
    def __init__(self, folder, seed):
        pass

    def take(self, case):
        named = {{"case": case, "kind": "ply", "file": "a.ply"}}

        def run():
            if case == 1:
                {body}
            return mutations.Outcome(**named, verdict="refused")

        return named, run

mutations.Worker, mutations.LONGEST = Fake, 0.2
mutations.work(Path(sys.argv[1]), Path(sys.argv[2]), 0, range(*map(int, sys.argv[4:7])))
"""
    (tmp_path / "fake.py").write_text(code, encoding="utf-8")
    found = outcomes(3, 0, lambda done, total: None, lanes=1, program=(str(tmp_path / "fake.py"),))
    assert [(outcome.case, outcome.verdict) for outcome in found] == [(0, "refused"), (1, verdict), (2, "refused")]


def test_a_worker_that_cannot_begin_is_said() -> None:
    with pytest.raises(RuntimeError, match=r"a worker cannot work: .*no good"):
        outcomes(3, 0, lambda done, total: None, lanes=1, program=("-c", "raise SystemExit('no good')"))


def test_every_kind_of_damage_changes_something_and_is_the_same_for_a_seed() -> None:
    data = b'{"a": [1, 2.5, "x"], "b": {"c": null}}\n'
    for name in ("a.json", "a.yaml", "a.txt", "a.ply"):
        found = [damage.damaged(name, data, random.Random(seed)) for seed in range(40)]
        assert len(set(found)) > 20
        assert found == [damage.damaged(name, data, random.Random(seed)) for seed in range(40)]


def test_every_format_that_is_read_is_among_the_inputs() -> None:
    from gs_stein.gaussians.files import FORMATS

    names = " ".join(kind.name for kind in INPUTS)
    for row in FORMATS:
        # usd-core is a library that may end a process
        assert row.name == "usd" or not row.reads or row.suffixes[0][1:] in names
