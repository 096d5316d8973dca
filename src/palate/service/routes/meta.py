"""The model that answers, the service's health, and the pages."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath

from palate.service.errors import Problem
from palate.service.openapi import CSS, document, page
from palate.service.schemas import About
from palate.service.state import ServiceState

STATIC = Path(__file__).parents[1] / "static"

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".woff2": "font/woff2",
}


@get("/v1/model")
async def model(request: Request[Any, Any, Any]) -> About:
    """What the model is, how it was trained and how good it was found."""
    core: ServiceState = request.app.state.core
    return core.served.about


@get("/healthz", media_type=MediaType.TEXT)
async def health() -> str:
    """Whether the process lives."""
    return "ok"


@get("/readyz", media_type=MediaType.TEXT)
async def ready() -> str:
    """Whether lists are answered: as soon as anything is, for the model is loaded first."""
    return "ok"


@get("/metrics", media_type=MediaType.TEXT)
async def metrics(request: Request[Any, Any, Any]) -> str:
    """What happens, in numbers, for Prometheus."""
    core: ServiceState = request.app.state.core
    return core.metrics.text().decode()


@get("/openapi.json", include_in_schema=False)
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(document(request.app)), media_type="application/json")


@get("/docs", include_in_schema=False)
async def docs(request: Request[Any, Any, Any]) -> Response[str]:
    return Response(page(document(request.app)), media_type=MediaType.HTML)


@get("/docs.css", include_in_schema=False)
async def style() -> Response[str]:
    return Response(CSS, media_type=MediaType.CSS)


@get("/", include_in_schema=False)
async def studio() -> Response[bytes]:
    return static_file("index.html")


@get("/static/{name:path}", include_in_schema=False)
async def static(name: FromPath[str]) -> Response[bytes]:
    return static_file(name.lstrip("/"))


def static_file(name: str) -> Response[bytes]:
    """A file of the folder, and of no other."""
    file = (STATIC / name.replace("\0", "")).resolve()
    if not file.is_relative_to(STATIC) or not file.is_file() or file.suffix not in KINDS:
        raise Problem(404, "not_found", "there is no such page")
    return Response(file.read_bytes(), headers={"content-type": KINDS[file.suffix], "cache-control": "no-cache"})
