"""The roles of columns (user, item, rating, time): by name, or by content if a file has no header."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from palate.data.reading.languages import foreign_names
from palate.errors import DataError, OptionError, option
from palate.system.near_names import did_you_mean

Choice: TypeAlias = str | int | Literal[False] | None
"""A column's name or its number from 1; None to detect it; False if there is none."""


def words(text: str) -> tuple[str, ...]:
    """Split a text into words."""
    return tuple(text.split())


_THINGS = words(
    "movie film product article book song track artist recipe video game app business news story poi sku good"
)
_RARER_THINGS = words("anime joke beer wine restaurant hotel venue place page url show job")

KNOWN: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "user": (
        words("user userid uid username reviewerid customerid customer memberid visitorid personid"),
        words("users member reviewer person visitor accountid account useridx userkey u profileid"),
    ),
    "item": (
        (*words("item itemid iid asin isbn"), *(f"{thing}id" for thing in _THINGS), *_THINGS),
        (
            *words("items parentasin sid mid bid pid itemidx itemkey i contentid objectid title"),
            *(f"{thing}{ending}" for thing in _RARER_THINGS for ending in ("id", "")),
        ),
    ),
    "rating": (
        words("rating ratings overall stars score userrating"),
        words("rate star value preference label feedback grade r weight bookrating reviewscore"),
    ),
    "time": (
        words("timestamp unixreviewtime time datetime date ts"),
        words("reviewtime unixtime eventtime createdat created ratedat day t epoch"),
    ),
}
"""Common names of each role as `plain` writes them; a name of the first group goes before one of the second."""

DATE_PARTS = ("year", "month", "day")
"""Columns that together are a date; a day beside a month without a year is no time."""

WIDE = 20
"""From more columns on a table without a header may be a matrix of users and items."""

EARLIEST_SECONDS = 1e8
"""Smaller times are no dates (they would be before March 1973) but an order."""


EARLIEST_LIKELY, LATEST_LIKELY, UNITS = 7.2e8, 2.1e9, (1, 1e3, 1e6, 1e9)
"""Without a header, numbers are times where all are between October 1992 and July 2036 in one of these units."""

DATE = re.compile(r"\s*(\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})(?!\d)")


@dataclass(frozen=True)
class Roles:
    """The column of each role; None if the table has no such column."""

    user: str
    item: str
    rating: str | None
    time: str | None
    date: tuple[str, ...] = ()
    """The columns of year, month and day, where they are the time."""

    @property
    def taken(self) -> set[str]:
        """The names of the columns that have a role."""
        return {name for name in (self.user, self.item, self.rating, self.time, *self.date) if name is not None}


@dataclass(frozen=True)
class Choices:
    """The columns that the caller chose."""

    user: Choice = None
    item: Choice = None
    rating: Choice = None
    time: Choice = None
    filtered: tuple[str, ...] = ()
    """Further columns, by whose values rows are kept or left out."""


def plain(name: str) -> str:
    """Return a column's name in lower case, with letters and digits only, without an ending such as ':token' (RecBole)
    or '(1-5)'."""
    return re.sub(r"[\W_]", "", re.sub(r":\w+$|[(\[].*[)\]]$", "", name.strip().lower()))


def known_roles(names: Sequence[str]) -> set[str]:
    """Return the roles of which common names are among these."""
    return {role for role in KNOWN if _candidates(role, names, names)}


def by_name(where: str, names: Sequence[str], choices: Choices) -> Roles:
    """Return the roles of named columns. where: the file's name, for messages.

    Raises:
        DataError: no column, or more than one, fits a role.
        OptionError: one column was chosen for two roles.
    """
    chosen = _chosen(where, names, choices)
    for role in KNOWN:
        if role not in chosen:
            free = [name for name in names if name not in chosen.values()]
            chosen[role] = _only(where, role, _candidates(role, free, names))
    roles = _roles(where, names, chosen)
    return _dated(roles, names) if choices.time is None else roles


def _dated(roles: Roles, names: Sequence[str]) -> Roles:
    """Return the roles with year, month and day as the time, if the table has no other; a day alone is none."""
    parts = {plain(name): name for name in reversed(names) if plain(name) in DATE_PARTS}
    if len(parts) < 2 or (roles.time is not None and plain(roles.time) != "day"):
        return roles
    return replace(roles, time=None, date=tuple(parts[part] for part in DATE_PARTS) if len(parts) == 3 else ())


def by_content(where: str, names: Sequence[str], rows: Sequence[Sequence[str]], choices: Choices) -> Roles:
    """Return the roles of columns without names, called '1', '2', …: user and item, then rating and time.

    A column of dates is the time, and neither the user nor the item. If the caller chose any column, or the time stands
    before the item, a column of numbers that is left over is not taken for the rating.

    Raises:
        DataError: another column is neither a rating nor a time, and the caller did not choose user and item.
        OptionError: one column was chosen for two roles.
    """
    chosen = _chosen(where, names, choices)
    any_chosen = any(chosen.values())
    settled = "user" in chosen and "item" in chosen
    free = [name for name in names if name not in chosen.values()]
    values = {name: [row[column] for row in rows if column < len(row)] for column, name in enumerate(names)}
    free = [name for name in free if any(value.strip() for value in values[name])]  # none between doubled separators
    dated = [name for name in free if values[name] and all(map(is_date, values[name]))]
    likely = {name: ("time",) if name in dated else _likely(values[name]) for name in free}
    free = [name for name in free if name not in dated]
    if not any_chosen and len(free) > 1 and _of_amazon(*(values[name] for name in free[:2])):
        free[:2] = free[1::-1]
    for role in ("user", "item"):
        if role not in chosen:
            chosen[role] = free.pop(0) if free else None
    item = chosen["item"]
    usual = not any_chosen and not (item and any(names.index(name) < names.index(item) for name in dated))
    for name in sorted([*dated, *free], key=names.index):
        roles = [role for role in likely[name] if role not in chosen and (usual or role != "rating")]
        if roles and (usual or likely[name] == ("time",)):
            chosen[roles[0]] = name
        elif not settled and not (likely[name] and choices.rating is not None):
            raise DataError(_asking(where, name, names, chosen, likely[name]))
    return _roles(where, names, chosen)


