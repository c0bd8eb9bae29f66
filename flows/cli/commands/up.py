"""Command up: a Prefect server, workers, deployments and a sample catalogue on this machine."""

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from catalogs.errors import OptionError
from flows.cli.commands.refresh import isolate_prefect
from flows.cli.console import open_console

POLL_SECONDS = 0.5


def up(
    out: Annotated[Path, typer.Option("--out", help="Where everything is kept")] = Path("packshot-up"),
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port of the UI and the API, on loopback")
    ] = 4200,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Refreshes that may run at once; one for each GPU")] = 1,
) -> None:
    """Start a Prefect server, workers and the deployments on this machine, until Ctrl-C."""
    isolate_prefect(out)
    from flows.orchestration.local_server import is_port_free
    from flows.orchestration.local_stack import run_local_prefect_stack

    if not is_port_free(port):
        raise OptionError(f"--port: something listens on {port} already; give another")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = open_console()
    console.print("Starting a Prefect server, workers and deployments (some seconds) …")
    try:
        with run_local_prefect_stack(out, port, max_refreshes=limit) as served:
            values = " ".join(f"-p {name}={value}" for name, value in served.deployment_parameters.items())
            console.print(f"\nOpen      {served.ui_url}\nThen type, in another terminal:\n")
            line = f"PREFECT_API_URL={served.api_url} prefect deployment run 'refresh/adhoc' {values}"
            console.print(line, soft_wrap=True, markup=False, highlight=False)
            console.print("\nCtrl-C ends everything.")
            while all(process.poll() is None for process in served.processes):
                time.sleep(POLL_SECONDS)
        raise typer.Exit(3)
    except KeyboardInterrupt:
        console.print("Ended.")
