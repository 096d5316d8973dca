"""A part of a step of the hidden layer on the CPU, and the threads that share the parts: see `compiled_step`.

The products with M, of zeros and ones, are sums of what the ones choose. M is kept as bits, and a few of them at a time
choose among sums that are found beforehand: the method of the Four Russians (Arlazarov, Dinic, Kronrod & Faradzev, "On
Economical Construction of the Transitive Closure of a Directed Graph", Soviet Mathematics Doklady 1970). A compiler
does not make good code of the loops for that, so `signs`, the sums and `transpose` say each instruction, in the
language of LLVM, which the other loops become as well, and which becomes the code of any processor.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, codegen, config, types
from numba.extending import intrinsic, overload

from palate.system.jit import Array, compiled

instructions: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic
by_types: Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]] = overload
tools: Any = cgutils
processor: Any = codegen
settings: Any = config

FEATURES: str = processor.get_host_cpu_features() if settings.CPU_FEATURES is None else settings.CPU_FEATURES
"""Of the processor that numba compiles for, which is this one unless NUMBA_CPU_FEATURES says something else."""

WIDE = "+avx512f" in FEATURES.split(",")

LANES = 16 if WIDE else 8
"""Numbers that are worked on at once."""

WORD = np.dtype(np.uint32)

BITS = 32
"""In a word."""

ROWS, COLUMNS = 4, 4 if WIDE else 2
"""`signs` keeps the sums of so many columns of left and so many times LANES columns of right in registers."""

FEW = 4
"""Bits whose subsets are summed up beforehand, 2^FEW of them."""

KEPT = 24
"""Rows of values whose sums of subsets `by_registers` keeps, in 21 kB."""

INPUTS_A_PART, INPUTS_AT_ONCE = 256, max(BITS, LANES * COLUMNS)
"""Of a part, so that what their units hold, and the weights, fit the cache of a core; and what they are padded to."""

STEP, INPUTS, HELPERS, NEXT, DONE = range(0, 40, 8)
"""Places in a team's signal, 64 bytes apart, as processors hand on 64 bytes at a time: the number of the step, how many
inputs, how many may help, the next part that is not taken, how many are done."""


class Space(NamedTuple):
    """The memory of a step with n_inputs, the constant among them, and n_hidden units. What is padded has zeros."""

    first: Array  # (n_parts, n_inputs, n_hidden), both padded: V, once for each who takes parts
    weighed: Array  # (n_parts, n_inputs, n_hidden), both padded: V * w, likewise
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

    by_right (m / BITS, n): of each column of left, words for BITS columns of right;
    by_left (n / BITS, m): of each column of right, words for BITS columns of left.
    n is a multiple of BITS, m of BITS and of LANES * COLUMNS.
    """

    def write(code: _Code, left: _Array, right: _Array, by_right: _Array, by_left: _Array) -> None:
        build, (k, m), (_, n) = code.builder, right.shape, by_right.shape
        with code.loop(m, LANES * COLUMNS) as column, code.loop(n, BITS) as group:
            columns = [code.plus(column, c * LANES) for c in range(COLUMNS)]
            found = [code.variable(code.words) for _ in columns]
            with code.loop(code.index(BITS), ROWS) as at:
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
                    for place, words, total in zip(columns, found, totals, strict=True):
                        on = build.fcmp_ordered(">", total.get(), code.nothing)
                        by_right.put_bits(on, rows[r], place)
                        before = words.get()
                        words.set(build.select(on, build.or_(before, bit), before))
            for place, words in zip(columns, found, strict=True):
                by_left.put(words.get(), build.udiv(group, code.index(BITS)), place)

    return _intrinsic(write, left, right, by_right, by_left)


def sums(bits: Array, values: Array, found: Array, k: int) -> None:
    """found[:k] (k, at least n): of each of n columns the sum of those columns of values[:k] (k, at least G * BITS)
    whose bit is set in bits[:, column], from bits (G, n).

    There are zeros in values, and room in found, up to a multiple of LANES for k; n is a multiple of 2 LANES.
    """
    raise NotImplementedError("for compiled loops alone")


@by_types(sums, strict=False)
def _sums(bits: Any, values: Any, found: Any, k: Any) -> Any:
    if WIDE and values.dtype == types.float32:
        return lambda bits, values, found, k: by_registers(bits, values[:k], found[:k])

    def by_transposes(bits: Array, values: Array, found: Array, k: int) -> None:
        inputs, width = values.shape
        turned, total = np.empty((width, inputs), values.dtype), np.empty((bits.shape[1], inputs), values.dtype)
        transpose(values, turned)
        by_tables(bits, turned, total)
        transpose(total, found)

    return by_transposes


