"""The life of a class and its money in steps, each of which leaves things in another state."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from chalicelib.kernel.calendar import shanghai_date
from tests.attendance.make_ups.test_make_ups import ask as ask_make_up
from tests.classes.builders import DAY, Classroom, application
from tests.classes.changes.test_changes import apply, wanted
from tests.people.lists.test_work import arrived, csv_of
from tests.subsidies.overrides.test_overrides import letting
from tests.subsidies.scored import Money, scored_class
from tests.supervision.cases.found import finding, record
from tests.support.people import HEFEI_SCHOOL
from tests.support.streams import stream_event, voucher_changes

OTHER_PROGRAM = "prg_other"
REASON = {"reason": "已核实"}


class Story:
    """One class of three trainees, the vouchers beside it, its claim and its payment."""

    def __init__(self, world: Any, cloud: Any, platform: Any) -> None:
        self.world, self.cloud, self.platform, self.api = world, cloud, platform, world.api
        self.now: datetime = world.now
        self.program_id = world.program_id
        self.money = Money(world)
        self.class_ids: list[str] = []
        self.enrolment_ids: list[str] = []
        self.voucher_ids: list[str] = []
        self.claim_ids: list[str] = []
        self.line_ids: list[str] = []
        self.batch_ids: list[str] = []
        self.lesson_ids: list[str] = []
        self.import_ids: list[str] = []
        self.case_ids: list[str] = []
        self.inspection_ids: list[str] = []
        self.client_ids: list[str] = []
        self.told_ids: list[str] = []
        self.issuance_ids: list[str] = []
        self.delivery_states: list[str] = []
        self.rosters: dict[str, list[str]] = {}
        self.room: Any = None
        self.payable = (0, 0)
        self.outcome = "failed"

    # ------------------------------------------------------------------------- what requests need

    @property
    def roster(self) -> list[str]:
        """Give the enrolments on the roster of the class that is told of."""
        return self.rosters[self.room.id]

    @property
    def around(self) -> dict[str, str]:
        """Give the ids that a path may need besides the thing's own."""
        class_id = self.class_ids[0] if self.class_ids else "cls_none"
        return {
            "class_id": class_id,
            "change_id": f"chg_{class_id[4:]}-0001",
            "lesson_id": self.lesson_ids[0] if self.lesson_ids else "les_none",
            "program_id": self.program_id,
            "other_program_id": OTHER_PROGRAM,
            "inspection_id": self.inspection_ids[0] if self.inspection_ids else "isp_none",
        }

    def results_of(self, batch: Any) -> list[dict[str, Any]]:
        """Give a result of each line of a batch, of the kind that comes next."""
        self.money.now = self.now
        path = f"/v1/settlement-batches/{batch['id']}"
        lines = self.ok(self.api("finance_two").get(path, at=self.now))["lines"]
        return [self.money.result(line, self.outcome) for line in lines]

    def ok(self, answer: Any) -> Any:
        assert answer.status in (200, 201, 202), answer.text
        return answer.json

    def post(self, who: Any, path: str, body: Any) -> Any:
        return self.ok(self.api(who).post(path, body, at=self.now))

    def do(self, who: Any, action: str, **body: Any) -> None:
        self.room.json = self.room.read(who="clerk", at=self.now)
        self.room.do(who, action, body, at=self.now)

    def claim(self) -> Any:
        return self.ok(self.api("clerk").get(f"/v1/subsidy-claims/{self.claim_ids[0]}", at=self.now))

    def decide(self, who: Any, verb: str, **body: Any) -> Any:
        claim = self.claim()
        return self.post(
            who, f"/v1/subsidy-claims/{claim['id']}/{verb}", {"version": claim["version"], **body}
        )

    def move(self, action: str) -> None:
        shown = self.ok(self.api("clerk").get(f"/v1/institutions/{HEFEI_SCHOOL}"))
        self.post(
            "clerk", f"/v1/institutions/{HEFEI_SCHOOL}/{action}", REASON | {"version": shown["version"]}
        )


Step = tuple[str, Callable[[Story], None]]


def steps() -> Iterator[Step]:
    """Give the steps in their order, each with its name."""
    yield from _CLASSROOM
    yield from _LESSONS
    yield from _CLAIM
    yield from _PAYMENT
    yield from _OTHERS


def _draft(story: Story) -> None:
    letting(story.money, "attendance")
    from chalicelib.programs.service import forget_programs

    forget_programs()
    story.money.budget()
    story.world.program(OTHER_PROGRAM)
    story.room = Classroom(story.world)
    story.class_ids.append(story.room.id)
    story.lesson_ids.append(story.room.lesson()["id"])


