import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pytest
from gensim.models import KeyedVectors  # type: ignore[import-untyped]

import palate as library
from palate.cli.compare import compare
from palate.cli.option_groups import SPELLINGS, Spelling, grouped
from palate.cli.train import train
from palate.options import CompareOptions, SplitOptions, TrainOptions
from tests.cli.conftest import Palate
from tests.names import EVERY_MODEL, WITH_VECTORS, WITHOUT_RATINGS

QUICK = ("--model", "neural", "--set", "hidden=16", "--set", "batch_size=64", "--epochs", "2", "--device", "cpu")


def test_what_a_person_sees(palate: Palate, tables: Path, here: Path) -> None:
    ran = palate("train", tables / "ratings.csv", "--items", tables / "movies.csv", "-o", "m.palate", *QUICK)
    assert ran.code == 0
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines[0].startswith("read ratings.csv: ")
    assert "user=userId, item=movieId, rating=rating (1 to 5), time=timestamp" in lines[0]
    assert lines[1].startswith("read movies.csv: 20 items")
    assert "On the test part, which no model has seen" in lines
    assert [line.split()[0] for line in lines if line.startswith(("neural ", "bias ", "popularity "))][:3] == [
        "neural",
        "bias",
        "popularity",
    ]
    assert any("predicts ratings" in line and "than bias: RMSE" in line for line in lines)
    assert any("ranks" in line and ": nDCG@10" in line for line in lines)
    assert lines[-1] == "wrote m.palate; next: palate recommend m.palate --user 1"
    epochs = [line.split() for line in ran.err.splitlines() if line and "loops for this processor" not in line]
    assert epochs[0] == ["epoch", "train", "loss", "validation", "loss", "ratings", "per", "second"]
    assert [line[0] for line in epochs[1:]] == ["1", "2", "training", "epoch", "1", "2"]
    assert "training again, on training and validation part" in ran.err
    assert epochs[4] == ["epoch", "train", "loss", "ratings", "per", "second"], "of the refit"
    assert "refitted on training and validation part together" in palate("info", "m.palate").out
    assert len(library.load(here / "m.palate").recommend(1)) > 0


@pytest.mark.parametrize("model", ["ease", "best"])
def test_the_first_training_says_that_it_compiles(tables: Path, here: Path, model: str) -> None:
    script = [sys.executable, "-m", "palate", "train", str(tables / "ratings.csv"), "--model", model]
    command = [*script, "--minutes", "0.01"] if model == "best" else script
    env = {**os.environ, "NUMBA_CACHE_DIR": str(here / "cache"), "COLUMNS": "200"}

    def said() -> list[str]:
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return [line for line in ran.stderr.splitlines() if "loops for this processor" in line]

    [beginning, end] = said()
    assert beginning == "compiling loops for this processor (a model's first training only)"
    assert re.fullmatch(r"compiled loops for this processor: [\d.]+ s, kept for next time", end)
    if model == "ease":
        assert said() == [], "they are kept"


def test_json_is_all_there_is_on_stdout(palate: Palate, tables: Path, here: Path) -> None:
    answer = palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--json").json
    assert set(answer) == {"path", "model", "history", "metrics", "baselines", "notes"}
    assert (answer["path"], answer["model"]) == ("m.palate", "neural")
    assert [list(record) for record in answer["history"]] == [
        ["epoch", "train_loss", "validation_loss", "seconds", "ratings_per_second"]
    ] * 2
    assert set(answer["metrics"]) == {"rmse", "mae", "recall@10", "ndcg@10", "people"}
    assert set(answer["baselines"]) == {"bias", "popularity"}
    assert answer["metrics"] == library.load(here / "m.palate").training.metrics


def test_with_json_and_profile_the_report_goes_to_stderr(palate: Palate, tables: Path, here: Path) -> None:
    ran = palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--json", "--profile")
    assert ran.json["path"] == "m.palate"
    assert "Functions by own time" in ran.err
    assert "tottime" in ran.err
    assert "Operators by own time" in ran.err
    assert "aten::" in ran.err


