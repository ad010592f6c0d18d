"""The daily walk: what was not told is told from the tables, and vouchers are compared with the platform's."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.clients import client
from chalicelib.aws.queues import dead_letters_url
from chalicelib.catalogue.institutions.model import Institution, InstitutionStatus, Location
from chalicelib.catalogue.institutions.store import InstitutionRow
from chalicelib.exchange import jobs, service, store
from chalicelib.exchange.model import DeliveryState
from chalicelib.exchange.reconciling import model as walking
from chalicelib.exchange.reconciling import service as walk
from chalicelib.exchange.reconciling import store as kept
from chalicelib.exchange.reconciling.model import LAG, STREAM_MEMORY, VERSIONS_MAX, Left, untold
from chalicelib.kernel.geo import CoordSystem
from chalicelib.kernel.principal import Change, Context, Principal, Role, system_context
from chalicelib.vouchers.store import VoucherRow
from infra.local.platform import rules
from infra.local.platform.rules import Platform
from tests.classes.builders import Classroom
from tests.exchange.test_deciding import heard, states, told
from tests.support.figures import values_of
from tests.support.streams import NOW, a_voucher, stream_record, voucher_changes

LATER = NOW + timedelta(days=2)


def stored(name: str, version: int, **facts: Any) -> None:
    VoucherRow.from_record(a_voucher(name, version=version, **facts)).save()


def walked(at: Any = LATER, **order: Any) -> Any:
    jobs.reconcile_exchange(order, system_context("exchange", now=at, request_id="req_walk"))
    found = kept.find()
    assert found is not None
    assert found.finished_at is not None
    return found


def comparison(api: Any, who: str = "province") -> Any:
    answer = api(who).get("/v1/exchange/comparison")
    assert answer.status == 200, answer.text
    return answer.json


def test_before_the_first_walk_nothing_is_known(api: Any, cloud: Any) -> None:
    assert comparison(api)["begun_at"] is None


def test_what_the_stream_never_told_is_told_from_the_row(
    api: Any, national: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    told(*voucher_changes(versions=2))
    heard(national)
    stored("vch_aaaa", 4)
    found = walked()
    assert (found.rebuilt, found.missing, found.gaps) == (1, 1, 0)
    assert values_of(capsys.readouterr().out, "PlatformUnexplained") == [2]
    jobs.reconcile_exchange({}, system_context("x", now=LATER + timedelta(minutes=5), request_id="r"))
    heard(national)
    assert states() == ["acknowledged", "acknowledged", "missing", "acknowledged"]
    last = national.ledger.subjects["vch_aaaa"]
    assert (last["sequence"], last["rebuilt"], last["body"]["status"]) == (4, True, "settled")
    assert comparison(api)["rebuilt_messages"] == ["msg_aaaa-vch4"]
    told(*voucher_changes(versions=1, start=3))  # it comes after all
    assert states() == ["acknowledged", "acknowledged", "missing", "acknowledged"]


def test_what_the_stream_may_still_bring_is_left_to_it(national: Platform) -> None:
    stored("vch_aaaa", 1)
    young = NOW + LAG / 2
    assert (walked(young).gaps, states()) == (0, [])
    found = walked(NOW + STREAM_MEMORY - timedelta(hours=1), anew=True)
    assert (found.gaps, found.rebuilt, states()) == (1, 0, [])
    found = walked(NOW + STREAM_MEMORY - timedelta(hours=1), anew=True, stale_hours=2)
    assert (found.gaps, found.rebuilt, states()) == (0, 1, ["pending"])


def test_what_was_lost_behind_an_open_message_waits_for_it(national: Platform) -> None:
    national.mode = "reject"
    told(*voucher_changes(versions=1))
    national.mode = "ok"
    stored("vch_aaaa", 3)
    found = walked()
    assert (found.held_up, found.rebuilt, states()) == (1, 0, ["refused"])
    changing("vch_bbbb", 2, LATER)
    told(*voucher_changes("vch_bbbb"))
    found = walked(LATER + timedelta(days=2))
    assert (found.held_up, found.rebuilt) == (1, 1)
    assert states("vch_bbbb") == ["sent", "waiting"]
    assert found.since is not None
    assert found.since > NOW + timedelta(hours=1), "what is held up is looked for by its own note"


def test_a_row_of_which_nothing_was_told_is_told_as_it_stands(national: Platform) -> None:
    stored("vch_aaaa", 4)
    found = walked()
    assert (found.rebuilt, found.missing) == (1, 1)
    assert [delivery.sequence for delivery in store.deliveries_of("vch_aaaa")] == [3, 4]
    again = walked(LATER + timedelta(minutes=9), anew=True)
    assert (again.rebuilt, again.missing) == (0, 0)
    assert untold(4, store.deliveries_of("vch_aaaa")) == []


def test_an_institution_that_was_listed_before_is_told(national: Platform) -> None:
    change = Change(actor="acc_x", role=Role.CLERK, action="x", request_id="r", at=NOW)
    institution = Institution(
        uscc="91340111MX0000027D",  # type: ignore[arg-type]
        name="测试学校",
        division="340111",
        address="路",
        phone="13800000000",
        location=Location(lng=117.0, lat=31.0, coord_system=CoordSystem("gcj02")),
        programs=[],
        projects=[],
        status=InstitutionStatus.LISTED,
        version=3,
        last_change=change,
    )
    row = InstitutionRow.from_record(institution)
    row.area_key = "3401#x"
    row.save()
    walked()
    jobs.reconcile_exchange({}, system_context("x", now=LATER + timedelta(minutes=5), request_id="r"))
    [message] = national.ledger.received
    assert (message["subject"], message["event"]) == ("ins_91340111mx0000027d", "institution.listed")
    assert message["body"]["location"] == {"lng": 117.0, "lat": 31.0, "coord_system": "gcj02"}


def test_how_a_training_ended_is_told_by_the_walk_once(world: Any, national: Platform) -> None:
    room = Classroom(world).rostered(2)
    at = world.now + timedelta(days=3)
    walked(at)
    first = [store.last_of(enrolment["id"]) for enrolment in room.enrolments]
    assert [delivery.event for delivery in first if delivery is not None] == ["enrolment.rostered"] * 2
    walked(at + timedelta(days=1))
    assert [len(store.deliveries_of(enrolment["id"])) for enrolment in room.enrolments] == [1, 1]
    body = first[0].body if first[0] is not None else {}
    assert {"trainee_name", "trainee_id_number", "device_id"}.isdisjoint(body)


def test_a_walk_that_is_cut_off_goes_on(national: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PAGE_ITEMS", 3)
    for number in range(20):
        stored(f"vch_{number:04d}", 1)
    context = system_context("exchange", now=LATER, request_id="req_walk")
    at = walk.reconcile(context, pages=1)
    runs = 1
    while at.finished_at is None:
        at = walk.reconcile(context, pages=2)
        runs += 1
    assert runs > 10
    assert (at.rows, at.rebuilt) == (20, 20)
    assert sum(sums.count for sums in at.sums.values()) == 20
    assert walk.reconcile(context).begun_at == at.begun_at, "one walk a day"


def test_every_voucher_that_the_platform_has_otherwise_is_listed_with_why(
    api: Any, national: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("vch_same", "vch_lost", "vch_late", "vch_stuck"):
        told(*voucher_changes(name))
        stored(name, 1)
    heard(national)
    told(*voucher_changes("vch_theirs"))
    heard(national)
    national.ledger.forget_subject("vch_lost")
    told(*voucher_changes("vch_late", start=2))
    stored("vch_late", 2)
    national.mode = "reject"
    told(*voucher_changes("vch_stuck", start=2))
    stored("vch_stuck", 2)
    national.mode = "down"
    jobs.reconcile_exchange({}, system_context("x", now=LATER, request_id="r"))
    first = kept.find()
    assert first is not None
    assert first.platform_asked == "answered"
    told_of = {difference["voucher_id"]: difference for difference in comparison(api)["differences"]}
    assert {name: difference["why"] for name, difference in told_of.items()} == {
        "vch_lost": "forgotten",
        "vch_late": "on_its_way",
        "vch_stuck": "stuck",
        "vch_theirs": "unknown_here",
    }
    rung = capsys.readouterr().out
    assert values_of(rung, "PlatformDifferences") == [4]
    assert values_of(rung, "PlatformUnexplained") == [2], "on its way and stuck are no alarm of their own"
    assert told_of["vch_lost"]["there"] is None
    assert told_of["vch_stuck"]["here"]["status"] == "claimed"
    assert told_of["vch_stuck"]["there"]["sequence"] == 1
    figures = {(figure["division"], figure["status"]): figure for figure in comparison(api)["figures"]}
    assert figures["340111", "issued"]["here"]["count"] == 2
    assert figures["340111", "issued"]["there"]["count"] == 4
    assert comparison(api, "supervisor_wuhu")["differences"] == []
    assert len(comparison(api, "supervisor")["differences"]) == 4
    national.mode = "ok"
    jobs.reconcile_exchange({}, system_context("x", now=LATER + timedelta(hours=1), request_id="r"))
    heard(national)
    assert national.ledger.subjects["vch_lost"]["sequence"] == 1, "what it forgot it is told again"
    found = walked(LATER + timedelta(days=1))
    left = {difference.voucher_id: difference.why for difference in found.differences}
    assert left == {"vch_stuck": "stuck", "vch_theirs": "unknown_here"}


ODD_BODIES = {
    "empty": b"",
    "a list": b"[]",
    "no moment": b'{"as_of": "yesterday", "figures": []}',
    "before the calendar": b'{"as_of": "0001-01-01T00:00:00+14:00", "figures": []}',
    "after the calendar": b'{"as_of": "9999-12-31T23:00:00Z", "figures": []}',
    "no text": b"\xff",
    "no text within": b'{"as_of": "\xff", "figures": []}',
    "deep": b'{"x": ' + b"[" * 200_000,
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_a_platform_without_figures_stops_no_walk(
    api: Any, national: Platform, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    from chalicelib.exchange.platform import Platform as Way

    stored("vch_aaaa", 1)
    monkeypatch.setattr(Way, "call", lambda *_, **__: (200, body))
    found = walked()
    assert (found.platform_asked, found.rebuilt, found.differences) == ("malformed", 1, [])
    assert comparison(api)["platform"] == "malformed"
    assert {DeliveryState.PENDING} == {delivery.state for delivery in store.deliveries_of("vch_aaaa")}


def spoiled(name: str, table: Any = VoucherRow, *, key: dict[str, Any] | None = None, **parts: Any) -> None:
    """Spoil attributes of a stored row behind the program's back."""
    client("dynamodb").update_item(
        TableName=table.Meta.table_name,
        Key=key or {"id": {"S": name}},
        UpdateExpression="SET " + ", ".join(f"#{part} = :{part}" for part in parts),
        ExpressionAttributeNames={f"#{part}": part for part in parts},
        ExpressionAttributeValues={f":{part}": value for part, value in parts.items()},
    )


