"""Help, info and samples."""

import json
import os
import shlex
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

import palate as library
from palate.cli.option_groups import column, names, written
from palate.cli.output import as_json, stages
from palate.cli.output import command as shell_command
from palate.errors import DataError, option
from tests.cli.conftest import Palate
from tests.names import EVERY_MODEL

COMMANDS = ("train", "recommend", "predict", "similar", "analogy", "directions", "evaluate", "curves", "info", "sample")
SLOW = ("torch", "polars", "matplotlib", "numpy", "safetensors")


def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own."""
    command = [sys.executable, "-m", "palate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


# Help.


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_command(palate: Palate, arguments: tuple[str, ...]) -> None:
    ran = palate(*arguments)
    assert (ran.code, ran.err) == (0, "")
    for command in COMMANDS:
        assert f" {command} " in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(palate: Palate, command: str) -> None:
    ran = palate(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--json" in ran.out


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["recommend", "--help"], ["trian"]])
def test_help_waits_for_no_slow_import(arguments: list[str]) -> None:
    script = f"""
import sys
sys.argv = ["palate", *{arguments!r}]
try:
    from palate.cli import main
    main()
finally:
    sys.stderr.write("imported: " + " ".join(sorted(set(sys.modules) & set({SLOW!r}))))
"""
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stderr.endswith("imported: "), ran.stderr
    assert time.perf_counter() - began < 20, "0.3 s where the machine is not busy"


def test_the_version(palate: Palate) -> None:
    assert palate("--version").out == f"palate {version('palate')}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_80_columns(command: str) -> None:
    lines = run(command, "--help", env={**os.environ, "COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("<bool>" in line for line in lines)


def test_as_a_module() -> None:
    ran = run("info", "--json")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["models"] == list(library.MODELS)
    ran = run("recommend", "gone", "--user", "1")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: gone does not exist; make one with palate train\n"


def test_an_unknown_command_or_option(palate: Palate) -> None:
    assert palate("trian").error.startswith("No such command 'trian'")
    assert palate("--loud").error.startswith("No such option: --loud")


# Where output goes.


def test_a_reader_that_has_seen_enough(model: Path) -> None:
    command = f'"{sys.executable}" -m palate recommend "{model}" --user 1 -k 20 --json | head -n 1'
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout == "{\n"
    assert ran.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_titles_in_any_alphabet_on_any_terminal(tmp_path: Path, encoding: str) -> None:
    people, things = range(9), ["日本 🦉", "Amélie", "Ω", "plain"]
    rows = [(p, t, 1 + (p + i) % 5) for p in people for i, t in enumerate(things) if (p + i) % 3]
    frame = pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row")
    library.train(frame, model="bias", baselines=()).recommender.save(tmp_path / "m.palate")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for options in ((), ("--json",)):
        arguments = ("recommend", str(tmp_path / "m.palate"), "--rate", "plain=3", *options)
        command = [sys.executable, "-m", "palate", *arguments]
        ran = subprocess.run(command, capture_output=True, check=False, timeout=60, env=environment)
        assert ran.stderr == b""
        assert ran.returncode == 0
        if options:
            answer = json.loads(ran.stdout.decode(encoding))
            assert {item["id"] for item in answer["items"]} == {"日本 🦉", "Amélie", "Ω"}


def test_json_survives_a_terminal_without_unicode(capsys: pytest.CaptureFixture[str]) -> None:
    as_json({"title": "日本 🦉"})
    assert json.loads(capsys.readouterr().out) == {"title": "日本 🦉"}


def test_nothing_in_the_data_is_taken_for_markup(palate: Palate, here: Path) -> None:
    titles = ["[bold]not bold[/bold]", "[/]", ":smile:", "$x$"]
    rows = [(p, t, 1 + (p + i) % 5) for p in range(9) for i, t in enumerate(titles) if (p + i) % 3]
    pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row").write_csv(here / "r.csv")
    assert (
        palate("train", "r.csv", "--model", "bias", "-o", "[red]m.palate")
        .out.rstrip()
        .endswith("wrote [red]m.palate; next: palate recommend '[red]m.palate' --user 0")
    )
    shown = palate("recommend", "[red]m.palate", "--rate", "$x$=3").out
    for title in titles[:3]:
        assert title in shown
    assert palate("recommend", "[red]m.palate", "--user", "[/]").error == "unknown user '[/]'"


# info


def test_info_tells_what_there_is(palate: Palate) -> None:
    ran = palate("info")
    assert ran.code == 0
    for name in ("neural", "bias", "popularity", "movielens-small", "movielens-32m"):
        assert name in ran.out
    answer = palate("info", "--json").json
    assert answer["models"] == list(library.MODELS)
    assert answer["datasets"][0] == "movielens-small"


def test_info_on_a_kind_of_model(palate: Palate) -> None:
    ran = palate("info", "neural")
    assert "learning_rate" in ran.out
    assert "Maximum number of passes over the training part." in ran.out
    assert "preset sgd: optimizer=sgd, learning_rate=0.08, momentum=0.9, init_std=0.01" in ran.out
    answer = palate("info", "neural", "--json").json
    assert set(answer["presets"]) == {"sgd", "adam"}
    assert {"name": "dim", "default": 10, "bounds": "integer ≥ 1", "meaning": "Embedding size."} in answer["settings"]
    assert palate("info", "popularity").code == 0, "a model without settings"


def test_info_on_a_saved_model(palate: Palate, model: Path) -> None:
    ran = palate("info", model)
    assert "model neural, 30 users, 20 items, 3 epochs" in ran.out
    assert "hidden=16" in ran.out
    assert "method=random" in ran.out
    assert "bias" in ran.out
    answer = palate("info", model, "--json").json
    assert answer["model"] == "neural"
    assert answer["training"]["history"][0]["epoch"] == 1
    assert answer["path"] == str(model)


def test_info_on_a_data_set_shows_its_terms(palate: Palate) -> None:
    ran = palate("info", "movielens-small")
    assert "100,004 ratings by 671 users" in ran.out
    assert "redistribut" in ran.out
    assert "commercial" in ran.out
    answer = palate("info", "movielens-small", "--json").json
    assert answer["ratings"] == 100_004
    assert "commercial" in answer["terms"]
    assert palate("info", "movielens-20m").code == 0, "without a download"


def test_info_on_nothing_known(palate: Palate, here: Path) -> None:
    message = palate("info", "neutral").error
    assert message.startswith("'neutral' is neither a folder, nor a data set (movielens-small, ")
    assert message.endswith(f"nor a model ({EVERY_MODEL})")


# sample


def test_sample(palate: Palate, here: Path) -> None:
    ran = palate("sample", "movielens-small", "-o", "ratings.csv")
    assert ran.code == 0
    assert "wrote ratings.csv and movies.csv" in ran.out
    assert "commercial" in ran.out
    assert pl.read_csv(here / "ratings.csv").shape == (100_004, 4)
    table = library.read("ratings.csv", items="movies.csv")
    assert (table.n_users, table.n_items) == (671, 9_066)
    answer = palate("sample", "-o", "a/r.csv", "--items", "b/m.csv", "--json").json
    assert answer["name"] == "movielens-small"
    assert Path(answer["ratings"]).read_bytes() == (here / "ratings.csv").read_bytes()
    assert Path(answer["items"]).exists()


def test_mistakes_with_samples(palate: Palate, here: Path) -> None:
    assert "did you mean 'movielens-small'" in palate("sample", "movielens-smal").error
    (here / "file").write_text("")
    assert "file/r.csv" in palate("sample", "-o", "file/r.csv").error


# options in messages


def test_a_message_names_options_as_its_reader_writes_them(palate: Palate, here: Path) -> None:
    (here / "r.csv").write_text("who,what\na,x\nb,y\n")
    assert palate("train", "r.csv").error.endswith(
        "header (--user who, --item what), number them if not (--user 1, --item 2)"
    )
    with pytest.raises(DataError, match=r"number them if not \(user=1, item=2\)"):
        library.read("r.csv")


@pytest.mark.parametrize(
    ("name", "value", "python", "command_line"),
    [
        ("time_unit", "ms", "time_unit='ms'", "--time-unit ms"),
        ("item", "the item", "item='the item'", "--item 'the item'"),
        ("time", False, "time=False", "--time none"),
        ("resume", True, "resume=True", "--resume"),
        ("aim", "lists", "aim='lists'", "--for lists"),
        ("min_ratings", None, "min_ratings", "--min-ratings"),
        ("k", None, "k", "-k"),
    ],
)
def test_an_option_in_python_and_on_the_command_line(name: str, value: object, python: str, command_line: str) -> None:
    assert (option(name, value), written(name, value)) == (python, command_line)


def test_names_are_given_with_commas_or_by_repeating_the_option() -> None:
    assert names(["mf, bias", "ease"]) == ["mf", "bias", "ease"]
    assert names([]) is None


def test_a_proposed_command_can_be_pasted() -> None:
    text = shell_command("palate", "recommend", Path("my ratings.palate"), "--user", "ann's b", "-k", 3)
    assert text == """palate recommend 'my ratings.palate' --user 'ann'"'"'s b' -k 3"""
    assert shlex.split(text)[4] == "ann's b"


def test_a_model_that_is_not_there_is_said_before_torch_is_loaded() -> None:
    script = "import sys; sys.argv = ['palate', 'recommend', 'missing', '--user', '1']\nfrom palate.cli import main\n"
    script += "try: main()\nfinally: print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.stderr) == ("False\n", "error: missing does not exist; make one with palate train\n")


def test_progress_through_a_pipe_is_a_line_for_each_stage(capfd: pytest.CaptureFixture[str]) -> None:
    with stages() as told:
        told("ease, run 1")
        told("bias, run 1")
    with stages(quiet=True) as told:
        told("nothing")
    assert capfd.readouterr().err == "ease, run 1\nbias, run 1\n"


def test_none_leaves_a_column_out_and_messages_write_options_so() -> None:
    assert [column(text) for text in ("none", "None", "rating", None)] == [False, False, "rating", None]
    assert written("time", False) == "--time none"
    assert written("quotes", False) == "--no-quotes"
    assert written("encoding", "cp949") == "--encoding cp949"
