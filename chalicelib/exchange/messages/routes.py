"""HTTP of the published forms of messages."""

from typing import Any

from chalicelib.edge.endpoints import PUBLIC, Call, NoQuery
from chalicelib.edge.forms import Answer
from chalicelib.edge.http import Api
from chalicelib.exchange.messages.model import FORMS, schema_of

api = Api(__name__)


class SchemasAnswer(Answer):
    """The JSON Schema of each form, by its name."""

    schemas: dict[str, dict[str, Any]]


@api.endpoint(
    "GET",
    "/v1/exchange/schemas",
    action=PUBLIC,
    answer=SchemasAnswer,
    summary="The JSON Schemas of the messages to and from the national platform",
)
def list_exchange_schemas(call: Call[None, NoQuery]) -> SchemasAnswer:
    del call
    return SchemasAnswer(schemas={form: schema_of(form) for form in FORMS})