def _vouchers(story: Story) -> None:
    story.enrolment_ids += [enrolment["id"] for enrolment in story.room.enrol(3)]
    story.voucher_ids += [enrolment["voucher_id"] for enrolment in story.room.enrolments]
    story.voucher_ids.append(story.world.voucher(story.world.person(4), claimed=False))
    story.voucher_ids.append(story.world.voucher(story.world.person(5)))
    story.rosters[story.room.id] = story.enrolment_ids[:2]


def _rostered(story: Story) -> None:
    story.room.refresh()
    story.ok(story.room.put_roster([{"enrolment_id": one} for one in story.roster]))


def _change(story: Story) -> None:
    story.room.refresh()
    story.ok(apply(story.room, lessons=wanted(story.room, _3=15 * DAY)))


def _change_decided(story: Story) -> None:
    story.room.refresh()
    path = f"/v1/classes/{story.room.id}/changes/{story.around['change_id']}/withdraw"
    story.post("institution", path, {"version": story.room.version})


def _released(story: Story) -> None:
    story.post("clerk", f"/v1/enrolments/{story.enrolment_ids[2]}/release", REASON)


_CLASSROOM: tuple[Step, ...] = (
    ("a class is drafted", _draft),
    ("its institution is suspended", lambda story: story.move("suspend")),
    (
        "it is reinstated, the class is submitted",
        lambda story: (story.move("reinstate"), story.do("institution", "submit")),
    ),
    ("the class is returned", lambda story: story.do("clerk", "return", **REASON)),
    ("it is submitted again", lambda story: story.do("institution", "submit")),
    ("it is approved", lambda story: story.do("clerk", "approve")),
    ("vouchers are issued, claimed, redeemed", _vouchers),
    ("two are on the roster", _rostered),
    ("a change is applied for", _change),
    ("its institution is suspended again", lambda story: story.move("suspend")),
    ("the change is withdrawn", _change_decided),
    ("it is reinstated, one enrolment released", lambda story: (story.move("reinstate"), _released(story))),
)  # type: ignore[assignment]


def _lessons(story: Story) -> None:
    """Everybody comes, one from a place that is doubtful, one without a phone."""
    for place in range(2):
        story.room.attend(place, lessons=4)
    doubtful = story.room.check_in(story.room.people[0], 4, location={"accuracy_m": 400})
    assert doubtful.json["outcome"] == "needs_review", doubtful.text
    story.lesson_ids.insert(0, doubtful.json["lesson_id"])
    story.now = story.room.ended()
    asked = ask_make_up(story.room, person=1, number=4)
    assert asked.status == 201, asked.text


def _decided(story: Story) -> None:
    lesson = story.lesson_ids[0]
    waiting = story.ok(story.api("clerk").get(f"/v1/lessons/{lesson}/check-ins", at=story.now))["items"][0]
    story.post(
        "clerk",
        f"/v1/lessons/{lesson}/check-ins/{waiting['id']}/accept",
        REASON | {"version": waiting["version"]},
    )
    asked = story.ok(story.api("clerk").get("/v1/make-ups", at=story.now))["items"][0]
    story.post("clerk", f"/v1/make-ups/{asked['id']}/approve", REASON | {"version": asked["version"]})


def _cancellation(story: Story) -> None:
    version = story.room.read(who="clerk", at=story.now)["version"]
    story.post("institution", f"/v1/classes/{story.room.id}/cancel", REASON | {"version": version})


def _scored(story: Story) -> None:
    story.room.json = story.room.read(at=story.now)
    rows = [{"enrolment_id": one, "theory": 81, "practice": 82} for one in story.roster]
    story.ok(story.room.put_scores(rows))


_LESSONS: tuple[Step, ...] = (
    ("its lessons are over", _lessons),
    ("what was doubtful is decided", _decided),
    ("its cancellation is applied for", _cancellation),
    ("the cancellation is refused", lambda story: story.do("clerk", "cancel/refuse", **REASON)),
    ("completion is applied for", lambda story: story.do("institution", "completion/submit")),
    ("completion is returned", lambda story: story.do("clerk", "completion/return", **REASON)),
    ("completion is applied for again", lambda story: story.do("institution", "completion/submit")),
    ("completion is approved", lambda story: story.do("clerk", "completion/approve")),
    ("marks are recorded", _scored),
)


def _totals(story: Story) -> None:
    payable = story.ok(story.api("institution").get(f"/v1/classes/{story.room.id}/payability", at=story.now))
    story.payable = (payable["count"], payable["amount_fen"])
    assert story.payable[0] == 2, payable


