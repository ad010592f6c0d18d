"""Rights lost by other people's mistakes come back: two of the province restore a voucher to the state before."""

from datetime import date, timedelta

import pytest

import app
from chalicelib.accounts.model import account_id_of
from chalicelib.accounts.persons.service import person_key_of
from chalicelib.aws.writes import update
from chalicelib.edge.idempotency.store import FirstCallRow
from chalicelib.enrolments import store as enrolment_store
from chalicelib.enrolments.model import EnrolmentStatus
from chalicelib.exchange.messages.reported import REPORTED, event_of
from chalicelib.kernel.principal import system_context
from chalicelib.people.standings.model import Situation
from chalicelib.programs import store as program_store
from chalicelib.programs.service import forget_programs
from chalicelib.supervision.reports.model import EVERY_PROGRAM, CountScope, division_place, moves_of
from chalicelib.vouchers import store
from chalicelib.vouchers.ineligibility import service as ineligibility
from chalicelib.vouchers.model import VoucherStatus
from chalicelib.vouchers.store import VoucherRow
from tests.support.in_process import Interrupted
from tests.vouchers.lists import say

REASON = "比对名单有误，已更正"
ONE, OTHER = "province", "province_two"


class Lost:
    """A voucher, and the ways in which it is lost and comes back."""

    def __init__(self, world, voucher_id):
        self.world, self.id, self.now = world, voucher_id, world.now

    @property
    def voucher(self):
        return store.read_voucher(self.id)

    def api(self, who):
        return self.world.api(who)

    def read(self, who=ONE):
        return self.api(who).get(f"/v1/vouchers/{self.id}", at=self.now).json

    def revoke(self):
        body = {"version": self.voucher.version, "reason": "查实不符合条件"}
        answer = self.api("clerk").post(f"/v1/vouchers/{self.id}/revoke", body, at=self.now)
        assert answer.status == 200, answer.text
        return self

    def expire(self):
        self.now = self.voucher.expires_at + timedelta(hours=1)
        app.expire_vouchers({"now": self.now.isoformat()}, None)
        self.world.cloud.work("expiry", app.expire_shard)
        assert self.voucher.status is VoucherStatus.EXPIRED
        return self

    def propose(self, who=ONE, **facts):
        return self.api(who).post(f"/v1/vouchers/{self.id}/restore", {"reason": REASON, **facts}, at=self.now)

    def confirm(self, who=OTHER, **facts):
        return self.api(who).post(f"/v1/vouchers/{self.id}/restore/confirm", facts, at=self.now)

    def restore(self, **facts):
        proposed = self.propose(**facts)
        assert proposed.status == 200, proposed.text
        confirmed = self.confirm()
        assert confirmed.status == 200, confirmed.text
        return confirmed.json


@pytest.fixture
def person(world):
    return world.person(1)


def lost(world, person, **facts):
    return Lost(world, world.voucher(person, **facts))


def refusal(answer):
    return answer.status, answer.json["code"]


@pytest.mark.parametrize("claimed", [False, True])
def test_a_wrongly_revoked_voucher_is_what_it_was_by_the_word_of_two(world, person, claimed):
    gone = lost(world, person, claimed=claimed).revoke()
    before = gone.voucher
    proposed = gone.propose()
    assert (proposed.status, proposed.json["status"]) == (200, "revoked")
    waiting = proposed.json["restoration"]
    assert (waiting["reason"], waiting["target"]) == (REASON, "claimed" if claimed else "issued")
    confirmed = gone.confirm()
    assert (confirmed.status, confirmed.json["status"]) == (200, "claimed" if claimed else "issued")
    after = gone.voucher
    assert (after.expires_at, after.valid_through) == (before.expires_at, before.valid_through)
    assert after.due_shard == store.due_shard_of(after)
    assert confirmed.json["restored_at"] is not None
    assert confirmed.json["restoration"] is None
    if claimed:
        assert world.api(person).get(f"/v1/vouchers/{gone.id}/qr", at=gone.now).status == 200


