"""What each function may do: its resources, each with the actions that its code calls on it, and no others.

A resource has the name this service gives it, without the stage:

    table/vouchers                    a table
    table/vouchers/index/by_holder    an index, read by itself
    object/intake/imports/*           the objects of a bucket whose names begin so
    bucket/evidence                   a bucket's lists
    queue/expiry, secret/index        what is sent to, what is read
    queue/expire_shard-dead           the dead letters of a function
    queue/*-dead                      those of all functions, which are counted only
    key                               the customer key: the code seals (GenerateDataKey) or opens (Decrypt)

`infra.policies` writes each role's policy from this table, and adds what stands behind it: the key through
the services, and what Lambda does with the role by itself.

Tests hold the table to what the functions were seen to call (`tests/infra/recorded_calls.json`), both ways.
Who adds a call is told by the test that makes it: grant it here, then `make record-calls`. A path that no
test takes needs one (`tests/infra/test_rare_paths.py`), or a line in `UNSEEN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ADDED_ONLY: Final = (
    "audit-records",
    "ledger-groups",
    "ledger-summaries",
    "personal-data-accesses",
    "refused-attempts",
)
"""Tables whose rows nobody changes or removes: no role has more there than reading and PutItem, and the
program puts under the condition that there is none yet (`chalicelib.aws.writes.Put`).