def _override(story: Story) -> None:
    body = {
        "enrolment_id": story.roster[0],
        "check": "attendance",
        "expires_on": (story.now + 90 * DAY).date().isoformat(),
    }
    story.post("clerk", f"/v1/classes/{story.room.id}/overrides", body | REASON)
    _totals(story)


def _override_decided(story: Story) -> None:
    asked = story.ok(story.api("clerk").get(f"/v1/classes/{story.room.id}/overrides", at=story.now))["items"]
    for override in asked:
        story.post("reviewer", f"/v1/overrides/{override['id']}/confirm", {"version": override["version"]})


def _claimed(story: Story) -> None:
    body = {"declared_count": story.payable[0], "declared_amount_fen": story.payable[1]}
    claim = story.post("institution", f"/v1/classes/{story.room.id}/subsidy-claims", body)
    if not story.claim_ids:
        story.claim_ids.append(claim["id"])
        story.line_ids += [line["id"] for line in claim["lines"]]


def _found(story: Story) -> None:
    """A rule finds something about the class, and holds its lines."""
    story.money.now = story.now
    story.case_ids += record(story.money, finding(story.room.id)).opened


def _case(story: Story, verb: str, who: str = "supervisor", **body: Any) -> None:
    path = f"/v1/risk-cases/{story.case_ids[0]}"
    version = story.ok(story.api(who).get(path, at=story.now))["version"]
    story.post(who, f"{path}/{verb}", {"version": version, **body})


def _objected(story: Story) -> None:
    path = f"/v1/publicity/{story.claim_ids[0]}/objections"
    story.post(None, path, {"reason": "该班未实际开课"})
    story.post(None, path, {"reason": "此人未到课", "line_id": story.line_ids[0]})


def _dismissed(story: Story) -> None:
    for objection in story.ok(
        story.api("supervisor").get(f"/v1/objections?claim={story.claim_ids[0]}", at=story.now)
    )["items"]:
        body = REASON | {"version": objection["version"], "outcome": "dismissed"}
        story.post("supervisor", f"/v1/objections/{objection['id']}/resolve", body)


_CLAIM: tuple[Step, ...] = (
    ("an override is asked for", _override),
    ("the override is decided", _override_decided),
    ("the subsidy is claimed", _claimed),
    ("the claim has its first review", lambda story: story.decide("clerk", "review")),
    ("a rule finds something", _found),
    ("its case is taken up", lambda story: _case(story, "take")),
    ("it is confirmed", lambda story: _case(story, "resolve", outcome="confirmed", **REASON)),
    ("and looked at again", lambda story: _case(story, "take", "province")),
    (
        "it was a false alarm",
        lambda story: _case(story, "resolve", "province", outcome="false_alarm", **REASON),
    ),
    ("the claim is returned", lambda story: story.decide("reviewer", "return", **REASON)),
    ("the subsidy is claimed again", _claimed),
    ("and reviewed again", lambda story: story.decide("clerk", "review")),
    ("the claim is in public", lambda story: story.decide("reviewer", "approve")),
    (
        "its second review is withdrawn",
        lambda story: story.decide("reviewer", "approve/withdraw", **REASON),
    ),
    ("the claim is in public again", lambda story: story.decide("reviewer", "approve")),
    ("people object", _objected),
    ("the objections are dismissed", _dismissed),
)


def _sealed(story: Story) -> None:
    batch = story.post("finance", "/v1/settlement-batches", {})["items"][0]
    story.batch_ids.append(batch["id"])


def _due(story: Story) -> None:
    story.now += timedelta(days=20)


def _exported(story: Story) -> None:
    story.post("finance_two", f"/v1/settlement-batches/{story.batch_ids[-1]}/export", {})


def _answered(story: Story) -> None:
    batch = {"id": story.batch_ids[-1]}
    story.post(
        "finance", f"/v1/settlement-batches/{batch['id']}/results", {"results": story.results_of(batch)}
    )
    story.outcome = "paid"


def _line_step(who: str, path: str, body: Any) -> Callable[[Story], None]:
    return lambda story: story.post(who, f"/v1/claim-lines/{story.line_ids[0]}/{path}", body)


def _correction(story: Story) -> None:
    line = story.ok(story.api("finance").get(f"/v1/claim-lines/{story.line_ids[0]}", at=story.now))
    body = {"to": "failed", "amount_fen": line["attempts"][-1]["amount_fen"]}
    story.post("finance", f"/v1/claim-lines/{line['id']}/correct", body | REASON)


