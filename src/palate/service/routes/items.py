"""Routes of items: search, details, similar items, analogies and the map."""

from functools import partial
from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody

from palate.results import Results
from palate.service import parameters
from palate.service.errors import Problem, at
from palate.service.loaded_model import LoadedModel
from palate.service.requests import AnalogyRequest
from palate.service.responses import Analogy, ItemDetails, ItemMap, Items, ScoredItem, ScoredItems
from palate.service.state import ServiceState


@get("/v1/items")
async def search_items(request: Request[Any, Any, Any], text: parameters.Query = "", k: parameters.K = 10) -> Items:
    """Return items whose title or id has, for each word of the query, a word that begins with it. Case and accents
    are ignored; the items with the most ratings come first."""
    state: ServiceState = request.app.state.service
    model = state.model
    rows = await state.run_quick(partial(model.item_search.find, text, k))
    return Items([model.item(row) for row in rows.tolist()])


@get("/v1/items/{item_id:str}")
async def get_item(request: Request[Any, Any, Any], item_id: parameters.ItemId) -> ItemDetails:
    """Return an item with its rating counts, its position on the map and its text."""
    state: ServiceState = request.app.state.service
    model = state.model
    return await state.run_quick(lambda: model.item_details(_row(model, item_id)))


@get("/v1/items/{item_id:str}/similar")
async def similar_items(
    request: Request[Any, Any, Any],
    item_id: parameters.ItemId,
    k: parameters.K = 10,
    min_ratings: parameters.MinRatings = 0,
    towards: parameters.Towards = None,
    strength: parameters.Strength = 1.0,
) -> ScoredItems:
    """Return the items most similar to an item. The score is the cosine of the learned item vectors or, for a model
    without vectors, of the items' columns in the user-item matrix."""
    state: ServiceState = request.app.state.service
    model = state.model

    def work() -> ScoredItems:
        id_ = model.item_ids[_row(model, item_id)]
        with at("query.towards"):
            results = model.recommender.similar(id_, k=k, min_ratings=min_ratings, towards=towards, strength=strength)
        return ScoredItems(_scored_items(model, results))

    return await state.run_quick(work)


@post("/v1/analogies", status_code=200)
async def check_analogy(request: Request[Any, Any, Any], data: JSONBody[AnalogyRequest]) -> Analogy:
    """Return the items nearest to a - b + c. Two controls stand beside it: the items nearest to c alone, and those
    found with a random pair in place of a and b."""
    state: ServiceState = request.app.state.service
    model = state.model

    def work() -> Analogy:
        for name, id_ in (("a", data.a), ("b", data.b), ("c", data.c)):
            with at(f"body.{name}"):
                model.rows([id_])
        with at("body"):
            check = model.recommender.check_analogy(data.a, data.b, data.c, k=data.k, min_ratings=data.min_ratings)
        return Analogy(
            answer=_scored_items(model, check.answer),
            plain=_scored_items(model, check.no_offset),
            shuffled=_scored_items(model, check.shuffled),
            shared_plain=check.in_no_offset,
            shared_shuffled=check.in_shuffled,
            sentence=check.sentence,
        )

    return await state.run_quick(work)


@get("/v1/map")
async def get_map(request: Request[Any, Any, Any]) -> ItemMap:
    """Return a map of the items with the most ratings. Items with similar vectors are near each other."""
    state: ServiceState = request.app.state.service
    item_map = await state.run_quick(lambda: state.model.map)
    if item_map is None:
        raise Problem(404, "no_map", "this model has no map: only models with item vectors have one")
    return item_map


def _row(model: LoadedModel, item_id: str) -> int:
    with at("path.item_id"):
        [row] = model.rows([model.item_id(item_id)])
    return int(row)


def _scored_items(model: LoadedModel, results: Results) -> list[ScoredItem]:
    rows = model.rows([result.id for result in results])
    return [ScoredItem(*model.facts[int(row)], score=result.score) for row, result in zip(rows, results, strict=True)]
