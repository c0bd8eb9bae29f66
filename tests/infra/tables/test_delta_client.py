"""Opening Delta tables: which errors may be repeated, and what a message repeats of a server's text."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError

from infra.errors import TableError, TableUnavailable
from infra.stores.addresses import parse_address
from infra.tables.delta_client import DeltaClient, read_schema, translate_errors

SCHEMA = pa.schema([("sku", pa.string()), ("price", pa.int64())])


@pytest.fixture
def client(tmp_path: Path) -> DeltaClient:
    return DeltaClient(parse_address(str(tmp_path)))


def test_a_missing_table_is_none_or_an_error_that_is_not_repeated(client: DeltaClient) -> None:
    assert client.find("manifest/shoes") is None
    with pytest.raises(TableError, match="'manifest/shoes'") as missing:
        client.open("manifest/shoes")
    assert not missing.value.transient


def test_a_table_is_created_once(client: DeltaClient) -> None:
    created = client.create("manifest/shoes", SCHEMA)
    assert client.create("manifest/shoes", SCHEMA).version() == created.version() == 0
    assert read_schema(created) == SCHEMA


def test_a_scan_has_the_chosen_columns(client: DeltaClient) -> None:
    client.create("manifest/shoes", SCHEMA)
    scan = client.scan("manifest/shoes", ["price"], None)
    assert (scan.schema.names, list(scan.batches)) == (["price"], [])
    with pytest.raises(ValueError, match="'colour'"):
        client.scan("manifest/shoes", ["colour"], None)


def test_a_librarys_error_may_be_repeated_and_loses_colours_and_xml() -> None:
    with pytest.raises(TableUnavailable) as error, translate_errors("manifest/shoes"):
        raise DeltaError("\x1b[31mno answer.\x1b[0m <Key>SECRET</Key>")
    assert str(error.value) == "Table 'manifest/shoes' could not be served: no answer."
    assert error.value.transient


def test_a_folder_has_no_retry_policy(client: DeltaClient) -> None:
    assert client.retry_policy is None
    assert client.retry(lambda: 7) == 7
