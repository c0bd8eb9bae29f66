"""Numbers as text: whole numbers are written in full, and names that once read as exponents are recognised.

Inputs: float columns, and names (SKUs). Outputs: text that does not depend on whether a column was stored as integers
or as floats: pandas writes an integer column with one empty cell as float64, and Arrow writes such a value of eleven
digits or more as `4.006381333931e+12`. Only that spelling is replaced: every other text stays as it is, since prompts
and names of live slots depend on it. A float of 2^53 or more has lost its last digits, so it keeps Arrow's spelling.
"""

import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

EXACT_LIMIT = 2**53
"""Whole numbers below it are exact in a float64."""
EXPONENT_HINT = r"[0-9]e\+1[0-9]"
"""Found in every name that holds a whole number as an exponent: eleven to sixteen digits."""
WHOLE_NUMBER_HINT = r"[1-9][0-9]{10}"
_WHOLE = re.compile(r"(?<![0-9.])[1-9][0-9]{10,15}(?![0-9.])")
_EXPONENT = re.compile(r"(?<![0-9.])[1-9](?:\.[0-9]+)?e\+1[0-9](?![0-9.])")


def float_text(array: pa.Array) -> pa.Array:
    """Return a float column as text, with whole numbers below 2^53 in full; a NaN becomes null."""
    array = pc.if_else(pc.is_nan(array), None, array)
    text = pc.cast(array, pa.string())
    has_exponent = pc.match_substring(text, "e+")
    if not pc.any(has_exponent).as_py():
        return text
    values = pc.cast(array, pa.float64())
    is_whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), float(EXACT_LIMIT)))
    in_full = pc.fill_null(pc.and_(has_exponent, is_whole), False)
    return pc.if_else(in_full, pc.cast(pc.cast(pc.if_else(in_full, values, 0.0), pa.int64()), pa.string()), text)


def name_in_full(name: str) -> str | None:
    """Return a name with its exponents written as whole numbers; None where it holds none that was one."""
    full = _EXPONENT.sub(_whole_number, name)
    return full if full != name else None


def text_as_exponents(text: str) -> str:
    """Return a text as it read before: whole numbers of eleven digits or more as exponents."""
    return _WHOLE.sub(_exponent, text)


def _exponent(match: re.Match[str]) -> str:
    digits = match[0]
    fraction = digits[1:].rstrip("0")
    return (
        f"{digits[0]}{'.' if fraction else ''}{fraction}e+{len(digits) - 1:02d}"
        if int(digits) < EXACT_LIMIT
        else digits
    )


def _whole_number(match: re.Match[str]) -> str:
    number = Decimal(match[0])
    return str(int(number)) if number == int(number) and number < EXACT_LIMIT else match[0]
