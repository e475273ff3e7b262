"""A batch on Ray: workers, each with networks of its own that are loaded once, take one run after another.

What a run has done lies in its folder, which all see; a worker that dies, or whose machine is taken away, costs what
came after the latest checkpoint, and another one goes on from there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gs_stein.batch import ledger
from gs_stein.batch.board import Board
from gs_stein.batch.ledger import Outcome
from gs_stein.batch.options import BatchOptions
from gs_stein.batch.plan import Item
from gs_stein.run.options import RunOptions

if TYPE_CHECKING:
    from gs_stein.optimize.step import Controls

_ANSWER = 5.0
"""Seconds in which an address must answer."""
_ROUND = 1.0
"""Seconds between two looks at what the workers do."""
_AGAIN, _TRIES = 3.0, 40
"""Seconds after which a run is asked for again that another process works on, and how often: the workers of a driver
that died need a few seconds to notice, and a file server keeps the locks of a machine that is gone for a minute or two.
"""
_STILLBORN = 8
"""Workers in a row that may die before they are ready."""


class Worker:
    """An actor: works on one run at a time, and says meanwhile how far it is.

    Args:
        output: folder of all runs.
        mark: what the driver has read there (`ledger.open_output`).
        options: of each run.
        threads: of torch and of the kernels.
        results: address that finished runs are copied to; None: nowhere.
    """

    def __init__(self, output: Path, mark: str, options: RunOptions, threads: int, results: str | None = None) -> None:
        import torch

        from gs_stein.batch.results import Results
        from gs_stein.batch.work import Runner
        from gs_stein.optimize.step import Controls

        torch.set_num_threads(threads)
        self._output, self._mark, self._threads = output, mark, threads
        self._results = None if results is None else Results(results)
        self._runner, self._controls = Runner(output, options, self._results), Controls()
        self._at = (0, 0)

    def ready(self) -> str | None:
        """None, or why no run can be made here."""
        try:
            if self._results is not None:  # which all machines see, whatever else they share
                self._results.check()
                self._output.mkdir(parents=True, exist_ok=True)
                return None
        except (ValueError, OSError) as error:
            return f"{error} on {socket.gethostname()}"
        try:
            seen = (self._output / ledger.MARK).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            seen = None
        if seen == self._mark:
            return None
        return (
            f"output: {self._output} is not the same folder on {socket.gethostname()}; give one that all machines share"
        )

    def run(self, item: Item) -> Outcome:
        """Work on a run until it is finished, or `stop` was called."""
        import torch

        torch.set_num_threads(self._threads)  # counts for the thread that it is called in
        self._at = (0, 0)
        return self._runner.run(item, self._controls, self._watch)

    def at(self) -> tuple[int, int]:
        """Iterations done of the run, and of how many (0: not known yet)."""
        return self._at

    def stop(self) -> None:
        """Have the run save and end."""
        self._controls.stop = True

    def _watch(self, done: int, total: int) -> None:
        self._at = (done, total)


@contextlib.contextmanager
def connected(address: str, options: BatchOptions) -> Iterator[str]:
    """While entered, this process is connected to Ray; gives a line that says to what.

    Raises:
        ValueError: one line: Ray is not installed, nobody answers, or no machine there has room for a run.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            f"address: {address!r} needs Ray; pip install 'gs-stein[cluster]', or give --address here"
        ) from error
    _check_answers(address)
    started: dict[str, Any] = {}
    if address == "local":
        # What workers hand back is small: they write their files themselves.
        started = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": 100 << 20}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever there is to say is in the error
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **started)
    except Exception as error:  # a client, a network and a server fail in many ways
        said = (str(error).strip() or type(error).__name__).partition("\n")[0][:200]
        raise ValueError(f"address: {address!r} gives no Ray ({said}); start one, or give --address local") from error
    _quiet()
    try:
        gpus = options.gpus_per_run if options.gpus_per_run is not None else _gpus_of_one()
        room = _room(options, gpus)
        if not room:
            raise ValueError(
                f"cpus_per_run, gpus_per_run: no machine of {address!r} has {options.cpus_per_run} and {gpus:g}; give "
                "fewer"
            )
        machines = sum(bool(node["Alive"]) for node in ray.nodes())
        yield f"on Ray ({address}), machines: {machines}, runs at once: {room}"
    finally:
        ray.shutdown()


