"""Under load the service holds no more and more."""

import itertools
import os
from pathlib import Path

from tests.service.conftest import Models
from tests.service.running import running


def held() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_flat(models: Models, tmp_path: Path) -> None:
    with running(models("mf"), tmp_path / "events.sqlite", cached=10) as client:
        people = itertools.cycle(range(1, 31))

        def load(n: int) -> None:
            for _ in range(n):
                assert client.get(f"/v1/users/{next(people)}/recommendations?k=5&min_ratings=1").status == 200
                assert client.post("/v1/recommendations", {"ratings": [{"item": 101, "rating": 5}]}).status == 200

        load(100)
        before = held()
        load(200)
        assert held() - before < 4 * 2**20
