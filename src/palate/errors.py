"""Every error raised on purpose, as one tree. Each is also the matching builtin.

PalateError
├── DataError          (ValueError)    a table breaks a rule: the message names file, row, column and value
├── OptionError        (ValueError)    an option or setting is out of its bounds
├── UnknownIdError     (LookupError)   an id the model has never seen; the message offers near misses
├── UnsupportedError   (TypeError)     this model lacks the ability asked for; the message says who has it
├── ArtifactError      (OSError)       a saved folder cannot be read
├── OutputError        (OSError)       a file or folder cannot be written
├── DownloadError      (OSError)       a data set could not be fetched; the message says how to fetch it by hand
└── Interrupted        (RuntimeError)  training was stopped; the message says how to resume
"""


class PalateError(Exception):
    """Base of every error that Palate raises on purpose; its text is one line, meant for a person."""


class DataError(PalateError, ValueError):
    """A table breaks a rule: the message names file, row, column and value, and what to do."""


class OptionError(PalateError, ValueError):
    """An option or setting is out of its bounds: the message names it, its value and the bound."""


class UnknownIdError(PalateError, LookupError):
    """An id that the model has never seen: the message offers near misses."""


class UnsupportedError(PalateError, TypeError):
    """The model lacks the ability asked for: the message says which models have it."""


class ArtifactError(PalateError, OSError):
    """A saved folder cannot be read: corrupt, truncated, foreign, newer or half-written."""


class OutputError(PalateError, OSError):
    """A file or folder cannot be written; what was there before is untouched."""


class DownloadError(PalateError, OSError):
    """A data set could not be fetched: the message gives the address to fetch by hand."""


class Interrupted(PalateError, RuntimeError):  # noqa: N818 - it is not a mistake, so not named one
    """Training was stopped on request: the message says how to resume."""


def at_least(value: int, bound: int, name: str) -> None:
    """Raises OptionError where value is below the bound."""
    if value < bound:
        raise OptionError(f"{name} is {value}: it must be at least {bound}")
