"""The attack suite of a service: whatever its OpenAPI document describes is attacked, and nothing of it gives way.

```python
from arnia.testing.attacks import AttackedService
from delivery.main import create


class TestAttacked(AttackedService):
    application = staticmethod(create)
```

Each attack is named: those without a token (`CREDENTIALS`, `PLACES`), those with a good token of too little
(`PRIVILEGES`, `MEMBERS`), tokens that are good for something else (`impostors`) or forged
(`arnia.testing.forgeries`), and frames on a connection. After RFC 8725, RFC 9700, RFC 6750 and OWASP's API Top 10.
"""

from arnia.testing.attacks.credentials import CREDENTIALS
from arnia.testing.attacks.places import PLACES
from arnia.testing.attacks.privileges import MEMBERS, PRIVILEGES
from arnia.testing.attacks.suite import AttackedService

__all__ = ["CREDENTIALS", "MEMBERS", "PLACES", "PRIVILEGES", "AttackedService"]