@instructions
def by_registers(typing: Any, bits: Any, values: Any, found: Any) -> Any:
    """`sums` for LANES columns at once: two registers hold the sums of all subsets of FEW + 1 numbers of a row of
    values, and each lane of another, with bits, chooses one of their lanes."""

    def write(code: _Code, bits: _Array, values: _Array, found: _Array) -> None:
        build, (n_words, n), (k, _) = code.builder, bits.shape, values.shape
        fields = [range(first, min(first + FEW + 1, BITS)) for first in range(0, BITS, FEW + 1)]
        has = [ir.Constant(code.numbers, [float(lane >> bit & 1) for lane in range(LANES)]) for bit in range(FEW)]
        memory = code.memory(KEPT * 2 * len(fields))

        def place(row: Any, n: int) -> Any:
            return build.gep(memory, [code.plus(build.mul(row, code.index(2 * len(fields))), n)])

        with code.loop(k, KEPT) as first, code.loop(n_words, 1) as word:
            n_rows = code.least(build.sub(k, first), code.index(KEPT))
            with code.loop(n_rows, 1) as row:
                for f, field in enumerate(fields):
                    at = [code.plus(build.mul(word, code.index(BITS)), bit) for bit in field]
                    numbers = [code.everywhere(values.get(build.add(first, row), column)) for column in at]
                    low = code.nothing
                    for number, on in zip(numbers, has, strict=False):
                        low = code.multiplied_and_added(number, on, low)
                    build.store(low, place(row, 2 * f))
                    build.store(build.fadd(low, numbers[FEW]) if len(field) > FEW else low, place(row, 2 * f + 1))
            fresh = build.icmp_unsigned("==", word, code.index(0))
            with code.loop(n, 2 * LANES) as column:
                columns = [column, code.plus(column, LANES)]
                down = [code.everywhere(ir.Constant(code.word, field[0])) for field in fields]
                choices = [[build.lshr(bits.lanes(word, column), by) for by in down] for column in columns]
                with code.loop(n_rows, 1) as row:
                    low, high = ([build.load(place(row, 2 * f + half)) for f in range(len(fields))] for half in (0, 1))
                    for column, choice in zip(columns, choices, strict=True):
                        before = build.select(fresh, code.nothing, found.lanes(build.add(first, row), column))
                        total = code.total([before, *map(code.permuted, low, high, choice)])
                        found.put(total, build.add(first, row), column)

    return _intrinsic(write, bits, values, found)


