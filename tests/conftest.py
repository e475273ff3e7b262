"""What all tests share: few threads (one in each of the two processes of `-n 2`), a seed for whoever forgets one, and
no silent skips where that is asked for.

With GS_STEIN_REQUIRE_ALL=1 a test that would be skipped because something is missing (a browser, a system library)
fails instead. Tests that need a GPU are skipped all the same where there is none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

# Commands that tests start inherit it.
THREADS = 2 if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) == 1 else 1
for _library in ("OMP", "NUMBA"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", str(THREADS))

import pytest
import torch
from hypothesis import settings

FIRST = (
    "test_diffusion_memory", "test_rasterize", "test_diffusion", "test_diffusion_steps", "test_world_attributes",
    "test_viewer_browser", "test_bench_chaos", "test_kills", "test_mesh", "test_examples", "test_bench_convergence",
    "test_bench_variance", "test_world_export",
)  # fmt: skip
"""Files that take longest, so that neither process is left alone with one at the end; in an order in which one process
compiles kernels (of the rasterizer, of the world) while the other has something else to do, and finds them later."""

# A shared machine must not turn a slow example into a failure.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(max(1, min(THREADS, torch.get_num_threads())))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def _steady() -> Iterator[None]:
    """The same thread count and global seed for every test, whatever the one before did."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # pyright: ignore
    if os.environ.get("GS_STEIN_REQUIRE_ALL") == "1" and report.skipped and "gpu" not in item.keywords:
        if hasattr(report, "wasxfail"):
            return
        report.outcome = "failed"
        report.longrepr = f"skipped although GS_STEIN_REQUIRE_ALL=1: {call.excinfo.value if call.excinfo else ''}"
