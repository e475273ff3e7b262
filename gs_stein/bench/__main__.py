"""python -m gs_stein.bench NAME: measure one thing, print a table, and with --json one JSON object as the last line."""

from __future__ import annotations

import importlib
import sys

from gs_stein.files import print_anything

BENCHES = {
    "raster": (
        "gs_stein.bench.raster",
        "speed and memory of the CPU rasterizer, and a picture against the reference",
    ),
    "variance": (
        "gs_stein.bench.variance.__main__",
        "variance of the gradient estimators, at frozen scenes (--prior mixture: of a known score)",
    ),
    "pixels": ("gs_stein.bench.pixels", "the estimators on an image instead of a scene"),
    "convergence": (
        "gs_stein.bench.convergence.__main__",
        "quality against time and denoiser evaluations, run by run",
    ),
    "prompts": ("gs_stein.bench.prompts", "the main job on the written list of prompts, judged by the scorer"),
    "detail": ("gs_stein.bench.detail", "where pictures lose detail, from the world's renders to finished scenes"),
    "words": ("gs_stein.bench.words", "whether finished scenes show what held-out captions say: things, looks, counts"),
    "main": ("gs_stein.bench.main_job", "the main job against an earlier build: seconds, memory, quality"),
    "t3": ("gs_stein.bench.t3", "T3Bench's prompts, judged by a CLIP, beside the published averages"),
    "gpu": ("gs_stein.bench.gpu", "what a GPU takes and needs: adapters, estimators, memory, the main job"),
    "start": ("gs_stein.bench.start", "seconds until the first splats, the help, a finished run's page"),
    "files": ("gs_stein.bench.files", "reading and writing scenes against the disk: speed and memory"),
    "viewer": ("gs_stein.bench.viewer", "what the live viewer costs the training"),
    "scale": ("gs_stein.bench.scale", "many prompts: workers against shells, what kills cost, what is recognised"),
    "chaos": (
        "gs_stein.bench.chaos.__main__",
        "what a run withstands: kills, full disks, NaN, damaged files, strangers, time",
    ),
}
"""Name → the module whose `main` runs it, and what it measures."""
MIXTURE = "gs_stein.bench.mixture.__main__"
"""What measures the variance where the prior is a mixture, with options of its own."""


def main(argv: list[str]) -> int:
    """Hand over to the bench that was named; nothing heavy is imported before."""
    print_anything()
    name = argv[0] if argv else "--help"
    if name not in BENCHES:
        out = sys.stdout if name in ("-h", "--help") else sys.stderr
        print("usage: python -m gs_stein.bench NAME [--json] [--help]\n", file=out)
        for bench, (_, what) in BENCHES.items():
            print(f"  {bench:12s} {what}", file=out)
        if out is sys.stderr:
            print(f"\nbench: there is no {name!r}; give one of {', '.join(BENCHES)}", file=out)
        return 0 if out is sys.stdout else 2
    mixture = name == "variance" and ("mixture" in argv or "--prior=mixture" in argv)
    module = importlib.import_module(MIXTURE if mixture else BENCHES[name][0])
    try:
        return module.main(argv[1:])
    except KeyboardInterrupt:  # what was finished is kept where the bench says so
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        # A user's mistake is one line, not a traceback.
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
