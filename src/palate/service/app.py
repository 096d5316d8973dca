"""The Litestar application: every route in one list."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from palate.errors import PalateError
from palate.service import errors
from palate.service.routes import items, meta, recommendations, users
from palate.service.state import ServiceState
from palate.service.strict_json import StrictRequest, check_query

HANDLERS = [
    recommendations.recommend_to_user,
    recommendations.recommend_to_new_user,
    recommendations.predict,
    recommendations.explain,
    items.search_items,
    items.get_item,
    items.similar_items,
    items.check_analogy,
    items.get_map,
    users.search_users,
    users.get_history,
    users.store_events,
    meta.get_model,
    meta.healthz,
    meta.readyz,
    meta.get_metrics,
    meta.openapi_json,
    meta.docs_page,
    meta.docs_style,
    meta.studio_page,
    meta.studio_file,
]


def create_app(state: ServiceState, watch: bool = False) -> Litestar:
    """Return the application of a service. watch: load a new artifact as soon as it is written."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        maintenance = asyncio.create_task(state.maintain(watch))
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, state.reload_soon)
        yield
        maintenance.cancel()
        state.close()

    handlers: dict[Any, Any] = {
        errors.Problem: errors.on_problem,
        PalateError: errors.on_palate_error,
        HTTPException: errors.on_http_error,
        Exception: errors.on_bug,
    }
    return Litestar(
        HANDLERS,
        state=State({"service": state}),
        request_class=StrictRequest,
        before_request=check_query,
        exception_handlers=handlers,
        openapi_config=OpenAPIConfig(
            title="Palate",
            version="1",
            description="Recommendations, predicted ratings, explanations and similar items of one trained model.",
            use_handler_docstrings=True,
            path="/openapi",
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
        lifespan=[lifespan],
    )
