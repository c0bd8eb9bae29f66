"""What every test stands on: none of the caller's servers, credentials or settings, and no telemetry.

The environment is cleaned while this file is imported, before anything can import prefect, which reads it once.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fixtures.object_stores import s3_endpoint, s3_url
from tests.fixtures.onnx_exports import tiny_export, tiny_model
from tests.fixtures.ray_clusters import local_ray, multi_node_ray, ray_exit_stack
from tests.fixtures.s3_vendors import s3_vendor_url
from tests.paths import SHARED

pytest_plugins = ["pytester", "tests.plugins.long_tests", "tests.plugins.last_start", "tests.plugins.file_times"]

__all__ = [
    "local_ray", "multi_node_ray", "ray_exit_stack",
    "s3_endpoint", "s3_url", "s3_vendor_url", "tiny_export", "tiny_model",
]  # fmt: skip

# A busy machine is no fault of the code: no test has a time limit, and hypothesis has two of its own.
settings.register_profile("packshot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("packshot")

FOREIGN_VARIABLE_PREFIXES = ("PREFECT_", "AWS_", "PACKSHOT_")
"""Whose variables are dropped: no test may reach the caller's server, bucket or settings."""

SHARED_CATALOGS = SHARED / "catalogs"
"""Real shop exports that lie beside a checkout of ours; they are not ours to commit."""


def isolate_environment() -> None:
    """Drop the caller's servers and credentials, switch telemetry off, and give Prefect a home of its own."""
    for name in [name for name in os.environ if name.startswith(FOREIGN_VARIABLE_PREFIXES)]:
        del os.environ[name]
    names = ("prefect", "c2pa", "data")
    prefect_home, marks, data = (tempfile.mkdtemp(prefix=f"packshot-{what}-") for what in names)
    for folder in (prefect_home, marks, data):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(
        PREFECT_HOME=prefect_home,
        PACKSHOT_C2PA_FOLDER=marks,  # the development certificate of this test run, and of its children
        XDG_DATA_HOME=data,  # holds the integrity key of this test run
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        GX_ANALYTICS_ENABLED="false",
        HF_HUB_OFFLINE="1",
        # Without these, boto looks for credentials in the caller's home and then on the network.
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
    )


isolate_environment()


@pytest.fixture(scope="session")
def shared_catalogs() -> Path:
    """Return the folder of real shop exports, or skip where the checkout has none beside it."""
    if not SHARED_CATALOGS.is_dir():
        pytest.skip("there is no ../shared/catalogs beside this checkout: the look-alike is tested instead")
    return SHARED_CATALOGS