def _quiet() -> None:
    """Keep Ray from printing a paragraph of its own for every worker that dies; it has no option for that."""
    with contextlib.suppress(ImportError):  # if they move it: paragraphs again
        from ray._private import worker

        setattr(worker, "print_to_stdstream", lambda *_, **__: None)  # noqa: B010 - no part of what it declares


def _check_answers(address: str) -> None:
    """Raise ValueError unless somebody listens at an address that names a machine: Ray itself would try for minutes."""
    if address in ("local", "auto"):
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port or (10001 if parts.scheme == "ray" else 6379)
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme not in ("", "ray") or address.split() != [address]:
        raise ValueError(f"address: {address!r} is none; give here, local, auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host, port), _ANSWER).close()
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"address: nobody answers at {address} ({error}); check it, and that Ray runs there"
        ) from error


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fit_here(options: BatchOptions) -> int:
    """How many runs go side by side on this machine."""
    import torch

    gpus = torch.cuda.device_count()
    each = (1.0 if gpus else 0.0) if options.gpus_per_run is None else options.gpus_per_run
    return min(cores() // options.cpus_per_run, int(gpus / each + 1e-9) if each else cores())


def _gpus_of_one() -> float:
    """GPUs of each run where nobody said how many: one, if there are any."""
    import ray

    return 1.0 if ray.cluster_resources().get("GPU", 0.0) > 0 else 0.0


def _room(options: BatchOptions, gpus: float) -> int:
    """How many runs fit on the machines that are there just now."""
    import ray

    total = 0
    for node in ray.nodes():
        have = node["Resources"] if node["Alive"] else {}
        fit = int(have.get("CPU", 0.0)) // options.cpus_per_run
        total += min(fit, int(have.get("GPU", 0.0) / gpus + 1e-9)) if gpus else fit
    return total


class Crew:
    """The workers, and who does what. Ray restarts nothing by itself: here it is known what a death has cost.

    Args:
        options: with the resources of a run.
        run: options of each run.
        mark: of the folder.
    """

    def __init__(self, options: BatchOptions, run: RunOptions, mark: str) -> None:
        import ray

        self._options, self._run, self._mark, self._ray = options, run, mark, ray
        gpus = options.gpus_per_run if options.gpus_per_run is not None else _gpus_of_one()
        threads = str(options.cpus_per_run)
        names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
        self._gpus = gpus
        self._actor = ray.remote(Worker).options(
            num_cpus=options.cpus_per_run, num_gpus=gpus, max_restarts=0,
            max_concurrency=2,  # one works, one answers
            runtime_env={"env_vars": {name: threads for name in names} | {"OMP_WAIT_POLICY": "PASSIVE"}},
        )  # fmt: skip
        self.starting: dict[Any, Any] = {}
        """Answer of `ready` → worker."""
        self.idle: list[Any] = []
        self.busy: dict[Any, tuple[Any, Item]] = {}
        """Answer of `run` → worker and run."""
        self._asked: dict[Any, Item] = {}
        """Answer of `at` → run."""
        self._stillborn = 0

    def grow(self, wanted: int) -> None:
        """Start workers until there are enough for so many runs, or no room is left; machines come and go."""
        have = len(self.starting) + len(self.idle) + len(self.busy)
        for _ in range(min(wanted, _room(self._options, self._gpus)) - have):
            worker = self._actor.remote(
                self._options.output, self._mark, self._run, self._options.cpus_per_run, self._options.results
            )
            self.starting[worker.ready.remote()] = worker

    def give(self, item: Item) -> None:
        """Have an idle worker take a run up."""
        worker = self.idle.pop()
        self.busy[worker.run.remote(item)] = (worker, item)

    def wait(self, seconds: float) -> Iterator[tuple[Item, Outcome | None]]:
        """Runs that came to an end meanwhile; None: the worker died.

        Raises:
            ValueError: a worker does not see the folder, or cannot be started.
        """
        waiting = [*self.starting, *self.busy]
        if not waiting:
            time.sleep(seconds)
            return
        done, _ = self._ray.wait(waiting, timeout=seconds)
        for answer in done:
            if answer in self.starting:
                self._welcome(self.starting.pop(answer), answer)
                continue
            worker, item = self.busy.pop(answer)
            try:
                outcome = self._said(answer)
            except self._ray.exceptions.RayError:
                with contextlib.suppress(Exception):  # it may only be out of reach: then two would work on the run
                    self._ray.kill(worker)
                yield item, None
                continue
            self.idle.append(worker)
            yield item, outcome

    def _welcome(self, worker: Any, answer: Any) -> None:
        """Take in a worker that says that it is ready.

        Raises:
            ValueError: it is not, nor would another be.
        """
        try:
            wrong = self._said(answer)
        except self._ray.exceptions.RayError as error:  # its machine may be gone: another one comes
            self._stillborn += 1
            if self._stillborn < _STILLBORN:
                return
            wrong = f"address: workers die before they are ready ({_last_line(error)})"
        if wrong is not None:
            raise ValueError(wrong)
        self._stillborn = 0
        self.idle.append(worker)

    def _said(self, answer: Any) -> Any:
        """What a worker answered.

        Raises:
            ValueError: its own error, in one line.
        """
        try:
            return self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            raise ValueError(f"address: a worker failed: {_last_line(error)}") from error

    def steps(self) -> Iterator[tuple[Item, int, int]]:
        """How far the runs are, as far as workers have answered since the last call; asks again."""
        if self._asked:
            done, waiting = self._ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
            for answer in done:
                item = self._asked.pop(answer)
                with contextlib.suppress(self._ray.exceptions.RayError):
                    yield item, *self._ray.get(answer)
        asked = {item.name for item in self._asked.values()}
        for worker, item in self.busy.values():
            if item.name not in asked:
                self._asked[worker.at.remote()] = item

    def stop(self) -> None:
        """Have all runs save and end."""
        for worker, _ in self.busy.values():
            worker.stop.remote()


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:300]


