"""What is acknowledged is stored, once, wherever the process ends; `kills.py` is the long form."""

import shutil

import pytest

from tests.service import kills


def test_no_event_is_lost_or_doubled_by_kills() -> None:
    found = kills.main(3)
    assert found["stored"] >= found["acknowledged"] > 0


@pytest.mark.skipif(shutil.which("initdb") is None, reason="no PostgreSQL on the PATH")
def test_no_event_is_lost_or_doubled_with_postgresql() -> None:
    found = kills.main(2, with_postgres=True)
    assert found["stored"] >= found["acknowledged"] > 0
    assert found["refused"] > 0
