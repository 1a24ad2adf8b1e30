"""What a service says and hears, as AsyncAPI 3 tells it.

A channel of the document is a type of event in one major version; its address is the routing key. What is emitted is
described as it is written, and what is heard as the hearer's own view reads it.

Source: AsyncAPI 3.0.0, with the bindings for AMQP 0.3.0 and Kafka 0.5.0; CloudEvents 1.0.2.
"""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import DataclassField, DecimalSchema, ModelField, TaggedUnionSchema, TypedDictField
from typing_extensions import override

from arnia.chassis.events import Event
from arnia.chassis.hearers import Heard, Hearer
from arnia.chassis.messages import JSON, SPECIFICATION
from arnia.chassis.openapi import Document
from arnia.conventions import AGGREGATE_EXTENSION, TRACE_HEADER, TRACE_STATE_HEADER

__all__ = ["describe_events"]

Action = Literal["send", "receive"]
VERBS: Final[dict[Action, str]] = {"send": "emit", "receive": "hear"}
ATTRIBUTES: Final = "cloudevents.attributes"
"""No class of Python can have this name."""
UUID_TEXT: Final[Document] = {"type": "string", "format": "uuid"}
DECIMAL_BOUNDS: Final[tuple[tuple[Literal["ge", "gt", "le", "lt", "multiple_of"], str], ...]] = (
    ("ge", "minimum"),
    ("gt", "exclusiveMinimum"),
    ("le", "maximum"),
    ("lt", "exclusiveMaximum"),
    ("multiple_of", "multipleOf"),
)
AMQP: Final = "0.3.0"
KAFKA: Final = "0.5.0"


class AsyncSchema(GenerateJsonSchema):
    """JSON Schema as AsyncAPI has it, of what is really written."""

    @override
    def field_is_required(self, field: ModelField | DataclassField | TypedDictField, total: bool) -> bool:
        # Pydantic writes defaults too, though its schema would not say so.
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    @override
    def decimal_schema(self, schema: DecimalSchema) -> JsonSchemaValue:
        """Say of a text that it is a number, and within which bounds: not every text could be read as that one."""
        described = super().decimal_schema(schema)
        for part in described.get("anyOf", [described]):
            if part.get("type") == "string":
                part["format"] = "decimal"
                for bound, facet in DECIMAL_BOUNDS:
                    if bound in schema:
                        part[facet] = float(schema[bound])
        return described

    @override
    def tagged_union_schema(self, schema: TaggedUnionSchema) -> JsonSchemaValue:
        """Say that the tag is there in the words of JSON Schema; those of OpenAPI mean something else here."""
        described = super().tagged_union_schema(schema)
        tag = described.pop("discriminator", {}).get("propertyName")
        return {**described, "required": [tag]} if tag else described


def describe_events(service: str, events: Sequence[type[Event]], hearers: Sequence[Hearer]) -> Document:
    """Return the AsyncAPI document of `service`; the same for the same code, in whatever order it declares them."""
    heard = [handler.view for hearer in hearers for handler in hearer.handlers.values()]
    sides: list[tuple[Action, type[Event | Heard]]] = [
        *(("send", event) for event in sorted(events, key=_order)),
        *(("receive", view) for view in sorted(heard, key=_order)),
    ]
    payloads, schemas = _describe_payloads(sides)
    channels: Document = {}
    messages: Document = {}
    operations: Document = {}
    for action, model in sides:
        name = f"{model.topic}.v{model.version}"
        key = f"{VERBS[action]}.{name}"
        channel = channels.setdefault(name, _describe_channel(model))
        channel["messages"][key] = {"$ref": f"#/components/messages/{key}"}
        messages[key] = _describe_message(model, payloads[model])
        operations[key] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{key}"}],
        }
    if sides:
        schemas[ATTRIBUTES] = _describe_attributes()
    return {
        "asyncapi": "3.0.0",
        # Every event counts its own versions; and a contract is the same whether or not the service is installed.
        "info": {"title": service, "version": "1"},
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _order(model: type[Event | Heard]) -> tuple[str, int, str]:
    return model.topic, model.version, model.__qualname__


def _describe_payloads(
    sides: Sequence[tuple[Action, type[Event | Heard]]],
) -> tuple[dict[type[Event | Heard], Document], Document]:
    modes: dict[Action, Literal["serialization", "validation"]] = {"send": "serialization", "receive": "validation"}
    found, whole = models_json_schema(
        [(model, modes[action]) for action, model in sides],
        ref_template="#/components/schemas/{model}",
        schema_generator=AsyncSchema,
    )
    return {model: found[model, modes[action]] for action, model in sides}, whole.get("$defs", {})


def _describe_channel(model: type[Event | Heard]) -> Document:
    exchange = {"name": model.aggregate_type, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": f"{model.topic}.v{model.version}",
        "messages": {},
        AGGREGATE_EXTENSION: model.aggregate_type,
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": AMQP},
            "kafka": {"topic": model.aggregate_type, "bindingVersion": KAFKA},
        },
    }


def _describe_message(model: type[Event | Heard], payload: Document) -> Document:
    return {
        "name": model.topic,
        "title": model.__name__,
        "contentType": JSON,
        "headers": {"$ref": f"#/components/schemas/{ATTRIBUTES}"},
        "payload": payload,
        "bindings": {"kafka": {"key": UUID_TEXT, "bindingVersion": KAFKA}},
    }


def _describe_attributes() -> Document:
    number = {"type": "string", "pattern": "^[0-9]+$"}
    text = {"type": "string", "minLength": 1}
    properties: Document = {
        "specversion": {"type": "string", "const": SPECIFICATION},
        "id": UUID_TEXT,
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "type": text,
        "subject": {**UUID_TEXT, "description": "The id of the one thing that it is about."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": text,
        "eventversion": {**number, "description": "The major version of the payload."},
        "aggregatetype": text,
        "sequence": {**number, "description": "Its place among what is said about that thing, from 1 on; 0 for none."},
        TRACE_HEADER: text,
        TRACE_STATE_HEADER: text,
        "deadline": {**text, "description": "When the caller stopped waiting, in seconds since 1970."},
    }
    optional = {TRACE_HEADER, TRACE_STATE_HEADER, "deadline"}
    return {
        "type": "object",
        "description": "CloudEvents attributes: ce-NAME in NATS, ce_NAME in Kafka, cloudEvents:NAME in AMQP.",
        "properties": properties,
        "required": sorted(properties.keys() - optional),
    }
