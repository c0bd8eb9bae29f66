"""The row type of the archive says what its Arrow schema says."""

from typing import get_type_hints

from catalogs.runs.archived_run import ArchivedRunRow
from catalogs.table_schemas import RUN_ARCHIVE
from tests.catalogs.test_table_rows import python_type, without_none


def test_an_archived_run_has_the_columns_and_types_of_its_table() -> None:
    hints = {name: without_none(hint) for name, hint in get_type_hints(ArchivedRunRow).items()}
    assert hints == {field.name: python_type(field.type) for field in RUN_ARCHIVE}
