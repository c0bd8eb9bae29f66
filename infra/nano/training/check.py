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

from infra.nano import MODEL_FOLDER
from infra.nano.drawing.captions import Subject
from infra.nano.drawing.negatives import draw_negatives, list_negatives, render_subject
from infra.nano.training.image_classification import ProductClassifier, classify_colour, train_classifier
from infra.nano.training.latents import looks_for
from infra.nano.training.sampling import GeneratedSample, contact_sheet, generate_samples, spread_subjects

MIN_ACCURACIES = {"type_accuracy": 0.80, "colour_accuracy": 0.90}
TRAINING_NEGATIVES, TEST_NEGATIVES = 3, 1
"""Held-out negatives of each product and view from which the classifier learns, and on which it is examined."""

REPEATED_IMAGES = 4
"""Pictures that are drawn a second time, to be equal in every byte."""

SEED = 11


def main(
    model: Annotated[Path, typer.Option(help="the model's folder", exists=True, file_okay=False)] = MODEL_FOLDER,
    samples: Annotated[int, typer.Option(min=200, help="how many pictures are sampled")] = 256,
    sheet: Annotated[Path | None, typer.Option(help="write a contact sheet of 48 of them here")] = None,
) -> None:
    """Measure packshot-nano on sampled prompts."""
    said = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="packshot-nano-") as scratch:
        classifier = _train_classifier(Path(scratch), said)
    found = _generate_samples(model, samples, said, "Sampling")
    products = classifier.classify([sample.image for sample in found])
    right = [name == sample.subject.product for name, sample in zip(products, found, strict=True)]
    coloured = [classify_colour(sample.image) == sample.subject.look.colour for sample in found]
    for kind, of in SUBJECT_GROUPS.items():
        said.print(_accuracy_table(kind, [of(sample.subject) for sample in found], right, coloured))
    if sheet is not None:
        cv2.imwrite(str(sheet), contact_sheet([sample.image for sample in found[:48]], 8, 128)[..., ::-1])
    again = _generate_samples(model, REPEATED_IMAGES, said, "Again")
    same = all(np.array_equal(first.image, second.image) for first, second in zip(found, again, strict=False))
    figures = {"type_accuracy": round(float(np.mean(right)), 4), "colour_accuracy": round(float(np.mean(coloured)), 4)}
    if not same:
        said.print("[red]The same seed gave another picture.[/red]")
    typer.echo(json.dumps(figures | {"samples": len(found)}))
    raise typer.Exit(0 if same and all(figures[name] >= floor for name, floor in MIN_ACCURACIES.items()) else 1)


SUBJECT_GROUPS: dict[str, Callable[[Subject], str]] = {
    "product": lambda subject: subject.product,
    "view": lambda subject: subject.view,
    "colour": lambda subject: subject.look.colour,
    "pattern": lambda subject: subject.look.pattern,
}


def _train_classifier(scratch: Path, console: Console) -> ProductClassifier:
    """Return a classifier of products that saw none of the training, and say how good it is on drawings."""
    wanted = list_negatives("held-out", TRAINING_NEGATIVES + TEST_NEGATIVES)
    for _ in track(draw_negatives(scratch, wanted, os.cpu_count() or 1), "Drawing", len(wanted), console=console):
        pass
    learnt = [drawing for drawing in wanted if drawing.number < TRAINING_NEGATIVES]
    examined = [drawing for drawing in wanted if drawing.number >= TRAINING_NEGATIVES]
    console.print("Teaching a classifier of products ...")
    classifier = train_classifier(scratch, learnt, SEED)
    shown = [render_subject(scratch, drawing, look) for drawing in examined for look in looks_for(drawing)]
    names = classifier.classify([picture for _, picture in shown])
    products = np.mean([name == subject.product for name, (subject, _) in zip(names, shown, strict=True)])
    colours = np.mean([classify_colour(picture) == subject.look.colour for subject, picture in shown])
    console.print(f"On drawings that it has not seen it tells {products:.1%} of products, {colours:.1%} of colours.")
    return classifier


def _generate_samples(model: Path, count: int, console: Console, description: str) -> list[GeneratedSample]:
    generator = np.random.default_rng(SEED)
    subjects = spread_subjects(count, np.random.default_rng(SEED + 1))
    found = track(generate_samples(model, subjects, generator), description, count, console=console)
    return sorted(found, key=lambda sample: int(sample.prompt.key))


def _accuracy_table(
    kind: str, names: Sequence[str], product_correct: Sequence[bool], colour_correct: Sequence[bool]
) -> Table:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, *answers in zip(names, product_correct, colour_correct, strict=True):
        groups[name].append((answers[0], answers[1]))
    table = Table(kind, "type", "colour", "samples", title=f"Told right, by {kind}")
    for name, rows in groups.items():
        types, colours = (float(np.mean([row[column] for row in rows])) for column in (0, 1))
        table.add_row(name, f"{types:.0%}", f"{colours:.0%}", str(len(rows)))
    return table


if __name__ == "__main__":
    typer.run(main)