A class's sealed roster is a row of `classes`, beside its head and its scores, which do change, and IAM tells
rows apart by their first key only, which they share. What protects it instead: a roster is put in one
transaction with the head, whose condition lets it pass only in the states that allow it and at the version
that was read (`CLASS_TRANSITIONS`); its digest is in the head; and each change of either is in the audit
chain, whose daily roots are locked in the evidence bucket.
"""

GRANTS: Final[Mapping[str, Mapping[str, str]]] = {
    "api_handler": {
        "bucket/evidence": "ListBucket ListBucketVersions",
        "bucket/intake": "ListBucket",
        "key": "Decrypt GenerateDataKey",
        "object/evidence/audit/*": "GetObjectVersion",
        "object/evidence/claim-documents/*": "GetObject GetObjectVersion PutObject",
        "object/evidence/footage/*": "GetObjectVersion PutObject PutObjectLegalHold",
        "object/evidence/lessons/*": "GetObject PutObject PutObjectLegalHold PutObjectRetention",
        "object/evidence/payment-files/*": "GetObjectVersion PutObject PutObjectRetention",
        "object/intake/catalogue/*": "GetObject PutObject",
        "object/intake/error-sheets/*": "GetObject PutObject",
        "object/intake/imports/*": "GetObject PutObject",
        "object/intake/issuance/*": "GetObject PutObject",
        "object/intake/payments/*": "GetObject PutObject",
        "object/intake/reports/*": "GetObject PutObject",
        "object/intake/statements/*": "GetObject PutObject",
        "queue/*-dead": "GetQueueAttributes",
        "queue/expire_shard-dead": "DeleteMessage ReceiveMessage",
        "queue/expiry": "SendMessage",
        "queue/follow_standings-dead": "DeleteMessage ReceiveMessage",
        "queue/imports": "SendMessage",
        "queue/issuance": "SendMessage",
        "queue/issue_vouchers-dead": "DeleteMessage ReceiveMessage",
        "queue/process_import-dead": "DeleteMessage ReceiveMessage",
        "queue/remind_shard-dead": "DeleteMessage ReceiveMessage",
        "queue/reminders": "SendMessage",
        "queue/seal_settlement-dead": "DeleteMessage ReceiveMessage",
        "queue/settlement": "SendMessage",
        "queue/standings": "SendMessage",
        "secret/index": "GetSecretValue",
        "secret/partners": "GetSecretValue",
        "secret/signing": "GetSecretValue",
        "table/accounts": "BatchGetItem GetItem PutItem UpdateItem",
        "table/accounts/index/by_division": "Query",
        "table/accounts/index/by_institution": "Query",
        "table/attempts": "DeleteItem GetItem PutItem UpdateItem",
        "table/audit-comparisons": "GetItem",
        "table/audit-heads": "GetItem",
        "table/audit-records": "BatchGetItem Query",
        "table/audit-records/index/by_chain": "Query",
        "table/budgets": "BatchGetItem GetItem PutItem Query UpdateItem",
        "table/check-in-reviews": "PutItem",
        "table/check-ins": "BatchGetItem GetItem PutItem Query UpdateItem",
        "table/check-ins/index/waiting": "Query",
        "table/claim-documents": "PutItem Query UpdateItem",
        "table/claim-lines": "BatchGetItem GetItem PutItem UpdateItem",
        "table/claim-lines/index/by_flag": "Query",
        "table/claim-lines/index/by_person": "Query",
        "table/claim-lines/index/by_retry": "Query",
        "table/class-holds": "ConditionCheckItem GetItem UpdateItem",
        "table/class-occupancies": "PutItem Query",
        "table/classes": "BatchGetItem ConditionCheckItem PutItem Query UpdateItem",
        "table/classes/index/by_city": "Query",
        "table/classes/index/by_institution": "Query",
        "table/classes/index/waiting": "Query",
        "table/deliveries": "GetItem Query UpdateItem",
        "table/deliveries/index/by_queue": "Query",
        "table/duties": "BatchGetItem GetItem PutItem",
        "table/earlier-projects": "GetItem PutItem Query",
        "table/enrolments": "BatchGetItem GetItem PutItem UpdateItem",
        "table/enrolments/index/by_division": "Query",
        "table/enrolments/index/by_institution": "Query",
        "table/enrolments/index/by_person": "Query",
        "table/enrolments/index/waiting": "Query",
        "table/footage": "PutItem Query UpdateItem",
        "table/footage-holds": "GetItem PutItem UpdateItem",
        "table/holds": "BatchGetItem GetItem PutItem UpdateItem",
        "table/holds/index/by_city": "Query",
        "table/idempotency": "PutItem UpdateItem",
        "table/import-progress": "GetItem",
        "table/imports": "GetItem PutItem UpdateItem",
        "table/imports/index/by_division": "Query",
        "table/inspection-entries": "GetItem PutItem Query",
        "table/inspection-entries/index/by_institution": "Query",
        "table/inspection-seeds": "GetItem PutItem",
        "table/inspections": "GetItem PutItem",
        "table/inspections/index/by_area": "Query",
        "table/institution-payees": "BatchGetItem GetItem PutItem UpdateItem",
        "table/institutions": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
        "table/institutions/index/by_area": "Query",
        "table/issuance-batches": "BatchGetItem GetItem PutItem UpdateItem",
        "table/issuance-batches/index/by_program": "Query",
        "table/issuance-batches/index/waiting": "Query",
        "table/issuance-chunks": "PutItem Query",
        "table/ledger-groups": "BatchGetItem PutItem Query",
        "table/ledger-summaries": "BatchGetItem PutItem Query",
        "table/list-effects": "Query",
        "table/make-ups": "BatchGetItem GetItem PutItem Query UpdateItem",
        "table/make-ups/index/waiting": "Query",
        "table/objection-counts": "BatchGetItem UpdateItem",
        "table/objections": "ConditionCheckItem GetItem PutItem UpdateItem",
        "table/objections/index/by_claim": "Query",
        "table/objections/index/by_state": "Query",
        "table/overrides": "BatchGetItem GetItem PutItem Query UpdateItem",
        "table/overrides/index/waiting": "Query",
        "table/payee-accounts": "BatchGetItem GetItem PutItem UpdateItem",
        "table/payee-accounts/index/by_number": "Query",
        "table/payee-accounts/index/by_waiting": "Query",
        "table/people": "BatchGetItem BatchWriteItem GetItem",
        "table/person-index": "BatchGetItem GetItem PutItem",
        "table/personal-data-accesses": "PutItem",
        "table/policies": "GetItem PutItem Query",
        "table/programs": "GetItem PutItem UpdateItem",
        "table/programs/index/by_listing": "Query",
        "table/projects": "GetItem PutItem UpdateItem",
        "table/projects/index/by_listing": "Query",
        "table/refused-attempts": "PutItem",
        "table/refused-check-ins": "PutItem Query",
        "table/refused-results": "BatchWriteItem Query",
        "table/refused-scans": "PutItem Query",
        "table/renames": "GetItem Query UpdateItem",
        "table/risk-cases": "BatchGetItem GetItem UpdateItem",
        "table/risk-cases/index/by_area": "Query",
        "table/risk-cases/index/by_institution": "Query",
        "table/risk-cases/index/waiting": "Query",
        "table/sessions": "DeleteItem GetItem PutItem UpdateItem",
        "table/settlement-batches": "BatchGetItem GetItem PutItem UpdateItem",
        "table/settlement-batches/index/by_division": "Query",
        "table/settlement-chunks": "PutItem Query UpdateItem",
        "table/settlement-counters": "GetItem PutItem",
        "table/settlement-payees": "PutItem Query",
        "table/standings": "BatchGetItem UpdateItem",
        "table/subsidised-people": "BatchGetItem PutItem",
        "table/subsidy-claims": "BatchGetItem ConditionCheckItem GetItem PutItem UpdateItem",
        "table/subsidy-claims/index/by_city": "Query",
        "table/subsidy-claims/index/by_due": "Query",
        "table/subsidy-claims/index/by_institution": "Query",
        "table/subsidy-claims/index/waiting": "Query",
        "table/voucher-counts": "Query",
        "table/vouchers": "BatchGetItem GetItem UpdateItem",
        "table/vouchers/index/by_division": "Query",
        "table/vouchers/index/by_flag": "Query",
        "table/vouchers/index/by_holder": "Query",
    },
    "bootstrap_accounts": {
        "key": "GenerateDataKey",
        "secret/index": "GetSecretValue",
        "table/accounts": "GetItem PutItem UpdateItem",
        "table/accounts/index/by_division": "Query",
        "table/duties": "GetItem PutItem",
        "table/person-index": "BatchGetItem GetItem PutItem",
    },
    "resume_issuance": {
        "queue/issuance": "SendMessage",
        "table/issuance-batches/index/by_open": "Query",
        "table/issuance-chunks": "Query",
    },
    "resume_imports": {
        "queue/imports": "SendMessage",
        "table/import-progress": "GetItem",
        "table/imports": "UpdateItem",
        "table/imports/index/by_open": "Query",
    },
    "follow_standings": {
        "table/claim-lines": "GetItem UpdateItem",
        "table/claim-lines/index/by_person": "Query",
        "table/imports": "GetItem UpdateItem",
        "table/list-effects": "PutItem Query",
        "table/programs/index/by_listing": "Query",
        "table/standings": "BatchGetItem",
        "table/vouchers": "BatchGetItem UpdateItem",
    },
    "expire_vouchers": {
        "queue/expiry": "SendMessage",
        "queue/reminders": "SendMessage",
    },
    "lapse_accounts": {
        "table/accounts": "GetItem UpdateItem",
        "table/accounts/index/by_proposal": "Query",
        "table/duties": "GetItem PutItem",
    },
    "settle_subsidies": {
        "queue/settlement": "SendMessage",
    },
    "verify_ledger": {
        "queue/settlement": "SendMessage",
    },
    "reconcile_exchange": {
        "secret/signing": "GetSecretValue",
        "table/deliveries": "Query UpdateItem",
        "table/deliveries/index/by_queue": "Query",
    },
    "seal_audit": {
        "bucket/evidence": "ListBucket ListBucketVersions",
        "object/evidence/audit/*": "GetObject GetObjectVersion PutObject PutObjectRetention",
        "table/audit-heads": "GetItem",
        "table/audit-records/index/by_chain": "Query",
        "table/programs/index/by_listing": "Query",
    },
    "compare_audit": {
        "table/accounts": "Scan",
        "table/audit-comparisons": "GetItem PutItem",
        "table/audit-records": "BatchGetItem",
        "table/budgets": "Scan",
        "table/check-in-reviews": "Scan",
        "table/claim-documents": "Scan",
        "table/claim-lines": "Scan",
        "table/classes": "Scan",
        "table/enrolments": "Scan",
        "table/footage": "Scan",
        "table/footage-holds": "Scan",
        "table/holds": "Scan",
        "table/imports": "Scan",
        "table/inspection-entries": "Scan",
        "table/inspections": "Scan",
        "table/institutions": "Scan",
        "table/issuance-batches": "Scan",
        "table/make-ups": "Scan",
        "table/objections": "Scan",
        "table/overrides": "Scan",
        "table/payee-accounts": "Scan",
        "table/personal-data-accesses": "Scan",
        "table/programs": "Scan",
        "table/projects": "Scan",
        "table/refused-attempts": "Scan",
        "table/renames": "Scan",
        "table/risk-cases": "Scan",
        "table/settlement-batches": "Scan",
        "table/subsidy-claims": "Scan",
        "table/vouchers": "Scan",
    },
    "reencrypt_people": {
        "bucket/evidence": "ListBucketVersions",
        "key": "Decrypt GenerateDataKey",
        "object/evidence/payment-files/*": "GetObjectVersion PutObject PutObjectRetention",
        "secret/index": "GetSecretValue",
        "table/accounts": "Scan UpdateItem",
        "table/classes": "Scan UpdateItem",
        "table/institutions": "Scan UpdateItem",
        "table/objections": "Scan UpdateItem",
        "table/payee-accounts": "Scan UpdateItem",
        "table/people": "Scan UpdateItem",
        "table/person-index": "DeleteItem PutItem Scan UpdateItem",
        "table/personal-data-accesses": "PutItem",
        "table/rekeyings": "GetItem PutItem",
        "table/settlement-payees": "Scan UpdateItem",
    },
    "migrate_rows": {
        "table/migrations": "BatchGetItem PutItem",
    },
    "record_audit": {
        "queue/record_audit-dead": "SendMessage",
        "secret/index": "GetSecretValue",
        "table/audit-heads": "GetItem PutItem",
        "table/audit-records": "BatchGetItem PutItem",
        "table/voucher-counts": "UpdateItem",
    },
    "return_changes": {
        "queue/return_changes-dead": "SendMessage",
        "secret/signing": "GetSecretValue",
        "table/deliveries": "PutItem Query UpdateItem",
    },
    "process_import": {
        "bucket/intake": "ListBucket",
        "key": "Decrypt GenerateDataKey",
        "object/intake/imports/*": "GetObject PutObject",
        "queue/imports": "SendMessage",
        "queue/standings": "SendMessage",
        "secret/index": "GetSecretValue",
        "table/import-progress": "GetItem PutItem UpdateItem",
        "table/imports": "GetItem UpdateItem",
        "table/list-effects": "Query",
        "table/people": "BatchGetItem BatchWriteItem",
        "table/person-index": "BatchGetItem GetItem PutItem",
        "table/personal-data-accesses": "PutItem",
        "table/renames": "PutItem",
        "table/standings": "BatchGetItem PutItem UpdateItem",
    },
    "issue_vouchers": {
        "key": "Decrypt GenerateDataKey",
        "object/intake/imports/*": "GetObject",
        "object/intake/issuance/*": "GetObject PutObject",
        "secret/index": "GetSecretValue",
        "table/claim-lines": "GetItem UpdateItem",
        "table/claim-lines/index/by_person": "Query",
        "table/imports": "UpdateItem",
        "table/issuance-batches": "GetItem UpdateItem",
        "table/issuance-chunks": "GetItem PutItem Query",
        "table/people": "BatchGetItem",
        "table/person-index": "BatchGetItem GetItem PutItem",
        "table/personal-data-accesses": "PutItem",
        "table/policies": "GetItem",
        "table/programs": "GetItem",
        "table/programs/index/by_listing": "Query",
        "table/standings": "BatchGetItem PutItem",
        "table/vouchers": "BatchGetItem PutItem UpdateItem",
    },
    "expire_shard": {
        "queue/expiry": "SendMessage",
        "table/enrolments": "BatchGetItem UpdateItem",
        "table/programs": "GetItem",
        "table/vouchers": "UpdateItem",
        "table/vouchers/index/by_due_shard": "Query",
    },
    "remind_shard": {
        "queue/reminders": "SendMessage",
        "secret/signing": "GetSecretValue",
        "table/deliveries": "BatchGetItem PutItem UpdateItem",
        "table/vouchers": "BatchGetItem",
        "table/vouchers/index/by_due_shard": "Query",
    },
    "seal_settlement": {
        "key": "Decrypt GenerateDataKey",
        "object/evidence/payment-files/*": "PutObject PutObjectRetention",
        "queue/settlement": "SendMessage",
        "secret/index": "GetSecretValue",
        "table/budgets": "BatchGetItem Query",
        "table/check-ins": "Query",
        "table/claim-lines": "BatchGetItem UpdateItem",
        "table/claim-lines/index/by_retry": "Query",
        "table/class-holds": "GetItem UpdateItem",
        "table/classes": "BatchGetItem Query UpdateItem",
        "table/classes/index/by_claim_deadline": "Query",
        "table/classes/index/waiting": "Query",
        "table/enrolments": "BatchGetItem UpdateItem",
        "table/enrolments/index/waiting": "Query",
        "table/footage": "Query",
        "table/holds": "GetItem PutItem",
        "table/institution-payees": "BatchGetItem",
        "table/institutions": "BatchGetItem ConditionCheckItem UpdateItem",
        "table/issuance-batches": "UpdateItem",
        "table/issuance-batches/index/waiting": "Query",
        "table/ledger-groups": "BatchGetItem Query",
        "table/ledger-summaries": "BatchGetItem Query",
        "table/make-ups": "Query",
        "table/payee-accounts": "BatchGetItem",
        "table/personal-data-accesses": "PutItem",
        "table/policies": "GetItem",
        "table/programs": "GetItem",
        "table/risk-cases": "ConditionCheckItem GetItem UpdateItem",
        "table/risk-cases/index/waiting": "Query",
        "table/settlement-batches": "GetItem PutItem UpdateItem",
        "table/settlement-chunks": "PutItem Query",
        "table/settlement-counters": "GetItem PutItem",
        "table/settlement-payees": "PutItem Query",
        "table/subsidy-claims": "BatchGetItem ConditionCheckItem GetItem UpdateItem",
        "table/subsidy-claims/index/by_city": "Query",
        "table/subsidy-claims/index/by_due": "Query",
        "table/subsidy-claims/index/waiting": "Query",
        "table/vouchers": "BatchGetItem UpdateItem",
    },
    "receive_upload": {
        "queue/imports": "SendMessage",
        "table/imports": "GetItem UpdateItem",
    },
    "register_footage": {
        "bucket/evidence": "ListBucket",
        "object/evidence/footage/*": (
            "GetObject GetObjectRetention GetObjectVersion PutObjectLegalHold PutObjectRetention"
        ),
        "object/evidence/lessons/*": "GetObject PutObject PutObjectLegalHold PutObjectRetention",
        "table/check-ins": "Query",
        "table/classes": "Query",
        "table/footage": "GetItem Query UpdateItem",
        "table/footage-holds": "GetItem",
        "table/policies": "GetItem",
        "table/programs": "GetItem",
    },
    "register_document": {
        "bucket/evidence": "ListBucket",
        "object/evidence/claim-documents/*": "GetObject GetObjectVersion",
        "table/claim-documents": "GetItem UpdateItem",
    },
    "reconcile_footage": {
        "bucket/evidence": "ListBucket ListBucketVersions",
        "object/evidence/footage/*": (
            "GetObjectRetention GetObjectVersion PutObjectLegalHold PutObjectRetention"
        ),
        "object/evidence/lessons/*": "GetObject PutObject PutObjectLegalHold PutObjectRetention",
        "table/check-ins": "Query",
        "table/classes": "Query",
        "table/footage": "GetItem Query UpdateItem",
        "table/footage-holds": "GetItem",
        "table/footage/index/by_due_day": "Query",
        "table/policies": "GetItem",
        "table/programs": "GetItem",
    },
}
"""Function → resource → its actions."""

_ABSENT = (
    "who may not list a bucket is told 403 of an object that is not there; the code takes 404 for an answer"
)
_LOCKED = "S3 tells until when a version is locked only to who may read that; a lock must not be shortened"
_LISTED = "somebody comes onto a list while vouchers are issued, and a line of theirs waits for its payment"
_FORMS = (
    "no table has rows of an older schema version today; the job asks for the progress of those that have"
)

UNSEEN: Final[Mapping[tuple[str, str, str], str]] = {
    ("bootstrap_accounts", "table/person-index", "BatchGetItem"): (
        "people are looked up under two keys at once, in the minutes after the look-up key was rotated"
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    ("api_handler", "bucket/intake", "ListBucket"): _ABSENT,
    ("process_import", "bucket/intake", "ListBucket"): _ABSENT,
    ("register_document", "bucket/evidence", "ListBucket"): _ABSENT,
    ("seal_audit", "bucket/evidence", "ListBucket"): _ABSENT,
    ("reconcile_footage", "object/evidence/footage/*", "GetObjectRetention"): _LOCKED,
    ("register_footage", "object/evidence/footage/*", "GetObjectRetention"): _LOCKED,
    ("issue_vouchers", "table/claim-lines", "GetItem"): _LISTED,
    ("issue_vouchers", "table/claim-lines", "UpdateItem"): _LISTED,
    ("issue_vouchers", "table/claim-lines/index/by_person", "Query"): _LISTED,
    ("seal_settlement", "secret/index", "GetSecretValue"): (
        "a line is in doubt for its attendance, and its class has roll-calls, whose moments are keyed"
    ),
    ("seal_settlement", "table/make-ups", "Query"): (
        "a line is in doubt for its attendance, and the class made lessons up"
    ),
    ("seal_settlement", "table/subsidy-claims", "GetItem"): (
        "two workers close the same claims at once: the one that comes late looks at each by itself"
    ),
    ("migrate_rows", "table/migrations", "BatchGetItem"): _FORMS,
    ("migrate_rows", "table/migrations", "PutItem"): _FORMS,
}
"""Grants that no test and no story uses, each with its reason."""
