"""The house rules on imports, checked on the syntax trees: imports point backwards along the data, heavy third
parties have one door each, and options load without torch.

To add a folder, add a row to `ALLOWED`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gs_stein"
DOORS: dict[str, tuple[str, ...]] = {
    "gsplat": ("rasterize/gpu.py", "update/densify.py", "gaussians/formats/", "doctor.py"),
    "numba": ("rasterize/", "world/", "doctor.py"),
    "llvmlite": ("rasterize/", "gaussians/formats/harmonics.py"),
    "diffusers": ("prior/", "world/", "doctor.py", "bench/chaos/priors.py"),
    "transformers": (
        "text/minilm.py",
        "prior/",
        "evaluate.py",
        "scorer.py",
        "world/",
        "doctor.py",
        "bench/chaos/priors.py",
    ),
    "peft": ("distill/lora.py", "prior/", "doctor.py"),
    "viser": ("live/", "doctor.py"),
    "open3d": ("gaussians/formats/", "mesh/", "doctor.py"),
    "plyfile": ("gaussians/formats/",),
    "pxr": ("gaussians/formats/usd.py", "doctor.py"),
    "tensorboard": ("run/metrics.py", "run/progress.py", "world/training/run.py"),
    "playwright": (),
    "ray": ("batch/cluster.py", "batch/spread.py"),
}
"""Third party → the files or folders of gs_stein that may import it."""

ALLOWED: dict[str, str] = {
    "types": "",
    "threads": "",
    "ranks": "",
    "files": "",
    "images": "files",
    "text": "types threads",
    "cameras": "types",
    "gaussians": "files threads",
    "rasterize": "types threads cameras gaussians files",
    "compose": "types threads files cameras gaussians rasterize",
    "prior": "types threads ranks files text",
    "distill": "types threads ranks files text prior",
    "update": "types threads ranks files cameras gaussians rasterize",
    "refine": "types threads ranks files text cameras prior distill",
    "config": "types threads files text cameras gaussians rasterize prior distill update refine",
    "optimize": "types threads ranks files text cameras gaussians rasterize prior distill update refine config",
    "scorer": "types threads files text",
    "evaluate": "types threads ranks files text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer",
    "run": "types threads files images text cameras gaussians rasterize prior distill update refine config optimize "
    "scorer ranks evaluate",
    "live": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks evaluate run",
    "render": "types threads compose files images text cameras gaussians rasterize prior distill update refine "
    "config optimize scorer ranks evaluate run live",
    "mesh": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks evaluate run live render",
    "export": "types threads compose files images text cameras gaussians rasterize prior distill update refine "
    "config optimize scorer ranks evaluate run live render mesh",
    "command": "types threads compose files images text cameras gaussians rasterize prior distill update refine "
    "config optimize scorer ranks evaluate run live",
    "api": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks evaluate run live command",
    "batch": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks evaluate run live command",
    "__main__": "files command",
    "doctor": "types threads compose ranks files text cameras gaussians rasterize prior distill update refine config "
    "run live command",
    "world": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks",
    "bench": "types threads compose files images text cameras gaussians rasterize prior distill update refine config "
    "optimize scorer ranks evaluate run live render command batch world",
}
"""The law: folder (or module) of gs_stein, in the order of the data → whatever its imports may lead to, directly or
through others, at run time (type checking aside)."""

WITHOUT_TORCH = (
    "cameras.options", "gaussians.options", "text.options", "rasterize.options", "prior.options", "distill.options",
    "update.options", "refine.options", "run.options", "live.options", "config.schema", "config.serialize",
    "config.presets", "command.parse", "command.main", "command.train", "command.view", "__main__", "bench.__main__",
    "render.__main__", "export.__main__", "batch.__main__", "batch.options",
)  # fmt: skip
"""Modules that `--help` reads, and all they import at their top."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path, everywhere: bool = True) -> tuple[tuple[str, int], ...]:
    """Imported modules, absolute, with their lines; without those for type checkers only.

    With everywhere=False only those that run when the module is imported.
    """

    def walk(node: ast.AST) -> Iterator[ast.stmt]:
        waiting = [node]
        while waiting:
            for child in ast.iter_child_nodes(waiting.pop()):
                if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                    waiting.extend(child.orelse)
                    continue
                if isinstance(child, (ast.Import, ast.ImportFrom)):
                    yield child
                if isinstance(child, ast.expr):
                    continue  # holds no statement
                if everywhere or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    waiting.append(child)

    found: list[tuple[str, int]] = []
    for node in walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.append((whole if whole in FILES else node.module, node.lineno))
    return tuple(found)


