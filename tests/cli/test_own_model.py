"""A model of one's own, bpr.py in the current folder, with every command."""

import http.client
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import palate as library
from palate.errors import ArtifactError, OptionError
from palate.models.blend import Blend
from tests import trained
from tests.cli.conftest import Palate, Ran
from tests.models import bpr
from tests.service.running import running

TRAIN = ("--model", "bpr:Bpr", "--epochs", "2", "--device", "cpu", "--no-baselines")
OWN = ("--model-class", "bpr:Bpr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, bpr.py, and m.palate, trained there by a process of its own."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(Path(bpr.__file__), folder / "bpr.py")
    trained.ratings().write_csv(folder / "ratings.csv")
    trained.movies().write_csv(folder / "movies.csv")
    ran = run(folder, "train", "ratings.csv", "--items", "movies.csv", "-o", "m.palate", *TRAIN)
    (folder / "said").write_text(ran.stdout, encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command as a shell runs it in that folder, which is not on the path of imports by itself."""
    script = "import sys; sys.argv[0] = 'palate'; sys.path.remove(''); from palate.cli import main; main()"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)


@pytest.fixture
def own(folder: Path, palate: Palate, monkeypatch: pytest.MonkeyPatch) -> Palate:
    """A command in that folder, to which no bpr has been imported before."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def ran(*arguments: object) -> Ran:
        sys.modules.pop("bpr", None)
        return palate(*arguments)

    return ran


def test_the_hint_after_training_is_a_command_that_runs(folder: Path) -> None:
    (hint,) = re.findall(r"next: palate (.*)$", (folder / "said").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert hint == "recommend m.palate --user 1 --model-class bpr:Bpr"
    assert "Movie" in run(folder, *shlex.split(hint)).stdout


def test_without_the_class_every_command_says_how_to_name_it(own: Palate) -> None:
    for command in (("recommend", "m.palate", "--user", 1), ("evaluate", "m.palate"), ("lists", "m.palate")):
        said = own(*command).error
        assert "m.palate holds a model 'bpr:Bpr', which is not one of Palate's" in said
        assert "name the class of your own: --model-class package.module:Class" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "m.palate", "--user", 1),
        ("recommend", "m.palate", "--rate", "101=5", "--rate", "103=1"),
        ("explain", "m.palate", "--user", 1, "--item", 101),
        ("similar", "m.palate", "--item", 101),
        ("similar", "m.palate", "--user", 1),
        ("analogy", "m.palate", 101, 102, 106),
        ("directions", "m.palate", "--min-ratings", 1),
        ("evaluate", "m.palate"),
        ("evaluate", "m.palate", "ratings.csv"),
        ("lists", "m.palate"),
        ("info", "m.palate", "--export-vectors", "vectors.txt"),
    ],
    ids=lambda arguments: "-".join(map(str, arguments)),
)
def test_a_command_that_opens_a_model(own: Palate, arguments: tuple[object, ...]) -> None:
    assert own(*arguments, *OWN, "--json").json
    assert own(*arguments, *OWN).code == 0


@pytest.mark.parametrize("arguments", [("info", "m.palate"), ("curves", "m.palate")])
def test_a_command_that_needs_no_class(own: Palate, arguments: tuple[object, ...]) -> None:
    assert own(*arguments, "--json").json
    assert own(*arguments).code == 0


def test_a_model_without_predicted_ratings_says_so(own: Palate) -> None:
    said = own("predict", "m.palate", "--user", 1, "--item", 101, *OWN).error
    assert said.startswith("model 'bpr:Bpr' has no predicted ratings")


def test_info_on_a_class(own: Palate) -> None:
    about = own("info", "bpr:Bpr", "--json").json
    assert about["name"] == "bpr:Bpr"
    assert "dim" in [setting["name"] for setting in about["settings"]]


def test_a_comparison(own: Palate) -> None:
    ran = own("compare", "ratings.csv", "--models", "bpr:Bpr, popularity", "--seeds", 1, "--json")
    assert {model["model"] for model in ran.json["models"]} == {"bpr:Bpr", "popularity"}


def test_another_class_than_that_of_the_model(own: Palate) -> None:
    said = own("recommend", "m.palate", "--user", 1, "--model-class", "palate.models.mf:MatrixFactorization").error
    assert said == "m.palate holds a model 'bpr:Bpr', and not 'mf'"
    said = own("recommend", "m.palate", "--user", 1, "--model-class", "no_such:Bpr").error
    assert said == "model 'no_such:Bpr' can't be imported: No module named 'no_such'"
    assert "unknown model 'bpr'" in own("recommend", "m.palate", "--user", 1, "--model-class", "bpr").error


def test_a_model_of_palates_own_needs_no_class(own: Palate, popularity: Path) -> None:
    plain = own("recommend", popularity, "--user", 1, "--json").json
    assert own("recommend", popularity, "--user", 1, *OWN, "--json").json == plain


def test_a_table_without_ratings(own: Palate, folder: Path) -> None:
    trained.ratings().drop("rating").write_csv(folder / "events.csv")
    assert own("train", "events.csv", "-o", "e.palate", *TRAIN, "--json").json["metrics"].keys() >= {"ndcg@10"}
    assert len(own("recommend", "e.palate", "--user", 1, "-k", 3, *OWN, "--json").json["items"]) == 3


def test_in_python(own: Palate, folder: Path) -> None:
    """By its class or its name; `outside` is what the argument was called."""
    with pytest.raises(ArtifactError, match="which is not one of Palate's"):
        library.load("m.palate")
    lists = [
        library.load("m.palate", bpr.Bpr),
        library.load("m.palate", model="tests.models.bpr:Bpr"),
        library.load("m.palate", outside=bpr.Bpr),
    ]
    assert [opened.recommend(1) for opened in lists] == [lists[0].recommend(1)] * 3
    with pytest.raises(OptionError, match="can't be imported"):
        library.load("m.palate", "no.such:Bpr")
    with pytest.raises(ArtifactError, match=r"holds a model 'bpr:Bpr', and not 'palate.models.blend:Blend'"):
        library.load("m.palate", Blend)


def test_a_service(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [sys.executable, "-m", "palate", "serve", "m.palate", "--port", str(port), *OWN]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("serving m.palate at")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                connection.request("GET", "/v1/model")
                break
            except OSError:
                time.sleep(0.05)
        assert json.loads(connection.getresponse().read())["name"] == "bpr:Bpr"
        connection.close()
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert "Traceback" not in log


def test_a_replay(own: Palate, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(folder / "m.palate", folder / "replayed.sqlite", model_class="tests.models.bpr:Bpr") as client:
        url = f"http://127.0.0.1:{client.port}"
        answer = own("replay", "m.palate", "--url", url, "--people", 5, *OWN, "--json").json
    assert answer["different"] == []
