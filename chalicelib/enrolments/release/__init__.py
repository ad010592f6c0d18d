"""Release: an enrolment ended, its voucher given back or taken away."""
