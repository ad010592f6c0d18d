"""Supporting documents (证明材料) of a subsidy claim: what they are, and what of them S3 holds."""

from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.kernel.ids import ClaimId, Uscc, derived_id, part_id, whole_of
from chalicelib.kernel.principal import Change

_NAME_CHARS = 12
_FOLDER = "claim-documents"
DOCUMENTS_MAX = 20
"""Documents a claim; a clerk has to read them."""
DOCUMENT_BYTES_MAX = 20_000_000


class DocumentKind(StrEnum):
    """What a document shows."""

    SIGN_IN_SHEET = "sign_in_sheet"
    CERTIFICATES = "certificates"
    INVOICE = "invoice"
    AGREEMENT = "agreement"
    OTHER = "other"


class DocumentType(StrEnum):
    """The media types that a bureau's browser shows without a program of its own."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"


class DocumentStatus(StrEnum):
    """Whether the announced file has arrived as announced."""

    AWAITING_UPLOAD = "awaiting_upload"
    STORED = "stored"
    MISMATCH = "mismatch"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a claim; its id names the claim. `sha256` is hexadecimal."""

    id: str
    claim_id: ClaimId
    division: str
    institution: Uscc
    kind: DocumentKind
    content_type: DocumentType
    size_bytes: int
    sha256: str
    status: DocumentStatus
    announced_by: str
    announced_at: datetime
    stored_at: datetime | None = None
    version: int = 1
    last_change: Change | None = None


def document_id_of(claim_id: str, sha256: str) -> str:
    """Give the id of the document with this content: announced twice, it is one."""
    name = derived_id("doc", claim_id, sha256).partition("_")[2][:_NAME_CHARS]
    return part_id("doc", claim_id, name)


def says_the_same(before: Document, now: Document) -> bool:
    """Tell whether two announcements of the same content say the same of it."""
    return (before.kind, before.content_type, before.size_bytes) == (
        now.kind,
        now.content_type,
        now.size_bytes,
    )


def object_key_of(document: Document) -> str:
    """Name the object; claim and document ids are opaque."""
    return f"{_FOLDER}/{document.id}"


def document_of_key(object_key: str) -> tuple[ClaimId, str] | None:
    """Tell the claim and document of an object; None if it is something else."""
    folder, _, document_id = object_key.partition("/")
    claim_id = whole_of("clm", document_id)[0]
    return (ClaimId(claim_id), document_id) if folder == _FOLDER and claim_id else None
