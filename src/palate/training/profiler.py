"""Where the time of a training went: functions by own time, as IPython's %prun shows them, and torch's operators."""

import cProfile
import io
import pstats
from types import TracebackType

from torch.profiler import ProfilerActivity, profile, schedule

from palate.training.fit import Record

ROWS = 20
STEPS = 100
"""Steps whose operators are recorded, after the first few; all of them would fill the memory."""


class Profiler:
    """An observer: `with Profiler() as profiler: fit(..., observers=[profiler])`, then `profiler.report()`."""

    def __init__(self) -> None:
        self.functions = cProfile.Profile()
        plan = schedule(wait=3, warmup=2, active=STEPS, repeat=1)
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
        self.operators.step()

    def measured(self, record: Record) -> None: ...

    def report(self) -> str:
        """Two tables as text."""
        text = io.StringIO()
        pstats.Stats(self.functions, stream=text).strip_dirs().sort_stats("tottime").print_stats(ROWS)
        averages = self.operators.key_averages()
        operators = averages.table(sort_by="self_cpu_time_total", row_limit=ROWS, max_name_column_width=40)
        return f"Functions by own time\n{text.getvalue()}\nOperators by own time\n{operators}"
