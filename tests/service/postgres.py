"""A PostgreSQL server for tests."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
"""Folders to search for PostgreSQL's programs: Debian keeps them off the PATH."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Postgres:
    """A PostgreSQL server with a new database in a folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "database"
        self._user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        self._data.mkdir()
        if self._user:
            shutil.chown(self._data, self._user)
            folder.chmod(0o755)
        self._run("initdb", "-U", "palate", "-A", "trust", "-D", str(self._data))
        self.url = f"postgresql://palate@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._data} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", str(self._data / "log"), "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def _run(self, *command: str) -> None:
        program = shutil.which(command[0], path=PROGRAMS)
        assert program is not None, f"{command[0]} is missing: install PostgreSQL"
        subprocess.run([program, *command[1:]], user=self._user, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Start a PostgreSQL server, and stop it at the end."""
    database = Postgres(folder)
    database.start()
    try:
        yield database
    finally:
        database.stop()
