"""The best model within a time: what is tried, how it is judged, what is blended, and what is left out and why."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import palate
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.errors import OptionError, UnsupportedError
from palate.evaluation.evaluate import evaluate
from palate.evaluation.significance import PerUserMetric
from palate.model_selection import candidates as contenders
from palate.model_selection import judge as judging
from palate.model_selection import search as best
from palate.model_selection.candidates import Cost, cost, eligible, sample_of, weights
from palate.model_selection.judge import Judge
from palate.model_selection.search import search
from palate.model_selection.search_result import SearchResult
from palate.models import MODELS
from palate.models.blend import RatingBlend, RatingBlendConfig
from palate.models.contract import BaseConfig
from palate.models.registry import SINGLE
from palate.system.compilation import CompileTimer
from palate.training.blend_weights import weigh
from palate.training.fit import fit
from palate.training.trainer import learn
from tests import tables, trained
from tests.cli.conftest import Palate, here
from tests.cli.conftest import palate as palate_command
from tests.cli.conftest import tables as csv_tables

__all__ = ["csv_tables", "here", "palate_command"]

CPU = torch.device("cpu")
QUICK = ("bias", "popularity", "mf", "ease", "item-knn")


@pytest.fixture(autouse=True)
def few_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are trained in a blink."""
    for module in (best, contenders):
        monkeypatch.setattr(module, "SINGLE", {name: SINGLE[name] for name in QUICK})


@pytest.fixture(scope="module")
def split() -> Split:
    return splits.random(tables.random_table(60, 40, 0.5), test=0.2, validation=0.25, seed=0)


def found_in(split: Split, aim: str | None = None, *, minutes: float = 1, **options: Any) -> SearchResult:
    return search(split, aim, end=time.monotonic() + 60 * minutes, seed=0, device=CPU, **options)


def scores(found: SearchResult) -> dict[str, float]:
    return {one.model: one.score for one in found.tried if one.score is not None}


# What is tried, and how it is judged.


def test_for_ratings_every_model_that_predicts_them_is_judged_by_rmse(split: Split) -> None:
    found = found_in(split)
    assert found.measure == "rmse"
    assert scores(found).keys() == {"bias", "mf"}
    for name, score in scores(found).items():
        model = MODELS[name](MODELS[name].Config(), 60, 40)
        fit(model, split.train)
        assert score == pytest.approx(evaluate(model, split.train, split.validation)["rmse"])
    assert [one.model for one in found.tried[:2]] == sorted(scores(found), key=scores(found).__getitem__)
    assert {one.model for one in found.tried if one.note == "it predicts no ratings"} == {
        "popularity",
        "ease",
        "item-knn",
    }


def test_for_lists_every_model_is_judged_by_ndcg(split: Split) -> None:
    found = found_in(split, "lists")
    assert found.measure == "ndcg@10"
    assert scores(found).keys() == set(QUICK)
    for name, score in scores(found).items():
        model = MODELS[name](MODELS[name].Config(), 60, 40)
        fit(model, split.train)
        assert score == pytest.approx(evaluate(model, split.train, split.validation)["ndcg@10"])
    assert list(scores(found)) == sorted(scores(found), key=scores(found).__getitem__, reverse=True)


def test_the_model_found_is_as_if_trained_alone(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best, "MOST", 1)
    found = found_in(split)
    assert found.name in QUICK
    alone = MODELS[found.name](MODELS[found.name].Config(), 60, 40)
    learn(alone, split, seed=0)
    for name, value in alone.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def test_without_ratings_it_is_for_lists() -> None:
    rated = tables.random_table(30, 20)
    bare = Interactions(rated.users, rated.items, None, None, rated.user_ids, rated.item_ids, rated.catalogue)
    found = found_in(splits.random(bare, validation=0.3))
    assert found.measure == "ndcg@10"
    assert scores(found).keys() == {"popularity", "ease", "item-knn"}
    assert {one.model for one in found.tried if "this table has none" in one.note} == {"bias", "mf"}
    with pytest.raises(UnsupportedError, match="no ratings to predict"):
        found_in(splits.random(bare), "ratings")


def test_the_test_part_is_never_looked_at(split: Split) -> None:
    table = split.table
    assert table.ratings is not None
    turned = np.where(split.part == splits.TEST, 6 - table.ratings, table.ratings).astype(np.float32)
    other = Interactions(table.users, table.items, turned, None, table.user_ids, table.item_ids, table.catalogue)
    assert scores(found_in(Split(other, split.part))) == scores(found_in(split))


