"""Stories of the calls that `tests.edge.idempotency` does not tell: whole replacements, and what needs no token."""

import time
import uuid
from typing import Any

from tests.edge.idempotency.stories import STORIES as TOLD_UNDER_KEYS
from tests.edge.idempotency.trials import Story, Use
from tests.support.keys import card_assertion
from tests.support.people import HEFEI_OTHER


def signing_in(world: Any) -> Story:
    from tests.accounts.builders import GOOD, HOME, ask_for, numbered

    anybody, name = world.api(), "neu-clerk"
    code = ask_for(world.api, name).json["activation_code"]
    own = card_assertion(numbered(name).id_number, numbered(name).name)
    body = {"account": name, "activation_code": code, "password": GOOD, "assertion": own}
    activated = yield Use(anybody, "/v1/auth/activate", body, None, {"source": HOME})
    assert activated.status == 200, activated.text
    body = {"grant_type": "password", "account": name, "password": GOOD}
    signed = yield Use(anybody, "/v1/auth/tokens", body, None, {"source": HOME})
    assert signed.status == 200, signed.text


def programs_signing_in(world: Any) -> Story:
    from tests.accounts.clients.builders import HOST, TOKENS, Program, confirmed

    program = Program()
    confirmed(world.api, program)
    body = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": program.assertion(),
    }
    signed = yield Use(world.api(), TOKENS, body, None, {"headers": {"Host": HOST}})
    assert signed.status == 200, signed.text


def second_factors(world: Any) -> Story:
    import base64

    from chalicelib.accounts.sign_in.one_time_codes import new_totp
    from tests.accounts.builders import GOOD, HOME, activate, ask_for, numbered

    anybody, name = world.api(), "neu-clerk"
    invited = ask_for(world.api, name).json
    assert activate(world.api, name, invited["activation_code"]).status == 200
    own = card_assertion(numbered(name).id_number, numbered(name).name)
    body = {"account": name, "password": GOOD, "assertion": own}
    offer = yield Use(anybody, "/v1/auth/totp", body, None, {"source": HOME})
    assert offer.status == 200, offer.text
    code = new_totp(base64.b32decode(offer.json["secret"])).generate(int(time.time())).decode()
    body = {"account": name, "password": GOOD, "totp": code}
    confirmed = yield Use(anybody, "/v1/auth/totp/confirm", body, None, {"source": HOME})
    assert confirmed.status == 200, confirmed.text


def replacing(world: Any) -> Story:
    from tests.attendance.builders import room_under
    from tests.classes.builders import Classroom, application

    clerk, province, school = world.api("clerk"), world.api("province"), world.api("institution")
    path = f"/v1/institutions/{HEFEI_OTHER}"
    shown = clerk.get(path).json
    names = ("name", "division", "address", "phone", "location", "programs", "projects", "version")
    put = yield Use(clerk, path, {name: shown[name] for name in names}, world.now, method="PUT")
    assert put.status == 200, put.text
    path = f"/v1/projects/{world.project_id}"
    shown = province.get(path).json
    names = ("name", "occupation_code", "edition", "level", "hours", "fee_fen", "programs", "version")
    put = yield Use(province, path, {name: shown[name] for name in names}, world.now, method="PUT")
    assert put.status == 200, put.text
    draft = Classroom(world)
    body = application(world, name="互联网营销二班") | {"version": draft.version}
    put = yield Use(school, f"/v1/classes/{draft.id}", body, world.now, method="PUT")
    assert put.status == 200, put.text
    path = "/v1/budgets/3401/2026"
    body = {"program_id": world.program_id, "appropriated_fen": 6_000_000}
    for version in (None, 1):
        sent = body | ({"version": version} if version else {})
        put = yield Use(world.api("finance"), path, sent, world.now, method="PUT")
        assert put.status in (200, 201), put.text
    room = room_under(world, 2)
    assert room.id


