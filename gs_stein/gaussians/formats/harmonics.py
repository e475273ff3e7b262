"""Spherical harmonics of a byte each, turned into another format's axes by machine code made for that one turn.

An exchange of axes mixes a coefficient with few others (23 of 225 factors are not zero at degree 3), which a product
of matrices cannot make use of. LLVM, without Numba above it, is there in a tenth of a second.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int8

WORTH = 500_000
"""Gaussians from which on making the code takes less time than it saves."""
_lock = threading.Lock()


def turn_bytes(matrix: Float[np.ndarray, "K1 K1"], codes: Int8[np.ndarray, "N K3"], out: np.ndarray) -> None:
    """Write what `codes @ kron(matrix.T, eye(3))` is, for rows with the three colours of a coefficient side by side.

    Args:
        matrix: new coefficients from old ones, without the constant one; 3, 8 or 15 of each.
        codes: (N, 3 K1) whole numbers; neighbours in a row lie side by side.
        out: (N, 3 K1) float32, to be written; likewise.
    """
    for array, dtype in ((codes, np.int8), (out, np.float32)):
        if array.dtype != dtype or array.shape != (len(codes), 3 * len(matrix)) or array.strides[1] != array.itemsize:
            raise ValueError(f"an array {array.shape} of {array.dtype} does not fit a turn of {len(matrix)} harmonics")
    with _lock:  # made once, however many threads ask for it first
        turn = _compiled(matrix.astype(np.float32).tobytes(), len(matrix))
    turn(codes.ctypes.data, out.ctypes.data, len(codes), codes.strides[0], out.strides[0])


@functools.lru_cache(maxsize=8)
def _compiled(factors: bytes, count: int) -> Callable[[int, int, int, int, int], None]:
    """A C function of where codes and results lie, the number of rows, and bytes from row to row of both; the
    interpreter's lock is free meanwhile."""
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
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * 3)
    function = kind(engine.get_function_address("turn"))
    function.engine = engine  # holds the code
    return function


def _assembly(matrix: np.ndarray) -> str:
    """LLVM's text of a loop over rows, in which the three colours of a coefficient are one vector."""
    from llvmlite import ir

    byte, word, single = ir.IntType(8), ir.IntType(64), ir.FloatType()
    lane, colours = ir.IntType(32), ir.VectorType(single, 4)
    module = ir.Module("turn")
    kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), byte.as_pointer(), word, word, word])
    function = ir.Function(module, kind, "turn")
    codes, out, rows, code_stride, out_stride = function.args
    for pointer in (codes, out):
        pointer.add_attribute("noalias")
    start, loop, end = (function.append_basic_block(name) for name in ("start", "loop", "end"))
    builder = ir.IRBuilder(start)
    builder.cbranch(builder.icmp_signed(">", rows, word(0)), loop, end)
    builder.position_at_end(loop)
    row = builder.phi(word)
    source, target = (builder.gep(p, [builder.mul(row, s)]) for p, s in ((codes, code_stride), (out, out_stride)))

    def read(i: int) -> ir.Value:
        # A fourth byte comes along: the next coefficient's, or of the last one, behind which nothing may be read, the
        # one before it.
        first = 3 * i - (i == len(matrix) - 1)
        place = builder.bitcast(builder.gep(source, [word(first)]), ir.VectorType(byte, 4).as_pointer())
        found = builder.sitofp(builder.sext(builder.load(place, align=1), ir.VectorType(lane, 4)), colours)
        order = ir.Constant(ir.VectorType(lane, 4), [0, 1, 2, 3] if first == 3 * i else [1, 2, 3, 3])
        return builder.shuffle_vector(found, ir.Constant(colours, ir.Undefined), order)

    old = [read(i) for i in range(len(matrix))]
    for i, factors in enumerate(matrix):
        new = ir.Constant(colours, [0.0] * 4)
        for k in np.flatnonzero(factors):
            term = builder.fmul(old[k], ir.Constant(colours, [float(factors[k])] * 4), flags=["contract"])
            new = builder.fadd(new, term, flags=["contract", "nsz"])
        place = builder.gep(target, [word(12 * i)])
        if i < len(matrix) - 1:  # what the fourth lane holds is overwritten by the next coefficient
            builder.store(new, builder.bitcast(place, colours.as_pointer()), align=4)
        else:
            numbers = builder.bitcast(place, single.as_pointer())
            for j in range(3):
                builder.store(builder.extract_element(new, lane(j)), builder.gep(numbers, [word(j)]), align=4)
    following = builder.add(row, word(1))
    row.add_incoming(word(0), start)
    row.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, rows), loop, end)
    builder.position_at_end(end)
    builder.ret_void()
    return str(module)