def inside(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("package", DOORS)
def test_one_door_for_each_third_party(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES.values()
        for name, line in imports(path)
        if inside(name, package) and not str(path.relative_to(PACKAGE)).startswith(DOORS[package])
    ]
    assert not found, f"{package} may only be imported by {DOORS[package]}"


@functools.cache
def reached(module: str) -> frozenset[tuple[str, str]]:
    """Whatever a module's imports lead to, as (module, by way of) pairs."""
    found: dict[str, str] = {}
    waiting = [(module, "")]
    while waiting:
        current, way = waiting.pop()
        for name, _ in imports(FILES[current]):
            if name in FILES and name != module and name not in found:
                found[name] = way or name
                waiting.append((name, way or name))
    return frozenset(found.items())


def room(module: str) -> str:
    """The folder of gs_stein that a module lies in, or its own name; "" for the package itself."""
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("name", ALLOWED)
def test_imports_point_backwards(name: str) -> None:
    allowed = {"", name, *ALLOWED[name].split()}
    found = [
        f"{module} reaches {other} by way of {way}"
        for module in FILES
        if room(module) == name
        for other, way in sorted(reached(module))
        if room(other) not in allowed
    ]
    assert not found, f"{name} may lead to {ALLOWED[name] or 'nothing of ours'}"


def test_every_folder_has_a_row_and_every_row_a_folder() -> None:
    assert {room(name) for name in FILES} - {""} == set(ALLOWED)
    assert {f"gs_stein.{name}" for name in WITHOUT_TORCH} <= set(FILES)


def test_rows_only_name_earlier_ones() -> None:
    """So that no two folders may import each other."""
    seen: set[str] = set()
    for name, row in ALLOWED.items():
        assert set(row.split()) <= seen, name
        seen.add(name)


def test_no_circles() -> None:
    """Among the imports that run when a module is imported."""
    graph = {
        module: {name for name, _ in imports(path, everywhere=False) if name in FILES and name != module}
        for module, path in FILES.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail[trail.index(module) :], module))
        if module not in done:
            for name in sorted(graph[module]):
                visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("start", WITHOUT_TORCH)
def test_options_load_without_torch(start: str) -> None:
    heavy = ("torch", "numba", "gsplat", "diffusers", "transformers", "viser", "open3d", "scipy", "matplotlib")
    waiting, seen = [f"gs_stein.{start}"], set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        # A module's packages run first.
        waiting += [parent for i in range(1, module.count(".") + 1) if (parent := module.rsplit(".", i)[0]) in FILES]
        for name, line in imports(FILES[module], everywhere=False):
            assert not any(inside(name, package) for package in heavy), f"{module}:{line} imports {name}"
            if name in FILES:
                waiting.append(name)


def test_the_checker_sees_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(
        "from typing import TYPE_CHECKING\nimport torch\nif TYPE_CHECKING:\n    import viser\n"
        "def f():\n    from gsplat.strategy import ops\n    from gs_stein.cameras import sampling\n"
    )
    assert {name for name, _ in imports(path)} == {"typing", "torch", "gsplat.strategy", "gs_stein.cameras.sampling"}
    assert {name for name, _ in imports(path, everywhere=False)} == {"typing", "torch"}