def work_on_ray(
    items: Sequence[Item], options: BatchOptions, run: RunOptions, board: Board, controls: Controls, mark: str
) -> None:
    """Work on the runs until all are there or `controls.stop` is set.

    Raises:
        ValueError: workers do not see the folder or cannot be started, or the disk is full.
    """
    crew, waiting, later = Crew(options, run, mark), deque(items), deque[tuple[float, Item]]()
    deaths: dict[str, tuple[str, int]] = {}
    tries, stopped = Counter[str](), False
    while crew.busy or waiting or later:
        if controls.stop:
            waiting.clear()
            later.clear()
            if not stopped:
                crew.stop()
            stopped = True
        while later and later[0][0] <= time.monotonic():
            waiting.append(later.popleft()[1])
        crew.grow(len(crew.busy) + len(waiting))
        while crew.idle and waiting:
            item = waiting.popleft()
            board.started(item)
            crew.give(item)
        for item, outcome in crew.wait(_ROUND):
            if outcome is None:
                outcome = _died(item, options, deaths)
                if outcome.state == "half":
                    waiting.appendleft(item)
                    board.say(f"again       {item.name}: its worker died; another one goes on from its checkpoint")
            tries[item.name] += outcome.state == "elsewhere"
            if outcome.state == "elsewhere" and tries[item.name] < _TRIES:
                later.append((time.monotonic() + _AGAIN, item))
            board.ended(item, outcome)
            if outcome.full_disk:
                raise ValueError(f"{run.output}: {outcome.reason}; free some space, and give the same command to go on")
        for item, done, total in crew.steps():
            board.step(item, done, total)
        board.refresh()


def _died(item: Item, options: BatchOptions, deaths: dict[str, tuple[str, int]]) -> Outcome:
    """What becomes of a run whose worker died: another attempt, unless too many have come no further."""
    folder = options.output / item.name
    saved = max((path.name for path in folder.glob("checkpoints/step_*.pt")), default="the start")
    last, count = deaths.get(item.name, (saved, 0))
    count = count + 1 if last == saved else 1
    deaths[item.name] = (saved, count)
    if count <= options.retries:
        return Outcome("half")
    reason = f"its worker died {count} times after {saved}: killed, or out of memory"
    with contextlib.suppress(ValueError):
        ledger.fail(folder, reason)
    return Outcome("failed", reason)
