"""Work behind enrolments: the due shards of vouchers, some of which are spent on one."""

from chalicelib.aws import queues
from chalicelib.enrolments.release.overdue import release_or_leave
from chalicelib.kernel.principal import Context
from chalicelib.vouchers.expiry import service as expiry


def expire_shard(message: queues.Message, context: Context) -> None:
    """Expire the page a message names, then ask for the next one."""
    place = expiry.ShardPlace.of(message)
    page = expiry.expire_page(context, place)
    release_or_leave(context, page.redeemed)
    expiry.ask_for_next(context, place, page.after)
