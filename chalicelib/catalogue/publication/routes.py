"""HTTP of the published list (公布目录)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

from chalicelib.catalogue.model import CatalogueKind
from chalicelib.catalogue.publication import service
from chalicelib.edge.endpoints import AS_SHEETS, COMMA_SEPARATED, PUBLIC, Call, LinkAnswer, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.sheets.writing import write_csv

api = Api(__name__)


class PublicationQuery(Form):
    """Which list is to be read, and how."""

    kind: CatalogueKind = CatalogueKind.INSTITUTIONS
    division: Annotated[str, Meta(max_length=6)] | None = None
    program: Annotated[str, Meta(max_length=80)] | None = None
    format: Literal["json", "csv", "xlsx"] = "json"


class PublicationAnswer(Answer):
    """The list as published: one object a row, by its column."""

    kind: CatalogueKind
    published_at: datetime
    columns: list[str]
    items: list[dict[str, Any]]


@api.endpoint(
    "GET",
    "/v1/catalogue/publication",
    action=PUBLIC,
    query=PublicationQuery,
    answer=PublicationAnswer,
    also=AS_SHEETS,
    summary="The published list of institutions or projects (csv: the sheet itself, xlsx: a link to it)",
)
def read_publication(call: Call[None, PublicationQuery]) -> PublicationAnswer | LinkAnswer | Reply:
    query = call.query
    sheet = service.published(
        query.kind, division=query.division, program=query.program, english=call.english
    )
    if query.format == "csv":
        disposition = {"Content-Disposition": f'attachment; filename="{query.kind}.csv"'}
        return Reply(write_csv(sheet.headers, sheet.rows), content_type=COMMA_SEPARATED, headers=disposition)
    if query.format == "xlsx":
        return LinkAnswer(url=service.link_to(query.kind, sheet))
    return PublicationAnswer(
        kind=query.kind,
        published_at=call.context.now,
        columns=list(sheet.headers),
        items=[dict(zip(sheet.headers, row, strict=True)) for row in sheet.rows],
    )
