"""Use case of a lookup: recorded with its purpose before anything is read, and cut to the caller's area.

It leaves two records: one of the person before anything is read, so who looked at them stands in their
history; and one in the list of the day (`lookups_on`) before anything is told, for supervisors. The second
names whom the lookup found in the caller's area, and nobody where it found nothing: else it would tell who is
known elsewhere.
"""

import functools
from datetime import timedelta

from chalicelib.accounts import rights
from chalicelib.accounts.disclosures.service import record_access
from chalicelib.accounts.persons.service import find_person_key
from chalicelib.accounts.sign_in.attempts import store as attempts
from chalicelib.accounts.sign_in.attempts.model import Cap
from chalicelib.enrolments import store
from chalicelib.enrolments.lookups.model import NOBODY, Found, lists_naming, lookups_on
from chalicelib.kernel.calendar import shanghai_date
from chalicelib.kernel.errors import Fault
from chalicelib.kernel.identity import InvalidIdentity, parse_id_number
from chalicelib.kernel.ids import PersonKey
from chalicelib.kernel.paging import LIMIT_MAX, PageRequest
from chalicelib.kernel.principal import Context
from chalicelib.kernel.reasons import error
from chalicelib.kernel.repeats import answer_anew
from chalicelib.people.standings.service import standings_of
from chalicelib.people.vault.service import find_person
from chalicelib.vouchers import store as vouchers

ACTION = "person.find"
MISSES = Cap(most=20, span=timedelta(days=1))
"""Numbers in a day that find nobody: whoever tries all that a masked number may be needs hundreds."""
_NEWEST = PageRequest(limit=LIMIT_MAX)


def look_up(context: Context, id_number: str, *, purpose: str) -> Found:
    """Find what of a person lies in the caller's area: the newest hundred vouchers and enrolments.

    Who is unknown is looked for as everybody else is: neither the answer nor the calls behind it tell whether
    somebody is known elsewhere. Nobody becomes known by being looked up. A repeat under the same key is a
    look of its own: it leaves its own record, and what it shows is of now.

    Raises:
        Malformed: it is no ID number.
        TooMany: too many numbers of the day found nobody.
        Unavailable: the lookup could not be recorded; nothing was told.

    """
    principal = context.principal
    rights.admit(principal, ACTION)
    try:
        number = parse_id_number(id_number)
    except InvalidIdentity as failure:
        raise error("malformed", faults=(Fault(failure.code, field="id_number"),)) from None
    counted = f"lookup#{principal.actor}"
    seconds = attempts.take_under(counted, MISSES, context.now)
    if seconds:
        raise error("too_many_requests", retry_after_seconds=seconds)
    answer_anew()
    key = find_person_key(number) or NOBODY
    record = functools.partial(
        record_access, context, division=principal.division, purpose=purpose, items=1, action=ACTION
    )
    record(subject=key)
    held = [
        voucher
        for voucher in vouchers.vouchers_of(key, _NEWEST).items
        if rights.reaches(principal, "voucher.read", division=voucher.division)
    ]
    enrolled = [
        enrolment
        for enrolment in store.enrolments_of(key, _NEWEST).items
        if rights.reaches(principal, "enrolment.read", division=enrolment.division)
    ]
    found = _with_lists(context, key, Found(vouchers=held, enrolments=enrolled))
    day = lookups_on(shanghai_date(context.now), principal.division)
    record(subject=day, person=found.person_key)
    if found.person_key is not None:
        attempts.give_back(counted, context.now)
    return found


def _with_lists(context: Context, key: PersonKey, found: Found) -> Found:
    """Add the lists, for who may read lists: they are the province's."""
    if not rights.reaches(context.principal, "import.read"):
        return found
    person, said = find_person(key), standings_of([key]).get(key)
    return Found(found.vouchers, found.enrolments, lists_naming(person, said), person)