def test_nobody_restores_a_voucher_alone(world, person):
    gone = lost(world, person).revoke()
    assert refusal(gone.confirm()) == (409, "restore_not_asked")
    assert gone.propose().status == 200
    assert refusal(gone.confirm(ONE)) == (403, "self_approval")
    assert refusal(gone.propose(OTHER)) == (409, "restore_already_asked")
    assert refusal(gone.propose("clerk")) == (403, "forbidden")
    assert refusal(gone.confirm("supervisor")) == (403, "forbidden")
    assert gone.voucher.status is VoucherStatus.REVOKED


def test_a_confirmation_that_is_repeated_gives_the_restored_voucher_and_changes_nothing(world, person):
    gone = lost(world, person).revoke()
    gone.restore()
    version = gone.voucher.version
    again = gone.confirm()
    assert (again.status, again.json["status"], again.json["version"]) == (200, "claimed", version)


def test_the_same_proposal_again_changes_nothing_and_its_maker_may_make_another(world, person):
    gone = lost(world, person).revoke()
    first = gone.propose().json
    assert gone.propose().json["version"] == first["version"]
    other = gone.propose(reason="另一事由").json
    assert (other["version"], other["restoration"]["reason"]) == (first["version"] + 1, "另一事由")
    assert refusal(gone.confirm(version=first["version"])) == (409, "version_conflict")
    assert gone.confirm(version=other["version"]).status == 200


def test_a_proposal_lapses_in_thirty_days(world, person):
    gone = lost(world, person).revoke()
    assert gone.propose().status == 200
    gone.now += timedelta(days=30)
    assert gone.read()["restoration"] is None
    assert refusal(gone.confirm()) == (409, "restore_not_asked")
    assert gone.propose(OTHER).status == 200
    assert gone.confirm(ONE).status == 200


@pytest.mark.parametrize("claimed", [False, True])
def test_an_expired_voucher_comes_back_with_the_time_that_was_taken(world, person, claimed):
    gone = lost(world, person, claimed=claimed).expire()
    assert refusal(gone.propose()) == (409, "restore_needs_extension")
    extended_to = gone.now.date() + timedelta(days=90)
    shown = gone.restore(extended_to=extended_to.isoformat())
    assert (shown["status"], shown["valid_through"]) == (
        "claimed" if claimed else "issued",
        extended_to.isoformat(),
    )
    voucher = gone.voucher
    assert voucher.expires_at.isoformat() == f"{extended_to.isoformat()}T16:00:00+00:00"
    app.expire_vouchers({"now": (voucher.expires_at - timedelta(minutes=1)).isoformat()}, None)
    world.cloud.work("expiry", app.expire_shard)
    assert gone.voucher.status is voucher.status
    gone.expire()  # its new day has passed: the night finds it


def test_a_voucher_whose_expiry_no_night_has_recorded_yet_is_restored_as_one_that_has(world, person):
    gone = lost(world, person)
    gone.now = gone.voucher.expires_at + timedelta(minutes=1)
    assert "restore" in gone.read()["allowed_actions"]
    extended_to = gone.now.date() + timedelta(days=30)
    assert gone.restore(extended_to=extended_to.isoformat())["status"] == "claimed"


@pytest.mark.parametrize(
    ("days", "refused"),
    [(None, (409, "restore_needs_extension")), (400, (422, "extension_out_of_range"))],
)
def test_a_refused_proposal_is_refused_again_under_its_key_though_the_first_recorded_the_expiry(
    world, person, days, refused
):
    gone = lost(world, person)
    gone.now = gone.voucher.expires_at + timedelta(minutes=1)
    until = {} if days is None else {"extended_to": (gone.now.date() + timedelta(days=days)).isoformat()}
    body = {"reason": REASON, **until}
    for _ in range(3):
        answer = gone.api(ONE).post(
            f"/v1/vouchers/{gone.id}/restore", body, at=gone.now, headers={"Idempotency-Key": "k"}
        )
        assert refusal(answer) == refused
        assert gone.voucher.status is VoucherStatus.EXPIRED
    assert gone.read()["restoration"] is None


