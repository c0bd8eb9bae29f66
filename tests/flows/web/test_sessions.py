"""A session is known by a secret cookie, ends after a working day, and there is no end of them in memory."""

from datetime import UTC, datetime, timedelta

from catalogs.answers.person import Person, Scope
from flows.web.sessions import MAX_SESSIONS, SESSION_LENGTH, Sessions

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
ANN = Person("ann", frozenset({Scope.LOOK}))


def test_a_cookie_finds_its_session_until_it_ends() -> None:
    sessions = Sessions()
    cookie = sessions.start(ANN, NOW, "k1")
    found = sessions.find(cookie, NOW + SESSION_LENGTH - timedelta(seconds=1))
    assert found is not None
    assert (found.person, found.key_id) == (ANN, "k1")
    assert sessions.find(cookie, NOW + SESSION_LENGTH) is None
    assert timedelta(hours=12) == SESSION_LENGTH


def test_no_two_cookies_or_tokens_are_equal_and_memory_holds_no_cookie() -> None:
    sessions = Sessions()
    cookies = {sessions.start(ANN, NOW) for _ in range(20)}
    assert len(cookies) == 20
    assert len({session.csrf_token for session in sessions._sessions.values()}) == 20
    assert not any(cookie in repr(vars(sessions)) for cookie in cookies)


def test_a_session_ends_by_its_cookie_and_with_its_key() -> None:
    sessions = Sessions()
    one, two, other = (sessions.start(ANN, NOW, key) for key in ("k1", "k1", "k2"))
    sessions.end(one)
    assert sessions.find(one, NOW) is None
    assert sessions.find(two, NOW) is not None
    sessions.end_of_key("k1")
    assert sessions.find(two, NOW) is None
    assert sessions.find(other, NOW) is not None


def test_ended_sessions_make_room_and_then_the_oldest_does() -> None:
    sessions = Sessions()
    first = sessions.start(ANN, NOW)
    for _ in range(MAX_SESSIONS):
        last = sessions.start(ANN, NOW)
    assert sessions.find(first, NOW) is None
    assert sessions.find(last, NOW) is not None
    assert len(sessions._sessions) == MAX_SESSIONS
    sessions.start(ANN, NOW + SESSION_LENGTH)
    assert len(sessions._sessions) == 1


def test_a_cookie_of_any_text_finds_nothing() -> None:
    assert Sessions().find("\ud800" * 5, NOW) is None
