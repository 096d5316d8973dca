"""Commands that ask a trained model."""

import shutil
from inspect import signature
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gensim.models import KeyedVectors  # type: ignore[import-untyped]

import palate as library
from palate.cli.evaluate import evaluate
from palate.evaluation.evaluate import PEOPLE_RANKED
from tests import trained
from tests.cli.conftest import Palate
from tests.names import PREDICTING, WITH_VECTORS

# recommend


def test_recommend(palate: Palate, model: Path) -> None:
    ran = palate("recommend", model, "--user", "1", "-k", "3")
    assert ran.code == 0
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0].strip() == "For user 1"
    assert lines[1].split() == ["id", "title", "score"]
    expected = library.load(model).recommend(1, k=3)
    assert [line.split()[0] for line in lines[2:5]] == [str(row.id) for row in expected]
    assert expected[0].title in lines[2]
    assert "--min-ratings 20" in lines[5], "says what a list by predicted rating is"


def test_recommend_json(palate: Palate, model: Path) -> None:
    answer = palate("recommend", model, "--user", "1", "-k", "3", "--json").json
    assert answer == {"user": 1, "items": library.load(model).recommend(1, k=3).to_dicts()}
    assert [list(item) for item in answer["items"]] == [["id", "title", "score"]] * 3
    assert len(palate("recommend", model, "--user", "1", "--json").json["items"]) <= 10


def test_recommend_for_a_person_never_seen(palate: Palate, model: Path) -> None:
    rated = ("--rate", "101=5", "--rate", "Movie B (1991)=1.5", "--rate", "1984=2")
    answer = palate("recommend", model, *rated, "--json").json
    expected = library.load(model).recommend(ratings={101: 5, 102: 1.5, 105: 2})
    assert answer == {"user": None, "items": expected.to_dicts()}
    assert palate("recommend", model, *rated).out.startswith("For you")


def test_lists(palate: Palate, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "lists.csv"
    recommender = library.load(model)
    n = recommender.lists(tmp_path / "same.csv", k=3)
    people = recommender.table.n_users
    assert (
        palate("lists", model, "-k", 3, "-o", path, "--memory", "4GB").out.split()[2:]
        == f"{n} rows, lists of {people} users".split()
    )
    assert path.read_text() == (tmp_path / "same.csv").read_text()
    assert palate("lists", model, "-o", path, "--json").json["users"] == people
    assert "such as 800MB or 1.5GB" in palate("lists", model, "-o", path, "--memory", "much").error


def test_recommend_with_conditions(palate: Palate, model: Path) -> None:
    every = [item["id"] for item in palate("recommend", model, "--user", "1", "-k", "50", "--json").json["items"]]
    options = ("--exclude", every[0], "--only", every[0], "--only", every[1])
    answer = palate("recommend", model, "--user", "1", *options, "--json").json
    assert [item["id"] for item in answer["items"]] == [every[1]]
    assert palate("recommend", model, "--user", "1", "--min-ratings", "1000", "--json").json["items"] == []
    ran = palate("recommend", model, "--user", "1", "--min-ratings", "1000")
    assert (ran.code, ran.out.endswith("; lower --min-ratings\n")) == (0, True)
    assert palate("recommend", model, "--user", "1", "--min-ratings", "1000", "--json").json["note"]


def test_a_list_that_is_not_by_predicted_rating_says_nothing_of_it(palate: Palate, popularity: Path) -> None:
    assert "predicted rating" not in palate("recommend", popularity, "--user", "1").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a user, or give ratings of a new user, and not both"),
        (["--user", "1", "--rate", "101=5"], "name a user, or give ratings of a new user, and not both"),
        (["--user", "33"], "unknown user 33; did you mean 3"),
        (["--user", "Zoë"], "unknown user 'Zoë'"),
        (["--user", ""], "unknown user ''"),
        (["--rate", "101"], "--rate '101' should be ITEM=RATING, such as 318=5"),
        (["--rate", "=5"], "--rate '=5' should be ITEM=RATING, such as 318=5"),
        (["--rate", "101=good"], "--rate '101=good' should be ITEM=RATING, such as 318=5"),
        (["--rate", "101=6"], "rating 6.0 of item 101 is off the scale: 1 to 5"),
        (["--rate", "101=nan"], "rating nan of item 101 is off the scale: 1 to 5"),
        (["--rate", "101=1", "--rate", "101=2"], "--rate names 101 twice"),
        (["--rate", "101=1", "--rate", "Movie A (1990)=2"], "ratings name an item twice"),
        (["--rate", "Movie Z=5"], "unknown item 'Movie Z'; did you mean 'Movie "),
        (["--rate", "Twins=5"], "2 items have the title 'Twins': use one of their ids 103, 104"),
        (["--user", "1", "--exclude", "999"], "unknown item '999'"),
        (["--user", "1", "-k", "0"], "-k is 0: it must be at least 1"),
        (["--user", "1", "--min-ratings", "-1"], "--min-ratings is -1: it must be at least 0"),
        (["--user", "1", "--diversity", "2"], "--diversity is 2.0: it must be from 0 to 1"),
        (["--user", "1", "-k", "ten"], "Invalid value for '-k'"),
        (["--usr", "1"], "No such option: --usr"),
        (["--user"], "requires an argument"),
    ],
)
def test_mistakes_when_asking_for_recommendations(
    palate: Palate, model: Path, arguments: list[str], message: str
) -> None:
    assert message in palate("recommend", model, *arguments).error
    assert palate("recommend", model, *arguments, "--json").out == ""