def test_torch_says_nothing_of_its_recorder(tables: Path, tmp_path: Path) -> None:
    run = (
        "train",
        str(tables / "ratings.csv"),
        "-o",
        str(tmp_path / "m.palate"),
        *QUICK,
        "--profile",
        "--no-baselines",
    )
    ran = subprocess.run(
        [sys.executable, "-m", "palate", *run], capture_output=True, text=True, check=True, timeout=100
    )
    assert "Functions by own time" in ran.stderr
    assert "profiler_start" not in ran.stderr


def test_watching_the_test_loss(palate: Palate, tables: Path, here: Path) -> None:
    ran = palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--watch-test")
    assert "test loss" in ran.err
    ran = palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--validation", "0", "--json")
    assert "test_loss" in ran.json["history"][0]


def test_the_folder_is_named_after_the_table(palate: Palate, tables: Path, here: Path) -> None:
    shutil.copy(tables / "ratings.csv", here / "my.ratings.csv")
    assert palate("train", "my.ratings.csv", "--model", "bias", "--json").json["path"] == "my.palate"
    (here / "data").mkdir()
    shutil.copy(tables / "ratings.csv", here / "data")
    shutil.copy(tables / "ratings.csv", here / ".hidden.csv")
    assert palate("train", "data/", "--model", "bias", "--json").json["path"] == "data.palate"
    assert palate("train", "data/.", "--model", "bias", "--json").json["path"] == "data.palate"
    assert palate("train", ".hidden.csv", "--model", "bias", "--json").json["path"] == "model.palate"


def test_many_files_and_a_folder(palate: Palate, tables: Path, here: Path) -> None:
    lines = (tables / "ratings.csv").read_text().splitlines(keepends=True)
    (here / "all").mkdir()
    (here / "all" / "a.csv").write_text("".join(lines[:150]))
    (here / "all" / "b.csv").write_text("".join(lines[:1] + lines[150:]))
    told = palate("train", "all/a.csv", "all/b.csv", "--model", "bias", "-o", "1", "--json").json
    folder = palate("train", "all", "--model", "bias", "-o", "2", "--json").json
    whole = palate("train", tables / "ratings.csv", "--model", "bias", "-o", "3", "--json").json
    assert told["metrics"] == folder["metrics"] == whole["metrics"]


def test_presets_settings_seed_and_shares(palate: Palate, tables: Path, here: Path) -> None:
    options = ("--preset", "adam", "--set", "dim=3", "--seed", "7", "--test", "0.3", "--validation", "0.2")
    palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, *options, "--no-baselines")
    header = library.read_header(here / "m.palate")
    assert header.config["optimizer"] == "adam"
    assert header.config["dim"] == 3
    assert header.training.preset == "adam"
    assert header.training.seed == 7
    assert header.training.split["test"] == 0.3
    assert header.training.baselines == {}


def test_columns_named_by_hand(palate: Palate, here: Path) -> None:
    (here / "t.txt").write_text("".join(f"{5 - n % 4};p{n % 7};x;q{n % 5}\n" for n in range(35)))
    columns = ("--user", "2", "--item", "4", "--rating", "1", "--separator", ";")
    ran = palate("train", "t.txt", "--model", "bias", *columns, "-o", "m.palate")
    assert ran.code == 0, ran.err
    assert library.load("m.palate").recommend("p3", k=9) is not None


def test_lists(palate: Palate, here: Path) -> None:
    (here / "l.txt").write_text("".join(f"{user} {user + 10} {user + 11} {user % 3 + 10}\n" for user in range(9)))
    ran = palate("train", "l.txt", "--format", "lists", "--model", "svdpp", "-o", "m.palate")
    assert ran.error.endswith(f"learns from ratings, and this table has none: choose --model {WITHOUT_RATINGS}")
    ran = palate("train", "l.txt", "--format", "lists", "-o", "m.palate", "--json")
    assert ran.json["model"] == "ease"
    assert set(ran.json["metrics"]) == {"recall@10", "ndcg@10", "people"}


