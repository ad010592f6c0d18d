"""Whose dead letters there are, and which of them go back to a queue by themselves."""

from collections.abc import Mapping
from typing import Final

QUEUE_OF_WORKER: Final[Mapping[str, str]] = {
    "process_import": "imports",
    "issue_vouchers": "issuance",
    "follow_standings": "standings",
    "expire_shard": "expiry",
    "remind_shard": "reminders",
    "seal_settlement": "settlement",
    "evaluate_classes": "supervision",
    "make_exports": "exports",
}
"""Workers, by the work queue that a letter of theirs goes back to."""

STARTED_OTHERWISE: Final = (
    "compare_audit",
    "evaluate_day",
    "expire_vouchers",
    "lapse_accounts",
    "receive_upload",
    "reconcile_exchange",
    "reconcile_footage",
    "record_audit",
    "migrate_rows",
    "reencrypt_people",
    "register_document",
    "register_footage",
    "resume_imports",
    "resume_issuance",
    "return_changes",
    "seal_audit",
    "settle_subsidies",
    "verify_ledger",
    "watch_changes",
)
"""Functions that the clock, an upload or a stream starts.

Their letters are handed to the function itself, which only an operator may call
(`infra/deployment/dead_letters.py`).
"""

LETTERS_A_REDRIVE_MAX: Final = 100
PARKED_LISTED_MAX: Final = 100
"""So many parked records are listed: each is a change that somebody has to look at."""
