"""HTTP of programs' credentials."""

from chalicelib.accounts.clients import service
from chalicelib.accounts.clients.answers import (
    ClientAnswer,
    ClientQuery,
    ClientRequest,
    ClientTokenAnswer,
    ClientTokenRequest,
    KeyRequest,
    client_answer,
)
from chalicelib.accounts.model import Webhook
from chalicelib.edge.endpoints import PUBLIC, Call, Listing, NoQuery, VersionBody, VersionReason
from chalicelib.edge.http import Api

api = Api(__name__)
_TOKENS = "/v1/auth/client-tokens"


@api.endpoint(
    "POST",
    _TOKENS,
    action=PUBLIC,
    body=ClientTokenRequest,
    answer=ClientTokenAnswer,
    summary="Sign a program in by an assertion that it signed with its private key",
    takes_fields=True,
)
def sign_in_client(call: Call[ClientTokenRequest, NoQuery]) -> ClientTokenAnswer:
    signed_in = service.sign_in(
        call.body.client_assertion,
        client_id=call.body.client_id,
        scope=call.body.scope,
        audience=call.address + _TOKENS if call.address else "",
        source=call.source,
        now=call.context.now,
        request_id=call.context.request_id,
    )
    holder = signed_in.principal
    return ClientTokenAnswer(
        access_token=signed_in.access_token,
        token_type="Bearer",  # noqa: S106 - the scheme's name
        expires_in=service.TOKEN_SECONDS,
        scope=" ".join(signed_in.scopes),
        role=holder.role,
        division=holder.division,
        institution=holder.institution,
    )


@api.endpoint(
    "POST",
    "/v1/clients",
    action="client.ask",
    body=ClientRequest,
    answer=ClientAnswer,
    status_code=201,
    summary="Ask for a credential for a program of one's own; another person confirms it",
)
def ask_for_client(call: Call[ClientRequest, NoQuery]) -> ClientAnswer:
    body = call.body
    told = body.webhook
    wish = service.Wish(
        name=body.name,
        purpose=body.purpose,
        role=body.role,
        scopes=body.scopes,
        key=body.public_key.key(call.context.now),
        webhook=Webhook(url=told.url, events=told.events) if told is not None else None,
    )
    return client_answer(call.context, service.ask(call.context, wish))


@api.endpoint(
    "GET",
    "/v1/clients",
    action="client.read",
    query=ClientQuery,
    answer=Listing[ClientAnswer],
    summary="List the programs of one's own institution, or of a division",
)
def list_clients(call: Call[None, ClientQuery]) -> Listing[ClientAnswer]:
    page = service.list_clients(call.context, call.query.division, call.page_request())
    return call.listing(page, lambda client: client_answer(call.context, client))


@api.endpoint(
    "GET",
    "/v1/clients/{client_id}",
    action="client.read",
    answer=ClientAnswer,
    summary="A program and its credential",
)
def read_client(call: Call[None, NoQuery], client_id: str) -> ClientAnswer:
    return client_answer(call.context, service.read(call.context, client_id))


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/confirm",
    action="client.decide",
    body=VersionBody,
    answer=ClientAnswer,
    summary="Confirm as a second person that a program gets a credential; of a bureau's own no clerk may",
)
def confirm_client(call: Call[VersionBody, NoQuery], client_id: str) -> ClientAnswer:
    body = call.body
    decided = service.decide(call.context, client_id, "confirm", version=body.version, reason=body.comment)
    return client_answer(call.context, decided)


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/refuse",
    action="client.decide",
    body=VersionReason,
    answer=ClientAnswer,
    summary="Refuse a program a credential",
)
def refuse_client(call: Call[VersionReason, NoQuery], client_id: str) -> ClientAnswer:
    body = call.body
    decided = service.decide(call.context, client_id, "refuse", version=body.version, reason=body.reason)
    return client_answer(call.context, decided)


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/revoke",
    action="client.revoke",
    body=VersionReason,
    answer=ClientAnswer,
    summary="Take a program's credential away, by any of its versions; its tokens stop within thirty seconds",
)
def revoke_client(call: Call[VersionReason, NoQuery], client_id: str) -> ClientAnswer:
    body = call.body
    revoked = service.revoke(call.context, client_id, version=body.version, reason=body.reason)
    return client_answer(call.context, revoked)


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/keys",
    action="client.rotate",
    body=KeyRequest,
    answer=ClientAnswer,
    summary="Add a second key, as the program itself, by any of its versions; both are good till one goes",
)
def add_client_key(call: Call[KeyRequest, NoQuery], client_id: str) -> ClientAnswer:
    body = call.body
    added = service.add_key(call.context, client_id, body.public_key.key, version=body.version)
    return client_answer(call.context, added)


@api.endpoint(
    "POST",
    "/v1/clients/{client_id}/keys/{kid}/retire",
    action="client.rotate",
    body=VersionBody,
    answer=ClientAnswer,
    summary="Retire one of two keys, as the program itself, by any of its versions, signed in by the other",
)
def retire_client_key(call: Call[VersionBody, NoQuery], client_id: str, kid: str) -> ClientAnswer:
    retired = service.retire_key(call.context, client_id, kid, version=call.body.version)
    return client_answer(call.context, retired)
