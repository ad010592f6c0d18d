"""The table of supporting documents."""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import ConditionFailed, MomentAttribute, VersionedTable, insert, table_name, update
from chalicelib.kernel.principal import Change
from chalicelib.subsidies.document_model import Document, DocumentStatus


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


def announce(document: Document, change: Change) -> Document:
    """Store an announced document; the same content announced again is given as it is."""
    try:
        insert(DocumentRow.from_record(document), change=change)
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Document)
        return old
    return document


def find_document(claim_id: str, document_id: str) -> Document | None:
    """Read a document."""
    return DocumentRow.find(claim_id, document_id)


def documents_of(claim_id: str) -> list[Document]:
    """List the documents of a claim: one query."""
    return [row.record for row in DocumentRow.query(claim_id, consistent_read=True)]


def register(document: Document, status: DocumentStatus, *, now: datetime, change: Change) -> Document:
    """Record what S3 holds for a document; what is stored stays stored."""
    try:
        return update(
            DocumentRow,
            (document.claim_id, document.id),
            [DocumentRow.status.set(str(status)), DocumentRow.stored_at.set(now)],
            condition=DocumentRow.status.is_in(
                str(DocumentStatus.AWAITING_UPLOAD), str(DocumentStatus.MISMATCH)
            ),
            change=change,
        )
    except ConditionFailed as failure:
        old = failure.old
        assert isinstance(old, Document)
        return old
