"""Redemption: a scanned voucher spent on an enrolment; what is refused is kept as evidence."""