# predict


def test_predict(palate: Palate, model: Path) -> None:
    answer = palate("predict", model, "--user", "2", "--item", "101", "--item", "Movie B (1991)", "--json").json
    assert answer == {"user": 2, "items": library.load(model).predict(2, [101, 102]).to_dicts()}
    assert [list(item) for item in answer["items"]] == [["id", "title", "rating"]] * 2
    ran = palate("predict", model, "--user", "2", "--item", "101")
    assert ran.out.splitlines()[0].strip() == "Predicted ratings of user 2"
    assert "Movie A (1990)" in ran.out
    ran = palate("predict", model, "--rate", "102=5", "--item", "101")
    assert ran.out.startswith("Your predicted ratings")


def test_predict_with_an_interval(palate: Palate, model: Path) -> None:
    answer = palate("predict", model, "--user", "2", "--item", "101", "--interval", "0.8", "--json").json
    assert answer == {"user": 2, "items": library.load(model).predict(2, [101], interval=0.8).to_dicts()}
    assert list(answer["items"][0]) == ["id", "title", "rating", "low", "high"]
    wrong = palate("predict", model, "--user", "2", "--item", "101", "--interval", "80").error
    assert wrong == "interval is 80: it must be one of 0.5, 0.8, 0.9, 0.95"


def test_mistakes_when_predicting(palate: Palate, model: Path, popularity: Path) -> None:
    assert palate("predict", model, "--item", "101").error.startswith("name a user, or give ratings")
    assert palate("predict", model, "--user", "1").error == "Missing option '--item'. (palate predict --help says more)"
    assert "unknown item '1011'; did you mean" in palate("predict", model, "--user", "1", "--item", "1011").error
    lacks = f"model 'popularity' has no predicted ratings; train one that has: {PREDICTING}"
    assert palate("predict", popularity, "--user", "1", "--item", "101").error == lacks


# similar, analogy


def test_similar(palate: Palate, model: Path) -> None:
    recommender = library.load(model)
    answer = palate("similar", model, "--item", "101", "-k", "3", "--json").json
    assert answer == {"item": 101, "items": recommender.similar(101, k=3).to_dicts()}
    answer = palate("similar", model, "--user", "2", "-k", "3", "--json").json
    assert answer == {"user": 2, "users": recommender.similar(user=2, k=3).to_dicts()}
    assert palate("similar", model, "--item", "Movie A (1990)").out.startswith("Nearest to Movie A (1990)")
    assert palate("similar", model, "--user", "2").out.startswith("Nearest to user 2")


def test_analogy(palate: Palate, model: Path) -> None:
    answer = palate("analogy", model, "101", "Movie B (1991)", "106", "-k", "3", "--json").json
    expected = library.load(model).check_analogy(101, 102, 106, k=3)
    assert answer == {
        "a": 101,
        "b": "Movie B (1991)",
        "c": 106,
        "items": expected.answer.to_dicts(),
        "no_offset": expected.no_offset.to_dicts(),
        "shuffled": expected.shuffled.to_dicts(),
        "in_no_offset": expected.in_no_offset,
        "in_shuffled": expected.in_shuffled,
        "sentence": expected.sentence,
    }
    out = palate("analogy", model, "101", "102", "106", "-k", "3").out
    title, head, *rows = out.splitlines()
    assert title.strip() == "101 - 102 + 106"
    assert head.split("  ")[-1].strip() == "a random pair"
    assert expected.sentence in " ".join(out.split())
    for place, lists in enumerate(zip(expected.answer, expected.no_offset, expected.shuffled, strict=True)):
        assert rows[place].split() == " ".join([str(place + 1), *(row.title for row in lists)]).split()


