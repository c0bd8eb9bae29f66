"""Cloud storages of a source: what fsspec's clients of S3, Azure and Google want, report and raise, in one place.

Inputs: a source's URL, a file system's information about a file. Outputs: options, a version, classes of errors, and
what to install. Packshot brings none of Azure's and Google's clients: they work where the user installed them.
"""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from infra.source_address import CLOUD_PACKAGES, azure_account


def azure_options(url: str) -> dict[str, object]:
    """Return the account's name of a short Azure address, which adlfs reads out of a long one by itself."""
    account = azure_account(url)
    return {} if account is None or "." in account else {"account_name": account}


def lacks_package(scheme: str) -> bool:
    """Tell whether a scheme needs a package that is not installed."""
    return scheme in CLOUD_PACKAGES and find_spec(CLOUD_PACKAGES[scheme]) is None


def missing_package(scheme: str, reason: str) -> str:
    """Return the sentence that says which package reads a scheme."""
    package = CLOUD_PACKAGES.get(scheme, "packshot[s3]")
    return f"{scheme}:// sources need a package that is not installed: `pip install '{package}'` ({reason})."


def reported_version(information: Mapping[str, Any], size: int) -> str:
    """Return the etag that a storage reports, else size and time; "" where it reports neither: the content counts."""
    etag = information.get("ETag") or information.get("etag")
    times = (information.get(name) for name in ("LastModified", "last_modified", "mtime", "updated", "created"))
    modified = next((time for time in times if time), None)
    return str(etag) if etag else f"{size} {modified}" if modified else ""


def network_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of S3's, Azure's and Google's clients for network and credentials; of those in use only."""
    names = {
        "botocore.exceptions": ("BotoCoreError", "ClientError"),
        "azure.core.exceptions": ("AzureError",),
        "google.auth.exceptions": ("GoogleAuthError",),
    }
    loaded = {module: sys.modules[module] for module in names if module in sys.modules}
    return tuple(getattr(loaded[module], name) for module in loaded for name in names[module])
