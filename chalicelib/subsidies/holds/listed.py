"""What a cross-match list that comes after submission does to a claim's line: it waits for another look.

Submission and second review ask a voucher themselves what lists say. Sealing reads vouchers only of lines
about which something is in doubt, so a list that comes after second review raises the doubt here. Sealing
then decides by the voucher as it is on that day, and lets the line go if the list was corrected meanwhile.
"""

from chalicelib.aws.logs import log
from chalicelib.kernel.principal import Context, change_of
from chalicelib.people.eligibility import Bar
from chalicelib.subsidies.claims import store
from chalicelib.subsidies.claims.evidence import standing_at_opening
from chalicelib.subsidies.claims.model import Line, LineStatus
from chalicelib.subsidies.holds.model import check_hold
from chalicelib.subsidies.holds.store import place_hold
from chalicelib.vouchers.model import Voucher

HOLD = check_hold("eligible_at_date")
_TOO_LATE = (LineStatus.BATCHED, LineStatus.PAID)


def stop_payment(context: Context, voucher: Voucher, bar: Bar) -> None:
    """Hold the line of a voucher whose holder a list says was ineligible when the class opened.

    A line that is in a batch or paid cannot be stopped: it is logged, by ids alone, for whoever takes money
    back. Saying it again changes nothing.
    """
    for line in store.lines_of_person(voucher.person_key):
        if line.voucher_id == voucher.id and standing_at_opening(line.evidence, bar) is not None:
            _stop(context, line, bar)


def _stop(context: Context, line: Line, bar: Bar) -> None:
    change = change_of(context, "claim_line.hold", reason=f"{bar.code} import={bar.standing.import_id}")
    if place_hold(line.id, HOLD, change) is not None:
        return
    current = store.find_line(line.id)
    if current is not None and current.status in _TOO_LATE:
        log(
            "ineligible_too_late",
            line_id=current.id,
            status=current.status.value,
            batch_id=current.batch_id,
            code=bar.code,
            import_id=bar.standing.import_id,
        )