BAD_PARTS: dict[str, dict[str, Any]] = {
    "a moment that is none": {"expires_at": {"S": "some day"}},
    "a change cut off": {"last_change": {"S": '{"actor": "acc_'}},
    "a change without its moment": {"last_change": {"S": '{"actor": "acc_x"}'}},
    "a moment that is a number": {"redeemed_at": {"N": "5"}},
    "an amount in words": {"paid_fen": {"S": "many"}},
    "an amount that is a list": {"face_value_fen": {"L": []}},
}


def letters() -> list[dict[str, Any]]:
    """Take the letters of what was parked."""
    sqs, url, found = client("sqs"), dead_letters_url("return_changes"), []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in received:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


@pytest.mark.parametrize("parts", BAD_PARTS.values(), ids=BAD_PARTS)
def test_a_row_that_cannot_be_read_is_parked_and_listed_and_holds_nothing_back(
    api: Any, national: Platform, caplog: pytest.LogCaptureFixture, parts: dict[str, Any]
) -> None:
    letters()
    for name in ("vch_aaaa", "vch_bad", "vch_zzzz"):
        stored(name, 2)
    spoiled("vch_bad", op_id={"S": "op-2"}, **parts)
    found = walked()
    assert (found.rows, found.held_up, found.rebuilt, found.missing) == (3, 0, 2, 2)
    assert (states("vch_aaaa"), states("vch_bad")) == (["missing", "pending"], [])
    noted = [json.loads(line) for line in caplog.messages if "row_unreadable" in line]
    assert [sorted({"table", "key", "error"} & {*note}) for note in noted] == [["error", "key", "table"]]
    assert "vch_bad" not in json.dumps(noted)
    [listed] = comparison(api)["unreadable"]
    parked = api("province").get("/v1/dead-letters").json["parked"]
    assert {"queue": "return_changes", "record": listed["record"]} in parked
    assert (listed["table"], "vch_bad" in listed["record"]) == ("vouchers", False)
    assert comparison(api, "supervisor_wuhu")["unreadable"] == []
    [letter] = letters()
    assert letter["record"]["dynamodb"]["NewImage"]["id"] == {"S": "vch_bad"}
    for days in (1, 5):
        found = walked(LATER + timedelta(days=days))
        assert (found.unreadable_count, found.overlooked) == (1, 0), "it is looked at, and listed"
        assert comparison(api)["unreadable"] == [listed]
    assert letters() == [], "it is parked once"
    assert found.since is not None
    assert found.since > NOW + timedelta(days=1), "and no walk looks farther back for its sake"
    stored("vch_bad", 2)
    found = walked(LATER + timedelta(days=6))
    assert (found.unreadable_count, found.rebuilt, comparison(api)["unreadable"]) == (0, 1, [])
    assert states("vch_bad") == ["missing", "pending"]


