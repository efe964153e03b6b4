"""JSON schemas of what the service answers: from the dataclasses that are answered as they are, and
put together by hand for the rest."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
YES_OR_NO: Schema = {"type": "boolean"}
ANYTHING: Schema = {}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}

_PLAIN: Mapping[Any, Schema] = {
    str: TEXT, int: WHOLE, float: NUMBER, bool: YES_OR_NO, type(None): {"type": "null"},
    Any: ANYTHING, object: ANYTHING,
}  # fmt: skip


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def array(items: Schema) -> Schema:
    """Any number of ``items``."""
    return {"type": "array", "items": items}


def named(values: Schema) -> Schema:
    """An object of ``values`` by any name."""
    return {"type": "object", "additionalProperties": values}


def nullable(schema: Schema) -> Schema:
    """The same, or ``null``."""
    if set(schema) == {"type"}:
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def record(needed: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with exactly these properties; those in ``optional`` may be missing."""
    return {
        "type": "object",
        "properties": {**needed, **(optional or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def with_more(schema: Schema, more: Mapping[str, Schema], without: Sequence[str] = ()) -> Schema:
    """The ``record`` with ``more`` properties, which replace those of the same name, and some
    left out."""
    properties = {**schema["properties"], **more}
    kept = {name: one for name, one in properties.items() if name not in without}
    return {**schema, "properties": kept, "required": list(kept)}


def schema_of(kind: Any, names: Mapping[str, Any] | None = None) -> Schema:
    """The schema of what ``dataclasses.asdict`` and ``json`` make of a value of this type.

    Args:
        kind: the type.
        names: types that the module of a dataclass imports for type checkers only.

    Raises:
        TypeError: there is none for such a type.
    """
    if kind in _PLAIN:
        return _PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, localns=dict(names or {}))
        fields = dataclasses.fields(kind)
        return record({one.name: schema_of(hints[one.name], names) for one in fields})
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType) and type(None) in parts:
        others = [part for part in parts if part is not type(None)]
        if len(others) == 1:
            return nullable(schema_of(others[0], names))
    if isinstance(origin, type):
        if issubclass(origin, Mapping):
            return named(schema_of(parts[1], names))
        if issubclass(origin, Sequence | frozenset):
            inner = {repr(part): part for part in parts if part is not Ellipsis}
            if len(inner) == 1:
                return array(schema_of(next(iter(inner.values())), names))
    raise TypeError(f"There is no schema for {kind!r}.")
