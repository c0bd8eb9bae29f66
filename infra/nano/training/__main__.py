"""`python -m infra.nano.training`: draw, train and export packshot-nano.

Inputs: a working folder (`--work`), which keeps everything unfinished. Outputs: the model's folder.
The order is draw, autoencoder, latents, transformer, guided, export; drawing and training continue where they were
stopped.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.progress import track

from infra.nano.drawing.negatives import draw_negatives, list_negatives

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Draw, train and export packshot-nano.")
WorkFolder = Annotated[Path, typer.Option("--work", help="Folder for unfinished work.")]
StepsOption = Annotated[int | None, typer.Option(help="Steps, in place of the schedule's own.")]
DEFAULT_WORK_FOLDER = Path("nano-work")
DEFAULT_NEGATIVES = 16
SEED = 7


@app.command()
def draw(
    work: WorkFolder = DEFAULT_WORK_FOLDER,
    each: Annotated[int, typer.Option(help="Training negatives of each product and view.")] = DEFAULT_NEGATIVES,
) -> None:
    """Draw the negatives that all images are rendered from."""
    specs = list_negatives("training", each)
    for _ in track(draw_negatives(_negatives_folder(work), specs, os.cpu_count() or 1), "Drawing", total=len(specs)):
        pass


@app.command()
def autoencoder(work: WorkFolder = DEFAULT_WORK_FOLDER, steps: StepsOption = None) -> None:
    """Train the autoencoder."""
    from infra.nano.training.autoencoder import SCHEDULE, RandomCrops, reconstruction_loss
    from infra.nano.training.sessions import TrainingSession, with_steps

    model = _new_autoencoder()
    crops = RandomCrops(_negatives_folder(work), _finished_negatives(work))
    session = TrainingSession(model, with_steps(SCHEDULE, steps), work / "autoencoder", SEED)
    session.run(lambda generator: reconstruction_loss(model, crops.batch(generator), generator), "Autoencoder")


@app.command()
def latents(work: WorkFolder = DEFAULT_WORK_FOLDER) -> None:
    """Encode the images that the transformer learns from."""
    from infra.nano.training.latents import encode_images

    specs = _finished_negatives(work)
    for _ in track(
        encode_images(_trained_autoencoder(work), _negatives_folder(work), specs, work), "Encoding", len(specs)
    ):
        pass


@app.command()
def transformer(work: WorkFolder = DEFAULT_WORK_FOLDER, steps: StepsOption = None) -> None:
    """Train transformer and text encoder."""
    from infra.nano.training.flow_matching import SCHEDULE, flow_loss
    from infra.nano.training.sessions import TrainingSession, with_steps

    model = _new_flow_model()
    dataset = _training_batches(work, model)
    session = TrainingSession(model, with_steps(SCHEDULE, steps), work / "transformer", SEED)
    session.run(lambda generator: flow_loss(model, dataset, generator), "Transformer")


@app.command()
def guided(work: WorkFolder = DEFAULT_WORK_FOLDER, steps: StepsOption = None) -> None:
    """Distil guidance: train a student to generate without guidance what the transformer generates with it."""
    from infra.nano.training.flow_matching import GUIDED_SCHEDULE, guided_loss
    from infra.nano.training.sessions import TrainingSession, with_steps

    teacher, student = _new_flow_model(), _new_flow_model()
    for model in (teacher, student):
        model.load_state_dict(_averaged_weights(work, "transformer"))
    teacher.requires_grad_(False)
    dataset = _training_batches(work, student)
    session = TrainingSession(student, with_steps(GUIDED_SCHEDULE, steps), work / "guided", SEED)
    session.run(lambda generator: guided_loss(student, teacher, dataset, generator), "Guided")


@app.command()
def export(out: Path, work: WorkFolder = DEFAULT_WORK_FOLDER) -> None:
    """Write the model's folder, in bf16, from the moving averages of the weights so far."""
    import torch

    from infra.nano.architecture import create_pipeline

    flow_model = _new_flow_model()
    flow_model.load_state_dict(_averaged_weights(work, "guided"))
    pipeline = create_pipeline(
        vae=_trained_autoencoder(work),
        tokenizer=flow_model.tokenizer,
        text_encoder=flow_model.text_encoder,
        transformer=flow_model.transformer,
    )
    pipeline.to(torch.bfloat16).save_pretrained(out, safe_serialization=True)


def _negatives_folder(work: Path) -> Path:
    return work / "negatives"


def _finished_negatives(work: Path) -> list[Any]:
    each = 0
    while all(spec.path(_negatives_folder(work)).exists() for spec in list_negatives("training", each + 1)):
        each += 1
    if not each:
        raise typer.BadParameter(f"{str(work)!r} lacks a negative of every product and view: run `draw` first")
    return list_negatives("training", each)


def _averaged_weights(work: Path, name: str) -> Any:
    from infra.nano.training.sessions import STATE_FILE, load_averaged_weights

    if not (work / name / STATE_FILE).exists():
        raise typer.BadParameter(f"{str(work / name / STATE_FILE)!r} does not exist: run `{name}` first")
    return load_averaged_weights(work / name)


def _training_batches(work: Path, model: Any) -> Any:
    from infra.nano.training.flow_matching import CaptionedLatents
    from infra.nano.training.latents import LATENTS_FILE, load_latents

    if not (work / LATENTS_FILE).exists():
        raise typer.BadParameter(f"{str(work / LATENTS_FILE)!r} does not exist: run `latents` first")
    return CaptionedLatents(*load_latents(work), model.tokenizer)


def _new_autoencoder() -> Any:
    import torch

    from infra.nano.architecture import create_autoencoder

    torch.manual_seed(SEED)
    return create_autoencoder()


def _trained_autoencoder(work: Path) -> Any:
    """Return the autoencoder with averaged weights and measured latent statistics."""
    from infra.nano.drawing.negatives import load_negative
    from infra.nano.drawing.rendering import render_image
    from infra.nano.training.autoencoder import STATISTICS_IMAGES, images_to_tensor, set_latent_statistics
    from infra.nano.training.latents import LOOKS_PER_NEGATIVE, looks_for

    model = _new_autoencoder()
    model.load_state_dict(_averaged_weights(work, "autoencoder"))
    images = [
        render_image(load_negative(_negatives_folder(work), spec), looks_for(spec)[number % LOOKS_PER_NEGATIVE])
        for number, spec in enumerate(_finished_negatives(work)[:STATISTICS_IMAGES])
    ]
    set_latent_statistics(model, images_to_tensor(np.stack(images)))
    return model


def _new_tokenizer() -> "PreTrainedTokenizerFast":
    from infra.nano.architecture import create_tokenizer
    from infra.nano.drawing.captions import random_caption, random_subject

    generator = np.random.default_rng(SEED)
    return create_tokenizer(random_caption(random_subject(generator), generator) for _ in range(20_000))


def _new_flow_model() -> Any:
    import torch

    from infra.nano.training.flow_matching import FlowModel

    tokenizer = _new_tokenizer()
    torch.manual_seed(SEED)
    return FlowModel(tokenizer)


if __name__ == "__main__":
    app()
