"""`python -m infra.nano.training.check`: does packshot-nano still draw what it is asked for?

Comes in: the model's folder. Goes out: tables of what was told from the pictures, and, last on stdout, one JSON line
{"type_accuracy", "colour_accuracy", "samples"}. Exits with 1 below the floors, or where the same seed gives another
picture.
"""

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from infra.nano import MODEL
from infra.nano.drawing.captions import Subject
from infra.nano.drawing.negatives import draw_all, drawings, picture_of
from infra.nano.training.image_classification import Classifier, colour_of, taught
from infra.nano.training.latents import looks_of
from infra.nano.training.sampling import Sample, sampled, sheet_of, spread_subjects

FLOORS = {"type_accuracy": 0.80, "colour_accuracy": 0.90}
LEARNT, EXAMINED = 3, 1
"""Held-out negatives of each product and view from which the classifier learns, and on which it is examined."""

REPEATED = 4
"""Pictures that are drawn a second time, to be equal in every byte."""

SEED = 11


def main(
    model: Annotated[Path, typer.Option(help="the model's folder", exists=True, file_okay=False)] = MODEL,
    samples: Annotated[int, typer.Option(min=200, help="how many pictures are sampled")] = 256,
    sheet: Annotated[Path | None, typer.Option(help="write a contact sheet of 48 of them here")] = None,
) -> None:
    """Measure packshot-nano on sampled prompts."""
    said = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="packshot-nano-") as scratch:
        classifier = _classifier(Path(scratch), said)
    found = _samples(model, samples, said, "Sampling")
    products = classifier.names([sample.picture for sample in found])
    right = [name == sample.subject.product for name, sample in zip(products, found, strict=True)]
    coloured = [colour_of(sample.picture) == sample.subject.look.colour for sample in found]
    for kind, of in KINDS.items():
        said.print(_table(kind, [of(sample.subject) for sample in found], right, coloured))
    if sheet is not None:
        cv2.imwrite(str(sheet), sheet_of([sample.picture for sample in found[:48]], 8, 128)[..., ::-1])
    again = _samples(model, REPEATED, said, "Again")
    same = all(np.array_equal(first.picture, second.picture) for first, second in zip(found, again, strict=False))
    figures = {"type_accuracy": round(float(np.mean(right)), 4), "colour_accuracy": round(float(np.mean(coloured)), 4)}
    if not same:
        said.print("[red]The same seed gave another picture.[/red]")
    typer.echo(json.dumps(figures | {"samples": len(found)}))
    raise typer.Exit(0 if same and all(figures[name] >= floor for name, floor in FLOORS.items()) else 1)


KINDS: dict[str, Callable[[Subject], str]] = {
    "product": lambda subject: subject.product,
    "view": lambda subject: subject.view,
    "colour": lambda subject: subject.look.colour,
    "pattern": lambda subject: subject.look.pattern,
}


def _classifier(scratch: Path, said: Console) -> Classifier:
    """Return a classifier of products that saw none of the training, and say how good it is on drawings."""
    wanted = drawings("held-out", LEARNT + EXAMINED)
    for _ in track(draw_all(scratch, wanted, os.cpu_count() or 1), "Drawing", len(wanted), console=said):
        pass
    learnt = [drawing for drawing in wanted if drawing.number < LEARNT]
    examined = [drawing for drawing in wanted if drawing.number >= LEARNT]
    said.print("Teaching a classifier of products ...")
    classifier = taught(scratch, learnt, SEED)
    shown = [picture_of(scratch, drawing, look) for drawing in examined for look in looks_of(drawing)]
    names = classifier.names([picture for _, picture in shown])
    products = np.mean([name == subject.product for name, (subject, _) in zip(names, shown, strict=True)])
    colours = np.mean([colour_of(picture) == subject.look.colour for subject, picture in shown])
    said.print(f"On drawings that it has not seen it tells {products:.1%} of products, {colours:.1%} of colours.")
    return classifier


def _samples(model: Path, count: int, said: Console, doing: str) -> list[Sample]:
    generator = np.random.default_rng(SEED)
    subjects = spread_subjects(count, np.random.default_rng(SEED + 1))
    found = track(sampled(model, subjects, generator), doing, count, console=said)
    return sorted(found, key=lambda sample: int(sample.prompt.key))


def _table(kind: str, names: Sequence[str], right: Sequence[bool], coloured: Sequence[bool]) -> Table:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, *answers in zip(names, right, coloured, strict=True):
        groups[name].append((answers[0], answers[1]))
    table = Table(kind, "type", "colour", "samples", title=f"Told right, by {kind}")
    for name, rows in groups.items():
        types, colours = (float(np.mean([row[column] for row in rows])) for column in (0, 1))
        table.add_row(name, f"{types:.0%}", f"{colours:.0%}", str(len(rows)))
    return table


if __name__ == "__main__":
    typer.run(main)
