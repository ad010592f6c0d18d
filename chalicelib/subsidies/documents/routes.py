"""HTTP of supporting documents."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from chalicelib.edge.endpoints import AnswerKind, Call, Listing, NoQuery, PageQuery, Reply
from chalicelib.edge.forms import Answer, Form
from chalicelib.edge.http import Api
from chalicelib.subsidies.documents import service as documents
from chalicelib.subsidies.documents.model import (
    DOCUMENT_BYTES_MAX,
    DocumentKind,
    DocumentStatus,
    DocumentType,
)

api = Api(__name__)


class DocumentRequest(Form):
    """A document to upload; `sha256` in hexadecimal."""

    kind: DocumentKind
    content_type: DocumentType
    size_bytes: Annotated[int, Meta(ge=1, le=DOCUMENT_BYTES_MAX)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")]


class FormAnswer(Answer):
    """A form to post the file with."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class DocumentUpload(Answer):
    """A document that waits for its file, as announced last; without `upload` it is stored already."""

    id: str
    kind: DocumentKind
    size_bytes: int
    status: DocumentStatus
    upload: FormAnswer | None


class DocumentAnswer(Answer):
    """A document; `url` is a signed link, for bureaus only."""

    id: str
    kind: DocumentKind
    content_type: DocumentType
    size_bytes: int
    sha256: str
    status: DocumentStatus
    announced_at: datetime
    stored_at: datetime | None
    url: str | None


@api.endpoint(
    "POST",
    "/v1/subsidy-claims/{claim_id}/documents",
    action="claim_document.write",
    body=DocumentRequest,
    answer=DocumentUpload,
    status_code=201,
    also=(AnswerKind(DocumentUpload),),
    summary="Announce a supporting document and get the form to upload it",
)
def announce_claim_document(call: Call[DocumentRequest, NoQuery], claim_id: str) -> Reply:
    body = call.body
    announcement = documents.announce(
        call.context,
        claim_id,
        kind=body.kind,
        content_type=body.content_type,
        size_bytes=body.size_bytes,
        sha256=body.sha256.lower(),
    )
    document, form = announcement.document, announcement.form
    upload = FormAnswer(url=form.url, fields=form.fields, expires_at=form.expires_at) if form else None
    answer = DocumentUpload(
        id=document.id,
        kind=document.kind,
        size_bytes=document.size_bytes,
        status=document.status,
        upload=upload,
    )
    return Reply(answer, 201 if announcement.created else 200)


@api.endpoint(
    "GET",
    "/v1/subsidy-claims/{claim_id}/documents",
    action="claim_document.read",
    query=PageQuery,
    answer=Listing[DocumentAnswer],
    summary="List a claim's supporting documents",
)
def list_claim_documents(call: Call[None, PageQuery], claim_id: str) -> Listing[DocumentAnswer]:
    return call.listing(documents.list_documents(call.context, claim_id, call.page_request()), _answer)


def _answer(linked: documents.LinkedDocument) -> DocumentAnswer:
    document = linked.document
    return DocumentAnswer(
        id=document.id,
        kind=document.kind,
        content_type=document.content_type,
        size_bytes=document.size_bytes,
        sha256=document.sha256,
        status=document.status,
        announced_at=document.announced_at,
        stored_at=document.stored_at,
        url=linked.url,
    )
