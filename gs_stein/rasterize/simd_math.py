"""Exponentials, logarithms and roots of `Lanes` values, without calls (see `simd.py`)."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false

from __future__ import annotations

from typing import no_type_check

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gs_stein.rasterize.simd import FLAGS, VF, VI, WIDTH, constant, lanes_type, maximum_of, minimum_of


@intrinsic
@no_type_check
def square_root(typing_context, x):
    """√x; not a number below 0."""

    def codegen(context, builder, signature, arguments):
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(VF, [VF]), f"llvm.sqrt.v{WIDTH}f32")
        return builder.call(root, arguments)

    return lanes_type(x), codegen


def _exp2_polynomial() -> list[float]:
    """Coefficients, highest first, of degree 5 for 2^f on [-1, 0]: relative error below 2e-7 in float32."""
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64) * 0.5 - 0.5
    weight = 2.0**-nodes
    powers = np.vander(nodes, 6)
    coefficients, *_ = np.linalg.lstsq(powers * weight[:, None], np.ones(64), rcond=None)
    return [float(c) for c in coefficients]


_EXP2 = _exp2_polynomial()


@no_type_check
def _power_of_two(builder, values, whole):
    """2^x for several values x from whole numbers up to 1 above each; their steps alternate."""
    fraction = [builder.fsub(v, builder.sitofp(w, VF), flags=FLAGS) for v, w in zip(values, whole, strict=True)]
    found = [constant(_EXP2[0])] * len(values)
    for coefficient in _EXP2[1:]:
        found = [
            builder.fadd(builder.fmul(v, f, flags=FLAGS), constant(coefficient), flags=FLAGS)
            for v, f in zip(found, fraction, strict=True)
        ]
    # The whole number goes straight into the exponent.
    shifted = [builder.shl(w, ir.Constant(VI, [23] * WIDTH)) for w in whole]
    return [builder.bitcast(builder.add(builder.bitcast(v, VI), s), VF) for v, s in zip(found, shifted, strict=True)]


@intrinsic
@no_type_check
def exp2_of_four(typing_context, a, b, c, d):
    """2^x for four values; of no meaning where x is not in [-126, 0]."""

    def codegen(context, builder, signature, arguments):
        # Truncation towards zero leaves a fraction in (-1, 0].
        whole = [builder.fptosi(value, VI) for value in arguments]
        return context.make_tuple(builder, signature.return_type, _power_of_two(builder, arguments, whole))

    return types.UniTuple(lanes_type, 4)(a, b, c, d), codegen


@intrinsic
@no_type_check
def exp2(typing_context, x):
    """2^x; what lies below -126 or above 126 counts as that."""

    def codegen(context, builder, signature, arguments):
        # In this order what is not a number stays so.
        x = minimum_of(builder, constant(126.0), maximum_of(builder, constant(-126.0), arguments[0]))
        whole = builder.fptosi(builder.fsub(x, constant(127.0)), VI)
        (found,) = _power_of_two(builder, [x], [builder.add(whole, ir.Constant(VI, [127] * WIDTH))])
        return found

    return lanes_type(x), codegen


def _log1p_polynomial() -> list[float]:
    """Coefficients, highest first, of degree 9 for ln(1 + x) / x on [0, 1]: error below 5e-8."""
    nodes = np.cos(np.pi * (np.arange(256) + 0.5) / 256) * 0.5 + 0.5
    coefficients, *_ = np.linalg.lstsq(np.vander(nodes, 10), np.log1p(nodes) / nodes, rcond=None)
    return [float(c) for c in coefficients]


_LOG1P = _log1p_polynomial()


@intrinsic
@no_type_check
def log1p(typing_context, x):
    """ln(1 + x) for x in [0, 1]."""

    def codegen(context, builder, signature, arguments):
        (x,), found = arguments, constant(_LOG1P[0])
        for coefficient in _LOG1P[1:]:
            found = builder.fadd(builder.fmul(found, x, flags=FLAGS), constant(coefficient), flags=FLAGS)
        return builder.fmul(found, x, flags=FLAGS)

    return lanes_type(x), codegen
