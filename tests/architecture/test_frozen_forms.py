"""Forms that are stored, signed, hashed or read by others, held against values written down once.

A test that fails here says: what exists would no longer be found, opened, verified or understood. Give the new form a
version of its own beside the old one (README, "What is frozen"); change a value here only if none of its kind exists.
"""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

import chalicelib
from chalicelib.attendance.footage import manifest
from chalicelib.aws import keys, table, waiting
from chalicelib.aws.settings import settings
from chalicelib.catalogue.institutions import model as institutions
from chalicelib.catalogue.payees import model as payees
from chalicelib.exchange import lines as exchange_lines
from chalicelib.exchange import model as exchange
from chalicelib.exchange.platform import message_of
from chalicelib.kernel import ids
from chalicelib.kernel.principal import Change, Role
from chalicelib.settlement.batches import model as batches
from chalicelib.settlement.ledger import model as ledger
from chalicelib.subsidies.claims import model as claims
from chalicelib.subsidies.documents import model as documents
from chalicelib.subsidies.holds import model as holds
from chalicelib.subsidies.overrides import model as overrides
from chalicelib.supervision.audit import model as audit
from chalicelib.vouchers import model as vouchers
from chalicelib.vouchers import store as voucher_store
from chalicelib.vouchers.card import qr
from tests.support.keys import opened

MOMENT = datetime(2026, 11, 28, 1, 2, 3, 456789, tzinfo=UTC)


def test_derived_ids_and_their_natural_keys() -> None:
    assert ids.derived_id("vch", "a", "b") == "vch_6bgnz3mxg2tj3jqqh4ekjwvp"
    assert vouchers.voucher_id_of("prs_a", "prg_b") == "vch_w2clw7xbkcfblfapnh7vks7s"
    assert claims.claim_id_of("cls_abcd") == "clm_abcd"
    assert batches.batch_id_of("3401", 7) == "bat_mw2lsbzwx3usq5dfthersuoh"
    assert overrides.override_id_of("cls_abcd", "enr_b", "attendance") == "ovr_abcd-3pki4voj5riq"
    assert payees.payee_id_of("91340100MA2ABCDE0X", 1) == "pay_eeqkrx3iyzrxozod3apchvfm"
    assert institutions.listed_payee_id("91340100MA2ABCDE0X") == "pay_r7wftq5nf74igobxdgqu6t4i"
    assert holds.derived_hold_id("lin_abcd-03", "attendance:mock_location") == "hld_abcd-l03vtd5ym4qttds"
    assert holds.hold_id_of_rule("shared_device", "lin_abcd-03", "rsk_a") == "hld_burzjxh67prxgserzsab6kma"
    assert documents.document_id_of("clm_abcd", "0" * 64) == "doc_abcd-2zp3clxoinix"


def test_postings_their_groups_and_accounts() -> None:
    postings = [ledger.Posting("lin_a", "vch_b", "91340100MA2ABCDE0X", 180_000, "REF-1", date(2026, 11, 27))]
    assert msgspec.json.encode(postings[0]).decode() == (
        '["lin_a","vch_b","91340100MA2ABCDE0X",180000,"REF-1","2026-11-27",null]'
    )
    before = '["lin_a","vch_b","91340100MA2ABCDE0X",180000,"REF-1","2026-11-27"]'
    assert msgspec.json.decode(before, type=ledger.Posting) == postings[0], "as rows of before have it"
    named = ledger.Posting("lin_abcd-1", "vch_b", "X", 1, "REF-1")
    assert ledger.entry_id_of(named, ledger.Event.PAID) == "led_abcd1-paid"
    repaid = "led_abcd1-repaid_f6z2rh4f5us3ltynphg3tkzh"
    assert ledger.entry_id_of(named, ledger.Event.REPAID) == repaid
    assert ledger.set_off_account("3401", "X") == "set_off.3401.X"
    assert ledger.group_id_of("bat_abcd", ledger.Event.PAID, postings) == "grp_abcd-tjwkfvcaha72gy7y5xp4lw4h"
    assert ledger.expense_account("3401", "prg_b") == "subsidy_expense.3401.prg_b"
    assert ledger.treasury_account("3401") == "treasury.3401"
    assert ledger.receivable_account("3401", "X") == "receivable.3401.X"
    assert ledger.institution_account("3401", "X") == "institution.3401.X"


def test_what_the_digest_of_an_audit_record_covers() -> None:
    record = audit.AuditRecord(
        subject="vch_a",
        entry=audit.entry_of("", 3, "17"),
        chain="3401",
        seq=1,
        table="vouchers",
        division="3401",
        at=MOMENT,
        actor="acc_b",
        role="clerk",
        action="voucher.revoke",
        request_id="req_c",
        reason="已就业",
        before={"status": "issued", "face_value_fen": 600_000},
        after={"status": "revoked", "face_value_fen": 600_000},
    )
    assert (
        audit.digest_of(record, audit.GENESIS)
        == "4b77cd02c184ee985c4f2e48a11bc1a200eba91bcc4b48703cd74a087c28bb14"
    )
    assert (
        audit.digest_of(record, "0" * 64)
        == "388073c38e270adc7ea828dcebc16834e72a65302323b1389d06bbd2a6bd6b65"
    )


