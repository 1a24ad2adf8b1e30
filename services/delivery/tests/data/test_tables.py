"""The table against its migrations, and the listing against its indexes."""

from pathlib import Path

import pytest

from arnia.chassis.migrations import downgrade, drift, upgrade
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import assert_index_used
from delivery.models.deliveries import Status
from delivery.repositories.deliveries import Sort
from delivery.repositories.sql import GET, find
