"""Classify S3 errors: missing objects, transient failures, and one-line descriptions.

Inputs: exceptions of s3fs, botocore and aiohttp. Outputs: S3's own error code, whether to retry, a description, and the
`StoreError` that a store raises in its place.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from infra.errors import ObjectMissing, StoreError, StoreRefusal, one_line
from infra.stores.s3_refusals import find_refusal_advice

MISSING_CODES = {"NoSuchKey", "404", "NotFound"}
EXISTS_CODES = {"PreconditionFailed", "412"}
UPLOAD_GONE_CODES = {"NoSuchUpload"}

RETRY_ADVICE = "see that it can be reached, then run the same command again: what was staged is used"
"""What the operator can do about an unreachable store."""

_TRANSIENT_CODES = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "TooManyRequests",
    "RequestTimeout",
    "IncompleteBody",
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "ConditionalRequestConflict",
    "OperationAborted",
}
_CLIENT_WORDS = re.compile(
    r"^(?:\[Errno \d+\] )?(?:An error occurred \(\w+\) when calling the \w+ operation(?: \([^)]*\))?: )?"
)
"""What s3fs and botocore put before a server's own message."""
_NOT_IMPLEMENTED = 501  # permanent: the server does not support the request


class PartialDeleteError(OSError):
    """A server deleted only some of the objects, and reported an error for each of the others."""

    def __init__(self, failed: Sequence[Mapping[str, Any]]) -> None:
        # A permanent error decides: a retry would not succeed.
        worst = next((entry for entry in failed if entry.get("Code") not in _TRANSIENT_CODES), failed[0])
        super().__init__(f"{worst.get('Key')!r} and {len(failed) - 1} others were not deleted")
        self.response = {"Error": {"Code": worst.get("Code", "")}}


@cache
def s3_client_errors() -> tuple[type[Exception], ...]:
    """Return every class that s3fs lets through; raise `StoreError` where it is not installed."""
    try:
        import s3fs  # noqa: F401 - the extra is installed completely or not at all
        from aiohttp import ClientError as ConnectionFailed
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError
    except ImportError as error:
        raise StoreError("s3:// stores need the s3 extra; install it with `pip install 'packshot[s3]'`.") from error
    return (OSError, TimeoutError, BotoCoreError, ClientError, ResponseParserError, ConnectionFailed)


def error_code(error: BaseException | None) -> str:
    """Return S3's own code of an error, which s3fs keeps as the cause of its exception; empty where S3 gave none."""
    code, _ = _code_and_status(error)
    return code


def is_transient(error: Exception) -> bool:
    """Tell whether the same request may succeed a moment later: overload, a conflict, or an incomplete answer."""
    code, status = _code_and_status(error)
    if code or status:
        return code in _TRANSIENT_CODES or status == 429 or (status >= 500 and status != _NOT_IMPLEMENTED)
    return isinstance(error, _connection_errors())


def describe_error(error: Exception) -> str:
    """Return an error on one line: S3's code, or the exception's class, and the message."""
    name = error_code(error) or type(error).__name__
    message = one_line(_CLIENT_WORDS.sub("", str(error)))
    return f"{name}, {message.rstrip('.')}" if str(error).strip() else type(error).__name__


def translate_error(error: Exception, key: str, *, seconds: float, conditional: bool) -> StoreError:
    """Return the `StoreError` of a request about `key`, which says what to do where that is known.

    `seconds`: how long it was tried; `conditional`: whether it was a conditional put.
    """
    code = error_code(error)
    if code in MISSING_CODES:
        return ObjectMissing(f"There is no object {key!r} in the store.")
    if code == "NoSuchBucket":
        return StoreError(f"The store could not serve {key!r}: its bucket does not exist.")
    advice = find_refusal_advice(code or type(error).__name__, str(error), conditional=conditional)
    if advice is not None:
        return StoreRefusal(f"The store refused {key!r} ({describe_error(error)}): {advice}.")
    if is_transient(error):
        return StoreError(
            f"The store was unreachable for {seconds:g} s ({describe_error(error)}, requested {key!r}); {RETRY_ADVICE}."
        )
    return StoreError(f"The store could not serve {key!r}: {describe_error(error)}.")


@cache
def _connection_errors() -> tuple[type[Exception], ...]:
    from aiohttp import ClientError as ConnectionFailed
    from botocore.exceptions import ConnectionError as NotConnected
    from botocore.exceptions import HTTPClientError
    from botocore.parsers import ResponseParserError

    return (TimeoutError, ConnectionError, NotConnected, HTTPClientError, ResponseParserError, ConnectionFailed)


def _code_and_status(error: BaseException | None) -> tuple[str, int]:
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return str(response.get("Error", {}).get("Code", "")), int(status)
        error = error.__cause__
    return "", 0
