"""The command line: each command reads its options, calls the library and prints the answer."""

import atexit
import gc
import os
import sys
from typing import Any

import typer

from palate.cli.app import app
from palate.cli.option_groups import written
from palate.cli.output import STOPPED, fail
from palate.errors import COMMAND_LINE, Interrupted, PalateError

UsageError: Any = typer.BadParameter.__mro__[1]  # click's own, which typer gives no name


def main() -> None:
    """Run a command; an error is one line on stderr and exit code 2, a training that was stopped ends with 130."""
    # A thread that waits for work spins a little before it sleeps, so that other programs get the processor.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    gc.set_threshold(50_000)  # imports make many objects and hardly any garbage
    atexit.register(gc.freeze)  # or Python looks through all that torch made, once more, before it ends
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # for titles in any alphabet
    surface = COMMAND_LINE.set(written)
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="palate", standalone_mode=False)
    except UsageError as mistake:
        command = mistake.ctx.command_path if mistake.ctx is not None else "palate"
        fail(f"{mistake.format_message()} ({command} --help says more)", code=2)
    except typer.Abort:
        code = STOPPED
    except Interrupted as stopped:
        fail(str(stopped), code=STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, such as head, has seen enough
        sys.exit(1)
    except (PalateError, OSError) as error:
        fail(str(error), code=2)
    finally:
        COMMAND_LINE.reset(surface)
    if code == STOPPED:  # newer typers give it for Ctrl-C, older ones raise Abort
        fail("stopped", code)
    sys.exit(code)


__all__ = ["app", "main"]
