"""Changes between two versions of a contract."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What has changed."""

    API_VERSION = "api-version"
    PATH = "path"
    OPERATION = "operation"
    PARAMETER = "parameter"
    BODY = "body"
    STATUS = "status"
    HEADER = "header"
    MEDIA_TYPE = "media-type"
    FIELD = "field"
    REQUIRED = "required"
    TYPE = "type"
    VALUE = "value"
    BOUND = "bound"
    FORM = "form"
    DEPRECATION = "deprecation"
    EVENT = "event"
    SETTING = "setting"
    CALL = "call"


class Change(BaseModel):
    """One difference, and whether somebody who kept to the old contract may notice it.

    Attributes:
        kind: What has changed.
        where: The document and the place in it: `GET /api/v1/drones: answer 200: items[].status`.
        breaking: Whether a correct client, hearer or deployment of the old contract may fail with the new one.
        sentence: The change in words, with the place.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    where: str
    breaking: bool
    sentence: str


def changed(kind: Kind, where: str, what: str, *, breaking: bool) -> Change:
    """Return a change whose sentence starts with its place."""
    return Change(kind=kind, where=where, breaking=breaking, sentence=f"{where} {what}.")