def test_a_former_name_of_a_model(palate: Palate, tables: Path, here: Path) -> None:
    """`svdpp` was called `history`."""
    ran = palate("train", tables / "ratings.csv", "--model", "history", "--epochs", "1", "-o", "m.palate", "--json")
    assert (ran.json["model"], library.read_header(here / "m.palate").model) == ("svdpp", "svdpp")
    about = palate("info", "history", "--json").json
    assert about == palate("info", "svdpp", "--json").json
    assert about["name"] == "svdpp"
    ran = palate("compare", tables / "ratings.csv", "--models", "history,bias", "--seeds", "1", "--json")
    assert {one["model"] for one in ran.json["models"]} == {"svdpp", "bias"}
    members = "members=mf,history"
    blended = palate("train", tables / "ratings.csv", "--model", "rating-blend", "--set", members, "-o", "b.palate")
    assert blended.code == 0, blended.err
    assert palate("recommend", "b.palate", "--user", 1, "--json").json["items"]


def test_the_model_where_none_is_named(palate: Palate, tables: Path, here: Path) -> None:
    ran = palate("train", tables / "ratings.csv", "-o", "m.palate", "--json")
    assert (ran.json["model"], library.read_header(here / "m.palate").model) == ("svdpp", "svdpp")
    ran = palate("train", tables / "ratings.csv", "--preset", "sgd", "--epochs", "1", "-o", "n.palate")
    assert "neural predicts ratings" in ran.out


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's
def test_vectors_written_after_training(palate: Palate, tables: Path, here: Path) -> None:
    for name in ("v.txt", "v.glove"):
        palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--export-vectors", name)
        assert len(KeyedVectors.load_word2vec_format(name, no_header=name.endswith("glove"))) == 20
    ran = palate("train", tables / "ratings.csv", "--model", "bias", "-o", "b.palate", "--export-vectors", "b.txt")
    assert ran.error == f"model 'bias' has no vectors to export; train one that has: {WITH_VECTORS}"
    assert not (here / "b.palate").exists(), "said before any time is spent"


