"""Generates requests from the API's own description, nearly right ones too, and checks answers against it."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.web.bad_input import JSON, NAMES, TEXTS, Answer, Request, broken, complaint, dumped
from tests.web.schema_check import problems

# A socket; a stop for everybody; the page's files.
LEFT_OUT = ("/ws", "/api/ws", "/api/queue/pause")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=8) | st.sampled_from(["1", "x.png", "input", "default"]),
    "integer": st.integers(),
    "number": st.integers() | st.floats(),
    "boolean": st.booleans(),
    "null": st.none(),
}


class Description:
    """An OpenAPI document as a source of requests and a judge of answers."""

    def __init__(self, api: dict[str, Any]) -> None:
        self.schemas = api["components"]["schemas"]
        self.operations = [
            (method.upper(), path, operation)
            for path, item in api["paths"].items()
            for method, operation in item.items()
            if path not in LEFT_OUT
        ]

    def fitting(self, schema: dict[str, Any], depth: int = 4) -> st.SearchStrategy[Any]:
        """Values that a schema allows, or nearly."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].removeprefix("#/components/schemas/")]
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if depth == 0 or not ({"type", "oneOf"} & set(schema)):
            return JSON
        if "oneOf" in schema:
            return st.one_of(*(self.fitting(one, depth - 1) for one in schema["oneOf"]))
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return st.one_of(*(self.of_kind(kind, schema, depth) for kind in kinds)) | JSON

    def of_kind(self, kind: str, schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
        if kind == "array":
            return st.lists(self.fitting(schema.get("items", {}), depth - 1), max_size=3)
        if kind != "object":
            return VALUES[kind]
        parts = {key: self.fitting(inner, depth - 1) for key, inner in schema.get("properties", {}).items()}
        known = st.fixed_dictionaries({}, optional=parts)
        other = schema.get("additionalProperties")
        if other is None:
            return known
        return st.dictionaries(st.text(max_size=3), self.fitting(other, depth - 1), max_size=3)

    @property
    def requests(self) -> st.SearchStrategy[Request]:
        return st.sampled_from(self.operations).flatmap(lambda chosen: self.request(*chosen))

    def request(self, method: str, path: str, operation: dict[str, Any]) -> st.SearchStrategy[Request]:
        @st.composite
        def make(draw: st.DrawFn) -> Request:
            address, query, headers = path, {}, {}
            for parameter in operation["parameters"]:
                name, place = parameter["name"], parameter["in"]
                if place == "path":
                    given = draw(NAMES | VALUES["string"]).encode("utf-8", "replace").decode()
                    address = address.replace(f"{{{name}}}", quote(given, safe="") or "-")
                elif draw(st.booleans()) and place == "query":
                    query[name] = draw(NAMES | VALUES["string"]).encode("utf-8", "replace").decode()
                elif draw(st.booleans()):
                    headers[name] = draw(TEXTS)
            body = None
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                headers["Content-Type"] = "multipart/form-data; boundary=b" if "form" in kind else kind
                is_json = kind == "application/json"
                value = draw(self.fitting(content["schema"]) if is_json else st.binary(max_size=40))
                body = draw(broken(dumped(value))) if is_json else value
            return Request(method, address, query, headers, body)

        return make()

    def complaint(self, request: Request, answer: Answer) -> str | None:
        """What is wrong with an answer: also that it is not what the description says."""
        if (found := complaint(request, answer)) is not None:
            return found
        wrong = next(self.differences(request, answer), None)
        return None if wrong is None else f"not as described: {wrong}"

    def differences(self, request: Request, answer: Answer) -> Iterator[str]:
        chosen = [
            (path.count("{"), operation["responses"])
            for method, path, operation in self.operations
            if method == request.method and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), request.path)
        ]
        if not chosen or answer.kind != "application/json":
            return
        described = min(chosen, key=lambda one: one[0])[1].get(str(answer.status))
        if described is None and answer.status < 400:
            yield f"status {answer.status} is not described"
        elif described is not None and "content" in described:
            schema = described["content"]["application/json"]["schema"]
            yield from problems(json.loads(answer.text), schema, self.schemas)
