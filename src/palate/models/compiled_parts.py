"""A part of a step of the hidden layer on the CPU, and the threads that share the parts: see `compiled_step`.

The products with M, of zeros and ones, are sums of what the ones choose. M is kept as bits, in words of as many as a
register has lanes, and a few bits at a time choose among sums that are found beforehand. A compiler does not make good
code of the loops for that, so `signs`, `sums` and `transpose` say each instruction, in the language of LLVM, which the
other loops become as well, and which becomes the code of any processor.
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
"""`signs` keeps the sums of so many columns of left and so many words of columns of right in registers."""

GROUPS = 2
"""`sums` keeps the sums of all subsets for so many words of bits, in 16 kB."""

FEW = 4
"""Bits whose subsets are summed up beforehand, 2^FEW of them."""

INPUTS_A_PART = 256
"""What their units hold, and the weights, fit the cache of a core."""

STEP, INPUTS, HELPERS, NEXT, DONE = range(0, 40, 8)
"""Places in a team's signal, 64 bytes apart, as processors hand on 64 bytes at a time: the number of the step, how many
inputs, how many may help, the next part that is not taken, how many are done."""


class Space(NamedTuple):
    """The memory of a step with n_inputs, the constant among them, and n_hidden units. What is padded has zeros."""

    first: Array  # (n_inputs, n_hidden), both padded: V
    output: Array  # (1, n_hidden), padded: w
    constant: Array  # () c
    turned: Array  # (n_parts, n_hidden, n_inputs), both padded: Vᵀ, once for each who takes parts
    flow: Array  # (n_parts, n_hidden, n_inputs), both padded: Gᵀ, of the part that such a one takes
    x: Array  # (n, n_inputs - 1)
    target: Array  # (n,)
    by_x: Array  # (n, n_inputs - 1) ∂loss/∂x
    flows: Array  # (n_parts, n_inputs, n_hidden), both padded: G
    loss_and_error: Array  # (n_parts, 2) the squared errors' sum, ∂loss/∂c
    loss: Array  # () of the step
    gradient: Array  # its gradient by all weights, as `HiddenLayer` keeps them


@instructions
def signs(typing: Any, left: Any, right: Any, by_right: Any, by_left: Any) -> Any:
    """Where left[:k].T @ right + left[k] is above 0, from left (k + 1, at least n) and right (k, m), twice over:

    by_right (m / LANES, n): of each column of left, words for LANES columns of right;
    by_left (n / LANES, m): of each column of right, words for LANES columns of left.
    n is a multiple of LANES, m of LANES * WORDS.
    """

    def write(code: _Code, left: _Array, right: _Array, by_right: _Array, by_left: _Array) -> None:
        build, (k, m), (_, n) = code.builder, right.shape, by_right.shape
        with code.loop(m, LANES * WORDS) as column, code.loop(n, LANES) as group:
            columns = [code.plus(column, word * LANES) for word in range(WORDS)]
            found = [code.variable(code.words) for _ in columns]
            with code.loop(code.index(LANES), ROWS) as at:
                rows = [code.plus(build.add(group, at), row) for row in range(ROWS)]
                products = [[code.variable(code.numbers) for _ in columns] for _ in rows]
                for row, totals in zip(rows, products, strict=True):
                    bias = code.everywhere(left.get(k, row))
                    for total in totals:
                        total.set(bias)
                with code.loop(k, 1) as j:
                    others = [right.lanes(j, place) for place in columns]
                    for row, totals in zip(rows, products, strict=True):
                        weight = code.everywhere(left.get(j, row))
                        for total, other in zip(totals, others, strict=True):
                            total.set(code.multiplied_and_added(weight, other, total.get()))
                for r, totals in enumerate(products):
                    bit = code.everywhere(build.shl(ir.Constant(code.word, 1 << r), build.trunc(at, code.word)))
                    for word, total in enumerate(totals):
                        on = build.fcmp_ordered(">", total.get(), code.nothing)
                        by_right.put(
                            build.bitcast(on, code.word), build.udiv(columns[word], code.index(LANES)), rows[r]
                        )
                        before = found[word].get()
                        found[word].set(build.select(on, build.or_(before, bit), before))
            for place, words in zip(columns, found, strict=True):
                by_left.put(words.get(), build.udiv(group, code.index(LANES)), place)

    return _intrinsic(write, left, right, by_right, by_left)


@instructions
def sums(typing: Any, bits: Any, values: Any, scales: Any, found: Any) -> Any:
    """found (n, k): of each row the sum of those values (at least G * LANES, k), each times its scale in scales
    (1, at least G * LANES), whose bit is set in bits[:, row], from bits (G, n). k is a multiple of LANES, G of GROUPS.

    The sums of all subsets of FEW values are found first, so that FEW bits cost one addition: the method of the Four
    Russians (Arlazarov, Dinic, Kronrod & Faradzev, "On Economical Construction of the Transitive Closure of a Directed
    Graph", Soviet Mathematics Doklady 1970).
    """

    def write(code: _Code, bits: _Array, values: _Array, scales: _Array, found: _Array) -> None:
        build, (n_groups, n), (_, k) = code.builder, bits.shape, values.shape
        tables = [[code.table() for _ in range(0, LANES, FEW)] for _ in range(GROUPS)]

        def add(columns: list[Any]) -> None:
            with code.loop(n_groups, GROUPS) as group:
                for g, of_group in enumerate(tables):
                    first = build.mul(code.plus(group, g), code.index(LANES))
                    for t, table in enumerate(of_group):
                        rows = [code.plus(first, t * FEW + bit) for bit in range(FEW)]
                        scale = [code.everywhere(scales.get(code.index(0), row)) for row in rows]
                        for word, column in enumerate(columns):
                            lanes = [values.lanes(row, column) for row in rows]
                            table.fill(word, [build.fmul(*pair) for pair in zip(lanes, scale, strict=True)])
                fresh = build.icmp_unsigned("==", group, code.index(0))
                with code.loop(n, 1) as row:
                    totals = [build.select(fresh, code.nothing, found.lanes(row, column)) for column in columns]
                    for g, of_group in enumerate(tables):
                        word = bits.get(code.plus(group, g), row)
                        for t, table in enumerate(of_group):
                            chosen = table.of(word, t * FEW)
                            totals = [build.fadd(total, table.get(chosen, w)) for w, total in enumerate(totals)]
                    for column, total in zip(columns, totals, strict=True):
                        found.put(total, row, column)

        paired = build.and_(k, code.index(-2 * LANES))
        with code.loop(paired, 2 * LANES) as column:
            add([column, code.plus(column, LANES)])
        with build.if_then(build.icmp_unsigned("<", paired, k)):
            add([paired])

    return _intrinsic(write, bits, values, scales, found)


@instructions
def transpose(typing: Any, matrix: Any, found: Any) -> Any:
    """found (k, n): the matrix (n, k) with rows for columns; n and k are multiples of LANES."""

    def write(code: _Code, matrix: _Array, found: _Array) -> None:
        n, k = matrix.shape
        with code.loop(n, LANES) as row, code.loop(k, LANES) as column:
            words = [matrix.lanes(code.plus(row, lane), column) for lane in range(LANES)]
            for size in (2**power for power in range(LANES.bit_length() - 1)):
                for i in (i for i in range(LANES) if not i & size):
                    upper = [lane - size + LANES if lane & size else lane for lane in range(LANES)]
                    lower = [lane + LANES if lane & size else lane + size for lane in range(LANES)]
                    words[i], words[i + size] = (code.mixed(words[i], words[i + size], of) for of in (upper, lower))
            for lane, word in enumerate(words):
                found.put(word, code.plus(column, lane), row)

    return _intrinsic(write, matrix, found)


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
        self.nothing = ir.Constant(self.numbers, None)

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

    def table(self) -> "_Table":
        return _Table(self)

    def everywhere(self, value: Any) -> Any:
        """The value in each lane."""
        nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        return self.mixed(self.builder.insert_element(nothing, value, self.index(0)), nothing, [0] * LANES)

    def mixed(self, one: Any, other: Any, lanes: list[int]) -> Any:
        """Of the lanes of both, one after the other, these."""
        return self.builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

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


class _Table:
    """The sums of all subsets of FEW rows of numbers, each row two words wide."""

    def __init__(self, code: _Code) -> None:
        self.code, self.builder = code, code.builder
        kind = ir.ArrayType(code.numbers, 2 << FEW)
        self.first = self.builder.bitcast(tools.alloca_once(self.builder, kind), code.numbers.as_pointer())

    def fill(self, word: int, values: list[Any]) -> None:
        """For each bit that may be set, what it adds to that word."""
        found = [self.code.nothing]
        for value in values:
            found += [value, *(self.builder.fadd(sum_, value) for sum_ in found[1:])]
        for subset, sum_ in enumerate(found):
            self.builder.store(sum_, self._place(self.code.index(2 * subset), word))

    def of(self, bits: Any, first: int) -> Any:
        """Where the sum stands that FEW of the bits choose, from the first on."""
        build = self.builder
        chosen = build.lshr(build.zext(bits, ir.IntType(64)), self.code.index(first))
        return build.mul(build.and_(chosen, self.code.index((1 << FEW) - 1)), self.code.index(2))

    def get(self, at: Any, word: int) -> Any:
        return self.builder.load(self._place(at, word))

    def _place(self, at: Any, word: int) -> Any:
        return self.builder.gep(self.first, [self.code.plus(at, word)])


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
def take(part: int, space: Space, n_all: int, who: int) -> None:
    """What a part of the n_all inputs says."""
    start, stop = part * INPUTS_A_PART, min((part + 1) * INPUTS_A_PART, n_all)
    x, target, by_x = space.x[start:stop], space.target[start:stop], space.by_x[start:stop]
    n, m = stop - start, -(-(stop - start) // (LANES * WORDS)) * (LANES * WORDS)
    _, n_units, n_inputs = space.flow.shape
    width = x.shape[1]
    inputs, turned = np.zeros((m, n_inputs), x.dtype), np.empty((n_inputs, m), x.dtype)
    for b in range(n):
        for k in range(width):
            inputs[b, k] = x[b, k]
        inputs[b, width] = 1
    transpose(inputs, turned)
    by_inputs, by_units = np.empty((m // LANES, n_units), WORD), np.empty((n_units // LANES, m), WORD)
    q, errors = np.empty((m, n_inputs), x.dtype), np.zeros((1, m), x.dtype)
    signs(space.first, turned[:width], by_inputs, by_units)
    sums(by_units, space.turned[who], space.output, q)
    found = space.loss_and_error[part]
    found[:] = 0
    for b in range(n):
        error = space.constant[()] - target[b]
        for k in range(n_inputs):
            error += inputs[b, k] * q[b, k]
        found[0] += error * error
        error = 2 * error / n_all
        found[1] += error
        for k in range(width):
            by_x[b, k] = q[b, k] * error
        errors[0, b] = error
    sums(by_inputs, inputs, errors, space.flow[who])
    transpose(space.flow[who], space.flows[part])


@compiled
def take_parts(signal: Array, space: Space, who: int) -> None:
    """All that nobody else takes. Each who does turns V: handed on from one core to another it would take longer."""
    turned = -1
    while read(signal, NEXT) < len(space.flows):
        part = added(signal, NEXT)
        if part < len(space.flows):
            if turned != signal[STEP]:
                transpose(space.first, space.turned[who])
                turned = signal[STEP]
            take(part, space, signal[INPUTS], who)
            added(signal, DONE)


@compiled
def lead(signal: Array, space: Space, n: int, helpers: int) -> None:
    """A step with n inputs, some in every part; so many others may help."""
    signal[STEP] += 1
    signal[INPUTS], signal[HELPERS] = n, helpers
    write(signal, DONE, 0)
    write(signal, NEXT, 0)
    take_parts(signal, space, 0)
    while read(signal, DONE) < len(space.flows):
        pass


@compiled
def help_out(signal: Array, space: Space, number: int, patience: int) -> None:
    """Of those who help the one of that number, from 1 on: takes parts, until there were none for so many looks."""
    looks = 0
    while looks < patience:
        looks += 1
        if read(signal, NEXT) < len(space.flows) and number <= read(signal, HELPERS):
            take_parts(signal, space, number)
            looks = 0


@compiled
def matrices(flat: Array, n_inputs: int) -> tuple[Array, Array]:
    """V (n_inputs, n_hidden) and w (n_hidden,), or their gradients, of all weights as `HiddenLayer` keeps them."""
    n_hidden = (len(flat) - 1) // (n_inputs + 1)
    return flat[: n_inputs * n_hidden].reshape(n_inputs, n_hidden), flat[n_inputs * n_hidden : -1]


@compiled_sums
def give(space: Space, weights: Array, x: Array, target: Array) -> None:
    """Puts there what a step begins with."""
    n_inputs = space.x.shape[1] + 1
    first, output = matrices(weights, n_inputs)
    n_hidden = len(output)
    for k in range(n_inputs):
        for h in range(n_hidden):
            space.first[k, h] = first[k, h]
    for h in range(n_hidden):
        space.output[0, h] = output[h]
    space.constant[()] = weights[-1]
    for b in range(len(x)):
        space.target[b] = target[b]
        for k in range(n_inputs - 1):
            space.x[b, k] = x[b, k]


@compiled_sums
def total(space: Space, weights: Array, n: int) -> None:
    """Adds up what the parts of a step found."""
    loss, gradient = space.loss, space.gradient
    n_inputs = space.x.shape[1] + 1
    first, output = matrices(weights, n_inputs)
    by_first, by_output = matrices(gradient, n_inputs)
    n_hidden, flow = len(output), space.flows[0]
    loss[()], gradient[-1], by_output[:] = 0, 0, 0
    for part in range(len(space.flows)):
        loss[()] += space.loss_and_error[part, 0] / n
        gradient[-1] += space.loss_and_error[part, 1]
    for k in range(n_inputs):
        for part in range(1, len(space.flows)):
            for h in range(n_hidden):
                flow[k, h] += space.flows[part, k, h]
        for h in range(n_hidden):
            by_first[k, h] = flow[k, h] * output[h]
            by_output[h] += flow[k, h] * first[k, h]


@compiled
def step(signal: Array, space: Space, weights: Array, x: Array, target: Array, helpers: int) -> None:
    """The loss at x (n, n_inputs - 1) and its gradients, left in the space, from all weights, as `HiddenLayer` keeps
    them."""
    give(space, weights, x, target)
    lead(signal, space, len(x), helpers)
    total(space, weights, len(x))
