"""A part of a step of the hidden layer on the CPU, and the threads that share the parts: see `compiled_step`.

The products with M, of zeros and ones, are sums of what the ones choose. M is kept as bits, in words of as many as a
register has lanes, and a bit lets its lane take part in an addition. A compiler does not find this by itself when it
is given a loop, so `signs` and `sums` say each instruction, in the language of LLVM, which the other loops become as
well, and which becomes the code of any processor.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from palate.compiled import Array, compiled, compiled_sums

instructions: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic
tools: Any = cgutils

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))

LANES = 16 if WIDE else 8
"""Numbers that are worked on at once."""

WORD = np.dtype(np.uint16 if WIDE else np.uint8)

ROWS, WORDS = 4, 4 if WIDE else 2
"""`signs` keeps the sums of so many rows and so many words of columns in registers."""

COLUMNS, GROUPS = 11, 2 if WIDE else 1
"""`sums` keeps the sums of so many columns and so many words of bits in registers."""

INPUTS_A_PART = 256
"""What their units hold, and the weights, fit the cache of a core."""

INPUTS, HELPERS, NEXT, DONE = range(0, 32, 8)
"""Places in a team's signal, 64 bytes apart, as processors hand on 64 bytes at a time: how many inputs, how many may
help, the next part that is not taken, how many are done."""


class Space(NamedTuple):
    """The memory of a step with n_inputs, the constant among them, and n_hidden units. What is padded has zeros."""

    rows: Array  # (n_hidden, n_inputs), both padded: Vᵀ
    weighted_rows: Array  # (n_hidden, n_inputs), both padded: (V * w)ᵀ
    constant_and_one: Array  # (2,) c, and 1.0
    x: Array  # (n, n_inputs - 1)
    target: Array  # (n,)
    by_x: Array  # (n, n_inputs - 1) ∂loss/∂x
    flows: Array  # (n_parts, n_inputs, n_hidden), both padded: G
    loss_and_error: Array  # (n_parts, 2) the squared errors' sum, ∂loss/∂c


@instructions
def signs(typing: Any, left: Any, right: Any, by_right: Any, by_left: Any) -> Any:
    """Where left[:, :k] @ right is above 0, from left (n, at least k) and right (k, m), twice over:

    by_right (m / LANES, n): of each row of left, words for LANES columns of right;
    by_left (n / LANES, m): of each column of right, words for LANES rows of left.
    n is a multiple of LANES, m of LANES * WORDS.
    """

    def write(code: _Code, left: _Array, right: _Array, by_right: _Array, by_left: _Array) -> None:
        build, (n, _), (k, m) = code.builder, left.shape, right.shape
        with code.loop(m, LANES * WORDS) as column, code.loop(n, LANES) as group:
            columns = [code.plus(column, word * LANES) for word in range(WORDS)]
            found = [code.variable(code.words) for _ in columns]
            with code.loop(code.index(LANES), ROWS) as at:
                rows = [code.plus(build.add(group, at), row) for row in range(ROWS)]
                products = [[code.variable(code.numbers) for _ in columns] for _ in rows]
                with code.loop(k, 1) as j:
                    others = [right.lanes(j, place) for place in columns]
                    for row, totals in zip(rows, products, strict=True):
                        weight = code.everywhere(left.get(row, j))
                        for total, other in zip(totals, others, strict=True):
                            total.set(code.multiplied_and_added(weight, other, total.get()))
                for r, totals in enumerate(products):
                    bit = code.everywhere(build.shl(ir.Constant(code.word, 1 << r), build.trunc(at, code.word)))
                    for word, total in enumerate(totals):
                        on = build.fcmp_ordered(">", total.get(), ir.Constant(code.numbers, None))
                        by_right.put(
                            build.bitcast(on, code.word), build.udiv(columns[word], code.index(LANES)), rows[r]
                        )
                        before = found[word].get()
                        found[word].set(build.select(on, build.or_(before, bit), before))
            for place, words in zip(columns, found, strict=True):
                by_left.put(words.get(), build.udiv(group, code.index(LANES)), place)

    return _intrinsic(write, left, right, by_right, by_left)


@instructions
def sums(typing: Any, bits: Any, values: Any, found: Any, one: Any) -> Any:
    """found (k, G * LANES), of column c and lane l: the sum of values[r, c] over the rows r with a bit for l in
    bits[:, r], from bits (G, at least n) and values (n, k).

    k is a multiple of COLUMNS, G of GROUPS. one: 1.0, unknown to the compiler, which then multiplies some values by it
    and so puts the processor's multipliers to work beside its adders.
    """

    def write(code: _Code, bits: _Array, values: _Array, found: _Array, one: Any) -> None:
        build, (n, k), (n_groups, _) = code.builder, values.shape, bits.shape
        ones, lanes = code.everywhere(one), ir.VectorType(ir.IntType(1), LANES)
        with code.loop(k, COLUMNS) as column, code.loop(n_groups, GROUPS) as group:
            totals = [[code.variable(code.numbers) for _ in range(GROUPS)] for _ in range(COLUMNS)]
            with code.loop(n, 1) as row:
                on = [build.bitcast(bits.get(code.plus(group, g), row), lanes) for g in range(GROUPS)]
                for c in range(COLUMNS):
                    value = code.everywhere(values.get(row, code.plus(column, c)))
                    for g, total in enumerate(totals[c]):
                        before = total.get()
                        by_multiplier = (c + g) % 2 == 0
                        after = (
                            code.multiplied_and_added(ones, value, before)
                            if by_multiplier
                            else build.fadd(before, value)
                        )
                        total.set(build.select(on[g], after, before))
            for c, of_groups in enumerate(totals):
                for g, total in enumerate(of_groups):
                    found.put(total.get(), code.plus(column, c), build.mul(code.plus(group, g), code.index(LANES)))

    return _intrinsic(write, bits, values, found, one)


def _intrinsic(write: Any, *arguments: Any) -> Any:
    """A numba function of these types, whose code `write` writes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        code = _Code(builder, context.get_value_type(arguments[1].dtype))
        given = [
            _Array(code, context, ty, value) if isinstance(ty, types.Array) else value
            for ty, value in zip(signature.args, values, strict=True)
        ]
        write(code, *given)
        return context.get_dummy_value()

    return types.void(*arguments), generate


