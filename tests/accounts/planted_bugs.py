"""Bugs that the tests of accounts have to find: see `tests/stateful/planted_bugs.py`, which plants them."""

from tests.stateful.planting import Bug

_SERVICE = "chalicelib/accounts/service.py"
_MODEL = "chalicelib/accounts/model.py"
_STORE = "chalicelib/accounts/store.py"
_GUARD = "chalicelib/accounts/guard.py"
_DUTIES = "chalicelib/accounts/duties/model.py"
_DUTIES_SERVICE = "chalicelib/accounts/duties/service.py"
_ACTIVATION = "chalicelib/accounts/sign_in/activation.py"
_ATTEMPTS = "chalicelib/accounts/sign_in/attempts/store.py"
_CREDENTIALS = "chalicelib/accounts/sign_in/credentials.py"
_SIGN_IN = "chalicelib/accounts/sign_in/service.py"
_SESSIONS = "chalicelib/accounts/sign_in/store.py"
_ALONE = "tests/accounts/test_one_clerk_alone.py"
_PERSONS = "tests/accounts/test_persons.py"
_MOVED = "tests/accounts/test_moved_institution.py"
_GUESSING = "tests/accounts/sign_in/test_guessing.py"
_LOST = "tests/accounts/sign_in/test_sessions.py"


def _bug(name: str, file: str, old: str, new: str, finder: str) -> Bug:
    return Bug(name, file, old, new, (finder,))


BUGS = (
    _bug(
        "a code activates an account with anybody's card",
        _ACTIVATION,
        "        if person is None or person != account.person_key:\n            keep_evidence",
        "        if person is None:\n            keep_evidence",
        _ALONE,
    ),
    _bug(
        "another's card leaves no record",
        _ACTIVATION,
        '            keep_evidence(account, person, "activate", now, request_id)\n',
        "",
        _ALONE,
    ),
    _bug(
        "an activation is repeated with any password",
        _ACTIVATION,
        "if not same or person is None",
        "if person is None",
        _LOST,
    ),
    _bug(
        "who asked for an account confirms it under another",
        _MODEL,
        "principal.had_hand_in(account.proposed_by, account.id, account.person_key)",
        "principal.actor == account.proposed_by",
        _ALONE,
    ),
    _bug(
        "a proposal can be confirmed for ever",
        _MODEL,
        "account.proposed_until is not None and now >= account.proposed_until",
        "account.proposed_until is None",
        _PERSONS,
    ),
    _bug(
        "a decider's account waits for nobody",
        _SERVICE,
        "status=AccountStatus.PROPOSED if decides else AccountStatus.PENDING",
        "status=AccountStatus.PENDING",
        _ALONE,
    ),
    _bug(
        "a decider's reset waits for nobody",
        _SERVICE,
        '"propose_reset" if after.role in DECIDERS else "reset"',
        '"reset"',
        _ALONE,
    ),
    _bug(
        "a reset keeps the old password",
        _STORE,
        "    gone = (\n        AccountRow.password_hash,\n",
        "    gone = (\n",
        _ALONE,
    ),
    _bug(
        "an account changes its person",
        _SERVICE,
        "account.person_key not in (None, key)",
        "account.person_key is None and False",
        _ALONE,
    ),
    _bug(
        "two duties over one place",
        _DUTIES,
        "return None if held is None else error",
        "return None if held is None or held.ended_at is None else error",
        _ALONE,
    ),
    _bug(
        "a change of duty works at once",
        _SIGN_IN,
        "account.works_from is not None and shanghai_date(now) < account.works_from",
        "account.works_from is not None and shanghai_date(now) > account.works_from",
        _PERSONS,
    ),
    _bug(
        "a tie ends at once",
        _DUTIES,
        "tie.holder for tie in duties.ties if now < tie.until}",
        "tie.holder for tie in duties.ties if now > tie.until}",
        _PERSONS,
    ),
    _bug(
        "only who has the account is tied, not who made it",
        _DUTIES_SERVICE,
        "tied(_with(theirs, maker), after.holder, now)",
        "_with(theirs, maker)",
        _PERSONS,
    ),
    _bug(
        "a caller's hands are their account alone",
        _GUARD,
        "return msgspec.structs.replace(principal, hands=hands, own=own, scopes=scopes)",
        "return principal",
        _PERSONS,
    ),
    _bug(
        "a refused attempt leaves no record",
        _SERVICE,
        "        if failure.code in _KEPT:\n",
        '        if failure.code == "none":\n',
        _ALONE,
    ),
    _bug(
        "strangers hold up the holder's own place",
        _CREDENTIALS,
        "return known or attempts.take_under(account_id, ACCOUNT, now) == 0",
        "return attempts.take_under(account_id, ACCOUNT, now) == 0",
        _GUESSING,
    ),
    _bug(
        "many places together guess without end",
        _CREDENTIALS,
        "return known or attempts.take_under(account_id, ACCOUNT, now) == 0",
        "return True",
        _GUESSING,
    ),
    _bug(
        "a lost answer counts a try twice",
        _ATTEMPTS,
        "if failure.old is None or failure.old.mark != mark:",
        "if failure.old is None or failure.old.mark:",
        _GUESSING,
    ),
    _bug(
        "parallel tries pass the free ones",
        _ATTEMPTS,
        "AttemptRow.failures == before.failures if before.failures else _none_yet(now)",
        "AttemptRow.id != key if before.failures else AttemptRow.id != key",
        _GUESSING,
    ),
    _bug(
        "a lost answer signs somebody out",
        _SESSIONS,
        "failure.old is not None and failure.old.current_hash == next_hash",
        "failure.old is None",
        _LOST,
    ),
    _bug(
        "a spent refresh token is good again and again",
        _SESSIONS,
        "[SessionRow.spent_hash.remove(), SessionRow.mark.set(mark)]",
        "[SessionRow.mark.set(mark)]",
        _LOST,
    ),
    _bug(
        "staff stay behind when their institution moves",
        "chalicelib/catalogue/institutions/service.py",
        "    if old is not None and old.division != saved.division:\n",
        "    if old is None:\n",
        _MOVED,
    ),
    _bug(
        "a clerk confirms the program of who has an account by that clerk's hands",
        "chalicelib/accounts/clients/model.py",
        "principal.had_hand_in(client.proposed_by, *makers)",
        "principal.had_hand_in(client.proposed_by)",
        "tests/accounts/clients/test_attacks.py",
    ),
)
