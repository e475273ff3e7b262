"""The bench of chaos: what it asks for, and its parts that need no whole runs."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gs_stein.bench.chaos import __main__ as bench
from gs_stein.bench.chaos import foreign, not_finite, soak
from gs_stein.bench.chaos.disks import spread
from gs_stein.bench.chaos.options import PARTS, Options

pytestmark = pytest.mark.slow


def silent(done: int, total: int) -> None:
    assert 0 < done <= total


def test_strangers_are_not_heard() -> None:
    found = foreign.messages(silent)
    assert found["foreign_messages"] == 0
    assert found["foreign_tried"] > 20


def test_numbers_that_are_not_finite_are_not_kept(tmp_path) -> None:
    found: dict[str, float] = {}
    with ThreadPoolExecutor(1) as here:
        not_finite.measure(found, here, tmp_path, 8, silent)
    assert found == {"injections": 8, "not_finite_kept": 0}


@pytest.mark.parametrize("config", [not_finite.CONFIG, not_finite.EVERYTHING])
@pytest.mark.parametrize(
    ("place", "value", "moment", "whole"),
    [
        # An opacity that is none, when densification draws by opacities.
        ("parameters.opacities", math.nan, "distilling", False),
        # Guesses whose squares are too large for the meters' sums, and for the fit of the coefficients.
        ("denoiser.predict", 3e38, "first", True),
        ("denoiser.predict", -1e18, "first round", True),
        ("denoiser.encode", 3e38, "distilling", False),
        # Refined views that are finite, but so large that no step towards them is.
        ("denoiser.encode", -1e18, "first round", True),
        ("render.rgb", -1e18, "first round", False),
        # Finite, but no render of it is: looked for where iterations fail.
        ("parameters.sh0", 3e38, "distilling", False),
        ("parameters.sh0", 3e38, "fitting", True),
        ("moments.exp_avg", 3e38, "fitting", True),
    ],
)
def test_faults_that_were_found_once(place, value, moment, whole, config, tmp_path) -> None:
    assert not_finite.fault(not_finite.Injection(place, value, moment, whole), config, tmp_path) is None


def test_an_injection_is_seen() -> None:
    """Or the part would find nothing wrong with anything."""
    state = not_finite.begun()
    injection = not_finite.Injection("denoiser.predict", math.nan, "distilling", False)
    with not_finite.injected(state, injection):
        *_, last = not_finite.loop.optimize(not_finite.CONFIG, state)
    assert last.skipped == 1


def test_memory_that_grows_is_measured() -> None:
    rows = [(float(step), 100.0 + (0 if step < 300 else 0.002 * (step - 300))) for step in range(10, 1001, 10)]
    assert soak.slope(rows, 1000) == pytest.approx(2.0)


def test_some_of_many_are_spread_over_all() -> None:
    assert spread(7, 0) == spread(7, 9) == [1, 2, 3, 4, 5, 6, 7]
    assert spread(101, 3) == [1, 51, 101]
    assert spread(5, 1) == [1]


def test_parts_are_picked_and_what_is_none_is_named(tmp_path, capsys) -> None:
    assert Options().parts() == PARTS
    assert Options(only=" disks, kills").parts() == ("kills", "disks")
    with pytest.raises(ValueError, match="there is no part kill; give some of kills, "):
        Options(only="kill").parts()
    with pytest.raises(ValueError, match="alone: 8 of 2 kills; give no more than --kills"):
        Options(kills=2).parts()
    with pytest.raises(ValueError, match="give 1 or more"):
        Options(kills=0).parts()
    (tmp_path / "there").touch()
    with pytest.raises(ValueError, match="is not empty"):
        bench.main(["--only", "not_finite", "--output", str(tmp_path)])
    with pytest.raises(ValueError, match="cannot be made"):
        bench.main(["--only", "not_finite", "--output", str(tmp_path / "there" / "below")])
    assert bench.main(["--only", "not_finite", "--injections", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == {"injections": 2, "not_finite_kept": 0}


@pytest.mark.occasional
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not list its processes")
def test_an_interrupt_says_what_was_found_and_leaves_nothing_running(tmp_path) -> None:
    mark = f"GS_STEIN_TEST={tmp_path}"
    command = [sys.executable, "-m", "gs_stein.bench", "chaos", "--only", "not_finite", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **dict([mark.split("=")])}, start_new_session=True,
    ) as bench:  # fmt: skip
        assert bench.stderr is not None
        while "ETA" not in (line := bench.stderr.readline()):
            assert line, "it ended"
        os.killpg(bench.pid, signal.SIGINT)  # as a terminal does
        out, errors = bench.communicate(timeout=120)
    assert bench.returncode == 130
    assert errors.splitlines()[-1] == "interrupted in not_finite; what was found until then is above"
    found = json.loads(out.splitlines()[-1])
    assert found["injections"] > 0
    assert found["not_finite_kept"] == 0

    def marked(process: Path) -> bool:
        try:
            return mark.encode() in (process / "environ").read_bytes()
        except OSError:
            return False

    assert not [process.name for process in Path("/proc").glob("[0-9]*") if marked(process)]
