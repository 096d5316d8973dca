"""The command line: a command parses, calls one function, and prints."""

import sys

from palate.cli.app import app
from palate.cli.output import fail
from palate.errors import Interrupted, PalateError


def main() -> None:
    """Run a command; an error is one line on stderr and exit code 2, a training that was stopped ends with 130."""
    try:
        app()
    except Interrupted as stopped:
        fail(stopped, code=130)
    except PalateError as error:
        fail(error, code=2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader, such as head, has seen enough
        sys.exit(1)


__all__ = ["app", "main"]
