"""Where the time of a training went: functions by own time, as IPython's %prun shows them, and torch's operators."""

import cProfile
import io
import pstats
from types import TracebackType

from torch.profiler import ProfilerActivity, profile, schedule

from palate.training.fit import Record

ROWS = 20
WAIT, WARM_UP, STEPS = 3, 2, 100
"""Steps that are let pass, that the recorder warms up in, and that are recorded; all would fill the memory."""


class Profiler:
    """An observer: `with Profiler() as profiler: fit(..., observers=[profiler])`, then `profiler.report()`."""

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
        """Two tables as text."""
        text = io.StringIO()
        pstats.Stats(self.functions, stream=text).strip_dirs().sort_stats("tottime").print_stats(ROWS)
        return f"Functions by own time\n{text.getvalue()}\nOperators by own time\n{self._operators()}"

    def _operators(self) -> str:
        if self.steps < WAIT + WARM_UP:
            return f"none: they are recorded from step {WAIT + WARM_UP} on, and there were {self.steps}"
        averages = self.operators.key_averages()
        return str(averages.table(sort_by="self_cpu_time_total", row_limit=ROWS, max_name_column_width=40))