def _correction_refused(story: Story) -> None:
    line = story.ok(story.api("finance").get(f"/v1/claim-lines/{story.line_ids[0]}", at=story.now))
    path = f"/v1/claim-lines/{line['id']}/correct/cancel"
    story.post("finance_two", path, REASON | {"version": line["version"]})


def _repaid(story: Story) -> None:
    day = shanghai_date(story.now).isoformat()
    body = {"amount_fen": 1000, "received_on": day, "bank_reference": "R-1"}
    story.post("finance", f"/v1/claim-lines/{story.line_ids[0]}/repayments", body)


def _account_proposed(story: Story) -> None:
    path = f"/v1/institutions/{HEFEI_SCHOOL}"
    version = story.ok(story.api("clerk").get(path, at=story.now))["version"]
    account = {"holder": "启明", "bank": "徽商银行", "number": "6222020000000009993", "version": version}
    story.post("clerk", f"{path}/payee", account | REASON)


def _account_confirmed(story: Story) -> None:
    (payee,) = story.ok(story.api("finance").get("/v1/payees", at=story.now))["items"]
    path = f"/v1/institutions/{HEFEI_SCHOOL}/payee/{payee['id']}/confirm"
    story.post("finance", path, REASON | {"version": payee["version"], "number": "6222020000000009993"})


def _stop(story: Story, who: str, kind: str, subject: str) -> None:
    story.post(who, "/v1/holds", REASON | {"subject": {"kind": kind, "id": subject}})


def _stopped(story: Story) -> None:
    _stop(story, "supervisor", "line", story.line_ids[0])
    _stop(story, "finance", "institution", HEFEI_SCHOOL)


def _account_changed(story: Story) -> None:
    _due(story)
    assert story.post("finance", "/v1/settlement-batches", {})["items"] == []


def _account_let_be(story: Story) -> None:
    (hold,) = story.ok(story.api("finance_two").get("/v1/holds", at=story.now))["items"]
    story.post("finance_two", f"/v1/holds/{hold['id']}/release", REASON | {"version": hold["version"]})


def _let_go(story: Story) -> None:
    for hold in story.ok(story.api("supervisor").get("/v1/holds", at=story.now))["items"]:
        story.post("supervisor", f"/v1/holds/{hold['id']}/release", REASON | {"version": hold["version"]})


_PAYMENT: tuple[Step, ...] = (
    ("its lines are due", _due),
    ("another account is proposed", _account_proposed),
    ("it is confirmed, and not waited for", _account_confirmed),
    ("its payment is stopped", _stopped),
    ("it goes on", _let_go),
    ("a batch is sealed", _sealed),
    ("its file is fetched", _exported),
    ("the bank could not pay", _answered),
    ("a second officer releases it", _line_step("finance_two", "release", REASON)),
    ("the account that changed holds the line", _account_changed),
    (
        "a second batch is sealed",
        lambda story: (_account_let_be(story), _due(story), _sealed(story), _exported(story)),
    ),
    ("the bank has paid", _answered),
    ("a correction is asked for", _correction),
    ("the correction is refused", _correction_refused),
    ("a reversal is asked for", _line_step("finance", "reverse", REASON)),
    ("the reversal is confirmed", _line_step("finance_two", "reverse/confirm", {})),
    ("a repayment is entered", _repaid),
    ("it is confirmed", _line_step("finance_two", "repayments/confirm", {})),
)  # type: ignore[assignment]


def _listed(story: Story) -> None:
    from chalicelib.people.lists import jobs

    story.import_ids.append(arrived(story.api, csv_of(3, ()), at=story.now))
    story.cloud.work("imports", lambda event, _: _worked(jobs.process_import, event))


def _worked(worker: Any, event: Any) -> Any:
    import app

    del worker
    return app.process_import(event, None)


def _proposed(story: Story) -> None:
    body = {"import_id": story.import_ids[0], "declared_count": 3}
    batch = story.post("province", f"/v1/programs/{story.program_id}/issuance-batches", body)
    story.issuance_ids.append(batch["id"])


def _issued(story: Story) -> None:
    import app

    path = f"/v1/programs/{story.program_id}/issuance-batches/{story.issuance_ids[0]}/approve"
    story.post("province_two", path, {"version": 1})
    story.cloud.work("issuance", app.issue_vouchers)


def _told(story: Story) -> None:
    from chalicelib.exchange import jobs
    from chalicelib.exchange.model import DeliveryState
    from chalicelib.kernel.principal import system_context

    context = system_context("test", now=story.now, request_id="req_test")
    story.platform.answers = [422]
    jobs.return_changes(stream_event(*voucher_changes(versions=2)), context)
    story.delivery_states = [state.value for state in DeliveryState]