@instructions
def read(typing: Any, array: Any, at: Any) -> Any:
    """array[at], after all that a thread wrote before it wrote that."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, at), generate


@instructions
def write(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """array[at] = value, for all threads, after all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        value = context.cast(builder, values[2], signature.args[2], types.int64)
        builder.store_atomic(value, place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, at, value), generate


@instructions
def added(typing: Any, array: Any, at: Any) -> Any:
    """array[at] before 1 is added to it, each number to one thread alone."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(array, at), generate


def _element(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, values[0]).data
    return builder.gep(data, [context.cast(builder, values[1], signature.args[1], types.int64)])


class _Code:
    """Instructions on LANES numbers at once."""

    word = ir.IntType(LANES)

    def __init__(self, builder: Any, number: Any) -> None:
        self.builder = builder
        self.numbers, self.words = ir.VectorType(number, LANES), ir.VectorType(self.word, LANES)

    def index(self, value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    def plus(self, value: Any, more: int) -> Any:
        return self.builder.add(value, self.index(more))

    @contextmanager
    def loop(self, end: Any, step: int) -> Iterator[Any]:
        """Its index goes from 0 to end."""
        with tools.for_range_slice(self.builder, self.index(0), end, self.index(step)) as (at, _):
            yield at

    def variable(self, kind: Any) -> "_Variable":
        return _Variable(self.builder, kind)

    def everywhere(self, value: Any) -> Any:
        """The value in each lane."""
        nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        first = self.builder.insert_element(nothing, value, self.index(0))
        return self.builder.shuffle_vector(
            first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    def multiplied_and_added(self, a: Any, b: Any, c: Any) -> Any:
        name = f"llvm.fma.v{LANES}{'f32' if self.numbers.element == ir.FloatType() else 'f64'}"
        kind = ir.FunctionType(self.numbers, [self.numbers] * 3)
        return self.builder.call(tools.get_or_insert_function(self.builder.module, kind, name), [a, b, c])


class _Variable:
    """What a loop changes; in a register, if there is one left. It begins at 0."""

    def __init__(self, builder: Any, kind: Any) -> None:
        self.builder, self.place = builder, tools.alloca_once(builder, kind)
        self.set(ir.Constant(kind, None))

    def get(self) -> Any:
        return self.builder.load(self.place)

    def set(self, value: Any) -> None:
        self.builder.store(value, self.place)


class _Array:
    """A matrix whose rows follow each other in memory."""

    def __init__(self, code: _Code, context: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, code.builder, value)
        self.builder, self.data, self.kind = code.builder, array.data, context.get_data_type(kind.dtype)
        self.shape = [code.builder.extract_value(array.shape, axis) for axis in range(2)]

    def _place(self, row: Any, column: Any) -> Any:
        return self.builder.gep(self.data, [self.builder.add(self.builder.mul(row, self.shape[1]), column)])

    def get(self, row: Any, column: Any) -> Any:
        return self.builder.load(self._place(row, column))

    def lanes(self, row: Any, column: Any) -> Any:
        """LANES numbers from there on."""
        place = self.builder.bitcast(self._place(row, column), ir.VectorType(self.kind, LANES).as_pointer())
        return self.builder.load(place, align=1)

    def put(self, value: Any, row: Any, column: Any) -> None:
        """A number, or LANES of them."""
        place = self._place(row, column)
        self.builder.store(value, self.builder.bitcast(place, value.type.as_pointer()), align=1)


@compiled_sums
def take(part: int, space: Space, n_all: int) -> None:
    """What a part of the n_all inputs says."""
    start, stop = part * INPUTS_A_PART, min((part + 1) * INPUTS_A_PART, n_all)
    x, target, by_x = space.x[start:stop], space.target[start:stop], space.by_x[start:stop]
    n, m = stop - start, -(-(stop - start) // (LANES * WORDS)) * (LANES * WORDS)
    n_units, n_inputs = space.rows.shape
    width, (constant, one) = x.shape[1], space.constant_and_one
    joined, q = np.zeros((width + 1, m), x.dtype), np.empty((n_inputs, m), x.dtype)
    for k in range(width):
        for b in range(n):
            joined[k, b] = x[b, k]
    joined[width, :n] = one
    by_joined, by_rows = np.empty((m // LANES, n_units), WORD), np.empty((n_units // LANES, m), WORD)
    signs(space.rows, joined, by_joined, by_rows)
    sums(by_joined, space.weighted_rows, q, one)
    error = constant - target
    for k in range(width + 1):
        for b in range(n):
            error[b] += joined[k, b] * q[k, b]
    found = space.loss_and_error[part]
    found[:] = 0
    for b in range(n):
        found[0] += error[b] * error[b]
        error[b] *= 2
        error[b] /= n_all
        found[1] += error[b]
    weighted = np.zeros((n, n_inputs), x.dtype)
    for b in range(n):
        for k in range(width + 1):
            weighted[b, k] = joined[k, b] * error[b]
        for k in range(width):
            by_x[b, k] = q[k, b] * error[b]
    sums(by_rows, weighted, space.flows[part], one)


@compiled
def take_parts(signal: Array, space: Space) -> None:
    """All that nobody else takes."""
    while read(signal, NEXT) < len(space.flows):
        part = added(signal, NEXT)
        if part < len(space.flows):
            take(part, space, signal[INPUTS])
            added(signal, DONE)


@compiled
def lead(signal: Array, space: Space, n: int, helpers: int) -> None:
    """A step with n inputs, some in every part; so many others may help."""
    signal[INPUTS], signal[HELPERS] = n, helpers
    write(signal, DONE, 0)
    write(signal, NEXT, 0)
    take_parts(signal, space)
    while read(signal, DONE) < len(space.flows):
        pass


@compiled
def help_out(signal: Array, space: Space, number: int, patience: int) -> None:
    """Of those who help the one of that number: takes parts, until there were none for so many looks."""
    looks = 0
    while looks < patience:
        looks += 1
        if read(signal, NEXT) < len(space.flows) and number < read(signal, HELPERS):
            take_parts(signal, space)
            looks = 0
