"""What is acknowledged is stored, once, wherever the process ends; `kills.py` is the long form."""

import resource
import shutil

import pytest

from tests.service import kills


def test_no_event_is_lost_or_doubled_by_kills() -> None:
    found = kills.main(3)
    assert found["stored"] >= found["acknowledged"] > 0


@pytest.mark.skipif(shutil.which("initdb", path=kills.PROGRAMS) is None, reason="PostgreSQL is not installed")
def test_no_event_is_lost_or_doubled_with_postgresql() -> None:
    found = kills.main(2, with_postgres=True)
    assert found["stored"] >= found["acknowledged"] > 0
    assert found["refused"] > 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of another process")
def test_no_event_is_lost_where_there_is_no_room() -> None:
    found = kills.small_files()
    assert found["stored"] >= found["acknowledged"] > found["acknowledged_until_full"] > 0
    assert found["refused"] > 0