@pytest.mark.parametrize("version", [{"S": "two"}, {"NULL": True}], ids=["a word", "nothing"])
def test_a_row_without_a_version_that_can_be_read_is_listed(national: Platform, version: Any) -> None:
    stored("vch_bad", 2)
    spoiled("vch_bad", version=version)
    found = walked()
    assert (found.unreadable_count, found.gaps, states("vch_bad")) == (1, 0, [])
    [entry] = found.unreadable.values()
    assert entry.record.endswith("-0")


def test_a_row_that_lacks_what_its_form_says_is_parked_and_told_once_the_program_is_mended(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters()
    for name in ("vch_aaaa", "vch_bad"):
        stored(name, 1)
    spoiled("vch_bad", op_id={"S": "op-1"})
    body_of = service.body_of

    def picky(reported: Any, after: Any) -> Any:
        if after["id"] == "vch_bad":
            raise ValueError
        return body_of(reported, after)

    with monkeypatch.context() as patched:
        patched.setattr(service, "body_of", picky)
        found = walked()
    assert (found.unreadable_count, found.rebuilt, states("vch_bad")) == (1, 1, [])
    told(*[letter["record"] for letter in letters()])
    assert states("vch_bad") == ["sent"]


def test_unreadable_rows_beyond_the_notes_are_looked_for_all_the_same(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "LEFT_MAX", 1)
    for name in ("vch_bad1", "vch_bad2", "vch_bad3"):
        stored(name, 1)
        spoiled(name, expires_at={"S": "some day"})
    found = walked()
    assert (found.unreadable_count, len(found.unreadable), found.overlooked) == (3, 1, 2)
    again = walked(LATER + timedelta(days=4))
    assert (again.unreadable_count, again.since) == (3, found.since)


def test_a_message_that_cannot_be_read_holds_up_its_own_row_only(national: Platform) -> None:
    for name in ("vch_aaaa", "vch_bad", "vch_told"):
        stored(name, 2)
    told(*voucher_changes("vch_bad"), *voucher_changes("vch_told", versions=2))
    heard(national)
    key = {"subject": {"S": "vch_bad"}, "sequence": {"N": "1"}}
    spoiled("vch_bad", store.DeliveryRow, key=key, occurred_at={"S": "some day"})
    found = walked()
    assert (found.held_up, found.rebuilt) == (1, 1)
    assert states("vch_aaaa") == ["missing", "pending"]
    assert {entry.voucher_id: entry.why for entry in found.differences} == {
        "vch_aaaa": "on_its_way",
        "vch_bad": "stuck",
    }


def test_what_a_walk_has_done_is_kept_when_a_later_step_fails(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored("vch_aaaa", 1)
    context = system_context("exchange", now=LATER, request_id="req_walk")

    def broken() -> Any:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(walk, "figures", broken)
        with pytest.raises(RuntimeError):
            walk.reconcile(context)
    kept_of_it = kept.find()
    assert kept_of_it is not None
    assert (kept_of_it.table, kept_of_it.rows, kept_of_it.rebuilt) == ("", 1, 1)
    found = walk.reconcile(context)
    assert found.finished_at is not None
    assert (found.rows, found.rebuilt, found.begun_at) == (1, 1, kept_of_it.begun_at)


@pytest.mark.parametrize("division", ["999999", "", "34", "3401", "34#x", "合肥市", "3401110"])
def test_a_figure_of_a_division_without_vouchers_is_listed_and_not_walked(
    api: Any, national: Platform, monkeypatch: pytest.MonkeyPatch, division: str
) -> None:
    stored("vch_aaaa", 1)
    figures = national.figures()
    amounts = {"count": 7, "face_value_fen": 1, "paid_fen": 0, "reversed_fen": 0}
    odd = {"division": division, "status": "issued", **amounts}
    monkeypatch.setattr(national, "figures", lambda: {**figures, "figures": [odd]})
    asked: list[str] = []
    monkeypatch.setattr(national, "vouchers", answering_nothing(asked))
    found = walked()
    assert asked == ["340111"]
    assert {(figure.division, figure.status): figure.there.count for figure in found.figures} == {
        (division, "issued"): 7,
        ("340111", "issued"): 0,
    }
    listed = {figure["division"]: figure["there"]["count"] for figure in comparison(api)["figures"]}
    assert listed[division] == 7
    assert division not in {figure["division"] for figure in comparison(api, "supervisor_wuhu")["figures"]}


def test_a_division_above_counties_is_walked_if_vouchers_carry_it(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored("vch_aaaa", 1, division="34")
    asked: list[str] = []
    monkeypatch.setattr(national, "vouchers", answering_nothing(asked))
    found = walked()
    assert asked == ["34"]
    assert [difference.voucher_id for difference in found.differences] == ["vch_aaaa"]


def answering_nothing(asked: list[str]) -> Any:
    def answer(division: str, _after: str) -> dict[str, Any]:
        asked.append(division)
        return {"vouchers": [], "next": None}

    return answer


def changing(name: str, version: int, at: datetime) -> dict[str, Any]:
    """Store a voucher as it is after a change at a moment; gives the stream's record of that change."""
    made = Change(actor="acc_x", role=Role.CLERK, action="x", request_id=f"req_{version}", at=at)
    after = a_voucher(name, version=version, last_change=made)
    VoucherRow.from_record(after).save()
    before = a_voucher(name, version=version - 1) if version > 1 else None
    return stream_record(VoucherRow, before, after)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize("every", [HOUR / 2, HOUR, 5 * HOUR, 23 * HOUR], ids=str)
def test_a_gap_behind_a_row_that_never_rests_is_named_and_its_subject_goes_on(
    national: Platform, every: timedelta
) -> None:
    at, lost = NOW, 3
    for version in range(1, 200):
        record = changing("vch_busy", version, at)
        if version != lost:
            told(record)
            heard(national)
        at += every
        jobs.reconcile_exchange({}, system_context("x", now=at, request_id="req_walk"))
        if store.find("vch_busy", lost) is not None:
            break
    found = kept.find()
    assert found is not None
    assert found.missing == 1
    assert at - NOW <= timedelta(days=5)
    jobs.reconcile_exchange({}, system_context("x", now=at + HOUR, request_id="req_walk"))
    heard(national)
    numbers = [delivery.sequence for delivery in store.deliveries_of("vch_busy")]
    assert numbers == list(range(1, max(numbers) + 1))
    assert states("vch_busy")[:4] == ["acknowledged", "acknowledged", "missing", "acknowledged"]
    assert lost not in national.ledger.history["vch_busy"]


@pytest.mark.parametrize("known", [0, 2])
def test_of_a_row_that_never_rests_every_version_is_named_though_no_stream_comes(
    national: Platform, known: int
) -> None:
    """What a walk found the row to be is named once that walk is older than a stream's memory."""
    at, version = NOW, 0
    for night in range(8):
        for _ in range(24):
            at, version = at + HOUR, version + 1
            record = changing("vch_busy", version, at)
            if version <= known:
                told(record)
                heard(national)
        walked(at + HOUR / 4)
        first = 24 if known == 0 else 1
        numbers = [delivery.sequence for delivery in store.deliveries_of("vch_busy")]
        assert numbers == list(range(first, first + len(numbers))), night
    assert numbers[-1] >= version - 4 * 24
    assert set(states("vch_busy")) <= {"acknowledged", "missing"}


def test_a_young_change_is_no_gap_and_what_lies_before_it_is(national: Platform) -> None:
    told(changing("vch_aaaa", 1, NOW))
    changing("vch_aaaa", 2, NOW + HOUR)
    told(changing("vch_aaaa", 3, NOW + 2 * HOUR))
    changing("vch_aaaa", 4, NOW + 5 * HOUR)
    found = walked(NOW + 5 * HOUR + LAG / 2)
    assert (found.gaps, found.missing, list(found.left.values())) == (
        1,
        0,
        [Left(version=4, at=found.begun_at)],
    )
    heard(national)
    found = walked(NOW + 2 * HOUR + STREAM_MEMORY, anew=True)
    assert (found.gaps, found.missing, states()) == (1, 1, ["acknowledged", "missing", "pending"])


@pytest.mark.parametrize("lost", [1, 30, VERSIONS_MAX + 9, VERSIONS_MAX + 10])
def test_of_a_row_that_changed_often_every_version_is_looked_for(national: Platform, lost: int) -> None:
    changes = VERSIONS_MAX + 10
    stored("vch_aaaa", changes)
    stored("vch_bbbb", changes)
    told(*voucher_changes("vch_aaaa", versions=changes))
    told(*[record for n, record in enumerate(voucher_changes("vch_bbbb", versions=changes), 1) if n != lost])
    for _ in range(2 * changes // 5):
        heard(national)
    found = walked(NOW + timedelta(hours=3), anew=True)
    assert (found.gaps, found.held_up) == (1, 0), "all sixty of the one are told, one of the other is not"
    found = walked(NOW + STREAM_MEMORY + timedelta(hours=2), anew=True)
    assert (found.gaps, found.held_up, found.missing + found.rebuilt) == (0, 0, 1)
    assert [delivery.sequence for delivery in store.deliveries_of("vch_bbbb")] == list(range(1, changes + 1))


def test_rows_left_behind_beyond_the_notes_are_looked_for_all_the_same(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "LEFT_MAX", 2)
    national.mode = "reject"
    names = [f"vch_{number:04d}" for number in range(5)]
    for name in names:
        told(*voucher_changes(name))
        stored(name, 3)
    national.mode = "ok"
    found = walked()
    assert (found.held_up, len(found.left), found.overlooked) == (5, 2, 3)
    service.redrive_all(province_at(LATER), service.RedriveFilter(state=DeliveryState.REFUSED), "x")
    jobs.reconcile_exchange({}, system_context("x", now=LATER + HOUR, request_id="r"))
    heard(national)
    found = walked(LATER + timedelta(days=3))
    assert (found.rebuilt, found.held_up, found.overlooked, found.left) == (5, 0, 0, {})
    last = walked(LATER + timedelta(days=6))
    assert last.since == found.begun_at - STREAM_MEMORY - LAG


def test_a_walk_begun_in_the_middle_of_another_looks_as_far_back(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PAGE_ITEMS", 3)
    for number in range(20):
        stored(f"vch_{number:04d}", 1)
    at = walk.reconcile(system_context("exchange", now=LATER, request_id="r"), pages=1)
    assert at.finished_at is None
    found = walked(LATER + timedelta(days=9), anew=True)
    assert (found.rows, found.rebuilt) == (20, 20)


def province_at(at: datetime) -> Context:
    principal = Principal(actor="acc_province", role=Role.PROVINCE, division="34")
    return Context(principal=principal, now=at, request_id="req_redrive")


def test_a_large_division_is_compared_piece_by_piece(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides come in pages of their own; each run does one step, and nothing is left out or seen twice."""
    monkeypatch.setattr(rules, "_STATES_LIST_MAX", 7)
    monkeypatch.setattr(walk, "_A_SHARD", 1)
    names = [f"vch_{number:04d}" for number in range(60)]
    for name in names:
        if not name.endswith("3"):
            stored(name, 1)
        if not name.endswith("5"):
            told(*voucher_changes(name))
    stored("vch_below", 1, division="340102")
    heard(national)
    stored("vch_0007", 2)
    spoiled("vch_0011", expires_at={"S": "some day"})
    context = system_context("exchange", now=NOW + timedelta(hours=3), request_id="req_walk")
    at = walk.reconcile(context, pages=1)
    places = []
    while at.finished_at is None:
        at = walk.reconcile(context, pages=1)
        places += [at.compared_to] if at.compared_to else []
    found: dict[str, list[str]] = {}
    for difference in at.differences:
        found.setdefault(difference.why, []).append(difference.voucher_id)
    assert {why: sorted(listed) for why, listed in found.items()} == {
        "unknown_here": [name for name in names if name.endswith("3")],
        "untold": sorted(["vch_0007", "vch_below", *(name for name in names if name.endswith("5"))]),
    }
    assert len(places) > 10
    assert places == sorted(places)


def test_a_comparison_stops_when_the_time_is_up_and_goes_on(
    national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "_A_SHARD", 1)
    for number in range(40):
        stored(f"vch_{number:04d}", 1)
    context = system_context("exchange", now=NOW + timedelta(hours=3), request_id="req_walk")
    at = walk.reconcile(context, pages=1)
    while at.to_compare is None:
        at = walk.reconcile(context, pages=1)
    stopped = 0
    with monkeypatch.context() as patched:
        patched.setattr(walk, "RUN_SECONDS", 0.001)
        while at.finished_at is None:
            at = walk.reconcile(context)
            stopped += at.finished_at is None and at.compared_to != ""
    assert stopped > 1
    assert sorted(difference.voucher_id for difference in at.differences) == [
        f"vch_{number:04d}" for number in range(40)
    ]


@pytest.mark.parametrize(
    "ids", [["vch_b", "vch_a"], ["vch_a", "vch_a"]], ids=["out of their order", "one twice"]
)
def test_vouchers_out_of_their_order_are_not_compared(
    national: Platform, monkeypatch: pytest.MonkeyPatch, ids: list[str]
) -> None:
    told(*voucher_changes("vch_a"))
    stored("vch_a", 1)
    stored("vch_c", 1)
    heard(national)
    held = [{"id": name, "sequence": 1, "status": "issued"} for name in ids]
    monkeypatch.setattr(national, "vouchers", lambda *_: {"vouchers": held, "next": None})
    found = walked(NOW + timedelta(hours=3))
    assert (found.platform_asked, found.differences) == ("malformed", [])


def test_amounts_beyond_all_measure_stop_neither_the_walk_nor_its_readers(
    api: Any, national: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored("vch_aaaa", 1)
    stored("vch_much", 1)
    spoiled("vch_much", paid_fen={"N": "1" + "0" * 30})
    amounts = {"count": 10**30, "face_value_fen": 10**30, "paid_fen": 0, "reversed_fen": 0}
    figures = [{"division": "340111", "status": "issued", **amounts}]
    monkeypatch.setattr(national, "figures", lambda: {"as_of": NOW.isoformat(), "figures": figures})
    held = [{"id": "vch_aaaa", "sequence": 10**30, "status": "issued", "paid_fen": 10**30}]
    monkeypatch.setattr(national, "vouchers", lambda *_: {"vouchers": held, "next": None})
    found = walked()
    assert {entry.voucher_id for entry in found.differences} == {"vch_aaaa", "vch_much"}
    assert comparison(api)["figures"][0]["there"]["count"] == 10**30
