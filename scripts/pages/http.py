"""docs/reference/http.md, from the service's OpenAPI document."""

from collections.abc import Iterable
from typing import Any, cast

from palate.service.app import create_app
from palate.service.openapi import openapi_document
from palate.service.state import ServiceState
from scripts.pages.text import page, sentence, table

INTRODUCTION = """\
`palate serve MODEL` answers these requests; [Serve a model](../how-to/serving.md) shows them by example. \
The running service has the same text at `/docs`, and the OpenAPI 3.1 document at `/openapi.json`.

Fields and parameters without a default are required. A field that is not named here is refused. An id is an integer \
where the ids of the table are integers, and text otherwise; an item may also be named by its exact title."""


def http_page() -> str:
    """Return every request with its parameters, its body and its answer, then the structures in them."""
    api = openapi_document(create_app(cast(ServiceState, None)))
    structures = api["components"]["schemas"]
    parts = [INTRODUCTION, "## Requests"]
    bodies = set()
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            body = _schema(operation.get("requestBody", {}))
            bodies.add(body)
            parts += _operation(f"{method.upper()} {path}", operation, structures.get(body, {}))
    parts.append("## Structures")
    for name, structure in structures.items():
        if name not in bodies:
            parts += [f"### {name}", _fields(structure, ("field", "type", "meaning"))]
    return page("The HTTP API", *parts)


def _operation(title: str, operation: dict[str, Any], body: dict[str, Any]) -> Iterable[str]:
    yield f"### {title}"
    yield sentence(operation["description"])
    if operation.get("parameters"):
        rows = [
            (f"`{field['name']}`", field["in"], _type(field["schema"]), _default(field["schema"]), _meaning(field))
            for field in operation["parameters"]
        ]
        yield table(("parameter", "in", "type", "default", "meaning"), rows)
    if body:
        yield "The body is a JSON object:"
        yield _fields(body, ("field", "type", "default", "meaning"))
    answer = _schema(operation["responses"]["200"])
    if answer:
        yield f"The answer is {_linked(answer)}."


def _fields(structure: dict[str, Any], columns: tuple[str, ...]) -> str:
    rows = []
    for name, schema in structure["properties"].items():
        optional = name not in structure.get("required", ())
        cells = {
            "field": f"`{name}`",
            "type": _type(schema),
            "default": _default(schema) or ("not set" if optional else ""),
            "meaning": _meaning(schema),
        }
        rows.append(cells)
    used = [column for column in columns if any(row[column] for row in rows)]
    return table(used, [[row[column] for column in used] for row in rows])


def _type(schema: dict[str, Any]) -> str:
    """Return the type of a field in words, with its bounds."""
    if "$ref" in schema:
        return _linked(schema["$ref"].rpartition("/")[2])
    choices = [_type(choice) for key in ("oneOf", "anyOf", "allOf") for choice in schema.get(key, ())]
    if choices:
        return " or ".join(dict.fromkeys(choices))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    kind = " or ".join(kind) if isinstance(kind, list) else kind
    if kind == "array":
        items = schema.get("items", {})
        return f"list of {_type(items)}" if items else "list"
    bounds = [f"{schema[key]:g}" for key in ("minimum", "maximum") if key in schema and abs(schema[key]) < 2**31]
    return f"{kind} {' to '.join(bounds) if len(bounds) == 2 else f'≥ {bounds[0]}'}" if bounds else kind


def _default(schema: dict[str, Any]) -> str:
    return f"`{schema['default']}`" if schema.get("default") not in (None, "") else ""


def _meaning(field: dict[str, Any]) -> str:
    return sentence(field.get("description"))


def _schema(holder: dict[str, Any]) -> str:
    """Return the name of the structure that a body or an answer holds, or "" without one."""
    for content in holder.get("content", {}).values():
        return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return ""


def _linked(name: str) -> str:
    return f"[{name}](#{name.lower()})"
