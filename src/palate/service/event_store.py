"""Storage of events: a SQLite file or a PostgreSQL database. An event is acknowledged once it is on the disk.

An event is identified by its id and is stored once, so that a client that got no response sends it again until it gets
one. Events that arrive together are committed together.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
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

    @property
    def content(self) -> tuple[str, str, str, float | None]:
        """User, item, kind and rating: two events with one id must share them. The time may be that of arrival."""
        return self.user, self.item, self.kind, self.rating


INSERTED = StoredEvent._fields[1:]
"""The columns of an insert: the database assigns the number."""


class StoredEvents(NamedTuple):
    """The result of storing the events of one request."""

    accepted: int
    repeated: int
    events: list[StoredEvent]
    """The rows with their numbers; a repeated event is the row that was stored first."""
    conflict: int | None = None
    """The place of the first event whose id belongs to another event: none of the request's events is stored then."""


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
        with self._engine.begin() as connection:
            stored = _with_ids(connection, {event.id for events in requests for event in events})
            by_id, conflicts = dict(stored), list[int | None]()
            for events in requests:
                conflicts.append(_conflict(events, by_id))
                if conflicts[-1] is None:
                    by_id |= {event.id: event for event in reversed(events) if event.id not in by_id}
            new = by_id.keys() - stored.keys()
            inserted = self._inserted(connection, [by_id[id_] for id_ in sorted(new)])  # one order: no deadlock
            stored |= inserted | _with_ids(connection, new - inserted.keys())  # another process was faster
        return [
            _result(events, stored, conflict, inserted) for events, conflict in zip(requests, conflicts, strict=True)
        ]

    def _inserted(self, connection: sql.Connection, events: Sequence[StoredEvent]) -> dict[str, StoredEvent]:
        """Insert the events whose ids are not there yet, and return them by id."""
        rows: dict[str, StoredEvent] = {}
        insert = self._insert(TABLE).on_conflict_do_nothing(index_elements=["id"]).returning(*TABLE.c)
        for start in range(0, len(events), ROWS_PER_STATEMENT):
            chunk = events[start : start + ROWS_PER_STATEMENT]
            values = [dict(zip(INSERTED, event[1:], strict=True)) for event in chunk]
            rows.update((row.id, StoredEvent(*row)) for row in connection.execute(insert.values(values)))
        return rows

    def close(self) -> None:
        self._engine.dispose()


def _with_ids(connection: sql.Connection, ids: Collection[str]) -> dict[str, StoredEvent]:
    """Return the stored events with these ids, by id."""
    rows: dict[str, StoredEvent] = {}
    in_order = sorted(ids)
    for start in range(0, len(in_order), ROWS_PER_STATEMENT):
        chunk = in_order[start : start + ROWS_PER_STATEMENT]
        statement = TABLE.select().where(TABLE.c.id.in_(chunk))
        rows.update((row.id, StoredEvent(*row)) for row in connection.execute(statement))
    return rows


def _conflict(events: Sequence[StoredEvent], by_id: Mapping[str, StoredEvent]) -> int | None:
    """Return the place of the first event whose id belongs to another event, here or earlier in the request."""
    known = dict[str, StoredEvent]()
    for place, event in enumerate(events):
        other = by_id.get(event.id) or known.setdefault(event.id, event)
        if other.content != event.content:
            return place
    return None


def _result(
    events: Sequence[StoredEvent], stored: Mapping[str, StoredEvent], conflict: int | None, new: dict[str, StoredEvent]
) -> StoredEvents:
    """Return the result of a request, and take its events out of the new ones."""
    if conflict is None:
        conflict = _conflict(events, stored)
    if conflict is not None:
        same = [
            stored[event.id] for event in events if event.id in stored and stored[event.id].content == event.content
        ]
        return StoredEvents(0, 0, same, conflict)
    ids = list(dict.fromkeys(event.id for event in events))
    accepted = sum(new.pop(id_, None) is not None for id_ in ids)
    return StoredEvents(accepted, len(events) - accepted, [stored[id_] for id_ in ids])


def _url(location: str) -> URL:
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location)))
    try:
        url = make_url(location)
    except sql.exc.ArgumentError as error:
        raise OptionError("the events database is not a URL such as postgresql://user@host/database") from error
    if url.get_backend_name() in ("postgresql", "postgres"):
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
