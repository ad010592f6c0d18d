"""What each answer with `allowed_actions` is about, where it is read, and how each of its actions is tried.

A new answer type that carries `allowed_actions` needs a row in `KINDS`; a new endpoint that gives one a row in
`READS`; a new action a row in the kind's `tries`. The tests of `test_offered.py` say which is missing.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from chalicelib.edge.endpoints import ENDPOINTS, Endpoint
from chalicelib.edge.misfits import members_of
from chalicelib.kernel.calendar import shanghai_date
from tests.classes.builders import DAY, application
from tests.support.people import HEFEI_SCHOOL

Thing = Mapping[str, Any]
"""A resource as some caller was shown it, with the ids of what it was found in (`class_id`, `program_id`)."""
Body = Callable[[Any, Thing], Any]


@dataclass(frozen=True)
class Try:
    """A request: its path is filled in from the thing; `body` gives what is sent, nothing with a GET."""

    method: str
    path: str
    body: Body | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of thing: by which field it is known, how each action is tried, and which answers show it."""

    name: str
    id_field: str
    tries: Mapping[str, Try]
    answers: tuple[str, ...]


def versioned(_: Any, thing: Thing) -> Any:
    return {"version": thing["version"]}


def reasoned(_: Any, thing: Thing) -> Any:
    return {"version": thing["version"], "reason": "已核实"}


def typed(_: Any, thing: Thing) -> Any:
    return reasoned(_, thing) | {"number": "6222020000000009993"}


def reason(_: Any, __: Thing) -> Any:
    return {"reason": "已核实"}


def nothing(_: Any, __: Thing) -> Any:
    return {}


def _edit(story: Any, thing: Thing) -> Any:
    return application(story.world, name="互联网营销二班") | versioned(story, thing)


def _roster(story: Any, thing: Thing) -> Any:
    return versioned(story, thing) | {
        "rows": [{"enrolment_id": one} for one in story.rosters.get(thing["id"], ())]
    }


def _scores(story: Any, thing: Thing) -> Any:
    rows = story.rosters.get(thing["id"], ())
    marks = [{"enrolment_id": one, "theory": 81, "practice": 82} for one in rows]
    return reasoned(story, thing) | {"rows": marks}


def _change(story: Any, thing: Thing) -> Any:
    from tests.classes.changes.test_changes import wanted

    return reasoned(story, thing) | {"lessons": wanted(story.room, _4=15 * DAY)}


def _claim(story: Any, _: Thing) -> Any:
    return {"declared_count": story.payable[0], "declared_amount_fen": story.payable[1]}


def _claim_of_class(story: Any, thing: Thing) -> Any:
    payable = story.api("institution").get(f"/v1/classes/{thing['id']}/payability", at=story.now).json
    return {
        "declared_count": payable.get("count") or 1,
        "declared_amount_fen": payable.get("amount_fen") or 1,
    }


def _results(story: Any, thing: Thing) -> Any:
    return {"results": story.results_of(thing)}


def _repay(story: Any, _: Thing) -> Any:
    day = shanghai_date(story.now).isoformat()
    return {"amount_fen": 1, "received_on": day, "bank_reference": "R-9"}


def _correct(story: Any, thing: Thing) -> Any:
    """Say the contrary of what is known of a line's last payment."""
    known = thing["attempts"][-1] if thing["attempts"] else {"amount_fen": 1}
    if thing["status"] == "paid":
        return {"to": "failed", "amount_fen": known["amount_fen"], "reason": "录入错误"}
    day = shanghai_date(story.now).isoformat()
    paid = {"paid_on": day, "bank_reference": "R-8"}
    return {"to": "paid", "amount_fen": known["amount_fen"], "reason": "银行更正", **paid}


def _policy(_: Any, thing: Thing) -> Any:
    return {"version": thing["version"], "policy": thing["policy"], "reason": "试行"}


def _found(_: Any, thing: Thing) -> Any:
    entered = {"version": thing["entry"]["version"]} if thing["entry"] else {}
    return {"outcome": "in_order"} | entered


def _restore(story: Any, thing: Thing) -> Any:
    tomorrow = (shanghai_date(story.now) + DAY).isoformat()
    return {"reason": "已核实"} | ({"extended_to": tomorrow} if thing["valid_through"] < tomorrow else {})


def _issue(story: Any, thing: Thing) -> Any:
    return {"import_id": thing["id"], "declared_count": thing["valid"]}