def test_a_model_beside_the_data(palate: Palate, tables: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path])
    (here / "beside.py").write_text("from tests.test_pipeline import Loudest\nclass Mine(Loudest): ...\n")
    ran = palate("train", tables / "ratings.csv", "--model", "beside:Mine", "-o", "m.palate", "--json")
    assert ran.json["model"] == "beside:Mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.csv"], "no.csv: there is no such file"),
        (["ratings.cvs"], "did you mean 'ratings.csv'"),
        (["movielens-smal"], "no data set is called 'movielens-smal'; did you mean 'movielens-small'"),
        (["ratings.csv", "--items", "moves.csv"], "moves.csv: there is no such file; did you mean 'movies.csv'"),
        (["empty.csv"], "empty.csv: the file is empty"),
        (["ratings.csv", "--user", "user"], "no column 'user' among 'userId', 'movieId', 'rating', 'timestamp'"),
        (["ratings.csv", "--format", "xml"], "format is 'xml'"),
        (["ratings.csv", "--time-unit", "h"], "'h'"),
        (["ratings.csv", "--encoding", "utf-9"], "utf-9"),
        (["ratings.csv", "--set", "dim"], "--set 'dim' should be NAME=VALUE, such as dim=20"),
        (["ratings.csv", "--set", "=3"], "--set '=3' should be NAME=VALUE, such as dim=20"),
        (["ratings.csv", "--set", "dimm=3"], "model svdpp has no setting 'dimm'; did you mean 'dim'?"),
        (["ratings.csv", "--set", "dim=ten"], "setting dim of model svdpp is 'ten'"),
        (["ratings.csv", "--set", "dim=-1"], "setting dim of model svdpp is '-1'"),
        (["ratings.csv", "--preset", "fast"], "model neural has no preset 'fast'; its presets: sgd, adam"),
        (["ratings.csv", "--set", "hidden=16"], "; neural has it"),
        (["ratings.csv", "--model", "neutral"], f"unknown model 'neutral': there are {EVERY_MODEL}, best, or"),
        (["ratings.csv", "--model", "nowhere:Model"], "model 'nowhere:Model' can't be imported"),
        (["ratings.csv", "--epochs", "0"], "setting epochs of model svdpp is 0"),
        (["ratings.csv", "--epochs", "few"], "Invalid value for '--epochs'"),
        (["ratings.csv", "--seed", "-1"], "--seed is -1: it must be at least 0"),
        (["ratings.csv", "--test", "1.5"], "the test share is 1.5: it must be at least 0 and below 1"),
        (["ratings.csv", "--device", "gpu"], "device is 'gpu': it must be auto, cpu, cuda"),
        (["ratings.csv", "--device", "cuda:99"], "device 'cuda:99' is not on this machine"),
        (["ratings.csv", "-o", "ratings.csv"], "ratings.csv exists and is not a Palate model: it is left as it is"),
        (["ratings.csv", "-o", "."], "exists and is not a Palate model: it is left as it is"),
        (["ratings.csv", "-o", "ratings.csv/m.palate"], "can't write ratings.csv/m.palate"),
        (["ratings.csv", "--resume"], "ratings.palate.checkpoint does not exist: there is no run to resume"),
        (["ratings.csv", "--learning-rate", "3"], "No such option: --learning-rate"),
        ([], "Missing argument"),
    ],
)
def test_mistakes(palate: Palate, tables: Path, here: Path, arguments: list[str], message: str) -> None:
    for name in ("ratings.csv", "movies.csv"):
        shutil.copy(tables / name, here)
    (here / "empty.csv").write_text("")
    before = sorted(here.iterdir())
    assert message in palate("train", *arguments).error
    assert palate("train", *arguments, "--json").out == "", "with --json an error leaves stdout empty"
    assert sorted(here.iterdir()) == before, "nothing is left behind"


def test_training_again_replaces_the_folder(palate: Palate, tables: Path, here: Path) -> None:
    for seed in ("0", "1"):
        palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--seed", seed)
        assert library.read_header(here / "m.palate").training.seed == int(seed)
    assert [path.name for path in here.iterdir()] == ["m.palate"]


def test_the_history_is_in_the_folder(palate: Palate, tables: Path, here: Path) -> None:
    told = palate("train", tables / "ratings.csv", "-o", "m.palate", *QUICK, "--json").json["history"]
    kept = json.loads((here / "m.palate" / "palate.json").read_text())["training"]["history"]
    assert kept == [{name: record[name] for name in ("epoch", "train_loss", "validation_loss")} for record in told]


@pytest.mark.parametrize(("command", "kind"), [(train, TrainOptions), (compare, CompareOptions)])
def test_a_command_is_told_the_defaults_of_the_library(
    command: Callable[..., None], kind: Callable[[], object]
) -> None:
    written = {name: parameter.default for name, parameter in signature(command).parameters.items()}
    for group in vars(kind()).values():
        for name, default in vars(group).items():
            assert SPELLINGS.get(name, Spelling()).value(written[name]) == ({} if name == "settings" else default)


def test_what_belongs_together_is_an_option_each() -> None:
    """In the place of the group, and given back as one."""
    told: list[object] = []

    @grouped
    def command(name: str, *, split: SplitOptions, json: bool = False) -> None:
        told.extend([name, split, json])

    assert list(signature(command).parameters) == ["name", *vars(SplitOptions()), "json"]
    assert signature(command).parameters["test"].default == 0.2
    command(name="a", json=True, **{**vars(SplitOptions()), "test": 0.3})
    assert told == ["a", SplitOptions(test=0.3), True]
