"""What strangers send: a corpus of hostile bodies, headers, targets and frames, and a suite that sends all of it.

```python
from arnia.testing.hostile import HostileService
from delivery.main import create


class TestHostile(HostileService):
    application = staticmethod(create)
```
"""

from arnia.testing.hostile.bodies import BODIES, VALUES
from arnia.testing.hostile.frames import FRAMES
from arnia.testing.hostile.headers import HEADERS
from arnia.testing.hostile.suite import HostileService
from arnia.testing.hostile.targets import QUERIES, SEGMENTS, TARGETS

__all__ = ["BODIES", "FRAMES", "HEADERS", "QUERIES", "SEGMENTS", "TARGETS", "VALUES", "HostileService"]
