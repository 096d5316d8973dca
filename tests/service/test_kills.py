"""Test that acknowledged events are stored once, wherever the process is killed; `kills.py` is the long form."""

import resource
import shutil

import pytest

from tests.service import kills
from tests.service.postgres import PROGRAMS


def test_no_event_is_lost_or_doubled_by_kills() -> None:
    counts = kills.main(3)
    assert counts["stored"] >= counts["acknowledged"] > 0


@pytest.mark.skipif(shutil.which("initdb", path=PROGRAMS) is None, reason="PostgreSQL is not installed")
def test_no_event_is_lost_or_doubled_with_postgresql() -> None:
    counts = kills.main(2, with_postgres=True)
    assert counts["stored"] >= counts["acknowledged"] > 0
    assert counts["refused"] > 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits the files of another process")
def test_no_event_is_lost_when_the_disk_is_full() -> None:
    counts = kills.small_files()
    assert counts["stored"] >= counts["acknowledged"] > counts["acknowledged_until_full"] > 0
    assert counts["refused"] > 0
