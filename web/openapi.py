"""How is the whole API told to programs? As an OpenAPI 3.1 document that is made from the routes."""

from __future__ import annotations

import inspect
import re
from typing import Any

from aiohttp import web

from web.openapi_shapes import FILE, SCHEMAS, SHAPES, Shape
from web.settings import VERSION

_PARAMETER = re.compile(r"\{(\w+)\}")
_NO_BODY = frozenset({101, 204})
_HEADERS = {
    "POST /prompt": "Idempotency-Key",
    "POST /api/jobs": "Idempotency-Key",
    "PUT /api/workflows/{name}": "If-Match",
    "GET /api/jobs/{job_id}/events": "Last-Event-ID",
}


def document(app: web.Application) -> dict[str, Any]:
    """The description of every route of an application; HEAD, which every GET answers, is left out."""
    paths: dict[str, dict[str, Any]] = {}
    addresses = {route.resource.canonical for route in app.router.routes() if route.resource is not None}
    for route in app.router.routes():
        resource = route.resource
        if resource is not None and route.method != "HEAD":
            operation = _operation(route.method, resource.canonical, route.handler)
            if resource.canonical.removeprefix("/api") in addresses - {resource.canonical}:
                operation["operationId"] += ".api"
            paths.setdefault(resource.canonical, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sfumato", "version": VERSION, "summary": "Visual workflows for diffusion models"},
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "sfumato_token"},
            },
        },
        "security": [{}, {"bearer": []}, {"cookie": []}],
    }


def _operation(method: str, path: str, handler: Any) -> dict[str, Any]:
    shape, known = _shape(method, path)
    room = handler.__module__.rsplit(".", 1)[-1]
    operation: dict[str, Any] = {
        "operationId": f"{room}.{handler.__name__}",
        "tags": [room],
        "summary": (inspect.getdoc(handler) or "").partition("\n")[0],
        "parameters": _parameters(path, known, shape),
        "responses": {str(shape.status): _response(shape), "default": _refusal()},
    }
    if shape.body is not None:
        kind = "application/octet-stream" if shape.body is FILE else "application/json"
        operation["requestBody"] = {"content": {kind: {"schema": shape.body}}}
    if shape.form is not None:
        form = {"type": "object", "properties": dict(shape.form), "required": ["image"]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return operation


def _shape(method: str, path: str) -> tuple[Shape, str]:
    """What a route or, under `/api`, its twin takes and gives, and the name it is known by."""
    name = f"{method} {path}"
    if name in SHAPES:
        return SHAPES[name], name
    twin = f"{method} {path.removeprefix('/api')}"
    return SHAPES.get(twin, Shape()), twin if path.startswith("/api/") else name


def _parameters(path: str, known: str, shape: Shape) -> list[dict[str, Any]]:
    text = {"type": "string"}
    found = [
        {"name": name, "in": "path", "required": True, "schema": text} for name in _PARAMETER.findall(path)
    ]
    found += [{"name": name, "in": "query", "schema": text} for name in shape.query]
    if known in _HEADERS:
        found.append({"name": _HEADERS[known], "in": "header", "schema": text})
    return found


def _response(shape: Shape) -> dict[str, Any]:
    if shape.status in _NO_BODY or shape.answer is None:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"schema": shape.answer}}}


def _refusal() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Refusal"}
    return {"description": "Refused, with the reason", "content": {"application/json": {"schema": schema}}}
