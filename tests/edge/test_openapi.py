"""The document says what the service does: every endpoint, its roles, its forms, its refusals."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.accounts.rights import RIGHTS
from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC, NoQuery
from chalicelib.edge.openapi import document
from chalicelib.edge.problems import STATUS_OF
from chalicelib.kernel.reasons import REASONS
from chalicelib.sheets.content_types import CSV, XLSX
from tests.support.published import Undocumented, require_published

Json = dict[str, Any]
_REFERENCE = re.compile(r"#/components/(schemas|responses|parameters)/([A-Za-z0-9._-]+)")


@pytest.fixture(scope="module")
def doc() -> Json:
    import app  # noqa: F401 - declares every endpoint

    return document(lambda action: {role.value: scope.value for role, scope in RIGHTS[action].items()})


def _operations(doc: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in doc["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "$ref":
                yield part
            else:
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def test_it_is_plain_json_of_version_3_1(doc: Json) -> None:
    assert json.loads(json.dumps(doc)) == doc
    assert doc["openapi"] == "3.1.0"
    assert {"title", "version"} <= doc["info"].keys()
    assert set(doc) <= {"openapi", "jsonSchemaDialect", "info", "servers", "tags", "paths", "components"}


def test_it_is_valid_by_the_rules_of_openapi(doc: Json) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(doc)


def test_every_endpoint_stands_in_it_once(doc: Json) -> None:
    declared = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert {(method, path) for method, path, _ in _operations(doc)} == declared
    ids = [operation["operationId"] for _, _, operation in _operations(doc)]
    assert len(ids) == len(set(ids)) == len(ENDPOINTS)


def test_every_reference_leads_somewhere(doc: Json) -> None:
    for reference in _references(doc):
        match = _REFERENCE.fullmatch(reference)
        assert match is not None, reference
        assert match[2] in doc["components"][match[1]], reference


def test_every_schema_is_used_and_well_named(doc: Json) -> None:
    used = {reference.rpartition("/")[2] for reference in _references(doc)}
    for name in doc["components"]["schemas"]:
        assert name in used, name
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*_?", name), name


def test_path_parameters_are_declared_exactly(doc: Json) -> None:
    for _, path, operation in _operations(doc):
        declared = [
            parameter["name"] for parameter in operation["parameters"] if parameter.get("in") == "path"
        ]
        assert declared == re.findall(r"{(\w+)}", path)
        names = [
            (parameter.get("in"), parameter.get("name"), parameter.get("$ref"))
            for parameter in operation["parameters"]
        ]
        assert len(names) == len(set(names))


def test_query_parameters_are_those_that_are_parsed(doc: Json) -> None:
    for endpoint in ENDPOINTS:
        operation = doc["paths"][endpoint.path][endpoint.method.lower()]
        names = {parameter["name"] for parameter in operation["parameters"] if parameter.get("in") == "query"}
        kind = endpoint.query
        assert names == (set() if kind is NoQuery else set(kind.__struct_encode_fields__)), endpoint.path


def test_roles_and_proofs_are_told(doc: Json) -> None:
    for endpoint in ENDPOINTS:
        operation = doc["paths"][endpoint.path][endpoint.method.lower()]
        if endpoint.action == PUBLIC:
            assert operation["security"] == ([{}, {"bearer": []}] if endpoint.knows_caller else [])
            continue
        assert operation["x-roles"] == {
            role.value: scope.value for role, scope in RIGHTS[endpoint.action].items()
        }
        proofs = {name for scheme in operation["security"] for name in scheme}
        assert proofs
        assert proofs <= doc["components"]["securitySchemes"].keys()
        assert ("messageSignature" in proofs) == ("platform" in operation["x-roles"])
        assert {"401", "403"} <= operation["responses"].keys()


def test_bodies_and_sheets_are_told(doc: Json) -> None:
    for endpoint in ENDPOINTS:
        operation = doc["paths"][endpoint.path][endpoint.method.lower()]
        assert ("requestBody" in operation) == (endpoint.body is not None or endpoint.sheet)
        if "requestBody" in operation:
            types = set(operation["requestBody"]["content"])
            form = {"application/json"} if endpoint.body is not None else set()
            assert types == form | ({XLSX, CSV} if endpoint.sheet else set())
        key = {"$ref": "#/components/parameters/IdempotencyKey"}
        assert (key in operation["parameters"]) == (endpoint.method == "POST" and endpoint.action != PUBLIC)
        assert str(endpoint.status_code) in operation["responses"]


def test_every_kind_of_answer_is_told(doc: Json) -> None:
    for endpoint in ENDPOINTS:
        responses = doc["paths"][endpoint.path][endpoint.method.lower()]["responses"]
        good = {status: response for status, response in responses.items() if status < "3"}
        told = {(status, kind) for status, response in good.items() for kind in response["content"]}
        sent = {(str(kind.status_code), kind.content_type.partition(";")[0]) for kind in endpoint.answers}
        assert told == sent, endpoint.path


def test_a_sheet_a_link_to_it_and_a_repeat_are_told(doc: Json) -> None:
    statement = doc["paths"]["/v1/statements"]["get"]["responses"]["200"]["content"]
    assert statement.keys() == {"application/json", "text/comma-separated-values"}
    schemas = statement["application/json"]["schema"]["anyOf"]
    shapes = [schema["$ref"].rpartition("/")[2] for schema in schemas]
    assert shapes == ["StatementOfPeriod", "LinkAnswer"]
    for path in (
        "/v1/classes/{class_id}/subsidy-claims",
        "/v1/publicity/{claim_id}/objections",
        "/v1/settlement-batches",
        "/v1/subsidy-claims/{claim_id}/documents",
    ):
        assert {"200", "201"} <= doc["paths"][path]["post"]["responses"].keys()


SEALED = {"items": []}


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (202, "application/json", SEALED),
        (200, "text/csv", SEALED),
        (200, "application/json", {}),
        (200, "application/json", {**SEALED, "colour": "red"}),
        (200, "application/json", {"items": [{"id": 5}]}),
    ],
    ids=["status", "content type", "missing field", "untold field", "wrong type"],
)
def test_what_the_document_does_not_say_fails_the_test_that_is_sent_it(
    status: int, kind: str, body: Json
) -> None:
    require_published("POST", "/v1/settlement-batches", 200, {"Content-Type": "application/json"}, SEALED)
    with pytest.raises(Undocumented):
        require_published("POST", "/v1/settlement-batches", status, {"Content-Type": kind}, body)


def test_every_code_stands_under_its_status(doc: Json) -> None:
    status_by_code: dict[str, int] = {}
    for status in {*STATUS_OF.values(), 500}:
        content = doc["components"]["responses"][f"Problem{status}"]["content"]["application/problem+json"]
        for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]:
            assert code not in status_by_code
            status_by_code[code] = status
    assert status_by_code.keys() == {*REASONS, "internal_error"}
    assert set(doc["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == status_by_code.keys()
