"""The OpenAPI document, and a page that shows it without a script."""

import json
from html import escape
from typing import Any

import msgspec
from litestar import Litestar

from palate.service.responses import Error

REFERENCE = "#/components/schemas/Error"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}: the HTTP API</title>
<link rel="stylesheet" href="docs.css">
<h1>{title}: the HTTP API</h1>
<p>{description} Programs read the same as <a href="openapi.json">openapi.json</a>.</p>
{operations}
</html>
"""

CSS = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1c1c1c }
code, pre { font: 14px/1.45 ui-monospace, monospace }
pre { background: #f4f4f2; padding: .75rem; overflow-x: auto; border-radius: 4px }
h2 { margin-top: 2.5rem; border-top: 1px solid #d8d8d4; padding-top: 1rem; font-size: 1.1rem }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top }
@media (prefers-color-scheme: dark) {
  body { background: #1b1b1a; color: #e6e6e2 }
  pre { background: #2a2a28 }
  a { color: #8ab4f8 }
}
"""


def openapi_document(app: Litestar) -> dict[str, Any]:
    """Return Litestar's document of the handlers, with the error responses that any route may return."""
    document = app.openapi_schema.to_schema()
    _, errors = msgspec.json.schema_components([Error], ref_template="#/components/schemas/{name}")
    document["components"].setdefault("schemas", {}).update(errors)
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["operationId"] = f"{method}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}"
            operation["summary"] = operation.get("description", "").partition(".")[0]
            operation["responses"].pop("400", None)
            operation["responses"]["default"] = {
                "description": "An error: 400 invalid request, 401 no valid token, 404 unknown id or path, 413 body "
                "too large, 503 retry later.",
                "content": {"application/json": {"schema": {"$ref": REFERENCE}}},
            }
            if path.startswith("/v1/"):
                operation["security"] = [{}, {"token": []}]
    return document


def openapi_page(document: dict[str, Any]) -> str:
    """Return the document as HTML."""
    operations = [
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    info = document["info"]
    return PAGE.format(
        title=escape(info["title"]), description=escape(info["description"]), operations="\n".join(operations)
    )


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(field['name'])}</code><td>{field['in']}<td>{escape(field.get('description', ''))}"
        for field in operation.get("parameters", ())
    )
    request = operation.get("requestBody", {}).get("content", {})
    response = next(iter(operation["responses"].values())).get("content", {})
    parts = [f"<h2><code>{method.upper()} {escape(path)}</code></h2>", f"<p>{escape(operation['description'])}</p>"]
    if rows:
        parts.append(f"<table>{rows}</table>")
    for title, content in (("Request body", request), ("Response", response)):
        for media in content.values():
            example = json.dumps(_example(document, media.get("schema", {})), indent=1, ensure_ascii=False)
            parts.append(f"<p>{title}</p><pre>{escape(example)}</pre>")
    return "\n".join(parts)


def _example(document: dict[str, Any], schema: dict[str, Any], depth: int = 0) -> Any:
    """Return an object with the shape of the schema, and a type in place of each value."""
    if "$ref" in schema:
        return _example(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
    if "properties" in schema and depth < 5:
        return {name: _example(document, field, depth + 1) for name, field in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(document, schema.get("items", {}), depth)]
    choices = [
        _example(document, choice, depth) for key in ("oneOf", "anyOf", "allOf") for choice in schema.get(key, ())
    ]
    if choices:
        return choices[0] if isinstance(choices[0], dict | list) else " | ".join(map(str, choices))
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else kind
