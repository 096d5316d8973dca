import inspect
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
import torch

import palate
from palate import pipeline
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.relevance import liked_notes
from palate.errors import ArtifactError, DataError, Interrupted, OptionError, OutputError, UnsupportedError
from palate.evaluation.evaluate import evaluate, squared_error
from palate.inference import queries
from palate.model_selection import baselines
from palate.models.contract import BaseConfig, KnowsSpread, Query, SolvedModel
from palate.training import trainer as learning
from palate.training.checkpoint import Checkpoint
from palate.training.fit import fit
from tests import trained
from tests.names import EVERY_MODEL, WITHOUT_RATINGS


class Loudest(SolvedModel):
    """A model from outside: an item's score is its highest rating."""

    Config: ClassVar[type[BaseConfig]] = BaseConfig
    NEEDS_RATINGS: ClassVar[bool] = True
    LOOKS_BACK: ClassVar[bool] = False

    highest: torch.Tensor

    def __init__(self, config: BaseConfig, n_users: int, n_items: int) -> None:
        super().__init__(config, n_users, n_items)
        self.register_buffer("highest", torch.zeros(n_items))

    def solve(self, train: Interactions, generator: torch.Generator) -> None:
        assert train.ratings is not None
        highest = np.zeros(train.n_items, dtype=np.float32)
        np.maximum.at(highest, train.items, train.ratings)
        self.highest.copy_(torch.from_numpy(highest))

    def score(self, query: Query) -> torch.Tensor:
        return self.highest.repeat(len(query), 1)


OUTSIDE = f"{__name__}:Loudest"


# What training gives.


def test_the_issues_own_words(tmp_path: Path) -> None:
    trained.ratings().write_csv(tmp_path / "ratings.csv")
    settings = trained.QUICK["neural"]
    result = palate.train(tmp_path / "ratings.csv", model="neural", preset="sgd", settings=settings, epochs=2, seed=0)
    assert isinstance(result.recommender, palate.Recommender)
    assert [record["epoch"] for record in result.history] == [1, 2]
    assert list(result.history[0]) == ["epoch", "train_loss", "validation_loss", "seconds", "ratings_per_second"]
    assert set(result.metrics) == {"rmse", "mae", "recall@10", "ndcg@10", "people"}
    assert set(result.baselines) == {"bias", "popularity"}
    assert all(math.isfinite(value) for record in (*result.history, result.metrics) for value in record.values())
    for record in result.history:
        learned = len(result.recommender.split.train)
        assert record["ratings_per_second"] == pytest.approx(learned / record["seconds"])
    assert list(tmp_path.iterdir()) == [tmp_path / "ratings.csv"], "nothing is written unless asked for"


def test_the_record_of_a_training() -> None:
    result = trained.train(preset="adam", seed=5, test=0.3, validation=0.2)
    record = result.recommender.training
    assert (record.preset, record.seed) == ("adam", 5)
    assert record.split == {
        "method": "random",
        "test": 0.3,
        "validation": 0.2,
        "hash": result.recommender.split.hash,
    }
    assert (record.metrics, record.baselines) == (result.metrics, result.baselines)
    assert record.notes == [*result.recommender.table.notes, *liked_notes(result.recommender.table)]
    assert result.recommender.model.config.model_dump()["optimizer"] == "adam"


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    same = trained.train(output=tmp_path / "a", seed=3, test=0.25)
    other = trained.train(output=tmp_path / "b", seed=np.int64(3), test=np.float64(0.25))
    assert same.metrics == other.metrics


def test_the_seed_decides_all() -> None:
    same = [trained.train(seed=seed) for seed in (4, 4, 5)]
    losses = [[record["train_loss"] for record in result.history] for result in same]
    assert losses[0] == losses[1] != losses[2]
    assert same[0].metrics == same[1].metrics != same[2].metrics
    assert same[0].recommender.recommend(1) == same[1].recommender.recommend(1)


def test_frames_of_every_kind_and_tables_already_read() -> None:
    frame = trained.ratings()
    scores = [
        trained.train(source=source).metrics
        for source in (frame, frame.to_pandas(), frame.to_arrow(), palate.read(frame))
    ]
    assert scores[0] == scores[1] == scores[2] == scores[3]


def test_the_model_where_none_is_named() -> None:
    frame = trained.ratings()
    ratings, events = palate.read(frame), palate.read(frame.drop("rating"))
    assert palate.usual_model(ratings) == "svdpp"
    assert palate.usual_model(events) == "ease"
    assert {palate.usual_model(table, "adam") for table in (ratings, events)} == {"neural"}
    assert isinstance(palate.train(events, device="cpu").recommender.model, palate.MODELS["ease"])


