"""The document says what the service does: every endpoint, its roles, its forms, its refusals."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from chalice import Chalice
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from chalicelib.accounts.rights import OF_SOFTWARE_ALONE, RIGHTS, may_be_softwares
from chalicelib.attendance.footage.model import Mismatch
from chalicelib.console.pages import made_document
from chalicelib.edge.answers import leaving as told_of_leaving
from chalicelib.edge.describing import examples, words
from chalicelib.edge.endpoints import ENDPOINTS, PUBLIC, Call, Empty, Endpoint, Leaving, NoQuery
from chalicelib.edge.http import VIEWS, Api
from chalicelib.edge.openapi import NameTwice, at
from chalicelib.edge.problems import INTERNAL_ERROR, status_of
from chalicelib.exchange.webhooks.model import PING, TOLD, events_told, right_of
from chalicelib.kernel.principal import Role
from chalicelib.kernel.reasons import REASONS
from chalicelib.programs.thresholds import Thresholds
from chalicelib.sheets.content_types import BYTES, CSV, XLSX
from tests.architecture.offered_table import KINDS, WAITING_AS
from tests.support.published import Undocumented, require_published

Json = dict[str, Any]
_REFERENCE = re.compile(r"#/components/(schemas|headers|parameters|links|pathItems)/([A-Za-z0-9._-]+)")


@pytest.fixture(scope="module")
def doc() -> Json:
    import app  # noqa: F401 - declares every endpoint

    return made_document()


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
    assert set(doc) <= {
        "openapi",
        "jsonSchemaDialect",
        "info",
        "servers",
        "tags",
        "paths",
        "webhooks",
        "components",
    }


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
            fields = {"application/x-www-form-urlencoded"} if endpoint.takes_fields else set()
            assert types == form | fields | ({XLSX, CSV, BYTES} if endpoint.sheet else set())
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
    assert statement.keys() == {"application/json", CSV}
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
    for method, path, operation in _operations(doc):
        for status, response in operation["responses"].items():
            if status < "4":
                continue
            schema = response["content"]["application/problem+json"]["schema"]
            problem = doc["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            codes = problem["properties"]["code"]["enum"]
            assert codes, (method, path, status)
            for code in codes:
                told = 500 if code == INTERNAL_ERROR else status_of(REASONS[code].kind)
                assert told == int(status), (method, path, code)


def test_an_operation_tells_its_own_codes_and_not_those_of_others(doc: Json) -> None:
    def codes(path: str, method: str) -> set[str]:
        responses = doc["paths"][path][method]["responses"]
        return {
            code
            for status, response in responses.items()
            if status >= "4"
            for code in doc["components"]["schemas"][
                response["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
            ]["properties"]["code"]["enum"]
        }

    redeem = codes("/v1/enrolments", "post")
    assert {"token_expired", "token_replayed", "voucher_already_redeemed", "institution_suspended"} <= redeem
    assert not {"budget_exhausted", "scores_incomplete", "lesson_not_open"} & redeem
    assert codes("/v1/programs", "get") == {
        "invalid_cursor",
        "malformed",
        "time_travel_off",
        "too_many_requests",
        "try_again",
        "internal_error",
    }


def test_only_what_a_program_can_be_given_or_has_as_one_tells_of_a_wanting_scope(doc: Json) -> None:
    telling = set()
    for _, _, operation in _operations(doc):
        refusals = json.dumps(operation["responses"].get("403", {}))
        named = re.search(r"#/components/schemas/(\w+)", refusals)
        codes = doc["components"]["schemas"][named[1]]["properties"]["code"]["enum"] if named else []
        if "insufficient_scope" in codes:
            telling.add(operation["operationId"])
            assert operation["x-software"] is True
    silent = {
        operation["operationId"]
        for _, _, operation in _operations(doc)
        if operation.get("x-software") and operation["operationId"] not in telling
    }
    assert silent == {"read_me"}, "what every program may is wanting to none"
    assert {"read_class", "create_class", "add_client_key", "retire_client_key"} <= telling
    assert not {"approve_class", "ask_for_client", "claim_voucher", "list_programs"} & telling


def test_what_views_can_refuse_was_read_anew() -> None:
    from chalicelib.edge.describing.refusals import FILE
    from infra.contract.refusals import refusals_text

    assert FILE.read_text(encoding="utf-8") == refusals_text(), "make openapi"


# --------------------------------------------------------------------------- what an answer leads to


def test_an_answer_leads_to_what_its_caller_can_ask_next_by_the_ids_in_it(doc: Json) -> None:
    made = doc["paths"]["/v1/classes"]["post"]["responses"]["201"]["links"]
    assert {"read_class", "submit_class", "replace_roster", "submit_subsidy_claim"} <= made.keys()
    assert not {"approve_class", "read_claim_line"} & made.keys()
    link = doc["components"]["links"][made["submit_class"]["$ref"].rpartition("/")[2]]
    assert link == {
        "operationId": "submit_class",
        "parameters": {"class_id": "$response.body#/id"},
        "x-request-body": {"version": "$response.body#/version"},
    }
    redeemed = doc["paths"]["/v1/enrolments"]["post"]["responses"]["201"]["links"]
    assert {"read_voucher", "read_class", "release_enrolment"} <= redeemed.keys()


def test_an_id_leads_to_operations_of_its_own_kind_alone(doc: Json) -> None:
    """Two kinds of batches, and what is made below a lesson, have no lesson's or other batch's id."""
    links = doc["components"]["links"]
    sealed = doc["paths"]["/v1/settlement-batches/{batch_id}"]["get"]["responses"]["200"]["links"]
    assert "export_settlement_batch" in sealed
    assert not {"approve_issuance_batch", "read_issuance_batch"} & sealed.keys()
    for operation, status in (("footage", "201"), ("make-ups", "201")):
        told = doc["paths"][f"/v1/lessons/{{lesson_id}}/{operation}"]["post"]["responses"][status]
        for reference in told.get("links", {}).values():
            parameters = links[reference["$ref"].rpartition("/")[2]]["parameters"]
            assert parameters.get("lesson_id") != "$response.body#/id"


def test_every_link_names_an_operation_and_its_own_parameters(doc: Json) -> None:
    operations = {operation["operationId"]: operation for _, _, operation in _operations(doc)}
    for name, link in doc["components"]["links"].items():
        wanted = {
            one["name"] for one in operations[link["operationId"]]["parameters"] if one.get("in") == "path"
        }
        assert link["parameters"].keys() == wanted, name


def test_what_may_be_done_is_told_by_its_operation(doc: Json) -> None:
    """The table of the document against the one by which a whole story tries each action."""
    by_place = {
        (endpoint.method, re.sub(r"{\w+}", "{}", endpoint.path)): endpoint.name for endpoint in ENDPOINTS
    }
    tried = {
        name: {
            action: by_place[one.method, re.sub(r"{\w+}", "{}", one.path)]
            for action, one in kind.tries.items()
        }
        for kind in KINDS
        for name in kind.answers
    }
    waiting = {kind: tried[name] for kind, name in WAITING_AS.items()}
    offering = 0
    for name, schema in doc["components"]["schemas"].items():
        field = schema.get("properties", {}).get("allowed_actions")
        if field is None:
            continue
        offering += 1
        of_kind = waiting if name == "WaitingItem" else tried[name.removeprefix("Accounts")]
        assert field["x-operations"] == of_kind, name
        actions = of_kind if name != "WaitingItem" else {one for each in of_kind.values() for one in each}
        assert field["items"]["enum"] == sorted(actions)
    assert offering > 30


# --------------------------------------------------------------------------- what is on its way out


@pytest.fixture
def leaving() -> Iterator[tuple[Endpoint, Chalice]]:
    """Give an endpoint that nobody should begin to use any more, and a program that has it."""
    api = Api("leaving")
    since, until = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 6, 30, 16, tzinfo=UTC)

    @api.endpoint(
        "GET",
        "/v1/leaving/of/old",
        action=PUBLIC,
        answer=Empty,
        summary="What is on its way out",
        leaves=Leaving(since=since, until=until, instead="read_class"),
    )
    def read_leaving(_: Call[None, NoQuery]) -> Empty:
        return Empty()

    program = Chalice(app_name="leaving")
    program.register_blueprint(api)
    endpoint = ENDPOINTS[-1]
    try:
        yield endpoint, program
    finally:
        ENDPOINTS.remove(endpoint)
        VIEWS.pop((endpoint.method, endpoint.path))


def _asked(program: Chalice, path: str) -> Json:
    event = {
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {},
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
        "requestContext": {"httpMethod": "GET", "resourcePath": path, "path": path},
    }
    return dict(program(event, None))


def test_what_is_on_its_way_out_says_since_when_and_until_when(leaving: tuple[Endpoint, Chalice]) -> None:
    endpoint, program = leaving
    told = {
        "Deprecation": "@1796083200",
        "Sunset": "Wed, 30 Jun 2027 16:00:00 GMT",
        "Link": '<../../../docs#read_leaving>; rel="deprecation"; type="text/html"',
    }
    assert told_of_leaving(endpoint) == told
    assert told.items() <= _asked(program, endpoint.path)["headers"].items()
    operation = made_document()["paths"][endpoint.path]["get"]
    assert operation["deprecated"] is True
    assert "until 2027-07-01; call read_class instead" in operation["description"]
    headers = operation["responses"]["200"]["headers"]
    assert headers.keys() == {"X-Request-Id", "ETag", "Deprecation", "Sunset", "Link"}
    stays = next(endpoint for endpoint in ENDPOINTS if endpoint.leaves is None)
    assert told_of_leaving(stays) == {}


# --------------------------------------------------------------------------- what tools need


def _schemas_in(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "enum" in value or "type" in value or "anyOf" in value:
            yield value
        for part in value.values():
            yield from _schemas_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _schemas_in(part)


def test_nobody_reads_in_the_public_document_from_where_on_supervision_looks(doc: Json) -> None:
    fields = doc["components"]["schemas"]["Thresholds"]["properties"]
    assert fields.keys() == set(Thresholds.__struct_fields__)
    assert [name for name, field in fields.items() if "default" in field] == []
    shown = json.dumps(examples.recorded(), default=msgspec.to_builtins)
    assert [name for name in Thresholds.__struct_fields__ if f'"{name}"' in shown] == []
    assert '"patterns_stop_payment": null' in shown


def test_no_default_is_null_and_every_enumeration_has_its_type(doc: Json) -> None:
    for schema in _schemas_in(doc["components"]["schemas"]):
        assert schema.get("default", "") is not None
        assert "enum" not in schema or isinstance(schema["type"], str | dict), schema


def test_every_default_is_valid_by_its_own_schema(doc: Json) -> None:
    registry = Registry().with_resource("urn:doc", Resource(contents=doc, specification=DRAFT202012))
    for name, component in doc["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            if "default" in schema:
                pointer = f"urn:doc#/components/schemas/{name}/properties/{field}"
                Draft202012Validator({"$ref": pointer}, registry=registry).validate(schema["default"])


def test_titles_and_names_of_operations_are_unique(doc: Json) -> None:
    titles = [schema["title"] for schema in doc["components"]["schemas"].values() if "title" in schema]
    assert len(titles) == len(set(titles))
    for _, _, operation in _operations(doc):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"])
    assert doc["paths"]["/v1/enrolments"]["post"]["operationId"] == "redeem_voucher"


def test_moments_and_dates_say_so(doc: Json) -> None:
    for name, component in doc["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            if field.endswith("_at"):
                assert '"date-time"' in json.dumps(schema), (name, field)
            if field.endswith("_on") and field != "occurred_on":
                assert '"date' in json.dumps(schema), (name, field)


def test_the_address_is_absolute_and_the_running_service_tells_its_own(doc: Json) -> None:
    assert doc["servers"][0]["url"] == "https://{host}"
    served = at(doc, "https://vouchers.example.cn/api")
    assert [server["url"] for server in served["servers"]] == ["https://vouchers.example.cn/api"]


def test_the_local_clock_is_told_on_the_local_stage_alone(doc: Json) -> None:
    assert "LocalNow" not in doc["components"]["parameters"]
    local = made_document(time_travel=True)
    assert local["components"]["parameters"]["LocalNow"]["name"] == "X-Local-Now"


def test_two_views_of_one_name_are_refused() -> None:
    first = ENDPOINTS[0]
    ENDPOINTS.append(first)
    try:
        with pytest.raises(NameTwice, match=first.name):
            made_document()
    finally:
        ENDPOINTS.pop()


# --------------------------------------------------------------------------- words


def test_every_operation_parameter_and_field_is_told_in_both_languages(doc: Json) -> None:
    chinese = re.compile("[\u4e00-\u9fff]")
    for _, _, operation in _operations(doc):
        name = operation["operationId"]
        assert chinese.search(operation["description"]), name
        assert operation["summary"], name
        for parameter in operation["parameters"]:
            assert "$ref" in parameter or chinese.search(parameter["description"]), (name, parameter)
    for name, component in doc["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            assert chinese.search(schema.get("description", "")), (name, field)
    for tag in doc["tags"]:
        assert chinese.match(tag["description"]), tag


def test_no_word_is_told_that_nothing_needs(doc: Json) -> None:
    operations = list(_operations(doc))
    fields = {
        word
        for name, component in doc["components"]["schemas"].items()
        for field in component.get("properties", {})
        if (word := words.key_of(name, field)) is not None
    }
    parameters = {
        word
        for _, _, one in operations
        for parameter in one["parameters"]
        if "name" in parameter
        for word in (parameter["name"], f"{one['operationId']}.{parameter['name']}")
    }
    told = words.told()
    assert told.operations.keys() <= {one["operationId"] for _, _, one in operations}
    assert told.tags.keys() <= {tag["name"] for tag in doc["tags"]}
    assert told.events.keys() <= doc["webhooks"].keys()
    assert told.types.keys() <= doc["components"]["schemas"].keys()
    assert told.fields.keys() <= fields
    assert told.parameters.keys() <= parameters
    assert told.sheets.keys() == {
        endpoint.name
        for endpoint in ENDPOINTS
        if any(kind.content_type.partition(";")[0] == CSV for kind in endpoint.answers)
    }


def _kinds(schema: Json, schemas: Json) -> set[str]:
    """Tell which kinds of value a field takes; a count is a number, and null is none."""
    if "$ref" in schema:
        return _kinds(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return set().union(*(_kinds(part, schemas) for part in schema["anyOf"]))
    kinds = schema.get("type", [])
    named = {kinds} if isinstance(kinds, str) else set(kinds)
    return {"number" if kind == "integer" else kind for kind in named} - {"null"}


def test_no_text_serves_fields_that_take_different_kinds_of_value(doc: Json) -> None:
    """A text that has to suit a count here and a list there says nothing of either."""
    schemas = doc["components"]["schemas"]
    served: dict[str, dict[str, list[str]]] = {}
    for name, component in schemas.items():
        for field, schema in component.get("properties", {}).items():
            key = words.key_of(name, field)
            for kind in _kinds(schema, schemas) if key is not None else ():
                served.setdefault(str(key), {}).setdefault(kind, []).append(f"{name}.{field}")
    mixed = {key: kinds for key, kinds in served.items() if len(kinds) > 1}
    assert mixed == {}, "tell each by Type.field in words.json"


def test_a_problems_status_is_told_as_that_of_http(doc: Json) -> None:
    for name in ("Problem409", "SignInClientProblem401"):
        assert "HTTP" in doc["components"]["schemas"][name]["properties"]["status"]["description"]


# --------------------------------------------------------------------------- what programs are told, and may do


def test_every_event_is_described_with_its_message_and_an_example_of_it(doc: Json) -> None:
    registry = Registry().with_resource("urn:doc", Resource(contents=doc, specification=DRAFT202012))
    message = {"$ref": "urn:doc#/components/schemas/WebhookMessage"}
    told = {name for table in TOLD.values() for name in table.names} | {PING}
    assert doc["webhooks"].keys() == told == words.told().events.keys()
    names = {operation["operationId"] for _, _, operation in _operations(doc)}
    for name, item in doc["webhooks"].items():
        assert item == {"$ref": f"#/components/pathItems/{name}"}
        post = doc["components"]["pathItems"][name]["post"]
        body = post["requestBody"]["content"]["application/json"]
        assert body["schema"] == {"$ref": "#/components/schemas/WebhookMessage"}
        assert body["example"]["type"] == name
        Draft202012Validator(message, registry=registry).validate(body["example"])
        assert post.get("x-action") == (right_of(name) if name != PING else None)
        assert post["operationId"] not in names
        assert {"2XX", "default"} == post["responses"].keys()
        assert (post["description"], post["summary"]) == words.of_event(name)


def test_the_events_that_can_be_asked_for_are_those_that_are_told(doc: Json) -> None:
    schemas = doc["components"]["schemas"]
    wanted = {"$ref": "#/components/schemas/WebhookEvent"}
    assert schemas["WebhookForm"]["properties"]["events"]["items"] == wanted
    assert set(schemas["WebhookEvent"]["enum"]) == set(events_told(list(RIGHTS)))


def test_what_tries_a_server_can_come_but_cannot_be_asked_for_as_an_event(doc: Json) -> None:
    schemas = doc["components"]["schemas"]
    kind = schemas["WebhookMessage"]["properties"]["type"]["$ref"]
    assert kind == "#/components/schemas/WebhookMessageType"
    assert schemas["WebhookMessageType"]["enum"] == [*schemas["WebhookEvent"]["enum"], PING]
    assert PING not in schemas["WebhookEvent"]["enum"]
    post = doc["components"]["pathItems"][PING]["post"]
    example = post["requestBody"]["content"]["application/json"]["example"]
    assert example["data"]["id"] == example["client_id"], "it is about the program itself"
    told = schemas["WebhookThing"]["properties"]
    assert "cli_" in told["id"]["description"]
    assert "empty" in told["institution"]["description"]


def test_what_software_may_do_is_told_and_whom_it_names_only_where_it_has_to(doc: Json) -> None:
    header = {"$ref": "#/components/parameters/OnBehalfOf"}
    named, softwares = set(), set()
    for endpoint in ENDPOINTS:
        operation = doc["paths"][endpoint.path][endpoint.method.lower()]
        if endpoint.action == PUBLIC:
            assert "x-software" not in operation
            assert header not in operation["parameters"]
            continue
        may = any(may_be_softwares(role, endpoint.action) for role in RIGHTS[endpoint.action])
        assert operation["x-software"] == (may or endpoint.action in OF_SOFTWARE_ALONE), endpoint.name
        softwares |= {endpoint.action} if operation["x-software"] else set()
        named |= {endpoint.name} if header in operation["parameters"] else set()
    assert {"class.write", "class.read", "client.rotate"} <= softwares
    assert not {"client.ask", "client.read", "client.revoke", "client.redrive", "class.approve"} & softwares
    assert {"create_class", "redeem_voucher", "record_scores"} <= named
    assert not {"ask_for_client", "revoke_client", "redrive_webhook", "add_client_key", "read_class"} & named
    for name in named:
        (endpoint,) = (one for one in ENDPOINTS if one.name == name)
        assert endpoint.method != "GET"
        assert may_be_softwares(Role.INSTITUTION, endpoint.action)


def test_a_token_of_either_kind_of_sign_in_is_named(doc: Json) -> None:
    told = doc["components"]["securitySchemes"]["bearer"]["description"]
    assert "POST /v1/auth/tokens" in told
    assert "POST /v1/auth/client-tokens" in told


ELSEWHERE = {
    ("PartRequest", "number"): ("账号", "account"),
    ("PartLinkAnswer", "number"): ("账号", "account"),
    ("RollCallAnswer", "number"): ("账号", "account"),
    ("WebhookAnswer", "client_id"): ("断言", "assertion"),
    ("WebhookMessage", "client_id"): ("断言", "assertion"),
    ("WebhookKey", "kid"): ("断言", "assertion"),
    ("WebhookDelivery", "answered_at"): ("平台", "platform"),
    ("WebhookDelivery", "state"): ("平台", "platform"),
    ("ClassAnswer", "failed"): ("比例", "rate"),
    ("ScoresAnswer", "failed"): ("比例", "rate"),
    ("PayRate", "failed"): ("人数", "How many"),
}
"""What a description must not speak of: it is about another type's field of the same name."""


