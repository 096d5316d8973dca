"""Several models on one split: who is in it, what they are measured on, and what the page shows."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import palate
from palate.data import split as splits
from palate.data.interactions import Interactions
from palate.errors import OptionError, OutputError, UnsupportedError
from palate.evaluation.evaluate import evaluate
from palate.models.bias import Bias, BiasConfig
from palate.models.contract import Query
from palate.models.popularity import Popularity
from palate.training.fit import fit
from tests import tables

QUICK = ("bias", "popularity", "mf")


@pytest.fixture(scope="module")
def found(small: Interactions) -> palate.Comparison:
    return palate.compare(small, models=QUICK, seeds=3, seed=5)


def test_values_are_those_of_evaluate(found: palate.Comparison, small: Interactions) -> None:
    split = splits.random(small, test=0.2, validation=0.1, seed=5)
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    fit(model, split.train)
    expected = evaluate(model, split.before_test, split.test, seed=5)
    (bias,) = (one for one in found.models if one.model == "bias")
    for name in ("rmse", "ndcg@10", "recall@10"):
        assert bias.standings[name].value == pytest.approx(expected[name], rel=1e-6)
    assert found.facts["hash"] == split.hash


def test_intervals_and_calibration_are_those_of_evaluate(found: palate.Comparison, small: Interactions) -> None:
    split = splits.random(small, test=0.2, validation=0.1, seed=5)
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    fit(model, split.train)
    run = next(one for one in found.models if one.model == "bias").runs[0]
    expected = evaluate(model, split.before_test, split.test, full=True, half_widths=run.half_widths)
    assert set(run.intervals) == {0.5, 0.8, 0.9, 0.95}
    for level, held in run.intervals.items():
        assert held.covered == expected[f"covered@{100 * level:.0f}"]
        assert held.width == expected[f"width@{100 * level:.0f}"]
        assert held.reach == pytest.approx(run.half_widths[level])
    assert run.calibration is not None
    assert run.calibration.error == pytest.approx(expected["calibration_error"])
    rows = {row["model"]: row for row in found.to_dict()["models"]}
    assert rows["bias"]["covered"]["0.8"] == run.intervals[0.8].covered
    assert rows["bias"]["calibration"]["real"] == run.calibration.real.tolist()
    assert "covered" not in rows["popularity"]


def test_intervals_of_a_model_that_knows_spreads_reach_so_many_of_them(small: Interactions) -> None:
    run = palate.compare(small, models=["bayes"], seeds=1, seed=5).models[0].runs[0]
    ratios = {round(held.reach / run.half_widths[level], 5) for level, held in run.intervals.items()}
    assert len(ratios) == 1, "each is the mean spread of the test part's ratings"
    ratio = ratios.pop()
    assert 0.1 < ratio < 4
    assert ratio != 1


def test_refitted_models_have_learned_from_validation_too(small: Interactions) -> None:
    found = palate.compare(small, models=["bias"], seeds=1, seed=5, refit=True)
    split = splits.random(small, test=0.2, validation=0.1, seed=5)
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    fit(model, split.before_test)
    expected = evaluate(model, split.before_test, split.test, seed=5)
    assert found.models[0].standings["rmse"].value == pytest.approx(expected["rmse"], rel=1e-6)
    assert found.facts["refit"] is True
    plain = palate.compare(small, models=["bias"], seeds=1, seed=5)
    assert found.models[0].runs[0].half_widths == plain.models[0].runs[0].half_widths
    assert found.models[0].standings["rmse"] != plain.models[0].standings["rmse"]


def test_every_model_stands_where_it_can(found: palate.Comparison) -> None:
    assert [measure.name for measure in found.measures] == ["rmse", "ndcg@10", "recall@10"]
    assert {one.model for one in found.best_first(found.measures[0])} == {"bias", "mf"}
    assert {one.model for one in found.best_first(found.measures[1])} == set(QUICK)
    assert not found.left_out


def test_what_draws_nothing_is_not_trained_a_third_time(found: palate.Comparison) -> None:
    assert [len(one.runs) for one in found.models] == [2, 2, 2]
    assert all(standing.spread == 0 for one in found.models for standing in one.standings.values())


def test_all_models_that_can_learn_are_in_it_if_none_are_named() -> None:
    bare = tables.table(["a", "a", "b", "b", "c", "c"] * 2, ["x", "y", "x", "z", "y", "z"] * 2)
    found = palate.compare(bare, seeds=1)
    without = {name for name, model in palate.MODELS.items() if not model.NEEDS_RATINGS}
    assert {one.model for one in found.models} == without
    assert set(found.left_out) == set(palate.MODELS) - without
    assert "has none" in found.left_out["bias"]


def test_no_model_can_learn(small: Interactions) -> None:
    with pytest.raises(UnsupportedError, match="every one of these models learns from ratings"):
        palate.compare(tables.table(["a", "b"], ["x", "y"]), models=["bias", "mf"])
    with pytest.raises(OptionError, match="unknown model 'nobody'"):
        palate.compare(small, models=["nobody"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seeds": 0}, "seeds is 0"),
        ({"minutes": 0}, "minutes is 0"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"test": 0}, "needs a test part"),
        ({"k": 0}, "k is 0"),
        ({"report": "page.txt"}, "should end in .html"),
    ],
)
def test_what_cannot_be(small: Interactions, options: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=re.escape(said)):
        palate.compare(small, models=QUICK, **options)  # type: ignore[arg-type]


def test_a_model_whose_turn_never_comes_is_left_out(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.0, 50.0, 70.0, 80.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    found = palate.compare(small, models=QUICK, seeds=1, minutes=1)
    assert [one.model for one in found.models] == ["bias", "popularity"]
    assert found.left_out == {"mf": "1 minutes were over before its turn"}


def test_a_training_that_diverges_leaves_the_others(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(self: Bias, train: Interactions, generator: object) -> None:
        raise OptionError("training diverged")

    monkeypatch.setattr(Bias, "solve", diverge)
    found = palate.compare(small, models=QUICK, seeds=1)
    assert [one.model for one in found.models] == ["popularity", "mf"]
    assert found.left_out == {"bias": "training diverged"}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (lambda *_: 1 / 0, "it failed with ZeroDivisionError: division by zero"),
        (lambda *_: np.zeros(2)[5], "it failed with IndexError"),
        (lambda self, query, people, items: torch.full((len(people),), torch.nan), "ratings that are not finite"),
        (lambda self, query, people, items: torch.full((len(people),), torch.inf), "ratings that are not finite"),
    ],
)
def test_whatever_stops_one_model_the_others_go_on(
    small: Interactions, monkeypatch: pytest.MonkeyPatch, spoilt: Callable[..., object], said: str
) -> None:
    monkeypatch.setattr(Bias, "predict", spoilt)
    found = palate.compare(small, models=QUICK, seeds=1)
    assert [one.model for one in found.models] == ["popularity", "mf"]
    assert said in found.left_out["bias"]
    with pytest.raises(OptionError, match="no model could be compared: bias: "):
        palate.compare(small, models=["bias"], seeds=1)


def test_scores_that_are_not_numbers_are_no_figures(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(self: Popularity, query: Query) -> torch.Tensor:
        return torch.full((len(query), self.n_items), torch.nan)

    monkeypatch.setattr(Popularity, "score", nothing)
    found = palate.compare(small, models=QUICK, seeds=1)
    assert "gives scores that are not finite numbers" in found.left_out["popularity"]


def test_a_model_that_asks_for_too_much_memory_is_left_out(
    small: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("palate.system.memory.free", lambda: 10)
    found = palate.compare(small, models=("ease", "popularity"), seeds=1)
    assert [one.model for one in found.models] == ["popularity"]
    assert "ease needs" in found.left_out["ease"]


def test_a_learned_model_stops_at_its_share_of_the_time(small: Interactions, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.0, 29.0, 31.0, 61.0])  # the end is at 60, and this training's share of two is 30
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    found = palate.compare(small, models=["neural"], seeds=2, minutes=1)
    assert [len(run.history) for run in found.models[0].runs] == [2]


def test_the_page_asks_nothing_of_other_hosts_and_shows_text_as_text(small: Interactions, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    source = tmp_path / "<b>&.csv"
    rows = zip(small.users.tolist(), small.items.tolist(), small.ratings.tolist(), strict=True)  # type: ignore[union-attr]
    source.write_text("user,item,rating\n" + "".join(f"u{u},i{i},{r}\n" for u, i, r in rows))
    found = palate.compare(str(source), models=["neural", "bias"], seeds=1, report=page)
    text = page.read_text()
    assert "Are predicted ratings calibrated?" in text
    assert f"<td>{100 * found.models[0].runs[0].intervals[0.8].covered:.1f} %</td>" in text
    assert "&lt;b&gt;&amp;.csv" in text
    assert "<b>" not in text
    assert not re.search(r'(src|href)="(?!#)', re.sub(r'xlink:href="#', "", text))
    assert not re.search(r"@import|url\((?!#)", text)
    assert "<script" not in text
    assert text.count("<svg") == len(found.measures) + 2  # the calibration, and the curves of neural
    assert f"{found.best_first(found.measures[0])[0].standings['rmse'].value:.4f}" in text


def test_a_page_that_cannot_be_written_is_said_before_any_training(small: Interactions, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    with pytest.raises(OutputError):
        palate.compare(small, models=QUICK, report=tmp_path / "file" / "page.html", told=told.append)
    assert not told


def test_the_same_seed_gives_the_same_standings(found: palate.Comparison, small: Interactions) -> None:
    again = palate.compare(small, models=QUICK, seeds=3, seed=5)
    for one, other in zip(found.models, again.models, strict=True):
        assert one.standings == other.standings


def test_the_split_may_be_another(small: Interactions) -> None:
    timed = replace(small, times=np.arange(len(small), dtype=np.float64))
    found = palate.compare(timed, models=["bias"], seeds=1, split="last")
    assert found.facts["split"] == "last"
    assert found.facts["hash"] == splits.leave_last_out(timed).hash
    with pytest.raises(OptionError, match="split is 'lost'"):
        palate.compare(timed, models=["bias"], split="lost")


def test_newcomers_are_asked_as_such(small: Interactions) -> None:
    found = palate.compare(small, models=["bias"], seeds=1, split="users", seed=2)
    parts = splits.divide(small, "users", seed=2)
    model = Bias(BiasConfig.model_validate({}), small.n_users, small.n_items)
    fit(model, parts.train)
    expected = evaluate(model, parts.shown, parts.test, seed=2, newcomers=parts.newcomers)
    assert found.models[0].standings["rmse"].value == pytest.approx(expected["rmse"], rel=1e-6)


def test_people_are_at_most_as_many_as_said(small: Interactions) -> None:
    found = palate.compare(small, models=["popularity"], seeds=1, people=7)
    assert found.models[0].runs[0].measured["ndcg@10"].counts.shape == (7,)
    assert np.isfinite(found.models[0].standings["ndcg@10"].value)
