"""S8: credentials are cut from whatever quotes them, and what is no credential stays readable."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.redaction import redact

SECRET = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="-._~%+"), min_size=6)


@given(SECRET)
def test_s8_a_secret_in_a_url_is_cut_wherever_it_stands(secret: str) -> None:
    secret = f"qQ{secret}Qq"
    for text in (
        f"https://ada:{secret}@host/cat.csv could not be reached",
        f"'https://{secret}@host:8080/cat.csv'",
        f"zip://a.csv::http://ada:{secret}@127.0.0.1:4299/cat.zip",
        f"http://ada:pa/ss{secret}@host/x",
        f"403, url='https://host/cat.csv?X-Amz-Signature={secret}&f=.csv'",
        f"https://host/cat.csv?anything={secret}",
        f"abfss://box@account/cat.csv?sig={secret}",
        f"abfss://box:{secret}@account/cat.csv",
        f"abfss://~{secret}@account/cat.csv",
        f"sig={secret}",
        f"Authorization: Basic {secret}",
        f"{{'authorization': '{secret}'}}",
        f"password={secret} was refused",
    ):
        assert secret not in redact(text), text


@pytest.mark.parametrize(
    "text",
    [
        "There is no file or folder 's3://bucket/exports/shop@home.csv'; check the path.",
        "http://127.0.0.1:4200/api does not answer",
        "The CSV row is 3: a@b.com, https://shop/item/7",
        "'http://host:8080/path/me@x.csv'",
        "There is no file or folder 'abfss://box@account.dfs.core.windows.net/a.csv'; check the path.",
        "packshot release RUN --store s3://shop --reason 'sold=out'",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact(text) == text


def test_a_person_s_token_is_cut_and_what_only_begins_like_one_stays() -> None:
    token = "packshot_" + "Ab-_9" * 8 + "xyz"
    assert redact(f"the token {token}, typed into a note") == "the token …, typed into a note"
    assert redact("python -m packshot_nano") == "python -m packshot_nano"


def test_punctuation_behind_a_quoted_url_stays() -> None:
    assert redact("('http://h/x?sig=1'), then") == "('http://h/x?…'), then"


def test_s8_the_values_of_secret_variables_are_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:wJalrXUtnFEMI")
    monkeypatch.setenv("PACKSHOT_INTEGRITY_KEY", "0123456789abcdef")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token")
    shown = redact("tried wJalrXUtnFEMI, admin:wJalrXUtnFEMI and 0123456789abcdef of /var/run/token")
    assert shown == (
        "tried [AWS_SECRET_ACCESS_KEY], [PREFECT_API_AUTH_STRING] and [PACKSHOT_INTEGRITY_KEY] of /var/run/token"
    )


@pytest.mark.parametrize("piece", ["://a:", "://a?", "http://a:b", "authorization: ", "token=a", "://?')"])
def test_a_hostile_text_costs_time_in_proportion_to_its_length(piece: str) -> None:
    def seconds(count: int) -> float:
        began = time.process_time()
        redact(piece * count)
        return time.process_time() - began

    assert seconds(16_000) < 20 * max(seconds(2_000), 0.01)
