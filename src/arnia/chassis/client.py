"""Declared clients: another service as a class with typed methods, in the words of the service that calls it.

```python
class DroneClient(Client, service="drone", version=1):
    @put("/drone-reservations/{reservation_id}", scopes=("reservations:write",))
    async def reserve(self, reservation_id: UUID, body: ReservationWish) -> ReservationPromise: ...

    @get("/drones/{drone_id}", scopes=("drones:read",), cached=True, as_user=True)
    async def read(self, drone_id: UUID) -> DroneSummary: ...


Drones = Annotated[DroneClient, Depends(DroneClient.current)]
```

Parameters that the path names go there, `body` is the body, `if_match` is the ETag of the only version that a write
may change, and the rest is the query; a stub's own body never runs. One that returns `Versioned[View]` gets the ETag.
`create_app(clients=(DroneClient,))` opens it with the service, and its settings say where the other one is.

A method raises `UpstreamRefused` for a 4xx (handle those that mean something), and otherwise what may be left to the
chassis: `Unavailable` (503), `DeadlineExceeded` (504) or `UpstreamFailed` (502).
"""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Self

from starlette.requests import Request

from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.calls import Caller, Origin
from arnia.chassis.client_operations import Operation, Versioned, delete, get, patch, post, put, read_operations
from arnia.chassis.context import current
from arnia.conventions import RETRY_ABOVE, RETRY_HEADER

__all__ = ["CallPolicy", "Client", "Origin", "Versioned", "delete", "get", "patch", "post", "put"]


class Client:
    """Another service, as this one sees it; an instance lives as long as the request that it belongs to.

    Attributes:
        service: The name of the other service.
        version: The major version of its API.
        policy: How it is called, where settings do not say otherwise.
        operations: What its methods declare.
    """

    service: ClassVar[str] = ""
    version: ClassVar[int] = 1
    policy: ClassVar[CallPolicy] = CallPolicy()
    operations: ClassVar[tuple[Operation, ...]] = ()

    def __init__(self, caller: Caller, origin: Origin) -> None:
        self._caller = caller
        self._origin = origin

    def __init_subclass__(cls, *, service: str, version: int = 1, policy: CallPolicy | None = None) -> None:
        """Read the stubs of the class.

        Raises:
            TypeError: one of them does not add up.
        """
        super().__init_subclass__()
        cls.service = service
        cls.version = version
        cls.policy = policy or CallPolicy()
        cls.operations = read_operations(cls, version)
        for operation in cls.operations:
            setattr(cls, operation.name, _method(operation, vars(cls)[operation.name]))

    @classmethod
    async def current(cls, request: Request) -> Self:
        """Return this client for `request`: with its deadline, its trace and its user.

        Raises:
            TypeError: the service does not declare the client.
        """
        context = current(request)
        origin = Origin(
            deadline=context.deadline,
            request_id=context.request_id,
            trace=context.trace,
            spans=context.runtime.spans,
            token=context.token,
            retried_above=request.headers.get(RETRY_HEADER) == RETRY_ABOVE,
        )
        caller = context.runtime.callers.get(cls.service)
        if caller is None:
            message = f"{cls.__name__} is not declared: give it to create_app(clients=...)"
            raise TypeError(message)
        return cls(caller, origin)


def _method(operation: Operation, stub: Callable[..., object]) -> Callable[..., Coroutine[Any, Any, Any]]:
    # No coroutine of its own: each one in a chain costs whenever the chain goes on.
    @functools.wraps(stub)
    def call(self: Client, /, *args: object, **kwargs: object) -> Coroutine[Any, Any, Any]:
        return self._caller.call(operation, operation.bind(args, kwargs), self._origin)

    return call
