"""`coterie pretrain`: train a text encoder further."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from coterie.cli.options import TABLE_SETTINGS, Events, Json, Overwrite, Quiet, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress

if TYPE_CHECKING:
    from coterie.pretrain import Pretrained


@takes_settings(*TABLE_SETTINGS, "seed")
def pretrain(
    *,
    events: Events,
    items: Annotated[
        str, Parameter(help="Items table: item_id; title, text, categories are read.", allow_leading_hyphen=True)
    ],
    base: Annotated[
        str, Parameter(help="Folder of a BERT or RoBERTa, owner/model on the hub, or none: a small one from nothing.")
    ],
    output: Annotated[Path, Parameter(help="Folder to write the encoder to.")],
    epochs: Annotated[int, Parameter(help="Times that every text is read, at most.")] = 5,
    batch: Annotated[int, Parameter(help="Texts in one step.")] = 32,
    rate: Annotated[
        float | None, Parameter(help="Learning rate. Default: 0.0002; from nothing 0.001.", show_default=False)
    ] = None,
    layers: Annotated[int, Parameter(help="Upper layers that learn; those below stay as they are.")] = 2,
    tokens: Annotated[int, Parameter(help="Tokens read of a text, in training and afterwards.")] = 64,
    validation: Annotated[float, Parameter(help="Share of the items hidden to see when to stop.")] = 0.1,
    threads: Annotated[int | None, Parameter(help="Cores to use. Default: all.", show_default=False)] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train a text encoder further on your items and events, for --encoder.

    It learns that items enjoyed by the same users belong together. Needs coterie[transformers].

    coterie pretrain --events E --items I --base sentence-transformers/all-MiniLM-L6-v2 --output encoder
    """
    from coterie.pretrain import TrainingOptions
    from coterie.pretrain import pretrain as run

    options = TrainingOptions(
        epochs=epochs, batch=batch, rate=rate, layers=layers, tokens=tokens, validation=validation, threads=threads
    )
    told = run(
        events,
        items,
        base=base,
        output=output,
        options=options,
        overwrite=overwrite,
        progress=make_progress(quiet=quiet),
        **settings,
    )
    if json:
        print_json(told.to_dict())
    else:
        print_pretrained(told)


def print_pretrained(told: Pretrained) -> None:
    """Print what was learnt from, every check, and how to go on."""
    print(
        f"learnt from {told.items:,} items and {told.users:,} users, {told.held:,} items hidden to see when to stop; "
        f"{told.processor_seconds:,.0f} s of processor time"
    )
    rows = [
        (
            one.step,
            None if one.loss is None else f"{one.loss:.4f}",
            None if one.ndcg is None else f"{one.ndcg:.4f}",
            "kept" if one.step == told.kept_step else "",
        )
        for one in told.checks
    ]
    print_table(("step", "loss", "ndcg@20 among\nhidden items", ""), rows)
    if told.before is not None and told.kept_step == 0:
        print("no step was better than the base model: what was written is the base model")
    print(f"coterie discover --events E --items I --encoder {told.output} --output MODEL")