def test_a_data_set_by_its_name() -> None:
    result = palate.train("movielens-small", model="mf", baselines=())
    assert result.recommender.table.n_items == 9066
    assert result.recommender.table.catalogue.title(0) == "Toy Story (1995)"
    assert any("research use" in note for note in result.recommender.training.notes), "the terms come along"


def test_a_data_sets_name_misspelt() -> None:
    with pytest.raises(OptionError, match="did you mean 'movielens-small'"):
        palate.train("movielens-smal")


def test_a_file_that_is_called_like_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained.ratings().write_csv(tmp_path / "movielens-small")
    monkeypatch.chdir(tmp_path)
    assert trained.train("bias", "movielens-small").recommender.table.n_users == 30


# The parts of the table.


def spied_fit(monkeypatch: pytest.MonkeyPatch) -> list[Interactions]:
    fitted: list[Interactions] = []

    def spy(model: Any, train: Interactions, **options: Any) -> Any:
        fitted.append(train)
        return fit(model, train, **options)

    monkeypatch.setattr(learning, "fit", spy)
    monkeypatch.setattr(baselines, "fit", spy)
    return fitted


def pairs(table: Interactions) -> set[tuple[int, int]]:
    return set(zip(table.users.tolist(), table.items.tolist(), strict=True))


def test_fit_never_receives_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = spied_fit(monkeypatch)
    split = trained.train().recommender.split
    assert len(fitted) == 4, "the model, its refit and two baselines"
    assert len(split.test) == round(0.2 * len(split.table))
    for table in fitted:
        assert not pairs(table) & pairs(split.test)
    assert pairs(fitted[0]) == pairs(split.train)
    assert not pairs(fitted[0]) & pairs(split.validation)
    for table in fitted[1:]:
        assert pairs(table) == pairs(split.train) | pairs(split.validation)


def test_the_test_part_is_read_once_for_each_models_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spied_evaluate(model: Any, known: Interactions, held_out: Interactions, **options: Any) -> Any:
        asked.append(f"{type(model).__name__}: metrics")
        return evaluate(model, known, held_out, **options)

    def spied_error(model: Any, known: Interactions, held_out: Interactions, newcomers: Any) -> float:
        test = known.__class__ is Interactions and len(held_out) == n_test
        asked.append(f"{type(model).__name__}: {'test' if test else 'validation'} loss")
        return squared_error(model, known, held_out, newcomers)

    n_test = len(trained.train("bias").recommender.split.test)
    monkeypatch.setattr(baselines, "evaluate", spied_evaluate)
    monkeypatch.setattr(learning, "squared_error", spied_error)
    trained.train(epochs=2)
    losses, metrics = asked[:2], asked[2:]
    assert losses == ["NeuralRating: validation loss"] * 2
    assert metrics == ["NeuralRating: metrics", "Bias: metrics", "Popularity: metrics"]


def test_intervals_come_from_the_validation_part_alone() -> None:
    """By hand: the n-th smallest error of single predictions, of a model that saw the training part alone."""
    result = trained.train(refit=False)
    split = result.recommender.split
    columns = split.validation.columns
    rated = zip(columns["users"], columns["items"], columns["ratings"], strict=True)
    errors = sorted(abs(result.recommender.predict(int(u) + 1, int(i) + 101) - r) for u, i, r in rated)
    for level, reach in result.recommender.training.half_widths.items():
        place = math.ceil((len(errors) + 1) * level)
        assert reach == pytest.approx(errors[place - 1] if place <= len(errors) else 4.0, abs=1e-6)
    report = result.recommender.evaluate(full=True)
    assert {f"{name}@{level}" for name in ("covered", "width") for level in (50, 80, 90, 95)} <= report.keys()


def test_intervals_hold_real_ratings_as_often_as_they_say() -> None:
    recommender = palate.train("movielens-small", model="bias", baselines=(), device="cpu").recommender
    report = recommender.evaluate(people=1, full=True)
    for level in (50, 80, 90, 95):
        assert report[f"covered@{level}"] == pytest.approx(level / 100, abs=0.01)