@pytest.mark.parametrize(("owner", "field"), ELSEWHERE)
def test_a_description_speaks_of_its_own_field(doc: Json, owner: str, field: str) -> None:
    told = doc["components"]["schemas"][owner]["properties"][field]["description"]
    assert not [word for word in ELSEWHERE[owner, field] if word in told]


def test_a_message_to_a_program_has_no_state_that_only_the_platforms_have(doc: Json) -> None:
    schemas = doc["components"]["schemas"]
    states = {"waiting", "pending", "sent", "acknowledged", "dead"}
    assert set(schemas["MessageState"]["enum"]) == states
    assert schemas["WebhookDelivery"]["properties"]["state"]["$ref"].endswith("/MessageState")


def test_why_a_recording_does_not_count_is_one_of_known_words(doc: Json) -> None:
    schemas = doc["components"]["schemas"]
    assert set(schemas["Mismatch"]["enum"]) == {one.value for one in Mismatch}
    for owner in ("SegmentAnswer", "AnnouncedAnswer"):
        kinds = schemas[owner]["properties"]["mismatch"]["anyOf"]
        assert {"$ref": "#/components/schemas/Mismatch"} in kinds


def test_what_is_wrong_with_rows_has_a_schema(doc: Json) -> None:
    schemas = doc["components"]["schemas"]
    for owner in ("RosterAnswer", "ScoresAnswer", "CatalogueAnswer"):
        assert schemas[owner]["properties"]["errors"]["items"] == {"$ref": "#/components/schemas/RowFault"}
    assert {"field", "row", "column", "code", "detail"} == schemas["RowFault"]["properties"].keys()


