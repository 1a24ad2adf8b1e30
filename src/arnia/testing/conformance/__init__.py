"""The conformance suite of a service: every rule of an HTTP API, found out from its own OpenAPI document.

A service's test file is three lines:

```python
from arnia.testing.conformance import ServiceConformance
from delivery.main import create


class TestConformance(ServiceConformance):
    application = staticmethod(create)
```

It needs the fixtures of `arnia.testing.plugin`. A rule that has nothing to apply to is skipped with its reason.
"""

from arnia.testing.conformance.bodies import BodyRules
from arnia.testing.conformance.collections import CollectionRules
from arnia.testing.conformance.deadlines import DeadlineRules, FaultRules
from arnia.testing.conformance.errors import ErrorRules
from arnia.testing.conformance.findings import Nonconformance
from arnia.testing.conformance.keys import KeyRules
from arnia.testing.conformance.links import LinkRules
from arnia.testing.conformance.methods import MethodRules
from arnia.testing.conformance.ownership import OwnershipRules
from arnia.testing.conformance.platform import PlatformRules
from arnia.testing.conformance.preconditions import PreconditionRules
from arnia.testing.conformance.process import ProcessRules
from arnia.testing.conformance.security import SecurityRules
from arnia.testing.conformance.suite import ServiceSuite
from arnia.testing.conformance.versions import VersionRules
from arnia.testing.conformance.writes import PatchRules, WriteRules

__all__ = ["Nonconformance", "ServiceConformance"]


class ServiceConformance(
    SecurityRules,
    OwnershipRules,
    ErrorRules,
    FaultRules,
    BodyRules,
    MethodRules,
    PreconditionRules,
    WriteRules,
    PatchRules,
    KeyRules,
    CollectionRules,
    LinkRules,
    VersionRules,
    DeadlineRules,
    PlatformRules,
    ProcessRules,
    ServiceSuite,
):
    """Subclass it with the `application` of a service; see this module's docstring."""