@pytest.mark.parametrize("validation", [0.3, 0])
def test_intervals_of_a_model_that_knows_its_spread(validation: float) -> None:
    """Some are wide and some narrow; with a validation part or without they hold about as often as they say."""
    settings = {"dim": 2, "chains": 1, "sweeps": 60, "samples": 30}
    recommender = trained.train("bayes", settings=settings, test=0.3, validation=validation).recommender
    many = recommender.predict(1, list(range(101, 121)), interval=0.8).to_polars()
    inside = many.filter((pl.col("low") > 1) & (pl.col("high") < 5))
    widths = (inside["high"] - inside["low"]).to_numpy()
    assert widths.max() > 1.02 * widths.min()
    query = queries.of_users(recommender.table, np.array([0]), recommender.model)
    rows = torch.tensor(recommender.table.item_ids.find(inside["id"].to_list()))
    assert isinstance(recommender.model, KnowsSpread)
    spreads = recommender.model.spread(query, torch.zeros_like(rows), rows).numpy()
    assert widths == pytest.approx(2 * recommender.training.half_widths[0.8] * spreads, rel=1e-4)
    assert recommender.evaluate(full=True)["covered@80"] == pytest.approx(0.8, abs=0.12)


@pytest.mark.parametrize(("model", "options"), [("bias", {"validation": 0}), ("popularity", {})])
def test_no_intervals_without_validation_or_predictions(model: str, options: dict[str, Any]) -> None:
    recommender = trained.train(model, **options).recommender
    assert recommender.training.half_widths == {}
    assert not any(name.startswith("covered") for name in recommender.evaluate(full=True))


def test_what_is_not_in_the_test_part_alone_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    table = palate.read(trained.ratings())
    test = splits.random(table, test=0.2, validation=0.1, seed=0).part == splits.TEST
    assert table.ratings is not None
    turned = table.ratings.copy()
    turned[test] = 6 - turned[test]
    results = [trained.train(source=each) for each in (table, Interactions(**{**vars_of(table), "ratings": turned}))]
    losses = [[record["validation_loss"] for record in result.history] for result in results]
    assert losses[0] == losses[1]
    assert results[0].recommender.recommend(1) == results[1].recommender.recommend(1)
    assert results[0].metrics["rmse"] != results[1].metrics["rmse"]


def vars_of(table: Interactions) -> dict[str, Any]:
    names = ("users", "items", "ratings", "times", "user_ids", "item_ids", "catalogue", "notes")
    return {name: getattr(table, name) for name in names}


def test_without_validation_every_epoch_runs_and_the_test_loss_is_recorded() -> None:
    result = trained.train(validation=0, settings={"epochs": 12, "learning_rate": 0.05, "patience": 1})
    assert len(result.history) == 12
    assert list(result.history[0]) == ["epoch", "train_loss", "test_loss", "seconds", "ratings_per_second"]
    losses = [record["test_loss"] for record in result.history]
    assert min(losses) < losses[-1], "or the last epoch would be the best"
    assert math.sqrt(losses[-1]) >= result.metrics["rmse"], "the last epoch is kept; clipping can only help"


def test_with_validation_the_best_epoch_is_kept_and_training_stops() -> None:
    result = trained.train(settings={"epochs": 50, "learning_rate": 0.5, "patience": 2, "average": 1})
    losses = [record["validation_loss"] for record in result.history]
    assert len(losses) < 50
    assert losses.index(min(losses)) == len(losses) - 3


def test_the_test_loss_beside_the_validation_loss_changes_nothing() -> None:
    watched, plain = trained.train(watch_test=True), trained.train()
    assert list(watched.history[0])[:4] == ["epoch", "train_loss", "validation_loss", "test_loss"]
    assert watched.metrics == plain.metrics


def test_a_model_that_predicts_no_ratings_is_judged_by_its_lists(tmp_path: Path) -> None:
    for source in (trained.ratings(), trained.ratings().drop("rating")):
        options = {"watch_test": True, "test": 0.3, "validation": 0.3, "refit": False}
        result = trained.train("sasrec", source, settings={"epochs": 8}, **options)
        measured = [name for name in result.history[0] if "seconds" not in name and "second" not in name]
        assert measured == ["epoch", "train_loss", "validation_ndcg@10", "test_ndcg@10"]
        split, best = result.recommender.split, max(record["validation_ndcg@10"] for record in result.history)
        kept = evaluate(result.recommender.model, split.train, split.validation)
        assert kept["ndcg@10"] == pytest.approx(best)
        assert min(record["validation_ndcg@10"] for record in result.history) < best, "or nothing was to choose"
        palate.draw_curves(result.recommender.training.history, tmp_path / "c.svg")
    rarely = trained.ratings().with_columns(rating=1 + 4.0 * (pl.int_range(pl.len()) < 2))
    assert "validation_ndcg@10" not in trained.train("sasrec", rarely).history[0], "nothing is liked: nobody to judge"
    result = trained.train("sasrec", validation=0)
    assert list(result.history[0])[:3] == ["epoch", "train_loss", "test_ndcg@10"]
    assert len(result.history) == 3


