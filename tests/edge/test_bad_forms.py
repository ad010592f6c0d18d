"""What people write and what is wrong with a form: every mistake named, in the reader's own language."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import app  # noqa: F401 - declares every endpoint
from chalicelib.console.pages import api_document
from chalicelib.edge.endpoints import ENDPOINTS, Endpoint
from chalicelib.edge.forms import Form, parse_json, parse_query
from chalicelib.edge.misfits import is_words, metas_of
from chalicelib.edge.problems import problem_of
from chalicelib.kernel.errors import Malformed
from chalicelib.kernel.reasons import FORMS, form_sentence
from tests.e2e.contract import Operation, operations_of
from tests.subsidies.scored import Money, scored_class

SENTENCE_OF_A_LIBRARY = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}|`|regex|RFC")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
BAD = (
    12345,
    -1,
    1.5,
    10**30,
    "x",
    "",
    " ",
    "a\x00b",
    "x" * 5000,
    True,
    None,
    [],
    ["x", 5],
    {},
    {"x": 1},
    "0001-01-01",
)
BY_PLACE = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}


def _wrong(operation: Operation) -> Iterator[Any]:
    """Make bodies that are wrong in every property at once, each in one way, and in every nested one."""
    sound = operation.sound_body()
    for value in BAD:
        yield dict.fromkeys(operation.properties, value)
        yield {name: _spoilt(part, value) for name, part in sound.items()}
        for name, schema in operation.properties.items():
            if "array" in operation.kinds(schema):
                item = operation.sample(operation.resolved(schema).get("items", {}))
                yield {**sound, name: [_spoilt(item, value), item]}


def _spoilt(sound: Any, value: Any) -> Any:
    return (
        {name: _spoilt(part, value) for name, part in sound.items()}
        if isinstance(sound, dict) and sound
        else value
    )


def _refusals(operation: Operation) -> Iterator[Malformed]:
    endpoint = BY_PLACE[operation.method, operation.path]
    if endpoint.body is not None:
        for body in _wrong(operation):
            try:
                parse_json(json.dumps(body).encode(), endpoint.body)
            except Malformed as refusal:
                yield refusal
    for value in ("x", "", "-1", "9" * 40, "0001-01-01", "a\x00b", "2026-13-45"):
        try:
            parse_query(dict.fromkeys(operation.query, value), endpoint.query)
        except Malformed as refusal:
            yield refusal


OPERATIONS = operations_of(api_document())


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_no_library_speaks_in_an_answer(operation: Operation) -> None:
    for refusal in _refusals(operation):
        chinese = problem_of(refusal, request_id="req_test", english=False)
        english = problem_of(refusal, request_id="req_test", english=True)
        for fault in [{"detail": chinese.title}, {"detail": chinese.detail}, *(chinese.errors or [])]:
            sentence = str(fault["detail"]).replace(str(fault.get("field")), "")
            assert CHINESE.search(sentence), fault
            assert not SENTENCE_OF_A_LIBRARY.search(_without_values(sentence)), fault
        for fault in english.errors or []:
            assert not CHINESE.search(str(fault["detail"])), fault
            assert "`" not in str(fault["detail"]), fault


def _without_values(sentence: str) -> str:
    """Leave out what is no sentence: the values that are allowed, the pattern that is to be matched."""
    return re.sub(r"(只能是：|应符合 ).*", "", sentence)


def test_each_form_has_both_sentences() -> None:
    for form, sentences in FORMS.items():
        facts = dict.fromkeys(re.findall(r"{(\w+)}", "".join(sentences)), "x")
        assert CHINESE.search(form_sentence(form, facts))
        assert not CHINESE.search(form_sentence(form, facts, english=True))


# --------------------------------------------------------------------------- words


def _forms(kind: Any, forms: dict[type[Form], Endpoint], endpoint: Endpoint) -> None:
    for member in (kind, *getattr(kind, "__args__", ())):
        if isinstance(member, type) and issubclass(member, Form) and member not in forms:
            forms[member] = endpoint
            for field in msgspec.structs.fields(member):
                _forms(field.type, forms, endpoint)
        elif member is not kind:
            _forms(member, forms, endpoint)


PEOPLE_WRITE = {
    "reason",
    "comment",
    "bank_reference",
    "contact",
    "evidence",
    "qualification",
    "topic",
    "room",
    "address",
}
PLATFORM_WRITES = {"/v1/exchange/acknowledgements"}


def test_whatever_people_write_is_held_to_be_words() -> None:
    forms: dict[type[Form], Endpoint] = {}
    for endpoint in ENDPOINTS:
        for kind in (endpoint.body, endpoint.query):
            _forms(kind, forms, endpoint)
    assert len(forms) > 60
    for form, endpoint in forms.items():
        for field in msgspec.structs.fields(form):
            if field.encode_name in PEOPLE_WRITE and endpoint.path not in PLATFORM_WRITES:
                assert any(map(is_words, metas_of(field.type))), (form, field.encode_name)


REASON = BY_PLACE["POST", "/v1/subsidy-claims/{claim_id}/return"].body
DECIDE = BY_PLACE["POST", "/v1/claim-decisions"].body


@pytest.mark.parametrize(
    "reason",
    ["", " ", "\n\t\u3000", "a\x00b", "\x1b[31m", "\u202e付款", "\u200b", "\ufeff", "a\x7f", "\u2028"],
)
def test_blanks_controls_and_what_nobody_sees_are_no_reason(reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_json(json.dumps({"version": 1, "reason": reason}).encode(), REASON)
    assert [fault.field for fault in refused.value.faults] == ["reason"]


def test_lines_may_be_broken_and_the_ends_are_trimmed() -> None:
    sent = {"version": 1, "reason": " 缺少签到表：\n\t第 2 课。 \n"}
    assert parse_json(json.dumps(sent).encode(), REASON).reason == "缺少签到表：\n\t第 2 课。"


def test_a_comment_of_blanks_is_none() -> None:
    kind = BY_PLACE["POST", "/v1/subsidy-claims/{claim_id}/review"].body
    assert parse_json(b'{"version": 1, "comment": "  "}', kind).comment is None


def test_a_bank_reference_is_one_line() -> None:
    kind = BY_PLACE["POST", "/v1/settlement-batches/{batch_id}/results"].body
    row = {
        "line_id": "l",
        "status": "paid",
        "amount_fen": 1,
        "paid_on": "2026-09-30",
        "bank_reference": "a\nb",
    }
    with pytest.raises(Malformed):
        parse_json(json.dumps({"results": [row]}).encode(), kind)


# --------------------------------------------------------------------------- every mistake at once


def test_what_other_fields_ask_for_is_named_with_every_other_mistake() -> None:
    kind = BY_PLACE["POST", "/v1/settlement-batches/{batch_id}/results"].body
    rows = [
        {"line_id": "l", "status": "paid", "amount_fen": 1},
        {"line_id": "l", "status": "paid", "amount_fen": "x", "paid_on": "2026-13-01"},
        {"line_id": "l", "status": "failed", "amount_fen": 1},
    ]
    with pytest.raises(Malformed) as refused:
        parse_json(json.dumps({"results": rows}).encode(), kind)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [
        ("results[0].paid_on", "missing_field"),
        ("results[0].bank_reference", "missing_field"),
        ("results[1].amount_fen", "wrong_type"),
        ("results[1].paid_on", "wrong_type"),
        ("results[1].bank_reference", "missing_field"),
    ]


def test_each_entry_of_a_list_of_texts_is_judged() -> None:
    kind = BY_PLACE["PUT", "/v1/projects/{project_id}"].body
    with pytest.raises(Malformed) as refused:
        parse_json(json.dumps({"programs": ["ok", 5, "x" * 90]}).encode(), kind)
    fields = {fault.field: fault.form for fault in refused.value.faults}
    assert (fields["programs[1]"], fields["programs[2]"]) == ("text", "too_long")


def test_a_blank_reason_decides_nothing(world: Any) -> None:
    """In bulk decisions, with rejected lines and of objections as in single ones."""
    money = Money(world)
    claim = money.claim(scored_class(world, 2))
    decision = {"claim_id": claim["id"], "version": claim["version"], "action": "return", "reason": " "}
    many = money.api("clerk").post("/v1/claim-decisions", {"decisions": [decision]}, at=money.now)
    assert (many.status, many.json["errors"][0]["field"]) == (400, "decisions[0].reason")
    assert "空格" in many.json["errors"][0]["detail"]
    line = {"id": claim["lines"][0]["id"], "reason": " "}
    single = money.decide("clerk", claim, "review", rejected_lines=[line])
    assert (single.status, single.json["errors"][0]["field"]) == (400, "rejected_lines[0].reason")
    body = {"version": 1, "outcome": "upheld", "reason": "  "}
    resolved = money.api("supervisor").post("/v1/objections/obj_x/resolve", body, at=money.now)
    assert (resolved.status, resolved.json["errors"][0]["field"]) == (400, "reason")


@pytest.mark.parametrize("word", ["null", "NULL", "Null"])
def test_the_word_null_is_no_value_of_a_filter(api, world, word):
    for path, name in (("/v1/vouchers", "status"), ("/v1/classes", "opens_from"), ("/v1/waiting", "kind")):
        refused = api("province").get(path, {name: word}, at=world.now)
        assert (refused.status, refused.json["code"]) == (400, "malformed"), (path, refused.text)
        assert [fault["field"] for fault in refused.json["errors"]] == [name]
    assert api("province").get("/v1/classes", {"named": word}, at=world.now).status == 200