@instructions
def by_tables(typing: Any, bits: Any, values: Any, found: Any) -> Any:
    """`sums` with columns for rows: found (n, k) from values (at least G * BITS, k), k a multiple of LANES.

    The sums of all subsets of FEW rows stand in memory.
    """

    def write(code: _Code, bits: _Array, values: _Array, found: _Array) -> None:
        build, (n_words, n), (_, k) = code.builder, bits.shape, values.shape
        tables = [code.table() for _ in range(0, BITS, FEW)]

        def add(columns: list[Any]) -> None:
            with code.loop(n_words, 1) as word:
                for t, table in enumerate(tables):
                    rows = [code.plus(build.mul(word, code.index(BITS)), t * FEW + bit) for bit in range(FEW)]
                    for c, column in enumerate(columns):
                        table.fill(c, [values.lanes(row, column) for row in rows])
                fresh = build.icmp_unsigned("==", word, code.index(0))
                with code.loop(n, 1) as row:
                    totals = [build.select(fresh, code.nothing, found.lanes(row, column)) for column in columns]
                    chosen = bits.get(word, row)
                    places = [table.of(chosen, t * FEW) for t, table in enumerate(tables)]
                    for c, (column, total) in enumerate(zip(columns, totals, strict=True)):
                        added = [table.get(at, c) for table, at in zip(tables, places, strict=True)]
                        found.put(code.total([total, *added]), row, column)

        paired = build.and_(k, code.index(-2 * LANES))
        with code.loop(paired, 2 * LANES) as column:
            add([column, code.plus(column, LANES)])
        with build.if_then(build.icmp_unsigned("<", paired, k)):
            add([paired])

    return _intrinsic(write, bits, values, found)


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

    word = ir.IntType(BITS)

    def __init__(self, builder: Any, number: Any) -> None:
        self.builder = builder
        self.numbers, self.words = ir.VectorType(number, LANES), ir.VectorType(self.word, LANES)
        self.nothing = ir.Constant(self.numbers, None)

    def index(self, value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    def plus(self, value: Any, more: int) -> Any:
        return self.builder.add(value, self.index(more))

    def least(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_unsigned("<", a, b), a, b)

    @contextmanager
    def loop(self, end: Any, step: int) -> Iterator[Any]:
        """Its index goes from 0 to end."""
        with tools.for_range_slice(self.builder, self.index(0), end, self.index(step)) as (at, _):
            yield at

    def variable(self, kind: Any) -> "_Variable":
        return _Variable(self.builder, kind)

    def memory(self, n: int) -> Any:
        """For n times LANES numbers."""
        place = tools.alloca_once(self.builder, ir.ArrayType(self.numbers, n))
        return self.builder.bitcast(place, self.numbers.as_pointer())

    def table(self) -> "_Table":
        return _Table(self)

    def everywhere(self, value: Any) -> Any:
        """The value in each lane."""
        nothing = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        return self.mixed(self.builder.insert_element(nothing, value, self.index(0)), nothing, [0] * LANES)

    def mixed(self, one: Any, other: Any, lanes: list[int]) -> Any:
        """Of the lanes of both, one after the other, these."""
        return self.builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    def total(self, numbers: list[Any]) -> Any:
        """Of neighbours first, so that few have to wait for each other."""
        while len(numbers) > 1:
            pairs = zip(numbers[::2], numbers[1::2], strict=False)
            numbers = [self.builder.fadd(*pair) for pair in pairs] + numbers[len(numbers) // 2 * 2 :]
        return numbers[0]

    def permuted(self, low: Any, high: Any, lanes: Any) -> Any:
        """Of 16 and 16 more numbers in float32, for each lane that which the low bits of its word name."""
        return self._call("llvm.x86.avx512.vpermi2var.ps.512", low, lanes, high)

    def multiplied_and_added(self, a: Any, b: Any, c: Any) -> Any:
        return self._call(f"llvm.fma.v{LANES}{'f32' if self.numbers.element == ir.FloatType() else 'f64'}", a, b, c)

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.numbers, [value.type for value in values])
        return self.builder.call(tools.get_or_insert_function(self.builder.module, kind, name), values)


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
    """The sums of all subsets of FEW rows of numbers, each row two times LANES wide."""

    def __init__(self, code: _Code) -> None:
        self.code, self.builder = code, code.builder
        self.first = code.memory(2 << FEW)

    def fill(self, half: int, values: list[Any]) -> None:
        """For each bit that may be set, what it adds to that half of a row."""
        found = [self.code.nothing]
        for value in values:
            found += [value, *(self.builder.fadd(sum_, value) for sum_ in found[1:])]
        for subset, sum_ in enumerate(found):
            self.builder.store(sum_, self._place(self.code.index(2 * subset), half))

    def of(self, bits: Any, first: int) -> Any:
        """Where the sum stands that FEW of the bits choose, from the first on."""
        build = self.builder
        chosen = build.lshr(build.zext(bits, ir.IntType(64)), self.code.index(first))
        return build.mul(build.and_(chosen, self.code.index((1 << FEW) - 1)), self.code.index(2))

    def get(self, at: Any, half: int) -> Any:
        return self.builder.load(self._place(at, half))

    def _place(self, at: Any, half: int) -> Any:
        return self.builder.gep(self.first, [self.code.plus(at, half)])


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
        """LANES numbers from there on."""
        self._store(value, self._place(row, column))

    def put_bits(self, on: Any, row: Any, column: Any) -> None:
        """LANES bits of the words of a row, from that column on."""
        build, lanes = self.builder, ir.IntType(LANES)
        bits = ir.Constant(column.type, BITS)
        pieces = build.bitcast(self._place(build.udiv(column, bits), row), lanes.as_pointer())
        piece = build.udiv(build.urem(column, bits), ir.Constant(column.type, LANES))
        self._store(build.bitcast(on, lanes), build.gep(pieces, [piece]))

    def _store(self, value: Any, place: Any) -> None:
        self.builder.store(value, self.builder.bitcast(place, value.type.as_pointer()), align=1)


@compiled
def matrices(flat: Array, n_inputs: int) -> tuple[Array, Array]:
    """V (n_inputs, n_hidden) and w (n_hidden,), or their gradients, of all weights as `HiddenLayer` keeps them."""
    n_hidden = (len(flat) - 1) // (n_inputs + 1)
    return flat[: n_inputs * n_hidden].reshape(n_inputs, n_hidden), flat[n_inputs * n_hidden : -1]


@compiled
def prepare(space: Space, weights: Array, who: int) -> None:
    """Puts there what one who takes parts needs of the weights."""
    n_inputs = space.x.shape[1] + 1
    first, output = matrices(weights, n_inputs)
    for k in range(n_inputs):
        for h in range(len(output)):
            space.first[who, k, h] = first[k, h]
            space.weighed[who, k, h] = first[k, h] * output[h]


@compiled
def take(part: int, space: Space, constant: float, n_all: int, who: int) -> None:
    """What a part of the n_all inputs says."""
    start, stop = part * INPUTS_A_PART, min((part + 1) * INPUTS_A_PART, n_all)
    x, target, by_x = space.x[start:stop], space.target[start:stop], space.by_x[start:stop]
    n, m = stop - start, -(-(stop - start) // INPUTS_AT_ONCE) * INPUTS_AT_ONCE
    _, n_inputs, n_units = space.flows.shape
    n_units, width = n_units // BITS * BITS, x.shape[1]
    inputs = np.zeros((n_inputs, m), x.dtype)
    for b in range(n):
        for k in range(width):
            inputs[k, b] = x[b, k]
        inputs[width, b] = 1
    by_inputs, by_units = np.empty((m // BITS, n_units), WORD), np.empty((n_units // BITS, m), WORD)
    signs(space.first[who], inputs[:width], by_inputs, by_units)
    q, errors = np.empty((n_inputs, m), x.dtype), np.empty(n, x.dtype)
    sums(by_units, space.weighed[who], q, width + 1)
    for b in range(n):
        errors[b] = constant - target[b]
    for k in range(width + 1):
        for b in range(n):
            errors[b] += inputs[k, b] * q[k, b]
    squares, by_constant = x.dtype.type(0), x.dtype.type(0)
    for b in range(n):
        squares += errors[b] * errors[b]
        errors[b] = 2 * errors[b] / n_all
        by_constant += errors[b]
    space.loss_and_error[part, 0], space.loss_and_error[part, 1] = squares, by_constant
    for k in range(width + 1):
        for b in range(n):
            inputs[k, b] *= errors[b]
    for b in range(n):
        for k in range(width):
            by_x[b, k] = q[k, b] * errors[b]
    sums(by_inputs, inputs, space.flows[part], width + 1)


@compiled
def take_parts(signal: Array, space: Space, weights: Array, who: int) -> None:
    """All that nobody else takes. Each who does prepares for itself: handed on from one core to another what it needs
    would take longer."""
    prepared = -1
    while read(signal, NEXT) < len(space.flows):
        part = added(signal, NEXT)
        if part < len(space.flows):
            if prepared != signal[STEP]:
                prepare(space, weights, who)
                prepared = signal[STEP]
            take(part, space, weights[-1], signal[INPUTS], who)
            added(signal, DONE)


@compiled
def lead(signal: Array, space: Space, weights: Array, n: int, helpers: int) -> None:
    """A step with n inputs, some in every part; so many others may help."""
    signal[STEP] += 1
    signal[INPUTS], signal[HELPERS] = n, helpers
    write(signal, DONE, 0)
    write(signal, NEXT, 0)
    take_parts(signal, space, weights, 0)
    while read(signal, DONE) < len(space.flows):
        pass


@compiled
def help_out(signal: Array, space: Space, weights: Array, number: int, patience: int) -> None:
    """Of those who help the one of that number, from 1 on: takes parts, until there were none for so many looks."""
    looks = 0
    while looks < patience:
        looks += 1
        if read(signal, NEXT) < len(space.flows) and number <= read(signal, HELPERS):
            take_parts(signal, space, weights, number)
            looks = 0


@compiled
def give(space: Space, x: Array, target: Array) -> None:
    """Puts there what a step begins with."""
    for b in range(len(x)):
        space.target[b] = target[b]
    found, numbers = space.x.ravel(), x.ravel()
    for i in range(len(numbers)):
        found[i] = numbers[i]


@compiled
def total(space: Space, weights: Array, n: int) -> None:
    """Adds up what the parts of a step found."""
    loss, gradient = space.loss, space.gradient
    n_inputs = space.x.shape[1] + 1
    first, output = matrices(weights, n_inputs)
    by_first, by_output = matrices(gradient, n_inputs)
    n_hidden = len(output)
    loss[()], gradient[-1], by_output[:] = 0, 0, 0
    for part in range(len(space.flows)):
        loss[()] += space.loss_and_error[part, 0] / n
        gradient[-1] += space.loss_and_error[part, 1]
    for k in range(n_inputs):
        for h in range(n_hidden):
            by_first[k, h] = space.flows[0, k, h]
        for part in range(1, len(space.flows)):
            for h in range(n_hidden):
                by_first[k, h] += space.flows[part, k, h]
        for h in range(n_hidden):
            by_output[h] += by_first[k, h] * first[k, h]
            by_first[k, h] *= output[h]


@compiled
def step(signal: Array, space: Space, weights: Array, x: Array, target: Array, helpers: int) -> None:
    """The loss at x (n, n_inputs - 1) and its gradients, left in the space, from all weights, as `HiddenLayer` keeps
    them."""
    give(space, x, target)
    lead(signal, space, weights, len(x), helpers)
    total(space, weights, len(x))