def test_a_proposal_that_died_on_recording_the_expiry_is_made_by_its_repeat(world, person, emulator):
    gone = lost(world, person)
    gone.now = gone.voucher.expires_at + timedelta(minutes=1)
    body = {"reason": REASON, "extended_to": (gone.now.date() + timedelta(days=60)).isoformat()}

    def propose():
        return gone.api(ONE).post(
            f"/v1/vouchers/{gone.id}/restore", body, at=gone.now, headers={"Idempotency-Key": "k"}
        )

    def die(number):
        if number < 0 and emulator.rows(VoucherRow)[0].status is VoucherStatus.EXPIRED:
            raise Interrupted

    with pytest.raises(Interrupted), emulator.interrupted(die):
        propose()
    assert gone.voucher.restoration is None
    for call in emulator.rows(FirstCallRow):
        FirstCallRow(call.id).update(actions=[FirstCallRow.leased_until.set(0)])
    assert propose().json["restoration"]["extended_to"] == body["extended_to"]
    assert gone.voucher.version == 4, "issued, claimed, expired, proposed"


@pytest.mark.parametrize(
    ("days", "code"), [(-1, "extension_out_of_range"), (366 + 400, "extension_out_of_range")]
)
def test_a_voucher_is_extended_neither_backwards_nor_beyond_one_issued_today(world, person, days, code):
    gone = lost(world, person).revoke()
    until = gone.voucher.valid_through + timedelta(days=days)
    assert refusal(gone.propose(extended_to=until.isoformat())) == (422, code)


def test_a_proposal_whose_day_has_passed_before_it_was_confirmed_is_refused_with_that_reason(world, person):
    gone = lost(world, person).expire()
    tomorrow = gone.now.date() + timedelta(days=1)
    assert gone.propose(extended_to=tomorrow.isoformat()).status == 200
    gone.now += timedelta(days=3)
    assert refusal(gone.confirm()) == (409, "restore_needs_extension")


# --------------------------------------------------------------------------- spent vouchers


def spent(world, person):
    enrolment = world.enrolment(person)
    return Lost(world, enrolment["voucher_id"]), enrolment


def test_a_redeemed_voucher_is_bound_to_its_enrolment_again(world, person):
    gone, enrolment = spent(world, person)
    before = gone.voucher
    gone.revoke()
    assert enrolment_store.read_enrolment(enrolment["id"]).status is EnrolmentStatus.RELEASED
    assert gone.restore()["status"] == "redeemed"
    after = gone.voucher
    assert (after.enrolment_id, after.institution) == (before.enrolment_id, before.institution)
    assert after.due_shard is None
    assert enrolment_store.read_enrolment(enrolment["id"]).status is EnrolmentStatus.CONFIRMED


def test_one_whose_school_was_suspended_meanwhile_comes_back_unspent(world, person, api):
    gone, enrolment = spent(world, person)
    gone.revoke()
    suspend(world, enrolment["institution"])
    assert gone.propose().json["restoration"]["target"] == "claimed"
    assert gone.confirm().json["status"] == "claimed"
    assert (gone.voucher.enrolment_id, gone.voucher.redeemed_at) == (None, None)
    assert gone.voucher.due_shard is not None
    assert enrolment_store.read_enrolment(enrolment["id"]).status is EnrolmentStatus.RELEASED


def test_what_was_proposed_is_what_is_confirmed_or_nothing(world, person):
    gone, enrolment = spent(world, person)
    gone.revoke()
    assert gone.propose().json["restoration"]["target"] == "redeemed"
    suspend(world, enrolment["institution"])
    assert refusal(gone.confirm()) == (409, "institution_suspended")
    assert gone.voucher.status is VoucherStatus.REVOKED


def suspend(world, uscc):
    from chalicelib.catalogue.institutions.reading import read_institution

    body = {"version": read_institution(uscc).version, "reason": "整改"}
    assert world.api("clerk").post(f"/v1/institutions/{uscc}/suspend", body, at=world.now).status == 200


def test_a_spent_voucher_whose_class_has_to_end_by_its_day_waits_for_that_day_again(world, person):
    gone, _ = spent(world, person)
    gone.revoke()
    program = program_store.read_program(world.program_id)
    policy = type(program.policy)(expiry_scope="complete")
    program_store.change_policy(program, policy, version=program.version, change=world.change)
    forget_programs()
    assert gone.restore()["status"] == "redeemed"
    assert gone.voucher.due_shard == store.due_shard_of(gone.voucher)


# --------------------------------------------------------------------------- lists


