"""Progress of a training on the screen: a bar with rate and time left, and a line per epoch."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from palate.system.compilation import announced
from palate.training.fit import Record

PLACES = {"epoch": "d", "ratings_per_second": ",.0f"}
"""Number formats of the columns; others have four decimal places."""


class Bars:
    """An observer of training that draws a progress bar, and above it a line per epoch.

    Use `with palate.Bars() as bars: palate.train(..., observers=[bars])`. It writes to `console`, by default stderr. If
    loops are compiled within the block, it says so, and how long that took.
    """

    def __init__(self, console: Console | None = None) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), Rate(), TimeRemainingColumn())
        console = console or Console(stderr=True)
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task("", total=None)
        self.announcement = announced(self.progress.print)

    def __enter__(self) -> "Bars":
        self.progress.start()
        self.announcement.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.announcement.__exit__(kind, error, trace)
        self.progress.stop()

    def started(self, epochs: int, events: int, epoch: int) -> None:
        self.epochs, self.epoch, self.headed = epochs, epoch, False
        self.progress.reset(self.task, total=epochs * events, completed=epoch * events, description=self._doing())

    def stepped(self, events: int) -> None:
        self.progress.advance(self.task, events)

    def measured(self, record: Record) -> None:
        if not self.headed:
            self.progress.print(_line([name.replace("_", " ") for name in _shown(record)]))
        self.epoch, self.headed = self.epoch + 1, True
        self.progress.print(_line([f"{record[name]:{PLACES.get(name, '.4f')}}" for name in _shown(record)]))
        self.progress.update(self.task, description=self._doing())

    def _doing(self) -> str:
        return f"epoch {min(self.epoch + 1, self.epochs)} of at most {self.epochs}"


class Rate(ProgressColumn):
    """The column of ratings per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} ratings/s")


def _shown(record: Record) -> list[str]:
    return [name for name in record if name != "seconds"]


def _line(cells: list[str]) -> str:
    return " ".join(f"{cell:>{max(7, width)}}" for cell, width in zip(cells, (5, 11, 18, 18, 18), strict=False))
