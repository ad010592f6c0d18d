"""The document against the released one: what would break an integration is named before it is handed out."""

import copy
import json
from typing import Any

import pytest

from infra.contract.compatible import RELEASED, breaks, outline
from infra.contract.openapi import PUBLISHED

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    return dict(json.loads(PUBLISHED.read_text(encoding="utf-8")))


def test_nothing_that_was_released_is_broken(document: Json) -> None:
    """If a break is meant: into the changelog of /docs, then `make release`."""
    assert breaks(json.loads(RELEASED.read_text(encoding="utf-8")), outline(document)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["paths"].pop("/v1/verifications"), "verify_voucher: the operation is gone"),
        (
            lambda d: d["paths"].update({"/v1/scan": d["paths"].pop("/v1/verifications")}),
            "verify_voucher: moved from POST /v1/verifications to POST /v1/scan",
        ),
        (
            lambda d: _schema(d, "VersionReason")["properties"].pop("reason"),
            "return_class: no longer takes .reason",
        ),
        (
            lambda d: _schema(d, "VersionBody")["required"].append("comment"),
            "confirm_account: now requires .comment",
        ),
        (
            lambda d: _schema(d, "ImportRequest")["properties"]["kind"]["enum"].remove("graduates"),
            "announce_import: no longer takes graduates as .kind",
        ),
        (
            lambda d: _schema(d, "ClassAnswer")["properties"].pop("lessons"),
            "create_class: no longer answers 201 .lessons",
        ),
        (
            lambda d: _schema(d, "ClassAnswer")["required"].remove("status"),
            "create_class: may leave out 201 .status",
        ),
        (
            lambda d: _schema(d, "ClassAnswer")["properties"]["version"].update(type="string"),
            "create_class: answers 201 .version as string, not integer",
        ),
        (lambda d: d["webhooks"].pop("class.approved"), "told_class_approved: the operation is gone"),
        (
            lambda d: _schema(d, "WebhookThing")["properties"].pop("version"),
            "told_class_approved: no longer answers sends .data.version",
        ),
    ],
)
def test_a_breaking_change_is_named(document: Json, change: Any, told: str) -> None:
    changed = copy.deepcopy(document)
    change(changed)
    assert told in breaks(outline(document), outline(changed))


def test_what_only_adds_breaks_nothing(document: Json) -> None:
    changed = copy.deepcopy(document)
    _schema(changed, "ClassAnswer")["properties"]["colour"] = {"type": "string"}
    _schema(changed, "VersionBody")["properties"]["colour"] = {"type": "string"}
    assert breaks(outline(document), outline(changed)) == []


def _schema(document: Json, name: str) -> Json:
    schema = document["components"]["schemas"][name]
    kind = schema.get("properties", {}).get("kind", {})
    if "$ref" in kind:
        schema["properties"]["kind"] = copy.deepcopy(_schema(document, kind["$ref"].rpartition("/")[2]))
    return schema


def test_the_changelog_on_docs_tells_of_the_version_that_is_served(document: Json, api: Any) -> None:
    from chalicelib.edge.describing.words import releases

    newest = releases()[0]
    assert newest.version == document["info"]["version"]
    for language, sentence in (("zh-CN", newest.zh), ("en", newest.en)):
        page = api().get("/docs", headers={"Accept-Language": language})
        assert sentence in page.text
