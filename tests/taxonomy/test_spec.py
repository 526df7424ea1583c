"""The schema: in step with the file that editors use, and described."""

from __future__ import annotations

import json

from hiercls.taxonomy import json_schema, shipped
from hiercls.taxonomy.customer_spec import CUSTOMER_FLAGS, CUSTOMER_KEYS, CustomerSpec
from hiercls.taxonomy.spec import MODELINE, SCHEMA_FILE


def test_the_schema_beside_the_taxonomies_is_up_to_date():
    path = shipped("tiny").with_name(SCHEMA_FILE)
    assert json.loads(path.read_text(encoding="utf-8")) == json_schema(), (
        "run: hiercls schema -o taxonomies/" + SCHEMA_FILE
    )


def test_the_shipped_taxonomies_name_their_schema():
    files = sorted(shipped("tiny").parent.glob("*.yaml"))
    assert len(files) >= 3
    assert [file.name for file in files if not file.read_text(encoding="utf-8").startswith(MODELINE)] == []


def test_every_key_is_described():
    schema = json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    for name in ("TaxonomySpec", "CustomerFileSpec", "CustomerSpec"):
        definition = schema["$defs"][name]
        assert definition["additionalProperties"] is False
        assert all(field.get("description") for field in definition["properties"].values())


def test_the_customer_keys_are_those_of_the_schema():
    assert set(CUSTOMER_KEYS) == set(CustomerSpec.model_fields) == {"classes", "costs", *CUSTOMER_FLAGS}
