"""Enrolments: a scan verified, a voucher redeemed, an enrolment released."""