def _post(path: str, **bodies: Body) -> dict[str, Try]:
    """Name actions that are all `POST …/<action>`."""
    return {action: Try("POST", f"{path}/{action}", body) for action, body in bodies.items()}


_CLASS = "/v1/classes/{id}"
_CHANGE = "/v1/classes/{class_id}/changes/{id}"
_LINE = "/v1/claim-lines/{id}"
_PROGRAM = "/v1/programs/{program_id}/issuance-batches"
_OTHER_PROGRAM = "/v1/programs/{other_program_id}/issuance-batches"
KINDS = (
    Kind(
        "class",
        "id",
        {
            "edit": Try("PUT", _CLASS, _edit),
            "roster": Try("PUT", f"{_CLASS}/roster", _roster),
            "scores": Try("PUT", f"{_CLASS}/scores", _scores),
            "change": Try("POST", f"{_CLASS}/changes", _change),
            "change_approve": Try("POST", f"{_CLASS}/changes/{{open_change_id}}/approve", versioned),
            "change_reject": Try("POST", f"{_CLASS}/changes/{{open_change_id}}/reject", reasoned),
            "change_withdraw": Try("POST", f"{_CLASS}/changes/{{open_change_id}}/withdraw", versioned),
            "completion_submit": Try("POST", f"{_CLASS}/completion/submit", versioned),
            "completion_approve": Try("POST", f"{_CLASS}/completion/approve", versioned),
            "completion_return": Try("POST", f"{_CLASS}/completion/return", reasoned),
            "claim": Try("POST", f"{_CLASS}/subsidy-claims", _claim_of_class),
            "cancel_approve": Try("POST", f"{_CLASS}/cancel/approve", versioned),
            "cancel_refuse": Try("POST", f"{_CLASS}/cancel/refuse", reasoned),
            **_post(
                _CLASS,
                submit=versioned,
                approve=versioned,
                cancel=reasoned,
                close=reasoned,
                **{"return": reasoned},
            ),
        },
        ("ClassAnswer", "ClassSummary"),
    ),
    Kind(
        "change",
        "id",
        _post(_CHANGE, approve=versioned, reject=reasoned, withdraw=versioned),
        ("ChangeAnswer",),
    ),
    Kind(
        "enrolment",
        "id",
        _post("/v1/enrolments/{id}", release=reason, withdraw=reason),
        ("EnrolmentAnswer", "WithdrawnAnswer"),
    ),
    Kind(
        "voucher",
        "id",
        {
            **_post("/v1/vouchers/{id}", claim=nothing, revoke=reasoned, restore=_restore),
            "confirm_restore": Try("POST", "/v1/vouchers/{id}/restore/confirm", nothing),
            "show_qr": Try("GET", "/v1/vouchers/{id}/qr"),
        },
        ("VoucherAnswer", "RevokedAnswer"),
    ),
    Kind(
        "issuance batch",
        "id",
        _post(_PROGRAM + "/{id}", approve=versioned, reject=reasoned),
        ("IssuanceBatchAnswer",),
    ),
    # A list may be issued by any program: the one it was issued by would have nobody left to give a voucher to.
    Kind("import", "id", {"propose": Try("POST", _OTHER_PROGRAM, _issue)}, ("ImportSummary", "ImportAnswer")),
    Kind(
        "rename",
        "row",
        _post("/v1/imports/{import_id}/renames/{row}", confirm=versioned, refuse=reasoned),
        ("RenameAnswer",),
    ),
    Kind(
        "institution",
        "uscc",
        _post("/v1/institutions/{uscc}", suspend=reasoned, reinstate=reasoned),
        ("OwnInstitutionAnswer",),
    ),
    Kind(
        "account",
        "id",
        _post("/v1/accounts/{id}", disable=reasoned, reset=versioned, confirm=versioned),
        ("AccountAnswer", "InvitationAnswer"),
    ),
    Kind(
        "client",
        "id",
        _post("/v1/clients/{id}", confirm=versioned, refuse=reasoned, revoke=reasoned),
        ("ClientAnswer",),
    ),
    Kind(
        "webhook",
        "client_id",
        _post("/v1/clients/{client_id}/webhook", redrive=reason),
        ("WebhookAnswer",),
    ),
    Kind(
        "program",
        "id",
        {"change_policy": Try("POST", "/v1/programs/{id}/policy", _policy)},
        ("ProgramAnswer",),
    ),
    Kind(
        "claim",
        "id",
        {
            "submit": Try("POST", "/v1/classes/{class_id}/subsidy-claims", _claim),
            "withdraw_approval": Try("POST", "/v1/subsidy-claims/{id}/approve/withdraw", reasoned),
            **_post(
                "/v1/subsidy-claims/{id}",
                review=versioned,
                approve=versioned,
                reject=reasoned,
                **{"return": reasoned},
            ),
        },
        ("ClaimHead", "ClaimAnswer"),
    ),
    Kind(
        "line",
        "id",
        {
            **_post(_LINE, reject=reasoned, reverse=reason, release=reason, correct=_correct),
            "confirm_correction": Try("POST", f"{_LINE}/correct/confirm", nothing),
            "cancel_correction": Try("POST", f"{_LINE}/correct/cancel", reasoned),
            "confirm_reversal": Try("POST", f"{_LINE}/reverse/confirm", nothing),
            "cancel_reversal": Try("POST", f"{_LINE}/reverse/cancel", reasoned),
            "repay": Try("POST", f"{_LINE}/repayments", _repay),
            "confirm_repayment": Try("POST", f"{_LINE}/repayments/confirm", nothing),
            "cancel_repayment": Try("POST", f"{_LINE}/repayments/cancel", reasoned),
        },
        ("SettledLine",),
    ),
    Kind(
        "settlement batch",
        "id",
        _post("/v1/settlement-batches/{id}", export=nothing, results=_results),
        ("BatchHead", "BatchAnswer"),
    ),
    Kind(
        "override", "id", _post("/v1/overrides/{id}", confirm=versioned, refuse=reasoned), ("OverrideAnswer",)
    ),
    Kind(
        "objection",
        "id",
        _post(
            "/v1/objections/{id}",
            resolve=lambda story, thing: reasoned(story, thing) | {"outcome": "dismissed"},
        ),
        ("ObjectionAnswer",),
    ),
    Kind("make-up", "id", _post("/v1/make-ups/{id}", approve=reasoned, reject=reasoned), ("MakeUpAnswer",)),
    Kind(
        "check-in",
        "id",
        _post("/v1/lessons/{lesson_id}/check-ins/{id}", accept=reasoned, reject=reasoned),
        ("RecordedCheckInAnswer",),
    ),
    Kind(
        "delivery",
        "message_id",
        {
            **_post("/v1/exchange/deliveries/{message_id}", redrive=nothing),
            "pass_over": Try("POST", "/v1/exchange/deliveries/{message_id}/pass-over", reason),
            "confirm_pass_over": Try(
                "POST", "/v1/exchange/deliveries/{message_id}/pass-over/confirm", reason
            ),
        },
        ("DeliveryAnswer",),
    ),
    Kind(
        "payee account",
        "id",
        _post("/v1/institutions/{institution}/payee/{id}", confirm=typed, refuse=reasoned),
        ("PayeeAnswer",),
    ),
    Kind("hold", "id", _post("/v1/holds/{id}", release=reasoned), ("HoldRecordAnswer", "PlacedHoldAnswer")),
    Kind(
        "risk case",
        "id",
        _post(
            "/v1/risk-cases/{id}",
            take=versioned,
            resolve=lambda story, thing: reasoned(story, thing) | {"outcome": "confirmed"},
        ),
        ("RiskCaseAnswer", "RiskCaseDetail"),
    ),
    Kind(
        "subject of a sample",
        "subject",
        {"enter": Try("PUT", "/v1/inspections/{inspection_id}/entries/{subject}", _found)},
        ("DrawnAnswer",),
    ),
    Kind("footage", "id", {}, ("awaited recording",)),
    Kind("dead letters", "queue", _post("/v1/dead-letters/{queue}", redrive=nothing), ("DeadLettersAnswer",)),
)
KIND_OF: Mapping[str, Kind] = {answer: kind for kind in KINDS for answer in kind.answers}
WAITING = "WaitingItem"
WAITING_AS: Mapping[str, str] = {
    "class": "ClassAnswer",
    "completion": "ClassAnswer",
    "marks": "ClassAnswer",
    "claim_due": "ClassAnswer",
    "change": "ChangeAnswer",
    "check_in": "RecordedCheckInAnswer",
    "make_up": "MakeUpAnswer",
    "idle_voucher": "EnrolmentAnswer",
    "subsidy_claim": "ClaimAnswer",
    "stopped_claim": "ClaimAnswer",
    "override": "OverrideAnswer",
    "issuance_batch": "IssuanceBatchAnswer",
    "risk_case": "RiskCaseDetail",
    "account": "AccountAnswer",
    "client": "ClientAnswer",
    "payee": "PayeeAnswer",
    "hold": "HoldRecordAnswer",
    "objection": "ObjectionAnswer",
    "settlement_batch": "BatchAnswer",
    "claim_line": "SettledLine",
    "rename": "RenameAnswer",
    "restoration": "VoucherAnswer",
    "footage": "awaited recording",
    "delivery": "DeliveryAnswer",
    "webhook": "WebhookAnswer",
}
"""As what each kind of thing that waits is shown elsewhere: it offers the same there."""