@pytest.mark.parametrize(
    ("aim", "validation", "said"),
    [("both", 0.2, "chosen for ratings or lists, not for 'both'"), ("ratings", 0.0, "has 0 users to judge by")],
)
def test_what_cannot_be_searched_for(aim: str, validation: float, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        found_in(splits.random(tables.random_table(), validation=validation), aim)


# Time.


def test_when_the_time_is_over_one_model_has_been_tried_and_is_not_trained_again(split: Split) -> None:
    found = found_in(split, minutes=0)
    assert len(scores(found)) == 1
    assert not found.in_time
    assert "There was no time for a refit" in found.sentences[-1]
    late = [one.note for one in found.tried if one.score is None and one.note != "it predicts no ratings"]
    assert late == ["no time was left to measure its training time"]


def test_what_would_not_be_done_in_time_is_not_begun(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(names: Sequence[str], *arguments: Any) -> tuple[dict[str, Cost], dict[str, str]]:
        return {name: Cost(40.0, 40.0) if name == "mf" else Cost(0.1, 0.1) for name in names}, {}

    monkeypatch.setattr(best, "costs", said)
    found = found_in(split, minutes=1)
    assert scores(found).keys() == {"bias"}
    (note,) = (one.note for one in found.tried if one.model == "mf")
    assert note.startswith("training takes about 40 s and a refit as long: only 5")


def test_a_learned_model_is_stopped_so_that_its_refit_is_in_time(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines: list[float] = []

    def spied(model: Any, split: Split, *, deadline: float, **options: Any) -> Any:
        deadlines.append(deadline)
        return learn(model, split, **options)

    monkeypatch.setattr(best, "learn", spied)
    now = time.monotonic()
    found_in(split, minutes=10)
    left = 600 * (1 - best.BLENDING)
    assert deadlines[0] - now == pytest.approx(left / 2 / (1 + best.REFIT), rel=0.05), (
        "half of the time for each of two"
    )
    assert deadlines[1] - now == pytest.approx(left / (1 + best.REFIT), rel=0.05), "and all that is left for the last"


def test_a_training_that_diverges_leaves_the_others(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(self: Any, train: Interactions, generator: object) -> None:
        raise OptionError("training diverged")

    monkeypatch.setattr(SINGLE["mf"], "solve", diverge)
    found = found_in(split)
    assert found.name == "bias"
    assert [one.note for one in found.tried if one.model == "mf"] == ["training diverged"]
    monkeypatch.setattr(SINGLE["bias"], "solve", diverge)
    with pytest.raises(OptionError, match=r"no model could be trained: .*bias: training diverged"):
        found_in(split)


def test_whatever_stops_one_model_the_others_go_on(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, *_: object) -> None:
        raise IndexError("far outside")

    monkeypatch.setattr(SINGLE["mf"], "predict", fail)
    found = found_in(split)
    assert found.name == "bias"
    assert [one.note for one in found.tried if one.model == "mf"] == ["it failed with IndexError: far outside"]


# Blends.


def test_a_blend_is_judged_by_those_who_did_not_choose_its_weights(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    blend = RatingBlend(RatingBlendConfig.model_validate({"members": "bias,mf"}), 60, 40)
    learn(blend, split)
    judge = Judge(split, "ratings", 0)
    choosing: list[set[int]] = []

    def spied(blend: Any, half: Split, seed: int) -> None:
        choosing.append(set(half.validation.users.tolist()))
        weigh(blend, half, seed)

    monkeypatch.setattr(judging, "weigh", spied)
    measured = judge.of_blend(blend)
    everybody = set(split.validation.users.tolist())
    assert choosing[0] | choosing[1] == everybody
    assert not choosing[0] & choosing[1]
    assert abs(len(choosing[0]) - len(choosing[1])) <= 1

    chosen_by = {person: half for half in (0, 1) for person in choosing[half]}
    for half in (0, 1):
        in_half = np.isin(split.table.users, list(choosing[half])) & (split.part == splits.VALIDATION)
        weigh(blend, Split(split.table, np.where(in_half, splits.TEST, split.part).astype(np.uint8)), 0)
    people = np.unique(split.validation.users)
    for half in (0, 1):
        weigh(blend, Split(split.table, kept(split, choosing[half])), 0)
        for place, person in enumerate(people.tolist()):
            if chosen_by[person] != half:
                own = split.validation.where(split.validation.users == person)
                error = evaluate(blend, split.train, own)["rmse"] ** 2 * len(own)
                assert measured.sums[0, place] == pytest.approx(error, rel=1e-5)
                assert measured.counts[place] == len(own)


def kept(split: Split, people: set[int]) -> Any:
    """The parts, with the validation events of these people alone."""
    others = ~np.isin(split.table.users, list(people)) & (split.part == splits.VALIDATION)
    return np.where(others, splits.TEST, split.part).astype(np.uint8)


@pytest.mark.parametrize("better", [True, False])
def test_a_blend_is_chosen_only_where_it_is_better_beyond_chance(
    split: Split, monkeypatch: pytest.MonkeyPatch, better: bool
) -> None:
    def made_up(self: Judge, blend: Any) -> PerUserMetric:
        single = self(blend.members["mf"])
        chance = np.where(np.arange(len(single.counts)) % 2, 1.1, 0.88)
        return PerUserMetric(single.sums * (0.5 if better else chance), single.counts)

    monkeypatch.setattr(Judge, "of_blend", made_up)
    found = found_in(split)
    assert found.name == ("rating-blend" if better else min(scores(found), key=scores(found).__getitem__))
    assert ("is significantly better" in found.sentences[1]) is better
    if better:
        assert isinstance(found.model, RatingBlend)
        assert set(found.model.config.members) == {"bias", "mf"}
        assert [one.note for one in found.tried[:2]] == ["in the blend"] * 2
        assert float(found.model.mean) == pytest.approx(float(split.validation.ratings.mean()))  # type: ignore[union-attr]
        assert len(found.record.members) == 2


def test_no_blend_is_tried_that_would_leave_no_time_for_the_refit(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(best, "_refit_seconds", lambda models: 1000.0 * (len(models) == 2))
    monkeypatch.setattr(Judge, "of_blend", lambda self, blend: pytest.fail("a blend was tried"))
    found = found_in(split)
    assert found.sentences[1:] == ["There was no time to try a blend with another model."]
    assert found.in_time


def test_of_several_blends_the_best_goes_on(split: Split) -> None:
    found = found_in(split, "lists")
    tried = [sentence for sentence in found.sentences if sentence.startswith("A blend of")]
    assert 1 <= len(tried) < best.MOST
    assert all("is significantly better" in sentence for sentence in tried[:-1])


# What suits the table, and what it costs.


def test_what_does_not_fit_into_memory_is_left_out(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {name: weights(SINGLE[name], SINGLE[name].Config(), 60, 40) for name in QUICK}
    monkeypatch.setattr(contenders, "free", lambda: contenders.COPIES * (sizes["ease"] - 1))
    names, reasons = eligible(split.table, "lists")
    assert set(names) == {name for name in QUICK if sizes[name] < sizes["ease"]}
    assert reasons["ease"] == "its weights take 0.0 GB, and training may need 5 times as much memory"
    assert names.index("popularity") < names.index("bias"), "what predicts ratings comes last"


def test_what_asks_for_too_much_memory_is_left_out(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palate.system.memory.free", lambda: 4 * split.table.n_items**2 - 1)
    names, reasons = eligible(split.table, "lists")
    assert set(names) == set(QUICK) - {"ease"}
    assert reasons["ease"].startswith("ease needs 0.0 GB of memory for the pairs of 40 items")


@pytest.mark.parametrize("name", QUICK)
def test_weights_are_those_of_the_model(name: str) -> None:
    model = SINGLE[name](SINGLE[name].Config(), 7, 11)
    held = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    assert weights(SINGLE[name], SINGLE[name].Config(), 7, 11) == held


@pytest.mark.parametrize(("name", "power"), [("ease", 3), ("popularity", 1)])
def test_time_grows_with_the_cube_of_the_items_where_weights_grow_with_their_square(
    name: str, power: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = tables.random_table(30, 10, 0.5), tables.random_table(30, 50, 0.1)
    ticks: Iterator[float] = iter([0.0, 0.2])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    assert cost(name, small, large, CPU, 0).least == pytest.approx(0.2 * 5**power)


def test_the_compilation_of_loops_costs_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table = tables.random_table()
    ticks: Iterator[float] = iter([0.0, 60.2])
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    compiling: Iterator[float] = iter([0.0, 60.0])
    monkeypatch.setattr(CompileTimer, "seconds", property(lambda self: next(compiling)))
    assert cost("popularity", table, table, CPU, 0).whole == pytest.approx(0.2)


def test_a_sample_is_learned_with_as_many_numbers_as_the_table_will_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "SINGLE", SINGLE)
    seen: list[BaseConfig] = []
    monkeypatch.setattr(contenders, "fit", lambda model, *_, **__: seen.append(model.config))
    cost("bayes", tables.random_table(), tables.random_table(240, 160, 1.0), CPU, 0)  # 38,400 / 400 = 96
    assert [config.dim for config in seen] == [48]  # type: ignore[attr-defined]


def test_a_model_with_epochs_costs_one_at_least_and_all_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "SINGLE", SINGLE)
    table = tables.random_table()
    found = cost("sasrec", table, table, CPU, 0)
    epochs = SINGLE["sasrec"].Config().epochs  # type: ignore[attr-defined]
    assert found.whole == pytest.approx(found.least * epochs)


def test_a_sample_holds_people_whole_and_keeps_their_ids() -> None:
    table = tables.random_table(50, 30, 0.3)
    sample = sample_of(table, 60, seed=1)
    assert 60 <= len(sample) < 60 + 30
    of = {table.user_ids.id(row): table.where(table.users == row) for row in range(table.n_users)}
    for row in range(sample.n_users):
        own, whole = sample.where(sample.users == row), of[sample.user_ids.id(row)]
        assert [sample.item_ids.id(item) for item in own.items] == [table.item_ids.id(item) for item in whole.items]
        assert own.ratings is not None
        assert whole.ratings is not None
        assert own.ratings.tolist() == whole.ratings.tolist()
    assert sample.n_items == len(np.unique(sample.items)) == len(sample.catalogue)
    assert sample.n_users < 50


# From palate.train on.


def test_it_is_a_model_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "m.palate"
    result = trained.train("best", minutes=1, output=path, validation=0.3)
    assert result.search is not None
    opened = palate.load(path)
    assert palate.read_header(path).model == result.search.name
    assert opened.training.refitted
    assert opened.evaluate() == result.metrics
    assert opened.recommend(1, k=3) == result.recommender.recommend(1, k=3)
    assert opened.predict(1, 101, interval=0.8).low <= opened.predict(1, 101)
    notes = opened.training.notes
    assert notes[-1].startswith("rmse on the validation part: ")
    for name, score in scores(result.search).items():
        assert f"{name} {score:.4f}" in notes[-1]
    assert notes[-1].endswith("; not tried: popularity, ease, item-knn")
    assert all(sentence in notes for sentence in result.search.sentences)
    assert list(tmp_path.iterdir()) == [path]


def test_not_refitted_where_that_was_not_asked_for() -> None:
    assert not trained.train("best", minutes=1, refit=False).recommender.training.refitted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "best", "minutes": 0}, "minutes is 0"),
        ({"model": "best", "minutes": math.nan}, "minutes is nan"),
        ({"model": "best", "settings": {"dim": 3}}, "leave preset, settings and epochs out"),
        ({"model": "best", "epochs": 3}, "leave preset, settings and epochs out"),
        ({"model": "best", "aim": "fame"}, "not for 'fame'"),
        ({"model": "best", "resume": True}, "can't be resumed"),
        ({"model": "mf", "minutes": 3}, "asked for with model best alone"),
        ({"model": "mf", "aim": "lists"}, "asked for with model best alone"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        trained.train(**options)


def test_the_command_line_says_what_it_did(palate_command: Palate, csv_tables: Path, here: Path) -> None:
    command = ("train", csv_tables / "ratings.csv", "--model", "best", "--minutes", "1", "--validation", "0.3")
    ran = palate_command(*command, "-o", "m.palate")
    assert ran.code == 0, ran.err
    assert "On the validation part, by rmse" in ran.out
    assert "not tried: popularity, ease, item-knn: it predicts no ratings" in ran.out.replace("\n", " ")
    assert "Best of 2 models on the validation part" in ran.out
    assert "than popularity: nDCG@10" in ran.out
    answer = palate_command(*command, "--for", "lists", "-o", "l.palate", "--json").json
    assert answer["measure"] == "ndcg@10"
    assert {one["model"] for one in answer["tried"]} == set(QUICK)
    assert answer["model"] == json.loads((here / "l.palate" / "palate.json").read_text())["model"]
    assert answer["sentences"]
