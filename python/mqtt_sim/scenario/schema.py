"""The JSON Schema of scenario files. The package ships it as scenario.schema.json; a test keeps that file current.

`python -m mqtt_sim.scenario.schema` writes it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).resolve().with_name("scenario.schema.json")


def make_schema() -> dict[str, Any]:
    """The schema as the model says it now."""
    from mqtt_sim.scenario.model import Scenario
    from mqtt_sim.scenario.payload import PAYLOAD_KINDS

    schema = Scenario.model_json_schema()
    schema["properties"] = {"$schema": {"type": "string"}, **schema["properties"]}
    for name in ("Producers", "Publish"):
        payload = schema["$defs"][name]["properties"]["payload"]
        schema["$defs"][name]["properties"]["payload"] = {"anyOf": [{"enum": list(PAYLOAD_KINDS[:2])}, payload]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """As the file holds it."""
    return json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
