"""Download one file over HTTP: resume it, check it, and never leave half a file under its final name."""

import hashlib
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from zipfile import ZipFile

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from palate.errors import DownloadError

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as dead."""

BLOCK = 1 << 18
LARGEST_MEMBER = 2_000_000_000
"""Bytes; a larger file in an archive is refused. The largest known one, in MovieLens 32M, has 0.9e9."""


def download(url: str, path: Path, md5: str, *, show: bool) -> None:
    """Download `url` to `path`, after the bytes that `path` already holds. `show` draws a progress bar.

    Raises:
        DownloadError: the connection was cut (the bytes received stay), or the file is another one (it is deleted).
        OSError, HTTPException: as urllib and the disk raise them.
    """
    n_bytes = path.stat().st_size if path.exists() else 0
    if n_bytes and md5_of(path) == md5:
        return
    with _open(url, n_bytes) as response:
        _receive(response, path, show=show)
    if (actual := md5_of(path)) != md5:
        path.unlink()
        raise DownloadError(f"the file received from {url} has the MD5 checksum {actual}, not {md5}, and was deleted")


def _open(url: str, n_bytes: int) -> HTTPResponse:
    """Request the bytes after the first `n_bytes`, or all of them if the server has no more than that."""
    headers = {"User-Agent": "palate"}
    try:
        request = Request(url, headers=headers | ({"Range": f"bytes={n_bytes}-"} if n_bytes else {}))
        return cast(HTTPResponse, urlopen(request, timeout=TIMEOUT))
    except HTTPError as error:
        error.close()
        if error.code != 416:
            raise
        return cast(HTTPResponse, urlopen(Request(url, headers=headers), timeout=TIMEOUT))


def content_of(url: str) -> bytes:
    """Return the bytes at an address.

    Raises:
        OSError, HTTPException, ValueError: the server does not answer, or not with all the bytes; it is no address.
    """
    with _open(url, 0) as response:
        return response.read()


def _receive(response: HTTPResponse, path: Path, *, show: bool) -> None:
    resumed = response.status == 206
    done = path.stat().st_size if resumed else 0
    length = response.headers["Content-Length"]
    total = done + int(length) if length else None
    with _bar(show) as bar, path.open("ab" if resumed else "wb") as file:
        task = bar.add_task(path.name, total=total, completed=done)
        while block := response.read(BLOCK):
            done += file.write(block)
            bar.update(task, completed=done)
    if total is not None and done < total:
        raise DownloadError(f"the connection ended after {done:,} of {total:,} bytes; try again to continue from there")


def _bar(show: bool) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    hidden = not (show and sys.stderr.isatty())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=hidden)


def md5_of(path: Path) -> str:
    """Return the MD5 of a file in hexadecimal: it shows damage, not attacks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def extract(archive: Path, members: Mapping[str, Path]) -> None:
    """Extract the named members of a zip file, and nothing else, each to its path.

    Raises:
        DownloadError: a member is larger than `LARGEST_MEMBER`.
        OSError, BadZipFile, KeyError: the disk is full, the archive is broken or lacks a member.
    """
    with ZipFile(archive) as zipped:
        for member, path in members.items():
            info = zipped.getinfo(member)
            if info.file_size > LARGEST_MEMBER:
                raise DownloadError(
                    f"{member} in {archive} has {info.file_size:,} bytes: the limit is {LARGEST_MEMBER:,}"
                )
            with beside(path) as part, zipped.open(info) as source, part.open("xb") as target:
                shutil.copyfileobj(source, target, BLOCK)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`: it is renamed to `path` at the end, and removed after an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock the file `path` against other processes, waiting for it first; the system unlocks it if this one dies."""
    with path.open("ab") as file:
        if sys.platform == "win32":  # pragma: no cover
            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # after ten seconds
                    continue
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def reason(error: Exception) -> str:
    """Return the reason of an error in one line."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    cause = error.reason if isinstance(error, URLError) else error
    return " ".join(str(cause).split()) or type(cause).__name__
