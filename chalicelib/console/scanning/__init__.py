"""The page at a school's counter: a scanned code is previewed, then the voucher is spent on an enrolment."""
