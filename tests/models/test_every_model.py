"""The contract: what every entry of MODELS must do, whatever it learns from."""

from collections.abc import Iterator
from typing import Any

import annotated_types
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from palate.data.interactions import Interactions
from palate.data.split import Split
from palate.inference import queries, ranking
from palate.models import MODELS
from palate.models.blend import Blend
from palate.models.contract import PADDING, HasVectors, LearnedModel, Model, PredictsRatings
from palate.testing import check_model
from palate.testing.checks import CHECKS, Check, mixed_query, queries_with_and_without_past
from palate.training.trainer import learn
from tests import tables

CANNOT_LEARN_A_CHECKERBOARD = {
    "popularity": "everybody gets the same list",
    "bias": "a number per person and a number per item add up: what suits whom is not in them",
}

VARIANTS = [(name, preset) for name, model in MODELS.items() for preset in model.PRESETS or [None]]
IDS = ["-".join(filter(None, variant)) for variant in VARIANTS]


def build(name: str, preset: str | None, train: Interactions) -> Model:
    """A model as its preset says, but quick, trained."""
    kind = MODELS[name]
    settings = {**(kind.PRESETS[preset] if preset else {}), **kind.SMALL}
    model = kind(kind.Config(**settings), train.n_users, train.n_items)
    learn(model, Split(train, np.zeros(len(train), dtype=np.uint8)), seed=3)
    return model


@pytest.fixture(scope="module", params=VARIANTS, ids=IDS)
def variant(request: pytest.FixtureRequest) -> tuple[str, str | None]:
    name, preset = request.param
    return name, preset


@pytest.fixture(scope="module")
def checkerboard(checkerboard: Interactions) -> Interactions:
    """In no order, which models that learn what comes after what need."""
    by_chance = np.random.default_rng(0).random(len(checkerboard))
    return checkerboard.where(np.lexsort((by_chance, checkerboard.users)))


@pytest.fixture(scope="module")
def model(variant: tuple[str, str | None], checkerboard: Interactions) -> Model:
    return build(*variant, checkerboard)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract(check: Check, model: Model, checkerboard: Interactions) -> None:
    check(model, checkerboard)


def test_the_contract_on_tables_with_times_without_ratings_and_with_gaps(variant: tuple[str, str | None]) -> None:
    name, preset = variant
    model = MODELS[name]
    checked = check_model(model, {**model.PRESETS.get(preset or "", {}), **model.SMALL})
    assert len(checked) == (1 + len(CHECKS)) * (1 if model.NEEDS_RATINGS else 2)


def test_scores_carry_no_gradients(model: Model, checkerboard: Interactions) -> None:
    assert not model.score(mixed_query(model, checkerboard)).requires_grad


def test_an_unseen_person_is_served_without_any_history(model: Model) -> None:
    nobody = tables.newcomer([], [])
    assert model.score(nobody).isfinite().all()


def test_seen_items_are_not_recommended(model: Model, checkerboard: Interactions) -> None:
    users = np.arange(checkerboard.n_users)
    for place, rows, scores in ranking.rank_users(model, checkerboard, users, checkerboard.n_items):
        for user, listed, values in zip(users[place], rows, scores, strict=True):
            seen = set(checkerboard.items[checkerboard.users == user].tolist())
            listed = listed[listed != PADDING].tolist()
            assert set(listed) == set(range(checkerboard.n_items)) - seen
            assert (values[: len(listed)].diff() <= 0).all()


def test_the_same_seed_gives_the_same_model(
    model: Model, variant: tuple[str, str | None], checkerboard: Interactions
) -> None:
    again = build(*variant, checkerboard)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_checkerboard(model: Model, variant: tuple[str, str | None], checkerboard: Interactions) -> None:
    """Of what a person has not rated, their own colour comes first: always, or about as often as by chance."""
    right = total = 0
    everybody = np.arange(checkerboard.n_users)
    for place, rows, _ in ranking.rank_users(model, checkerboard, everybody, checkerboard.n_items):
        for user, listed in zip(everybody[place].tolist(), rows, strict=True):
            own = (listed[listed != PADDING] % 2 == user % 2).tolist()
            right, total = right + sum(own[: sum(own)]), total + sum(own)
    if variant[0] in CANNOT_LEARN_A_CHECKERBOARD:
        assert right < 0.75 * total, "it learns what it is said not to: take it off the list"
    else:
        assert right > 0.98 * total


def test_checkerboard_ratings(model: Model, variant: tuple[str, str | None], checkerboard: Interactions) -> None:
    if not isinstance(model, PredictsRatings) or variant[0] in CANNOT_LEARN_A_CHECKERBOARD:
        return
    users, items = torch.meshgrid(torch.arange(checkerboard.n_users), torch.arange(checkerboard.n_items), indexing="ij")
    query = queries.of_users(checkerboard, np.arange(checkerboard.n_users), model)
    predicted = model.predict(query, users.flatten(), items.flatten())
    real = torch.where(users % 2 == items % 2, 5.0, 1.0).flatten()
    assert float((predicted - real).square().mean().sqrt()) < 1.0  # 2.0 is knowing nothing


