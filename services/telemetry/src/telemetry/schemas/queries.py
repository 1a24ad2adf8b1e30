"""What a client may ask."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.schemas import Body

Since = Annotated[AwareDatetime | None, Field(description="From this moment on; a day before the end when absent.")]
Until = Annotated[AwareDatetime | None, Field(description="Until before this moment; now when absent.")]
South = Annotated[float, Field(ge=-90, le=90, description="The southern edge, in degrees.")]
North = Annotated[float, Field(ge=-90, le=90, description="The northern edge, in degrees.")]
West = Annotated[float, Field(ge=-180, le=180, description="The western edge, in degrees.")]
East = Annotated[float, Field(ge=-180, le=180, description="The eastern edge, in degrees.")]


class LastPositionQuery(CollectionQuery):
    """Whose last positions to list."""

    sort: Literal["drone_id"] = Field(
        default="drone_id", description="Order.", json_schema_extra={"enum": ["drone_id"]}
    )
    drone_id: UUID | None = Field(default=None, description="Of this drone only.")


class DistanceQuery(CollectionQuery):
    """Whose distances to list, and when."""

    sort: Literal["drone_id,hour"] = Field(
        default="drone_id,hour", description="Order.", json_schema_extra={"enum": ["drone_id,hour"]}
    )
    drone_id: UUID | None = Field(default=None, description="Of this drone only.")
    since: Since = None
    until: Until = None


class CellQuery(CollectionQuery):
    """Which cells to list, and when."""

    limit: int = Field(default=100, ge=1, le=1000, description="Most items on a page.")
    sort: Literal["latitude,longitude"] = Field(
        default="latitude,longitude", description="Order.", json_schema_extra={"enum": ["latitude,longitude"]}
    )
    since: Since = None
    until: Until = None
    south: South = -90
    west: West = -180
    north: North = 90
    east: East = 180


class ExportQuery(Body):
    """What to export."""

    drone_id: UUID | None = Field(default=None, description="Of this drone only.")
    since: Since = None
    until: Until = None
