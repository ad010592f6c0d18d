"""From which network a request came, as a key: supervision compares networks, nobody keeps addresses.

An address is personal data. What is stored is a keyed digest of the network: of a whole IPv4 address, since a
classroom or a phone company's gateway shares one, and of the first 64 bits of an IPv6 one, since a phone
changes the others by itself.

    203.0.113.7                     the network 203.0.113.7
    2001:db8:1:2:aaaa::1            the network 2001:db8:1:2::/64, as is 2001:db8:1:2:bbbb::9
    (a message of the platform)     none: the address would be the platform's
"""

import base64
import ipaddress
from typing import Final

from chalicelib.aws.keys import keyed_digest
from chalicelib.kernel.principal import Context

_KEY_BYTES: Final = 6
"""Eight letters: a check-in with its network still is one write unit. Of 100,000 networks hardly two meet."""
_OWN_BITS: Final = 64


def network_of(context: Context, *, of: str | None = None) -> str | None:
    """Give the key of the network that the caller's own request came from; None if that is not known.

    `of` is whose network is asked for: what somebody else sends for them tells nothing of it.
    """
    if not context.source or (of is not None and context.principal.actor != of):
        return None
    try:
        address = ipaddress.ip_address(context.source)
    except ValueError:
        return None
    bits = address.max_prefixlen if address.version == 4 else _OWN_BITS  # noqa: PLR2004 - the version
    network = str(ipaddress.ip_network((address, bits), strict=False))
    return base64.urlsafe_b64encode(keyed_digest("network", network)[:_KEY_BYTES]).decode()
