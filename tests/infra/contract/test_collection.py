"""The collection for Postman and Bruno asks for each operation as the document has it, and for nothing else."""

import json
import re
from typing import Any

import jsonschema
import pytest

from infra.contract.collection import FILE, SCHEMA, collection_text
from infra.contract.openapi import PUBLISHED

Json = dict[str, Any]


@pytest.fixture(scope="module")
def doc() -> Json:
    return dict(json.loads(PUBLISHED.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def requests() -> dict[str, Json]:
    made = json.loads(FILE.read_text(encoding="utf-8"))
    assert made["info"]["schema"] == SCHEMA
    found = {item["name"]: item["request"] for folder in made["item"] for item in folder["item"]}
    assert len(found) == sum(len(folder["item"]) for folder in made["item"]), "each once"
    return found


def operations(doc: Json) -> dict[str, tuple[str, str, Json]]:
    return {
        told["operationId"]: (method.upper(), path, told)
        for path, methods in doc["paths"].items()
        for method, told in methods.items()
    }


def test_it_is_what_the_document_makes_of_it(doc: Json) -> None:
    assert FILE.read_text(encoding="utf-8") == collection_text(doc), "`make openapi` writes it anew"


def test_each_operation_is_asked_for_by_its_method_path_and_parameters(
    doc: Json, requests: dict[str, Json]
) -> None:
    assert requests.keys() == operations(doc).keys()
    shared = doc["components"]["parameters"]
    for name, (method, path, told) in operations(doc).items():
        request = requests[name]
        url = request["url"]
        assert request["method"] == method
        assert re.sub(r":(\w+)", r"{\1}", "/" + "/".join(url["path"])) == path
        known = [shared[one["$ref"].split("/")[-1]] if "$ref" in one else one for one in told["parameters"]]
        for place, part in (("query", "query"), ("path", "variable")):
            names = {one["name"] for one in known if one["in"] == place}
            assert {one["key"] for one in url.get(part, [])} == names, name
        needed = {one["name"] for one in known if one["in"] == "query" and one.get("required")}
        assert {one["key"] for one in url.get("query", []) if not one.get("disabled")} == needed, name


def test_a_sign_in_leaves_its_token_for_what_follows(doc: Json) -> None:
    made = json.loads(FILE.read_text(encoding="utf-8"))
    items = {item["name"]: item for folder in made["item"] for item in folder["item"]}
    schemas = doc["components"]["schemas"]
    takes = {name for name, item in items.items() if "event" in item}
    assert takes == {"sign_in", "sign_in_client"}
    for name in takes:
        answer = operations(doc)[name][2]["responses"]["200"]["content"]["application/json"]["schema"]
        assert "access_token" in schemas[answer["$ref"].rpartition("/")[2]]["required"]
        (event,) = items[name]["event"]
        assert event["listen"] == "test"
        assert 'collectionVariables.set("access_token"' in "".join(event["script"]["exec"])
    assert '"client_assertion": "{{client_assertion}}"' in items["sign_in_client"]["request"]["body"]["raw"]


def test_every_variable_that_is_used_is_declared(requests: dict[str, Json]) -> None:
    made = json.loads(FILE.read_text(encoding="utf-8"))
    declared = {variable["key"] for variable in made["variable"]}
    used = set(re.findall(r"{{(\w+)}}", json.dumps(made)))
    assert declared == used
    acting = [
        header["value"]
        for request in requests.values()
        for header in request["header"]
        if header["key"] == "X-On-Behalf-Of"
    ]
    assert len(acting) > 10
    assert set(acting) == {"{{on_behalf_of}}"}


def test_what_needs_no_token_sends_none_and_all_else_does(doc: Json, requests: dict[str, Json]) -> None:
    for name, (_, _, told) in operations(doc).items():
        bears = any("bearer" in proof for proof in told["security"])
        assert ("auth" not in requests[name]) == bears, name


def test_each_body_is_right_by_the_documents_own_schema(doc: Json, requests: dict[str, Json]) -> None:
    checked = 0
    for name, (_, _, told) in operations(doc).items():
        content = told.get("requestBody", {}).get("content", {})
        assert ("body" in requests[name]) == bool(content), name
        if "application/json" not in content:
            continue
        schema = content["application/json"]["schema"]
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, **_components(doc)}
        jsonschema.validate(json.loads(requests[name]["body"]["raw"]), whole)
        checked += 1
    assert checked > 100


def _components(doc: Json) -> Json:
    return {"components": {"schemas": doc["components"]["schemas"]}}
