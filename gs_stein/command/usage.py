"""What `--help` of the training command says: the options that people use first. `--help-all` lists every one.

Free of tyro and of all options, so that it is there at once.
"""

from __future__ import annotations

from gs_stein.config.presets import offered

ALL = "--help-all"
TEXT = """\
usage: {program} [-h] --prompt TEXT [OPTIONS]

From a sentence to a 3D scene of Gaussian splats: progress here and in the browser, files under runs/.

  {command} --prompt "a cozy living room"
  {command} --prompt "a red armchair" --preset preview
  {command} --resume runs/a-red-armchair-...

  --prompt TEXT        what to make, in English: a thing, or a place and what stands there ("a cat on the sofa")
  --scene, --object    a place to stand in (room, landscape), or a thing seen from around; else as the prompt sounds
  --layout FILE        boxes in metres that say where things stand in a scene (README shows one)
  --preset NAME        {presets}: a first look, or what fits a GPU
  --iterations N       optimisation steps (1800 for scenes, 850 for objects, 400 with --preset preview)
  --seed N             another one gives another scene of the same prompt (0)
  --model NAME         the prior: bundled, sd15, sd21, sdxl, sd3, a diffusers folder or hub id; else what fits here
  --init FILE          start from a splat file or a point cloud
  --config FILE        options from a YAML file, such as an earlier run's config.yaml
  --resume RUN         go on with a run, bit for bit as if it had never been interrupted
  --output FOLDER      where runs go, each in a folder of its own (runs)
  --no-viewer          no page in the browser; --serve yes|no: whether it stays after the run (while it is watched)
  --host, --port       where the page listens (127.0.0.1, 8080)

  {all:20s} all options with their defaults: cameras, estimator, schedules, densification, page
"""


def asks(arguments: list[str]) -> bool:
    """Whether the command line wants the short help."""
    return bool({"-h", "--help"} & set(arguments))


def usage(command: str) -> str:
    """The short help.

    Args:
        command: what the user types before the options, such as "gs-stein train".
    """
    presets = sorted(offered(), key=lambda name: (len(name), name))  # gpu-8gb before gpu-12gb
    presets.sort(key=lambda name: name.startswith("gpu-"))
    return TEXT.format(program=command.removeprefix("python "), command=command, presets=", ".join(presets), all=ALL)
