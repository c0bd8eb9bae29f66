"""What vendors of S3 refuse is said in one sentence with what to set, and with that set it works."""

import pytest

from infra.errors import StoreError, StoreRefusal
from infra.stores import open_store
from infra.stores.s3_client import open_client
from infra.stores.s3_refusals import (
    CHECKSUM_ADVICE,
    CONDITION_ADVICE,
    REFUSAL_RULES,
    find_refusal_advice,
    parse_refusal,
    refuses_condition,
)
from tests.fixtures.s3_vendors import VendorUrl

CURES = {
    "checksums-501": ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    "checksums-400": ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
    "conditions-501": ("PACKSHOT_SINGLE_WRITER", "1"),
    "hosts": ("PACKSHOT_S3_ADDRESSING", "virtual"),
    "one-region": ("AWS_REGION", "eu-central-003"),
    "named-regions": ("AWS_REGION", "auto"),
}
"""Vendor -> what its refusal says to set."""


@pytest.mark.parametrize("vendor", CURES)
def test_a_refusal_names_the_setting_that_cures_it(
    vendor: str, s3_vendor_url: VendorUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, value = CURES[vendor]
    monkeypatch.setenv("PACKSHOT_STORE_SECONDS", "0.5")
    with s3_vendor_url(vendor) as url:
        with pytest.raises(StoreRefusal) as refusal:
            open_store(url).write_once("mugs/a.jpg", b"1")
        sentence = str(refusal.value)
        assert sentence.startswith("The store refused 'mugs/a.jpg' (")
        assert f"{name}={value}" in sentence or (name in sentence and value in sentence)
        assert "\n" not in sentence
        assert "[Errno" not in sentence
        assert "sesame-open" not in sentence
        monkeypatch.setenv(name, value)
        open_client.cache_clear()
        store = open_store(url)
        assert [store.write_once("mugs/a.jpg", data) for data in (b"1", b"2")] == [True, False]
        store.write("mugs/b.jpg", b"22")
        assert (store.read("mugs/a.jpg"), store.size("mugs/b.jpg")) == (b"1", 2)
        assert [info.key for info in store.list("mugs/")] == ["mugs/a.jpg", "mugs/b.jpg"]
        store.delete(["mugs/a.jpg", "mugs/b.jpg", "mugs/never.jpg"])
        assert list(store.list("")) == []


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        ("NotImplemented", "Header 'x-amz-sdk-checksum-algorithm' not implemented", "WHEN_REQUIRED"),
        (
            "InvalidArgument",
            "aws-chunked encoding is not supported with the specified x-amz-content-sha256",
            "WHEN_REQ",
        ),
        ("PermanentRedirect", "The bucket is in another region", "AWS_REGION to the bucket's region"),
        ("AuthorizationHeaderMalformed", "the region 'a' is wrong; expecting 'us-west-004'", "AWS_REGION=us-west-004"),
        ("AuthorizationHeaderMalformed", "malformed; expecting '<script>'", "AWS_REGION to the bucket's region"),
        ("SignatureDoesNotMatch", "The request signature we calculated does not match", "Google Cloud Storage"),
        ("InvalidAccessKeyId", "no such key", "AWS_ACCESS_KEY_ID"),
        ("NoCredentialsError", "Unable to locate credentials", "AWS_ACCESS_KEY_ID"),
        ("RequestTimeTooSkewed", "too large", "clock"),
        ("MethodNotAllowed", "Please use virtual hosted style", "PACKSHOT_S3_ADDRESSING=virtual"),
    ],
)
def test_words_and_codes_of_vendors_lead_to_what_to_do(code: str, message: str, advice: str) -> None:
    found = find_refusal_advice(code, message)
    assert found is not None
    assert advice.lower() in found.lower()


def test_only_a_conditional_put_that_is_not_implemented_is_refused_for_its_condition() -> None:
    words = "A header you provided implies functionality that is not implemented."
    assert find_refusal_advice("NotImplemented", words) is None
    assert find_refusal_advice("NotImplemented", words, conditional=True) == CONDITION_ADVICE
    assert find_refusal_advice("SlowDown", words, conditional=True) is None
    assert (refuses_condition("NotImplemented", words), refuses_condition("NotImplemented", "aws-chunked")) == (
        True,
        False,
    )


def test_each_rule_says_something_else_and_can_apply() -> None:
    assert len({rule.advice for rule in REFUSAL_RULES}) == len(REFUSAL_RULES)
    assert all(rule.codes or rule.words for rule in REFUSAL_RULES)
    assert REFUSAL_RULES[0].advice == CHECKSUM_ADVICE


def test_code_and_message_are_read_from_xml_that_another_client_quotes() -> None:
    text = "501 Not Implemented\n <?xml?><Error><Code>NotImplemented</Code><Message>A header</Message></Error>"
    assert parse_refusal(text) == ("NotImplemented", "A header")
    assert parse_refusal("connection reset") == ("", "")


def test_what_is_no_refusal_stays_a_plain_error(s3_url: str) -> None:
    with pytest.raises(StoreError) as failure:
        open_store("s3://no-such-bucket-here/x").read("a")
    assert not isinstance(failure.value, StoreRefusal)
