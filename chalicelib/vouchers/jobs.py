"""Work behind vouchers: following cross-match lists, and the beginning of the night's expiry."""

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.people.lists.cross_match.model import ListEffect
from chalicelib.people.lists.cross_match.service import note_effect
from chalicelib.vouchers.expiry import service as expiry
from chalicelib.vouchers.ineligibility import service as ineligibility


def follow_standings(message: queues.Message, context: Context) -> None:
    """Have the vouchers of a chunk of a cross-match list follow what lists say now."""
    body = message.body
    import_id = str(body["import_id"])
    ineligibility.follow(context, body["people"])
    revoked, marked = ineligibility.effect_on(body["people"], import_id)
    effect = ListEffect(
        import_id=import_id,
        first_row=int(body["first_row"]),
        rows=int(body["rows"]),
        revoked=revoked,
        marked=marked,
    )
    note_effect(context, effect)


def expire_vouchers(context: Context) -> dict[str, int]:
    """Fan the due shards out to the workers (nightly)."""
    return expiry.begin_night(context)
