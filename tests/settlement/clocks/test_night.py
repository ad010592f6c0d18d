"""What nobody acts on does not rest for ever: the night releases, lets lapse and withdraws it in its time."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.waiting import A_PAGE, lists_of
from chalicelib.aws.writes import ConditionFailed, transact
from chalicelib.classes.service import read_class
from chalicelib.enrolments.release.service import release_writes
from chalicelib.enrolments.store import EnrolmentRow, read_enrolment, waiting_enrolments
from chalicelib.kernel.ids import new_id
from chalicelib.vouchers.batches import store as batch_store
from chalicelib.vouchers.batches.model import IssuanceBatch, IssuanceBatchStatus
from chalicelib.vouchers.store import VoucherRow, read_voucher
from tests.classes.builders import DAY, Classroom, application
from tests.subsidies.claims.test_claims import voucher_states
from tests.subsidies.scored import Money, scored_class


def night(world: Any, at: datetime) -> None:
    """Let a night pass; its settlement finds nothing to pay."""
    import app

    assert app.settle_subsidies({"now": at.isoformat()}, None) == {"divisions": 17, "clocks": 19}
    world.cloud.work("settlement", app.seal_settlement)


# ----------------------------------------------------------------------------- idle vouchers


def test_a_voucher_that_idles_is_given_back_after_90_days_and_its_holder_may_use_it(world: Any) -> None:
    enrolment = world.enrolment(world.person(1))
    night(world, world.later(days=90, seconds=-1))
    assert read_enrolment(enrolment["id"]).status == "confirmed"
    night(world, world.later(days=90))
    released, voucher = read_enrolment(enrolment["id"]), read_voucher(enrolment["voucher_id"])
    assert (released.status, voucher.status, voucher.enrolment_id) == ("released", "claimed", None)
    assert released.last_change is not None
    assert "长期未编入班级" in (released.last_change.reason or "")
    night(world, world.later(days=91))
    assert read_voucher(enrolment["voucher_id"]) == voucher
    again = world.api(world.person(1)).get(f"/v1/vouchers/{voucher.id}/qr", at=world.later(days=91))
    assert again.status == 200, again.text


def test_who_is_in_a_class_does_not_idle(world: Any) -> None:
    room = Classroom(world).rostered(1)
    night(world, world.later(days=120))
    assert read_enrolment(room.enrolments[0]["id"]).status == "rostered"


def test_who_was_taken_off_a_roster_waits_anew(world: Any) -> None:
    room = Classroom(world).approved()
    one, other = room.enrol(2)
    assert room.put_roster([{"enrolment_id": one["id"]}, {"enrolment_id": other["id"]}]).status == 200
    room.refresh()
    world.now = world.later(days=8)
    assert room.put_roster([{"enrolment_id": one["id"]}]).status == 200
    night(world, world.later(days=89))
    assert read_enrolment(other["id"]).status == "confirmed"
    night(world, world.later(days=90))
    assert (read_enrolment(one["id"]).status, read_enrolment(other["id"]).status) == ("rostered", "released")


def test_an_idle_voucher_that_was_released_and_redeemed_again_starts_anew(world: Any) -> None:
    enrolment = world.enrolment(world.person(1))
    path = f"/v1/enrolments/{enrolment['id']}/release"
    at = world.later(days=80)
    assert world.api("institution").post(path, {"reason": "换班"}, at=at).status == 200
    token = world.api(world.person(1)).get(f"/v1/vouchers/{enrolment['voucher_id']}/qr", at=at).json["token"]
    again = world.scan(token, at=at).json
    night(world, world.later(days=100))
    assert (read_enrolment(again["id"]).status, read_voucher(enrolment["voucher_id"]).status) == (
        "confirmed",
        "redeemed",
    )


def test_what_was_rostered_and_dropped_while_the_night_ran_is_left_alone(world: Any) -> None:
    """The list is read before the write: the write's own condition knows since when it really waits."""
    enrolment = world.enrolment(world.person(1))
    writes = release_writes(
        enrolment["id"],
        read_voucher(enrolment["voucher_id"]),
        world.change,
        waiting_before=world.later(seconds=-1),
    )
    with pytest.raises(ConditionFailed):
        transact(writes, change=world.change)
    assert read_enrolment(enrolment["id"]).status == "confirmed"


def test_a_long_list_is_worked_through_page_by_page(world: Any) -> None:
    enrolment, voucher = world.enrolment(world.person(1)), None
    first = read_enrolment(enrolment["id"])
    voucher = read_voucher(first.voucher_id)
    queue = first.queue
    with EnrolmentRow.batch_write() as enrolments, VoucherRow.batch_write() as vouchers:
        for _ in range(A_PAGE + 5):
            voucher_id, enrolment_id = new_id("vch"), new_id("enr")
            vouchers.save(
                VoucherRow.from_record(
                    type(voucher)(
                        **{name: getattr(voucher, name) for name in voucher.__struct_fields__}
                        | {"id": voucher_id, "enrolment_id": enrolment_id}
                    )
                )
            )
            enrolments.save(
                EnrolmentRow.from_record(
                    type(first)(
                        **{name: getattr(first, name) for name in first.__struct_fields__}
                        | {"id": enrolment_id, "voucher_id": voucher_id}
                    )
                )
            )
    assert queue in lists_of("3401")
    night(world, world.later(days=90))
    left = waiting_enrolments(str(queue), until=world.later(days=900), after=None)
    assert (list(left.keys), left.after) == ([], None)


