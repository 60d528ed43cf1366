"""What all parts of a scenario share: no unknown keys, no conversion of types, no change after the check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from mqtt_sim.errors import ScenarioError


class Part(BaseModel):
    """Base of every part. Making a wrong one raises ScenarioError with all its faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    if not TYPE_CHECKING:

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                from mqtt_sim.scenario.complaint import faults_of

                raise ScenarioError(faults_of(error, type(self)), file=type(self).__name__) from None

        # Tells pydantic that nested parts may be built without calling this: their faults stay with the outer part.
        __init__.__pydantic_base_init__ = True

    def with_(self, **fields: Any) -> Self:
        """A copy with these fields instead, checked like any other. Raises ScenarioError."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{**given, **fields})