def _of_amazon(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether columns hold ids of Amazon's products, then of its reviewers: this order is in its files only."""
    products = all(re.fullmatch(r"B[0-9A-Z]{9}|\d{9}[\dX]", value) for value in first)
    return products and all(re.fullmatch(r"A[0-9A-Z]{9,}", value) for value in second)


def _asking(
    where: str, name: str, names: Sequence[str], chosen: Mapping[str, str | None], likely: Sequence[str]
) -> str:
    """Return a message that asks for the role of a column, with the roles of the others as they seem to be."""
    roles = {"user": chosen["user"], "item": chosen["item"], "time": chosen.get("time")}
    seem = [option(role, column) for role, column in roles.items() if column is not None]
    if "rating" in likely and "rating" not in chosen:
        what = f"may hold ratings or something else; say {option('rating', name)} or {option('rating', False)}"
    else:
        what = "is neither a rating nor a time"
    matrix = (
        f", or say {option('format', 'wide')} if each row is a user and each column an item"
        if len(names) > WIDE
        else ""
    )
    asked = f"choose the columns, e.g. {', '.join(seem)}"
    return f"{where}: no header, and column {name} of {len(names)} {what}; {asked}{matrix}"


def _chosen(where: str, names: Sequence[str], choices: Choices) -> dict[str, str | None]:
    chosen: dict[str, str | None] = {}
    missing = []
    for role in KNOWN:
        choice: Choice = getattr(choices, role)
        try:
            if choice is not None:
                chosen[role] = None if choice is False else named(where, names, choice)
        except DataError as error:
            missing.append(str(error).removeprefix(f"{where}: "))
    if missing:
        raise DataError(f"{where}: {'; '.join(missing)}")
    columns = [name for name in chosen.values() if name is not None]
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise OptionError(f"column {twice!r} is named for two of user, item, rating and time; choose one for each")
    return chosen


def named(where: str, names: Sequence[str], choice: str | int) -> str:
    """Return the column of this name, or of this number from 1.

    Raises:
        DataError: there is no such column, or several are called so.
    """
    name = str(choice)
    if name not in names and name.isdecimal() and 1 <= int(name) <= len(names):
        name = names[int(name) - 1]
    if names.count(name) > 1:
        raise DataError(f"{where}: {names.count(name)} columns are called {name!r}; rename all but one")
    if name in names:
        return name
    raise DataError(f"{where}: no column {name!r} among {listed(names)}{did_you_mean(name, names)}")


def _candidates(role: str, free: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the free columns of a table with a name that is common for the role. names: of all its columns."""
    foreign = foreign_names([*map(plain, names)], role)
    for group in (*KNOWN[role], foreign):
        matches = [name for name in free if plain(name) in group]
        if matches:
            return matches
    return []


def _only(where: str, role: str, candidates: list[str]) -> str | None:
    if len(candidates) > 1:
        raise DataError(
            f"{where}: {' and '.join(map(repr, candidates))} could each be the {role}; "
            f"name one: {option(role, candidates[0])}"
        )
    return candidates[0] if candidates else None


def _likely(values: Sequence[str]) -> tuple[str, ...]:
    """Return the roles that a column with these values may have, the most likely first."""
    numbers = [number for number in map(as_number, values) if number is not None]
    if len(numbers) < len(values) or not numbers:
        return ()
    if any(EARLIEST_LIKELY * unit <= min(numbers) and max(numbers) < LATEST_LIKELY * unit for unit in UNITS):
        return ("time",)
    if not max(numbers) < EARLIEST_SECONDS:
        return ()
    return ("rating", "time") if all(number >= 0 and number.is_integer() for number in numbers) else ("rating",)


def _roles(where: str, names: Sequence[str], chosen: Mapping[str, str | None]) -> Roles:
    missing = [role for role in ("user", "item") if chosen[role] is None]
    if missing:
        also = " and no item column" if len(missing) > 1 else ""
        raise DataError(
            f"{where}: no {missing[0]} column among {listed(names)}{also}; "
            f"name {'them' if also else 'it'}: {', '.join(option(role, '…') for role in missing)}"
        )
    user, item = str(chosen["user"]), str(chosen["item"])
    return Roles(user, item, chosen.get("rating"), chosen.get("time"))


def as_number(text: str) -> float | None:
    """Return the number in a field, with decimal comma or point; None if it is no number."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def is_date(text: str) -> bool:
    """Return whether a field looks like the text of a date."""
    return DATE.match(text) is not None


def shortened(names: Sequence[str], most: int = 12) -> str:
    """Return the names separated by commas, cut short."""
    return ", ".join(name[:40] for name in names[:most]) + (f", … ({len(names):,} in all)" if len(names) > most else "")


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return the names quoted and separated by commas, cut short."""
    shown = ", ".join(repr(name[:40]) for name in names[:most])
    return shown + (f", … ({len(names)} in all)" if len(names) > most else "")
