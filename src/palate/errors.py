"""The errors that Palate raises on purpose, as one tree, and the way that messages name an option.

Each class also derives from the matching builtin.

PalateError
├── DataError          (ValueError)    a table breaks a rule: the message names file, row, column and value
├── OptionError        (ValueError)    an option or setting is out of its bounds
├── UnknownIdError     (LookupError)   the model does not know an id; the message offers near misses
├── UnsupportedError   (TypeError)     the model lacks an ability; the message names the models that have it
├── ArtifactError      (OSError)       a saved model cannot be read
├── OutputError        (OSError)       a file or folder cannot be written
├── DownloadError      (OSError)       a data set cannot be downloaded; the message says how to fetch it by hand
└── Interrupted        (RuntimeError)  training was stopped; the message says how to resume
"""

from collections.abc import Callable
from contextvars import ContextVar
from operator import index
from typing import SupportsFloat, SupportsIndex


class PalateError(Exception):
    """Base class of every error that Palate raises on purpose. The message is one line that users can read."""


class DataError(PalateError, ValueError):
    """A table breaks a rule: the message names file, row, column and value, and says what to do."""


class OptionError(PalateError, ValueError):
    """An option or setting is out of its bounds: the message gives its name, its value and the bound."""


class UnknownIdError(PalateError, LookupError):
    """The model does not know an id: the message offers near misses."""


class UnsupportedError(PalateError, TypeError):
    """The model lacks an ability, such as predicting ratings: the message names the models that have it."""


class ArtifactError(PalateError, OSError):
    """A saved model cannot be read: it is corrupt, truncated, foreign, half-written or of a newer format."""


class OutputError(PalateError, OSError):
    """A file or folder cannot be written. What was there before stays untouched."""


class DownloadError(PalateError, OSError):
    """A data set cannot be downloaded: the message gives the address to fetch it from by hand."""


class Interrupted(PalateError, RuntimeError):  # noqa: N818 - stopping is no mistake
    """Training was stopped on request: the message says how to resume."""


COMMAND_LINE: ContextVar[Callable[[str, object], str] | None] = ContextVar("COMMAND_LINE", default=None)
"""How the command line writes an option, by name and value, while one of its commands runs; None in Python."""


def option(name: str, value: object = None) -> str:
    """Return an option as the reader of the message writes it: `time_unit='ms'` in Python, `--time-unit ms` in a shell.

    value: None for the name alone, False for a column that is left out.
    """
    written = COMMAND_LINE.get()
    if written is not None:
        return written(name, value)
    return name if value is None else f"{name}={value!r}"


def either(python: str, command_line: str) -> str:
    """Return the text for the surface in use, where more than an option differs."""
    return python if COMMAND_LINE.get() is None else command_line


def at_least(value: object, bound: int, name: str) -> int:
    """Return a whole number that is at least `bound`; name is the option's name for the message.

    Raises:
        OptionError: it is below the bound, or no whole number, such as 2.5, "3" or None.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise OptionError(f"{option(name)} is {value!r}: it must be a whole number, at least {bound}")
    number = index(value)
    if number < bound:
        raise OptionError(f"{option(name)} is {number}: it must be at least {bound}")
    return number


def as_number(value: object, name: str) -> float:
    """Return a number, such as a share or minutes; name is the option's name for the message.

    Raises:
        OptionError: it is not a number, such as "0.2" or None.
    """
    try:
        if isinstance(value, bool) or not isinstance(value, SupportsFloat):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        shown = " ".join(repr(value).split())[:60]
        raise OptionError(f"{option(name)} is {shown}: it must be a number") from None
