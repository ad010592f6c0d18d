"""The account of an institution over HTTP: proposed by a clerk, confirmed by a finance officer, masked."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.catalogue.payees.store import PayeeAccountRow, PayeesRow
from chalicelib.kernel.principal import Role
from infra.local.catalogue import INSTITUTIONS
from tests.accounts.test_separation import moved
from tests.support.people import HEFEI_OTHER, HEFEI_SCHOOL

PATH = f"/v1/institutions/{HEFEI_SCHOOL}"
NEW = {"bank": "徽商银行合肥分行", "number": "6222020000000009993"}
PRIVATE = {"holder": "张三", **NEW}


def shown(api: Any, who: Any, at: Any, path: str = PATH) -> Any:
    answer = api(who).get(path, at=at)
    assert answer.status == 200, answer.text
    return answer.json


def name_of(api: Any, world: Any) -> str:
    return str(shown(api, "clerk", world.now)["name"])


def propose(
    api: Any, world: Any, *, who: Any = "clerk", path: str = PATH, at: Any = None, **changes: Any
) -> Any:
    facts = shown(api, "clerk", world.now, path)
    body = {"holder": facts["name"], **NEW, "reason": "开户行迁址", "version": facts["version"], **changes}
    answer = api(who).post(f"{path}/payee", body, at=at or world.now)
    if answer.status == 201:
        _ON_PAPER[answer.json["id"]] = body["number"]
    return answer


_ON_PAPER: dict[str, str] = {}
"""The numbers of accounts as the evidence has them."""


def decide(
    api: Any,
    world: Any,
    payee: Any,
    verb: str = "confirm",
    *,
    who: Any = "finance",
    at: Any = None,
    **body: Any,
) -> Any:
    path = f"{PATH}/payee/{payee['id']}/{verb}"
    if verb == "confirm":
        body = {"number": _ON_PAPER.get(payee["id"], NEW["number"]), **body}
    return api(who).post(path, {"version": payee["version"], **body}, at=at or world.now)


def entry(world: Any, **changes: Any) -> dict[str, Any]:
    (found,) = (one for one in INSTITUTIONS if one["uscc"] == HEFEI_SCHOOL)
    facts = {name: value for name, value in found.items() if name not in ("uscc", "bank_account")}
    return {**facts, "programs": [world.program_id], **changes}


# --------------------------------------------------------------------------- two people, and a wait


def test_a_proposed_account_counts_three_days_after_another_person_has_confirmed_it(
    world: Any, api: Any
) -> None:
    before = shown(api, "clerk", world.now)["bank_account"]
    answer = propose(api, world)
    assert answer.status == 201, answer.text
    proposed = answer.json
    earliest = "2026-09-04T09:00:00+08:00"
    assert (proposed["status"], proposed["counts_from"]) == ("proposed", earliest)
    later = world.later(hours=5)
    confirmed = decide(api, world, proposed, at=later).json
    assert confirmed["status"] == "confirmed"
    assert confirmed["counts_from"] == "2026-09-04T14:00:00+08:00"
    waits = shown(api, "clerk", later + timedelta(days=2, hours=23))
    assert (waits["bank_account"], [payee["id"] for payee in waits["payees"]]) == (before, [proposed["id"]])
    counts = shown(api, "clerk", later + timedelta(days=3))
    assert (counts["bank_account"]["id"], counts["payees"]) == (proposed["id"], [])


def test_an_account_replaced_before_it_counts_is_never_paid_to(world: Any, api: Any) -> None:
    before = shown(api, "clerk", world.now)["bank_account"]
    mistaken = propose(api, world).json
    assert decide(api, world, mistaken).json["status"] == "confirmed"
    right = propose(api, world, number="6222020000000008888").json
    later = world.later(hours=5)
    assert decide(api, world, right, at=later).json["status"] == "confirmed"
    between = shown(api, "clerk", world.now + timedelta(days=3, hours=1))
    assert (between["bank_account"], [payee["id"] for payee in between["payees"]]) == (before, [right["id"]])
    assert shown(api, "clerk", later + timedelta(days=3))["bank_account"]["id"] == right["id"]


def test_the_wait_is_that_of_the_programs_policy(world: Any, api: Any) -> None:
    policy = {"version": 1, "policy": {"payee_wait_days": 10}}
    assert api("province").post(f"/v1/programs/{world.program_id}/policy", policy, at=world.now).status == 201
    proposed = propose(api, world).json
    assert proposed["counts_from"].startswith("2026-09-11")


def test_a_clerk_does_not_confirm_and_neither_does_who_proposed_it_as_a_finance_officer(
    world: Any, api: Any
) -> None:
    proposed = propose(api, world).json
    assert proposed["allowed_actions"] == []
    for who in ("clerk", "clerk_two", "reviewer", "supervisor", "province"):
        assert decide(api, world, proposed, who=who).json["code"] == "forbidden"
    own = decide(api, world, proposed, who=moved("clerk", Role.FINANCE))
    assert (own.status, own.json["code"]) == (403, "self_approval")
    assert decide(api, world, proposed, who="finance_wuhu").status == 404
    assert shown(api, "finance", world.now)["payees"][0]["allowed_actions"] == ["confirm", "refuse"]
    assert decide(api, world, proposed).status == 200


def test_a_finance_officer_alone_puts_no_account_forward(world: Any, api: Any) -> None:
    assert propose(api, world, who="finance").json["code"] == "forbidden"
    put = api("finance").put(PATH, entry(world, version=1, bank_account=PRIVATE), at=world.now)
    assert put.json["code"] == "forbidden"


def test_a_holder_who_is_not_the_institution_is_told_and_confirmed_with_a_reason_only(
    world: Any, api: Any
) -> None:
    proposed = propose(api, world, holder="张三").json
    assert [warning["code"] for warning in proposed["warnings"]] == ["holder_differs"]
    silent = decide(api, world, proposed)
    assert (silent.status, silent.json["code"]) == (422, "payee_reason_missing")
    confirmed = decide(api, world, proposed, reason="单位负责人代收，附授权书").json
    assert (confirmed["status"], confirmed["decision_reason"]) == ("confirmed", "单位负责人代收，附授权书")


def test_an_institution_is_not_renamed_for_a_moment_to_fit_a_private_account(world: Any, api: Any) -> None:
    before = shown(api, "clerk", world.now)
    named = entry(world, version=before["version"], name="张三", bank_account=PRIVATE)
    renamed = api("clerk").put(PATH, named, at=world.now)
    assert "holder_differs" in [warning["code"] for warning in renamed.json["warnings"]]
    back = entry(world, version=renamed.json["version"], name=before["name"])
    assert api("clerk").put(PATH, back, at=world.now).status == 200
    (waiting,) = shown(api, "finance", world.now)["payees"]
    silent = decide(api, world, waiting)
    assert (silent.status, silent.json["code"]) == (422, "payee_reason_missing")


def test_an_account_of_a_name_that_is_no_longer_the_institutions_needs_a_reason(world: Any, api: Any) -> None:
    before = shown(api, "clerk", world.now)
    proposed = propose(api, world).json
    assert proposed["warnings"] == []
    other = entry(world, version=before["version"], name="合肥市另一学校")
    assert api("clerk").put(PATH, other, at=world.now).status == 200
    (waiting,) = shown(api, "finance", world.now)["payees"]
    assert decide(api, world, waiting).json["code"] == "payee_reason_missing"


def renamed(world: Any, api: Any, name: str, *, at: Any = None) -> Any:
    version = shown(api, "clerk", world.now)["version"]
    answer = api("clerk").put(PATH, entry(world, version=version, name=name), at=at or world.now)
    assert answer.status == 200, answer.text
    return answer.json


def test_an_institution_is_not_renamed_after_the_company_that_is_then_to_be_paid(
    world: Any, api: Any
) -> None:
    """Two steps of one clerk: the name first, then an account whose holder bears it."""
    former = shown(api, "clerk", world.now)["name"]
    told = renamed(world, api, PRIVATE["holder"])
    assert told["former_name"] == former
    proposed = propose(api, world, holder=PRIVATE["holder"]).json
    codes = [warning["code"] for warning in proposed["warnings"]]
    assert codes == ["holder_differs", "lately_renamed"]
    silent = decide(api, world, proposed)
    assert (silent.status, silent.json["code"]) == (422, "payee_reason_missing")
    assert decide(api, world, proposed, reason="已核对工商变更登记").json["status"] == "confirmed"


def test_a_detour_over_a_third_name_is_told_too_and_an_old_change_of_name_is_not(
    world: Any, api: Any
) -> None:
    for name in ("合肥市中间学校", PRIVATE["holder"]):
        renamed(world, api, name)
    proposed = propose(api, world, holder=PRIVATE["holder"]).json
    assert "holder_differs" in [warning["code"] for warning in proposed["warnings"]]
    assert decide(api, world, proposed, "refuse", reason="待核实").json["status"] == "refused"
    much_later = world.now + timedelta(days=366)
    fits = propose(api, world, holder=PRIVATE["holder"], at=much_later).json
    assert fits["warnings"] == []


def test_whoever_saw_the_account_before_its_institution_was_renamed_sees_it_again(
    world: Any, api: Any
) -> None:
    proposed = propose(api, world).json
    assert proposed["warnings"] == []
    renamed(world, api, "合肥市另一学校")
    (waiting,) = shown(api, "finance", world.now)["payees"]
    assert [warning["code"] for warning in waiting["warnings"]] == ["holder_differs", "lately_renamed"]
    blind = decide(api, world, proposed, reason="同意")
    assert (blind.status, blind.json["code"]) == (409, "version_conflict")
    assert decide(api, world, waiting).json["code"] == "payee_reason_missing"


def test_two_institutions_with_one_account_are_told_and_recorded(world: Any, api: Any) -> None:
    mine = propose(api, world).json
    assert mine["shared_with"] == []
    other = propose(api, world, path=f"/v1/institutions/{HEFEI_OTHER}").json
    assert other["shared_with"] == [HEFEI_SCHOOL]
    assert [warning["code"] for warning in other["warnings"]] == ["account_shared"]
    confirmed = decide(api, world, mine).json
    assert confirmed["shared_with"] == [HEFEI_OTHER], "found again when it is confirmed"
    assert PayeeAccountRow.get(HEFEI_SCHOOL, mine["id"]).shared_with == [HEFEI_OTHER]


def test_one_account_waits_at_a_time_and_a_refused_one_makes_room(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    assert propose(api, world).json["id"] == proposed["id"], "the same again is the one that waits"
    second = propose(api, world, number="1025340111000000026")
    assert (second.status, second.json["code"]) == (409, "payee_waiting")
    refused = decide(api, world, proposed, "refuse", reason="账号有误").json
    assert (refused["status"], refused["decision_reason"]) == ("refused", "账号有误")
    month = shown(api, "clerk", world.later(days=31))
    assert month["bank_account"]["id"] != proposed["id"], "what was refused never counts"
    again = decide(api, world, refused, reason="改主意")
    assert (again.status, again.json["code"]) == (409, "wrong_state")
    assert propose(api, world, number="1025340111000000026").status == 201


def test_an_account_that_waited_thirty_days_lapses_and_makes_room(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    late = world.later(days=30)
    refused = decide(api, world, proposed, at=late)
    assert (refused.status, refused.json["code"]) == (409, "payee_lapsed")
    assert shown(api, "clerk", late)["payees"][0]["status"] == "lapsed"
    body = {"holder": "启明", **NEW, "reason": "重新提交", "version": shown(api, "clerk", late)["version"]}
    assert api("clerk").post(f"{PATH}/payee", body, at=late).status == 201
    assert PayeeAccountRow.get(HEFEI_SCHOOL, proposed["id"]).status == "lapsed"


def test_a_proposal_on_a_version_that_is_gone_is_refused(world: Any, api: Any) -> None:
    stale = propose(api, world, version=99)
    assert (stale.status, stale.json["code"]) == (409, "version_conflict")
    wrong = propose(api, world, number="12")
    assert (wrong.status, wrong.json["errors"][0]["code"]) == (400, "invalid_account_number")


def test_an_account_is_decided_on_once_however_often_the_answer_is_lost(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    first, second = decide(api, world, proposed), decide(api, world, proposed, who="finance_two")
    assert (first.status, second.status, second.json["code"]) == (200, 409, "version_conflict")
    assert [ref[0] for ref in PayeesRow.get(HEFEI_SCHOOL).confirmed].count(proposed["id"]) == 1


# --------------------------------------------------------------------------- with an entry, or a sheet


def test_an_entry_with_another_account_proposes_it_and_changes_nothing_that_is_paid(
    world: Any, api: Any
) -> None:
    before = shown(api, "clerk", world.now)
    put = api("clerk").put(PATH, entry(world, version=before["version"], bank_account=PRIVATE), at=world.now)
    assert [warning["code"] for warning in put.json["warnings"]] == ["payee_proposed", "holder_differs"]
    assert put.json["bank_account"] == before["bank_account"]
    assert [(payee["status"], payee["holder"]) for payee in put.json["payees"]] == [("proposed", "张三")]
    month = world.later(days=31)
    assert shown(api, "clerk", month)["bank_account"] == before["bank_account"], (
        "a clerk alone changes nothing"
    )


def test_an_entry_without_an_account_keeps_it(world: Any, api: Any) -> None:
    before = shown(api, "clerk", world.now)
    put = api("clerk").put(PATH, entry(world, name="新名", version=before["version"]), at=world.now)
    assert (put.status, put.json["name"], put.json["bank_account"]) == (200, "新名", before["bank_account"])
    assert put.json["payees"] == []


def test_an_entry_with_another_account_is_refused_whole_while_one_waits(world: Any, api: Any) -> None:
    propose(api, world)
    version = shown(api, "clerk", world.now)["version"]
    put = api("clerk").put(
        PATH, entry(world, name="新名", version=version, bank_account=PRIVATE), at=world.now
    )
    assert (put.status, put.json["code"]) == (409, "payee_waiting")
    assert shown(api, "clerk", world.now)["name"] != "新名"


def test_an_institution_listed_before_accounts_were_confirmed_keeps_its_own(world: Any, api: Any) -> None:
    world.account_of_before(HEFEI_SCHOOL, holder="启明", number=NEW["number"])
    old = shown(api, "finance", world.now)["bank_account"]
    assert (old["holder"], old["number"][-4:]) == ("启明", "9993")
    same = {"holder": "启明", **NEW}
    put = api("clerk").put(PATH, entry(world, version=1, bank_account=same), at=world.now)
    assert (put.status, put.json["payees"]) == (200, [])
    assert put.json["bank_account"] == old
    proposed = propose(api, world).json
    decide(api, world, proposed)
    assert shown(api, "finance", world.later(days=2))["bank_account"] == old
    assert shown(api, "finance", world.later(days=3))["bank_account"]["id"] == proposed["id"]


# --------------------------------------------------------------------------- what waits


def test_what_waits_is_listed_oldest_first_for_the_area_until_it_is_decided_on(world: Any, api: Any) -> None:
    first = propose(api, world).json
    other = f"/v1/institutions/{HEFEI_OTHER}"
    body = {
        "holder": "另一学校",
        **NEW,
        "reason": "首次登记",
        "version": shown(api, "clerk", world.now, other)["version"],
    }
    second = api("clerk").post(f"{other}/payee", body, at=world.later(hours=1)).json

    def waiting(who: str = "finance", **query: str) -> list[str]:
        return [
            payee["id"] for payee in api(who).get("/v1/payees", query, at=world.later(hours=2)).json["items"]
        ]

    both = [first["id"], second["id"]]
    assert waiting() == waiting(division="340111") == waiting("province") == both
    assert waiting("finance_wuhu") == waiting(division="340104") == []
    assert decide(api, world, first).status == 200
    assert waiting() == [second["id"]]
    assert api("institution").get("/v1/payees", at=world.now).status == 403


# --------------------------------------------------------------------------- who sees it


@pytest.mark.parametrize("who", ["institution", "clerk", "reviewer", "finance", "supervisor", "province"])
def test_the_institution_and_its_bureau_see_the_account_masked_and_what_waits(
    world: Any, api: Any, who: str
) -> None:
    propose(api, world)
    answer = api(who).get(PATH, at=world.now)
    number = answer.json["bank_account"]["number"]
    assert number.count("*") >= 4
    assert len(answer.json["payees"]) == 1
    assert NEW["number"] not in answer.text


@pytest.mark.parametrize("who", [None, "clerk_wuhu", "institution_two", "institution_wuhu"])
def test_nobody_else_sees_an_account(world: Any, api: Any, who: str | None) -> None:
    propose(api, world)
    answer = (api(who) if who else api()).get(PATH, at=world.now)
    assert answer.status == 200
    assert {"bank_account", "payees"} & answer.json.keys() == set()


def test_no_number_stands_in_a_row_of_an_account(world: Any, api: Any) -> None:
    proposed = propose(api, world).json
    row = PayeeAccountRow.get(HEFEI_SCHOOL, proposed["id"])
    assert NEW["number"] not in str(row.attribute_values)
