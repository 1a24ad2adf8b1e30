"""PATCH: JSON Merge Patch (RFC 7396) and JSON Patch (RFC 6902) over the body model of a resource.

A route declares `patch: Patch[DeliveryBody]` and calls `patch.apply(current)`: the current state as that model goes in,
the patched and fully validated state comes out. A JSON Patch is applied whole or not at all.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Final, Generic, TypeVar, get_args

import jsonpatch
from fastapi import Body as FromBody
from jsonpointer import JsonPointerException
from pydantic import BaseModel, GetCoreSchemaHandler, JsonValue, ValidationError
from pydantic_core import CoreSchema, core_schema

from arnia.chassis.problems import from_model
from arnia.conventions import MERGE_PATCH_MEDIA_TYPE
from arnia.errors import Conflict, InvalidContent, Violation

__all__ = ["Patch", "PatchDocument", "PatchTestFailed"]

M = TypeVar("M", bound=BaseModel)

MAX_OPERATIONS: Final = 100
MAX_PATCHED_CHARACTERS: Final = 4_000_000


class PatchTestFailed(Conflict):
    """A `test` operation of a JSON Patch found another value; nothing was changed."""

    slug = "patch-test-failed"
    title = "A test of the patch failed"


class PatchDocument(Generic[M]):
    """A patch as it was sent: an object is a merge patch, an array a JSON Patch."""

    def __init__(self, model: type[M], document: JsonValue) -> None:
        self._model = model
        self._document = document

    def apply(self, current: M) -> M:
        """Return `current` with the patch applied, validated as a whole.

        Raises:
            InvalidContent: an operation is ill-formed or leads nowhere, or the result breaks a rule of the model.
            PatchTestFailed: a `test` operation failed.
        """
        state = current.model_dump(mode="json", by_alias=True)
        try:
            after = _amend(state, self._document) if isinstance(self._document, list) else _merge(state, self._document)
            text = json.dumps(after)
        except RecursionError:
            raise _ill_formed("", "The patched document is nested too deep.") from None
        try:
            return self._model.model_validate_json(text)
        except ValidationError as error:
            raise from_model(error) from None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type["PatchDocument[M]"], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        (model,) = get_args(source)
        documents = core_schema.union_schema([core_schema.dict_schema(), core_schema.list_schema()])
        return core_schema.no_info_after_validator_function(
            lambda document: cls(model, document),
            documents,
            metadata={"pydantic_js_functions": [lambda _, __: merge_schema(model)]},
        )


Patch = Annotated[PatchDocument[M], FromBody(media_type=MERGE_PATCH_MEDIA_TYPE)]


def merge_schema(model: type[BaseModel]) -> JsonValue:
    """Return the JSON schema of a merge patch for `model`: its members, none of them required, at the top level."""
    schema = inlined_schema(model)
    schema.pop("required", None)
    schema["title"] = f"{model.__name__}MergePatch"
    schema["description"] = "JSON Merge Patch (RFC 7396): members that are left out stay as they are."
    return schema


def inlined_schema(model: type[BaseModel]) -> dict[str, JsonValue]:
    """Return the JSON schema of `model` without references: what is written into a description by hand needs that."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    if "$ref" in schema:
        schema = dict(definitions[_definition(schema["$ref"])])
    return {name: _inlined(part, definitions, ()) for name, part in schema.items()}


def _inlined(schema: JsonValue, definitions: Mapping[str, JsonValue], above: tuple[str, ...]) -> JsonValue:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/$defs/"):
            name = _definition(reference)
            # A model that holds itself has no end: one level of it is shown.
            return {} if name in above else _inlined(definitions[name], definitions, (*above, name))
        return {name: _inlined(part, definitions, above) for name, part in schema.items()}
    if isinstance(schema, list):
        return [_inlined(part, definitions, above) for part in schema]
    return schema


def _definition(reference: str) -> str:
    return reference.removeprefix("#/$defs/")


def _merge(target: JsonValue, patch: JsonValue) -> JsonValue:
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _amend(target: JsonValue, operations: list[JsonValue]) -> JsonValue:
    """Apply `operations` to `target`, which nobody else holds: copied for each of them, a large one takes seconds."""
    if len(operations) > MAX_OPERATIONS:
        raise _ill_formed(f"/{MAX_OPERATIONS}", f"A patch may have at most {MAX_OPERATIONS} operations.")
    copied = 0
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise _ill_formed(f"/{index}", "An operation is an object.")
        try:
            target = jsonpatch.JsonPatch([operation]).apply(target, in_place=True)
        except jsonpatch.JsonPatchTestFailed:
            detail = f"The test at position {index} of the patch failed; nothing was changed."
            raise PatchTestFailed(detail) from None
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, IndexError, ValueError):
            raise _ill_formed(f"/{index}", "The operation is ill-formed, or its path leads nowhere.") from None
        if operation.get("op") == "copy":
            copied += len(json.dumps(target))
            if copied > MAX_PATCHED_CHARACTERS:
                raise _ill_formed(f"/{index}", "The patched document grows too large, or is copied too often.")
    return target


def _ill_formed(place: str, detail: str) -> InvalidContent:
    violation = Violation(detail=detail, code="patch-operation", pointer=f"#{place}")
    return InvalidContent("The patch cannot be applied.", violations=[violation])
