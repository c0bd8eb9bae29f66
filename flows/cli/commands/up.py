"""Command up: a Prefect server, workers, deployments and a sample catalogue on this machine."""

import os
import shlex
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.errors import OptionError
from flows.cli.commands.refresh import isolate_prefect
from flows.cli.console import open_console

if TYPE_CHECKING:
    from flows.orchestration.local_stack import LocalPrefectStack

POLL_SECONDS = 0.5


def up(
    out: Annotated[Path, typer.Option("--out", help="Where everything is kept")] = Path("packshot-up"),
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port of the UI and the API, on loopback")
    ] = 4200,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Refreshes that may run at once; one for each GPU")] = 1,
) -> None:
    """Start a Prefect server, workers and the deployments on this machine, until Ctrl-C."""
    from flows.orchestration.local_server import ServerFailed, open_listener
    from flows.orchestration.local_stack import prepare_folder, run_local_prefect_stack

    prepare_folder(out)
    isolate_prefect(out)
    try:
        listener = open_listener(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise OptionError(f"--port: {port} cannot be listened on ({reason}); give another") from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = open_console()
    console.print("Starting a Prefect server, workers and deployments (some seconds) …")
    try:
        with closing(listener), run_local_prefect_stack(out, listener, max_refreshes=limit) as served:
            console.print(_describe(served), soft_wrap=True, markup=False, highlight=False)
            while all(process.poll() is None for process in served.processes):
                time.sleep(POLL_SECONDS)
        raise ServerFailed("The Prefect server or a worker has ended by itself, and the rest was ended with it")
    except KeyboardInterrupt:
        console.print("Ended.")


def _describe(served: "LocalPrefectStack") -> str:
    """Return what a person needs to know; the login itself stays in its file."""
    values = " ".join(f"-p {name}={shlex.quote(value)}" for name, value in served.deployment_parameters.items())
    login = shlex.quote(str(served.login))
    return (
        f"\nOpen      {served.ui_url}\n"
        f"Log in    with the line that `cat {login}` shows: the UI asks for it, and it is another at each start\n"
        "Then type, in another terminal:\n\n"
        f'PREFECT_API_URL={served.server.api_url} PREFECT_API_AUTH_STRING="$(cat {login})"'
        f" prefect deployment run 'refresh/adhoc' {values}\n\n"
        "Ctrl-C ends everything."
    )
