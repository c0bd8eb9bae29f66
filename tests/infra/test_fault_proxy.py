"""The bad network itself: what it lets happen does happen, and nothing else."""

import http.client
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.buckets import BUCKET
from tests.infra.fault_proxy import Faults, Place, fault_proxy

BODY = b"0123456789" * 1000
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20261122/us-east-1/s3/aws4_request, SignedHeaders=host,"
    " Signature=0"
}


def ask(place: Place, method: str, name: str, body: bytes = b"") -> tuple[int, bytes]:
    """Ask as a client without any patience does."""
    connection = http.client.HTTPConnection(place.endpoint.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, f"/{BUCKET}/{name}", body, SIGNED)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_without_faults_it_is_not_noticed(s3_endpoint: str, tmp_path: Path) -> None:
    with fault_proxy(s3_endpoint, tmp_path, Faults()) as place:
        assert ask(place, "PUT", "plain", BODY)[0] == 200
        assert ask(place, "GET", "plain") == (200, BODY)
        assert ask(place, "HEAD", "plain") == (200, b"")
        assert ask(place, "GET", "nowhere")[0] == 404
    assert place.counts() == Counter()


@pytest.mark.parametrize(("kind", "status", "code"), [("500", 500, b"InternalError"), ("503", 503, b"SlowDown")])
def test_a_refused_request_reaches_nobody(
    s3_endpoint: str, tmp_path: Path, kind: str, status: int, code: bytes
) -> None:
    with (
        fault_proxy(s3_endpoint, tmp_path, Faults(1.0, (kind,))) as bad,
        fault_proxy(s3_endpoint, tmp_path, Faults()) as good,
    ):
        told, words = ask(bad, "PUT", f"refused-{kind}", BODY)
        assert told == status
        assert code in words
        assert ask(good, "GET", f"refused-{kind}")[0] == 404


@pytest.mark.parametrize(("kind", "there"), [("reset", 404), ("unheard", 200)])
def test_a_reset_connection_leaves_open_whether_the_work_was_done(
    s3_endpoint: str, tmp_path: Path, kind: str, there: int
) -> None:
    with (
        fault_proxy(s3_endpoint, tmp_path, Faults(1.0, (kind,))) as bad,
        fault_proxy(s3_endpoint, tmp_path, Faults()) as good,
    ):
        with pytest.raises(ConnectionError):
            ask(bad, "PUT", f"reset-{kind}", BODY)
        assert ask(good, "GET", f"reset-{kind}")[0] == there


def test_a_body_ends_in_its_middle(s3_endpoint: str, tmp_path: Path) -> None:
    with fault_proxy(s3_endpoint, tmp_path, Faults(1.0, ("cut",))) as place:
        assert ask(place, "PUT", "cut", BODY)[0] == 200  # only what is fetched is cut
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(place, "GET", "cut")


def test_an_object_is_hidden_from_the_first_look_only(s3_endpoint: str, tmp_path: Path) -> None:
    with fault_proxy(s3_endpoint, tmp_path, Faults(1.0, ("hidden",))) as place:
        assert ask(place, "PUT", "hidden", BODY)[0] == 200
        assert ask(place, "HEAD", "hidden")[0] == 404
        assert ask(place, "GET", "hidden") == (200, BODY)
    assert place.counts() == {"hidden": 1, "404": 1}


def test_an_outage_begins_after_so_many_requests_and_ends(s3_endpoint: str, tmp_path: Path) -> None:
    with fault_proxy(s3_endpoint, tmp_path, Faults(outage_after=2, outage_seconds=0.3)) as place:
        assert [ask(place, "HEAD", "nothing")[0] for _ in range(2)] == [404, 404]
        for _ in range(2):
            with pytest.raises(ConnectionError):
                ask(place, "HEAD", "nothing")
        time.sleep(0.35)
        assert ask(place, "HEAD", "nothing")[0] == 404


def test_the_same_seed_lets_the_same_requests_fail(s3_endpoint: str, tmp_path: Path) -> None:
    told = []
    for seed in (1, 1, 2):
        with fault_proxy(s3_endpoint, tmp_path, Faults(0.3, ("500", "503"), seed)) as place:
            told.append([ask(place, "HEAD", "nothing")[0] for _ in range(40)])
    assert told[0] == told[1] != told[2]
    assert {500, 503, 404} == set(told[0])
