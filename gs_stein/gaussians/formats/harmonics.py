"""Spherical harmonics of a byte each, turned into other axes by machine code that is made for this one turn.

An exchange of axes mixes a coefficient with few others: at degree 3, 23 of 225 factors are not zero, of which a product
of matrices cannot make use. LLVM alone, without Numba above it, is there in a tenth of a second.
"""

# LLVM's builder takes flags that its types do not show.
# pyright: reportCallIssue=false

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Float32, UInt8

WORTH = 1_000_000
"""Gaussians from which on loading LLVM and making the code take less time than they save. Nothing else decides, such as
whether LLVM is loaded already: the same file is read to the same bits."""
_lock = threading.Lock()


def of_bytes(codes: UInt8[np.ndarray, "N L3"]) -> Float32[np.ndarray, "N L3"]:
    """The numbers that bytes stand for, (codes − 128) / 128, unturned."""
    # As `_assembly` has it; and bytes are quicker than floats.
    return (codes ^ np.uint8(128)).view(np.int8) * np.float32(1 / 128)


def turn_bytes(
    matrix: Float[np.ndarray, "L L"],
    constant: Float32[np.ndarray, "N 3"],
    codes: UInt8[np.ndarray, "N L3"],
    out: Float32[np.ndarray, "N K 3"],
) -> None:
    """Fill `out` with the constant coefficients and, behind them, the higher ones: matrix @ (codes − 128) / 128.

    Args:
        matrix: the higher coefficients (L = K − 1 is 3, 8 or 15) from the old ones.
        constant: of the three colours.
        codes: the three colours of a coefficient side by side.
        out: contiguous; of the others, only the numbers in a row must lie side by side.

    Raises:
        ValueError: the arrays do not fit each other.
    """
    for array, columns in ((constant, 3), (codes, 3 * len(matrix))):
        if array.shape != (len(out), columns) or (len(out) and array.strides[1] != array.itemsize):
            raise ValueError(f"an array {array.shape} with strides {array.strides} does not fit {out.shape} harmonics")
    if out.shape[1:] != (1 + len(matrix), 3) or not out.flags.c_contiguous:
        raise ValueError(f"harmonics {out.shape} with strides {out.strides} do not fit {len(matrix)} turned ones")
    with _lock:  # made once, however many threads ask for it first
        _, turn = _compiled((matrix / 128).astype(np.float32).tobytes(), len(matrix))
    turn(len(out), constant.ctypes.data, constant.strides[0], codes.ctypes.data, codes.strides[0], out.ctypes.data)


@functools.cache
def _compiled(factors: bytes, count: int) -> tuple[object, Callable[..., None]]:
    """The code's owner and a C function: the number of rows, where constants lie and bytes from row to row, the same of
    the codes, where the results lie. While it runs, the interpreter's lock is free."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2
    )
    module = binding.parse_assembly(_assembly(np.frombuffer(factors, np.float32).reshape(count, count)))
    module.verify()
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    size, place = ctypes.c_int64, ctypes.c_void_p
    function = ctypes.CFUNCTYPE(None, size, place, size, place, size, place)(engine.get_function_address("turn"))
    return engine, function


def _assembly(matrix: np.ndarray) -> str:
    """LLVM's text of a loop over rows, in which the three colours of a coefficient are one vector."""
    from llvmlite import ir

    word, lane, single = ir.IntType(64), ir.IntType(32), ir.FloatType()
    place, numbers = ir.IntType(8).as_pointer(), single.as_pointer()
    colours, integers, small = (ir.VectorType(element, 4) for element in (single, lane, ir.IntType(8)))
    function = ir.Function(
        ir.Module("turn"), ir.FunctionType(ir.VoidType(), [word, place, word, place, word, place]), "turn"
    )
    rows, constants, constant_stride, all_codes, code_stride, results = function.args
    start, loop, end = (function.append_basic_block(name) for name in ("start", "loop", "end"))
    builder = ir.IRBuilder(start)
    builder.cbranch(builder.icmp_signed(">", rows, word(0)), loop, end)
    builder.position_at_end(loop)
    row = builder.phi(word)
    constant = builder.bitcast(builder.gep(constants, [builder.mul(row, constant_stride)]), numbers)
    codes = builder.gep(all_codes, [builder.mul(row, code_stride)])
    out = builder.bitcast(builder.gep(results, [builder.mul(row, word(12 * len(matrix) + 12))]), numbers)

    def old(i: int) -> ir.Value:
        # A fourth byte comes along: the next coefficient's or, of the last one, behind which nothing may be read, the
        # one before it.
        first = min(3 * i, 3 * len(matrix) - 4)
        found = builder.load(builder.bitcast(builder.gep(codes, [word(first)]), small.as_pointer()), align=1)
        # Taking 128 from a byte and turning its highest bit are the same, if that bit is the sign of what comes out.
        found = builder.xor(found, ir.Constant(small, [128] * 4))
        found = builder.sitofp(builder.sext(found, integers), colours)
        order = ir.Constant(integers, [3 * i - first + j for j in range(3)] + [0])
        return builder.shuffle_vector(found, found, order)

    def put(j: int, number: ir.Value) -> None:
        builder.store(number, builder.gep(out, [word(j)]), align=4)

    for j in range(3):
        put(j, builder.load(builder.gep(constant, [word(j)]), align=4))
    codes_of = [old(i) for i in range(len(matrix))]
    for i, factors in enumerate(matrix, 1):
        new = ir.Constant(colours, [0.0] * 4)
        for k in np.flatnonzero(factors):
            term = builder.fmul(codes_of[k], ir.Constant(colours, [float(factors[k])] * 4), flags=["contract"])
            new = builder.fadd(new, term, flags=["contract"])
        if i < len(matrix):  # the next coefficient overwrites what stands in the fourth lane
            builder.store(new, builder.bitcast(builder.gep(out, [word(3 * i)]), colours.as_pointer()), align=4)
        else:
            for j in range(3):
                put(3 * i + j, builder.extract_element(new, lane(j)))
    following = builder.add(row, word(1))
    row.add_incoming(word(0), start)
    row.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, rows), loop, end)
    builder.position_at_end(end)
    builder.ret_void()
    return str(function.module)
