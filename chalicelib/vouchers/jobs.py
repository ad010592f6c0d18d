"""Work behind vouchers: issuing chunks, and the beginning of the night's expiry."""

from chalicelib.aws import queues
from chalicelib.kernel.principal import Context
from chalicelib.people import standings
from chalicelib.people.eligibility import Effect
from chalicelib.vouchers import expiry, ineligibility, issuing


def issue_vouchers(message: queues.Message, context: Context) -> None:
    """Count or issue the chunk a message names."""
    issuing.work_chunk(context, str(message.body["batch_id"]), int(message.body["chunk"]))


def follow_standings(message: queues.Message, context: Context) -> None:
    """Have the vouchers of a chunk of a cross-match list follow what lists say now."""
    body = message.body
    import_id = str(body["import_id"])
    ineligibility.follow(context, body["people"])
    revoked, marked = ineligibility.effect_on(body["people"], import_id)
    effect = Effect(
        import_id=import_id,
        first_row=int(body["first_row"]),
        rows=int(body["rows"]),
        revoked=revoked,
        marked=marked,
    )
    standings.note_effect(context, effect)


def resume_issuance(context: Context) -> dict[str, int]:
    """Ask again for the chunks of batches that have not moved for a while (scheduled)."""
    return {"chunks": issuing.resume_stalled(context)}


def expire_vouchers(context: Context) -> dict[str, int]:
    """Fan the due shards out to the workers (nightly)."""
    return expiry.begin_night(context)
