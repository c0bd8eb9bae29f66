"""Damaged values: numbers that lost their digits, and dates that a spreadsheet made of SKUs.

Inputs: the SKUs of a batch with their rows, and the typed columns that a recipe reads. Outputs: warnings with counts
and examples. Nothing is mended, since the digits are gone: `5.9E+12` may have been any of a billion numbers.
"""

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.ingest.row_warnings import RowWarnings
from catalogs.ingest.values.number_text import float_text

_EXPONENT = r"^[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}$"
_MONTHS = (
    "jan|janv|gen|ene|sty|feb|fev|fév|févr|lut|mar|mär|mrz|mrt|märz|mars|mac|apr|avr|abr|kwi|may|mai|maj|mag|mei"
    "|jun|juin|giu|cze|jul|juil|lug|lip|aug|aou|août|ago|sie|sep|sept|set|wrz|oct|okt|ott|out|paź|nov|lis|dec|dez|déc"
    "|dic|gru"
)
_CASED_MONTHS = "|".join(f"{name}|{name.capitalize()}" for name in _MONTHS.split("|"))
_DATES = (
    rf"(?:0?[1-9]|[12][0-9]|3[01])[-. ]{{1,2}}(?:{_CASED_MONTHS})\.?(?:[-. ](?:[0-9]{{2}}){{1,2}})?",  # 1-Mar, 01. Mrz
    rf"(?:{_CASED_MONTHS})\.?[- ][0-9]{{2}}",  # Mar-01
    r"[0-3]?[0-9][./][0-3]?[0-9][./](?:19|20)[0-9]{2}(?: 0?0:00(?::00)?)?",  # 01.03.2024, 3/1/2024
    r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:[ T]00:00(?::00(?:\.0+)?)?Z?)?",  # 2024-03-01 00:00:00
)
_DATE = f"^(?:{'|'.join(_DATES)})$"
_DIGITS_OF_FLOATS = {16: 2**11, 32: 2**24, 64: 2**53}
"""Bits of a float -> the whole number up to which it holds every one."""

_SHORTENED = (
    "SKUs are numbers that a spreadsheet shortened, so that their last digits are lost; format the column as text, and"
    " export it anew"
)
_MADE_A_DATE = (
    "SKUs look like dates, which spreadsheets make of names such as MAR-1 or 1-3; compare them with the shop's own, and"
    " import the column as text"
)


def warn_of_damaged_skus(skus: pa.ChunkedArray, rows: pa.ChunkedArray, warnings: RowWarnings) -> None:
    """Count SKUs that look like shortened numbers or like dates."""
    for pattern, reason in ((_EXPONENT, _SHORTENED), (_DATE, _MADE_A_DATE)):
        _count(pc.match_substring_regex(skus, pattern), skus, rows, reason, warnings)


def warn_of_lost_digits(name: str, array: pa.Array, numbers: pa.Array, warnings: RowWarnings) -> None:
    """Count the whole numbers of a column of floats that are too large to be held in full; `numbers` are the rows'."""
    if not pa.types.is_floating(array.type):
        return
    limit = _DIGITS_OF_FLOATS[array.type.bit_width]
    values = pc.cast(array, pa.float64())
    lost = pc.fill_null(pc.and_(pc.greater_equal(pc.abs(values), float(limit)), pc.is_finite(values)), False)
    reason = (
        f"numbers in the column {name!r} are stored as floats of {array.type.bit_width} bits, which hold whole numbers"
        f" up to {limit:,} only: the last digits of larger ones are lost; store them as text or as integers"
    )
    _count(lost, float_text(array), numbers, reason, warnings)


def _count(found: pa.Array, values: pa.Array, rows: pa.Array, reason: str, warnings: RowWarnings) -> None:
    if not pc.any(found).as_py():
        return
    warnings.add(reason, zip(values.filter(found).to_pylist(), rows.filter(found).to_pylist(), strict=True))
