"""Several float32 in one value, for Numba kernels.

LLVM's own vectoriser gives up on the blending loops (branches, bit tricks, six arrays at once), so they spell the
vectors out. A `Lanes` value is a tile's row where registers hold sixteen numbers (AVX-512), else half of one, which
kernels can leave out where nothing is drawn: one register on AVX2, two on NEON, where LLVM splits it. Arithmetic
between `Lanes`, and between `Lanes` and float32 scalars, is written with the usual operators; comparisons give a
`Mask`. Every operation is one or a few LLVM instructions, without calls.

Nothing here reorders sums, so results do not depend on how work is spread over threads, nor pictures on the width
(gradients to rounding). Products and sums may contract to fused multiply-adds.
"""

# Kernels are typed by Numba, not by annotations, and must not be wrapped by a run-time type checker.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOperatorIssue=false

from __future__ import annotations

import operator
from typing import no_type_check

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Numbers in one value: what one register holds, but a tile's row at most."""
_F32, _I32 = ir.FloatType(), ir.IntType(32)
VF, VI, _VB = (ir.VectorType(element, WIDTH) for element in (_F32, _I32, ir.IntType(1)))
_V3 = ir.VectorType(_F32, 3 * WIDTH)
FLAGS = ("contract", "nsz")


class LanesType(types.Type):
    """Numba type of WIDTH float32."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


class MaskType(types.Type):
    """Numba type of WIDTH booleans."""

    def __init__(self) -> None:
        super().__init__(name="Mask")


lanes_type, mask_type = LanesType(), MaskType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    @no_type_check
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, VF)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    @no_type_check
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VB)


@no_type_check
def _spread(builder, value):
    """A scalar in every lane."""
    first = builder.insert_element(ir.Constant(VF, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, ir.Constant(VF, ir.Undefined), ir.Constant(VI, [0] * WIDTH))


@no_type_check
def constant(value):
    return ir.Constant(VF, [float(np.float32(value))] * WIDTH)


@no_type_check
def _as_lanes(context, builder, value, numba_type):
    """Lanes as they are; scalars spread after a cast to float32."""
    if isinstance(numba_type, LanesType):
        return value
    return _spread(builder, context.cast(builder, value, numba_type, types.float32))


@no_type_check
def _binary(emit, result):
    """An intrinsic of two arguments, at least one of them Lanes."""

    @intrinsic
    def function(typing_context, a, b):
        def codegen(context, builder, signature, arguments):
            left, right = (_as_lanes(context, builder, v, t) for v, t in zip(arguments, signature.args, strict=True))
            return emit(builder, left, right)

        return result(a, b), codegen

    return function


@no_type_check
def _overload_operator(symbol, emit, result):
    function = _binary(emit, result)

    @overload(symbol)
    def implementation(a, b):
        vectors = isinstance(a, LanesType), isinstance(b, LanesType)
        scalars = isinstance(a, (types.Float, types.Integer)), isinstance(b, (types.Float, types.Integer))
        if any(vectors) and all(v or s for v, s in zip(vectors, scalars, strict=True)):
            return lambda a, b: function(a, b)
        return None


@no_type_check
def minimum_of(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@no_type_check
def maximum_of(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


_overload_operator(operator.add, lambda b, x, y: b.fadd(x, y, flags=FLAGS), lanes_type)
_overload_operator(operator.sub, lambda b, x, y: b.fsub(x, y, flags=FLAGS), lanes_type)
_overload_operator(operator.mul, lambda b, x, y: b.fmul(x, y, flags=FLAGS), lanes_type)
_overload_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y, flags=FLAGS), lanes_type)
_overload_operator(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), mask_type)
_overload_operator(operator.le, lambda b, x, y: b.fcmp_ordered("<=", x, y), mask_type)
_overload_operator(operator.gt, lambda b, x, y: b.fcmp_ordered(">", x, y), mask_type)
_overload_operator(operator.ge, lambda b, x, y: b.fcmp_ordered(">=", x, y), mask_type)
minimum = _binary(minimum_of, lanes_type)
maximum = _binary(maximum_of, lanes_type)


@intrinsic
@no_type_check
def both(typing_context, a, b):
    """Mask: a and b."""
    return mask_type(a, b), lambda context, builder, signature, arguments: builder.and_(*arguments)


@intrinsic
@no_type_check
def but_not(typing_context, a, b):
    """Mask: a and not b."""

    def codegen(context, builder, signature, arguments):
        return builder.and_(arguments[0], builder.not_(arguments[1]))

    return mask_type(a, b), codegen


@intrinsic
@no_type_check
def any_lane(typing_context, mask):
    """Whether the mask holds anywhere."""

    def codegen(context, builder, signature, arguments):
        bits = builder.bitcast(arguments[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(WIDTH), 0))

    return types.boolean(mask), codegen


@intrinsic
@no_type_check
def bits_of(typing_context, mask):
    """The mask as an integer, lane 0 in its lowest bit."""

    def codegen(context, builder, signature, arguments):
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(mask), codegen


@intrinsic
@no_type_check
def lowest_bit(typing_context, bits):
    """Number of the lowest bit that is set."""

    def codegen(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
@no_type_check
def where(typing_context, mask, a, b):
    """a where the mask holds, else b (Lanes or scalars)."""

    def codegen(context, builder, signature, arguments):
        left, right = (_as_lanes(context, builder, arguments[i], signature.args[i]) for i in (1, 2))
        return builder.select(arguments[0], left, right)

    return lanes_type(mask, a, b), codegen


@intrinsic
@no_type_check
def spread(typing_context, value):
    """A scalar in every lane."""

    def codegen(context, builder, signature, arguments):
        return _as_lanes(context, builder, arguments[0], signature.args[0])

    return lanes_type(value), codegen


@intrinsic
@no_type_check
def ramp(typing_context):
    """0.5, 1.5, …: where the pixel centres of a row, or of its left half, lie."""

    def codegen(context, builder, signature, arguments):
        return ir.Constant(VF, [i + 0.5 for i in range(WIDTH)])

    return lanes_type(), codegen


@no_type_check
def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), VF.as_pointer())


@intrinsic
@no_type_check
def load(typing_context, array, index):
    """WIDTH consecutive values of a contiguous 1-D float32 array; no bounds check."""

    def codegen(context, builder, signature, arguments):
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        return builder.load(_address(context, builder, signature.args[0], arguments[0], index), align=4)

    return lanes_type(array, index), codegen


@intrinsic
@no_type_check
def store(typing_context, array, index, value):
    """Write WIDTH consecutive values of a contiguous 1-D float32 array; no bounds check."""

    def codegen(context, builder, signature, arguments):
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        value = _as_lanes(context, builder, arguments[2], signature.args[2])
        builder.store(value, _address(context, builder, signature.args[0], arguments[0], index), align=4)
        return context.get_dummy_value()

    return types.none(array, index, value), codegen


@no_type_check
def _pixels(context, builder, array_type, array, index, index_type):
    """Where the channels of WIDTH pixels lie."""
    index = context.cast(builder, index, index_type, types.intp)
    return builder.bitcast(_address(context, builder, array_type, array, index), _V3.as_pointer())


@intrinsic
@no_type_check
def load3(typing_context, array, index):
    """The three channels of WIDTH consecutive pixels of a contiguous float32 array, channels last; no bounds check."""

    def codegen(context, builder, signature, arguments):
        place = _pixels(context, builder, signature.args[0], arguments[0], arguments[1], signature.args[1])
        pixels = builder.load(place, align=4)
        lanes = ([3 * i + c for i in range(WIDTH)] for c in range(3))
        channels = [builder.shuffle_vector(pixels, pixels, ir.Constant(VI, chosen)) for chosen in lanes]
        return context.make_tuple(builder, signature.return_type, channels)

    return types.UniTuple(lanes_type, 3)(array, index), codegen


@intrinsic
@no_type_check
def store3(typing_context, array, index, r, g, b):
    """Write the three channels of WIDTH consecutive pixels of a contiguous float32 array, channels last."""

    def codegen(context, builder, signature, arguments):
        array, index, r, g, b = arguments
        two = ir.Constant(ir.VectorType(_I32, 2 * WIDTH), list(range(2 * WIDTH)))
        red_green, blue = builder.shuffle_vector(r, g, two), builder.shuffle_vector(b, b, two)
        order = [c * WIDTH + i for i in range(WIDTH) for c in range(3)]
        pixels = builder.shuffle_vector(red_green, blue, ir.Constant(ir.VectorType(_I32, 3 * WIDTH), order))
        place = _pixels(context, builder, signature.args[0], array, index, signature.args[1])
        builder.store(pixels, place, align=4)
        return context.get_dummy_value()

    return types.none(array, index, r, g, b), codegen


@intrinsic
@no_type_check
def prefetch(typing_context, array, row):
    """Ask for the cache line where a row of a contiguous 2-D float32 array begins, before it is needed."""

    def codegen(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        row = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = builder.gep(array.data, [builder.mul(row, builder.extract_value(array.shape, 1))])
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        hint = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag]), "llvm.prefetch.p0i8"
        )
        builder.call(hint, [builder.bitcast(place, byte), *(ir.Constant(flag, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.none(array, row), codegen


@intrinsic
@no_type_check
def store_totals(typing_context, array, index, values):
    """Write the sums over the lanes of up to 16 values, and 0 for those that there are not, in a contiguous array.

    In every step two values made of parts become one, whose parts are half as wide: lanes i and i + half of a part are
    added, always in the same order.
    """

    def codegen(context, builder, signature, arguments):
        def halves(a, b, first, width):
            lanes = [part + first + i for part in range(0, 2 * WIDTH, width) for i in range(width // 2)]
            return builder.shuffle_vector(a, b, ir.Constant(VI, lanes))

        array, index, values = arguments
        nothing = ir.Constant(VF, [0.0] * WIDTH)
        found = cgutils.unpack_tuple(builder, values, len(signature.args[2]))
        found, width = [*found, *[nothing] * (16 - len(found))], WIDTH
        while width > 1:
            found = [
                a if a is nothing else builder.fadd(halves(a, b, 0, width), halves(a, b, width // 2, width))
                for a, b in zip(found[::2], found[1::2], strict=True)
            ]
            width //= 2
        index = context.cast(builder, index, signature.args[1], types.intp)
        for k, sums in enumerate(found):
            place = builder.add(index, ir.Constant(index.type, k * WIDTH))
            builder.store(sums, _address(context, builder, signature.args[0], array, place), align=4)
        return context.get_dummy_value()

    return types.none(array, index, values), codegen
