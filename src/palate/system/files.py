"""Write files and folders whole or not at all: to a temporary path beside them, then renamed."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from palate.errors import OutputError, PalateError


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds, remove it if not.

    Raises:
        OutputError: `path` can't be written.
    """
    name, path = path, path.resolve()
    beside = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(path)
    except PalateError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {name}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def folder_written_beside(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; rename it to `path` if the block succeeds, remove it if not.

    An old folder is moved away first and deleted last, so that a whole folder exists at every moment: at `path`, or,
    between the two renames, at `previous_of(path)`.

    Raises:
        OutputError: `path` can't be written, or is a file.
    """
    name, path = path, path.resolve()
    beside, previous = _beside(path), previous_of(path)
    try:
        if path.is_file():
            raise OutputError(f"can't write {name}: it is a file, and the output is a folder; choose another name")
        beside.mkdir(parents=True)
        yield beside
        if path.exists():
            shutil.rmtree(previous, ignore_errors=True)
            path.replace(previous)
        beside.replace(path)
        shutil.rmtree(previous, ignore_errors=True)
    except PalateError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {name}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def previous_of(path: Path) -> Path:
    """Return the hidden path of the old folder while `folder_written_beside` renames the new one."""
    return path.with_name(f".{path.name}.previous")


def check_writable(path: Path) -> None:
    """Raise OutputError if nothing can be written beside `path`. Parent folders are created."""
    beside = _beside(path.resolve())
    try:
        beside.mkdir(parents=True)
        beside.rmdir()
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror or error}") from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
