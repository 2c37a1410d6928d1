"""A small reader of JSON Schema, as far as the API's description uses it."""

from collections.abc import Iterator
from typing import Any

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
KNOWN = {"type", "properties", "required", "items", "additionalProperties", "enum", "oneOf", "$ref"} | {
    "prefixItems",
    "minItems",
    "contentMediaType",
}


def problems(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str = "$") -> Iterator[str]:
    assert set(schema) <= KNOWN, schema
    if "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix("#/components/schemas/")]
    if "oneOf" in schema:
        fitting = [one for one in schema["oneOf"] if not list(problems(value, one, schemas, where))]
        if len(fitting) != 1:
            yield f"{where} fits {len(fitting)} of its alternatives"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum']}"
    if (kinds := schema.get("type")) and not is_of(value, [kinds] if isinstance(kinds, str) else kinds):
        yield f"{where} is {value!r}, not {kinds}"
    elif isinstance(value, dict):
        yield from in_object(value, schema, schemas, where)
    elif isinstance(value, list):
        yield from in_array(value, schema, schemas, where)


def is_of(value: Any, kinds: list[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, TYPES[kind]) for kind in kinds)


def in_object(value: dict[str, Any], schema: dict[str, Any], schemas: Any, where: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{where} lacks {key}"
    for key, item in value.items():
        inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if inner is not None:
            yield from problems(item, inner, schemas, f"{where}.{key}")


def in_array(value: list[Any], schema: dict[str, Any], schemas: Any, where: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0):
        yield f"{where} is too short"
    for index, item in enumerate(value):
        first = schema.get("prefixItems", [])
        inner = first[index] if index < len(first) else schema.get("items")
        if inner is not None:
            yield from problems(item, inner, schemas, f"{where}[{index}]")
