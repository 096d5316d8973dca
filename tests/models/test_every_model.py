"""The contract: what every entry of MODELS must do, whatever it learns from."""

import copy
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
from palate.models.contract import PADDING, UNSEEN, HasVectors, LearnedModel, Model, PredictsRatings, Query
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


def mixed(model: Model, train: Interactions) -> Query:
    """Three people known and, in between, three never seen: of five events, of two, of none."""
    rated, few, padding = [0, 1, 2, 3, 5], [7, 4], PADDING
    histories = [[padding] * 5, rated, [padding] * 5, [padding] * 3 + few, [padding] * 5, [padding] * 5]
    query = queries.of_users(train, np.array([4, 0, 9]), model)
    if model.LOOKS_BACK:
        width = max(5, query.histories.shape[1])
        histories = [[padding] * (width - 5) + row for row in histories]
        for row, history in zip((0, 2, 4), query.histories.tolist(), strict=True):
            histories[row] = [padding] * (width - len(history)) + history
    items = torch.tensor(histories)
    ratings = torch.where(items % 2 == 0, 5.0, 1.0) * (items != PADDING)  # as an even person would
    return Query(torch.tensor([4, UNSEEN, 0, UNSEEN, 9, UNSEEN]), items, ratings)


def one_by_one(query: Query) -> Iterator[Query]:
    for row in range(len(query)):
        ratings = None if query.ratings is None else query.ratings[row : row + 1]
        yield Query(query.users[row : row + 1], query.histories[row : row + 1], ratings)


def test_scores_are_finite_for_people_known_and_unseen(model: Model, checkerboard: Interactions) -> None:
    scores = model.score(mixed(model, checkerboard))
    assert scores.shape == (6, checkerboard.n_items)
    assert scores.isfinite().all()
    assert not scores.requires_grad


def test_an_unseen_person_is_served_without_any_history(model: Model) -> None:
    nobody = tables.newcomer([], [])
    assert model.score(nobody).isfinite().all()


def test_a_batch_scores_as_one_by_one(model: Model, checkerboard: Interactions) -> None:
    query = mixed(model, checkerboard)
    together = model.score(query)
    alone = torch.cat([model.score(one) for one in one_by_one(query)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_padding_changes_nothing(model: Model, checkerboard: Interactions) -> None:
    query = mixed(model, checkerboard)
    wider = torch.nn.functional.pad(query.histories, (3, 0), value=PADDING)
    assert query.ratings is not None
    padded = Query(query.users, wider, torch.nn.functional.pad(query.ratings, (3, 0)))
    torch.testing.assert_close(model.score(padded), model.score(query), atol=1e-4, rtol=1e-4)


def test_seen_items_are_not_recommended(model: Model, checkerboard: Interactions) -> None:
    users = np.arange(checkerboard.n_users)
    for place, rows, scores in ranking.rank_users(model, checkerboard, users, checkerboard.n_items):
        for user, listed, values in zip(users[place], rows, scores, strict=True):
            seen = set(checkerboard.items[checkerboard.users == user].tolist())
            listed = listed[listed != PADDING].tolist()
            assert set(listed) == set(range(checkerboard.n_items)) - seen
            assert (values[: len(listed)].diff() <= 0).all()


def test_state_dict_holds_all_that_was_learned(model: Model, checkerboard: Interactions) -> None:
    copied = type(model)(model.config, model.n_users, model.n_items).eval()
    copied.load_state_dict(copy.deepcopy(model.state_dict()))
    query = mixed(model, checkerboard)
    assert torch.equal(copied.score(query), model.score(query))


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


def test_the_past_of_a_known_person_is_looked_at_where_it_says_so(model: Model, checkerboard: Interactions) -> None:
    users = torch.tensor([0, 7])
    without = Query(users, torch.empty(2, 0, dtype=torch.int64), torch.empty(2, 0))
    with_past = Query(users, torch.tensor([[1, 3], [2, PADDING]]), torch.tensor([[5.0, 5.0], [1.0, 0.0]]))
    same = torch.equal(model.score(without), model.score(with_past))
    assert same is not any(part.LOOKS_BACK for part in (model.parts if isinstance(model, Blend) else [model]))


def test_predicted_ratings_are_the_scores_of_the_same_pairs(model: Model, checkerboard: Interactions) -> None:
    if not isinstance(model, PredictsRatings):
        return
    query = mixed(model, checkerboard)
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
