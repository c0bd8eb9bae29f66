"""Both S3 clients are told the same place, and neither is told a secret."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.errors import InvalidStoreAddress
from infra.stores.s3 import S3Store
from infra.stores.s3_client import ConditionalPuts, S3Access, open_client


def test_amazon_itself_needs_no_options() -> None:
    access = S3Access.from_environment({})
    places = {"endpoint_url", "client_kwargs", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ALLOW_HTTP"}
    assert not places & {*access.for_s3fs(), *access.for_deltalake("bucket")}
    assert access.for_deltalake("bucket")["AWS_CONDITIONAL_PUT"] == "etag"


def test_one_layer_tries_again_and_both_clients_give_up_after_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_STORE_SECONDS", "7")
    access = S3Access.from_environment({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    config: Any = access.for_s3fs()["config_kwargs"]
    assert config["retries"]["total_max_attempts"] == 1
    client = open_client(access)
    assert (client.filesystem.retries, client.retry_policy.seconds) == (1, 7.0)
    assert access.for_deltalake("bucket")["retry_timeout"] == "7s"


def test_a_process_opens_one_client_a_place_with_as_many_connections_as_are_used_abreast() -> None:
    access = S3Access("http://127.0.0.1:9")
    assert open_client(access) is open_client(S3Access("http://127.0.0.1:9"))
    config: Any = access.for_s3fs()["config_kwargs"]
    assert config["max_pool_connections"] == S3Store("bucket").max_concurrency


def test_one_environment_leads_both_clients_to_one_place() -> None:
    access = S3Access.from_environment({"AWS_ENDPOINT_URL": "http://minio:9000", "AWS_DEFAULT_REGION": "eu-west-1"})
    assert access.for_s3fs()["endpoint_url"] == "http://minio:9000"
    assert access.for_s3fs()["client_kwargs"] == {"region_name": "eu-west-1"}
    assert access.for_deltalake("bucket")["AWS_ENDPOINT_URL"] == "http://minio:9000"
    assert access.for_deltalake("bucket")["AWS_REGION"] == "eu-west-1"


def test_the_special_variable_wins_over_the_general_one() -> None:
    general = {"AWS_ENDPOINT_URL": "https://all", "AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}
    assert S3Access.from_environment(general) == S3Access("https://all", "a", 45.0)
    assert S3Access.from_environment({**general, "AWS_ENDPOINT_URL_S3": "https://s3"}).endpoint == "https://s3"
    assert S3Access.from_environment({"AWS_ENDPOINT_URL": "", "AWS_REGION": ""}) == S3Access()


@pytest.mark.parametrize(("endpoint", "allowed"), [("http://minio:9000", "true"), ("https://minio", "false")])
def test_plain_http_is_allowed_only_where_the_endpoint_says_so(endpoint: str, allowed: str) -> None:
    assert S3Access(endpoint).for_deltalake("bucket")["AWS_ALLOW_HTTP"] == allowed
    assert "AWS_ALLOW_HTTP" not in S3Access().for_deltalake("bucket")


def test_secrets_are_not_even_read() -> None:
    access = S3Access.from_environment({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "sesame"})
    assert "sesame" not in f"{access} {access.for_s3fs()} {access.for_deltalake('bucket')}"


@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://minio", "http://", "http://user:sesame@minio"])
def test_an_endpoint_that_is_none_is_refused_without_repeating_it(endpoint: str) -> None:
    with pytest.raises(InvalidStoreAddress, match="AWS_ENDPOINT_URL must be") as refusal:
        S3Access.from_environment({"AWS_ENDPOINT_URL": endpoint})
    assert "sesame" not in str(refusal.value)


@pytest.mark.parametrize(
    ("addressing", "style", "endpoint"),
    [
        ("auto", None, "https://oss.test"),
        ("path", "false", "https://oss.test"),
        ("virtual", "true", "https://mugs.oss.test"),
    ],
)
def test_both_clients_name_the_bucket_in_the_same_place(addressing: str, style: str | None, endpoint: str) -> None:
    access = S3Access("https://oss.test", addressing=addressing)
    config: Any = access.for_s3fs()["config_kwargs"]
    assert config.get("s3") == (None if addressing == "auto" else {"addressing_style": addressing})
    assert access.for_s3fs()["endpoint_url"] == "https://oss.test"  # s3fs puts the bucket there by itself
    options = access.for_deltalake("mugs")
    assert (options.get("AWS_VIRTUAL_HOSTED_STYLE_REQUEST"), options["AWS_ENDPOINT_URL"]) == (style, endpoint)


def test_settings_say_how_a_bucket_is_addressed_and_whether_one_writer_is_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PACKSHOT_S3_ADDRESSING", "virtual")
    monkeypatch.setenv("PACKSHOT_SINGLE_WRITER", "1")
    access = S3Access.from_environment({})
    assert (access.addressing, access.single_writer) == ("virtual", True)


@pytest.mark.parametrize(
    ("single_writer", "code", "message", "accepted"),
    [
        (True, "NotImplemented", "A header you provided implies functionality that is not implemented.", True),
        (False, "NotImplemented", "A header you provided implies functionality that is not implemented.", False),
        (True, "NotImplemented", "Header 'x-amz-checksum-crc32' not implemented", False),
        (True, "PreconditionFailed", "", False),
    ],
)
def test_a_refused_condition_changes_something_only_for_a_single_writer(
    single_writer: bool, code: str, message: str, accepted: bool
) -> None:
    error = OSError(message)
    error.__cause__ = ClientError({"Error": {"Code": code}}, "PutObject")
    conditions = ConditionalPuts(single_writer)
    assert (conditions.accept_refusal(error), conditions.refused) == (accepted, accepted)