def _left_out(story: Story) -> None:
    from chalicelib.exchange.model import message_id_of

    path = f"/v1/exchange/deliveries/{message_id_of('vch_aaaa', 1)}/pass-over"
    story.post("province", path, {"reason": "项目已撤销"})


def _nobody_payable(story: Story) -> None:
    """A class in which everybody failed, one in which somebody is payable."""
    story.world.now = story.now
    story.class_ids = [scored_class(story.world, 2, failed={0, 1}), scored_class(story.world, 2, failed={0})]
    for class_id in story.class_ids:
        story.rosters[class_id] = [f"enr_{class_id[4:20]}{place:02d}" for place in range(2)]
    story.enrolment_ids, story.voucher_ids = list(story.rosters[story.class_ids[0]]), []


def _sampled(story: Story) -> None:
    body = {"scope": "classes", "division": "3401", "share": 1}
    story.inspection_ids.append(story.post("supervisor", "/v1/inspections", body)["id"])


def _deviation(story: Story) -> None:
    path = f"/v1/inspections/{story.inspection_ids[0]}/entries/{story.class_ids[0]}"
    entry = story.ok(story.api("supervisor").put(path, {"outcome": "deviation"}, at=story.now))
    story.case_ids.append(entry["case_id"])


def _withdrawn(story: Story) -> None:
    """A class that is cancelled, and trainees of another who leave."""
    room = Classroom(story.world, name="营销三班")
    story.ok(
        story.api("institution").post(
            f"/v1/classes/{room.id}/cancel", {"version": room.version}, at=story.now
        )
    )
    story.class_ids = [room.id]


def _revoked(story: Story) -> None:
    first = story.world.voucher(story.world.person(31), issued_at=story.now)
    version = story.ok(story.api("clerk").get(f"/v1/vouchers/{first}", at=story.now))["version"]
    story.post("clerk", f"/v1/vouchers/{first}/revoke", REASON | {"version": version})
    old = story.world.voucher(story.world.person(32), issued_at=story.now - timedelta(days=300))
    story.voucher_ids = [first, old]


def _restored(story: Story) -> None:
    story.post("province", f"/v1/vouchers/{story.voucher_ids[0]}/restore", REASON)


def _renamed(story: Story) -> None:
    """A list that gives another name to one of those of the first."""
    from chalicelib.people.lists import jobs

    first, *others = csv_of(3, ()).decode("utf-8-sig").splitlines()
    renamed = "\n".join([first, *(f"赵六,{line.partition(',')[2]}" for line in others)])
    story.import_ids.append(arrived(story.api, renamed.encode(), at=story.now))
    story.cloud.work("imports", lambda event, _: _worked(jobs.process_import, event))


def _account_asked(story: Story) -> None:
    """A reviewer's account is asked for, and waits for a second person."""
    from tests.accounts.builders import ask_for

    asked = ask_for(lambda who=None: story.api(who), "offered-reviewer", role="reviewer", who="clerk")
    assert asked.status == 201, asked.text


def _program_asked(story: Story) -> None:
    """A school asks for a program, and it waits for a clerk."""
    from tests.accounts.clients.builders import Program

    asked = story.post("institution", "/v1/clients", Program().wish())
    story.client_ids.append(asked["id"])


def _program_told(story: Story) -> None:
    """A school's program with a webhook is confirmed."""
    from tests.accounts.clients.builders import Program
    from tests.exchange.webhooks.builders import SCOPES, hook

    asked = story.post("institution", "/v1/clients", Program(name="教务系统").wish(SCOPES, webhook=hook()))
    story.client_ids.append(asked["id"])
    story.told_ids.append(asked["id"])
    story.post("clerk", f"/v1/clients/{asked['id']}/confirm", {"version": asked["version"]})


def _expired(story: Story) -> None:
    story.now += timedelta(days=100)


_OTHERS: tuple[Step, ...] = (
    ("a list has arrived", _listed),
    ("a batch of vouchers is proposed", _proposed),
    ("it is approved and issued", _issued),
    ("the platform is to be told", _told),
    ("a message is to be left out", _left_out),
    ("two more classes are scored", _nobody_payable),
    ("a sample is drawn", _sampled),
    ("an inspection finds a deviation", _deviation),
    ("a class is cancelled", _withdrawn),
    ("vouchers are revoked", _revoked),
    ("one is to be restored", _restored),
    ("a list renames people", _renamed),
    ("an account is asked for", _account_asked),
    ("a program is asked for", _program_asked),
    ("a program is told by a webhook", _program_told),
    ("vouchers have expired", _expired),
)
__all__ = ["Story", "application", "steps"]
