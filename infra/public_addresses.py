"""Public IP addresses: whether an address is one of the internet, and none that only this machine or network has.

Inputs: an address as a socket or a resolver gives it. Outputs: yes or no. What is not known to be public is private:
Python's `is_global` alone takes multicast, 6to4 and NAT64 forms of private addresses, and IPv6 space that nobody was
given. A NAT64 or 6to4 address counts by the IPv4 address in it, since a network without IPv4 reaches the internet so.
"""

import ipaddress

_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # of protocols between a home and its provider
    ipaddress.ip_network("192.88.99.0/24"),  # the former 6to4 relays
    ipaddress.ip_network("3fff::/20"),  # documentation
)


def is_public_address(address: str) -> bool:
    """Tell whether an IPv4 or IPv6 address (with or without a scope, as fe80::1%eth0) is a public unicast one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = _inner_v4(found)
        if inner is not None:
            return is_public_address(str(inner))
        if found not in _UNICAST_V6:
            return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _NOT_PUBLIC)


def _inner_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
