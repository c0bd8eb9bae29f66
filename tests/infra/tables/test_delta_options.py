"""deltalake is led to the bucket itself, and to a relay only where a single writer's server refuses conditions."""

import pytest

from infra.stores.addresses import parse_address
from infra.stores.commit_relay import open_relay
from infra.stores.s3_client import S3Access, open_client
from infra.tables.delta_options import delta_options

BUCKET = parse_address("s3://mugs/shop")


def test_a_folder_needs_no_options(tmp_path: object) -> None:
    assert delta_options(parse_address(str(tmp_path))) == {}


def test_a_bucket_is_reached_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://oss.test")
    monkeypatch.setenv("PACKSHOT_S3_ADDRESSING", "virtual")
    assert delta_options(BUCKET) == S3Access.from_environment().for_deltalake("mugs")
    assert delta_options(BUCKET)["AWS_ENDPOINT_URL"] == "https://mugs.oss.test"


def test_a_refused_condition_leads_to_the_relay_which_signs_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    access = S3Access.from_environment()
    assert delta_options(BUCKET)["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    open_client(access).conditions.refused = True
    try:
        options = delta_options(BUCKET)
        relay = open_relay(access, "mugs")
        assert options["AWS_ENDPOINT_URL"] == relay.options["AWS_ENDPOINT_URL"] != "http://127.0.0.1:9"
        assert (options["AWS_SKIP_SIGNATURE"], options["AWS_CONDITIONAL_PUT"]) == ("true", "etag")
        relay.process.kill()
        relay.process.wait()
    finally:
        open_client.cache_clear()