WITHIN: Mapping[str, str] = {
    "change": "class_id",
    "check_in": "lesson_id",
    "issuance_batch": "program_id",
    "payee": "institution",
    "rename": "import_id",
}
"""As what the address of each kind names what it stands in."""

Paths = Callable[[Any], list[str]]


def _always(path: str) -> Paths:
    return lambda _: [path]


def _each(path: str, ids: str) -> Paths:
    return lambda story: [path.format(one) for one in getattr(story, ids)]


READS: Mapping[tuple[str, str], Paths] = {
    ("GET", "/v1/classes"): _always("/v1/classes"),
    ("GET", "/v1/classes/{class_id}"): _each("/v1/classes/{}", "class_ids"),
    ("GET", "/v1/classes/{class_id}/changes"): _each("/v1/classes/{}/changes", "class_ids"),
    ("GET", "/v1/enrolments"): _always("/v1/enrolments"),
    ("GET", "/v1/enrolments/{enrolment_id}"): _each("/v1/enrolments/{}", "enrolment_ids"),
    ("GET", "/v1/vouchers"): _always("/v1/vouchers"),
    ("GET", "/v1/vouchers/{voucher_id}"): _each("/v1/vouchers/{}", "voucher_ids"),
    ("GET", "/v1/programs"): _always("/v1/programs"),
    ("GET", "/v1/programs/{program_id}"): lambda story: [f"/v1/programs/{story.program_id}"],
    ("GET", "/v1/programs/{program_id}/issuance-batches"): lambda story: [
        f"/v1/programs/{story.program_id}/issuance-batches"
    ],
    ("GET", "/v1/programs/{program_id}/issuance-batches/{batch_id}"): lambda story: [
        f"/v1/programs/{story.program_id}/issuance-batches/{one}" for one in story.issuance_ids
    ],
    ("GET", "/v1/imports"): _always("/v1/imports"),
    ("GET", "/v1/imports/{import_id}/renames"): _each("/v1/imports/{}/renames", "import_ids"),
    ("GET", "/v1/imports/{import_id}"): _each("/v1/imports/{}", "import_ids"),
    ("GET", "/v1/institutions/{uscc}"): _always(f"/v1/institutions/{HEFEI_SCHOOL}"),
    ("GET", "/v1/accounts"): _always("/v1/accounts"),
    ("GET", "/v1/clients"): _always("/v1/clients"),
    ("GET", "/v1/clients/{client_id}"): _each("/v1/clients/{}", "client_ids"),
    ("GET", "/v1/clients/{client_id}/webhook"): _each("/v1/clients/{}/webhook", "told_ids"),
    ("GET", "/v1/subsidy-claims"): _always("/v1/subsidy-claims"),
    ("GET", "/v1/subsidy-claims/{claim_id}"): _each("/v1/subsidy-claims/{}", "claim_ids"),
    ("GET", "/v1/claim-lines"): _always("/v1/claim-lines?flag=late_ineligibility"),
    ("GET", "/v1/claim-lines/{line_id}"): _each("/v1/claim-lines/{}", "line_ids"),
    ("GET", "/v1/settlement-batches"): _always("/v1/settlement-batches"),
    ("GET", "/v1/settlement-batches/{batch_id}"): _each("/v1/settlement-batches/{}", "batch_ids"),
    ("GET", "/v1/classes/{class_id}/overrides"): _each("/v1/classes/{}/overrides", "class_ids"),
    ("GET", "/v1/objections"): lambda story: [
        "/v1/objections",
        "/v1/objections?status=dismissed",
        *_each("/v1/objections?claim={}", "claim_ids")(story),
    ],
    ("GET", "/v1/make-ups"): _always("/v1/make-ups"),
    ("GET", "/v1/classes/{class_id}/make-ups"): _each("/v1/classes/{}/make-ups", "class_ids"),
    ("GET", "/v1/check-ins"): _always("/v1/check-ins"),
    ("GET", "/v1/lessons/{lesson_id}/check-ins"): _each("/v1/lessons/{}/check-ins", "lesson_ids"),
    ("GET", "/v1/exchange/deliveries/{message_id}"): _always("/v1/exchange/deliveries/msg_aaaa-vch1"),
    ("GET", "/v1/exchange/deliveries"): _each("/v1/exchange/deliveries?state={}", "delivery_states"),
    ("GET", "/v1/waiting"): _always("/v1/waiting"),
    ("GET", "/v1/dead-letters"): _always("/v1/dead-letters"),
    ("GET", "/v1/payees"): _always("/v1/payees"),
    ("GET", "/v1/risk-cases"): _always("/v1/risk-cases"),
    ("GET", "/v1/risk-cases/{case_id}"): _each("/v1/risk-cases/{}", "case_ids"),
    ("GET", "/v1/holds"): _always("/v1/holds"),
    ("GET", "/v1/inspections/{inspection_id}"): _each("/v1/inspections/{}", "inspection_ids"),
}


