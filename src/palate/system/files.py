"""Files and folders appear whole or not at all: written beside, then renamed."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from palate.errors import OutputError, PalateError


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to it when the block ends well, removed when it doesn't.

    Raises:
        OutputError: the place can't be written.
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
    """An empty folder beside `path`; takes its place when the block ends well, and is removed when it doesn't.

    A folder that was there is moved away first and deleted last, so there is a whole one at every moment: at `path`,
    or, for the instant between two renames, at `previous_of(path)`.

    Raises:
        OutputError: the place can't be written, or a file is there.
    """
    name, path = path, path.resolve()
    beside, previous = _beside(path), previous_of(path)
    try:
        if path.is_file():
            raise OutputError(f"can't write {name}: it is a file, and a folder is to be written there")
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
    """Where the old folder waits while `folder_written_beside` renames the new one; hidden, so that it is nobody's."""
    return path.with_name(f".{path.name}.previous")


def check_writable(path: Path) -> None:
    """Raises OutputError where nothing can be written beside `path`; parent folders are made."""
    beside = _beside(path.resolve())
    try:
        beside.mkdir(parents=True)
        beside.rmdir()
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror or error}") from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