def test_a_newcomer_of_one_colour_is_understood(
    model: Model, variant: tuple[str, str | None], checkerboard: Interactions
) -> None:
    if variant[0] in CANNOT_LEARN_A_CHECKERBOARD:
        return
    even = tables.newcomer(range(6), [5, 1] * 3)
    rows, _ = ranking.rank(model, even, 5, torch.arange(model.n_items) < 6)
    assert (rows >= 6).all()
    assert (rows % 2 == 0).all()


def test_the_past_of_a_known_person_is_looked_at_where_it_says_so(model: Model) -> None:
    without, with_past = queries_with_and_without_past(rated=True)
    same = torch.equal(model.score(without), model.score(with_past))
    assert same is not any(part.LOOKS_BACK for part in (model.parts if isinstance(model, Blend) else [model]))


def test_predicted_ratings_are_the_scores_of_the_same_pairs(model: Model, checkerboard: Interactions) -> None:
    if not isinstance(model, PredictsRatings):
        return
    query = mixed_query(model, checkerboard)
    people, items = torch.tensor([0, 0, 1, 5, 3, 2, 4]), torch.tensor([3, 0, 19, 7, 7, 7, 1])
    predicted = model.predict(query, people, items)
    torch.testing.assert_close(predicted, model.score(query)[people, items], atol=1e-5, rtol=1e-5)
    assert model.predict(query, people[:0], items[:0]).shape == (0,)


def test_vectors_have_a_row_each(model: Model) -> None:
    if isinstance(model, HasVectors):
        users, items = model.user_vectors(), model.item_vectors()
        assert (len(users), len(items)) == (model.n_users, model.n_items)
        assert users.shape[1] == items.shape[1]
        assert not users.requires_grad


def test_what_needs_no_ratings_learns_without(model: Model, variant: tuple[str, str | None]) -> None:
    if model.NEEDS_RATINGS:
        return
    bare = tables.table(["a", "a", "b"], ["x", "y", "x"])
    scores = build(*variant, bare).score(tables.newcomer([0]))
    assert scores.isfinite().all()


def test_a_device_is_known(model: Model) -> None:
    assert model.device == torch.device("cpu")


def test_training_leaves_a_model_that_answers(model: Model) -> None:
    assert not model.training
    if isinstance(model, LearnedModel):
        assert all(parameter.grad is None for parameter in model.parameters())


# The settings of every model


@pytest.mark.parametrize("name", MODELS)
def test_an_unknown_setting_is_an_error(name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_setting"):
        MODELS[name].Config.model_validate({"no_such_setting": 1})


@pytest.mark.parametrize("name", MODELS)
def test_settings_cannot_be_changed_afterwards(name: str) -> None:
    config = MODELS[name].Config()
    for field in type(config).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(config, field, getattr(config, field))


@pytest.mark.parametrize("name", MODELS)
def test_every_setting_is_described(name: str) -> None:
    for field, info in MODELS[name].Config.model_fields.items():
        assert info.description, field
        assert info.description.endswith("."), field


def bounds() -> Iterator[tuple[str, str, Any]]:
    for name, model in MODELS.items():
        for field, info in model.Config.model_fields.items():
            for bound in info.metadata:
                match bound:
                    case annotated_types.Ge(ge=least):
                        yield name, field, float(str(least)) - 1
                    case annotated_types.Gt(gt=least):
                        yield name, field, least
                    case annotated_types.Le(le=most):
                        yield name, field, float(str(most)) + 1
                    case annotated_types.Lt(lt=most):
                        yield name, field, most
            if info.annotation in (int, float):
                for value in (float("nan"), float("inf"), "many", None):
                    yield name, field, value


@pytest.mark.parametrize(("name", "field", "value"), list(bounds()))
def test_a_setting_out_of_bounds_is_an_error(name: str, field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        MODELS[name].Config(**{field: value})


def test_every_number_has_a_bound() -> None:
    for name, model in MODELS.items():
        for field, info in model.Config.model_fields.items():
            assert info.annotation not in (int, float) or info.metadata, f"{name}.{field}"


@pytest.mark.parametrize(("name", "preset"), VARIANTS, ids=IDS)
def test_presets_are_valid_and_the_first_is_the_default(name: str, preset: str | None) -> None:
    model = MODELS[name]
    if preset is not None:
        config = model.Config(**model.PRESETS[preset])
        assert (config == model.Config()) is (preset == next(iter(model.PRESETS)))


@pytest.mark.parametrize("name", MODELS)
def test_the_docstring_says_what_the_score_is(name: str) -> None:
    text = MODELS[name].__doc__ or ""
    assert "(u, i) =" in text
