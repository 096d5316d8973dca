"""What a comparison says, for standings made up by hand."""

import json
from typing import Literal

import pytest

from palate.evaluation.significance import Standing
from palate.model_selection.comparison import ComparedModel, Comparison, Measure, MeasuredRun, measures_of

RMSE, NDCG, RECALL = measures_of(10)


def model(
    name: str,
    seconds: float,
    groups: dict[str, tuple[float, int]],
    kind: Literal["learned", "solved", "blend"] = "solved",
) -> ComparedModel:
    standings = {
        measure: Standing(value, value - 0.01, value + 0.01, 0.001, group) for measure, (value, group) in groups.items()
    }
    runs = [MeasuredRun(seconds, 10**6, [], {}), MeasuredRun(seconds + 2, 10**7, [], {})]
    return ComparedModel(name, kind, runs, standings)


def comparison(*models: ComparedModel, measures: tuple[Measure, ...] = (RMSE,)) -> Comparison:
    return Comparison(list(measures), list(models), {}, {})


def test_the_best_is_named_with_its_interval() -> None:
    found = comparison(model("a", 1, {"rmse": (0.9, 2)}), model("b", 1, {"rmse": (0.8, 1)}))
    assert found.sentences == ["For predicting ratings use b: rmse 0.8000 (95 % interval 0.7900 to 0.8100)."]


def test_those_that_cannot_be_told_apart_are_named_with_the_quickest() -> None:
    found = comparison(
        model("slow", 50, {"rmse": (0.8, 1)}), model("quick", 1, {"rmse": (0.81, 1)}), model("c", 0, {"rmse": (1, 2)})
    )
    assert (
        found.sentences[1] == "No significant difference in rmse between slow and quick; quick trains fastest (2.0 s)."
    )


@pytest.mark.parametrize(
    ("learned", "solved", "said"),
    [
        ((0.8, 1), (0.9, 2), "worth the time: deep has a significantly better rmse than plain"),
        ((0.8, 1), (0.81, 1), "not worth the time: no significant difference in rmse from plain, which is faster"),
        ((0.9, 2), (0.8, 1), "not worth the time: plain has a significantly better rmse than deep"),
    ],
)
def test_whether_gradient_descent_paid(learned: tuple[float, int], solved: tuple[float, int], said: str) -> None:
    found = comparison(model("deep", 9, {"rmse": learned}, "learned"), model("plain", 1, {"rmse": solved}))
    assert found.sentences[-1] == (f"Training deep by gradient descent was {said} (10.0 s against 2.0 s).")


def test_gradient_descent_is_set_against_what_is_solved_as_soon() -> None:
    slow, plain = model("slow", 50, {"rmse": (0.7, 1)}), model("plain", 1, {"rmse": (0.9, 3)})
    deep = model("deep", 9, {"rmse": (0.8, 2)}, "learned")
    assert comparison(slow, deep, plain).sentences[-1] == (
        "Training deep by gradient descent was worth the time: deep has a significantly better rmse than plain "
        "(10.0 s against 2.0 s); slow is significantly better, and is solved in 51.0 s."
    )
    assert comparison(slow, deep).sentences[-1] == (
        "deep, trained by gradient descent in 10.0 s, is the fastest to train; "
        "slow is significantly better, and is solved in 51.0 s."
    )


def test_of_those_that_cannot_be_told_apart_the_quickest_is_the_rival() -> None:
    quick, plain = model("quick", 1, {"rmse": (0.81, 1)}), model("plain", 5, {"rmse": (0.8, 1)})
    said = comparison(plain, quick, model("deep", 9, {"rmse": (0.82, 1)}, "learned")).sentences[-1]
    assert said.endswith(
        "not worth the time: no significant difference in rmse from quick, which is faster (10.0 s against 2.0 s)."
    )


def test_a_blend_is_neither_side_of_that_question() -> None:
    blend = model("blend", 20, {"rmse": (0.7, 1)}, "blend")
    found = comparison(blend, model("deep", 9, {"rmse": (0.8, 2)}, "learned"), model("plain", 1, {"rmse": (0.9, 3)}))
    assert found.sentences[0].startswith("For predicting ratings use blend")
    assert "was worth the time: deep has a significantly better rmse than plain" in found.sentences[-1]


def test_a_larger_ndcg_is_better_and_recall_decides_nothing() -> None:
    models = [
        model("a", 1, {"ndcg@10": (0.1, 2), "recall@10": (0.9, 1)}),
        model("b", 1, {"ndcg@10": (0.2, 1), "recall@10": (0.1, 2)}),
    ]
    found = comparison(*models, measures=(NDCG, RECALL))
    assert [one.model for one in found.best_first(NDCG)] == ["b", "a"]
    assert [one.model for one in found.best_first(RECALL)] == ["a", "b"]
    assert found.sentences == ["For lists use b: ndcg@10 0.2000 (95 % interval 0.1900 to 0.2100)."]


def test_a_model_without_a_measure_does_not_stand_in_it() -> None:
    found = comparison(model("a", 1, {"rmse": (0.9, 1)}), model("lists", 1, {"ndcg@10": (0.1, 1)}))
    assert [one.model for one in found.best_first(RMSE)] == ["a"]


def test_it_is_ready_for_json() -> None:
    found = json.loads(json.dumps(comparison(model("a", 1, {"rmse": (0.9, 1)})).to_dict()))
    assert found["models"][0]["seconds"] == 2
    assert found["models"][0]["memory"] == 10**7
    assert found["models"][0]["measures"]["rmse"] == {
        "value": 0.9,
        "low": pytest.approx(0.89),
        "high": pytest.approx(0.91),
        "spread": 0.001,
        "group": 1,
    }
