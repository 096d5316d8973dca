import json
from pathlib import Path

import numpy as np
import pytest

import palate
from palate.errors import OptionError
from tests import tables
from tests.cli.conftest import Palate, here
from tests.cli.conftest import palate as palate_command

__all__ = ["here", "palate_command"]


def drifting(drift: float) -> palate.Interactions:
    """Everybody's ratings of 400 different times, which rise by `drift` from first to last."""
    draw = np.random.default_rng(0)
    users, items = np.divmod(np.arange(400), 20)
    late = draw.permutation(400) / 400
    ratings = 3 + drift * late + 0.2 * draw.normal(size=400)
    return tables.table(users.tolist(), items.tolist(), ratings.tolist(), (1.5e9 + 1e6 * late).tolist())


def flattered(table: palate.Interactions) -> list[str]:
    return [found.what for found in palate.checkup(table) if "rmse of bias" in found.what]


def test_a_random_split_flatters_a_table_that_drifts() -> None:
    assert len(flattered(drifting(2.0))) == 1
    assert flattered(drifting(0.0)) == []


def test_warnings_come_first_and_a_split_by_time_lets_nothing_through() -> None:
    severities = [found.severity for found in palate.checkup(drifting(2.0))]
    assert severities == sorted(severities, reverse=True)
    assert "warning" in severities
    assert not any("older than the last" in found.what for found in palate.checkup(drifting(2.0), split="time"))


def test_a_split_that_is_none() -> None:
    with pytest.raises(OptionError, match="split is 'tomorrow'"):
        palate.checkup(drifting(0.0), split="tomorrow")


def write(path: Path, table: palate.Interactions) -> None:
    assert table.ratings is not None
    assert table.times is not None
    rows = zip(table.users + 1, table.items + 1, table.ratings, table.times, strict=True)
    lines = ["user,item,rating,time", *(f"{u},{i},{r:.2f},{t:.0f}" for u, i, r, t in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_command_says_what_is_found(palate_command: Palate, here: Path) -> None:
    write(here / "ratings.csv", drifting(2.0))
    out = palate_command("checkup", "ratings.csv").out
    assert out.splitlines()[0].startswith("read ratings.csv: 400 rows")
    assert "the future leaks into training: split by 'time' or 'last'" in out
    answer = palate_command("checkup", "ratings.csv", "--json").json
    assert (answer["events"], answer["split"]) == (400, "random")
    assert answer["findings"] == json.loads(json.dumps(answer["findings"]))
    assert set(answer["findings"][0]) == {"severity", "count", "what", "advice"}


def test_the_command_says_that_nothing_is_found(palate_command: Palate, here: Path) -> None:
    write(here / "ratings.csv", drifting(0.0))
    out = palate_command("checkup", "ratings.csv", "--split", "time").out
    assert out.splitlines()[-1] == "no problems that could mislead a model or its metrics"
