"""Restoring: a lost voucher given back by two of the province, with its enrolment where it was spent."""
