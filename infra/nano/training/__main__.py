"""`python -m infra.nano …`: draw, train and export packshot-nano.

Comes in: a working folder (`--work`), which keeps all that is unfinished. Goes out: the model's folder. The order is
draw, autoencoder, latents, transformer, guided, export; drawing and the trainings go on where they were stopped.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.progress import track

from infra.nano.drawing.negatives import draw_all, drawings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Draw, train and export packshot-nano.")
Work = Annotated[Path, typer.Option("--work", help="where unfinished work is kept")]
Steps = Annotated[int | None, typer.Option(help="steps in place of the schedule's own")]
WORK = Path("nano-work")
EACH = 16
SEED = 7


@app.command()
def draw(
    work: Work = WORK,
    each: Annotated[int, typer.Option(help="training negatives of each product and view")] = EACH,
) -> None:
    """Draw the negatives that all pictures are painted from."""
    wanted = drawings("training", each)
    for _ in track(draw_all(_negatives(work), wanted, os.cpu_count() or 1), "Drawing", total=len(wanted)):
        pass


@app.command()
def autoencoder(work: Work = WORK, steps: Steps = None) -> None:
    """Train the autoencoder."""
    from infra.nano.training.autoencoder import SCHEDULE, Crops, reconstruction_loss
    from infra.nano.training.sessions import Session, scheduled

    model = _autoencoder()
    crops = Crops(_negatives(work), _drawn(work))
    session = Session(model, scheduled(SCHEDULE, steps), work / "autoencoder", SEED)
    session.run(lambda generator: reconstruction_loss(model, crops.batch(generator), generator), "Autoencoder")


@app.command()
def latents(work: Work = WORK) -> None:
    """Encode the pictures that the transformer learns from."""
    from infra.nano.training.latents import encode_all

    wanted = _drawn(work)
    for _ in track(encode_all(_trained_autoencoder(work), _negatives(work), wanted, work), "Encoding", len(wanted)):
        pass


@app.command()
def transformer(work: Work = WORK, steps: Steps = None) -> None:
    """Train transformer and text encoder."""
    from infra.nano.training.flow_matching import SCHEDULE, flow_loss
    from infra.nano.training.sessions import Session, scheduled

    model = _drawer()
    lessons = _lessons(work, model)
    session = Session(model, scheduled(SCHEDULE, steps), work / "transformer", SEED)
    session.run(lambda generator: flow_loss(model, lessons, generator), "Transformer")


@app.command()
def guided(work: Work = WORK, steps: Steps = None) -> None:
    """Train a pupil to draw at once what the transformer draws with guidance."""
    from infra.nano.training.flow_matching import GUIDED, guided_loss
    from infra.nano.training.sessions import Session, scheduled

    teacher, pupil = _drawer(), _drawer()
    for model in (teacher, pupil):
        model.load_state_dict(_learnt(work, "transformer"))
    teacher.requires_grad_(False)
    lessons = _lessons(work, pupil)
    session = Session(pupil, scheduled(GUIDED, steps), work / "guided", SEED)
    session.run(lambda generator: guided_loss(pupil, teacher, lessons, generator), "Guided")


@app.command()
def export(out: Path, work: Work = WORK) -> None:
    """Write the model's folder, in bf16, from the moving averages of what was learnt so far."""
    import torch

    from infra.nano.architecture import pipeline_of

    drawer = _drawer()
    drawer.load_state_dict(_learnt(work, "guided"))
    pipeline = pipeline_of(
        vae=_trained_autoencoder(work),
        tokenizer=drawer.tokenizer,
        text_encoder=drawer.text_encoder,
        transformer=drawer.transformer,
    )
    pipeline.to(torch.bfloat16).save_pretrained(out, safe_serialization=True)


def _negatives(work: Path) -> Path:
    return work / "negatives"


def _drawn(work: Path) -> list[Any]:
    each = 0
    while all(drawing.path(_negatives(work)).exists() for drawing in drawings("training", each + 1)):
        each += 1
    if not each:
        raise typer.BadParameter(f"{str(work)!r} does not hold a drawing of every product and view; run `draw` first")
    return drawings("training", each)


def _learnt(work: Path, name: str) -> Any:
    from infra.nano.training.sessions import STATE, averaged

    if not (work / name / STATE).exists():
        raise typer.BadParameter(f"{str(work / name / STATE)!r} is not there; run `{name}` first")
    return averaged(work / name)


def _lessons(work: Path, model: Any) -> Any:
    from infra.nano.training.flow_matching import Lessons
    from infra.nano.training.latents import LATENTS, load_latents

    if not (work / LATENTS).exists():
        raise typer.BadParameter(f"{str(work / LATENTS)!r} is not there; run `latents` first")
    return Lessons(*load_latents(work), model.tokenizer)


def _autoencoder() -> Any:
    import torch

    from infra.nano.architecture import autoencoder_of

    torch.manual_seed(SEED)
    return autoencoder_of()


def _trained_autoencoder(work: Path) -> Any:
    """Return the autoencoder with averaged weights, its latents' statistics measured."""
    from infra.nano.drawing.negatives import load_negative
    from infra.nano.drawing.rendering import painted
    from infra.nano.training.autoencoder import STATISTICS, as_tensor, set_statistics
    from infra.nano.training.latents import LOOKS, looks_of

    model = _autoencoder()
    model.load_state_dict(_learnt(work, "autoencoder"))
    pictures = [
        painted(load_negative(_negatives(work), drawing), looks_of(drawing)[place % LOOKS])
        for place, drawing in enumerate(_drawn(work)[:STATISTICS])
    ]
    set_statistics(model, as_tensor(np.stack(pictures)))
    return model


def _tokenizer() -> "PreTrainedTokenizerFast":
    from infra.nano.architecture import tokenizer_of
    from infra.nano.drawing.captions import caption, random_subject

    generator = np.random.default_rng(SEED)
    return tokenizer_of(caption(random_subject(generator), generator) for _ in range(20_000))


def _drawer() -> Any:
    import torch

    from infra.nano.training.flow_matching import Drawer

    tokenizer = _tokenizer()
    torch.manual_seed(SEED)
    return Drawer(tokenizer)


if __name__ == "__main__":
    app()
