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
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_COPIED = ("app.py", "chalicelib", "infra", "tests", "pyproject.toml")
_AT_ONCE = 2
_SEQUENCES = ("tests/stateful/test_money.py",)
_PLAIN = ("tests/settlement", "tests/subsidies")


class Bug(NamedTuple):
    """One bug: in `file`, `old` (which stands there once) becomes `new`."""

    name: str
    file: str
    old: str
    new: str


_BATCHES = "chalicelib/settlement/batches/service.py"
_BATCHES_MODEL = "chalicelib/settlement/batches/model.py"
_BATCHES_ARCHIVE = "chalicelib/settlement/batches/archive.py"
_BATCHES_DUE = "chalicelib/settlement/batches/due.py"
_BATCHES_SEALING = "chalicelib/settlement/batches/sealing.py"
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
_HOLDS_STORE = "chalicelib/subsidies/holds/store.py"
_PAYMENTS_STORE = "chalicelib/subsidies/payments/store.py"
_PUBLICITY = "chalicelib/subsidies/publicity/service.py"
_PUBLICITY_MODEL = "chalicelib/subsidies/publicity/model.py"
_PUBLICITY_STORE = "chalicelib/subsidies/publicity/store.py"
_REGISTER_MODEL = "chalicelib/subsidies/register/model.py"
_REVIEWS = "chalicelib/subsidies/reviews/service.py"
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
        "return is_prepared_by(claim, hands) or not hands.isdisjoint((claim.reviewed_by, claim.approved_by))",
        "return is_prepared_by(claim, hands) or claim.reviewed_by in hands",
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
        '"due_on": f"{(ends_on + timedelta(days=1)).isoformat()}#{claim.id}"',
        '"due_on": f"{ends_on.isoformat()}#{claim.id}"',
    ),
    Bug(
        "a failed line with a hold is paid again",
        _BATCHES_DUE,
        "if line is not None and line.status is LineStatus.PAYMENT_FAILED and not line.holds:",
        "if line is not None and line.status is LineStatus.PAYMENT_FAILED:",
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
        "[LineRow.released_by.set(actor), LineRow.retry_city.set(line.city)]",
        "[LineRow.released_by.set(actor)]",
    ),
    Bug(
        "sealing again opens a batch although nothing is due",
        _BATCHES_SEALING,
        "    if not anything_due(division, context, change):\n        return None\n",
        "",
    ),
    Bug(
        "a batch is sealed without the last portion",
        _BATCHES_SEALING,
        "    if pack:\n        yield pack\n\n\ndef _chunk",
        "    if len(pack) > 1:\n        yield pack\n\n\ndef _chunk",
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
        "        _stop_payment(context, voucher, bar)\n",
        "        pass\n",
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
        'own = action == "confirm_reversal"',
        "own = False",
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
        "LineRow.attempts.set(list(attempts)), LineRow.released_by.remove()]",
        "LineRow.attempts.set(list(attempts))]",
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
        "*_progress(line, payment.batch_id, results=0, paid=-1),",
        "*_progress(line, payment.batch_id, results=0, paid=0),",
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
)


def misfits() -> list[str]:
    """Name the bugs whose old text does not stand in its file just once."""
    return [bug.name for bug in BUGS if (ROOT / bug.file).read_text().count(bug.old) != 1]


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
        for what, paths in (("sequences", _SEQUENCES), ("plain tests", _PLAIN)):
            if _fails(folder, paths):
                return what
    return None


def _fails(folder: str, paths: tuple[str, ...]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", *paths]
    environment = {**os.environ, "DEPTH": "full", "PYTHONDONTWRITEBYTECODE": "1", "MONEY_SHRINK": "0"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode == 1


def main() -> int:
    """Plant every bug, or those whose names contain a word of the command line; 1 if one is not found."""
    words = sys.argv[1:]
    chosen = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
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