def test_directions_and_moving_along_one(palate: Palate, model: Path) -> None:
    recommender = library.load(model)
    expected = recommender.directions(min_ratings=5).to_dicts()
    assert palate("directions", model, "--min-ratings", "5", "--json").json == {"directions": expected}
    assert "Western" in palate("directions", model, "--min-ratings", "5").out
    words = ("similar", model, "--item", "101", "--towards", "Western", "--strength", "-2", "-k", "3")
    near = recommender.similar(101, k=3, towards="Western", strength=-2).to_dicts()
    assert palate(*words, "--json").json == {"item": 101, "towards": "Western", "strength": -2.0, "items": near}
    assert palate(*words).out.startswith("Nearest to 101 -2 towards Western")
    assert palate("similar", model, "--item", "101", "--towards", "Westen").error.startswith(
        "unknown attribute 'Westen'"
    )


def test_mistakes_when_asking_for_neighbours(palate: Palate, model: Path, popularity: Path) -> None:
    assert palate("similar", model).error == "similar needs an item or a user, and not both"
    assert palate("similar", model, "--item", "101", "--user", "1").error.endswith("and not both")
    assert palate("similar", model, "--item", "Movie ?").error.startswith("unknown item 'Movie ?'; did you mean")
    assert palate("analogy", model, "101", "102").error.startswith("Missing argument 'c'")
    lacks = f"model 'popularity' has no vectors; train one that has: {WITH_VECTORS}"
    assert palate("similar", popularity, "--user", "1").error == lacks
    assert palate("similar", popularity, "--item", "101", "--towards", "Western").error == lacks
    assert palate("analogy", popularity, "101", "102", "103").error == lacks
    assert palate("directions", popularity).error == lacks


# evaluate


def test_evaluate(palate: Palate, model: Path, popularity: Path, tables: Path) -> None:
    recommender = library.load(model)
    answer = palate("evaluate", model, "--json").json
    tenths = recommender.calibration().to_dicts()
    assert answer == {**recommender.evaluate(full=True), "calibration": tenths}
    assert recommender.training.metrics.items() <= answer.items()
    assert "recall@3" in palate("evaluate", model, "-k", "3", "--json").json
    assert palate("evaluate", model, "--people", "7", "--json").json["people"] == 7
    lists = palate("evaluate", popularity, "--json").json
    assert {"recall@10", "map@10", "gini@10", "people"} <= lists.keys()
    assert not {"rmse", "covered@80", "calibration"} & lists.keys()
    other = palate("evaluate", model, tables / "ratings.csv", "--json").json
    assert {**answer, "unknown": 0, "learned": other["learned"]} == other


def test_evaluate_reads_a_table_as_train_does(palate: Palate, model: Path, tables: Path, here: Path) -> None:
    plain = palate("evaluate", model, tables / "ratings.csv", "--json").json
    rows = [line.split(",") for line in (tables / "ratings.csv").read_text().splitlines()[1:]]
    (here / "odd.txt").write_text("".join(f"{when}|{rating}|{item}|{user}\n" for user, item, rating, when in rows))
    columns = ("--user", "4", "--item", "3", "--rating", "2", "--time", "1", "--separator", "|")
    assert palate("evaluate", model, "odd.txt", *columns, "--json").json == plain
    halves = len(rows) // 2
    for name, part in (("a.csv", rows[:halves]), ("b.csv", rows[halves:])):
        (here / name).write_text("userId,movieId,rating,timestamp\n" + "".join(f"{','.join(row)}\n" for row in part))
    assert palate("evaluate", model, "a.csv", "b.csv", "--json").json == plain
    assert (
        palate("evaluate", model, "--user", "4").error
        == "options of the table are given, but no table: name the table to evaluate on"
    )


