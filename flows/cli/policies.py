"""policy …: what decides, looked at from outside."""

import typer

from flows.cli.calibrating import calibrate

policies = typer.Typer(name="policy", help="Try, apply and calibrate policies.", no_args_is_help=True)
policies.command()(calibrate)
