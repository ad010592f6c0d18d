"""HTTP of the accounts that institutions are paid to: deciding on one, and how it is shown."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.catalogue.answers import CatalogueWarning, warnings_answer
from chalicelib.catalogue.payees import service
from chalicelib.catalogue.payees.model import PayeeAccount, PayeeStatus, status_shown, warnings_about
from chalicelib.edge.endpoints import Call, Listing, NoQuery, PageQuery, VersionReason
from chalicelib.edge.forms import Answer, Form, Reason, Version
from chalicelib.edge.http import Api

api = Api(__name__)


class ConfirmPayeeRequest(Form):
    """A second person's consent; the reason is needed where the holder is not the institution.

    `number` is the whole number of the account, typed from the evidence.
    """

    version: Version
    number: Annotated[str, Meta(min_length=1, max_length=40)]
    reason: Reason | None = None


class PayeeAnswer(Answer):
    """An account with its number masked; until it is confirmed `counts_from` is the earliest that can be."""

    id: str
    institution: str
    status: PayeeStatus
    holder: str
    bank: str
    number: str
    holder_differs: bool
    shared_with: list[str]
    reason: str
    proposed_by: str
    proposed_at: datetime
    counts_from: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    mistyped: int
    version: int
    allowed_actions: list[str]
    warnings: list[CatalogueWarning]


class PayeeQuery(PageQuery):
    """Whose waiting accounts to list."""

    division: Annotated[str, Meta(max_length=6)] | None = None


@api.endpoint(
    "GET",
    "/v1/payees",
    action="payee.read_waiting",
    query=PayeeQuery,
    answer=Listing[PayeeAnswer],
    summary="List the accounts that wait to be confirmed, oldest first",
)
def list_waiting_payees(call: Call[None, PayeeQuery]) -> Listing[PayeeAnswer]:
    page = service.list_waiting(call.context, call.page_request(), division=call.query.division)
    return call.listing(page, lambda payee: payee_answer(call, payee))


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/payee/{payee_id}/confirm",
    action="payee.decide",
    body=ConfirmPayeeRequest,
    answer=PayeeAnswer,
    summary="Confirm an institution's account; a finance officer does who did not propose it",
)
def confirm_payee(call: Call[ConfirmPayeeRequest, NoQuery], uscc: str, payee_id: str) -> PayeeAnswer:
    body = call.body
    decided = service.decide(
        call.context,
        uscc,
        payee_id,
        "confirm",
        version=body.version,
        reason=body.reason,
        number=body.number,
    )
    return payee_answer(call, decided)


@api.endpoint(
    "POST",
    "/v1/institutions/{uscc}/payee/{payee_id}/refuse",
    action="payee.refuse",
    body=VersionReason,
    answer=PayeeAnswer,
    summary="Refuse an institution's account; the institution itself objects to one until it counts",
)
def refuse_payee(call: Call[VersionReason, NoQuery], uscc: str, payee_id: str) -> PayeeAnswer:
    body = call.body
    decided = service.decide(call.context, uscc, payee_id, "refuse", version=body.version, reason=body.reason)
    return payee_answer(call, decided)


def payee_answer(call: Call[object, object], payee: PayeeAccount) -> PayeeAnswer:
    """Show an account as it is for this caller now."""
    now = call.context.now
    same = {name: getattr(payee, name) for name in PayeeAnswer.__struct_fields__ if hasattr(payee, name)}
    return PayeeAnswer(
        **{
            **same,
            "status": status_shown(payee, now),
            "number": payee.masked_number,
            "allowed_actions": service.allowed_on_payee(call.context.principal, payee, now),
            "warnings": warnings_answer(warnings_about(payee), english=call.english),
        }
    )
