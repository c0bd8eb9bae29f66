"""Photo tokens: how a plan names the photos of a cell, once they were resolved.

Inputs: sha256 digests, reasons. Outputs: tokens: the sha256 in hex, or `!` and a reason code.
Invariant: a token has no space, so a cell's tokens are one text with spaces between them.
"""

NOT_READ = "photo.not-read"
"""The reason of a photo that a dry run has not read, and a refresh will."""


def refusal_token(reason: str) -> str:
    """Return the token of a photo that cannot be used."""
    return f"!{reason}"
