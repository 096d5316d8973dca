"""A matrix with a row for each user and a column for each item -> Table with a row for each rating."""

from collections.abc import Sequence

import polars as pl

from palate.data.reading.columns import KNOWN, Choice, Choices, Roles, as_number, named, plain
from palate.data.reading.delimited import columns, place_in
from palate.data.reading.files import Raw
from palate.data.reading.layouts import Layout
from palate.data.reading.tables import Table
from palate.data.vocabulary import as_integers
from palate.errors import DataError, option

USER_NAMES = (*KNOWN["user"][0], *KNOWN["user"][1], "id")
EMPTY = (None, 99.0, 0.0, -1.0)
"""What a cell without a rating may hold: nothing, or one of these numbers."""


def has_header(where: str, rows: Sequence[Sequence[str]], user: Choice) -> bool:
    """Return whether the first row of a matrix names its columns. where: the file's name. user: the caller's choice.

    Raises:
        DataError: the first row may be names or ratings.
    """
    first, others = rows[0], rows[1:]
    if isinstance(user, str) and user in first:
        return True
    if user is not None or as_number(first[0]) is not None:
        return False
    if not first[0].strip() or plain(first[0]) in USER_NAMES:
        return True
    if any(cell and as_number(cell) is None for cell in first[1:]) or all(
        as_number(row[0]) is not None for row in others
    ):
        return True
    raise DataError(
        f"{where}: is the first line a header or data? Say {option('user', first[0])} if it is a header, "
        f"{option('user', 1)} if not"
    )


def wide_table(raw: Raw, layout: Layout, choices: Choices) -> Table:
    """Read a matrix; empty cells are no ratings. Without a column of users, the number of the row is the user.

    Raises:
        DataError: rows are ragged, no cell has a value, or it is unclear whether the first column is the users.
    """
    user, left_out = _user_column(raw.name, layout, choices)
    frame = columns(raw, layout, dict.fromkeys(layout.names, pl.String()))
    numbered = frame.with_row_index("\0row")
    users = numbered["\0row"] + 1 if user is None else as_integers(frame[user])
    items = [name for name in layout.names if name not in (user, left_out)]
    cells = numbered.select("\0row", *items).unpivot(items, index="\0row", variable_name="item", value_name="rating")
    cells = cells.filter(pl.col("rating").is_not_null() & (pl.col("rating").str.strip_chars() != "")).sort(
        "\0row", maintain_order=True
    )
    if not len(cells):
        raise DataError(f"{raw.name}: no cell has a rating")
    rows, place = cells["\0row"], place_in(raw, layout)
    long = {"user": users[rows].alias("user"), "item": as_integers(cells["item"]), "rating": cells["rating"]}
    note = f"a row for each user and a column for each of {len(items):,} items, separator={layout.separator!r}"
    notes = (f"column {left_out} is left out: it counts the ratings of its row",) if left_out else ()
    roles = Roles("user", "item", "rating", None)
    return Table(raw.name, roles, long, {}, lambda row: place(rows[row]), {}, note, (*layout.notes, *notes))


def _user_column(where: str, layout: Layout, choices: Choices) -> tuple[str | None, str | None]:
    """Return the column of users, None if there is none, and a column that only counts ratings."""
    if choices.user is False:
        return None, None
    if choices.user is not None:
        return named(where, layout.names, choices.user), None
    known = [name for name in layout.names if plain(name) in USER_NAMES]
    if layout.header and len(known) == 1:
        return known[0], None
    first = layout.names[0]
    values = layout.values(first)
    if _are_counts(values, layout.rows):
        return None, first
    if len(set(values)) == len(values) and not any("." in value for value in values):
        return first, None
    raise DataError(
        f"{where}: is column {first!r} the users? Say {option('user', first)}, or {option('user', False)} if each row "
        "is a user without an id"
    )


def _are_counts(values: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first column counts the ratings of each row."""
    counts = list(map(as_number, values))
    cells = [[as_number(cell) for cell in row[1:]] for row in rows]
    return any(counts == [len(row) - row.count(empty) for row in cells] for empty in EMPTY)
