"""Clawback (追回): payments taken back, repayments, arrears."""
