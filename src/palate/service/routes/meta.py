"""Routes of the model, of the service's health, and of the pages."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath

from palate.service.errors import Problem
from palate.service.openapi import CSS, openapi_document, openapi_page
from palate.service.responses import ModelInfo
from palate.service.state import ServiceState

STATIC = Path(__file__).parents[1] / "static"

MEDIA_TYPES = {
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
async def get_model(request: Request[Any, Any, Any]) -> ModelInfo:
    """Return the model's table, settings, training and metrics."""
    state: ServiceState = request.app.state.service
    return state.model.info


@get("/healthz", media_type=MediaType.TEXT)
async def healthz() -> str:
    """Return ok while the process runs."""
    return "ok"


@get("/readyz", media_type=MediaType.TEXT)
async def readyz(request: Request[Any, Any, Any]) -> str:
    """Return ok once the stored events count and the first list is computed; 503 until then."""
    state: ServiceState = request.app.state.service
    if not state.ready:
        raise Problem(503, "not_ready", "the service reads its stored events and computes its first list: retry later")
    return "ok"


@get("/metrics", media_type=MediaType.TEXT)
async def get_metrics(request: Request[Any, Any, Any]) -> str:
    """Return metrics for Prometheus."""
    state: ServiceState = request.app.state.service
    return state.metrics.text().decode()


@get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(openapi_document(request.app)), media_type="application/json")


@get("/docs", include_in_schema=False)
async def docs_page(request: Request[Any, Any, Any]) -> Response[str]:
    return Response(openapi_page(openapi_document(request.app)), media_type=MediaType.HTML)


@get("/docs.css", include_in_schema=False)
async def docs_style() -> Response[str]:
    return Response(CSS, media_type=MediaType.CSS)


@get("/", include_in_schema=False)
async def studio_page() -> Response[bytes]:
    return static_file("index.html")


@get("/static/{name:path}", include_in_schema=False)
async def studio_file(name: FromPath[str]) -> Response[bytes]:
    return static_file(name.lstrip("/"))


def static_file(name: str) -> Response[bytes]:
    """Return a file of the static folder; refuse every other path."""
    file = (STATIC / name.replace("\0", "")).resolve()
    if not file.is_relative_to(STATIC) or not file.is_file() or file.suffix not in MEDIA_TYPES:
        raise Problem(404, "not_found", "there is no page at this address")
    return Response(file.read_bytes(), headers={"content-type": MEDIA_TYPES[file.suffix], "cache-control": "no-cache"})
