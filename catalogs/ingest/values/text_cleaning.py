"""Text cleaning: a source's text as one line without control characters, HTML's tags or entities.

Inputs: string arrays. Outputs: string arrays of equal length; null and empty mean the same (empty).

Source text is untrusted: control characters become spaces, runs of spaces become one, Unicode becomes NFC, and HTML
loses its tags. All of it is vectorised (RE2, linear time) and runs only if a cheap test finds that it is needed.
"""

import html

import pyarrow as pa
import pyarrow.compute as pc

_SPACES = r"(?:\pZ|[\x00-\x20\x7f-\x9f\x{2028}\x{2029}])+"
_HUGE_REFERENCE = r"&#(?:[0-9]{33,}|[xX][0-9a-fA-F]{33,});?"
"""A character reference far beyond Unicode: Python reads no number of more than 4,300 digits, and raises."""
_DIRTY = r"^\s|\s$|\s\s|[\x00-\x1f\x7f]|[^\x00-\x7f]"


def clean_text(array: pa.Array) -> pa.Array:
    """Return the text without control characters and with single spaces, in NFC; empty for null."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, _DIRTY)).as_py():
        return array
    array = pc.utf8_normalize(array, "NFC")
    array = pc.replace_substring_regex(array, _SPACES, " ")
    return pc.utf8_trim_whitespace(array)


def strip_html(array: pa.Array) -> pa.Array:
    """Return the text between the tags, with entities decoded."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring_regex(array, "[<&]")).as_py():
        return array
    array = pc.replace_substring_regex(array, r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>", " ")
    array = pc.replace_substring_regex(array, r"(?s)<[^>]*>", " ")
    return decode_entities(array)


def decode_entities(array: pa.Array) -> pa.Array:
    """Return the text with HTML's entities decoded, once: `&amp;lt;` is `&lt;`."""
    array = pc.fill_null(array, "")
    if not pc.any(pc.match_substring(array, "&")).as_py():
        return array
    array = pc.replace_substring_regex(array, _HUGE_REFERENCE, "\ufffd")
    return pa.array([html.unescape(text) for text in array.to_pylist()], pa.string())
