"""Both S3 clients are told the same place, and neither is told a secret."""

import pytest

from infra.errors import BadAddress
from infra.stores.aws import S3Access


def test_amazon_itself_needs_no_options() -> None:
    access = S3Access.from_environment({})
    assert access.for_s3fs() == {"use_listings_cache": False, "skip_instance_cache": True, "anon": False}
    assert access.for_deltalake() == {"AWS_CONDITIONAL_PUT": "etag"}


def test_one_environment_leads_both_clients_to_one_place() -> None:
    access = S3Access.from_environment({"AWS_ENDPOINT_URL": "http://minio:9000", "AWS_DEFAULT_REGION": "eu-west-1"})
    assert access.for_s3fs()["endpoint_url"] == "http://minio:9000"
    assert access.for_s3fs()["client_kwargs"] == {"region_name": "eu-west-1"}
    assert access.for_deltalake()["AWS_ENDPOINT_URL"] == "http://minio:9000"
    assert access.for_deltalake()["AWS_REGION"] == "eu-west-1"


def test_the_special_variable_wins_over_the_general_one() -> None:
    general = {"AWS_ENDPOINT_URL": "https://all", "AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}
    assert S3Access.from_environment(general) == S3Access("https://all", "a")
    assert S3Access.from_environment({**general, "AWS_ENDPOINT_URL_S3": "https://s3"}).endpoint == "https://s3"
    assert S3Access.from_environment({"AWS_ENDPOINT_URL": "", "AWS_REGION": ""}) == S3Access()


@pytest.mark.parametrize(("endpoint", "allowed"), [("http://minio:9000", "true"), ("https://minio", "false")])
def test_plain_http_is_allowed_only_where_the_endpoint_says_so(endpoint: str, allowed: str) -> None:
    assert S3Access(endpoint).for_deltalake()["AWS_ALLOW_HTTP"] == allowed
    assert "AWS_ALLOW_HTTP" not in S3Access().for_deltalake()


def test_secrets_are_not_even_read() -> None:
    access = S3Access.from_environment({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "sesame"})
    assert "sesame" not in f"{access} {access.for_s3fs()} {access.for_deltalake()}"


@pytest.mark.parametrize("endpoint", ["minio:9000", "ftp://minio", "http://", "http://user:sesame@minio"])
def test_an_endpoint_that_is_none_is_refused_without_repeating_it(endpoint: str) -> None:
    with pytest.raises(BadAddress, match="AWS_ENDPOINT_URL must be") as refusal:
        S3Access.from_environment({"AWS_ENDPOINT_URL": endpoint})
    assert "sesame" not in str(refusal.value)
