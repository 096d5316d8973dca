"""Items: found as you type, one by one, and by what is near what."""

from functools import partial
from typing import Any

from litestar import Request, get, post
from litestar.params import JSONBody

from palate.results import Results
from palate.service import parameters as fields
from palate.service.errors import Problem, at
from palate.service.loaded_model import Served
from palate.service.schemas import Analogy, AnalogyAsked, Items, Map, Scored, ScoredItems, WholeItem
from palate.service.state import ServiceState


@get("/v1/items")
async def items(request: Request[Any, Any, Any], text: fields.Query = "", k: fields.K = 10) -> Items:
    """Items with a word that begins with each word of the query, best known first; case and accents do not count."""
    core: ServiceState = request.app.state.core
    served = core.served
    rows = await core.quick(partial(served.find_items.find, text, k))
    return Items([served.item(row) for row in rows.tolist()])


@get("/v1/items/{item_id:str}")
async def item(request: Request[Any, Any, Any], item_id: fields.ItemId) -> WholeItem:
    """All that is known of an item."""
    core: ServiceState = request.app.state.core
    served = core.served
    return await core.quick(lambda: served.whole_item(_row(served, item_id)))


@get("/v1/items/{item_id:str}/similar")
async def similar(
    request: Request[Any, Any, Any],
    item_id: fields.ItemId,
    k: fields.K = 10,
    min_ratings: fields.MinRatings = 0,
    towards: fields.Towards = None,
    strength: fields.Strength = 1.0,
) -> ScoredItems:
    """The items nearest to an item by the cosine of their learned vectors or, where there are none, of who met them."""
    core: ServiceState = request.app.state.core
    served = core.served

    def work() -> ScoredItems:
        id_ = served.item_ids[_row(served, item_id)]
        with at("query.towards"):
            found = served.recommender.similar(id_, k=k, min_ratings=min_ratings, towards=towards, strength=strength)
        return ScoredItems(_scored(served, found))

    return await core.quick(work)


@post("/v1/analogies", status_code=200)
async def analogy(request: Request[Any, Any, Any], data: JSONBody[AnalogyAsked]) -> Analogy:
    """The items nearest to a - b + c, beside what no analogy and a random one find."""
    core: ServiceState = request.app.state.core
    served = core.served

    def work() -> Analogy:
        for name, id_ in (("a", data.a), ("b", data.b), ("c", data.c)):
            with at(f"body.{name}"):
                served.rows([id_])
        with at("body"):
            found = served.recommender.check_analogy(data.a, data.b, data.c, k=data.k, min_ratings=data.min_ratings)
        return Analogy(
            answer=_scored(served, found.answer),
            plain=_scored(served, found.no_offset),
            shuffled=_scored(served, found.shuffled),
            shared_plain=found.in_no_offset,
            shared_shuffled=found.in_shuffled,
            sentence=found.sentence,
        )

    return await core.quick(work)


@get("/v1/map")
async def map_(request: Request[Any, Any, Any]) -> Map:
    """Where the best known items lie on a plane on which items with like vectors are near each other."""
    core: ServiceState = request.app.state.core
    found = await core.quick(lambda: core.served.map)
    if found is None:
        raise Problem(404, "no_map", "this model has no map of its items")
    return found


def _row(served: Served, item_id: str) -> int:
    with at("path.item_id"):
        [row] = served.rows([served.item_id(item_id)])
    return int(row)


def _scored(served: Served, found: Results) -> list[Scored]:
    rows = served.rows([row.id for row in found])
    return [Scored(*served.facts[int(row)], score=one.score) for row, one in zip(rows, found, strict=True)]
