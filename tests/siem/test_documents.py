"""What a SIEM is sent: valid by the schemas, with what an analyst needs, and nothing that names a person."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

from sentinel.siem import ocsf
from tests.pipeline.installation import Installation
from tests.siem.ecs_fields import ALLOWED, FIELDS
from tests.siem.making import STRANGER, a_life, sent


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Installation]:
    at = await a_life(tmp_path)
    yield at
    await at.store.close()
    at.vault.close()


@pytest.fixture(scope="module")
def schemas() -> dict[int, Draft202012Validator]:
    """The schema of each class, as OCSF publishes it: every attribute known, every required one there."""
    whole = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema(ocsf.VERSION)))
    return {
        uid: Draft202012Validator(whole.get_class_schema(whole.lookup_class_name_from_uid(uid), list(profiles)))
        for uid, profiles in ocsf.PROFILES.items()
    }


async def test_every_document_is_valid_ocsf(life: Installation, schemas: dict[int, Draft202012Validator]) -> None:
    documents = await sent(life, format="ocsf", addresses="prefix")
    assert {each["class_uid"] for each in documents} == {3002, 2004}
    for each in documents:
        assert [error.message for error in schemas[each["class_uid"]].iter_errors(each)] == []
