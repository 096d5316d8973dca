"""Dates as well-known tables write them: each is read as the moment that it is, or refused with a question."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.read import read
from palate.data.reading.dates import from_text
from palate.errors import DataError, OptionError

MOMENT = datetime(2019, 1, 31, 9, 5, 58, tzinfo=UTC)
DAY = MOMENT.replace(hour=0, minute=0, second=0)


def seconds(*texts: str, date_format: str | None = None) -> list[float]:
    return from_text(pl.Series(texts), "when", "x: row {}".format, date_format).to_list()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-01-31 09:05:58 UTC", MOMENT),
        ("2019-01-31T09:05:58Z", MOMENT),
        ("2019-01-31 10:05:58 +0100", MOMENT),
        ("Thu Jan 31 01:05:58 -0800 2019", MOMENT),
        ("Thu Jan 31 09:05:58 2019", MOMENT),
        ("Thu, 31 Jan 2019 09:05:58 GMT", MOMENT),
        ("31/Jan/2019:09:05:58 +0000", MOMENT),
        ("1/31/2019 9:05:58 AM", MOMENT),
        ("31/1/2019 09:05:58", MOMENT),
        ("31.01.2019 09:05:58", MOMENT),
        ("31.1.19", DAY),
        ("1/31/19", DAY),
        ("01 31, 2019", DAY),
        ("Jan 31, 2019", DAY),
        ("January 31, 2019", DAY),
        ("31 January 2019", DAY),
        (" 2019/01/31 ", DAY),
        ("20190131T090558Z", MOMENT),
    ],
)
def test_a_date_is_the_moment_it_names(text: str, moment: datetime) -> None:
    assert seconds(text) == [moment.timestamp()]


def test_all_dates_of_a_column_decide_whether_the_day_is_first() -> None:
    later = datetime(2019, 2, 3, tzinfo=UTC).timestamp()
    assert seconds("3/2/2019", "31/1/2019") == [later, DAY.timestamp()]
    assert seconds("2/3/2019", "1/31/2019") == [later, DAY.timestamp()]
    assert seconds("3.2.2019") == [later], "with points the day is first"
    with pytest.raises(DataError, match=r"x: row 0: .* date_format='%d/%m/%Y %H:%M' or date_format='%m/%d/%Y %H:%M'"):
        seconds("3/2/2019 10:00", "4/5/2019 11:00")
    with pytest.raises(DataError, match="x: row 2: column 'when' has the month first, '1/31/2019', but the day first"):
        seconds("3/2/2019", "31/1/2019", "1/31/2019")


def test_a_format_may_be_named() -> None:
    later = datetime(2019, 2, 3, tzinfo=UTC).timestamp()
    assert seconds("3/2/2019", date_format="%d/%m/%Y") == [later]
    assert seconds("3|2|2019", date_format="%d|%m|%Y") == [later]
    with pytest.raises(DataError, match=r"x: row 1: column 'when' has not the date format '%d/%m/%Y': 'soon'"):
        seconds("3/2/2019", "soon", date_format="%d/%m/%Y")
    with pytest.raises(OptionError, match="it needs year, month and day"):
        seconds("3/2/2019", date_format="%H:%M")


@pytest.mark.parametrize("text", ["9:05:58 AM", "31/31/2019", "2019-01-31 09:05:58 PST", "2019-02-30", "1/31", "soon"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"x: row 0: column 'when' .*"):
        seconds(text)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)), min_size=1))
def test_a_date_survives_every_way_of_writing_it(moments: list[datetime]) -> None:
    whole = [moment.replace(microsecond=0, tzinfo=UTC) for moment in moments]
    expected = [moment.timestamp() for moment in whole]
    for pattern in (
        "%Y-%m-%d %H:%M:%S UTC",
        "%a %b %d %H:%M:%S +0000 %Y",
        "%d %B %Y %I:%M:%S %p",
        "%d.%m.%Y, %H:%M:%S",
    ):
        texts = [moment.strftime(pattern) for moment in whole]
        assert seconds(*texts) == expected, pattern


def times(folder: Path, *lines: str) -> list[float]:
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = read(path)
    assert table.times is not None
    assert "(dates, UTC)" in table.notes[0]
    return list(table.times)


@pytest.mark.parametrize(
    ("number", "moment"),
    [(20190131090558, MOMENT), (201901310905, MOMENT.replace(second=0)), (20190131, DAY), ("20190131.0", DAY)],
)
def test_numbers_that_spell_a_date(tmp_path: Path, number: object, moment: datetime) -> None:
    assert times(tmp_path, "user,item,time", f"1,1,{number}", f"2,2,{number}") == [moment.timestamp()] * 2


@pytest.mark.parametrize("number", [20190231090558, 20191331, 20190131250558, 1548925558000, 1548925558])
def test_numbers_that_spell_none(tmp_path: Path, number: int) -> None:
    with pytest.raises(AssertionError):
        times(tmp_path, "user,item,time", f"1,1,{number}", f"2,2,{number}")


def test_year_month_and_day_are_the_time_together(tmp_path: Path) -> None:
    lines = ["user,item,day,month,year", "1,1,31,1,2019", "2,2,3,2,2019"]
    assert times(tmp_path, *lines) == [DAY.timestamp(), datetime(2019, 2, 3, tzinfo=UTC).timestamp()]
    with pytest.raises(DataError, match=r"log.csv: line 3: year 2019, month 2, day 30 is no date"):
        times(tmp_path, *lines[:2], "2,2,30,2,2019")


def test_a_day_of_a_month_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,item,day,month\n1,1,31,1\n2,2,3,2\n", encoding="utf-8")
    assert read(path).times is None
    assert read(path, time="day").times is not None
