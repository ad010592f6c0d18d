"""Bugs that the tests of money have to find: `make planted` puts each into a copy of the program and runs them.

A test that cannot fail proves nothing. Each entry takes away one thing that keeps public money right; it counts as
found when a run on the copy fails: first the random sequences (`test_money.py`, as many as CI tries), then, for
what no sequence can see, the plain tests of both steps. That an entry still fits the code is checked in CI.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.accounts.planted_bugs import BUGS as BUGS_OF_ACCOUNTS
from tests.stateful.life.planted_bugs import BUGS as BUGS_OF_LIFE
from tests.stateful.planting import Bug
from tests.supervision.planted_bugs import BUGS as BUGS_OF_SUPERVISION

ROOT = Path(__file__).parents[2]
_COPIED = ("app.py", "chalicelib", "infra", "tests", "pyproject.toml")
_AT_ONCE = 2
_SEQUENCES = ("tests/stateful/test_money.py",)
_PLAIN = (
    "tests/catalogue/payees",
    "tests/settlement",
    "tests/subsidies",
    "tests/aws",
    "tests/edge/idempotency",
    "tests/vouchers",
    "tests/enrolments",
    "tests/people/renaming",
    "tests/classes/applications",
)


_BATCHES = "chalicelib/settlement/batches/service.py"
_BATCHES_MODEL = "chalicelib/settlement/batches/model.py"
_BATCHES_ARCHIVE = "chalicelib/settlement/batches/archive.py"
_BATCHES_DUE = "chalicelib/settlement/batches/due.py"
_BATCHES_SEALING = "chalicelib/settlement/batches/sealing.py"
_BATCHES_STORE = "chalicelib/settlement/batches/store.py"
_BATCHES_TAKING_OUT = "chalicelib/settlement/batches/taking_out.py"
_CLAWBACK = "chalicelib/settlement/clawback/service.py"
_CLAWBACK_MODEL = "chalicelib/settlement/clawback/model.py"
_CORRECTIONS_MODEL = "chalicelib/settlement/corrections/model.py"
_LEDGER_MODEL = "chalicelib/settlement/ledger/model.py"
_RESULTS_MODEL = "chalicelib/settlement/results/model.py"
_RESULTS_BOOKING = "chalicelib/settlement/results/booking.py"
_RESULTS_GROUPS = "chalicelib/settlement/results/groups.py"
_RESULTS_SINGLY = "chalicelib/settlement/results/singly.py"
_SET_OFF = "chalicelib/settlement/set_off/service.py"
_SET_OFF_MODEL = "chalicelib/settlement/set_off/model.py"
_VERIFICATION_MODEL = "chalicelib/settlement/verification/model.py"
_VERIFICATION = "chalicelib/settlement/verification/service.py"
_BUDGETS_STORE = "chalicelib/subsidies/budgets/store.py"
_CLAIMS_CLOSING = "chalicelib/subsidies/claims/closing.py"
_CLAIMS_DROPPING = "chalicelib/subsidies/claims/dropping.py"
_CLAIMS_MODEL = "chalicelib/subsidies/claims/model.py"
_CLAIMS_MOVES = "chalicelib/subsidies/claims/moves.py"
_CLAIMS_STORE = "chalicelib/subsidies/claims/store.py"
_HOLDS_INSTITUTIONS = "chalicelib/subsidies/holds/institutions.py"
_HOLDS_MODEL = "chalicelib/subsidies/holds/model.py"
_HOLDS_STORE = "chalicelib/subsidies/holds/store.py"
_PAYEES_MODEL = "chalicelib/catalogue/payees/model.py"
_PAYEES_STORE = "chalicelib/catalogue/payees/store.py"
_PAYMENTS_STORE = "chalicelib/subsidies/payments/store.py"
_PUBLICITY = "chalicelib/subsidies/publicity/service.py"
_PUBLICITY_MODEL = "chalicelib/subsidies/publicity/model.py"
_PUBLICITY_STORE = "chalicelib/subsidies/publicity/store.py"
_REGISTER_MODEL = "chalicelib/subsidies/register/model.py"
_REVIEWS = "chalicelib/subsidies/reviews/service.py"
_WRITES = "chalicelib/aws/writes.py"
_REPEATS = "chalicelib/kernel/repeats.py"
_HTTP = "chalicelib/edge/http.py"
_IDEMPOTENCY = "chalicelib/edge/idempotency/service.py"
_REDEMPTION = "chalicelib/enrolments/redemption/service.py"
_CLOCK_TESTS = ("tests/settlement/clocks",)
_VOUCHERS_STORE = "chalicelib/vouchers/store.py"
_VOUCHERS_INELIGIBILITY = "chalicelib/vouchers/ineligibility/service.py"

BUGS = (
    # ---- paid once, and only what is due
    Bug(
        "a line is paid by a result of a batch it is no longer in",
        _PAYMENTS_STORE,
        'waits: Condition = line_in("pay") & (LineRow.batch_id == batch_id)',
        'waits: Condition = line_in("pay")',
    ),
    Bug(
        "a result with another amount is applied",
        _RESULTS_MODEL,
        "if result.amount_fen != member.amount_fen:",
        "if result.amount_fen < member.amount_fen:",
    ),
    Bug(
        "a second report of a line in one file is no mistake",
        _RESULTS_MODEL,
        "        if same is not None:\n",
        "        if same is not None and same.row < 0:\n",
    ),
    Bug(
        "a result that contradicts the known one counts as the same",
        _RESULTS_MODEL,
        "    if any(_same(attempt, result) for attempt in known):\n",
        "    if known and (not result.paid or any(_same(attempt, result) for attempt in known)):\n",
    ),
    Bug(
        "results are taken before the file was handed out",
        _BATCHES_MODEL,
        "ACCEPTS_RESULTS = (_B.EXPORTED, _B.RECONCILED, _B.CLOSED)",
        "ACCEPTS_RESULTS = (_B.SEALED, _B.EXPORTED, _B.RECONCILED, _B.CLOSED)",
    ),
    Bug(
        "who reviewed a claim may record its payment",
        _CLAIMS_MODEL,
        "    named = (claim.submitted_by, *claim.also_prepared_by, claim.reviewed_by, claim.approved_by)\n",
        "    named = (claim.submitted_by, *claim.also_prepared_by, claim.approved_by)\n",
    ),
    Bug(
        "any division's finance officer may record results",
        _BATCHES,
        "    rights.require(context.principal, action, division=batch.division)\n",
        "    rights.admit(context.principal, action)\n",
    ),
    Bug(
        "publicity is over on its last day",
        _CLAIMS_MOVES,
        'return f"{(ends_on + timedelta(days=1)).isoformat()}#{claim.id}"',
        'return f"{ends_on.isoformat()}#{claim.id}"',
    ),
    Bug(
        "a failed line with a hold is paid again",
        _BATCHES_DUE,
        "if line.status is LineStatus.PAYMENT_FAILED and not line.holds:",
        "if line.status is LineStatus.PAYMENT_FAILED:",
    ),
    Bug(
        "a hold on a line whose payment failed is forgotten",
        _HOLDS_STORE,
        "LineRow.holds.set(list(holds))",
        'LineRow.holds.set(list(holds) if line.status != "payment_failed" else [])',
    ),
    Bug(
        "a line whose payment failed never comes back",
        _PAYMENTS_STORE,
        "            LineRow.released_by.set(actor),\n            LineRow.retry_city.set(line.city),\n",
        "            LineRow.released_by.set(actor),\n",
    ),
    Bug(
        "a batch without a line is sealed",
        _BATCHES_SEALING,
        "        return _seal(batch, context, change) if batch.chunks else None\n",
        "        return _seal(batch, context, change)\n",
    ),
    Bug(
        "a batch is sealed without the last portion",
        _BATCHES_SEALING,
        "    if pack:\n        yield pack\n\n\ndef _checks",
        "    if len(pack) > 1:\n        yield pack\n\n\ndef _checks",
    ),
    Bug(
        "the payment file is written anew at each export",
        _BATCHES_ARCHIVE,
        "    if batch.workbook_digest is None:\n",
        "    if batch.digest is not None:\n",
    ),
    Bug(
        "a batch is sealed without its file",
        _BATCHES_SEALING,
        "    archive.keep(batch.id, file, now=context.now)\n",
        "",
    ),
    Bug(
        "an export gives out whatever lies under the file's name",
        _BATCHES_ARCHIVE,
        "if hashlib.sha256(raw).hexdigest() == digest:",
        "if raw:",
    ),
    # ---- who is paid, and what stops it
    Bug(
        "who proposed an account confirms it in another post",
        _PAYEES_MODEL,
        "    if payee.proposed_by in hands:\n",
        "    if not hands:\n",
    ),
    Bug(
        "a confirmed account counts at once",
        _PAYEES_MODEL,
        "    return now + timedelta(days=proposed.wait_days)\n",
        "    return now\n",
    ),
    Bug(
        "a refused account counts",
        _PAYEES_STORE,
        '    if action == "confirm":\n        head.append(',
        "    if action:\n        head.append(",
    ),
    Bug(
        "a claim is paid to whatever account is in force",
        _HOLDS_INSTITUTIONS,
        "return is_stopped(recipient, claim.program_id) or recipient.in_force(now) != approved_payee(claim)",
        "return is_stopped(recipient, claim.program_id)",
    ),
    Bug(
        "second review approves the account of that day",
        _REVIEWS,
        "return recipient.in_force(claim.reviewed_at) if",
        "return recipient.in_force(recipient.payees.confirmed[-1].counts_from) if",
    ),
    Bug(
        "a suspended institution is paid",
        _HOLDS_INSTITUTIONS,
        "    return recipient.institution.status is InstitutionStatus.SUSPENDED and _holds_when_suspended(program_id)\n",
        "    return False\n",
    ),
    Bug(
        "sealing does not look whether an institution was stopped meanwhile",
        _BATCHES_SEALING,
        "    return [*into(batch, members, payees), *moves, *unchanged, *seen, *kept]\n",
        "    return [*into(batch, members, payees), *moves, *seen, *kept]\n",
    ),
    Bug(
        "a line that is stopped stays in its sealed batch",
        _BATCHES_TAKING_OUT,
        "        elif batch.status is BatchStatus.SEALED:\n",
        "        elif batch.status is BatchStatus.CLOSED:\n",
    ),
    Bug(
        "what was held while its batch was collected is exported",
        _BATCHES_TAKING_OUT,
        "    held |= {str(line.id) for line in claim_store.find_lines(batch.stopped) if line.holds}\n",
        "",
    ),
    Bug(
        "an export does not look whether an institution was stopped meanwhile",
        _BATCHES_TAKING_OUT,
        "[unchanged_check(recipients[uscc].institution) for uscc in checked[:_CHECKS_MAX]]",
        "[]",
    ),
    Bug(
        "an export hands out a file that its batch has no longer",
        _BATCHES_STORE,
        'lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("export"), version=batch.version),\n    )\n    transact',
        'lawful(BatchRow, sources=BATCH_TRANSITIONS.sources("export")),\n    )\n    transact',
    ),
    Bug(
        "whoever set a rule off lifts its hold",
        _HOLDS_MODEL,
        "    if hold.by_rule:\n",
        "    if hold.by_rule and claim is None:\n",
    ),
    Bug(
        "a hold that was lifted comes back with the next sealing",
        _HOLDS_MODEL,
        "if line is None or hold not in line.lifted]",
        "if line is None or hold not in line.holds]",
    ),
    # ---- budgets
    Bug(
        "second review reserves more than is there",
        _BUDGETS_STORE,
        "        BudgetRow.available_fen >= amount_fen,\n",
        "        BudgetRow.available_fen >= 0,\n",
    ),
    Bug(
        "what a line had reserved stays reserved when it is dropped",
        _CLAIMS_DROPPING,
        "before.city, year, before.program_id, amount_fen=line.amount_fen",
        "before.city, year, before.program_id, amount_fen=0",
    ),
    Bug(
        "a group's failed lines count as spent",
        _RESULTS_BOOKING,
        "spent_fen = sum(posting.amount_fen for posting in postings)",
        "spent_fen = sum(member.amount_fen for _, member in group.rows)",
    ),
    Bug(
        "a reversal leaves the budget spent",
        _CLAWBACK,
        "Part.SPENT, Part.RECEIVABLE, fen)",
        "Part.SPENT, Part.RECEIVABLE, 0)",
    ),
    Bug(
        "an upheld objection leaves the budget reserved",
        _PUBLICITY,
        "    return [moved, freed]\n",
        "    return [moved]\n",
    ),
    Bug(
        "lines rejected at second review are reserved for",
        _REVIEWS,
        "claim.city, today.year, claim.program_id, amount_fen=after.amount_fen",
        "claim.city, today.year, claim.program_id, amount_fen=claim.amount_fen",
    ),
    Bug(
        "an appropriation is lowered below what is reserved",
        _BUDGETS_STORE,
        "            & (BudgetRow.available_fen >= -more_fen),\n",
        "            & (BudgetRow.appropriated_fen >= -more_fen),\n",
    ),
    # ---- what a claim becomes
    Bug(
        "a claim with a rejected line is never paid up",
        _CLAIMS_MOVES,
        "    if paid < claim.line_count:\n",
        "    if paid < len(claim.line_ids):\n",
    ),
    Bug(
        "a claim counts a dropped line as batched",
        _CLAIMS_MOVES,
        "batched = claim.batched_count - (line.status is LineStatus.PAYMENT_FAILED)",
        "batched = claim.batched_count",
    ),
    Bug(
        "a claim leaves the waiting list with a line to come",
        _CLAIMS_MOVES,
        "    done = batched == claim.line_count\n",
        "    done = batched >= claim.line_count - 1\n",
    ),
    Bug(
        "a claim that loses its last line stays open",
        _CLAIMS_MOVES,
        "    if rest.line_count == 0:\n",
        "    if rest.line_count < 0:\n",
    ),
    Bug(
        "an objection to a claim does not stop it",
        _PUBLICITY_STORE,
        "        counted.append(ClaimRow.open_objections.set(ClaimRow.open_objections + 1))",
        "        counted.append(ClaimRow.open_objections.set(ClaimRow.open_objections + 0))",
    ),
    Bug(
        "a decided objection stands among the open ones",
        _PUBLICITY_STORE,
        "ObjectionRow.listed_in.set(list_of_objections(group_of(objection.division), outcome))",
        "ObjectionRow.listed_in.set(list_of_objections(group_of(objection.division), objection.status))",
        ("tests/subsidies/publicity",),
    ),
    Bug(
        "the same words with other blanks are another objection",
        _PUBLICITY,
        'keyed_digest("objection", folded(text))',
        'keyed_digest("objection", text)',
        ("tests/subsidies/publicity",),
    ),
    Bug(
        "objections from one address to all claims are not counted",
        _PUBLICITY,
        "take_under(_source_key(place), FROM_SOURCE, now)",
        "take_under(_source_key(place, claim_id, claim_id), FROM_SOURCE, now)",
        ("tests/subsidies/publicity",),
    ),
    Bug(
        "an objection upheld during review does not send the claim back",
        _CLAIMS_MOVES,
        'if not CLAIM_TRANSITIONS.allows("uphold_objection", claim.status):',
        'if claim.status != "publicised":',
    ),
    Bug(
        "an objection stays open on its claim after it was decided",
        _PUBLICITY_MODEL,
        '            "open_objections": claim.open_objections - (not about_line),\n',
        '            "open_objections": claim.open_objections,\n',
    ),
    Bug(
        "a line that left its claim takes its money out of it",
        _PUBLICITY,
        "        if line.id in claim.line_ids:\n            return drop_writes(",
        "        if line.id:\n            return drop_writes(",
    ),
    Bug(
        "a line taken out for good comes back",
        _CLAIMS_STORE,
        "            LineRow.dropped.set(True),\n",
        "",
    ),
    Bug(
        "publicity is over when the index says so",
        _BATCHES_DUE,
        "elif status_shown(claim, today) is ClaimStatus.PAYABLE and not claim.open_objections:",
        "elif claim.status in (ClaimStatus.PUBLICISED, ClaimStatus.PAYABLE) and not claim.open_objections:",
    ),
    Bug(
        "an objection may come a day late",
        _PUBLICITY_MODEL,
        "        and today <= claim.publicity_ends_on\n",
        "        and today.toordinal() <= claim.publicity_ends_on.toordinal() + 1\n",
    ),
    Bug(
        "a dismissed objection to a line lifts every hold",
        _PUBLICITY,
        "[other for other in line.holds if other != hold]",
        "[]",
    ),
    Bug(
        "the applicant's first reviewer may approve",
        _CLAIMS_MODEL,
        'own_work = is_prepared_by(claim, hands) or (action == "approve" and claim.reviewed_by in hands)',
        "own_work = is_prepared_by(claim, hands)",
    ),
    Bug(
        "a returned claim keeps its first reviewer",
        _CLAIMS_MOVES,
        '        "decision_reason": reason,\n        "reviewed_by": None,\n',
        '        "decision_reason": reason,\n',
    ),
    Bug(
        "second review does not look again",
        _REVIEWS,
        "if _amount_fen(now.get(line.enrolment_id)) != line.amount_fen",
        "if line.enrolment_id not in now",
    ),
    Bug(
        "the yearly cap does not count the register",
        _REGISTER_MODEL,
        "below_cap = this_year < policy.subsidies_per_person_per_year\n",
        "below_cap = this_year <= policy.subsidies_per_person_per_year\n",
    ),
    Bug(
        "a line taken out after second review comes back with the next filing",
        _CLAIMS_STORE,
        "            LineRow.dropped.set(True),\n",
        "",
    ),
    Bug(
        "sending a claim again undoes a hold placed meanwhile",
        _CLAIMS_STORE,
        "return lawful(LineRow, sources=unpaid, version=old.version)",
        "return lawful(LineRow, sources=unpaid)",
    ),
    Bug(
        "a list that comes after second review stops nothing",
        _VOUCHERS_INELIGIBILITY,
        "        stands = _stop_payment(context, voucher, bar)\n",
        "        stands = False\n",
    ),
    Bug(
        "the trainees who were not paid for keep their vouchers",
        _CLAIMS_CLOSING,
        "        if line.status is LineStatus.REJECTED:\n            leftovers[",
        "        if line.status is LineStatus.HELD:\n            leftovers[",
    ),
    # ---- the books
    Bug(
        "a payment is posted for every line of a group, failed ones too",
        _RESULTS_BOOKING,
        "        for result, member in group.paid\n    ]\n    posted =",
        "        for result, member in group.rows\n    ]\n    posted =",
    ),
    Bug(
        "a repayment is booked on the wrong side",
        _LEDGER_MODEL,
        "Event.REPAID: (treasury, receivable),",
        "Event.REPAID: (receivable, treasury),",
    ),
    Bug(
        "a reversal credits the treasury",
        _LEDGER_MODEL,
        "Event.REVERSED: (receivable, expense),",
        "Event.REVERSED: (receivable, treasury),",
    ),
    Bug(
        "a reversal does not show on the institution's account",
        _LEDGER_MODEL,
        "    elif group.event in TAKING_BACK:\n        effects.append((memorandum, 0, fen))\n",
        "",
    ),
    Bug(
        "a repayment known by its reference is booked again",
        _CLAWBACK_MODEL,
        "    if known is not None:\n",
        "    if known is not None and known.amount_fen < 0:\n",
    ),
    Bug(
        "more comes back than was paid",
        _CLAWBACK_MODEL,
        "if repayment.amount_fen > outstanding_fen(line):",
        "if repayment.amount_fen > line.amount_fen:",
    ),
    Bug(
        "one officer asks and confirms",
        _CLAWBACK_MODEL,
        'if action == "confirm_reversal" and asked_by in principal.hands:',
        'if action == "nothing":',
    ),
    Bug(
        "a voucher does not tell that its payment was taken back",
        _CLAWBACK,
        "    return [reverse_write(line.voucher_id, before_fen=before_fen, amount_fen=before_fen + fen)]",
        "    return []",
    ),
    Bug(
        "a batch does not count what it was told of failures",
        _RESULTS_GROUPS,
        "batch_id: (len(self.rows), len(self.paid)),",
        "batch_id: (len(self.paid), len(self.paid)),",
    ),
    Bug(
        "a batch closes with a line unpaid",
        _BATCHES_MODEL,
        "settled = batch.paid_count + paid + batch.withdrawn_count + withdrawn",
        "settled = batch.result_count + results + batch.withdrawn_count + withdrawn",
    ),
    Bug(
        "verification does not look at budgets",
        _VERIFICATION,
        "    differences += _budget_differences(division, onwards, now)\n",
        "",
    ),
    Bug(
        "verification does not look at vouchers",
        _VERIFICATION,
        "        *_voucher_differences(paid_here),\n",
        "",
    ),
    Bug(
        "verification does not look at the counts of a batch",
        _VERIFICATION,
        "        *against_members(batch_id, batch, members, lines),\n",
        "",
    ),
    Bug(
        "verification tells of payments that came in while it read",
        _VERIFICATION,
        "    return again._replace(differences=differences, after=after)\n",
        "    return page\n",
    ),
    Bug(
        "verification does not look at lines",
        _VERIFICATION_MODEL,
        "if event is not Event.OWED_AGAIN and posted.get(event, 0) != expected[event]:",
        "if event is not Event.OWED_AGAIN and posted.get(event, 0) > expected[event]:",
    ),
    # ---- money that comes back
    Bug(
        "what is taken back is available at once",
        _CLAWBACK,
        "Part.SPENT, Part.RECEIVABLE, fen)",
        "Part.SPENT, Part.AVAILABLE, fen)",
    ),
    Bug(
        "a repayment stays receivable",
        _CLAWBACK,
        "Part.RECEIVABLE, Part.AVAILABLE, fen)",
        "Part.RECEIVABLE, Part.RECEIVABLE, fen)",
    ),
    Bug(
        "parts together take back more than was paid",
        _CLAWBACK_MODEL,
        "if amount_fen > left_fen else None",
        "if amount_fen > line.amount_fen else None",
    ),
    Bug(
        "a failed line goes into the next batch by itself",
        _BATCHES_DUE,
        "return line.released_by is not None and line.correction is None",
        "return line.correction is None",
    ),
    Bug(
        "a release counts for the next failure too",
        _PAYMENTS_STORE,
        "        LineRow.released_by.remove(),\n        *line_waits(city, at),",
        "        *line_waits(city, at),",
    ),
    Bug(
        "who entered a failure may release it",
        _CORRECTIONS_MODEL,
        'return error("self_approval") if entered_by(line) in hands else None',
        "return None",
    ),
    Bug(
        "one officer asks for a correction and confirms it",
        _CORRECTIONS_MODEL,
        'by_asker = action == "confirm_correction" and line.correction.asked_by in hands',
        'by_asker = action == "nothing" and line.correction.asked_by in hands',
    ),
    Bug(
        "a result of a closed month is corrected",
        _CORRECTIONS_MODEL,
        "if day is None or today <= books_close_on(day, close_day=close_day):",
        "if day is None or close_day:",
    ),
    Bug(
        "a line that is said to be paid after all is batched",
        _BATCHES_DUE,
        "return line.released_by is not None and line.correction is None",
        "return line.released_by is not None",
    ),
    Bug(
        "money that came back stays spent",
        _RESULTS_SINGLY,
        "Part.SPENT, Part.RESERVED, line.amount_fen)",
        "Part.SPENT, Part.RESERVED, 0)",
    ),
    Bug(
        "money that came back leaves the claim paid",
        _CLAIMS_MOVES,
        'rest = changed(claim, {"paid_count": claim.paid_count - 1})',
        'rest = changed(claim, {"paid_count": claim.paid_count})',
    ),
    Bug(
        "money that came back leaves its batch closed",
        _RESULTS_SINGLY,
        "*_progress(line, payment.batch_id, results=0, paid=-1, hands=hands),",
        "*_progress(line, payment.batch_id, results=0, paid=0, hands=hands),",
    ),
    Bug(
        "a voucher still tells of money that came back",
        _VOUCHERS_STORE,
        "[VoucherRow.paid_fen.set(0)],",
        "[VoucherRow.paid_fen.set(amount_fen)],",
    ),
    Bug(
        "a set-off is booked and nothing repaid",
        _SET_OFF,
        "Part.RECEIVABLE, Part.AVAILABLE, fen)",
        "Part.RECEIVABLE, Part.AVAILABLE, 0)",
    ),
    Bug(
        "the same debt is kept of two payments",
        _SET_OFF_MODEL,
        "            self._lines[line_id] = with_set_off(debt, SetOff(payment.id, batch_id, fen))\n",
        "",
    ),
    Bug(
        "a payment that failed keeps its set-off",
        _RESULTS_SINGLY,
        "                *forgotten_writes(line.id, payment.batch_id, payment.parts),\n",
        "",
    ),
    Bug(
        "a payment that came back leaves the debt repaid",
        _RESULTS_SINGLY,
        "        *undone_writes(context, line, payment.batch_id, payment.parts, moves),\n",
        "",
    ),
    Bug(
        "verification does not ask whether more left than was appropriated",
        _VERIFICATION_MODEL,
        "    if out_fen > appropriated_fen:\n",
        "    if out_fen > 2 * appropriated_fen:\n",
    ),
    # ---- same key, same answer
    Bug(
        "a call under a key draws other ids in each run",
        _REPEATS,
        "return secrets.token_bytes(size) if call is None else call.draw(kind, size)",
        "return secrets.token_bytes(size)",
    ),
    Bug(
        "an excused write changes what an earlier run has changed",
        _WRITES,
        "            condition &= free if left is None else free | (table.op_id == left)\n",
        "",
    ),
    Bug(
        "a row that parts of a call share is taken for each part",
        _REPEATS,
        '        what = "\\x1f".join([action, *sorted(rows)])\n',
        "        what = action\n",
    ),
    Bug(
        "what happened to one of many excuses the next",
        _REPEATS,
        "        self.has_happened = self._is_excused = False\n        try:\n",
        "        try:\n",
    ),
    Bug(
        "a repeat is refused for its own success",
        "chalicelib/kernel/reasons.py",
        "    if refusal is not None and not excused():\n",
        "    if refusal is not None:\n",
    ),
    Bug(
        "the query is no part of a key",
        _HTTP,
        "[endpoint.method, asked.full_path, dict(asked.parameters)]",
        "[endpoint.method, asked.full_path]",
    ),
    Bug(
        "anonymous callers share one space of keys",
        _HTTP,
        'if key is None or endpoint.method != "POST" or endpoint.action == PUBLIC:',
        'if key is None or endpoint.method != "POST":',
    ),
    Bug(
        "a key is free for another body whatever happened",
        _IDEMPOTENCY,
        "        if refused and not run.call.has_happened:\n",
        "        if refused or not run.call.has_happened:\n",
    ),
    Bug(
        "an answer with a part put off is kept",
        _IDEMPOTENCY,
        "if run.call.is_unfinished or len(body) > _BODY_BYTES_MAX:",
        "if len(body) > _BODY_BYTES_MAX:",
    ),
    Bug(
        "an answer that cannot be kept is not given",
        _IDEMPOTENCY,
        '        log_failure("answer_not_kept", failure)\n',
        "        raise\n",
    ),
    Bug(
        "a refused scan leaves a row each time it is sent",
        _REDEMPTION,
        "            moment=int(scan.happened_at.timestamp() * 1_000_000),\n",
        "            moment=int(context.now.timestamp() * 1_000_000),\n",
    ),
    # ---- every state has an owner and a clock
    Bug(
        "an enrolment that was rostered and dropped while the night ran is released",
        "chalicelib/enrolments/store.py",
        "        condition &= EnrolmentRow.queued_at <= waiting_before\n",
        "        condition &= EnrolmentRow.id.exists()\n",
        _CLOCK_TESTS,
    ),
    Bug(
        "who was taken off a roster never waits again",
        "chalicelib/enrolments/store.py",
        "            EnrolmentRow.queued_at.set(now),\n",
        "",
        _CLOCK_TESTS,
    ),
    Bug(
        "a returned class lapses before it was to open",
        "chalicelib/classes/cancellation/service.py",
        "if head.status is not ClassStatus.RETURNED or head.opens_at > context.now:",
        "if head.status is not ClassStatus.RETURNED:",
        _CLOCK_TESTS,
    ),
    Bug(
        "a claim returned shortly before its deadline has no time",
        "chalicelib/subsidies/claims/model.py",
        "    return max(claim.claim_by, shanghai_date(claim.queued_at) + timedelta(days=RETURNED_DAYS))\n",
        "    return claim.claim_by\n",
        _CLOCK_TESTS,
    ),
    Bug(
        "a returned claim lapses on its last day",
        "chalicelib/subsidies/lapsing/service.py",
        "last_day is None or today <= last_day:",
        "last_day is None or today < last_day:",
        _CLOCK_TESTS,
    ),
    Bug(
        "supervisors see everything, not what is overdue",
        "chalicelib/supervision/waiting/model.py",
        "    return role in OVERSEERS and Flag.OVERDUE in waiting.flags\n",
        "    return role in OVERSEERS\n",
        ("tests/supervision/waiting",),
    ),
    # ---- nothing is closed above an open decision; one person is in one place
    Bug(
        "completion is approved above check-ins that wait",
        "chalicelib/classes/model.py",
        'action in ("completion_submit", "completion_approve"):',
        'action in ("completion_submit",):',
        ("tests/classes/completion",),
    ),
    Bug(
        "a make-up is asked for below a completion that is applied for, at the same moment",
        "chalicelib/attendance/make_ups/store.py",
        "evidence_check(make_up.class_id, sources=ASKED_IN)",
        "evidence_check(make_up.class_id)",
        ("tests/attendance/make_ups",),
    ),
    Bug(
        "a claim is approved above an override that waits",
        "chalicelib/subsidies/reviews/service.py",
        "        refuse(open_below(Stage.SECOND_REVIEW, undecided(training_class, today)))\n",
        "",
        ("tests/subsidies/overrides",),
    ),
    Bug(
        "a lesson that ends when another begins is in its way",
        "chalicelib/classes/occupancy/model.py",
        "if any(lesson.starts_at < other.ends_at and",
        "if any(lesson.starts_at <= other.ends_at and",
        ("tests/classes/occupancy",),
    ),
    Bug(
        "a trainee becomes a trainer of their class",
        "chalicelib/classes/changes/service.py",
        "    both = {trainer.person_key for trainer in changed.trainers} & changed.roster.keys()\n",
        "    both: set[str] = set()\n",
        ("tests/classes/occupancy",),
    ),
    # ---- rights lost by other people's mistakes
    Bug(
        "a class that has begun is cancelled by its institution alone",
        "chalicelib/classes/cancellation/service.py",
        "if training_class.approved_by is not None and has_opened(training_class, context.now):",
        "if training_class.approved_by is None and has_opened(training_class, context.now):",
        ("tests/classes/cancellation",),
    ),
    Bug(
        "the people of a cancelled class get no days back",
        "chalicelib/vouchers/store.py",
        "    after = extended(voucher, now) if days_back else voucher\n",
        "    after = voucher\n",
        ("tests/classes/cancellation",),
    ),
    # ---- what is offered is true
    Bug(
        "a list offers a batch to who had a hand in it",
        _BATCHES,
        "mine = had_a_hand() if own_work is None else own_work",
        "mine = bool(own_work)",
    ),
    Bug(
        "a class is closed although somebody is payable",
        "chalicelib/subsidies/lapsing/service.py",
        "amount_fen=amount_fen) if count else None",
        "amount_fen=amount_fen) if count < 0 else None",
    ),
    Bug(
        "closing is offered on every scored class",
        "chalicelib/subsidies/lapsing/service.py",
        "    return _somebody_payable(examine(read_class(class_id), today=shanghai_date(now), glance=True))\n",
        "    del class_id, now\n    return None\n",
    ),
    # ---- approvals cover what was shown; rights come back by two; names and late lists
    Bug(
        "a batch is issued by the policy of today",
        "chalicelib/vouchers/batches/chunks/service.py",
        "    if batch.policy_version is None:\n",
        "    if batch.policy_version is not None:\n",
    ),
    Bug(
        "whom the approver saw refused is issued a voucher",
        "chalicelib/vouchers/batches/chunks/service.py",
        "before.get(row.graduate.row, [])",
        "[]",
    ),
    Bug(
        "a fee changed after approval is paid",
        "chalicelib/classes/service.py",
        "    return pinned_project(project_id, training_class.project_version)\n",
        "    return read_project(project_id)\n",
    ),
    Bug(
        "one person of the province restores a voucher alone",
        "chalicelib/vouchers/restoring/model.py",
        "restoration.asked_by in hands)",
        "restoration.asked_by in ())",
    ),
    Bug(
        "a restored voucher is in no due shard and never expires",
        "chalicelib/vouchers/restoring/store.py",
        "    due = stays_due or target is not VoucherStatus.REDEEMED\n",
        "    due = stays_due\n",
    ),
    Bug(
        "a proposal to restore never lapses",
        "chalicelib/vouchers/restoring/model.py",
        "return restoration if restoration is not None and now < lapses_at(restoration) else None",
        "return restoration",
    ),
    Bug(
        "a restored voucher does not get its enrolment back",
        "chalicelib/enrolments/restoring/service.py",
        "        writes.append(store.restore_write(str(voucher.enrolment_id), voucher_id=voucher.id))\n",
        "",
    ),
    Bug(
        "a code shown before a stranger was found is redeemed",
        "chalicelib/vouchers/store.py",
        "        & VoucherRow.name_mismatch_at.does_not_exist()\n",
        "",
    ),
    Bug(
        "a card compared before the name changed goes on",
        "chalicelib/vouchers/model.py",
        "    return voucher.named_at is None or voucher.named_at < proven_at\n",
        "    return True\n",
    ),
    Bug(
        "who uploaded a list confirms its names",
        "chalicelib/people/lists/renames/model.py",
        "    if rename.proposed_by in hands:\n",
        "    if rename.proposed_by in ():\n",
    ),
    Bug(
        "a list that comes after the payment flags nothing",
        "chalicelib/subsidies/holds/listed.py",
        "        if _told_by(line.late_ineligibility) != _told_by(standing):\n",
        "        if False:\n",
    ),
)

ALL = (*BUGS, *BUGS_OF_LIFE, *BUGS_OF_ACCOUNTS, *BUGS_OF_SUPERVISION)


def misfits() -> list[str]:
    """Name the bugs whose old text does not stand in its file just once."""
    return [bug.name for bug in ALL if (ROOT / bug.file).read_text().count(bug.old) != 1]


def found_by(bug: Bug) -> str | None:
    """Plant a bug into a copy of the program; give the tests that fail there, None if all pass."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        for name in _COPIED:
            source, target = ROOT / name, Path(folder, name)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        planted = Path(folder, bug.file)
        planted.write_text(planted.read_text().replace(bug.old, bug.new))
        money = (("sequences", _SEQUENCES), ("plain tests", _PLAIN))
        for what, paths in (("plain tests", bug.paths),) if bug.paths else money:
            if _fails(folder, paths):
                return what
    return None


def _fails(folder: str, paths: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", *paths]
    environment = {**os.environ, "DEPTH": "full", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"MONEY_SHRINK": "0", "LIFE_SHRINK": "0"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode == 1


def main() -> int:
    """Plant every bug, or those whose names contain a word of the command line; 1 if one is not found."""
    words = sys.argv[1:]
    chosen = [bug for bug in ALL if not words or any(word in bug.name for word in words)]
    missed = 0

    def hunt(bug: Bug) -> tuple[Bug, str | None, float]:
        started = time.monotonic()
        return bug, found_by(bug), time.monotonic() - started

    with ThreadPoolExecutor(_AT_ONCE) as workers:
        for bug, finder, seconds in workers.map(hunt, chosen):
            missed += finder is None
            mark, who = ("✓", finder) if finder is not None else ("✗", "NOT FOUND")
            print(f"{mark} {who:12} {seconds:5.0f} s  {bug.name}", flush=True)  # noqa: T201 - a command's answer
    print(f"{len(chosen) - missed} of {len(chosen)} planted bugs found")  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
