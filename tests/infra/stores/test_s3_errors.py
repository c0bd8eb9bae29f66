"""Which errors pass by themselves, told from S3's code, the status, and the kind of a lost answer."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from infra.stores.s3_errors import PartialDeleteError, describe_error, error_code, is_transient


def error_response(code: str, status: int) -> OSError:
    """Return an error as s3fs gives it: an OSError, caused by what S3 said."""
    error = OSError("told by s3fs")
    error.__cause__ = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutObject",
    )
    return error


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [
        ("InternalError", 500, True),
        ("SlowDown", 503, True),
        ("RequestTimeout", 400, True),
        ("ConditionalRequestConflict", 409, True),
        ("429", 429, True),
        ("NotImplemented", 501, False),
        ("AccessDenied", 403, False),
        ("NoSuchBucket", 404, False),
        ("PreconditionFailed", 412, False),
    ],
)
def test_what_a_server_says_is_tried_again_only_where_it_may_change(code: str, status: int, again: bool) -> None:
    error = error_response(code, status)
    assert (error_code(error), is_transient(error)) == (code, again)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), True),
        (ConnectionResetError("reset"), True),
        (TimeoutError(), True),
        (NoCredentialsError(), False),
        (OSError("the disk is full"), False),
        (ValueError("a bug"), False),
    ],
)
def test_without_an_answer_only_lost_connections_are_tried_again(error: Exception, again: bool) -> None:
    assert (error_code(error), is_transient(error)) == ("", again)


def test_of_many_objects_that_were_not_deleted_the_one_that_stays_so_decides() -> None:
    busy, refused = {"Key": "a", "Code": "SlowDown"}, {"Key": "b", "Code": "AccessDenied"}
    assert is_transient(PartialDeleteError([busy, busy]))
    assert not is_transient(error := PartialDeleteError([busy, refused, busy]))
    assert describe_error(error) == "AccessDenied, 'b' and 2 others were not deleted"


def test_an_error_is_said_in_a_few_words_on_one_line() -> None:
    assert describe_error(error_response("SlowDown", 503)) == "SlowDown, told by s3fs"
    assert describe_error(OSError("a\n  b.")) == "OSError, a b"
    assert len(describe_error(OSError("x" * 1000))) < 400
