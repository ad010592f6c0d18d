"""The published contract: each shape a client must be able to read, against the types that are sent."""

import typing
from typing import Any

import msgspec
import pytest

import app  # noqa: F401 - registers every endpoint
from chalicelib.edge.endpoints import ENDPOINTS, Listing

VOUCHER = (
    "id program_id status face_value_fen face holder{name id_number} issued_at claimed_at expires_at "
    "valid_through enrolment_id version allowed_actions projects"
)
CLASS = "id status version allowed_actions policy_version lessons[id] warnings[code detail]"
CLAIM = "id status version count amount_fen lines[id enrolment_id amount_fen status] publicity_ends_on"
BATCH = "id division status count amount_fen digest version lines[line_id institution amount_fen status]"
PROPOSED = "id status version eligible refused already_held"
UPLOAD = "id status upload{url fields expires_at}"
SHAPES = {
    ("POST", "/v1/auth/tokens"): (
        "access_token token_type expires_in refresh_token role division institution"
    ),
    ("POST", "/v1/accounts"): "id activation_code",
    ("POST", "/v1/imports"): UPLOAD,
    ("GET", "/v1/imports/{import_id}"): (
        "id kind status total valid invalid errors[row column code detail] error_sheet"
    ),
    ("POST", "/v1/programs/{program_id}/issuance-batches"): PROPOSED,
    ("POST", "/v1/programs/{program_id}/issuance-batches/{batch_id}/approve"): PROPOSED + " issued",
    ("GET", "/v1/vouchers/{voucher_id}"): VOUCHER,
    ("GET", "/v1/vouchers"): f"items[{VOUCHER}] next",
    ("GET", "/v1/vouchers/{voucher_id}/qr"): "token svg period_seconds expires_at",
    ("POST", "/v1/verifications"): "redeemable reasons voucher holder",
    ("POST", "/v1/enrolments"): (
        "id voucher_id program_id project_id institution status trainee{name id_number}"
    ),
    ("POST", "/v1/classes"): CLASS,
    ("GET", "/v1/classes/{class_id}"): CLASS,
    ("POST", "/v1/classes/{class_id}/return"): CLASS,
    ("PUT", "/v1/classes/{class_id}/roster"): "version accepted errors",
    ("POST", "/v1/lessons/{lesson_id}/check-ins"): (
        "id lesson_id kind outcome status distance_m received_at"
    ),
    ("POST", "/v1/lessons/{lesson_id}/footage"): UPLOAD,
    ("GET", "/v1/lessons/{lesson_id}/footage"): "segments coverage gaps",
    ("GET", "/v1/classes/{class_id}/attendance"): (
        "lessons trainees[enrolment_id hours required_hours share marks]"
    ),
    ("PUT", "/v1/classes/{class_id}/scores"): "version passed failed errors",
    ("GET", "/v1/classes/{class_id}/payability"): (
        "count amount_fen lines[enrolment_id voucher_id payable amount_fen checks[name passed evidence]]"
    ),
    ("POST", "/v1/classes/{class_id}/subsidy-claims"): CLAIM,
    ("GET", "/v1/subsidy-claims/{claim_id}"): CLAIM,
    ("PUT", "/v1/budgets/{division}/{year}"): "appropriated_fen reserved_fen spent_fen version",
    ("GET", "/v1/settlement-batches/{batch_id}"): BATCH,
    ("POST", "/v1/settlement-batches/{batch_id}/export"): "url sha256 count amount_fen",
    ("POST", "/v1/settlement-batches/{batch_id}/results"): "applied refused[row code detail]",
    ("GET", "/v1/ledger/trial-balance"): "debit_fen credit_fen accounts[id debit_fen credit_fen]",
    ("GET", "/v1/audit"): (
        "items[seq at actor role action reason request_id subject before after hash] next"
    ),
}
BY_PLACE = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}


def read_shape(text: str) -> dict[str, Any]:
    """Read `a b{c} d[e]` as names with the shapes below them."""
    shape: dict[str, Any] = {}
    stack = [shape]
    name = ""
    for sign in text + " ":
        if sign in "{[":
            inner: dict[str, Any] = {}
            stack[-1][name] = inner
            stack.append(inner)
            name = ""
        elif sign in " }]":
            if name:
                stack[-1].setdefault(name, {})
            name = ""
            if sign in "}]":
                stack.pop()
        else:
            name += sign
    return shape


def missing(kind: Any, shape: dict[str, Any], path: str = "") -> list[str]:
    """List the promised names that the type does not have."""
    if not shape:
        return []
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Listing:
        item = shape.get("items", {})
        return missing(arguments[0], item, path + "items.") + [n for n in shape if n not in ("items", "next")]
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        inner = [one for one in arguments if one is not type(None)]
        if origin is dict:
            return []
        return missing(inner[0], shape, path) if inner else [path + name for name in shape]
    hints = typing.get_type_hints(kind)
    found = []
    for name, below in shape.items():
        if name not in hints:
            found.append(path + name)
        else:
            found += missing(hints[name], below, f"{path}{name}.")
    return found


@pytest.mark.parametrize("place", SHAPES, ids=" ".join)
def test_every_promised_field_is_sent(place):
    endpoint, shape = BY_PLACE[place], read_shape(SHAPES[place])
    assert missing(endpoint.answer, shape) == []
    for status in {one.status_code for one in endpoint.answers}:
        kinds = [one.answer for one in endpoint.answers if one.status_code == status]
        assert any(missing(kind, shape) == [] for kind in kinds), (
            f"a client that is answered {status} reads it"
        )


def test_the_check_sees_a_missing_field():
    assert missing(BY_PLACE["GET", "/v1/vouchers/{voucher_id}"].answer, read_shape("id colour{red}")) == [
        "colour"
    ]
