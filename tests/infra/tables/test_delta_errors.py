"""deltalake's errors on one line: no colours, no arrows, no XML, and what to set where a vendor refuses."""

import pyarrow as pa
import pytest

from infra.errors import TableError, TableUnavailable
from infra.tables import open_tables
from infra.tables.delta_errors import delta_refusal_advice, describe_delta_error
from tests.fixtures.s3_vendors import VendorUrl

CHAIN = (
    "Generic S3 error\n          \x1b[31m↳\x1b[0m Error performing PUT http://host/b/t/_delta_log/0.json in 4.0s - "
    "Server returned non-2xx status code\n \x1b[31m↳\x1b[0m {status}\n  \x1b[31m↳\x1b[0m <?xml?>"
    "<Error><Code>{code}</Code><Message>{message}</Message><AWSAccessKeyId>AKIAMUG</AWSAccessKeyId></Error>"
)


def told(code: str, message: str, status: str) -> OSError:
    return OSError(CHAIN.format(code=code, message=message, status=status))


def test_a_refused_condition_is_said_by_the_server_s_words_and_what_to_set() -> None:
    error = told("NotImplemented", "A header you provided is not implemented.", "501 Not Implemented")
    assert describe_delta_error(error) == "NotImplemented, A header you provided is not implemented"
    assert "PACKSHOT_SINGLE_WRITER=1" in str(delta_refusal_advice(error))


def test_what_no_rule_knows_keeps_its_chain_of_causes_without_colours_and_xml() -> None:
    error = told("NoSuchBucket", "AKIAMUG has none", "404 Not Found")
    assert describe_delta_error(error) == (
        "Generic S3 error: Error performing PUT http://host/b/t/_delta_log/0.json in 4.0s - "
        "Server returned non-2xx status code: 404 Not Found: NoSuchBucket"
    )
    assert delta_refusal_advice(error) is None
    relayed = OSError(f"Error performing GET http://127.0.0.1:4711/{'a0' * 16}/mugs/t/_delta_log in 4.0s")
    assert describe_delta_error(relayed) == "Error performing GET relay://mugs/t/_delta_log in 4.0s"
    assert describe_delta_error(ValueError()) == "ValueError"


@pytest.mark.parametrize(
    ("vendor", "advice"),
    [
        ("conditions-501", "PACKSHOT_SINGLE_WRITER=1"),
        ("hosts", "PACKSHOT_S3_ADDRESSING=virtual"),
        ("one-region", "AWS_REGION=eu-central-003"),
    ],
)
def test_a_vendor_s_refusal_of_a_table_says_what_to_set_and_is_not_repeated(
    vendor: str, advice: str, s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKSHOT_STORE_SECONDS", "0.5")
    with s3_vendor_url(vendor) as url, pytest.raises(TableError) as refusal:
        open_tables(url).ensure("manifest/shop", pa.schema([("sku", pa.string())]))
    assert not isinstance(refusal.value, TableUnavailable)
    assert str(refusal.value).startswith("The store refused table 'manifest/shop' (")
    assert advice in str(refusal.value)
    assert not {"\x1b", "\n", "<", "↳"} & set(str(refusal.value))


def test_tables_follow_a_bucket_into_its_host_s_name(s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKSHOT_S3_ADDRESSING", "virtual")
    with s3_vendor_url("hosts") as url:
        tables = open_tables(url)
        tables.ensure("manifest/shop", pa.schema([("sku", pa.string())]))
        assert tables.version("manifest/shop") == 0