# ----------------------------------------------------------------------------- classes


def test_a_returned_class_lapses_after_30_days_but_not_before_it_was_to_open(world: Any) -> None:
    first = world.now + 40 * DAY
    lessons = [
        lesson
        | {
            "starts_at": (first + n * DAY).isoformat(),
            "ends_at": (first + n * DAY + 8 * DAY / 24).isoformat(),
        }
        for n, lesson in enumerate(application(world)["lessons"])
    ]
    later = Classroom(world, lessons=lessons).do("institution", "submit")
    later.do("clerk", "return", {"reason": "教师资质不全"})
    soon = Classroom(world).do("institution", "submit").do("clerk", "return", {"reason": "教师资质不全"})
    night(world, world.later(days=30, seconds=-1))
    assert (read_class(soon.id).status, read_class(later.id).status) == ("returned", "returned")
    night(world, world.later(days=30))
    assert (read_class(soon.id).status, read_class(later.id).status) == ("cancelled", "returned")
    night(world, first + timedelta(minutes=1))
    assert read_class(later.id).status == "cancelled"
    assert later.refresh().json["allowed_actions"] == []


def test_a_returned_class_that_was_filed_again_does_not_lapse(world: Any) -> None:
    room = Classroom(world).do("institution", "submit").do("clerk", "return", {"reason": "地点不清"})
    room.do("institution", "submit")
    night(world, world.later(days=60))
    assert read_class(room.id).status == "submitted"


# ----------------------------------------------------------------------------- claims


@pytest.fixture
def money(world: Any) -> Money:
    return Money(world)


def returned(money: Money, class_id: str) -> Any:
    return money.ok(money.decide("clerk", money.claim(class_id), "return", reason="补充材料"))


def file(money: Money, class_id: str) -> Any:
    body = {"declared_count": 2, "declared_amount_fen": 360_000}
    return money.api("institution").post(f"/v1/classes/{class_id}/subsidy-claims", body, at=money.now)


def test_a_returned_claim_lapses_with_its_class_once_its_deadline_is_over(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)  # completion was approved the day before: to be claimed by 31 August
    claim = returned(money, class_id)
    money.now = world.now + timedelta(days=364)
    night(world, money.now)
    assert money.read(claim)["status"] == "returned"
    money.wait(1)
    late = file(money, class_id)
    assert (late.status, late.json["code"]) == (409, "claim_deadline_passed"), late.text
    night(world, money.now)
    over = money.read(claim)
    assert (over["status"], over["count"], over["decision_reason"]) == (
        "rejected",
        0,
        "退回后逾期未重新申领，随班关闭",
    )
    assert (read_class(class_id).status, voucher_states(class_id)) == ("closed", ["closed"] * 2)


def test_a_claim_returned_shortly_before_its_deadline_has_30_days(world: Any, money: Money) -> None:
    class_id = scored_class(world, 2)
    claim = money.claim(class_id)
    money.now = world.now + timedelta(days=360)
    claim = money.ok(money.decide("clerk", claim, "return", reason="补充材料"))
    money.wait(30)
    night(world, money.now)
    assert money.read(claim)["status"] == "returned"
    assert money.ok(file(money, class_id))["status"] == "submitted"
    money.wait(60)
    night(world, money.now)
    assert money.read(claim)["status"] == "submitted"


# ----------------------------------------------------------------------------- issuance


def proposed(world: Any, batch_id: str) -> None:
    batch = IssuanceBatch(
        id=batch_id,  # type: ignore[arg-type]
        program_id=world.program_id,
        import_id="imp_x",  # type: ignore[arg-type]
        status=IssuanceBatchStatus.PROPOSED,
        proposed_by="acc_a",
        policy_version=1,
        proposed_at=world.now,
        queue=lists_of("34")[1],
        queued_at=world.now,
    )
    batch_store.create_batch(batch, world.change)


def test_a_proposed_batch_that_nobody_decides_on_is_withdrawn_after_30_days(world: Any) -> None:
    proposed(world, "iss_left")
    proposed(world, "iss_taken")
    batch_store.decide_batch(
        "iss_taken", "approve", version=1, by="acc_b", hands={"acc_b"}, change=world.change
    )
    night(world, world.later(days=30, seconds=-1))
    assert batch_store.read_batch("iss_left").status == "proposed"
    night(world, world.later(days=30))
    states = {name: batch_store.read_batch(name).status.value for name in ("iss_left", "iss_taken")}
    assert states == {"iss_left": "withdrawn", "iss_taken": "issuing"}
