"""Spherical harmonics inside the compiled kernels; the formulas are those of `sh.py`."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false, reportIndexIssue=false

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import float32

from gs_stein.rasterize import sh
from gs_stein.rasterize.cpu_layouts import jitted_inline

_ONE, _TWO, _THREE, _FIVE = (np.float32(value) for value in (1, 2, 3, 5))
C0, _C1, _C2_XY, _C2_ZZ, _C2_XX = (np.float32(value) for value in (sh.C0, sh.C1, sh.C2_XY, sh.C2_ZZ, sh.C2_XX))
_C3_33, _C3_32, _C3_31, _C3_30, _C3_22 = (
    np.float32(value) for value in (sh.C3_33, sh.C3_32, sh.C3_31, sh.C3_30, sh.C3_22)
)


@jitted_inline
@no_type_check
def write_basis(x, y, z, degree, basis):
    """Write the spherical-harmonic basis in a unit direction."""
    basis[0] = C0
    if degree >= 1:
        basis[1], basis[2], basis[3] = -_C1 * y, _C1 * z, -_C1 * x
    if degree >= 2:
        xx, yy, zz = x * x, y * y, z * z
        basis[4], basis[5], basis[6] = _C2_XY * x * y, -_C2_XY * y * z, _C2_ZZ * (_THREE * zz - _ONE)
        basis[7], basis[8] = -_C2_XY * x * z, _C2_XX * (xx - yy)
        if degree >= 3:
            basis[9] = -_C3_33 * y * (_THREE * xx - yy)
            basis[10] = _C3_32 * x * y * z
            basis[11] = -_C3_31 * y * (_FIVE * zz - _ONE)
            basis[12] = _C3_30 * z * (_FIVE * zz - _THREE)
            basis[13] = -_C3_31 * x * (_FIVE * zz - _ONE)
            basis[14] = _C3_22 * z * (xx - yy)
            basis[15] = -_C3_33 * x * (xx - _THREE * yy)


@jitted_inline
@no_type_check
def basis_gradient(x, y, z, degree, v):
    """Σ v[k] ∂basis[k]/∂(x, y, z), the basis taken as the polynomials above."""
    gz, gy, gx = _C1 * v[2], -_C1 * v[1], -_C1 * v[3]
    if degree >= 2:
        gx += _C2_XY * (y * v[4] - z * v[7]) + _TWO * _C2_XX * x * v[8]
        gy += _C2_XY * (x * v[4] - z * v[5]) - _TWO * _C2_XX * y * v[8]
        gz += -_C2_XY * (y * v[5] + x * v[7]) + float32(6.0) * _C2_ZZ * z * v[6]
    if degree >= 3:
        xx, yy, zz = x * x, y * y, z * z
        ring = _FIVE * zz - _ONE
        gx += float32(-6.0) * _C3_33 * x * y * v[9] + _C3_32 * y * z * v[10] - _C3_31 * ring * v[13]
        gx += _TWO * _C3_22 * x * z * v[14] - _THREE * _C3_33 * (xx - yy) * v[15]
        gy += -_THREE * _C3_33 * (xx - yy) * v[9] + _C3_32 * x * z * v[10] - _C3_31 * ring * v[11]
        gy += -_TWO * _C3_22 * y * z * v[14] + float32(6.0) * _C3_33 * x * y * v[15]
        gz += _C3_32 * x * y * v[10] - float32(10.0) * _C3_31 * z * (y * v[11] + x * v[13])
        gz += _C3_30 * (float32(15.0) * zz - _THREE) * v[12] + _C3_22 * (xx - yy) * v[14]
    return gx, gy, gz
