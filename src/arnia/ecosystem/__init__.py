"""Declare: an ecosystem of services as frozen values.

```python
from arnia.ecosystem import Database, Ecosystem, Route, Service

ecosystem = Ecosystem(
    name="shop",
    services=(Service(name="orders", owner="sales", uses=("orders-db",), exposes=(Route(path="/api/v1/orders"),)),),
    resources=(Database(name="orders-db"),),
)
```

Nothing here does any input or output. Building an `Ecosystem` validates it and reports every fault at once in one
`arnia.errors.DeclarationError`.
"""

from arnia.ecosystem.environments import Environment
from arnia.ecosystem.issuers import Issuer
from arnia.ecosystem.resources import Broker, Cache, Database, Resource, Secrets
from arnia.ecosystem.services import Route, Service
from arnia.ecosystem.system import Ecosystem

__all__ = [
    "Broker",
    "Cache",
    "Database",
    "Ecosystem",
    "Environment",
    "Issuer",
    "Resource",
    "Route",
    "Secrets",
    "Service",
]
