"""`python -m infra.nano.training.check`: how often packshot-nano generates the requested product and colour.

Inputs: the model's folder. Outputs: tables of accuracies, and, last on stdout, one JSON line {"type_accuracy",
"colour_accuracy", "samples"}. Exits with 1 below the minimum accuracies, or where the same seed gives another image.
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
"""Held-out negatives of each product and view on which the classifier is trained, and tested."""

REPEATED_IMAGES = 4
"""Images that are generated a second time, and must be equal in every byte."""

SEED = 11


def main(
    model: Annotated[Path, typer.Option(help="The model's folder.", exists=True, file_okay=False)] = MODEL_FOLDER,
    samples: Annotated[int, typer.Option(min=200, help="Number of sampled images.")] = 256,
    sheet: Annotated[Path | None, typer.Option(help="File for a contact sheet of 48 of them.")] = None,
) -> None:
    """Measure packshot-nano on sampled prompts."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="packshot-nano-") as scratch:
        classifier = _train_classifier(Path(scratch), console)
    generated = _generate_samples(model, samples, console, "Sampling")
    products = classifier.classify([sample.image for sample in generated])
    product_correct = [name == sample.subject.product for name, sample in zip(products, generated, strict=True)]
    colour_correct = [classify_colour(sample.image) == sample.subject.look.colour for sample in generated]
    for kind, group_of in SUBJECT_GROUPS.items():
        groups = [group_of(sample.subject) for sample in generated]
        console.print(_accuracy_table(kind, groups, product_correct, colour_correct))
    if sheet is not None:
        cv2.imwrite(str(sheet), contact_sheet([sample.image for sample in generated[:48]], 8, 128)[..., ::-1])
    repeated = _generate_samples(model, REPEATED_IMAGES, console, "Repeating")
    same = all(np.array_equal(first.image, second.image) for first, second in zip(generated, repeated, strict=False))
    figures = {
        "type_accuracy": round(float(np.mean(product_correct)), 4),
        "colour_accuracy": round(float(np.mean(colour_correct)), 4),
    }
    if not same:
        console.print("[red]The same seed gave another image.[/red]")
    typer.echo(json.dumps(figures | {"samples": len(generated)}))
    accurate = all(figures[name] >= minimum for name, minimum in MIN_ACCURACIES.items())
    raise typer.Exit(0 if same and accurate else 1)


SUBJECT_GROUPS: dict[str, Callable[[Subject], str]] = {
    "product": lambda subject: subject.product,
    "view": lambda subject: subject.view,
    "colour": lambda subject: subject.look.colour,
    "pattern": lambda subject: subject.look.pattern,
}


def _train_classifier(scratch: Path, console: Console) -> ProductClassifier:
    """Return a product classifier trained on held-out negatives, and print its accuracy on others."""
    specs = list_negatives("held-out", TRAINING_NEGATIVES + TEST_NEGATIVES)
    for _ in track(draw_negatives(scratch, specs, os.cpu_count() or 1), "Drawing", len(specs), console=console):
        pass
    training = [spec for spec in specs if spec.number < TRAINING_NEGATIVES]
    testing = [spec for spec in specs if spec.number >= TRAINING_NEGATIVES]
    console.print("Training a classifier of products ...")
    classifier = train_classifier(scratch, training, SEED)
    examples = [render_subject(scratch, spec, look) for spec in testing for look in looks_for(spec)]
    names = classifier.classify([image for _, image in examples])
    products = np.mean([name == subject.product for name, (subject, _) in zip(names, examples, strict=True)])
    colours = np.mean([classify_colour(image) == subject.look.colour for subject, image in examples])
    console.print(
        f"On unseen drawings {products:.1%} of products and {colours:.1%} of colours are classified correctly."
    )
    return classifier


def _generate_samples(model: Path, count: int, console: Console, description: str) -> list[GeneratedSample]:
    generator = np.random.default_rng(SEED)
    subjects = spread_subjects(count, np.random.default_rng(SEED + 1))
    samples = track(generate_samples(model, subjects, generator), description, count, console=console)
    return sorted(samples, key=lambda sample: int(sample.prompt.key))


def _accuracy_table(
    kind: str, names: Sequence[str], product_correct: Sequence[bool], colour_correct: Sequence[bool]
) -> Table:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for name, product, colour in zip(names, product_correct, colour_correct, strict=True):
        groups[name].append((product, colour))
    table = Table(kind, "type", "colour", "samples", title=f"Correct, by {kind}")
    for name, rows in groups.items():
        types, colours = (float(np.mean([row[column] for row in rows])) for column in (0, 1))
        table.add_row(name, f"{types:.0%}", f"{colours:.0%}", str(len(rows)))
    return table


if __name__ == "__main__":
    typer.run(main)
