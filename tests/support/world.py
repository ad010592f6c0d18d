"""A seeded province, and builders that bring things to a state through the API where that is cheap."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from infra.local.people import make_person
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL, WUHU_SCHOOL

FORTY_HOURS = "prj_internetmarketing-5"


class World:
    """One program, the seed's institutions of three staff, and all projects."""

    def __init__(self, cloud: Any, api: Any) -> None:
        from chalicelib.kernel.principal import Change, Role

        self.cloud = cloud
        self.api = api
        self.now = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)  # 9 o'clock in Shanghai
        self.change = Change(
            actor="test", role=Role.SYSTEM, action="test.seed", request_id="req_test", at=self.now
        )
        self.program_id = "prg_world"

    def seed(self) -> None:
        """Put the province into empty tables."""
        from chalicelib.catalogue.institutions import store as catalogue_store
        from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, Location
        from chalicelib.catalogue.projects import store as projects_store
        from chalicelib.catalogue.projects.model import Project
        from chalicelib.kernel.ids import ProgramId
        from infra.local import catalogue

        self.program(self.program_id)
        for project in catalogue.PROJECTS:
            record = msgspec.convert({**project, "programs": [self.program_id]}, Project)
            projects_store.save_project(record, version=None, change=self.change)
        for entry in catalogue.INSTITUTIONS:
            if entry["uscc"] not in (HEFEI_SCHOOL, HEFEI_OTHER, WUHU_SCHOOL):
                continue
            institution = Institution(
                uscc=entry["uscc"],
                name=entry["name"],
                division=entry["division"],
                address=entry["address"],
                phone=entry["phone"],
                location=msgspec.convert(entry["location"], Location),
                programs=[ProgramId(self.program_id)],
                projects=list(dict.fromkeys([*entry["projects"], FORTY_HOURS])),
                status=InstitutionStatus.LISTED,
            )
            catalogue_store.save_institution(institution, version=None, change=self.change)
            self.account(entry["uscc"], **entry["bank_account"])

    def program(self, program_id: str) -> None:
        """Store a program, of the policy that stands in the catalogue of the local cloud."""
        from chalicelib.kernel.ids import ProgramId
        from chalicelib.programs import store as program_store
        from chalicelib.programs.model import Face, Policy, Program
        from infra.local import catalogue

        body = catalogue.PROGRAM
        program_store.create_program(
            Program(
                id=ProgramId(program_id),
                name=body["name"],
                division=body["division"],
                kind=body["kind"],
                face=msgspec.convert(body["face"], Face),
                # Bare classes look like cheating: no footage, marks all alike. Their tests are of something else.
                policy=msgspec.convert(body["policy"] | {"patterns_stop_payment": False}, Policy),
                policy_version=1,
            ),
            self.change,
        )

    def account(self, uscc: str, *, holder: str, bank: str, number: str) -> None:
        """Store an account of an institution that two people agreed on long ago."""
        from chalicelib.aws import crypto
        from chalicelib.catalogue.payees.model import (
            ConfirmedPayee,
            PayeeAccount,
            Payees,
            PayeeStatus,
            payee_id_of,
        )
        from chalicelib.catalogue.payees.service import digests_of
        from chalicelib.catalogue.payees.store import PayeeAccountRow, PayeesRow
        from chalicelib.kernel.identity import mask_account
        from chalicelib.kernel.ids import Uscc

        payee_id, then = payee_id_of(uscc, 1), self.now - timedelta(days=365)
        account = PayeeAccount(
            institution=Uscc(uscc),
            id=payee_id,
            division="3401",
            status=PayeeStatus.CONFIRMED,
            holder=holder,
            bank=bank,
            sealed_number=crypto.seal(number.encode(), item=f"payee-account:{uscc}:{payee_id}"),
            masked_number=mask_account(number),
            number_digest=digests_of(number)[0],
            holder_differs=False,
            shared_with=[],
            wait_days=3,
            reason="测试",
            proposed_by="test",
            proposed_at=then,
            counts_from=then,
            decided_by="test_two",
            decided_at=then,
        )
        PayeeAccountRow.from_record(account).save()
        confirmed = [ConfirmedPayee(payee_id, then)]
        PayeesRow.from_record(
            Payees(institution=Uscc(uscc), division="3401", confirmed=confirmed, proposals=1)
        ).save()

    def account_of_before(
        self, uscc: str, *, holder: str = "学校", number: str = "6222020000000009993"
    ) -> None:
        """Put an account on an institution's own row, as it was before accounts were confirmed; no other."""
        from chalicelib.aws import crypto
        from chalicelib.catalogue.institutions.store import InstitutionRow
        from chalicelib.catalogue.payees.model import payee_id_of
        from chalicelib.catalogue.payees.store import PayeeAccountRow, PayeesRow
        from chalicelib.kernel.identity import mask_account

        PayeesRow(uscc).delete()
        PayeeAccountRow(uscc, payee_id_of(uscc, 1)).delete()
        sealed = crypto.seal(number.encode(), item=f"institution:{uscc}")
        InstitutionRow(uscc).update(
            actions=[
                InstitutionRow.bank_holder.set(holder),
                InstitutionRow.bank.set("徽商银行合肥分行"),
                InstitutionRow.sealed_bank_account.set(sealed),
                InstitutionRow.masked_bank_account.set(mask_account(number)),
            ]
        )

    @property
    def project_id(self) -> str:
        """A project of 40 lesson hours that all three institutions teach."""
        return FORTY_HOURS

    def person(self, index: int) -> Any:
        """Give a synthetic person."""
        return make_person(index, today=self.now.date())

    def voucher(self, person: Any, *, claimed: bool = True, issued_at: datetime | None = None) -> str:
        """Issue a voucher to a person, as a batch would; claimed unless told otherwise."""
        from chalicelib.accounts.persons.service import person_key_of
        from chalicelib.kernel.principal import system_context
        from chalicelib.people.lists.graduates.model import Graduate
        from chalicelib.people.lists.graduates.service import person_of
        from chalicelib.people.vault import store as vault_store
        from chalicelib.programs.service import read_program
        from chalicelib.vouchers import store as voucher_store
        from chalicelib.vouchers.batches.chunks.service import new_voucher
        from chalicelib.vouchers.batches.model import IssuanceBatch, IssuanceBatchStatus

        graduate = Graduate(
            row=2,
            name=person.name,
            id_number=person.id_number,
            school=person.school,
            degree=person.degree,
            graduated_on=person.graduated_on,
            left_school_on=person.left_school_on,
            employment_status=person.employment_status,
            phone=person.phone,
            division="340111",
        )
        key = person_key_of(person.id_number)
        vault_store.save_people([person_of(graduate, "imp_world", key)])
        moment = issued_at or self.now
        batch = IssuanceBatch(
            id="iss_world",  # type: ignore[arg-type]
            program_id=self.program_id,  # type: ignore[arg-type]
            import_id="imp_world",  # type: ignore[arg-type]
            status=IssuanceBatchStatus.ISSUING,
            proposed_by="test",
            proposed_at=moment,
        )
        context = system_context("test", now=moment, request_id="req_test")
        voucher = new_voucher(context, graduate, key, read_program(self.program_id), batch)
        voucher_store.issue([voucher], self.change)
        if claimed:
            answer = self.api(person).post(f"/v1/vouchers/{voucher.id}/claim", at=moment)
            assert answer.status == 200, answer.text
        return voucher.id

    def enrolment(
        self, person: Any, *, institution: str = "institution", at: datetime | None = None
    ) -> dict[str, Any]:
        """Redeem a fresh voucher of this person at an institution and give the enrolment."""
        moment = at or self.now
        voucher_id = self.voucher(person, issued_at=moment)
        token = self.api(person).get(f"/v1/vouchers/{voucher_id}/qr", at=moment).json["token"]
        answer = self.scan(token, institution=institution, at=moment)
        assert answer.status == 201, answer.text
        return dict(answer.json)

    def scan(
        self, token: str, *, institution: str = "institution", nonce: str | None = None, at: datetime
    ) -> Any:
        """Scan a code at an institution."""
        body = {
            "token": token,
            "project_id": self.project_id,
            "nonce": nonce or uuid.uuid4().hex,
            "device_id": "counter-1",
            "happened_at": at.isoformat(),
        }
        return self.api(institution).post("/v1/enrolments", body, at=at)

    def later(self, **span: float) -> datetime:
        """Give the world's time plus a span."""
        return self.now + timedelta(**span)
