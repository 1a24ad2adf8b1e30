"""The use case behind `/authorize`: look at the request, show a form, and give a code to whoever logged in."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

from arnia.chassis.uuids import uuid7
from identity.models.authorization import (
    AuthorizationRequest,
    Members,
    Refusal,
    examine,
    is_registered,
    single,
)
from identity.models.clients import OAuthClient
from identity.models.errors import OAuthError
from identity.models.grants import CODE_SECONDS, AuthorizationCode, new_secret
from identity.models.users import User
from identity.models.values import Value
from identity.repositories.store import Transactions
from identity.services.tickets import Tickets
