"""Answer details: what answers are about that are not about one image, and its shape.

Inputs: the kind and the details of an answer. Outputs: nothing, or an error. Pure. A channel answer names the pixels
and says yes or no, a release names the run and the checks that may fail, a readmission its SKUs.
"""

from collections.abc import Callable, Mapping
from typing import Any


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_digests(value: Any) -> bool:
    return _is_texts(value) and all(bytes.fromhex(text) for text in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


_SHAPES: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "channel": {"channel": _is_text, "given": _is_yes_or_no, "pixel_shas": _is_digests, "skus": _is_texts},
    "release": {"run_id": _is_text, "checks": _is_texts},
    "readmission": {"skus": _is_texts},
}


def require_details(kind: str, details: Mapping[str, Any] | None) -> None:
    """Raise KeyError, TypeError or ValueError where the details of a kind of answer are missing or of a wrong shape."""
    for name, is_right in _SHAPES.get(kind, {}).items():
        if not is_right((details or {})[name]):
            raise TypeError(f"{name!r} of an answer of the kind {kind!r} has a wrong shape")
