"""python -m gs_stein.bench NAME: measure one thing, print a table, and with --json one JSON object as the last line."""

from __future__ import annotations

import sys

BENCHES = {
    "raster": "speed and memory of the CPU rasterizer, and a picture against the reference",
    "variance": "variance of the gradient estimators, at frozen scenes (--prior mixture: of a known score)",
    "pixels": "the estimators on an image instead of a scene",
    "convergence": "quality against time and denoiser evaluations, run by run",
    "prompts": "the main job on the written list of prompts, judged by the scorer",
    "viewer": "what the live viewer costs the training",
}


def main(argv: list[str]) -> int:
    """Hand over to the bench that was named; nothing heavy is imported before."""
    name = argv[0] if argv else "--help"
    match name:
        case "raster":
            from gs_stein.bench.raster import main as run
        case "variance":
            if "mixture" in argv or "--prior=mixture" in argv:
                from gs_stein.bench.variance_mixture import main as run
            else:
                from gs_stein.bench.variance import main as run
        case "pixels":
            from gs_stein.bench.pixels import main as run
        case "convergence":
            from gs_stein.bench.convergence import main as run
        case "prompts":
            from gs_stein.bench.prompts import main as run
        case "viewer":
            from gs_stein.bench.viewer import main as run
        case _:
            out = sys.stdout if name in ("-h", "--help") else sys.stderr
            print("usage: python -m gs_stein.bench NAME [--json] [--help]\n", file=out)
            for bench, what in BENCHES.items():
                print(f"  {bench:12s} {what}", file=out)
            if out is sys.stderr:
                print(f"\nbench: there is no {name!r}; give one of {', '.join(BENCHES)}", file=out)
            return 0 if out is sys.stdout else 2
    return run(argv[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ValueError as error:
        # A user's mistake is one line, not a traceback.
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
