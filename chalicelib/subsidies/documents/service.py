"""Use cases of supporting documents: announce, upload, register, look at."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.accounts.disclosures.service import record_access
from chalicelib.aws import objects
from chalicelib.aws.logs import log
from chalicelib.aws.queues import since_told
from chalicelib.aws.settings import settings
from chalicelib.aws.writes import ConditionFailed
from chalicelib.kernel.paging import Page, PageRequest, cut
from chalicelib.kernel.principal import Context, change_of
from chalicelib.kernel.reasons import error
from chalicelib.subsidies.claims.model import Claim
from chalicelib.subsidies.claims.service import read_claim
from chalicelib.subsidies.claims.states import ClaimStatus
from chalicelib.subsidies.documents import store
from chalicelib.subsidies.documents.model import (
    DOCUMENTS_MAX,
    Document,
    DocumentKind,
    DocumentStatus,
    DocumentType,
    document_id_of,
    document_of_key,
    object_key_of,
    says_the_same,
)

_OPEN = (ClaimStatus.SUBMITTED, ClaimStatus.RETURNED)


@dataclass(frozen=True)
class DocumentAnnouncement:
    """A document, the form to send it with unless it is stored already, and whether it is a new one."""

    document: Document
    form: objects.UploadForm | None
    created: bool


@dataclass(frozen=True)
class LinkedDocument:
    """A document with a signed link, for bureaus and once it is stored."""

    document: Document
    url: str | None


def announce(
    context: Context,
    claim_id: str,
    *,
    kind: DocumentKind,
    content_type: DocumentType,
    size_bytes: int,
    sha256: str,
) -> DocumentAnnouncement:
    """Prepare the upload of a document while a claim is submitted or returned.

    What is announced of the same content again replaces what was, until the file is stored; of a stored one
    only its kind can still be put right.

    Raises:
        Refused: the claim is reviewed already, or has as many documents as it may; `document_stored`, the
            file is here and has another size or type.

    """
    claim = read_claim(context, claim_id, "claim_document.write")
    if claim.status not in _OPEN:
        raise error("wrong_state", status=claim.status.value)
    document_id = document_id_of(claim.id, sha256)
    known = {document.id for document in store.documents_of(claim.id)}
    if len(known) >= DOCUMENTS_MAX and document_id not in known:
        raise error("too_many_documents", limit=DOCUMENTS_MAX)
    fresh = Document(
        id=document_id,
        claim_id=claim.id,
        division=claim.division,
        institution=claim.institution,
        kind=kind,
        content_type=content_type,
        size_bytes=size_bytes,
        sha256=sha256,
        status=DocumentStatus.AWAITING_UPLOAD,
        announced_by=context.principal.actor,
        announced_at=context.now,
    )
    before = store.announce(fresh, change_of(context, "claim_document.announce"))
    if before is None:
        return DocumentAnnouncement(fresh, _form(fresh), created=True)
    document = _announced_anew(context, before, fresh)
    stored = document.status is DocumentStatus.STORED
    return DocumentAnnouncement(document, None if stored else _form(document), created=False)


def _announced_anew(context: Context, before: Document, fresh: Document) -> Document:
    if says_the_same(before, fresh):
        return before
    try:
        if before.status is not DocumentStatus.STORED:
            return store.announce_anew(fresh, change_of(context, "claim_document.announce"))
        if (before.size_bytes, before.content_type) != (fresh.size_bytes, fresh.content_type):
            raise error(
                "document_stored", size_bytes=before.size_bytes, content_type=before.content_type.value
            )
        return store.relabel(before, fresh.kind, change_of(context, "claim_document.relabel"))
    except ConditionFailed:
        raise error("try_again") from None  # it arrived, or was put right, at this very moment


def _form(document: Document) -> objects.UploadForm:
    return objects.upload_form(
        settings().evidence_bucket,
        object_key_of(document),
        content_type=document.content_type,
        size_bytes=document.size_bytes,
        sha256_base64=base64.b64encode(bytes.fromhex(document.sha256)).decode(),
    )


def list_documents(context: Context, claim_id: str, request: PageRequest) -> Page[LinkedDocument]:
    """List a claim's documents, one query; bureaus get signed links, and that they did is recorded.

    A document whose arrival S3 told nobody is found here.
    """
    claim = read_claim(context, claim_id, "claim_document.read")
    page = cut(store.documents_of(claim.id), request, key=lambda document: document.id)
    documents = [_looked_for(context, document) for document in page.items]
    links = _links(context, claim, documents) if context.principal.is_bureau else {}
    return Page(
        items=[LinkedDocument(document, links.get(document.id)) for document in documents],
        after=page.after,
    )


def _looked_for(context: Context, document: Document) -> Document:
    form_over = document.announced_at + timedelta(seconds=objects.UPLOAD_SECONDS)
    if document.status is not DocumentStatus.AWAITING_UPLOAD or context.now < form_over:
        return document
    return _register(context, document)


def _links(context: Context, claim: Claim, documents: Sequence[Document]) -> dict[str, str]:
    stored = [document for document in documents if document.status is DocumentStatus.STORED]
    if not stored:
        return {}
    purpose = "show supporting documents"
    record_access(context, subject=claim.id, division=claim.division, purpose=purpose, items=len(stored))
    bucket = settings().evidence_bucket
    return {document.id: objects.link(bucket, object_key_of(document)) for document in stored}


def register_object(context: Context, object_key: str) -> DocumentStatus | None:
    """Compare an object that S3 reports with what was announced; None if it is none of ours.

    Safe to repeat, and in any order: what is stored stays stored.
    """
    named = document_of_key(object_key)
    document = store.find_document(*named) if named is not None else None
    if document is None:
        log("document_unknown", object_key=object_key)
        return None
    return _register(since_told(context, document.announced_at), document).status


def _register(context: Context, document: Document) -> Document:
    if document.status is DocumentStatus.STORED:
        return document
    bucket, key = settings().evidence_bucket, object_key_of(document)
    uploaded = objects.describe_object(bucket, key)
    if uploaded is None:
        return document
    expected = (document.size_bytes, document.content_type.value, document.sha256)
    actual = (uploaded.size_bytes, uploaded.content_type, objects.digest_of(bucket, key, uploaded))
    good = actual == expected
    status = DocumentStatus.STORED if good else DocumentStatus.MISMATCH
    return store.register(
        document, status, now=context.now, change=change_of(context, "claim_document.register")
    )
