"""Sessions: who signed in with which browser, until when.

Inputs: a person at sign-in, a cookie at each request. Outputs: a `Session`, or none. Sessions live in the server's
memory: a restart signs everybody out, and nothing of them lies in the store. Only the sha256 of a cookie is kept. Every
sign-in makes a new cookie, so one that was planted beforehand opens nothing. Safe for several threads.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from catalogs.answers.person import Person

SESSION_LENGTH = timedelta(hours=12)
"""A working day; then the token is asked for again."""
MAX_SESSIONS = 1000


@dataclass(frozen=True)
class Session:
    """One signed-in browser. `key_id` is empty for the operating system's user, who came by the start link."""

    person: Person
    csrf_token: str
    ends_at: datetime
    key_id: str = ""


class Sessions:
    """The sessions of one server."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}
        self._lock = Lock()

    def start(self, person: Person, now: datetime, key_id: str = "") -> str:
        """Begin a session, and return its cookie. Beyond `MAX_SESSIONS` the oldest one ends."""
        cookie = secrets.token_urlsafe(32)
        session = Session(person, secrets.token_urlsafe(32), now + SESSION_LENGTH, key_id)
        with self._lock:
            self._remove(lambda each: each.ends_at <= now)
            if len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[_digest(cookie)] = session
        return cookie

    def find(self, cookie: str, now: datetime) -> Session | None:
        """Return the session of a cookie, where it has not ended."""
        with self._lock:
            session = self._sessions.get(_digest(cookie))
        return session if session is not None and now < session.ends_at else None

    def end(self, cookie: str) -> None:
        """End the session of a cookie."""
        with self._lock:
            self._sessions.pop(_digest(cookie), None)

    def end_of_key(self, key_id: str) -> None:
        """End every session that a key opened."""
        with self._lock:
            self._remove(lambda each: each.key_id == key_id)

    def _remove(self, is_over: Callable[[Session], bool]) -> None:
        for name in [name for name, session in self._sessions.items() if is_over(session)]:
            del self._sessions[name]


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogatepass")).digest()
