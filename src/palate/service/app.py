"""The application: every route, in one list."""

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
from palate.service import errors as problems
from palate.service.routes import items as things
from palate.service.routes import meta as about
from palate.service.routes import recommendations as lists
from palate.service.routes import users as people
from palate.service.state import ServiceState
from palate.service.strict_json import StrictRequest, check_query

HANDLERS = [
    lists.of_user,
    lists.of_newcomer,
    lists.predictions,
    lists.explanation,
    things.items,
    things.item,
    things.similar,
    things.analogy,
    things.map_,
    people.users,
    people.history,
    people.events,
    about.model,
    about.health,
    about.ready,
    about.metrics,
    about.openapi,
    about.docs,
    about.style,
    about.studio,
    about.static,
]


def create_app(core: ServiceState, watch: bool = False) -> Litestar:
    """The application, around a core that is ready. watch: whether a new artifact is looked for."""

    @asynccontextmanager
    async def tended(_: Litestar) -> AsyncIterator[None]:
        tending = asyncio.create_task(core.tend(watch))
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, core.reload_soon)
        yield
        tending.cancel()
        core.close()

    handlers: dict[Any, Any] = {
        problems.Problem: problems.of_problem,
        PalateError: problems.of_palate,
        HTTPException: problems.of_http,
        Exception: problems.of_anything,
    }
    return Litestar(
        HANDLERS,
        state=State({"core": core}),
        request_class=StrictRequest,
        before_request=check_query,
        exception_handlers=handlers,
        openapi_config=OpenAPIConfig(
            title="Palate",
            version="1",
            description="Recommendations, predictions, explanations and what is near what, from one trained model.",
            use_handler_docstrings=True,
            path="/openapi",
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
        lifespan=[tended],
    )
