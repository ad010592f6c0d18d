"""The table of supporting documents."""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import MomentAttribute, VersionedTable, table_name
from chalicelib.aws.writes import ConditionFailed, insert, lawful, update
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.documents.model import Document, DocumentKind, DocumentStatus


class DocumentRow(VersionedTable[Document]):
    """One row a document, by claim."""

    class Meta:
        table_name = table_name("claim-documents")

    record_type = Document
    streamed = True

    claim_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    division = UnicodeAttribute()
    institution = UnicodeAttribute()
    kind = UnicodeAttribute()
    content_type = UnicodeAttribute()
    size_bytes = NumberAttribute()
    sha256 = UnicodeAttribute()
    status = UnicodeAttribute()
    announced_by = UnicodeAttribute()
    announced_at = MomentAttribute()
    stored_at = MomentAttribute(null=True)


_SENDABLE = (DocumentStatus.AWAITING_UPLOAD, DocumentStatus.MISMATCH)


def announce(document: Document, change: Change) -> Document | None:
    """Store an announced document; the one that is there already is given, None if it was the first."""
    try:
        insert(DocumentRow.from_record(document), change=change)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Document)
        return old
    return None


def announce_anew(document: Document, change: Change) -> Document:
    """Put what is announced now in place of what was: whoever sends the file knows it better by now.

    Raises:
        ConditionFailed: the file has been stored meanwhile; `old` is the document.

    """
    return update(
        DocumentRow,
        (document.claim_id, document.id),
        [
            DocumentRow.kind.set(str(document.kind)),
            DocumentRow.content_type.set(str(document.content_type)),
            DocumentRow.size_bytes.set(document.size_bytes),
            DocumentRow.status.set(str(DocumentStatus.AWAITING_UPLOAD)),
            DocumentRow.announced_by.set(document.announced_by),
            DocumentRow.announced_at.set(document.announced_at),
        ],
        condition=lawful(DocumentRow, sources=_SENDABLE),
        change=change,
    )


def relabel(document: Document, kind: DocumentKind, change: Change) -> Document:
    """Say that a stored document shows something else; its file stays as it is.

    Raises:
        ConditionFailed: somebody else has changed it meanwhile.

    """
    return update(
        DocumentRow,
        (document.claim_id, document.id),
        [DocumentRow.kind.set(str(kind))],
        condition=DocumentRow.version == document.version,
        change=change,
    )


def find_document(claim_id: str, document_id: str) -> Document | None:
    """Read a document."""
    return DocumentRow.find(claim_id, document_id)


def documents_of(claim_id: str) -> list[Document]:
    """List the documents of a claim: one query."""
    return [row.record for row in DocumentRow.query(claim_id, consistent_read=True)]


def register(document: Document, status: DocumentStatus, *, now: datetime, change: Change) -> Document:
    """Record what S3 holds for a document as it was compared; what is stored stays stored.

    One that was announced anew meanwhile stays as it is: its file has to be compared with other facts.
    """
    try:
        return update(
            DocumentRow,
            (document.claim_id, document.id),
            [DocumentRow.status.set(str(status)), DocumentRow.stored_at.set(now)],
            condition=lawful(DocumentRow, sources=_SENDABLE, version=document.version),
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Document)
        return old