def rosters_and_marks(world: Any) -> Story:
    from tests.classes.builders import Classroom

    school = world.api("institution")
    room = Classroom(world).approved()
    enrolments = room.enrol(2)
    room.refresh()
    rows = [{"enrolment_id": enrolment["id"]} for enrolment in enrolments]
    path = f"/v1/classes/{room.id}"
    put = yield Use(
        school, f"{path}/roster", {"version": room.version, "rows": rows}, world.now, method="PUT"
    )
    assert put.status == 200, put.text
    room.refresh()
    for place in range(2):
        room.attend(place)
    room.refresh()
    room.do("institution", "completion/submit", at=room.ended())
    room.do("clerk", "completion/approve", at=room.ended())
    room.json = room.read(at=room.ended())
    marks = [{"enrolment_id": one["id"], "theory": 80, "practice": 82} for one in enrolments]
    body = {"version": room.version, "rows": marks}
    put = yield Use(school, f"{path}/scores", body, room.ended(), method="PUT")
    assert put.status == 200, put.text


def objections(world: Any) -> Story:
    from tests.subsidies.scored import Money, scored_class

    money = Money(world)
    money.budget()
    claim = money.publicised(scored_class(world, 2))
    body = {"reason": f"没有上课{uuid.uuid4().hex[:4]}", "contact": "13800001111"}
    sent = yield Use(world.api(), f"/v1/publicity/{claim['id']}/objections", body, money.now)
    assert sent.status == 201, sent.text


def inspected(world: Any) -> Story:
    from tests.subsidies.scored import scored_class

    scored_class(world, 1)
    supervisor = world.api("supervisor")
    body = {"scope": "classes", "division": "3401", "share": 1}
    drawn = supervisor.post("/v1/inspections", body, at=world.now).json
    path = f"/v1/inspections/{drawn['id']}/entries/{drawn['items'][0]['subject']}"
    entry = {"outcome": "in_order"}
    noted = yield Use(supervisor, path, entry, world.now, method="PUT")
    assert noted.status == 200, noted.text


def redriven(world: Any) -> Story:
    """Dead letters go back to their queue: at least once, as every message."""
    from chalicelib.aws.clients import client
    from chalicelib.aws.queues import dead_letters_url

    for number in range(2):
        body = f'{{"division": "340{number + 1}", "work": "settle", "now": "2026-09-01T01:00:00Z"}}'
        client("sqs").send_message(QueueUrl=dead_letters_url("seal_settlement"), MessageBody=body)
    yield Use(world.api("province"), "/v1/dead-letters/seal_settlement/redrive", {}, world.now)


def sent_again(world: Any) -> Story:
    """Messages that the platform refused go back among those to be sent, everything of a filter in one call."""
    from chalicelib.exchange import store
    from chalicelib.exchange.model import message_id_of
    from chalicelib.kernel.principal import change_of, system_context
    from tests.exchange.test_returning import returned
    from tests.support.streams import handed_over, voucher_changes

    context = system_context("test", now=world.now, request_id="req_test")
    for subject in REFUSED_SUBJECTS:
        returned(*voucher_changes(subject))
        handed_over(subject, 1, world.now)
        (delivery,) = store.deliveries_of(subject)
        assert delivery.message_id == message_id_of(subject, 1)
        store.mark_refused(
            delivery,
            reason="unknown program",
            now=world.now,
            change=change_of(context, "exchange.acknowledge"),
        )
    body = {"state": "refused", "reason": "平台已修复", "failure": "unknown program"}
    again = yield Use(world.api("province"), "/v1/exchange/redrives", body, world.now)
    assert again.json == {"redriven": len(REFUSED_SUBJECTS), "more": False}, again.text


REFUSED_SUBJECTS = ("vch_aaaa", "vch_bbbb", "vch_cccc")
STORIES = (
    *TOLD_UNDER_KEYS,
    signing_in,
    programs_signing_in,
    second_factors,
    replacing,
    rosters_and_marks,
    objections,
    inspected,
    redriven,
    sent_again,
)