def test_no_test_part_at_all() -> None:
    result = trained.train(test=0)
    assert (result.metrics, result.baselines) == ({}, {"bias": {}, "popularity": {}})
    assert len(result.recommender.recommend(1, k=3)) == 3
    result = trained.train(test=0, validation=0)
    assert list(result.history[0]) == ["epoch", "train_loss", "seconds", "ratings_per_second"]
    assert len(result.recommender.split.train) == len(result.recommender.table)


# What can't be.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "neutral"}, f"unknown model 'neutral': there are {EVERY_MODEL}, best, or your own as"),
        ({"model": "no_such_module:Model"}, "model 'no_such_module:Model' can't be imported: No module named"),
        ({"model": "math:sqrt"}, "'math:sqrt' is not a model: it must be a class derived from"),
        ({"model": "math:nothing"}, "model 'math:nothing' can't be imported"),
        ({"model": "palate.models.contract:SolvedModel"}, "SolvedModel' is not complete: it lacks score, solve"),
        ({"settings": {"learning_rate": 1e20}}, "setting learning_rate of model neural is 1e+20: Input should be less"),
        ({"preset": "sdg"}, "model neural has no preset 'sdg'; its presets: sgd, adam"),
        ({"model": "bias", "preset": "sgd"}, "model bias has no preset 'sgd'; its presets: none"),
        ({"settings": {"hiden": 3}}, "model neural has no setting 'hiden'; did you mean 'hidden'?"),
        ({"settings": {"zzz": 3}}, "model neural has no setting 'zzz'; its settings: epochs, patience"),
        ({"model": "popularity", "epochs": 3}, "model popularity has no setting 'epochs'; its settings: days"),
        ({"settings": {"dim": 0}}, "setting dim of model neural is 0: Input should be greater than or equal to 1"),
        ({"settings": {"dim": "many"}}, "setting dim of model neural is 'many': "),
        ({"settings": {"learning_rate": math.nan}}, "setting learning_rate of model neural is nan"),
        ({"settings": {"optimizer": "adagrad"}}, "setting optimizer of model neural is 'adagrad': "),
        ({"epochs": 0}, "setting epochs of model neural is 0"),
        ({"seed": -1}, "seed is -1: it must be at least 0"),
        ({"test": 1.0}, "the test share is 1.0: it must be at least 0 and below 1"),
        ({"validation": -0.1}, "the validation share is -0.1"),
        ({"test": 0.99, "validation": 0.99}, "leave no event to train on"),
        ({"device": "tpu"}, "device is 'tpu': it must be"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not on this machine"),
        ({"baselines": ["best"]}, f"unknown model 'best': there are {EVERY_MODEL}, or your own as"),
        ({"resume": True}, "resume needs the output"),
    ],
)
def test_options_that_cannot_be(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str) -> None:
    fitted = spied_fit(monkeypatch)
    with pytest.raises(OptionError) as caught:
        trained.train(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not fitted, "said before any time is spent"


def test_a_place_that_cannot_be_is_said_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fitted = spied_fit(monkeypatch)
    (tmp_path / "file").write_text("precious")
    for place in (tmp_path, tmp_path / "file", tmp_path / "file" / "m.palate"):
        with pytest.raises(OutputError):
            trained.train(output=place)
    assert not fitted
    assert (tmp_path / "file").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_options_of_reading_reach_the_reader(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("\n".join(f"{u}|{i}|{1 + (u + i) % 5}" for u in range(9) for i in range(9)))
    result = trained.train("bias", tmp_path / "r.txt", separator="|", user=1, item=2, rating=3)
    assert result.recommender.table.n_users == 9
    with pytest.raises(DataError, match="no column"):
        trained.train("bias", tmp_path / "r.txt", separator="|", user=7)


def test_a_rating_model_and_data_without_ratings() -> None:
    frame = trained.ratings().drop("rating")
    for model in ("neural", "bias"):
        with pytest.raises(UnsupportedError) as caught:
            trained.train(model, frame)
        expected = f"model '{model}' learns from ratings, and this table has none: choose model {WITHOUT_RATINGS}"
        assert str(caught.value) == expected
    result = trained.train("popularity", frame)
    assert set(result.metrics) == {"recall@10", "ndcg@10", "people"}
    assert result.baselines == {}, "popularity is the model, and bias can't learn from this"
    assert result.history == []


def test_a_training_that_diverges(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"training diverged in epoch 1: try a learning_rate below 100000"):
        trained.train(settings={"learning_rate": 1e5}, output=tmp_path / "m.palate")
    assert not (tmp_path / "m.palate").exists()


# A model from outside.


def test_a_model_from_outside(tmp_path: Path) -> None:
    result = trained.train(OUTSIDE, output=tmp_path / "m.palate")
    assert isinstance(result.recommender.model, Loudest)
    assert set(result.baselines) == {"bias", "popularity"}
    with pytest.raises(ArtifactError, match="which is not one of Palate's"):
        palate.load(tmp_path / "m.palate")
    opened = palate.load(tmp_path / "m.palate", outside=Loudest)
    assert opened.recommend(1) == result.recommender.recommend(1)
    assert palate.read_header(tmp_path / "m.palate").model == OUTSIDE
    assert sys.modules[__name__], "the name is that of this module"


def test_a_model_from_outside_needs_ratings_too() -> None:
    with pytest.raises(UnsupportedError, match=f"model '{OUTSIDE}' learns from ratings"):
        trained.train(OUTSIDE, trained.ratings().drop("rating"))


# Stopping and going on.


class Stop:
    """An observer that stops training with Ctrl-C's error after so many batches."""

    def __init__(self, after: int) -> None:
        self.left = after

    def started(self, epochs: int, events: int, epoch: int) -> None: ...
    def measured(self, record: Any) -> None: ...
    def stepped(self, events: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The output of a run that saved after every batch and was killed."""
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    with pytest.raises(KeyboardInterrupt):
        trained.train(output=tmp_path / "m.palate", observers=[Stop(after=7)])
    assert [path.name for path in tmp_path.iterdir()] == ["m.palate.checkpoint"]
    return tmp_path / "m.palate"


def test_resumed_it_ends_as_if_never_stopped(stopped: Path, tmp_path: Path) -> None:
    resumed = trained.train(output=stopped, resume=True)
    whole = trained.train(output=tmp_path / "whole.palate")
    for file in stopped.iterdir():
        assert file.read_bytes() == (tmp_path / "whole.palate" / file.name).read_bytes()
    assert not Path(f"{stopped}.checkpoint").exists()
    assert [record["train_loss"] for record in resumed.history] == [record["train_loss"] for record in whole.history]


def test_a_stopped_run_is_not_trampled_on(stopped: Path) -> None:
    with pytest.raises(
        OptionError, match=r"checkpoint is of a run that was stopped: add resume=True to go on with it, or"
    ):
        trained.train(output=stopped)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "split, seed"),
        ({"epochs": 9}, "settings"),
        ({"test": 0.3}, "split"),
        ({"watch_test": True}, "watch_test"),
        ({"source": trained.ratings(1)}, "data, split"),
    ],
)
def test_another_run_cannot_go_on_with_it(stopped: Path, other: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError) as caught:
        trained.train(output=stopped, resume=True, **other)
    message = f"{stopped}.checkpoint belongs to a run with other {named}; delete it to start anew"
    assert str(caught.value) == message


def harmful() -> Iterable[bytes]:
    return (b"", b"\0", b"{}" * 1000, b"\xff" * 100)


@pytest.mark.parametrize("content", harmful())
def test_a_damaged_checkpoint(stopped: Path, content: bytes) -> None:
    Path(f"{stopped}.checkpoint").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"can't be read, delete it to start anew"):
        trained.train(output=stopped, resume=True)


def test_a_byte_flipped_in_a_checkpoint(stopped: Path) -> None:
    path = Path(f"{stopped}.checkpoint")
    content = path.read_bytes()
    for at in range(0, len(content), len(content) // 40):
        harmed = bytearray(content)
        harmed[at] ^= 4
        path.write_bytes(harmed)
        with pytest.raises(ArtifactError, match=r"can't be read, delete it to start anew"):
            trained.train(output=stopped, resume=True)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist: there is no run to resume"):
        trained.train(output=tmp_path / "m.palate", resume=True)


def test_a_slash_at_the_end_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    trained.train(output=f"{tmp_path}/m.palate/")
    assert [path.name for path in tmp_path.iterdir()] == ["m.palate"]


def test_what_ctrl_c_says(tmp_path: Path) -> None:
    class Ask(Stop):
        def stepped(self, events: int) -> None:
            import signal  # noqa: PLC0415

            self.left -= 1
            if self.left == 0:
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        trained.train(output=tmp_path / "m.palate", observers=[Ask(after=4)])
    assert "in epoch 1, after batch 4 of 5" in str(caught.value)
    assert str(caught.value).endswith("the same call with resume=True goes on from there")
    trained.train(output=tmp_path / "m.palate", resume=True)


def test_the_pipeline_fits_on_a_screen() -> None:
    assert len(inspect.getsource(pipeline.train).splitlines()) < 90
