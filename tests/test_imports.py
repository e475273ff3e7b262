"""The house rules on imports, checked on the syntax trees: imports point backwards along the data, heavy third
parties have one door each, and options load without torch.

To add a rule, add a line to a table.
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
    "gsplat": ("rasterize/gpu.py", "densify.py", "export.py", "doctor.py"),
    "numba": ("rasterize/", "world/", "doctor.py"),
    "diffusers": ("prior/", "world/", "doctor.py"),
    "transformers": ("text.py", "prior/", "evaluate.py", "scorer.py", "world/", "doctor.py"),
    "peft": ("distill/lora.py", "prior/", "doctor.py"),
    "viser": ("live/", "doctor.py"),
    "open3d": ("files.py", "export.py", "doctor.py"),
    "plyfile": ("files.py", "export.py"),
    "tensorboard": ("record.py", "progress.py"),
    "playwright": (),
}
"""Third party → the files or folders of gs_stein that may import it."""

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "types": ("gaussians", "cameras", "rasterize", "distill", "optimize", "live", "world", "config"),
    "gaussians": ("cameras", "rasterize", "prior", "distill", "optimize", "live", "world", "files", "export"),
    "cameras": ("gaussians", "rasterize", "prior", "distill", "optimize", "live", "world"),
    "rasterize": ("prior", "distill", "optimize", "live", "world", "files", "export", "densify", "config"),
    "files": ("rasterize", "prior", "distill", "optimize", "live", "world", "config"),
    "export": ("prior", "distill", "optimize", "live", "world", "config"),
    "initialise": ("rasterize", "prior", "distill", "optimize", "live", "world", "config"),
    "text": ("gaussians", "rasterize", "distill", "optimize", "live", "world"),
    "prior": ("gaussians", "rasterize", "distill", "optimize", "live", "world", "densify"),
    "distill": ("gaussians", "rasterize", "optimize", "live", "world", "densify", "export", "files"),
    "regularize": ("prior", "distill", "optimize", "live", "world"),
    "densify": ("prior", "distill", "optimize", "live", "world"),
    "optim": ("prior", "distill", "optimize", "live", "world"),
    "optimize": ("live", "export", "train", "viewer", "video", "world", "bench", "evaluate", "progress", "record"),
    "world": ("optimize", "distill", "live", "densify", "bench"),
}
"""Module or folder of gs_stein → what it must not import, directly or at run time (type checking aside)."""

WITHOUT_TORCH = (
    "camera_options", "start_options", "train_options", "rasterize.options", "distill.options", "prior.options",
    "live.options", "config", "command", "bench.__main__",
)  # fmt: skip
"""Modules that `--help` reads, and all they import at their top."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, everywhere: bool = True) -> Iterator[tuple[str, int]]:
    """Imported modules, absolute, with their lines; without those for type checkers only.

    With everywhere=False only those that run when the module is imported.
    """

    def walk(node: ast.AST) -> Iterator[ast.stmt]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                for other in child.orelse:
                    yield from walk(other)
                continue
            if isinstance(child, (ast.Import, ast.ImportFrom)):
                yield child
            if everywhere or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                yield from walk(child)

    for node in walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in FILES else node.module), node.lineno


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


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_point_backwards(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for module, path in FILES.items()
        if inside(module, f"gs_stein.{room}")
        for name, line in imports(path)
        for forbidden in FORBIDDEN[room]
        if inside(name, f"gs_stein.{forbidden}")
    ]
    assert not found


def test_the_tables_name_rooms_that_exist() -> None:
    rooms = {name.split(".")[1] for name in FILES if "." in name}
    assert set(FORBIDDEN) <= rooms
    assert {f"gs_stein.{name}" for name in WITHOUT_TORCH} <= set(FILES)


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
        "def f():\n    from gsplat.strategy import ops\n    from gs_stein import cameras\n"
    )
    assert {name for name, _ in imports(path)} == {"typing", "torch", "gsplat.strategy", "gs_stein.cameras"}
    assert {name for name, _ in imports(path, everywhere=False)} == {"typing", "torch"}
