"""Refusals of S3-compatible vendors: which setting, key or region makes a request acceptable.

Inputs: S3's code and the server's message, and whether the request was a conditional put. Outputs: what to do, as the
end of a sentence, or None where nothing is known. The rules are data. What a vendor answers is from its documentation
and its users' reports; `docs/guides/object-stores.md` says which ones were tried.
"""

import re
from dataclasses import dataclass

CHECKSUM_ADVICE = (
    "it does not know the checksums that today's clients send: set AWS_REQUEST_CHECKSUM_CALCULATION=when_required and"
    " AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"
)
CONDITION_ADVICE = (
    "it has no conditional writes (If-None-Match), which keep two runs apart: use another store, or set"
    " PACKSHOT_SINGLE_WRITER=1 if nothing but one run at a time ever writes there"
)
_REGION_ADVICE = (
    "set AWS_REGION to the bucket's region (Cloudflare R2: auto; others: the part of the endpoint that names it)"
)
_KEY_ADVICE = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, which belong to one key"

_NOT_IMPLEMENTED = frozenset({"NotImplemented", "501"})
_EXPECTED_REGION = re.compile(r"expecting '([\w-]{1,40})'")
_CODE, _MESSAGE = re.compile(r"<Code>([^<]{1,100})</Code>"), re.compile(r"<Message>([^<]{1,500})</Message>")


@dataclass(frozen=True)
class RefusalRule:
    """What to do about some codes, or about a message with some words."""

    advice: str
    codes: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None

    def applies(self, code: str, message: str) -> bool:
        """Tell whether a refusal is of this kind."""
        return code in self.codes or (self.words is not None and self.words.search(message) is not None)


REFUSAL_RULES = (
    RefusalRule(
        CHECKSUM_ADVICE,
        frozenset({"XAmzContentSHA256Mismatch", "InvalidContentSHA256"}),
        re.compile(r"(?i)x-amz-(?:sdk-)?checksum|x-amz-trailer|aws-chunked|x-amz-content-sha256|STREAMING-"),
    ),
    RefusalRule(
        "it takes a bucket only as a part of the host's name: set PACKSHOT_S3_ADDRESSING=virtual",
        frozenset({"SecondLevelDomainForbidden", "PathStyleRequestNotAllowed", "VirtualHostDomainRequired"}),
        re.compile(r"(?i)third level domain|virtual[- ]host(?:ed)?[- ]style|path[- ]style (?:request|access|domain)"),
    ),
    RefusalRule(
        _REGION_ADVICE,
        frozenset(
            {
                "AuthorizationHeaderMalformed",
                "IllegalLocationConstraintException",
                "InvalidRegion",
                "InvalidRegionName",
                "PermanentRedirect",
            }
        ),
        re.compile(r"(?i)the region (?:name )?'[^']{0,40}' is (?:wrong|not valid)"),
    ),
    RefusalRule(
        f"{_KEY_ADVICE}, and AWS_REGION; Google Cloud Storage wants AWS_REQUEST_CHECKSUM_CALCULATION=when_required too",
        frozenset({"SignatureDoesNotMatch"}),
    ),
    RefusalRule(
        _KEY_ADVICE,
        frozenset({"InvalidAccessKeyId", "ExpiredToken", "InvalidToken", "NoCredentialsError", "TokenRefreshRequired"}),
    ),
    RefusalRule("set this machine's clock", frozenset({"RequestTimeTooSkewed"})),
)
"""The first that applies gives the advice."""


def find_refusal_advice(code: str, message: str, *, conditional: bool = False) -> str | None:
    """Return what to do about a refusal, as the end of a sentence; None where no rule knows it.

    `conditional`: the request was a conditional put, which some servers do not implement.
    """
    rule = next((rule for rule in REFUSAL_RULES if rule.applies(code, message)), None)
    if rule is None:
        return CONDITION_ADVICE if conditional and code in _NOT_IMPLEMENTED else None
    expected = _EXPECTED_REGION.search(message) if rule.advice == _REGION_ADVICE else None
    return f"set AWS_REGION={expected[1]}" if expected else rule.advice


def refuses_condition(code: str, message: str) -> bool:
    """Tell whether a conditional put was refused because of its condition, which this server does not implement."""
    return find_refusal_advice(code, message, conditional=True) == CONDITION_ADVICE


def parse_refusal(text: str) -> tuple[str, str]:
    """Return code and message of the XML that a server answered, as some clients quote it; "" where there is none."""
    code, message = _CODE.search(text), _MESSAGE.search(text)
    return code[1] if code else "", message[1] if message else ""
