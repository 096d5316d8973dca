"""Kill a service again and again while it is told of events: is each that it acknowledged stored, and stored once?

    python -m tests.service.kills --kills 200 [--postgres]
    python -m tests.service.kills --full-disk    (as root)

With --postgres a database of its own is started, and in the middle stopped and started again: lists must go on, and
events be refused until it is back. With --full-disk events go to a disk of 1 MB until it is full, and then grows.
`test_kills.py` is the short form, whose full disk is a limit on the size of a file.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from palate.service.event_store import EventStore
from palate.service.server import run
from tests import trained

CLIENTS = 6

PROGRAMS = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])
"""Where PostgreSQL's programs may be: Debian keeps them off the PATH."""


class Told:
    """What clients sent, and what was acknowledged; a client sends an event until it is."""

    def __init__(self, port: int) -> None:
        self.port, self.done = port, threading.Event()
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.refused = 0
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.done.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        draw = random.Random(number)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            count = 0
            while not self.done.is_set():
                events = [_event(draw, f"{number}-{count + n}", count + n) for n in range(draw.randint(1, 4))]
                count += len(events)
                while not self._send(connection, events):
                    if self.done.wait(0.05):
                        return

    def _send(self, connection: http.client.HTTPConnection, events: list[dict[str, Any]]) -> bool:
        """Whether they were acknowledged."""
        try:
            body = json.dumps({"events": events})
            connection.request("POST", "/v1/events", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        if answer.status == 200:
            assert found["accepted"] + found["repeated"] == len(events), found
            self.acknowledged.update((event["id"], event) for event in events)
            return True
        assert answer.status == 503, (answer.status, found)
        assert int(answer.headers["retry-after"]) > 0
        self.refused += 1
        return False


def _event(draw: random.Random, name: str, time: int) -> dict[str, Any]:
    kind: dict[str, Any] = {"kind": "view"}
    if draw.random() < 0.7:
        kind = {"kind": "rating", "rating": draw.randint(1, 5)}
    return {"id": name, "user": draw.randint(1, 60), "item": draw.randint(101, 120), "time": time, **kind}


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["palate.service.server"])  # so that a service starts in a blink, and can be killed often


def serve(model: Path, events: str, port: int) -> None:
    """What a process of the service does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    run(model, events=events, host="127.0.0.1", port=port, tokens=None, watch=False, cache=100, ready=lambda _: None)


def start(model: Path, events: str, port: int) -> BaseProcess:
    """A service that answers."""
    process = FORKS.Process(target=serve, args=(model, events, port), daemon=True)
    process.start()
    for _ in range(1200):
        if asked(port, "/readyz") == 200:
            return process
        time.sleep(0.05)
    raise RuntimeError("the service does not answer")


def asked(port: int, path: str) -> int:
    """The status of an answer, 0 for none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Postgres:
    """A database server of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._data = folder / "database"
        self._user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
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
    database = Postgres(folder)
    database.start()
    try:
        yield database
    finally:
        database.stop()


def away(database: Postgres, told: Told, port: int) -> None:
    """The database stops and starts: lists are answered meanwhile, and events refused."""
    database.stop()
    before = told.refused
    until = time.monotonic() + 6
    while time.monotonic() < until:
        assert asked(port, "/v1/users/1/recommendations") == 200
        time.sleep(0.2)
    assert told.refused > before, "an event was taken while there was nowhere to keep it"
    database.start()
    count = len(told.acknowledged)
    wait(lambda: len(told.acknowledged) > count)


def small_disk() -> dict[str, int]:
    """A disk of its own fills up, and grows; for root."""
    with folders() as (model, folder):

        def room(_: BaseProcess, size: int) -> None:
            subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
        try:
            return fill(model, folder, room)
        finally:
            subprocess.run(["umount", str(folder)], check=True)


def small_files() -> dict[str, int]:
    """The service may write no file larger than that, and then it may: what anyone can do, and as good as a full disk
    to whoever writes."""

    def room(process: BaseProcess, size: int) -> None:
        assert process.pid is not None
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with folders() as (model, folder):
        return fill(model, folder, room)


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A model, and an empty folder beside it."""
    with tempfile.TemporaryDirectory() as name:
        model, folder = Path(name) / "model.palate", Path(name) / "events"
        trained.train("mf", output=model)
        folder.mkdir()
        yield model, folder


def fill(model: Path, folder: Path, room: Callable[[BaseProcess, int], None]) -> dict[str, int]:
    """The room for events is used up: lists go on, events are refused and taken again once there is more, and none is
    lost. room: gives a process so many bytes."""
    events, port = str(folder / "events.sqlite"), free_port()
    told, process = Told(port), start(model, events, port)
    room(process, 2**20)
    told.start()
    try:
        wait(lambda: told.refused > 20)
        assert asked(port, "/v1/users/1/recommendations") == 200
        full = len(told.acknowledged)
        room(process, 100 * 2**20)
        wait(lambda: len(told.acknowledged) > full + 100)
    finally:
        told.stop()
        process.terminate()
        process.join(30)
    stored = check(events, told)
    return {
        "acknowledged_until_full": full,
        "refused": told.refused,
        "acknowledged": len(told.acknowledged),
        "stored": stored,
    }


def wait(until: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def check(events: str, told: Told) -> int:
    """Every event acknowledged is stored as it was sent, and none twice -> how many are stored."""
    with closing(EventStore(events)) as store:
        stored = list(store.read())
    twice = [id_ for id_, count in Counter(event.id for event in stored).items() if count > 1]
    assert not twice, f"stored twice: {twice[:5]}"
    by_id = {event.id: event for event in stored}
    missing = told.acknowledged.keys() - by_id.keys()
    assert not missing, f"{len(missing)} acknowledged and not stored, such as {sorted(missing)[:5]}"
    for id_, sent in told.acknowledged.items():
        found = by_id[id_]
        assert (found.user, found.item, found.kind) == (str(sent["user"]), str(sent["item"]), sent["kind"]), id_
        assert (found.rating, found.time) == (sent.get("rating"), sent["time"]), id_
    return len(stored)


def main(kills: int, *, with_postgres: bool = False, seed: int = 0) -> dict[str, int]:
    """-> the numbers of kills, and of events acknowledged, stored and refused."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "model.palate"
        trained.train("mf", output=model)
        with postgres(folder) if with_postgres else nullcontext() as database:
            events = database.url if database is not None else str(folder / "events.sqlite")
            port = free_port()
            told = Told(port)
            process = start(model, events, port)
            told.start()
            try:
                for kill in range(kills):
                    time.sleep(draw.uniform(0.02, 1.0))
                    process.kill()
                    process.join()
                    process = start(model, events, port)
                    if database is not None and kill == kills // 2:
                        away(database, told, port)
                    if (kill + 1) % 20 == 0:
                        print(f"{kill + 1} kills, {len(told.acknowledged):,} events acknowledged", flush=True)
            finally:
                told.stop()
                process.terminate()
                process.join(30)
            stored = check(events, told)
    return {"kills": kills, "acknowledged": len(told.acknowledged), "stored": stored, "refused": told.refused}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--full-disk", action="store_true")
    options = parser.parse_args()
    print(json.dumps(small_disk() if options.full_disk else main(options.kills, with_postgres=options.postgres)))
