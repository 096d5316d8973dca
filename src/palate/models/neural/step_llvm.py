"""One part of a training step of the hidden layer on the CPU, and the threads that share the parts: see `step_cpu`.

The products with M, a matrix of zeros and ones, are sums of selected rows. M is stored as bits, and a few bits at a
time select one of the precomputed sums of all subsets: the method of the Four Russians (Arlazarov, Dinic, Kronrod &
Faradzev, "On Economical Construction of the Transitive Closure of a Directed Graph", Soviet Mathematics Doklady 1970).
A compiler does not make good code of such loops, so `signs`, the sums and `transpose` write each instruction in LLVM's
language. The other loops are compiled to it as well, and it becomes machine code for any processor.
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
"""Features of the processor that numba compiles for: this processor, unless NUMBA_CPU_FEATURES is set."""

WIDE = "+avx512f" in FEATURES.split(",")

LANES = 16 if WIDE else 8
"""Numbers in a vector register."""

WORD = np.dtype(np.uint32)

BITS = 32
"""Bits in a word."""

ROWS, COLUMNS = 4, 4 if WIDE else 2
"""Size of the tile of `signs` in registers: ROWS columns of left by COLUMNS * LANES columns of right."""

SUBSET_BITS = 4
"""Number of bits whose 2^SUBSET_BITS subsets have precomputed sums."""

ROWS_KEPT = 24
"""Rows of values whose subset sums `by_registers` keeps in memory, 21 kB."""

INPUTS_A_PART, INPUTS_AT_ONCE = 256, max(BITS, LANES * COLUMNS)
"""Inputs in a part, so that their hidden units and the weights fit into the cache of a core; and the multiple to which
inputs are padded."""

STEP, INPUTS, HELPERS, NEXT, DONE = range(0, 40, 8)
"""Positions in a team's signal: number of the step, number of inputs, maximum number of helpers, next part to take,
number of parts done. They lie 64 bytes apart, because processors exchange 64 bytes at a time."""


class Space(NamedTuple):
    """The memory of a step with n_inputs, including the constant, and n_hidden units. Padding is 0."""

    first: Array  # (n_parts, n_inputs, n_hidden), both padded: V, one copy for each worker
    weighted: Array  # (n_parts, n_inputs, n_hidden), both padded: V * w, likewise
    x: Array  # (n, n_inputs - 1)
    target: Array  # (n,)
    by_x: Array  # (n, n_inputs - 1) ∂loss/∂x
    flows: Array  # (n_parts, n_inputs, n_hidden), both padded: G
    loss_and_error: Array  # (n_parts, 2) sum of squared errors, ∂loss/∂c
    loss: Array  # () loss of the step
    gradient: Array  # its gradient by all weights, in the order of `HiddenLayer`


@instructions
def signs(typing: Any, left: Any, right: Any, by_right: Any, by_left: Any) -> Any:
    """Write as bits where left[:k].T @ right + left[k] is above 0, from left (k + 1, at least n) and right (k, m).

    by_right (m / BITS, n): for each column of left, a word holds BITS columns of right;
    by_left (n / BITS, m): for each column of right, a word holds BITS columns of left.
    n is a multiple of BITS, m of BITS and of LANES * COLUMNS.
    """

    def write(code: _Code, left: _Array, right: _Array, by_right: _Array, by_left: _Array) -> None:
        build, (k, m), (_, n) = code.builder, right.shape, by_right.shape
        with code.loop(m, LANES * COLUMNS) as column, code.loop(n, BITS) as group:
            columns = [code.plus(column, c * LANES) for c in range(COLUMNS)]
            group_words = [code.variable(code.words) for _ in columns]
            with code.loop(code.index(BITS), ROWS) as at:
                rows = [code.plus(build.add(group, at), row) for row in range(ROWS)]
                products = [[code.variable(code.numbers) for _ in columns] for _ in rows]
                for row, totals in zip(rows, products, strict=True):
                    bias = code.broadcast(left.get(k, row))
                    for total in totals:
                        total.set(bias)
                with code.loop(k, 1) as j:
                    factors = [right.lanes(j, place) for place in columns]
                    for row, totals in zip(rows, products, strict=True):
                        weight = code.broadcast(left.get(j, row))
                        for total, factor in zip(totals, factors, strict=True):
                            total.set(code.multiplied_and_added(weight, factor, total.get()))
                for r, totals in enumerate(products):
                    bit = code.broadcast(build.shl(ir.Constant(code.word, 1 << r), build.trunc(at, code.word)))
                    for place, words, total in zip(columns, group_words, totals, strict=True):
                        on = build.fcmp_ordered(">", total.get(), code.zero)
                        by_right.put_bits(on, rows[r], place)
                        before = words.get()
                        words.set(build.select(on, build.or_(before, bit), before))
            for place, words in zip(columns, group_words, strict=True):
                by_left.put(words.get(), build.udiv(group, code.index(BITS)), place)

    return _intrinsic(write, left, right, by_right, by_left)


def sums(bits: Array, values: Array, result: Array, k: int) -> None:
    """Write to result[:k] (k, at least n) the sums of the columns of values[:k] (k, at least G * BITS) that bits
    selects.

    Column c of result is the sum over the columns of values whose bit is set in bits[:, c]; bits (G, n). values has
    zeros, and result has room, up to a multiple of LANES for k; n is a multiple of 2 LANES.
    """
    raise NotImplementedError("only compiled loops can call this")


@by_types(sums, strict=False)
def _sums(bits: Any, values: Any, result: Any, k: Any) -> Any:
    if WIDE and values.dtype == types.float32:
        return lambda bits, values, result, k: by_registers(bits, values[:k], result[:k])

    def by_transposes(bits: Array, values: Array, result: Array, k: int) -> None:
        inputs, width = values.shape
        rows, total = np.empty((width, inputs), values.dtype), np.empty((bits.shape[1], inputs), values.dtype)
        transpose(values, rows)
        by_tables(bits, rows, total)
        transpose(total, result)

    return by_transposes


@instructions
def by_registers(typing: Any, bits: Any, values: Any, result: Any) -> Any:
    """Do `sums` for LANES columns at once: two registers hold the sums of all subsets of SUBSET_BITS + 1 numbers of a
    row of values, and each lane of a third register, with the bits, selects one of their lanes."""

    def write(code: _Code, bits: _Array, values: _Array, result: _Array) -> None:
        build, (n_words, n), (k, _) = code.builder, bits.shape, values.shape
        fields = [range(first, min(first + SUBSET_BITS + 1, BITS)) for first in range(0, BITS, SUBSET_BITS + 1)]
        has = [
            ir.Constant(code.numbers, [float(lane >> bit & 1) for lane in range(LANES)]) for bit in range(SUBSET_BITS)
        ]
        memory = code.memory(ROWS_KEPT * 2 * len(fields))

        def place(row: Any, n: int) -> Any:
            return build.gep(memory, [code.plus(build.mul(row, code.index(2 * len(fields))), n)])

        with code.loop(k, ROWS_KEPT) as first, code.loop(n_words, 1) as word:
            n_rows = code.minimum(build.sub(k, first), code.index(ROWS_KEPT))
            with code.loop(n_rows, 1) as row:
                for f, field in enumerate(fields):
                    at = [code.plus(build.mul(word, code.index(BITS)), bit) for bit in field]
                    numbers = [code.broadcast(values.get(build.add(first, row), column)) for column in at]
                    low = code.zero
                    for number, on in zip(numbers, has, strict=False):
                        low = code.multiplied_and_added(number, on, low)
                    build.store(low, place(row, 2 * f))
                    build.store(
                        build.fadd(low, numbers[SUBSET_BITS]) if len(field) > SUBSET_BITS else low,
                        place(row, 2 * f + 1),
                    )
            fresh = build.icmp_unsigned("==", word, code.index(0))
            with code.loop(n, 2 * LANES) as column:
                columns = [column, code.plus(column, LANES)]
                down = [code.broadcast(ir.Constant(code.word, field[0])) for field in fields]
                choices = [[build.lshr(bits.lanes(word, column), by) for by in down] for column in columns]
                with code.loop(n_rows, 1) as row:
                    low, high = ([build.load(place(row, 2 * f + half)) for f in range(len(fields))] for half in (0, 1))
                    for column, choice in zip(columns, choices, strict=True):
                        before = build.select(fresh, code.zero, result.lanes(build.add(first, row), column))
                        total = code.total([before, *map(code.permuted, low, high, choice)])
                        result.put(total, build.add(first, row), column)

    return _intrinsic(write, bits, values, result)


@instructions
def by_tables(typing: Any, bits: Any, values: Any, result: Any) -> Any:
    """Do `sums` with rows and columns swapped: result (n, k) from values (at least G * BITS, k), k a multiple of LANES.

    The sums of all subsets of SUBSET_BITS rows are stored in memory.
    """

    def write(code: _Code, bits: _Array, values: _Array, result: _Array) -> None:
        build, (n_words, n), (_, k) = code.builder, bits.shape, values.shape
        tables = [code.table() for _ in range(0, BITS, SUBSET_BITS)]

        def add(columns: list[Any]) -> None:
            with code.loop(n_words, 1) as word:
                for t, table in enumerate(tables):
                    rows = [
                        code.plus(build.mul(word, code.index(BITS)), t * SUBSET_BITS + bit)
                        for bit in range(SUBSET_BITS)
                    ]
                    for c, column in enumerate(columns):
                        table.fill(c, [values.lanes(row, column) for row in rows])
                fresh = build.icmp_unsigned("==", word, code.index(0))
                with code.loop(n, 1) as row:
                    totals = [build.select(fresh, code.zero, result.lanes(row, column)) for column in columns]
                    selected = bits.get(word, row)
                    places = [table.of(selected, t * SUBSET_BITS) for t, table in enumerate(tables)]
                    for c, (column, total) in enumerate(zip(columns, totals, strict=True)):
                        added = [table.get(at, c) for table, at in zip(tables, places, strict=True)]
                        result.put(code.total([total, *added]), row, column)

        paired = build.and_(k, code.index(-2 * LANES))
        with code.loop(paired, 2 * LANES) as column:
            add([column, code.plus(column, LANES)])
        with build.if_then(build.icmp_unsigned("<", paired, k)):
            add([paired])

    return _intrinsic(write, bits, values, result)


@instructions
def transpose(typing: Any, matrix: Any, result: Any) -> Any:
    """Write the transpose of the matrix (n, k) to result (k, n); n and k are multiples of LANES."""

    def write(code: _Code, matrix: _Array, result: _Array) -> None:
        n, k = matrix.shape
        with code.loop(n, LANES) as row, code.loop(k, LANES) as column:
            words = [matrix.lanes(code.plus(row, lane), column) for lane in range(LANES)]
            for size in (2**power for power in range(LANES.bit_length() - 1)):
                for i in (i for i in range(LANES) if not i & size):
                    upper = [lane - size + LANES if lane & size else lane for lane in range(LANES)]
                    lower = [lane + LANES if lane & size else lane + size for lane in range(LANES)]
                    words[i], words[i + size] = (code.shuffled(words[i], words[i + size], of) for of in (upper, lower))
            for lane, word in enumerate(words):
                result.put(word, code.plus(column, lane), row)

    return _intrinsic(write, matrix, result)


def _intrinsic(write: Any, *arguments: Any) -> Any:
    """Return the signature and the generator of a numba intrinsic whose code `write` writes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        code = _Code(builder, context.get_value_type(arguments[1].dtype))
        operands = [
            _Array(code, context, ty, value) if isinstance(ty, types.Array) else value
            for ty, value in zip(signature.args, values, strict=True)
        ]
        write(code, *operands)
        return context.get_dummy_value()

    return types.void(*arguments), generate


