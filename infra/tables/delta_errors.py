"""Errors of deltalake and Arrow as sentences: without colours and a server's XML, with what to do where it is known.

Inputs: an exception. Outputs: its reason on one line, and the advice on a vendor's refusal.
A server's XML may name an access key, so only its code is repeated, and its message where a rule knows the refusal.
"""

import re

from infra.errors import one_line
from infra.stores.s3_refusals import find_refusal_advice, parse_refusal

_ANSI_CODES = re.compile(r"\x1b\[[0-9;]*m")  # deltalake colours its messages, whatever NO_COLOR says
_RELAY = re.compile(r"http://127\.0\.0\.1:\d+/[0-9a-f]{32}(?=/)")  # of commit_relay: its name is no one else's business
_ARROW = re.compile(r"\s*↳\s*")  # and draws the chain of causes


def describe_delta_error(error: Exception) -> str:
    """Return why deltalake or Arrow failed, on one line and without a full stop."""
    text = _RELAY.sub("relay:/", _ANSI_CODES.sub("", str(error)))
    code, message = parse_refusal(text)
    if delta_refusal_advice(error) is not None:
        return one_line(f"{code}, {message}").rstrip(".")
    reason = _ARROW.sub(": ", text.split("<")[0].strip()).rstrip(": .")
    return one_line(f"{reason}: {code}" if code else reason) or type(error).__name__


def delta_refusal_advice(error: Exception) -> str | None:
    """Return what to do about a vendor's refusal, as the end of a sentence; None where the error is none."""
    code, message = parse_refusal(str(error))
    return find_refusal_advice(code, message, conditional=True) if code else None
