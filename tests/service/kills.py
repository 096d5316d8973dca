"""Kill a service again and again while it stores events, and check that each acknowledged event is stored once.

    python -m tests.service.kills --kills 200 [--postgres]
    python -m tests.service.kills --full-disk    (as root)

With --postgres a PostgreSQL server is started, and stopped for a while in the middle: lists must go on, and events must
be refused until it is back. With --full-disk the events go to a disk of 1 MB until it is full, and the disk then grows.
`test_kills.py` is the short form, whose full disk is a limit on the size of a file.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import resource
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
from tests.service.postgres import Postgres, free_port, postgres

CLIENTS = 6


class EventClients:
    """Clients that send events, each until it is acknowledged, and a record of the acknowledged events."""

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
        """Send events and return whether they were acknowledged."""
        try:
            body = json.dumps({"events": events})
            connection.request("POST", "/v1/events", body, {"content-type": "application/json"})
            response = connection.getresponse()
            result = json.loads(response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            return False
        if response.status == 200:
            assert result["accepted"] + result["repeated"] == len(events), result
            self.acknowledged.update((event["id"], event) for event in events)
            return True
        assert response.status == 503, (response.status, result)
        assert int(response.headers["retry-after"]) > 0
        self.refused += 1
        return False


def _event(draw: random.Random, name: str, time: int) -> dict[str, Any]:
    kind: dict[str, Any] = {"kind": "view"}
    if draw.random() < 0.7:
        kind = {"kind": "rating", "rating": draw.randint(1, 5)}
    return {"id": name, "user": draw.randint(1, 60), "item": draw.randint(101, 120), "time": time, **kind}


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["palate.service.server"])  # a service then starts quickly and can be killed often


def serve(model: Path, events: str, port: int) -> None:
    """Run a service in a process of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    run(model, events=events, host="127.0.0.1", port=port, tokens=None, watch=False, cache=100, ready=lambda _: None)


def start(model: Path, events: str, port: int) -> BaseProcess:
    """Start a service and wait until it responds."""
    process = FORKS.Process(target=serve, args=(model, events, port), daemon=True)
    process.start()
    for _ in range(1200):
        if status_of(port, "/readyz") == 200:
            return process
        time.sleep(0.05)
    raise RuntimeError("the service does not respond")


def status_of(port: int, path: str) -> int:
    """Return the status of a response, 0 where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def restart_database(database: Postgres, clients: EventClients, port: int) -> None:
    """Stop the database and start it again: lists must go on meanwhile, and events must be refused."""
    database.stop()
    before = clients.refused
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert status_of(port, "/v1/users/1/recommendations") == 200
        time.sleep(0.2)
    assert clients.refused > before, "an event was accepted while the database was down"
    database.start()
    count = len(clients.acknowledged)
    wait_for(lambda: len(clients.acknowledged) > count)


def small_disk() -> dict[str, int]:
    """Fill a small disk, and then let it grow; needs root."""
    with folders() as (model, folder):

        def set_room(_: BaseProcess, size: int) -> None:
            subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
        try:
            return fill(model, folder, set_room)
        finally:
            subprocess.run(["umount", str(folder)], check=True)


def small_files() -> dict[str, int]:
    """Limit the size of files of the service, and then raise the limit: a full disk without being root."""

    def set_room(process: BaseProcess, size: int) -> None:
        assert process.pid is not None
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with folders() as (model, folder):
        return fill(model, folder, set_room)


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """Yield the folder of a trained model, and an empty folder for events."""
    with tempfile.TemporaryDirectory() as name:
        model, folder = Path(name) / "model.palate", Path(name) / "events"
        trained.train("mf", output=model)
        folder.mkdir()
        yield model, folder


def fill(model: Path, folder: Path, set_room: Callable[[BaseProcess, int], None]) -> dict[str, int]:
    """Use up the room for events: lists must go on, and events must be refused until there is more room.

    set_room: allows a process to write that many bytes.
    """
    events, port = str(folder / "events.sqlite"), free_port()
    clients, process = EventClients(port), start(model, events, port)
    set_room(process, 2**20)
    clients.start()
    try:
        wait_for(lambda: clients.refused > 20)
        assert status_of(port, "/v1/users/1/recommendations") == 200
        full = len(clients.acknowledged)
        set_room(process, 100 * 2**20)
        wait_for(lambda: len(clients.acknowledged) > full + 100)
    finally:
        clients.stop()
        process.terminate()
        process.join(30)
    stored = check(events, clients)
    return {
        "acknowledged_until_full": full,
        "refused": clients.refused,
        "acknowledged": len(clients.acknowledged),
        "stored": stored,
    }


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {seconds:g} seconds"
        time.sleep(0.1)


def check(events: str, clients: EventClients) -> int:
    """Check that every acknowledged event is stored once and as it was sent; return the number of stored events."""
    with closing(EventStore(events)) as store:
        stored = list(store.read())
    repeated = [id_ for id_, count in Counter(event.id for event in stored).items() if count > 1]
    assert not repeated, f"stored twice: {repeated[:5]}"
    by_id = {event.id: event for event in stored}
    missing = clients.acknowledged.keys() - by_id.keys()
    assert not missing, f"{len(missing)} events were acknowledged but not stored, such as {sorted(missing)[:5]}"
    for id_, sent in clients.acknowledged.items():
        event = by_id[id_]
        assert (event.user, event.item, event.kind) == (str(sent["user"]), str(sent["item"]), sent["kind"]), id_
        assert (event.rating, event.time) == (sent.get("rating"), sent["time"]), id_
    return len(stored)


def main(kills: int, *, with_postgres: bool = False, seed: int = 0) -> dict[str, int]:
    """Return the number of kills and of events acknowledged and stored, and the number of refused requests."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "model.palate"
        trained.train("mf", output=model)
        with postgres(folder) if with_postgres else nullcontext() as database:
            events = database.url if database is not None else str(folder / "events.sqlite")
            port = free_port()
            clients = EventClients(port)
            process = start(model, events, port)
            clients.start()
            try:
                for kill in range(kills):
                    time.sleep(draw.uniform(0.02, 1.0))
                    process.kill()
                    process.join()
                    process = start(model, events, port)
                    if database is not None and kill == kills // 2:
                        restart_database(database, clients, port)
                    if (kill + 1) % 20 == 0:
                        print(f"{kill + 1} kills, {len(clients.acknowledged):,} events acknowledged", flush=True)
            finally:
                clients.stop()
                process.terminate()
                process.join(30)
            stored = check(events, clients)
    return {"kills": kills, "acknowledged": len(clients.acknowledged), "stored": stored, "refused": clients.refused}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--full-disk", action="store_true")
    options = parser.parse_args()
    print(json.dumps(small_disk() if options.full_disk else main(options.kills, with_postgres=options.postgres)))
