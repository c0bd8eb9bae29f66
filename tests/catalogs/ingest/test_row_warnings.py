"""What is doubtful is counted by its kind and shown by three values, however many rows and whatever they hold."""

from catalogs.ingest.row_warnings import RowWarnings


def test_a_reason_has_its_count_and_its_first_three_values() -> None:
    warnings = RowWarnings()
    warnings.add("SKUs look odd", [("5.9E+12", 2), ("5.9E+12", 3), ("4.0E+12", 4)])
    warnings.add("SKUs look odd", [("1-Mar", 9), ("2-Mar", 10)])
    assert warnings.sentences() == ["5 × SKUs look odd: '5.9E+12' in row 2, '4.0E+12' in row 4, '1-Mar' in row 9"]


def test_reasons_come_in_the_order_of_their_first_rows() -> None:
    warnings = RowWarnings()
    warnings.add("late", [("x", 7)])
    warnings.add("early", [("y", 1)])
    warnings.add("nothing", [])
    assert warnings.sentences() == ["1 × early: 'y' in row 1", "1 × late: 'x' in row 7"]


def test_hostile_values_are_short_and_visible() -> None:
    warnings = RowWarnings()
    warnings.add("odd", [("\x1b[2J\u202e" + "x" * 500, 1)])
    [sentence] = warnings.sentences()
    assert sentence.startswith("1 × odd: '\\x1b[2J\\u202exxx")
    assert sentence.isprintable()
    assert len(sentence) < 80