def test_what_a_dry_run_answers_for_a_sheet_that_cannot_be_applied_is_told() -> None:
    for operation in ("record_scores", "replace_roster"):
        chinese, english = words.meaning_of_parameter(operation, "dry_run")
        assert "422" in chinese
        assert "200" in english


def test_an_answer_that_can_be_kept_tells_its_tag_and_every_answer_its_request(doc: Json, api: Any) -> None:
    tagged = set()
    for item in doc["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                assert response["headers"]["X-Request-Id"] == {"$ref": "#/components/headers/XRequestId"}
                if "ETag" in response["headers"]:
                    tagged.add((operation["operationId"], status))
    kept = {endpoint.name for endpoint in ENDPOINTS if endpoint.is_kept}
    assert tagged == {(name, status) for name in kept for status in ("200", "304")}
    first = api().get("/v1/projects")
    again = api().get("/v1/projects", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status) == (200, 304)
    assert first.headers["X-Request-Id"]
    assert again.headers["X-Request-Id"]


def test_a_phone_is_named_alike_in_the_header_and_in_the_body(doc: Json) -> None:
    header = doc["components"]["parameters"]["DeviceId"]["schema"]
    field = doc["components"]["schemas"]["EnrolmentRequest"]["properties"]["device_id"]
    for limit in ("minLength", "maxLength"):
        assert header[limit] == field[limit]
    assert field["pattern"].removesuffix("(?!\\n)") == header["pattern"]


def test_whoever_acts_through_a_program_is_named_by_the_name_they_sign_in_with(doc: Json) -> None:
    told = doc["components"]["parameters"]["OnBehalfOf"]["description"]
    assert "登录用的账号名" in told
    assert "by the name they sign in with, not an id (acc_…)" in told
