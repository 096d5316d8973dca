"""Test that the memory of a service under load stays flat."""

import itertools
import os
from pathlib import Path

from tests.service.conftest import Models
from tests.service.running import running


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_flat(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite", cached=10) as client:
        users = itertools.cycle(range(1, 31))

        def load(n: int) -> None:
            for _ in range(n):
                assert client.get(f"/v1/users/{next(users)}/recommendations?k=5&min_ratings=1").status == 200
                assert client.post("/v1/recommendations", {"ratings": [{"item": 101, "rating": 5}]}).status == 200

        load(100)
        before = resident_bytes()
        load(200)
        assert resident_bytes() - before < 4 * 2**20