# --------------------------------------------------------------------------- what an answer holds


def offering_types(endpoint: Endpoint) -> set[str]:
    """Name the types that carry `allowed_actions` within the answers of an endpoint."""
    return {name for member in _members(endpoint) for name, _ in _structs(member, None, within=())}


def things_in(endpoint: Endpoint, answered: Any, around: Thing) -> Iterator[tuple[Kind, Thing]]:
    """Find each thing in an answer that says what may be done with it, with the ids of what it is in."""
    for member in _members(endpoint):
        for name, value in _structs(member, answered, within=()):
            kind = KIND_OF[WAITING_AS[value["kind"]] if name == WAITING else name]
            thing = {**around, **value}
            if name == WAITING:
                subject = int(value["subject"]) if kind.name == "rename" else value["subject"]
                thing |= {kind.id_field: subject, WITHIN.get(value["kind"], "within"): value["within"]}
            if kind.name == "class":
                change_id = (value.get("open_change") or {}).get("id", around["change_id"])
                thing |= {"class_id": thing["id"], "open_change_id": change_id}
            yield kind, thing


@functools.cache
def _members(endpoint: Endpoint) -> tuple[Any, ...]:
    """Describe each type of answer of an endpoint; of a union, each of its types."""
    answers = [kind.answer for kind in endpoint.answers if kind.answer is not str]
    return tuple(
        msgspec.inspect.type_info(member) for answer in answers for member in members_of(answer) or (answer,)
    )


