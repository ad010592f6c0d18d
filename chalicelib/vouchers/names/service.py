"""The card's signed name against the list's: who holds a number is not always whom a list means.

A list row may carry another person's number. The stranger's card then names the stranger, and the voucher
is not theirs: using it is refused as `name_mismatch`, the province finds it listed (`GET
/v1/vouchers?flag=name_mismatch`), and a new list row corrects it.

What counts is the name in the vault. A card is compared with it when it signs in, so claiming stays one
call: the voucher carries since when its name counts, and a card compared before that is compared again.

    09:00  a list names 张三; his voucher's name counts from now on
    10:00  his card signs in: 张三, proven at 10:00; he claims, and nothing more is read
    10:10  a list corrects the name to 李四, two people say so: the voucher's name counts from 10:10 on
    10:11  the card of 张三 shows a code: proven at 10:00, so the vault is asked, and refuses
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.accounts.persons.names import moment_of_names
from chalicelib.aws.writes import until_written
from chalicelib.kernel.principal import Context, Principal, change_of
from chalicelib.kernel.reasons import error
from chalicelib.people.vault import service as vault
from chalicelib.people.vault.model import Person
from chalicelib.programs.service import all_programs
from chalicelib.vouchers import store
from chalicelib.vouchers.model import Voucher, VoucherStatus, is_name_proven, voucher_id_of
from chalicelib.vouchers.names import store as names_store

MISMATCH = "name_mismatch"
_OVER = (VoucherStatus.SETTLED, VoucherStatus.CLOSED)


def is_named_otherwise(vouchers: Sequence[Voucher], principal: Principal) -> bool:
    """Tell whether a holder has another name than the list; the vault is read only where it decides."""
    proven_at = principal.name_proven_at
    doubtful = [voucher for voucher in vouchers if not is_name_proven(voucher, proven_at)]
    return bool(doubtful) and not vault.is_named(doubtful[0].person_key, principal.signed_names)


def prove(context: Context, voucher_id: str) -> datetime:
    """Compare the caller's card with the list as it is now; give the moment at which they agreed.

    A mismatch of before is taken off; a mismatch found now is told to the province.

    Raises:
        Unauthenticated: the token is of before names were compared; the card signs in again.
        NotFound: there is none, or it is another person's.
        Refused: `name_mismatch`.

    """
    principal = context.principal
    if not principal.signed_names:
        raise error("unauthenticated")

    def attempt() -> datetime:
        proven_at = moment_of_names()
        voucher = store.read_voucher(voucher_id)
        if voucher.person_key != principal.person_key:
            raise error("not_found")
        if not vault.is_named(voucher.person_key, principal.signed_names):
            names_store.flag_mismatch(voucher, change_of(context, "voucher.find_name_mismatch"))
            raise error(MISMATCH)
        if voucher.name_mismatch_at is not None:
            change = change_of(context, "voucher.find_name")
            names_store.set_name(voucher, voucher.holder_name, voucher.named_at or proven_at, change)
            return moment_of_names()
        return proven_at

    return until_written(attempt)


def follow_name(context: Context, person: Person) -> None:
    """Bring the vouchers of a person in line with the name that counts now; doing it again is safe."""
    change = change_of(context, "voucher.rename", reason=person.import_id)
    ids = [voucher_id_of(person.person_key, program.id) for program in all_programs()]
    done: set[str] = set()

    def attempt() -> None:
        for voucher in store.find_vouchers(ids):
            if voucher.status not in _OVER and voucher.id not in done:
                names_store.set_name(voucher, person.masked_name, moment_of_names(), change)
                done.add(voucher.id)

    until_written(attempt)
