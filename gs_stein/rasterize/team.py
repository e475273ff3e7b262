"""Runs a kernel on all cores: on torch's own OpenMP threads where torch has them, else on threads made here.

After a parallel operation torch's threads stay awake for some milliseconds, spinning, in case another one follows.
Threads beside them would have to share the cores with them; a kernel that runs on them starts at once, without
waking anybody and without the interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, no_type_check

import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler import Flags
from numba.core.typing.templates import signature
from numba.extending import intrinsic

_Task = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Parallel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
_I32, _I64, _POINTER = ir.IntType(32), ir.IntType(64), ir.IntType(8).as_pointer()
SHARES = 4
"""Shares of the work per thread."""
_pool = ThreadPoolExecutor(max_workers=256, thread_name_prefix="rasterize")
"""Used without OpenMP only. Threads are made when first needed; more than torch's thread count never work at once."""


@_Parallel
def own_threads(function: int, data: int, threads: int, flags: int) -> None:
    """GOMP_parallel on threads of our own."""
    task = _Task(function)
    others = [_pool.submit(task, data) for _ in range(threads - 1)]
    task(data)
    for other in others:
        other.result()


def address(function: Any) -> int:
    """Where a C function lies in memory."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _find_parallel() -> int:
    """The function that runs a task on every thread: OpenMP's, which torch has loaded, or ours.

    Source: libgomp ABI, `void GOMP_parallel(void (*)(void *), void *data, unsigned threads, unsigned flags)`.
    """
    try:
        return address(ctypes.CDLL(None).GOMP_parallel)
    except (AttributeError, TypeError, OSError):  # no such symbol; Windows has no CDLL(None)
        return address(own_threads)


parallel = _find_parallel()


def run(launch: Callable[..., bool], work: int, *arguments: Any) -> None:
    """Run a kernel's launcher on as many threads as torch may use, and wait.

    Args:
        launch: passes everything on to what `sharing` made of its kernel.
        work: how many threads are worth it.
        arguments: the same for all.

    Raises:
        MemoryError: the kernel could not get its scratch memory.
    """
    if launch(parallel, max(1, min(torch.get_num_threads(), work)), *arguments):
        raise MemoryError("rasterize: no memory left for the kernels; use fewer Gaussians or smaller images")


@no_type_check
def sharing(kernel):
    """What a launcher calls: (parallel, threads, arguments), and gets True if there was an error.

    kernel(share, shares, *arguments) is called for every share, each once, on any of the threads. There are a few times
    as many shares as threads. Threads take share after share until none is left, so that it matters little if one of
    them is slower, and not at all how many there really are.

    The kernel is compiled into the launcher. Were it a function of its own, the process that compiles it would run
    that one, and later processes the launcher's copy from the cache, which the optimiser has seen once more: other
    roundings.
    """

    @intrinsic
    def share_out(typing_context, parallel, threads, arguments):
        def codegen(context, builder, outer, values):
            parallel, threads, packed = values
            # What the threads share: next share, number of shares, whether one failed, arguments.
            shared_type = ir.LiteralStructType([_I64, _I64, _I32, packed.type])
            shared = cgutils.alloca_once(builder, shared_type)
            shares = builder.mul(threads, ir.Constant(_I64, SHARES))
            for i, value in enumerate((ir.Constant(_I64, 0), shares, ir.Constant(_I32, 0), packed)):
                builder.store(value, cgutils.gep_inbounds(builder, shared, 0, i))
            inner = signature(types.none, types.intp, types.intp, *arguments.types)
            flags: Any = Flags()
            flags.nrt = flags.forceinline = True
            compiled = context.compile_subroutine(builder, kernel, inner, flags=flags)
            task = _task(context, builder.module, compiled, arguments.types, shared_type)
            kind = ir.FunctionType(ir.VoidType(), [_POINTER, _POINTER, _I32, _I32])
            builder.call(
                builder.inttoptr(parallel, kind.as_pointer()),
                [
                    builder.bitcast(task, _POINTER), builder.bitcast(shared, _POINTER),
                    builder.trunc(threads, _I32), ir.Constant(_I32, 0),
                ],
            )  # fmt: skip
            return builder.trunc(builder.load(cgutils.gep_inbounds(builder, shared, 0, 2)), ir.IntType(1))

        return types.boolean(types.intp, types.intp, arguments), codegen

    return share_out


@no_type_check
def _borrowed(context, builder, numba_type, value):
    """Arrays without their reference count, for which all threads would fight; the caller keeps them alive."""
    if isinstance(numba_type, types.BaseTuple):
        parts = zip(numba_type, cgutils.unpack_tuple(builder, value, len(numba_type)), strict=True)
        return context.make_tuple(builder, numba_type, [_borrowed(context, builder, *part) for part in parts])
    if not isinstance(numba_type, types.Array):
        return value
    array = context.make_array(numba_type)(context, builder, value)
    array.meminfo = ir.Constant(array.meminfo.type, None)
    return array._getvalue()


@no_type_check
def _task(context, module, compiled, argument_types, shared_type):
    """The C function that each thread runs."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_POINTER]), module.get_unique_name("task"))
    function.linkage = "internal"
    start, take, work, end = (function.append_basic_block(name) for name in ("start", "take", "work", "end"))
    builder = ir.IRBuilder(start)
    shared = builder.bitcast(function.args[0], shared_type.as_pointer())
    counter, shares, failed, packed = (cgutils.gep_inbounds(builder, shared, 0, i) for i in range(4))
    shares = builder.load(shares)
    arguments = cgutils.unpack_tuple(builder, builder.load(packed), len(argument_types))
    arguments = [_borrowed(context, builder, *pair) for pair in zip(argument_types, arguments, strict=True)]
    builder.branch(take)
    builder.position_at_end(take)
    share = builder.atomic_rmw("add", counter, ir.Constant(_I64, 1), "monotonic")
    builder.cbranch(builder.icmp_signed("<", share, shares), work, end)
    builder.position_at_end(work)
    kernel = context.declare_function(module, compiled.fndesc)
    status, _ = context.call_conv.call_function(
        builder, kernel, compiled.fndesc.restype, compiled.fndesc.argtypes, [share, shares, *arguments]
    )
    with builder.if_then(status.is_error):
        builder.store(ir.Constant(_I32, 1), failed)
    builder.branch(take)
    builder.position_at_end(end)
    builder.ret_void()
    return function
