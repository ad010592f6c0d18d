"""What a message to a program says: it is written, and described in the OpenAPI document, from this type."""

from typing import Annotated

from msgspec import Meta

from chalicelib.edge.forms import Answer

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 with offset, as it was recorded."""


class WebhookThing(Answer):
    """What an event happened to: nothing of anybody, whoever may read it reads the thing itself."""

    id: str
    version: int
    institution: str
    division: str


class WebhookMessage(Answer):
    """What a program is posted: what happened to what, and when; the reader reads the thing itself.

    `client_id` names the program it is for: all check the same keys, so one could hand its own message to
    another.
    """

    type: str
    timestamp: Moment
    client_id: str
    data: WebhookThing
