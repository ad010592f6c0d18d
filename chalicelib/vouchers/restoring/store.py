"""The writes that propose to restore a voucher, and that restore it."""

from pynamodb.expressions.update import Action

from chalicelib.aws.writes import Update, lawful, update
from chalicelib.kernel.principal import Change
from chalicelib.people.eligibility import Bar
from chalicelib.vouchers.ineligibility.store import bar_actions
from chalicelib.vouchers.model import Restoration, Voucher, VoucherFlag, VoucherStatus
from chalicelib.vouchers.restoring.model import LOST, good_through
from chalicelib.vouchers.store import VoucherRow, due_shard_of, flag_action, lawful_for, target_of


def propose(voucher: Voucher, restoration: Restoration, change: Change) -> Voucher:
    """Note on a lost voucher that somebody proposes to give it back.

    Raises:
        ConditionFailed: it has changed meanwhile; `old` is the voucher.

    """
    return update(
        VoucherRow,
        (voucher.id,),
        [VoucherRow.restoration.set(restoration), flag_action(voucher, VoucherFlag.RESTORE_ASKED)],
        condition=lawful(VoucherRow, sources=LOST, version=voucher.version),
        change=change,
    )


def restore_write(
    voucher: Voucher, restoration: Restoration, bar: Bar | None, *, stays_due: bool, change: Change
) -> Update:
    """Give a lost voucher back as it was proposed, if nothing about it has changed since it was read.

    `stays_due` where a spent one waits for its date too: its class has to be completed by it. `bar` is what
    lists say of its holder now.
    """
    row, target = VoucherRow, restoration.target
    last_day, expires = good_through(voucher, restoration)
    actions: list[Action] = [
        row.status.set(target_of(f"restore_{target}")),
        row.valid_through.set(last_day),
        row.expires_at.set(expires),
        row.restored_at.set(change.at),
        row.restoration.remove(),
        flag_action(voucher, VoucherFlag.NAME_MISMATCH if voucher.name_mismatch_at else None),
        *bar_actions(bar),
    ]
    due = stays_due or target is not VoucherStatus.REDEEMED
    actions.append(row.due_shard.set(due_shard_of(voucher)) if due else row.due_shard.remove())
    if target is not VoucherStatus.REDEEMED:
        binding = (row.enrolment_id, row.institution, row.served_in, row.redeem_nonce, row.redeemed_at)
        actions += [attribute.remove() for attribute in binding]
    return Update(
        row,
        (voucher.id,),
        actions,
        lawful_for(f"restore_{target}", version=voucher.version) & row.restoration.exists(),
        change,
    )
