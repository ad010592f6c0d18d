"""An approval covers exactly what was shown: the policy, the worth of each voucher, their count and total."""

from datetime import date, timedelta

from chalicelib.aws.writes import update
from chalicelib.programs import store as program_store
from chalicelib.programs.service import forget_programs
from chalicelib.vouchers import store
from chalicelib.vouchers.batches import store as batch_store
from chalicelib.vouchers.model import voucher_id_of
from tests.vouchers.lists import approve, deliver, graduate_of, propose, read, ready_list, say


def change_policy(world, **terms):
    """Publish a policy version over HTTP."""
    program = world.api("province").get(f"/v1/programs/{world.program_id}", at=world.now).json
    body = {"version": program["version"], "policy": program["policy"] | terms}
    answer = world.api("province").post(f"/v1/programs/{world.program_id}/policy", body, at=world.now)
    assert answer.status in (200, 201), answer.text


def proposed(world, people, **facts):
    rows = [graduate_of(world.person(n), row, **facts) for row, n in enumerate(people, start=2)]
    return propose(world, ready_list(world, [rows]))


def terms_of(batch):
    return tuple(
        batch[name] for name in ("policy_version", "face_value_fen", "validity_months", "amount_fen")
    )


def issued_to(world, n):
    from chalicelib.accounts.persons.service import person_key_of

    key = person_key_of(world.person(n).id_number)
    return store.find_voucher(voucher_id_of(key, world.program_id))


def test_the_approver_sees_the_policy_the_worth_and_the_total(world):
    batch = proposed(world, [1, 2, 3])
    assert terms_of(batch) == (1, 600_000, 12, 1_800_000)
    assert batch["newest_policy"] is None


def test_a_batch_approved_at_6000_yuan_is_issued_at_6000_though_the_policy_says_60000_by_then(world, cloud):
    batch = proposed(world, [1, 2])
    change_policy(world, face_value_fen=6_000_000, validity_months=24)
    shown = read(world, batch)
    assert terms_of(shown) == (1, 600_000, 12, 1_200_000)
    assert shown["newest_policy"] == {"policy_version": 2, "face_value_fen": 6_000_000, "validity_months": 24}
    assert approve(world, batch).status == 200
    change_policy(world, face_value_fen=7_000_000)
    deliver(cloud.messages("issuance"))
    vouchers = [issued_to(world, n) for n in (1, 2)]
    assert [voucher.face_value_fen for voucher in vouchers] == [600_000, 600_000]
    assert {voucher.valid_through for voucher in vouchers} == {date(2027, 9, 1)}


def test_chunks_are_issued_alike_whatever_policy_a_worker_has_in_its_cache(world, cloud):
    chunks = [[graduate_of(world.person(n), n + 1)] for n in (1, 2, 3)]
    batch = propose(world, ready_list(world, chunks))
    assert approve(world, batch).status == 200
    first, second, third = cloud.messages("issuance")
    deliver([first])
    program = program_store.read_program(world.program_id)
    policy = type(program.policy)(face_value_fen=6_000_000)
    program_store.change_policy(program, policy, version=program.version, change=world.change)
    deliver([second])  # this process still believes the policy of before
    forget_programs()
    deliver([third])  # another one has read the new one
    assert {issued_to(world, n).face_value_fen for n in (1, 2, 3)} == {600_000}


def test_a_policy_that_lets_more_people_in_does_not_count_for_a_batch_proposed_before(world, cloud):
    rows = [
        graduate_of(world.person(1), 2, employment_status="已就业"),
        graduate_of(world.person(2), 3),
    ]
    batch = propose(world, ready_list(world, [rows]))
    assert (batch["eligible"], batch["refused"], batch["amount_fen"]) == (1, 1, 600_000)
    change_policy(world, employment="any")
    assert approve(world, batch).status == 200
    deliver(cloud.messages("issuance"))
    assert (read(world, batch)["issued"], issued_to(world, 1)) == (1, None)


def test_whom_the_approver_saw_refused_gets_no_voucher_though_the_reason_is_over_by_then(world, cloud):
    listed = world.person(1)
    say(world, listed, since=date(2026, 8, 1), until=world.now.date())
    batch = proposed(world, [1, 2])
    assert (batch["eligible"], batch["refused"], batch["amount_fen"]) == (1, 1, 600_000)
    world.now += timedelta(days=2)
    assert approve(world, batch).status == 200
    deliver(cloud.messages("issuance"))
    shown = read(world, batch)
    assert (shown["issued"], issued_to(world, 1)) == (1, None)
    assert shown["outcome"]["refused_by_reason"] == [{"code": "listed_employed", "count": 1}]


def test_a_batch_proposed_before_policies_were_pinned_is_rejected_and_proposed_again(world):
    batch = proposed(world, [1])
    row = batch_store.IssuanceBatchRow
    update(row, (batch["id"],), [row.policy_version.remove()], condition=row.id.exists(), change=world.change)
    assert read(world, batch)["policy_version"] is None
    refused = approve(world, batch)
    assert (refused.status, refused.json["code"]) == (409, "batch_not_pinned")
    shown = world.api("province_two").get(
        f"/v1/programs/{world.program_id}/issuance-batches/{batch['id']}", at=world.now
    )
    assert shown.json["allowed_actions"] == ["reject"]