@instructions
def load_acquire(typing: Any, array: Any, at: Any) -> Any:
    """Read array[at]; all that the writing thread wrote before `store_release` is visible afterwards."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(array, at), generate


@instructions
def store_release(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write array[at] = value for all threads, after all that this thread wrote before."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        value = context.cast(builder, values[2], signature.args[2], types.int64)
        builder.store_atomic(value, place, "release", 8)
        return context.get_dummy_value()

    return types.void(array, at, value), generate


@instructions
def fetch_add(typing: Any, array: Any, at: Any) -> Any:
    """Add 1 to array[at] and return its value before; no two threads get the same value."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = _element(context, builder, signature, values)
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(array, at), generate


def _element(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, values[0]).data
    return builder.gep(data, [context.cast(builder, values[1], signature.args[1], types.int64)])


class _Code:
    """Writer of LLVM instructions on vectors of LANES numbers."""

    word = ir.IntType(BITS)

    def __init__(self, builder: Any, number: Any) -> None:
        self.builder = builder
        self.numbers, self.words = ir.VectorType(number, LANES), ir.VectorType(self.word, LANES)
        self.zero = ir.Constant(self.numbers, None)

    def index(self, value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    def plus(self, value: Any, more: int) -> Any:
        return self.builder.add(value, self.index(more))

    def minimum(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.icmp_unsigned("<", a, b), a, b)

    @contextmanager
    def loop(self, end: Any, step: int) -> Iterator[Any]:
        """Write a loop whose index goes from 0 to end."""
        with tools.for_range_slice(self.builder, self.index(0), end, self.index(step)) as (at, _):
            yield at

    def variable(self, kind: Any) -> "_Variable":
        return _Variable(self.builder, kind)

    def memory(self, n: int) -> Any:
        """Reserve memory on the stack for n times LANES numbers."""
        place = tools.alloca_once(self.builder, ir.ArrayType(self.numbers, n))
        return self.builder.bitcast(place, self.numbers.as_pointer())

    def table(self) -> "_Table":
        return _Table(self)

    def broadcast(self, value: Any) -> Any:
        """Copy the value to each lane."""
        undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
        return self.shuffled(self.builder.insert_element(undefined, value, self.index(0)), undefined, [0] * LANES)

    def shuffled(self, first: Any, second: Any, lanes: list[int]) -> Any:
        """Select these lanes of the two vectors, counted through the first, then the second."""
        return self.builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    def total(self, numbers: list[Any]) -> Any:
        """Add up the vectors in pairs, so that few additions wait for another."""
        while len(numbers) > 1:
            pairs = zip(numbers[::2], numbers[1::2], strict=False)
            numbers = [self.builder.fadd(*pair) for pair in pairs] + numbers[len(numbers) // 2 * 2 :]
        return numbers[0]

    def permuted(self, low: Any, high: Any, lanes: Any) -> Any:
        """Select one of 32 float32 numbers, 16 in low and 16 in high, for each lane by the low bits of its word."""
        return self._call("llvm.x86.avx512.vpermi2var.ps.512", low, lanes, high)

    def multiplied_and_added(self, a: Any, b: Any, c: Any) -> Any:
        return self._call(f"llvm.fma.v{LANES}{'f32' if self.numbers.element == ir.FloatType() else 'f64'}", a, b, c)

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.numbers, [value.type for value in values])
        return self.builder.call(tools.get_or_insert_function(self.builder.module, kind, name), values)


class _Variable:
    """A variable that a loop changes, in a register if one is free. It begins at 0."""

    def __init__(self, builder: Any, kind: Any) -> None:
        self.builder, self.place = builder, tools.alloca_once(builder, kind)
        self.set(ir.Constant(kind, None))

    def get(self) -> Any:
        return self.builder.load(self.place)

    def set(self, value: Any) -> None:
        self.builder.store(value, self.place)


class _Table:
    """The sums of all subsets of SUBSET_BITS rows of numbers, each row two times LANES wide."""

    def __init__(self, code: _Code) -> None:
        self.code, self.builder = code, code.builder
        self.first = code.memory(2 << SUBSET_BITS)

    def fill(self, half: int, values: list[Any]) -> None:
        """Compute the subset sums of one half of a row; values: the summand of each bit."""
        totals = [self.code.zero]
        for value in values:
            totals += [value, *(self.builder.fadd(sum_, value) for sum_ in totals[1:])]
        for subset, sum_ in enumerate(totals):
            self.builder.store(sum_, self._place(self.code.index(2 * subset), half))

    def of(self, bits: Any, first: int) -> Any:
        """Return the position of the sum that SUBSET_BITS of the bits select, from the bit `first` on."""
        build = self.builder
        selected = build.lshr(build.zext(bits, ir.IntType(64)), self.code.index(first))
        return build.mul(build.and_(selected, self.code.index((1 << SUBSET_BITS) - 1)), self.code.index(2))

    def get(self, at: Any, half: int) -> Any:
        return self.builder.load(self._place(at, half))

    def _place(self, at: Any, half: int) -> Any:
        return self.builder.gep(self.first, [self.code.plus(at, half)])


class _Array:
    """A matrix in C order."""

    def __init__(self, code: _Code, context: Any, kind: Any, value: Any) -> None:
        array = context.make_array(kind)(context, code.builder, value)
        self.builder, self.data, self.kind = code.builder, array.data, context.get_data_type(kind.dtype)
        self.shape = [code.builder.extract_value(array.shape, axis) for axis in range(2)]

    def _place(self, row: Any, column: Any) -> Any:
        return self.builder.gep(self.data, [self.builder.add(self.builder.mul(row, self.shape[1]), column)])

    def get(self, row: Any, column: Any) -> Any:
        return self.builder.load(self._place(row, column))

    def lanes(self, row: Any, column: Any) -> Any:
        """Read LANES numbers of a row from that column on."""
        place = self.builder.bitcast(self._place(row, column), ir.VectorType(self.kind, LANES).as_pointer())
        return self.builder.load(place, align=1)

    def put(self, value: Any, row: Any, column: Any) -> None:
        """Write LANES numbers of a row from that column on."""
        self._store(value, self._place(row, column))

    def put_bits(self, on: Any, row: Any, column: Any) -> None:
        """Write LANES bits into the words of a row, from that column on."""
        build, lanes = self.builder, ir.IntType(LANES)
        bits = ir.Constant(column.type, BITS)
        pieces = build.bitcast(self._place(build.udiv(column, bits), row), lanes.as_pointer())
        piece = build.udiv(build.urem(column, bits), ir.Constant(column.type, LANES))
        self._store(build.bitcast(on, lanes), build.gep(pieces, [piece]))

    def _store(self, value: Any, place: Any) -> None:
        self.builder.store(value, self.builder.bitcast(place, value.type.as_pointer()), align=1)


@compiled
def matrices(flat: Array, n_inputs: int) -> tuple[Array, Array]:
    """Return V (n_inputs, n_hidden) and w (n_hidden,), or their gradients, as views of all weights of a
    `HiddenLayer`."""
    n_hidden = (len(flat) - 1) // (n_inputs + 1)
    return flat[: n_inputs * n_hidden].reshape(n_inputs, n_hidden), flat[n_inputs * n_hidden : -1]


@compiled
def prepare(space: Space, weights: Array, worker: int) -> None:
    """Copy the weights that a worker needs to its part of the space."""
    n_inputs = space.x.shape[1] + 1
    first, output = matrices(weights, n_inputs)
    for k in range(n_inputs):
        for h in range(len(output)):
            space.first[worker, k, h] = first[k, h]
            space.weighted[worker, k, h] = first[k, h] * output[h]


@compiled
def process_part(part: int, space: Space, constant: float, n_all: int, worker: int) -> None:
    """Compute the loss and gradients of one part of the n_all inputs."""
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
    signs(space.first[worker], inputs[:width], by_inputs, by_units)
    q, errors = np.empty((n_inputs, m), x.dtype), np.empty(n, x.dtype)
    sums(by_units, space.weighted[worker], q, width + 1)
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
def process_parts(signal: Array, space: Space, weights: Array, worker: int) -> None:
    """Process parts until none is left. Each worker prepares its own copy of the weights: moving them from one core to
    another would take longer."""
    prepared = -1
    while load_acquire(signal, NEXT) < len(space.flows):
        part = fetch_add(signal, NEXT)
        if part < len(space.flows):
            if prepared != signal[STEP]:
                prepare(space, weights, worker)
                prepared = signal[STEP]
            process_part(part, space, weights[-1], signal[INPUTS], worker)
            fetch_add(signal, DONE)


@compiled
def lead(signal: Array, space: Space, weights: Array, n: int, helpers: int) -> None:
    """Run a step with n inputs, some in every part, on this thread and at most `helpers` others."""
    signal[STEP] += 1
    signal[INPUTS], signal[HELPERS] = n, helpers
    store_release(signal, DONE, 0)
    store_release(signal, NEXT, 0)
    process_parts(signal, space, weights, 0)
    while load_acquire(signal, DONE) < len(space.flows):
        pass


@compiled
def help_out(signal: Array, space: Space, weights: Array, number: int, patience: int) -> None:
    """Process parts as the helper of that number, from 1 on, until it has looked `patience` times without finding
    any."""
    looks = 0
    while looks < patience:
        looks += 1
        if load_acquire(signal, NEXT) < len(space.flows) and number <= load_acquire(signal, HELPERS):
            process_parts(signal, space, weights, number)
            looks = 0


@compiled
def copy_inputs(space: Space, x: Array, target: Array) -> None:
    """Copy the inputs and targets of a step to the space."""
    for b in range(len(x)):
        space.target[b] = target[b]
    destination, source = space.x.ravel(), x.ravel()
    for i in range(len(source)):
        destination[i] = source[i]


@compiled
def add_up(space: Space, weights: Array, n: int) -> None:
    """Add up the losses and gradients of the parts of a step."""
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
    """Compute the loss at x (n, n_inputs - 1) and its gradients from all weights of a `HiddenLayer`. They are left in
    the space."""
    copy_inputs(space, x, target)
    lead(signal, space, weights, len(x), helpers)
    add_up(space, weights, len(x))
