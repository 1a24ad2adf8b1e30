"""Who may do what at a Kafka server: access rules, brought in line with what the page declares."""

from collections.abc import Iterator, Mapping
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from arnia.local.voices import Voice

_SECONDS: Final = 5.0
_ANY_HOST: Final = "*"
_EMIT: Final = (AclOperation.CREATE, AclOperation.DESCRIBE, AclOperation.WRITE)
_HEAR: Final = (AclOperation.DESCRIBE, AclOperation.READ)


def grant(address: str, administrator: str, password: str, users: Mapping[str, Voice]) -> bool:
    """Let `users` do what their services do, and nothing else; return whether the server could be told."""
    client = AdminClient(
        {
            "bootstrap.servers": address,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": administrator,
            "sasl.password": password,
            "log_level": 0,
        }
    )
    wanted = {rule for name, voice in users.items() for rule in rules(name, voice)}
    try:
        present = set(client.describe_acls(_everything(), request_timeout=_SECONDS).result())
        if missing := sorted(wanted - present):
            for made in client.create_acls(missing, request_timeout=_SECONDS).values():
                made.result()
        if surplus := [_filter(rule) for rule in sorted(present - wanted)]:
            for removed in client.delete_acls(surplus, request_timeout=_SECONDS).values():
                removed.result()
    except KafkaException:
        return False
    return True


def rules(name: str, voice: Voice) -> Iterator[AclBinding]:
    """Return what a service may do, in the words of Kafka."""
    allowed = [
        *((ResourceType.TOPIC, channel, operation) for channel in voice.emits for operation in _EMIT),
        *((ResourceType.TOPIC, channel, operation) for channel in voice.hears for operation in _HEAR),
        *((ResourceType.GROUP, name, operation) for operation in _HEAR if voice.hears),
    ]
    for kind, resource, operation in allowed:
        yield AclBinding(
            kind, resource, ResourcePatternType.LITERAL, f"User:{name}", _ANY_HOST, operation, AclPermissionType.ALLOW
        )


def _everything() -> AclBindingFilter:
    anything = (ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)
    return AclBindingFilter(*anything)  # type: ignore[arg-type]  # None is anything, says its documentation


def _filter(rule: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        rule.restype,
        rule.name,
        rule.resource_pattern_type,
        rule.principal,
        rule.host,
        rule.operation,
        rule.permission_type,
    )
