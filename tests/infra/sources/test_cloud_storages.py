"""Catalogues in Azure's and Google's storage: read where a package is installed, else the error names the package."""

import importlib.util
import io
import sys
from types import ModuleType
from typing import Any

import fsspec
import pytest

from infra.errors import StoreError, UnreadableSource
from infra.source_address import CLOUD_PACKAGES
from infra.sources import cloud_storages, open_source
from infra.sources.source_files import list_source_files


class CloudFiles(fsspec.AbstractFileSystem):
    """A bucket in a dictionary that reports what adlfs and gcsfs do: a size, and an etag or a time in their words."""

    cachable = False
    objects: dict[str, bytes] = {}  # noqa: RUF012 - shared, as a bucket is
    reported: dict[str, object] = {}  # noqa: RUF012
    opened_with: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, **options: object) -> None:
        super().__init__()
        type(self).opened_with = options

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        container, _, rest = path.split("://", 1)[-1].partition("/")
        return f"{container.partition('@')[0]}/{rest}".rstrip("/")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        if path in self.objects:
            return {"name": path, "type": "file", "size": len(self.objects[path]), **self.reported}
        if any(name.startswith(f"{path}/") for name in self.objects):
            return {"name": path, "type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def find(self, path: str, **_: Any) -> dict[str, dict[str, Any]]:
        return {name: self.info(name) for name in self.objects if name.startswith(f"{path}/")}

    def open(self, path: str, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self.objects[self._strip_protocol(path)])


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> type[CloudFiles]:
    """Let Azure's and Google's schemes lead to a bucket in memory."""
    monkeypatch.setattr(CloudFiles, "objects", {"box/exports/a.csv": b"sku,title\nA-1,Mug\n"})
    monkeypatch.setattr(CloudFiles, "reported", {"etag": "0x1"})
    implementations = importlib.import_module("fsspec.registry")._registry
    for scheme in ("abfss", "gs"):
        monkeypatch.setitem(implementations, scheme, CloudFiles)
    return CloudFiles


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("abfss://box@account.dfs.core.windows.net/exports/a.csv", {}),
        ("abfss://box@account/exports/a.csv", {"account_name": "account"}),
        ("gs://box/exports/a.csv", {}),
        ("gs://box/exports", {}),
    ],
)
def test_a_file_or_folder_there_is_a_catalogue(bucket: type[CloudFiles], url: str, options: dict[str, str]) -> None:
    source = open_source(url)
    [batch] = source.batches()
    assert batch.rows.to_pylist() == [{"sku": "A-1", "title": "Mug"}]
    assert bucket.opened_with == options


@pytest.mark.parametrize("reported", [{"etag": "0x2"}, {"updated": "2026-11-29"}, {"last_modified": "now"}, {}])
def test_its_fingerprint_moves_with_what_the_storage_reports_else_with_the_content(
    bucket: type[CloudFiles], monkeypatch: pytest.MonkeyPatch, reported: dict[str, object]
) -> None:
    before = list_source_files("gs://box/exports/a.csv").fingerprint()
    monkeypatch.setattr(bucket, "reported", reported)
    after = list_source_files("gs://box/exports/a.csv").fingerprint()
    assert after != before
    assert list_source_files("gs://box/exports/a.csv").fingerprint() == after
    if not reported:
        monkeypatch.setitem(bucket.objects, "box/exports/a.csv", b"sku,title\nA-2,Mug\n")
        assert list_source_files("gs://box/exports/a.csv").fingerprint() != after


def test_what_is_not_there_is_said_with_its_address(bucket: type[CloudFiles]) -> None:
    url = "abfss://box@account.dfs.core.windows.net/exports/b.csv"
    with pytest.raises(UnreadableSource, match="There is no file or folder") as missing:
        open_source(url)
    assert url in str(missing.value)


@pytest.mark.parametrize("scheme", CLOUD_PACKAGES)
@pytest.mark.parametrize("kind", [ImportError, ValueError])
def test_a_package_that_is_missing_is_named(
    scheme: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_installed(*_: object, **__: object) -> None:
        raise kind(f"Protocol not known: {scheme}")

    monkeypatch.setattr(fsspec.core, "url_to_fs", not_installed)
    monkeypatch.setattr(cloud_storages, "find_spec", lambda _: None)
    package = CLOUD_PACKAGES[scheme]
    with pytest.raises(UnreadableSource, match=rf"{scheme}:// sources need a package .*pip install '{package}'"):
        open_source(f"{scheme}://box/a.csv")


@pytest.mark.skipif(importlib.util.find_spec("adlfs") is not None, reason="adlfs is installed")
def test_fsspec_s_own_answer_without_the_package_is_understood() -> None:
    for url in ("abfss://box@account.dfs.core.windows.net/a.csv", "az://box/a.csv"):
        with pytest.raises(UnreadableSource, match="pip install 'adlfs'"):
            open_source(url)


def test_a_storage_s_own_errors_are_the_world_s(bucket: type[CloudFiles], monkeypatch: pytest.MonkeyPatch) -> None:
    class AzureError(Exception):
        """As azure.core's, which is no OSError."""

    module = ModuleType("azure.core.exceptions")
    module.AzureError = AzureError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "azure.core.exceptions", module)

    def fail(*_: object, **__: object) -> None:
        raise AzureError("no token")

    monkeypatch.setattr(bucket, "info", fail)
    with pytest.raises(StoreError, match="could not be reached: no token"):
        open_source("abfss://box@account/a.csv")
