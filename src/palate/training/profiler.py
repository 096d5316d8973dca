"""Profile of a training: Python functions by own time, as IPython's %prun shows them, and torch's operators."""

import cProfile
import io
import pstats
from types import TracebackType

from torch.profiler import ProfilerActivity, profile, schedule

from palate.training.fit import Record

ROWS = 20
"""Rows of each table."""

WAIT, WARM_UP, STEPS = 3, 2, 100
"""Steps that are skipped, that warm the recorder up, and that are recorded; all steps would fill the memory."""


class Profiler:
    """An observer of training that measures where its time goes.

    Use `with palate.Profiler() as profiler: palate.train(..., observers=[profiler])`, then `profiler.report()`.
    """

    def __init__(self) -> None:
        self.functions = cProfile.Profile()
        self.steps = 0
        plan = schedule(wait=WAIT, warmup=WARM_UP, active=STEPS, repeat=1)
        self.operators = profile(activities=[ProfilerActivity.CPU], schedule=plan, acc_events=True)

    def __enter__(self) -> "Profiler":
        self.operators.__enter__()
        self.functions.enable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.functions.disable()
        self.operators.__exit__(kind, error, trace)

    def started(self, epochs: int, events: int, epoch: int) -> None: ...

    def stepped(self, events: int) -> None:
        self.steps += 1
        self.operators.step()

    def measured(self, record: Record) -> None: ...

    def report(self) -> str:
        """Return two tables as text: functions by own time, and operators by own time."""
        text = io.StringIO()
        pstats.Stats(self.functions, stream=text).strip_dirs().sort_stats("tottime").print_stats(ROWS)
        return f"Functions by own time\n{text.getvalue()}\nOperators by own time\n{self._operators()}"

    def _operators(self) -> str:
        if self.steps < WAIT + WARM_UP:
            return f"none: recording begins at step {WAIT + WARM_UP}, and the training had {self.steps}"
        averages = self.operators.key_averages()
        return str(averages.table(sort_by="self_cpu_time_total", row_limit=ROWS, max_name_column_width=40))