def test_manifests_of_a_lesson() -> None:
    stored = {
        "evidence": {
            "check_ins": {"came": 12, "needs_review": 0, "went": 0},
            "class_id": "cls_a",
            "division": "3401",
            "ends_at": "2026-11-28T11:00:00+08:00",
            "footage": [
                {
                    "camera_id": "cam-1",
                    "ended_at": "2026-11-28T11:00:00+08:00",
                    "id": "seg_a",
                    "sha256": "0" * 64,
                    "started_at": "2026-11-28T09:00:00+08:00",
                    "status": "stored",
                }
            ],
            "hours": 2,
            "institution": "X",
            "lesson_id": "les_a-1",
            "program_id": "prg_b",
            "project_id": "prj_c",
            "site": {"address": "路 1 号", "location": {}, "name": "甲"},
            "starts_at": "2026-11-28T09:00:00+08:00",
        },
        "number": 2,
        "previous_sha256": "1" * 64,
    }

    read = msgspec.json.decode(json.dumps(stored), type=manifest.Manifest)

    assert json.loads(msgspec.json.encode(read, order="deterministic")) == stored
    assert manifest.key_of("les_a-1", 2) == "lessons/les_a-1/manifest-000002.json"


def test_what_the_national_platform_reads(cloud: Any) -> None:
    delivery = exchange.Delivery(
        form="voucher.1",
        subject="vch_abcd",
        sequence=3,
        message_id=exchange.message_id_of("vch_abcd", 3),
        event="voucher.redeemed",
        area="3401",
        division="3401",
        occurred_at=MOMENT,
        state=exchange.DeliveryState.PENDING,
        queue="",
        body={"id": "vch_abcd"},
    )
    told = msgspec.to_builtins(message_of(delivery))
    assert opened(told.pop("sealed_body")) == {"id": "vch_abcd"}
    assert told.pop("told_at").endswith("+08:00")
    assert told == {
        "message_id": "msg_abcd-vch3",
        "subject": "vch_abcd",
        "sequence": 3,
        "event": "voucher.redeemed",
        "form": "voucher.1",
        "occurred_at": "2026-11-28T09:02:03.456789+08:00",
    }
    assert exchange_lines.line_of("platform", "vch_abcd") == "platform#10"


def test_the_token_of_a_qr() -> None:
    token = qr.make_token("vch_abcd", now=MOMENT, key=("k1", b"0" * 32), device="tag12345")
    assert token.text == "TV1-K1-ABCD-1C8B3DE-TAG12345-YELBOO5ND2VML7EM4FDNFUGD"


def test_the_text_of_a_moment_and_of_a_change() -> None:
    text = "2026-11-28T01:02:03.456789Z"
    assert table.MomentAttribute().serialize(MOMENT) == text
    assert ledger.moment_key(MOMENT) == text
    change = Change(actor="acc_b", role=Role.CLERK, action="voucher.revoke", request_id="req_c", at=MOMENT)
    assert (
        table.StructAttribute().serialize(change)
        == '{"actor":"acc_b","role":"clerk","action":"voucher.revoke","request_id":"req_c","at":"2026-11-28T01:02:03.456789Z"}'
    )


def test_shards_and_parts() -> None:
    assert (voucher_store.DUE_SHARDS, voucher_store.AREA_SHARDS) == (32, 8)
    assert exchange_lines.SHARDS == waiting.PARTS == 4
    assert waiting.queue_of("340111") == "3401#0"


def test_keys_are_derived_by_purpose() -> None:
    assert (
        keys.derive(b"seed", "person").hex()
        == "0fe024f25828562a17940c44c9249e15450fd3fa873428141cdae8493a3074c2"
    )


ARRAYS = {
    "chalicelib.catalogue.payees.model": ["id counts_from"],
    "chalicelib.settlement.batches.model": [
        "line_id enrolment_id voucher_id institution program_id budget_year amount_fen attempts set_offs",
    ],
    "chalicelib.settlement.ledger.model": [
        "line_id voucher_id institution amount_fen reference paid_on at_version"
    ],
    "chalicelib.settlement.set_off.model": ["line_id amount_fen"],
    "chalicelib.subsidies.claims.evidence": [
        "check override_id expires_on",
        (
            "class_status completion_approved_on on_roster enrolment_status theory practice pass_mark hours "
            "required_hours share attendance_min fee_fen rate_passed rate_failed subsidies_this_year "
            "subsidies_per_year same_level_before overrides completed_by_expiry last_lesson_on opens_on reject_reason"
        ),
    ],
    "chalicelib.subsidies.claims.model": [
        "bank_reference amount_fen received_on",
        "enrolment_id voucher_id",
        "line_id batch_id amount_fen booked",
    ],
    "chalicelib.subsidies.register.model": ["line_id occupation year waived"],
}
"""By module: the fields of each struct that is stored as an array, in their order. New ones go to the end."""


def test_structs_stored_as_arrays_keep_the_order_of_their_fields() -> None:
    arrays: dict[str, list[str]] = {}
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        for value in vars(importlib.import_module(module.name)).values():
            if is_own_array(value, module.name):
                arrays.setdefault(module.name, []).append(" ".join(value.__struct_fields__))
    assert {name: sorted(structs) for name, structs in arrays.items()} == ARRAYS


def is_own_array(value: Any, module: str) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module
        and value.__struct_config__.array_like
    )


def test_no_name_that_was_stored_is_lost() -> None:
    import app  # noqa: F401 - registers every table

    stored = json.loads((Path(__file__).parent / "stored_names.json").read_text())
    attributes = {model.Meta.table_name: set(model._attributes) for model in table.all_tables()}
    prefix = settings().table_prefix
    lost = {
        name: sorted(set(names) - attributes.get(prefix + name, set()))
        for name, names in stored["attributes"].items()
    }
    assert {name: names for name, names in lost.items() if names} == {}

    words = {frozenset(kind) for kind in enums()}
    assert [kind for kind in stored["words"] if not any(set(kind) <= known for known in words)] == []


def enums() -> Iterator[list[str]]:
    """Give the values of each enumeration whose words are stored: states, kinds, outcomes."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.name:
                yield sorted(member.value for member in value)
