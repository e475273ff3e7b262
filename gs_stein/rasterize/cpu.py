"""The compiled rasterizer (until its kernels arrive, the reference stands in)."""

from gs_stein.rasterize.reference import rasterize_reference as rasterize_cpu  # noqa: F401
