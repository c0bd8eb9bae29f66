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


def test_an_open_table_is_lent_to_one_at_a_time_and_brought_up_to_date(client: DeltaClient) -> None:
    with client.newest("manifest/shoes") as missing:
        assert missing is None
    client.create("manifest/shoes", SCHEMA)
    with client.newest("manifest/shoes") as first, client.newest("manifest/shoes") as second:
        assert first is not None
        assert second is not first
    with client.newest("manifest/shoes") as kept:
        assert kept is first
    client.open("manifest/shoes").create_write_transaction([], "append", SCHEMA)
    with client.newest("manifest/shoes") as updated:
        assert updated is kept is not None
        assert updated.version() == 1


def test_a_table_whose_use_failed_is_opened_anew(client: DeltaClient) -> None:
    client.create("manifest/shoes", SCHEMA)
    with pytest.raises(ZeroDivisionError), client.newest("manifest/shoes") as broken:
        raise ZeroDivisionError
    with client.newest("manifest/shoes") as anew:
        assert anew is not broken


def test_a_librarys_error_may_be_repeated_and_loses_colours_and_xml() -> None:
    with pytest.raises(TableUnavailable) as error, translate_errors("manifest/shoes"):
        raise DeltaError("\x1b[31mno answer.\x1b[0m <Key>SECRET</Key>")
    assert str(error.value) == "Table 'manifest/shoes' could not be served: no answer."
    assert error.value.transient


def test_a_folder_has_no_retry_policy(client: DeltaClient) -> None:
    assert client.retry_policy is None
    assert client.retry(lambda: 7) == 7
