"""For whom a token is, and what it lets its holder do: what was asked for, as far as the registration goes."""

from collections.abc import Collection

from identity.models.clients import OF_USERS, OAuthClient
from identity.models.errors import InvalidScope, InvalidTarget


class Targets:
    """Decides about audiences and scopes; `own` is the audience of identity itself, whose `/userinfo` needs a token."""

    def __init__(self, own: str) -> None:
        self._own = own

    def choose(
        self,
        client: OAuthClient,
        *,
        audiences: Collection[str],
        scope: str | None,
        within: frozenset[str] | None = None,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Return the audiences and the scopes that a client is given; asked for nothing, it gets all that it may.

        Args:
            client: Who asks.
            audiences: For whom, of those that are the client's.
            scope: What it asks for, as it came.
            within: Which scopes were granted before, where the token descends from something.

        Raises:
            InvalidTarget: one of the audiences is not the client's, or there is none.
            InvalidScope: nothing is left of what it asks for.
        """
        known = frozenset(client.registration.audiences)
        ours = {self._own} if client.registration.grants & OF_USERS else frozenset[str]()
        chosen = frozenset(audiences) or known
        if not chosen <= known | ours:
            raise InvalidTarget
        allowed = client.registration.scopes(chosen)
        if within is not None:
            allowed &= within
        asked = frozenset((scope or "").split(" ")) - {""}
        granted = asked & allowed if asked else allowed
        if asked and not granted:
            raise InvalidScope
        if "openid" in granted and chosen >= known:
            chosen |= {self._own}
        if not chosen:
            raise InvalidTarget
        return chosen, granted
