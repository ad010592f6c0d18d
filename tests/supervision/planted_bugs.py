"""Bugs that the tests of what waits, and of what two people decide, have to find: see `tests/stateful/planted_bugs.py`."""

from tests.stateful.planting import Bug

_KINDS = "tests/supervision/waiting/test_every_kind.py"
_LEDGER = "tests/settlement/ledger/test_ledger.py"
_STOPS = "tests/subsidies/holds/test_stop_payment.py"
_PERSONS = "tests/accounts/test_persons.py"
_WHERE = "tests/supervision/reports/test_where_it_was_done.py"
_CLAWBACK = "chalicelib/settlement/clawback/model.py"
_WAITING = "chalicelib/supervision/waiting/store.py"
_PAYMENTS = "chalicelib/subsidies/payments/store.py"
_FOOTAGE = "chalicelib/attendance/footage/store.py"
_BATCHES = "chalicelib/settlement/batches/store.py"
_STOPPED = "tests/subsidies/holds/test_stopped_by_institution.py"
_BARRED = "tests/subsidies/holds/test_barred_lines.py"
_CHEATS = "tests/supervision/cases/test_cheats.py"


def _bug(name: str, file: str, old: str, new: str, finder: str) -> Bug:
    return Bug(name, file, old, new, (finder,))


BUGS = (
    _bug(
        "a claim that its institution stops waits for nobody",
        "chalicelib/subsidies/holds/stopping.py",
        "    waits = waits_for_bureau(claim, recipient, change.at)\n",
        "    waits = False\n",
        _STOPPED,
    ),
    _bug(
        "a failed line that its institution stops waits for nobody",
        "chalicelib/settlement/batches/due.py",
        "                note_stopped_line(line, claim, seen[claim.institution], change)\n",
        "                continue\n",
        _STOPPED,
    ),
    _bug(
        "rooms of before are forgotten with a raise",
        "chalicelib/catalogue/institutions/service.py",
        "        rooms_before=rooms_before(old, rooms, context.now),\n",
        "",
        _CHEATS,
    ),
    _bug(
        "rooms of before are not told to the rule",
        "chalicelib/supervision/rules/capacity.py",
        "    if not before or not crowds or not _known_rooms(dossier):\n",
        "    if before or not crowds or not _known_rooms(dossier):\n",
        "tests/supervision/rules/test_overlaps.py",
    ),
    _bug(
        "offline check-ins are read by no rule",
        "chalicelib/supervision/rules/offline.py",
        "                offline=[record for record in arrivals if record.offline],\n",
        "                offline=[],\n",
        _CHEATS,
    ),
    _bug(
        "an officer confirms the repayment that they entered",
        _CLAWBACK,
        'if action == "confirm_repayment" and asked_by in principal.hands:',
        'if action == "confirm_repayment" and asked_by is None:',
        _LEDGER,
    ),
    _bug(
        "who reviewed the claim books its repayment",
        _CLAWBACK,
        '    if action == "cancel_repayment" and asked_by in principal.own:\n        return False\n    return own_work()',
        '    if action == "cancel_repayment" and asked_by in principal.own:\n        return False\n    return False',
        _LEDGER,
    ),
    _bug(
        "a second repayment takes the place of one that waits",
        _CLAWBACK,
        'return error("repayment_already_asked") if line.repayment_asked is not None else None',
        'return error("repayment_already_asked") if line.repayment_asked is None and False else None',
        _LEDGER,
    ),
    _bug(
        "a booked repayment waits on",
        _PAYMENTS,
        "            LineRow.repayment_asked.remove(),\n            LineRow.repayment_confirmed_by.set(actor),",
        "            LineRow.repayment_confirmed_by.set(actor),",
        _LEDGER,
    ),
    _bug(
        "a released line stands in the list for ever",
        _PAYMENTS,
        "            *(line_waits(line.city, change.at) if waits_for_facts(line.holds) else line_rests()),\n",
        "            *(line_waits(line.city, change.at) if waits_for_facts(line.holds) else []),\n",
        _KINDS,
    ),
    _bug(
        "a line to be paid again that a list bars waits for nobody",
        "chalicelib/subsidies/holds/store.py",
        "    if is_barred(after) or (status is",
        "    if (status is",
        _BARRED,
    ),
    _bug(
        "money that came back is dropped though nothing holds it",
        "chalicelib/subsidies/claims/model.py",
        "    if refusal is None and line.paid_once and not line.holds:\n",
        "    if refusal is None and line.paid_once and line.dropped:\n",
        _BARRED,
    ),
    _bug(
        "who is asked for a reversal is not told",
        _PAYMENTS,
        "            LineRow.reversal_asked_fen.set(amount_fen),\n            *line_waits(line.city, change.at),",
        "            LineRow.reversal_asked_fen.set(amount_fen),",
        _KINDS,
    ),
    _bug(
        "an account that was switched off decides on for half a minute",
        "chalicelib/accounts/guard.py",
        "    if fresh or until <= now",
        "    if until <= now",
        _PERSONS,
    ),
    _bug(
        "the same stop is placed twice",
        "chalicelib/subsidies/holds/service.py",
        "store.find_hold(hold.id) or _same_stop(hold)",
        "store.find_hold(hold.id)",
        _STOPS,
    ),
    _bug(
        "another person's stop is taken for one's own",
        "chalicelib/subsidies/holds/service.py",
        "(o.status, o.subject_id, o.placed_by, o.reason) == wanted",
        "(o.status, o.subject_id, o.reason) == (wanted[0], wanted[1], wanted[3])",
        _STOPS,
    ),
    _bug(
        "a payment does not tell where it was made",
        "chalicelib/vouchers/store.py",
        "            VoucherRow.paid_fen.set(amount_fen),\n            VoucherRow.served_in.set(served_in),\n",
        "            VoucherRow.paid_fen.set(amount_fen),\n",
        _WHERE,
    ),
    _bug(
        "old payments move with their institution",
        "chalicelib/supervision/reports/service.py",
        "if uscc in here if served_in is None else covers(scope.division, served_in):",
        "if uscc in here:",
        _WHERE,
    ),
    _bug(
        "the province asks every city's lists",
        _WAITING,
        "of_all = lists.everywhere and area == PROVINCE",
        "of_all = False and area == PROVINCE",
        _KINDS,
    ),
    _bug(
        "accounts of every city wait for each supervisor",
        _WAITING,
        "if account.proposed_until is not None and covers(area, account.division):",
        "if account.proposed_until is not None:",
        _KINDS,
    ),
    _bug(
        "what was exported is not waited for anew",
        _BATCHES,
        "            BatchRow.queue.set(WAITING_LIST),\n            BatchRow.queued_at.set(change.at),\n",
        "",
        _KINDS,
    ),
    _bug(
        "footage that lapsed never comes again",
        _FOOTAGE,
        "if segment.status in (FootageStatus.MISSING, FootageStatus.LAPSED):",
        "if segment.status is FootageStatus.MISSING:",
        _KINDS,
    ),
    _bug(
        "two rosters of one second take the same person",
        "chalicelib/enrolments/store.py",
        "Check(EnrolmentRow, (enrolment_id,), EnrolmentRow.class_id.does_not_exist())",
        "Check(EnrolmentRow, (enrolment_id,), EnrolmentRow.id.exists())",
        "tests/classes/occupancy/test_trainees_in_two_places.py",
    ),
)