def follow(world, person):
    context = system_context("test", now=world.now, request_id="req_test")
    ineligibility.follow(context, [person_key_of(person.id_number)])


def test_a_voucher_lost_by_a_wrong_list_is_restored_once_the_list_is_corrected(world, person):
    gone = lost(world, person)
    since = date(2026, 8, 1)
    say(world, person, Situation.DECEASED, since=since)
    follow(world, person)
    assert gone.read()["status"] == "revoked"
    assert "restore" not in gone.read()["allowed_actions"]
    assert refusal(gone.propose()) == (409, "listed_deceased")
    say(world, person, Situation.DECEASED, since=since, until=since, as_of=world.now.date())
    assert "restore" in gone.read()["allowed_actions"]
    assert gone.restore()["status"] == "claimed"
    assert gone.read()["ineligible"] is None
    assert world.api(person).get(f"/v1/vouchers/{gone.id}/qr", at=world.now).status == 200


def test_a_list_that_comes_between_proposal_and_confirmation_refuses_it(world, person):
    gone = lost(world, person).revoke()
    assert gone.propose().status == 200
    say(world, person, Situation.EMPLOYED, since=date(2026, 8, 1))
    assert refusal(gone.confirm()) == (409, "listed_employed")
    assert gone.voucher.status is VoucherStatus.REVOKED


# --------------------------------------------------------------------------- where nothing is lost


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("issued", "voucher_not_lost"),
        ("claimed", "voucher_not_lost"),
        ("redeemed", "voucher_not_lost"),
        ("settled", "voucher_settled"),
        ("closed", "voucher_closed"),
    ],
)
def test_what_is_not_lost_is_not_restored_and_the_reason_is_told(world, person, status, code):
    gone = lost(world, person)
    row = VoucherRow
    update(row, (gone.id,), [row.status.set(status)], condition=row.id.exists(), change=world.change)
    assert "restore" not in gone.read()["allowed_actions"]
    assert refusal(gone.propose()) == (409, code)


def test_what_is_offered_is_accepted(world, person):
    gone = lost(world, person).revoke()

    def offered(who):
        return [action for action in gone.read(who)["allowed_actions"] if "restore" in action]

    assert (offered(ONE), offered(OTHER), offered("clerk")) == (["restore"], ["restore"], [])
    gone.propose()
    assert (offered(ONE), offered(OTHER)) == (["restore"], ["confirm_restore"])
    gone.confirm()
    assert (offered(ONE), offered(OTHER)) == ([], [])


# --------------------------------------------------------------------------- told and counted


def test_proposals_stand_in_one_list_until_they_are_decided_or_lapse(world, api):
    gone = [lost(world, world.person(n)).revoke() for n in range(3)]
    for one in gone[:2]:
        one.propose()
    query = {"flag": "restore_asked"}

    def listed(who, at=world.now):
        answer = api(who).get("/v1/vouchers", query, at=at)
        return {voucher["id"] for voucher in answer.json["items"]}

    assert listed(OTHER) == {gone[0].id, gone[1].id}
    assert listed("supervisor_wuhu") == set()
    gone[0].confirm()
    assert listed(OTHER) == {gone[1].id}
    assert listed(OTHER, at=world.later(days=31)) == set()


def test_restoring_is_told_to_the_platform_and_counted(world, person):
    gone = lost(world, person).revoke()
    before = row_of(gone)
    gone.restore()
    after = row_of(gone)
    assert event_of(REPORTED["vouchers"], before, after) == "voucher.restored"
    moves = moves_of(before, after, chain="3401")
    scope = CountScope(program=EVERY_PROGRAM, place=division_place(after["division"]))
    assert moves[scope] == {"revoked": -1, "claimed": 1, "ever_restored": 1}


def row_of(gone):
    voucher = gone.voucher
    return {name: getattr(voucher, name) for name in voucher.__struct_fields__} | {
        "status": str(voucher.status)
    }


def test_the_record_tells_who_confirmed_and_the_reason_that_was_given(world, person):
    gone = lost(world, person).revoke()
    gone.restore()
    change = gone.voucher.last_change
    assert (change.action, change.reason) == ("voucher.restore", REASON)
    assert change.actor == account_id_of(OTHER)
