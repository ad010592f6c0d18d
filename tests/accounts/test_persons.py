"""An account is a person's: duties, hands across accounts, ties to who made it, and proposals that lapse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.accounts import jobs
from chalicelib.accounts.duties.model import Duties, Post, Tie, own_hands, tied, tied_to
from chalicelib.accounts.duties.service import hands_of
from chalicelib.accounts.guard import forget_statuses
from chalicelib.accounts.model import AccountStatus, account_id_of
from chalicelib.accounts.store import AccountRow, find_account
from chalicelib.kernel.principal import Role, system_context
from tests.accounts.builders import activate, ask_for, confirm, holder, make, numbered, person_of, sign_in
from tests.classes.builders import Classroom
from tests.subsidies.scored import Money, scored_class
from tests.support.people import HEFEI_SCHOOL

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)


def hands(name: str, now: datetime | None = None) -> frozenset[str]:
    account = find_account(account_id_of(name))
    assert account is not None
    return hands_of(account, now or datetime.now(UTC)).all


def test_all_accounts_a_person_ever_had_are_their_hands(world: Any, api: Any) -> None:
    person = person_of(1)
    school = {"role": "institution", "institution": HEFEI_SCHOOL}
    make(api, "at-school", person=person, **school)
    make(api, "in-wuhu", person=person, division="3402")
    make(api, "somebody-else")
    mine = {account_id_of("at-school"), account_id_of("in-wuhu")}
    for name in ("at-school", "in-wuhu"):
        assert hands(name) >= mine
        assert account_id_of("somebody-else") not in hands(name)
    key = find_account(account_id_of("in-wuhu")).person_key  # type: ignore[union-attr]
    assert key in hands("at-school"), "as a trainee too"


def test_who_filed_a_class_for_a_school_does_not_decide_on_it_under_another_account(
    world: Any, api: Any
) -> None:
    person = person_of(1)
    make(api, "at-school", person=person, role="institution", institution=HEFEI_SCHOOL)
    room = Classroom(world)
    room.do(signed_in(api, "at-school"), "submit")
    switch_off(api, "at-school")
    make(api, "bureau", person=person)
    clerk = signed_in(api, "bureau")
    refused = room.try_(clerk, "approve")
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert room.try_("clerk", "approve").status == 200


def signed_in(api: Any, name: str) -> Any:
    from chalicelib.accounts.model import principal_of

    forget_statuses()
    account = find_account(account_id_of(name))
    assert account is not None
    return principal_of(account)


def test_who_gave_the_first_review_does_not_give_the_second_by_a_new_account(world: Any, api: Any) -> None:
    money, person = Money(world), person_of(1)
    money.budget()
    claim = money.claim(scored_class(world, 1))
    make(api, "jia", person=person)
    claim = money.ok(money.decide(signed_in(api, "jia"), claim, "review"))
    switch_off(api, "jia")
    make(api, "jia-too", person=person, role="reviewer")
    refused = money.decide(signed_in(api, "jia-too"), claim, "approve")
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    assert money.decide("reviewer", claim, "approve").status == 200


def version_of(name: str) -> int:
    return int(AccountRow.get(account_id_of(name)).version)


def switch_off(api: Any, name: str) -> None:
    body = {"version": version_of(name), "reason": "转岗"}
    assert api("province").post(f"/v1/accounts/{account_id_of(name)}/disable", body).status == 200


AT_SCHOOL = {"role": "institution", "institution": HEFEI_SCHOOL}


@pytest.mark.parametrize("role", ["clerk", "reviewer", "finance", "supervisor"])
def test_who_judges_a_school_is_not_on_its_staff(world: Any, api: Any, role: str) -> None:
    """Seen: a clerk made themselves staff of a school, and approved the class of a colleague there."""
    bureau = {"role": role, "person": person_of(1)}
    make(api, "bureau", **bureau)
    refused = ask_for(api, "at-school", person=person_of(1), **AT_SCHOOL)
    assert (refused.status, refused.json["code"]) == (409, "duty_held")
    make(api, "at-school", person=person_of(2), **AT_SCHOOL)
    refused = ask_for(api, "bureau-too", role=role, person=person_of(2))
    assert (refused.status, refused.json["code"]) == (409, "duty_held")
    elsewhere = ask_for(api, "in-wuhu", role=role, person=person_of(2), division="3402")
    assert elsewhere.status == 201, "another bureau's schools are not theirs to judge"


def test_nobody_of_the_province_is_on_a_schools_staff(world: Any, api: Any) -> None:
    make(api, "at-school", person=person_of(1), **AT_SCHOOL)
    refused = ask_for(api, "above", role="province", division="34", person=person_of(1))
    assert (refused.status, refused.json["code"]) == (409, "duty_held")


def test_who_made_a_reviewers_account_has_a_hand_in_what_it_decides_for_thirty_days(
    world: Any, api: Any
) -> None:
    money = Money(world)
    claim = money.claim(scored_class(world, 1))
    claim = money.ok(money.decide("clerk", claim, "review"))
    make(api, "new-reviewer", role="reviewer", who="clerk")
    reviewer = signed_in(api, "new-reviewer")
    refused = money.decide(reviewer, claim, "approve")
    assert (refused.status, refused.json["code"]) == (403, "self_approval")
    later = datetime.now(UTC) + timedelta(days=31)
    assert account_id_of("clerk") in hands("new-reviewer")
    assert account_id_of("new-reviewer") in hands("clerk"), "whoever was first"
    assert account_id_of("clerk") not in hands("new-reviewer", later)
    assert account_id_of("new-reviewer") not in hands("clerk", later)


def test_a_clerks_account_ties_nobody(world: Any, api: Any) -> None:
    make(api, "new-clerk", who="clerk")
    assert account_id_of("clerk") not in hands("new-clerk")


def test_a_change_of_duty_works_from_the_next_day(world: Any, api: Any) -> None:
    person = person_of(1)
    make(api, "clerk-yi", person=person)
    body = {"role": "reviewer", "person": person}
    held = ask_for(api, "reviewer-yi", **body)
    assert (held.status, held.json["code"]) == (409, "duty_held")
    elsewhere = ask_for(api, "reviewer-yi-wuhu", division="3402", **body)
    assert elsewhere.status == 201, "another place"
    switch_off(api, "clerk-yi")
    account = make(api, "reviewer-yi", **body)
    assert account["works_from"] is not None
    early = sign_in(api, "reviewer-yi")
    assert (early.status, early.json["code"]) == (409, "duty_not_begun")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    AccountRow(account["id"]).update(actions=[AccountRow.works_from.set(yesterday)])
    assert sign_in(api, "reviewer-yi").status == 200
    back = {"version": version_of("clerk-yi")}
    again = api("province").post(f"/v1/accounts/{account_id_of('clerk-yi')}/reset", back)
    assert (again.status, again.json["code"]) == (409, "duty_held"), (
        "nor is the old one switched on beside it"
    )


def test_a_confirmation_repeated_after_a_lost_answer_gives_the_first(world: Any, api: Any) -> None:
    asked = ask_for(api, "new-reviewer", role="reviewer").json
    first = confirm(api, asked, who="supervisor")
    again = confirm(api, asked, who="supervisor")
    assert (first.status, again.status) == (200, 200)
    assert first.json == again.json
    other = confirm(api, asked, who="province_two")
    assert (other.status, other.json["code"]) == (409, "version_conflict")
    assert version_of("new-reviewer") == 2, "confirmed once"


@pytest.mark.parametrize(
    ("who", "role", "division", "status"),
    [
        ("supervisor", "reviewer", "3401", 200),
        ("supervisor", "finance", "340111", 200),
        ("supervisor", "reviewer", "3402", 404),
        ("supervisor", "province", "34", 404),
        ("province_two", "supervisor", "3402", 200),
        ("clerk_two", "reviewer", "3401", 403),
        ("reviewer", "finance", "3401", 403),
        ("institution", "finance", "3401", 403),
        ("province", "reviewer", "3401", 403),
    ],
)
def test_who_confirms(world: Any, api: Any, who: str, role: str, division: str, status: int) -> None:
    asked = ask_for(api, "wanted", role=role, division=division).json
    assert confirm(api, asked, who=who).status == status


def test_a_proposal_lapses_after_thirty_days_and_frees_the_duty(world: Any, api: Any) -> None:
    asked = ask_for(api, "forgotten", role="reviewer").json
    late = datetime.now(UTC) + timedelta(days=30)
    path, body = f"/v1/accounts/{asked['id']}/confirm", {"version": asked["version"]}
    refused = api("supervisor").post(path, body, at=late)
    assert (refused.status, refused.json["code"]) == (409, "wrong_state"), (
        "also before the night wrote it down"
    )
    night = system_context("lapse_accounts", now=late, request_id="req_night")
    early = system_context("lapse_accounts", now=late - timedelta(hours=1), request_id="req_night")
    assert jobs.lapse_accounts(early) == {"lapsed": 0}
    assert jobs.lapse_accounts(night) == {"lapsed": 1}
    assert jobs.lapse_accounts(night) == {"lapsed": 0}
    assert find_account(asked["id"]).status is AccountStatus.LAPSED  # type: ignore[union-attr]
    assert ask_for(api, "instead", person=numbered("forgotten")).status == 201, "the duty is free"


def test_a_night_that_could_not_write_says_so_instead_of_leaving_proposals_for_the_next(
    world: Any, api: Any
) -> None:
    from chalicelib.kernel.errors import Unavailable
    from tests.proof.network import DROPPED, Network

    asked = ask_for(api, "overseen", role="reviewer").json
    late = datetime.now(UTC) + timedelta(days=31)
    night = system_context("lapse_accounts", now=late, request_id="req_night")
    network = Network(None)
    with network.watched({4: DROPPED}), pytest.raises(Unavailable):
        jobs.lapse_accounts(night)
    assert network.seen[3] == "dynamodb.TransactWriteItems"
    assert jobs.lapse_accounts(night) == {"lapsed": 1}
    assert find_account(asked["id"]).status is AccountStatus.LAPSED  # type: ignore[union-attr]


def test_an_account_from_before_becomes_a_persons_by_its_reset(world: Any, api: Any) -> None:
    make(api, "old", person=person_of(3))
    AccountRow(account_id_of("old")).update(
        actions=[AccountRow.person_key.remove(), AccountRow.masked_id_number.remove()]
    )
    assert sign_in(api, "old").status == 200, "it works on"
    path = f"/v1/accounts/{account_id_of('old')}/reset"
    without = api("province").post(path, {"version": version_of("old")})
    assert (without.status, without.json["errors"][0]["field"]) == (400, "id_number")
    body = {"version": version_of("old"), "id_number": person_of(3).id_number}
    reset = api("province").post(path, body)
    assert (reset.status, reset.json["id_number"].count("*")) == (200, 11)
    assert activate(api, "old", reset.json["activation_code"], person=person_of(3)).status == 200


def test_the_first_accounts_are_two_people_of_the_province_and_no_more(cloud: Any, api: Any) -> None:
    context = system_context("bootstrap_accounts", now=datetime.now(UTC), request_id="req_boot")
    people = {name: numbered(name) for name in ("one", "two", "three")}

    def boot(*names: str) -> Any:
        wanted = [
            {"account": name, "name": people[name].name, "id_number": people[name].id_number}
            for name in names
        ]
        return jobs.bootstrap_accounts({"accounts": wanted}, context)

    lost = boot("one", "two")
    made = boot("one", "two")
    assert (lost["created"], made["created"]) == (2, 2), "what nobody activated gets another code"
    codes = made["activation_codes"]
    assert activate(api, "one", lost["activation_codes"]["one"]).status == 401
    assert activate(api, "one", codes["one"], person=people["two"]).status == 401, "with its own card only"
    for name in ("one", "two"):
        assert activate(api, name, codes[name]).status == 200
        assert sign_in(api, name).json["role"] == "province"
    assert boot("one", "three") == {"created": 0, "activation_codes": {}}
    assert sign_in(api, "three").status == 401


def test_ties_end_and_hold_both_ways() -> None:
    post = Post(account="acc_a", role=Role.CLERK, division="3401")
    duties = Duties(holder="prs_a", posts=[post], ties=[Tie(holder="prs_old", until=NOW)])
    after = tied(duties, "prs_b", NOW)
    assert own_hands(after) == {"prs_a", "acc_a"}
    assert tied_to(after, NOW) == ["prs_b"]
    assert tied_to(after, NOW + timedelta(days=30)) == []
    assert tied(duties, "prs_a", NOW) == duties, "nobody is tied to themselves"


def test_the_days_of_a_tie_count_from_the_confirmation(world: Any, api: Any) -> None:
    """Else somebody asks early, has it confirmed late, and is tied to nobody by then."""
    asked = ask_for(api, "payer-late", role="finance", who="clerk").json
    late = datetime.now(UTC) + timedelta(days=29)
    assert (
        api("supervisor")
        .post(f"/v1/accounts/{asked['id']}/confirm", {"version": asked["version"]}, at=late)
        .status
        == 200
    )
    maker = account_id_of("clerk")
    assert maker in hands("payer-late", late + timedelta(days=29))
    assert maker not in hands("payer-late", late + timedelta(days=31))


def test_a_tie_gives_nobody_a_right(world: Any, api: Any) -> None:
    """What somebody may do with their own request, those tied to them may not."""
    from chalicelib.accounts.duties.service import hands_of

    make(api, "payer-tied", role="finance", who="clerk")
    account = find_account(account_id_of("payer-tied"))
    assert account is not None
    found = hands_of(account, datetime.now(UTC))
    assert account_id_of("clerk") in found.all
    assert account_id_of("clerk") not in found.own
    assert account.id in found.own


def test_two_duties_asked_for_at_once_are_one(world: Any, api: Any) -> None:
    """The write carries the version of what the person held: who read before the other is late."""
    from chalicelib.accounts.duties import store as duties_store
    from chalicelib.accounts.duties.service import taking_writes
    from chalicelib.accounts.model import Account
    from chalicelib.accounts.persons.service import person_key_of
    from chalicelib.accounts.store import create_account
    from chalicelib.aws.writes import ConditionFailed

    person = person_of(5)
    key = person_key_of(person.id_number)
    before = duties_store.read(key)
    make(api, "first", person=person)
    late = Account(
        id=account_id_of("second"),
        account="second",
        sealed_name="",
        role=Role.FINANCE,
        division="3401",
        status=AccountStatus.PROPOSED,
        person_key=key,
    )
    with pytest.raises(ConditionFailed):
        create_account(late, taking_writes(before, late, maker=None, now=NOW), world.change)
    assert find_account(late.id) is None


# --------------------------------------------------------------------------- what was shown to fail


def test_a_decision_reads_the_account_fresh_and_nothing_else_does(world: Any, api: Any) -> None:
    """Switched off in another process a moment ago: this one still remembers the account as it was."""
    reviewer = holder(api, "switched-off", role="reviewer")
    me = account_id_of("switched-off")
    assert reviewer.get("/v1/me").status == 200
    AccountRow(me).update(actions=[AccountRow.status.set("disabled")])
    assert reviewer.get("/v1/me").status == 200, "what only reads is believed for half a minute"
    refused = reviewer.post("/v1/claim-decisions", {"decisions": []})
    assert refused.status == 401, refused.text
    assert reviewer.get("/v1/me").status == 401


def test_who_asked_for_an_account_does_not_confirm_it_after_somebody_elses_reset(api: Any) -> None:
    """A reset is asked for by the other: it becomes the proposer, and the first one's hand is kept by the tie."""
    asked = ask_for(api, "puppet", role="reviewer", who="province")
    reset = api("clerk").post(f"/v1/accounts/{asked.json['id']}/reset", {"version": asked.json["version"]})
    assert (reset.status, reset.json["status"]) == (200, "proposed"), reset.text
    forget_statuses()
    refused = confirm(api, reset.json, who="province")
    assert (refused.status, refused.json["code"]) == (403, "self_approval"), refused.text
    assert confirm(api, reset.json, who="province_two").status == 200
