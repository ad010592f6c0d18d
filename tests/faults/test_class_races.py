"""Races on one class, on the local cloud: of those who decide at once on one version, exactly one does."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.kernel.errors import DomainError
from chalicelib.kernel.principal import Context
from tests.classes.builders import DAY, SITE, Classroom, trainer
from tests.classes.changes.test_changes import apply, wanted
from tests.support.people import staff_principal

CLIENTS = 16


def race(calls):
    """Do everything at once; give what each came to: its name, or the code of its refusal."""

    def one(named):
        name, call = named
        try:
            call()
        except DomainError as refusal:
            return refusal.code
        return name

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(one, calls))


@pytest.mark.parametrize("number", range(5))
def test_of_a_changes_approval_its_rejection_and_a_cancellation_at_once_one_happens(world, number):
    from chalicelib.classes.cancellation.service import cancel_class
    from chalicelib.classes.changes import service as changes

    room = Classroom(world, trainers=[trainer(900 + number)], site={**SITE, "room": str(number)}).approved()
    before = room.json["lessons"]
    change = apply(room, lessons=wanted(room, _2=20 * DAY)).json
    people = {who: staff_principal(who) for who in ("clerk", "clerk_two", "institution")}

    def context(who):
        return Context(principal=people[who], now=world.now, request_id="req_race")

    at = {"version": change["version"]}
    calls = [
        (
            "approved",
            lambda: changes.approve_change(context("clerk"), room.id, change["id"], comment=None, **at),
        ),
        (
            "rejected",
            lambda: changes.reject_change(context("clerk_two"), room.id, change["id"], reason="x", **at),
        ),
        ("cancelled", lambda: cancel_class(context("institution"), room.id, comment=None, **at)),
    ] * 5
    came_to = race(calls)
    done = {name for name in ("approved", "rejected", "cancelled") if came_to[name]}
    assert len(done) == 1, came_to
    if done != {"cancelled"}:  # a repeated cancellation answers like the first
        assert came_to[done.pop()] == 1
    after = room.refresh().json
    assert after["version"] == change["version"] + 1
    assert (after["lessons"] != before) is bool(came_to["approved"])
    assert set(came_to) <= {
        "approved",
        "rejected",
        "cancelled",
        "version_conflict",
        "wrong_state",
        "try_again",
    }
