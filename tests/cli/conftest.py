"""Commands in this process, as a shell would run them."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from palate.cli import main
from palate.cli.output import console
from tests import trained


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of a mistake."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.removeprefix("error: ").strip()


Palate = Callable[..., Ran]


@pytest.fixture
def palate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Palate:
    """palate("info", "bias") runs `palate info bias`."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["palate", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        console.cache_clear()
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ratings.csv and movies.csv."""
    folder = tmp_path_factory.mktemp("tables")
    trained.ratings().write_csv(folder / "ratings.csv")
    trained.movies().write_csv(folder / "movies.csv")
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small neural model."""
    path = tmp_path_factory.mktemp("models") / "m.palate"
    trained.train(output=path)
    return path


@pytest.fixture(scope="session")
def popularity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "popularity.palate"
    trained.train("popularity", output=path)
    return path