def _structs(kind: Any, value: Any, *, within: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Walk a type, and beside it a value of it: with `value=None` the type alone."""
    alone = value is None
    match kind:
        case msgspec.inspect.StructType():
            name = getattr(kind.cls, "__name__", str(kind.cls))
            if name in within or not (alone or isinstance(value, dict)):
                return
            fields = {part.encode_name: part.type for part in kind.fields}
            if "allowed_actions" in fields and (alone or "allowed_actions" in value):
                yield name, value
            for part, inner in fields.items():
                if alone or value.get(part) is not None:
                    yield from _structs(inner, None if alone else value[part], within=(*within, name))
        case msgspec.inspect.UnionType():
            for member in kind.types:
                yield from _structs(member, value, within=within)
        case msgspec.inspect.ListType():
            for item in [None] if alone else value:
                yield from _structs(kind.item_type, item, within=within)


def missing_rows() -> list[str]:
    """Say which rows the tables above lack; whoever adds an endpoint that offers something is told so."""
    said = []
    for endpoint in ENDPOINTS:
        place = f"{endpoint.method} {endpoint.path}"
        offering = offering_types(endpoint)
        said += [
            f"{place} answers {name}, which carries allowed_actions: name it in `answers` of a row of KINDS"
            for name in offering - set(KIND_OF) - {WAITING}
        ]
        if offering and endpoint.method == "GET" and (endpoint.method, endpoint.path) not in READS:
            said.append(f"{place} shows allowed_actions: add to READS where the story reads it")
    known = {(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS}
    said += [f"READS has {method} {path}, which is no endpoint" for method, path in set(READS) - set(known)]
    read = {
        KIND_OF[name]
        for place in set(READS) & set(known)
        for name in offering_types(known[place]) - {WAITING}
    }
    said += [f"nothing in READS shows a {kind.name}" for kind in KINDS if kind.tries and kind not in read]
    return said
