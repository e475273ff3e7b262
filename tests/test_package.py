"""What is installed is whole: data, commands, and the releases that it was tested with."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from setuptools import Distribution

from gs_stein import doctor
from gs_stein.command import main as command
from gs_stein.command.parse import First, base_config
from gs_stein.config.schema import Config
from gs_stein.config.serialize import merged, read_yaml, to_tree
from gs_stein.live import jobs
from gs_stein.live.options import LiveOptions

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gs_stein"


@pytest.fixture
def distribution(monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """What setuptools reads out of pyproject.toml; nothing is built or written."""
    monkeypatch.chdir(ROOT)
    found = Distribution({"script_name": "setup.py"})
    found.parse_config_files([str(ROOT / "pyproject.toml")])
    return found


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)


def test_all_data_is_packaged(distribution: Distribution) -> None:
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    packaged = {
        (ROOT / source / name).resolve()
        for _, source, _, names in build.get_data_files_without_manifest()
        for name in names
    }
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and path.parent.name != "__pycache__"}
    results = PACKAGE / "bench" / "RESULTS.md"  # for readers of the repository
    wanted = {path for path in files if path.suffix != ".py"} - {results}
    assert {"scene.yaml", "prompts.yaml", "model_index.json", "captions.json"} <= {path.name for path in wanted}
    assert packaged == wanted


def test_all_code_is_packaged(distribution: Distribution) -> None:
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    packaged = {Path(file).resolve() for _, _, file in build.find_all_modules()}
    assert packaged == set(PACKAGE.rglob("*.py"))


def test_the_installed_command_is_ours(distribution: Distribution) -> None:
    assert distribution.entry_points == {"console_scripts": ["gs-stein = gs_stein.command.main:main"]}


@pytest.mark.parametrize("name", command.COMMANDS)
def test_every_command_has_a_program_that_takes_arguments(name: str) -> None:
    module, what = command.COMMANDS[name]
    inspect.signature(import_module(module).main).bind(["--help"])
    assert what[0].islower()


def test_help_names_every_command_and_loads_nothing() -> None:
    heavy = "import sys; from gs_stein.command.main import main; main([]); print(sorted(sys.modules))"
    loaded = run("-c", heavy).stdout.splitlines()[-1]
    assert "'gs_stein.command.main'" in loaded
    assert not [name for name in ("torch", "numba", "numpy", "tyro", "yaml") if f"'{name}'" in loaded]
    shown = run("-m", "gs_stein", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for name, (_, what) in command.COMMANDS.items():
        assert any(line.split(maxsplit=1) == [name, what] for line in shown.stdout.splitlines())


def test_an_unknown_command_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["trian"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gs-stein: there is no 'trian'; give one of train, view, ")


def test_arguments_are_handed_on_and_mistakes_are_one_line(monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.fail("a", "broken", "mend it")])
    assert command.main(["doctor", "--json"]) == 1
    assert '"remedy": "mend it"' in capsys.readouterr().out

    def mistaken() -> None:
        raise ValueError("field: 3 is wrong; give 4")

    monkeypatch.setattr(doctor, "examine", mistaken)
    assert command.main(["doctor"]) == 2
    assert capsys.readouterr().err == "error: field: 3 is wrong; give 4\n"


@pytest.mark.parametrize("script", ["train.py", "viewer.py"])
def test_the_scripts_go_by_their_own_names(script: str) -> None:
    shown = run(script, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"usage: {script} [-h]")


@pytest.mark.parametrize("module", ["train", "view"])
def test_threads_are_told_to_sleep_before_torch_is_there(module: str) -> None:
    code = f"import os, sys, gs_stein.command.{module}; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    said = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True, timeout=120)
    assert said == "PASSIVE False\n"


def test_the_studio_starts_runs_wherever_it_is_installed(tmp_path: Path) -> None:
    arguments = jobs.command(jobs.Order("a chair", False, None, 0), tmp_path, LiveOptions(), False)
    assert not [argument for argument in arguments if argument.endswith("train.py")], "not part of an installation"
    shown = run(*arguments[1:], "--help-all", cwd=jobs.ROOT)
    assert shown.returncode == 0, shown.stderr
    assert "--checkpoint-every" in shown.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_configs_are_laid_over_a_preset(path: Path) -> None:
    config = base_config(First(config=path, prompt="a red armchair", model="bundled"))
    preset = base_config(First(prompt="a red armchair", model="bundled", scene=config.scene))
    assert config == merged(preset, read_yaml(path))
    assert config != preset
    assert merged(Config(), to_tree(config)) == config


def test_constraints_name_one_release_of_everything_within_what_is_supported(distribution: Distribution) -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    constraints = {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}
    assert len(constraints) == len(lines)
    tested = {}
    for name, specifier in constraints.items():
        (only,) = specifier
        assert only.operator == "==", name
        assert "+" not in only.version, f"{name}: a label of one index, which others do not know"
        tested[name] = only.version
    wanted = map(Requirement, [*distribution.install_requires, *distribution.extras_require["dev"]])
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(tested[name]), f"{requirement} but {tested[name]}"
