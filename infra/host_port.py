"""Parse the network address `host:port`.

Inputs: text from a setting. Outputs: a host and a port. It stands apart from its users, since `infra.settings` checks
an address with it and must not import Ray's pool.
"""


def split_host_port(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`; raise `ValueError` for any other text."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536 or set(host) & set("/@ "):
        raise ValueError("it is not host:port, the address of a Ray cluster's head")
    return host.strip("[]"), int(port)
