"""S6 and S8: a log line of any logger, and its traceback, are visible and hold no credentials."""

import io
import logging
import warnings
from collections.abc import Iterator

import pytest

from infra.log_records import format_traceback, install_safe_log_records, safe_lines

HOSTILE = "\x1b[2J\u202e http://ada:hunter22@host/x?sig=abcdefgh"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    before = logging.getLogRecordFactory()
    install_safe_log_records()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)
    logging.setLogRecordFactory(before)
    logging.captureWarnings(False)


def test_s6_a_line_of_ours_stays_one_line(log: io.StringIO) -> None:
    logging.getLogger("packshot").warning("It waits for %s", f"{HOSTILE}\nERROR: forged")
    assert log.getvalue() == "It waits for \\x1b[2J\\u202e http://…@host/x?… ERROR: forged\n"


def test_s6_a_librarys_line_is_visible_too(log: io.StringIO) -> None:
    logging.getLogger("somebody.else").error("first %s\nsecond", HOSTILE)
    assert log.getvalue() == "first \\x1b[2J\\u202e http://…@host/x?…\nsecond\n"


def test_s8_a_traceback_holds_neither_control_characters_nor_credentials_nor_locals(log: io.StringIO) -> None:
    try:
        password = "sesame-street"  # noqa: S105 - a test's own
        try:
            raise OSError(f"cause {HOSTILE} {len(password)}")
        except OSError as error:
            raise ValueError(HOSTILE) from error
    except ValueError:
        logging.getLogger("somebody.else").exception("It failed")
    shown = log.getvalue()
    assert "ValueError: \\x1b[2J" in shown
    assert "OSError: cause \\x1b[2J" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    for secret in ("hunter22", "abcdefgh", "sesame-street = "):
        assert secret not in shown


def test_s6_warnings_pass_the_same_way(log: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        install_safe_log_records()
        logging.getLogger("py.warnings").warning("a warning: %s", HOSTILE)
    assert "\x1b" not in log.getvalue()
    assert "hunter22" not in log.getvalue()


def test_a_message_of_a_megabyte_keeps_its_beginning_and_its_end() -> None:
    shown = safe_lines("begin" + "x" * 1_000_000 + "end", 1000)
    assert (shown[:5], shown[-3:], len(shown)) == ("begin", "end", 1003)


def test_a_traceback_of_endless_recursion_is_short() -> None:
    def recurse() -> None:
        recurse()

    with pytest.raises(RecursionError) as caught:
        recurse()
    assert len(format_traceback(caught.value)) < 10_000
