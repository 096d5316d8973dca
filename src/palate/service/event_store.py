"""Where events are kept: a SQLite file, or a PostgreSQL database. What is acknowledged is on the disk, once.

An event is known by its id: sent again it is not stored again, so that a client that had no answer sends it until it
has one. Events that come together are committed together.
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

PATIENCE = 5
"""Seconds that a database may take to answer."""

AT_ONCE = 500
"""Rows in a statement, at most."""


class StoredEvent(NamedTuple):
    """A row of the table; ids as text."""

    number: int
    id: str
    user: str
    item: str
    kind: str
    rating: float | None
    time: float


NUMBERLESS = StoredEvent._fields[1:]


class StoredEvents(NamedTuple):
    """What became of the events of one request."""

    accepted: int
    repeated: int
    events: list[StoredEvent]
    """As they are stored, with their numbers: of a repeated one what came first."""


StoreError = sql.exc.SQLAlchemyError
"""The database is down, full or slow: nothing of what was asked is acknowledged."""


class EventStore:
    """Used by one thread at a time."""

    def __init__(self, where: str) -> None:
        """where: a database's URL, or the path of a SQLite file."""
        url = _url(where)
        self._insert = INSERTS[url.get_backend_name()]
        self._engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
        self._prepared = False
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make the table where there is none.

        Raises:
            StoreError: the database can't be reached, or written.
        """
        with self._lock:
            if not self._prepared:
                TABLE.metadata.create_all(self._engine)
                self._prepared = True

    def read(self) -> Iterator[StoredEvent]:
        """Every event, in the order they were stored in.

        Raises:
            StoreError: the database can't be read.
        """
        self.prepare()
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=10_000).execute(TABLE.select().order_by(TABLE.c.number)):
                yield StoredEvent(*row)

    def add(self, requests: Sequence[Sequence[StoredEvent]]) -> list[StoredEvents]:
        """Store the events of several requests in one transaction; their numbers are not looked at.

        Raises:
            StoreError: none of them is known to be stored.
        """
        self.prepare()
        wanted = {event.id: event for events in reversed(requests) for event in reversed(events)}  # the first of each
        ids = sorted(wanted)  # in one order, so that no two writers wait for each other
        found: dict[str, StoredEvent] = {}
        new: set[str] = set()
        with self._engine.begin() as connection:
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                insert = self._insert(TABLE).on_conflict_do_nothing(index_elements=["id"]).returning(TABLE.c.id)
                rows = [dict(zip(NUMBERLESS, wanted[id_][1:], strict=True)) for id_ in some]
                new.update(connection.execute(insert.values(rows)).scalars())
                stored = connection.execute(TABLE.select().where(TABLE.c.id.in_(some)))
                found.update((row.id, StoredEvent(*row)) for row in stored)
        kept = []
        for events in requests:
            mine = list(dict.fromkeys(event.id for event in events))
            accepted = sum(id_ in new for id_ in mine)
            new.difference_update(mine)
            kept.append(StoredEvents(accepted, len(events) - accepted, [found[id_] for id_ in mine]))
        return kept

    def close(self) -> None:
        self._engine.dispose()


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite", database=str(Path(where)))
    try:
        url = make_url(where)
    except sql.exc.ArgumentError as error:
        raise OptionError("the events' database is no URL such as postgresql://user@host/database") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise OptionError(f"events are kept in sqlite or postgresql, not in {url.get_backend_name()}")
    return url


def _sqlite(url: URL) -> sql.Engine:
    """A commit is written through to the disk before it returns, and a reader never holds up the writer."""
    engine = sql.create_engine(url, connect_args={"timeout": PATIENCE, "check_same_thread": False})

    @sql.event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below, and not by sqlite3's own rules
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @sql.event.listens_for(engine, "begin")
    def begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> sql.Engine:
    options = f"-c statement_timeout={PATIENCE}s -c synchronous_commit=on"
    arguments = {"connect_timeout": PATIENCE, "tcp_user_timeout": PATIENCE * 1000, "options": options}
    return sql.create_engine(url, connect_args=arguments, pool_pre_ping=True)
