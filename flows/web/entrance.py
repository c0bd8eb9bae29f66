"""Entrance: the ways into a server, and who comes by each.

Inputs: a token's key, a session, a name in a proxy's header. Outputs: a `Visitor`, or none. A server has those ways
that its start chose: a person's key, the start link of a console on loopback whose store has no key, or a proxy that
has signed the person in. Fail closed: what a key opened ends with it, and scopes are those that it has today.
"""

import getpass
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest
from threading import Lock

from catalogs.answers.person import ALL_SCOPES, MAX_NAME_CHARACTERS, Person, Scope
from catalogs.errors import OptionError
from flows.web.sessions import Session
from tasks.access.access_keys import AccessKeyring

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Visitor:
    """Who sends a request, and the token that their forms must carry."""

    person: Person
    csrf_token: str
    key_id: str = ""


class StartLink:
    """A link that opens a console once, for whoever reads the terminal; after each use there is a new one."""

    def __init__(self) -> None:
        self._lock, self._secret = Lock(), secrets.token_urlsafe(32)

    @property
    def path(self) -> str:
        """Return the path of the link that works next."""
        with self._lock:
            return f"/start?secret={self._secret}"

    def use(self, secret: str) -> bool:
        """Tell whether the secret is the one that works, which then works no more."""
        with self._lock:
            is_right = compare_digest(secret.encode("utf-8", "surrogatepass"), self._secret.encode())
            if is_right:
                self._secret = secrets.token_urlsafe(32)
            return is_right

    def person(self) -> Person:
        """Return who opens it: the user who runs the console, with every scope."""
        return Person(getpass.getuser()[:MAX_NAME_CHARACTERS], ALL_SCOPES)


@dataclass(frozen=True)
class TrustedProxy:
    """A proxy that signs people in, and names them in a header.

    Scopes are those of the person's key; of somebody without a key, `scopes`.
    """

    header: str
    networks: tuple[Network, ...]
    scopes: frozenset[Scope] = frozenset()

    def is_peer(self, address: str) -> bool:
        """Tell whether a connection comes from the proxy."""
        try:
            peer = ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return False
        return any(peer in network for network in self.networks)


@dataclass(frozen=True)
class Entrance:
    """The ways into one server."""

    keyring: AccessKeyring
    start_link: StartLink | None = None
    proxy: TrustedProxy | None = None
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def named_visitor(self, name: str) -> Visitor | None:
        """Return the visitor whom the proxy's header names, where they may do anything."""
        if self.proxy is None or not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
            return None
        key = self.keyring.find_by_name(name)
        scopes = self.proxy.scopes if key is None else key.scopes
        token = digest(self._secret, name.encode(), sha256).hex()
        return Visitor(Person(name, scopes), token, key.id if key else "") if scopes else None

    def session_visitor(self, session: Session) -> Visitor | None:
        """Return a session's visitor with the scopes of today; None where its key has ended."""
        if not session.key_id:
            return Visitor(session.person, session.csrf_token)
        key = self.keyring.find_by_id(session.key_id)
        return Visitor(key.person, session.csrf_token, key.id) if key else None


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the proxies' addresses. Raises `OptionError` for what is neither an address nor a network."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise OptionError(f"--proxy: {error}; give an address or a network, such as 10.0.0.4 or 10.0.0.0/24.") from None