def test_evaluate_shows_every_metric_once_in_groups(palate: Palate, model: Path, tables: Path) -> None:
    metrics = library.load(model).evaluate(library.read(tables / "ratings.csv"), full=True)
    lines = [line.split() for line in palate("evaluate", model, tables / "ratings.csv").out.splitlines()]
    shown = {line[0]: float(line[1]) for line in lines if len(line) == 2 and line[0] in metrics}
    assert shown == pytest.approx(metrics, abs=1e-4)
    assert sum(line[:1] == ["metric"] for line in lines) == 5
    assert sum(len(line) == 3 and line[0].isdigit() for line in lines) == 10, "tenths of the predictions"


def test_evaluate_ranks_as_many_people_as_the_library() -> None:
    assert signature(evaluate).parameters["people"].default == PEOPLE_RANKED


def test_mistakes_when_evaluating(palate: Palate, model: Path, here: Path) -> None:
    assert palate("evaluate", model, "no.csv").error.startswith("no.csv: there is no such file")
    (here / "strangers.csv").write_text("userId,movieId,rating\n" + "".join(f"{n + 900},{n},3\n" for n in range(9)))
    assert "none of the 9 events can be predicted" in palate("evaluate", model, "strangers.csv").error
    trained.train("bias", test=0, output=here / "b.palate")
    assert palate("evaluate", "b.palate").error == "this model has no test part: name a table to evaluate it on"


# curves


def test_curves(palate: Palate, model: Path, here: Path) -> None:
    ran = palate("curves", model)
    assert ran.out == "wrote curves.svg: the losses of 3 epochs\n"
    assert ElementTree.parse(here / "curves.svg").getroot().tag.endswith("svg")
    answer = palate("curves", model, "-o", "deep/er/c.png", "--json").json
    assert answer["path"] == str(Path("deep/er/c.png"))
    assert [record["epoch"] for record in answer["history"]] == [1, 2, 3]
    assert (here / "deep" / "er" / "c.png").read_bytes().startswith(b"\x89PNG")


def test_mistakes_when_drawing(palate: Palate, model: Path, popularity: Path, here: Path) -> None:
    assert palate("curves", model, "-o", "c.pdf").error == "can't draw c.pdf: its name should end in .svg or .png"
    assert palate("curves", popularity).error.startswith("there are no curves: a model that is solved in one step")
    (here / "file").write_text("")
    assert palate("curves", model, "-o", "file/c.svg").error.startswith("can't write file/c.svg")
    assert [path.name for path in here.iterdir()] == ["file"]


# The model's folder.


@pytest.mark.parametrize(
    "command",
    [
        ["recommend", "{}", "--user", "1"],
        ["predict", "{}", "--user", "1", "--item", "101"],
        ["similar", "{}", "--item", "101"],
        ["analogy", "{}", "1", "2", "3"],
        ["directions", "{}"],
        ["evaluate", "{}"],
        ["curves", "{}"],
        ["info", "{}"],
    ],
    ids=lambda command: str(command[0]),
)
def test_a_folder_that_is_no_model(palate: Palate, model: Path, here: Path, command: list[str]) -> None:
    def ask(name: str) -> str:
        return palate(*(word.format(name) for word in command)).error

    if command[0] != "info":
        assert ask("gone") == "gone does not exist; make one with palate train"
    (here / "empty").mkdir()
    assert ask("empty") == "empty has no palate.json: it is no Palate model; make one with palate train"
    (here / "file.csv").write_text("1,2,3")
    assert ask("file.csv").startswith("file.csv has no palate.json: it is no Palate model")
    harmed = Path(shutil.copytree(model, here / "harmed"))
    (harmed / "palate.json").write_text((harmed / "palate.json").read_text().replace("neural", "neutral"))
    assert ask("harmed") == "harmed is damaged: palate.json: it is not as it was written"
    assert ask("x" * 300).endswith("File name too long") or command[0] == "info"


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # gensim's
def test_vectors_of_a_saved_model(palate: Palate, model: Path, popularity: Path, here: Path) -> None:
    for name in ("v.txt", "v.glove"):
        assert palate("info", model, "--export-vectors", name).code == 0
        assert len(KeyedVectors.load_word2vec_format(name, no_header=name.endswith("glove"))) == 20
    assert palate("info", popularity, "--export-vectors", "p.txt").error.startswith("model 'popularity' has no vectors")
    assert palate("info", "neural", "--export-vectors", "p.txt").error.startswith("neural does not exist")
