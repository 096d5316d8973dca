"""Storage of events: a SQLite file or a PostgreSQL database. An event is acknowledged once it is on the disk.

An event is identified by its id and is stored once, so that a client that got no response sends it again until it gets
one. Events that arrive together are committed together.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url

from palate.errors import OptionError

TABLE = sql.Table(
    "palate_events",
    sql.MetaData(),
    sql.Column("number", sql.BigInteger().with_variant(sql.Integer(), "sqlite"), primary_key=True, autoincrement=True),
    sql.Column("id", sql.String(128), nullable=False, unique=True),
    sql.Column("user", sql.Text, nullable=False),
    sql.Column("item", sql.Text, nullable=False),
    sql.Column("kind", sql.String(16), nullable=False),
    sql.Column("rating", sql.Double),
    sql.Column("time", sql.Double, nullable=False),
)

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

TIMEOUT_SECONDS = 5
"""Seconds that a statement may take."""

ROWS_PER_STATEMENT = 500
"""Largest number of rows in one statement."""


class StoredEvent(NamedTuple):
    """A row of the table; ids are text."""

    number: int
    id: str
    user: str
    item: str
    kind: str
    rating: float | None
    time: float


INSERTED = StoredEvent._fields[1:]
"""The columns of an insert: the database assigns the number."""


class StoredEvents(NamedTuple):
    """The result of storing the events of one request."""

    accepted: int
    repeated: int
    events: list[StoredEvent]
    """The rows with their numbers; a repeated event is the row that was stored first."""


StoreError = sql.exc.SQLAlchemyError
"""The database is down, full or slow: no event of the request is acknowledged."""


class EventStore:
    """A table of events in a database; one thread uses it at a time."""

    def __init__(self, location: str) -> None:
        """location: the URL of a database, or the path of a SQLite file."""
        url = _url(location)
        self._insert = INSERTS[url.get_backend_name()]
        self._engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
        self._prepared = False
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Create the table if it does not exist.

        Raises:
            StoreError: the database can't be reached or written.
        """
        with self._lock:
            if not self._prepared:
                TABLE.metadata.create_all(self._engine)
                self._prepared = True

    def read(self) -> Iterator[StoredEvent]:
        """Yield every event in the order of storage.

        Raises:
            StoreError: the database can't be read.
        """
        self.prepare()
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=10_000).execute(TABLE.select().order_by(TABLE.c.number)):
                yield StoredEvent(*row)

    def add(self, requests: Sequence[Sequence[StoredEvent]]) -> list[StoredEvents]:
        """Store the events of several requests in one transaction; the numbers of the events are ignored.

        Raises:
            StoreError: none of the events is known to be stored.
        """
        self.prepare()
        events_by_id = {
            event.id: event for events in reversed(requests) for event in reversed(events)
        }  # first one wins
        ids = sorted(events_by_id)  # the same order in every writer, so that none deadlocks
        stored: dict[str, StoredEvent] = {}
        new: set[str] = set()
        with self._engine.begin() as connection:
            for start in range(0, len(ids), ROWS_PER_STATEMENT):
                chunk = ids[start : start + ROWS_PER_STATEMENT]
                insert = self._insert(TABLE).on_conflict_do_nothing(index_elements=["id"]).returning(TABLE.c.id)
                values = [dict(zip(INSERTED, events_by_id[id_][1:], strict=True)) for id_ in chunk]
                new.update(connection.execute(insert.values(values)).scalars())
                rows = connection.execute(TABLE.select().where(TABLE.c.id.in_(chunk)))
                stored.update((row.id, StoredEvent(*row)) for row in rows)
        results = []
        for events in requests:
            request_ids = list(dict.fromkeys(event.id for event in events))
            accepted = sum(id_ in new for id_ in request_ids)
            new.difference_update(request_ids)
            results.append(StoredEvents(accepted, len(events) - accepted, [stored[id_] for id_ in request_ids]))
        return results

    def close(self) -> None:
        self._engine.dispose()


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location)))
    try:
        url = make_url(location)
    except sql.exc.ArgumentError as error:
        raise OptionError("the events database is not a URL such as postgresql://user@host/database") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise OptionError(f"events can't be stored in {url.get_backend_name()}: use sqlite or postgresql")
    return url


def _sqlite(url: URL) -> sql.Engine:
    """Make an engine whose commits are on the disk before they return, and whose readers never block the writer."""
    engine = sql.create_engine(url, connect_args={"timeout": TIMEOUT_SECONDS, "check_same_thread": False})

    @sql.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # sqlite3 must not begin transactions by its own rules
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @sql.event.listens_for(engine, "begin")
    def begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> sql.Engine:
    options = f"-c statement_timeout={TIMEOUT_SECONDS}s -c synchronous_commit=on"
    arguments = {"connect_timeout": TIMEOUT_SECONDS, "tcp_user_timeout": TIMEOUT_SECONDS * 1000, "options": options}
    return sql.create_engine(url, connect_args=arguments, pool_pre_ping=True)
