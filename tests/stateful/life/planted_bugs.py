"""Bugs that the model of the whole life has to find by itself: see `tests/stateful/planted_bugs.py`."""

from tests.stateful.planting import Bug

_LIFE = ("tests/stateful/life",)


def _bug(name: str, file: str, old: str, new: str) -> Bug:
    return Bug(f"life: {name}", f"chalicelib/{file}", old, new, _LIFE)


BUGS = (
    _bug(
        "a school that is suspended redeems",
        "enrolments/verification/service.py",
        "    if target.institution.status is InstitutionStatus.SUSPENDED:\n",
        "    if target.institution.stops:\n",
    ),
    _bug(
        "a school that is suspended is paid",
        "subsidies/holds/institutions.py",
        "    return recipient.institution.status is InstitutionStatus.SUSPENDED and _holds_when_suspended(program_id)\n",
        "    return False\n",
    ),
    _bug(
        "who was absent passes",
        "classes/scores/model.py",
        "practice) >= policy.pass_mark and share >= policy.attendance_min",
        "practice) >= policy.pass_mark and share >= 0",
    ),
    _bug(
        "a pass mark of practice alone",
        "classes/scores/model.py",
        "return min(theory, practice) >= policy.pass_mark",
        "return practice >= policy.pass_mark",
    ),
    _bug(
        "publicity ends a day early",
        "subsidies/claims/model.py",
        "claim.publicity_ends_on is not None and claim.publicity_ends_on < today",
        "claim.publicity_ends_on is not None and claim.publicity_ends_on <= today",
    ),
    _bug(
        "who proposed a batch of vouchers approves it",
        "vouchers/batches/model.py",
        "    if batch.proposed_by in hands:\n",
        "    if batch.proposed_by == action:\n",
    ),
    _bug(
        "who asked to restore a voucher confirms it",
        "vouchers/restoring/model.py",
        "restoration is not None and restoration.asked_by in hands)",
        "restoration is not None and restoration.asked_by == action)",
    ),
    _bug(
        "who entered a failed payment lets the line go on",
        "settlement/corrections/model.py",
        '    return error("self_approval") if entered_by(line) in hands else None',
        "    return None",
    ),
    _bug(
        "who asked to take money back confirms it",
        "settlement/clawback/model.py",
        '    if action != "reverse" and own(action, line, principal, own_work):\n',
        '    if action == "reverse" and own(action, line, principal, own_work):\n',
    ),
    _bug(
        "whoever comes is on the roster",
        "attendance/check_ins/model.py",
        '        "not_on_roster": person_key not in training_class.roster,\n',
        '        "not_on_roster": not training_class.roster,\n',
    ),
    _bug(
        "a line that is held is paid",
        "settlement/batches/due.py",
        "            line for line in decided if line is not None and line.status is LineStatus.PENDING\n",
        "            line for line in decided if line is not None\n",
    ),
    _bug(
        "an objection stops nothing that is due",
        "settlement/batches/due.py",
        "        elif status_shown(claim, today) is ClaimStatus.PAYABLE and not claim.open_objections:\n",
        "        elif status_shown(claim, today) is ClaimStatus.PAYABLE:\n",
    ),
    _bug(
        "a line that nobody let go on is paid again",
        "settlement/batches/due.py",
        "    return line.released_by is not None and line.correction is None\n",
        "    return line.correction is None\n",
    ),
    _bug(
        "a proposal to restore that was refused once it had recorded the expiry is told it was made",
        "enrolments/restoring/service.py",
        "        with as_a_clock_would():\n",
        "        if as_a_clock_would:\n",
    ),
)
