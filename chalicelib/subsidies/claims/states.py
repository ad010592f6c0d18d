"""The states of a claim and of its lines, by the words that are stored and told."""

from enum import StrEnum


class ClaimStatus(StrEnum):
    """Where a claim is in its life; second review and publicity begin in one write.

    `submitted`: waits for its first review; `reviewed`: for the second; `approved`: reserved, not shown;
    `publicised`: in public; `payable`: publicity is over; `batched`: in payment batches; `paid`: all that is
    to be paid was; `returned`: back at the institution to be changed; `rejected`: nothing is paid.
    """

    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    PUBLICISED = "publicised"
    PAYABLE = "payable"
    BATCHED = "batched"
    PAID = "paid"
    RETURNED = "returned"
    REJECTED = "rejected"


class LineStatus(StrEnum):
    """Where one trainee's line is in its life.

    `pending`: neither held nor in a batch; `held`: its payment is stopped; `rejected`: it is not paid;
    `batched`: in a payment batch; `paid`: the bank paid it; `payment_failed`: the bank could not, or the
    money came back; `reversed`: what was paid is taken back.
    """

    PENDING = "pending"
    HELD = "held"
    REJECTED = "rejected"
    BATCHED = "batched"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    REVERSED = "reversed"
