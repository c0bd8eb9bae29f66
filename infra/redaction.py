"""Cut credentials out of text that is shown or kept: error messages, log lines, tracebacks.

Inputs: text that may quote a URL, a header or a setting, such as a library's error. Outputs: the same text without
user, password and query of URLs, without signatures and authorizations, and without the values of secret environment
variables. Invariant: when in doubt more is cut, never less. It is a net below the rules that keep credentials out of
parameters, reports and settings; nothing may rely on it alone.
"""

import os
import re

CUT = "…"
_PUNCTUATION = "')],.;:"
"""What a sentence puts behind a URL that it quotes."""

_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|AUTH_STRING|CREDENTIAL|WEBHOOK|SOURCE_QUERY|CONNECTION_(?:STRING|URL)"
    r"|(?:API|INTEGRITY|ACCOUNT|ACCESS|PRIVATE|SIGNING|STORAGE|ENCRYPTION)_KEY$"
)
_PLAIN_NAME = re.compile(r"_(?:FILE|PATH|FOLDER|DIR|ID|IDS)$")
_MIN_SECRET_CHARACTERS = 6
"""Shorter values (`true`, `10`) stand in texts by chance."""

_QUERY = re.compile(r'(://[^\s?"<>]{1,2000})\?([^\s"<>]+)')
"""A query is cut as a whole: no list of names would know every service's signature."""

_RULES = (
    # user:password@ after the scheme; also where the password has a slash in it, which no URL may have.
    (re.compile(r'(?i)(?<!abfs)(?<!abfss)(://)[^\s/?#"<>]*@'), rf"\1{CUT}@"),
    # Azure's abfss://CONTAINER@ACCOUNT is an address; only what is no container's name is cut.
    (re.compile(r'(?i)(abfss?://)(?![a-z0-9$][a-z0-9$._-]*@)[^\s/?#"<>]*@'), rf"\1{CUT}@"),
    (re.compile(r'(://)[^\s/@?#:"<>]{1,300}:(?!\d{1,5}(?:/|$))[^\s@"<>]{0,300}@'), rf"\1{CUT}@"),
    (
        re.compile(
            r"(?i)\b(x-(?:amz|goog)-(?:signature|credential|security-token)|sig|signature|(?:access_|refresh_|id_|auth_)?"
            r"token|passw(?:or)?d|secret|api_?key|client_secret)=[^\s&\"'<>]+"
        ),
        rf"\1={CUT}",
    ),
    (re.compile(r"(?i)\b(authorization['\"]?\s{0,3}[:=]\s{0,3}['\"]?)(?:\w+\s+)?[^\s'\",}]+"), rf"\1{CUT}"),
    (re.compile(r"\bpackshot_[A-Za-z0-9_-]{20,}"), CUT),  # a person's token: see `catalogs.access`
    (re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"), CUT),
)


def redact(text: str) -> str:
    """Return the text with every credential that can be recognised replaced by `…` or its variable's name."""
    for value, name in _secret_values():
        if value in text:
            text = text.replace(value, f"[{name}]")
    if "://" in text:
        text = _QUERY.sub(_without_query, text)
    if ":" in text or "=" in text or "packshot_" in text:
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
    return text


def _without_query(match: re.Match[str]) -> str:
    query = match[2]
    return f"{match[1]}?{CUT}{query[len(query.rstrip(_PUNCTUATION)) :]}"


def _secret_values() -> list[tuple[str, str]]:
    """Return the values of secret environment variables with their names, the longest first."""
    found = [
        (value, name)
        for name, value in os.environ.items()
        if len(value) >= _MIN_SECRET_CHARACTERS and _SECRET_NAME.search(name) and not _PLAIN_NAME.search(name)
    ]
    return sorted(found, key=lambda pair: -len(pair[0]))
