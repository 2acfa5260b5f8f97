"""`coterie pretrain`: train a text encoder further."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from coterie.cli.options import TABLE_SETTINGS, Json, Overwrite, Quiet, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress

if TYPE_CHECKING:
    from coterie.pretrain import Pretrained


@takes_settings(*TABLE_SETTINGS, "seed")
def pretrain(
    *,
    events: Annotated[
        str | None,
        Parameter(help="Events table, as for discover; not read with --objective masked.", allow_leading_hyphen=True),
    ] = None,
    items: Annotated[
        str, Parameter(help="Items table: item_id; title, text, categories are read.", allow_leading_hyphen=True)
    ],
    base: Annotated[
        str, Parameter(help="Folder of a BERT or RoBERTa, owner/model on the hub, or none: a small one from nothing.")
    ],
    output: Annotated[Path, Parameter(help="Folder to write the encoder to.")],
    objective: Annotated[
        Literal["behaviour", "masked"],
        Parameter(help="behaviour: items of the same users come to lie together. masked: guess words left out."),
    ] = "behaviour",
    epochs: Annotated[
        int, Parameter(help="Times that every text is read, at most; 0: only a layer after pooling learns.")
    ] = 5,
    batch: Annotated[int, Parameter(help="Texts in one step.")] = 32,
    rate: Annotated[
        float | None, Parameter(help="Learning rate. Default: 0.00002; from nothing 0.001.", show_default=False)
    ] = None,
    layers: Annotated[int, Parameter(help="Upper layers that learn; those below stay as they are.")] = 2,
    tokens: Annotated[int, Parameter(help="Tokens read of a text, in training and afterwards.")] = 128,
    validation: Annotated[float, Parameter(help="Share of the items hidden to see when to stop.")] = 0.1,
    threads: Annotated[int | None, Parameter(help="Cores to use. Default: all.", show_default=False)] = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train a text encoder further on your items and events, for --encoder.

    It learns that items enjoyed by the same users belong together, or, with --objective masked and without events, the
    words of your catalogue. Needs coterie[transformers].

    coterie pretrain --events E --items I --base sentence-transformers/all-MiniLM-L6-v2 --output encoder
    """
    from coterie.pretrain import TrainingOptions
    from coterie.pretrain import pretrain as run

    options = TrainingOptions(
        objective=objective,
        epochs=epochs,
        batch=batch,
        rate=rate,
        layers=layers,
        tokens=tokens,
        validation=validation,
        threads=threads,
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
    whom = f"{told.items:,} items and {told.users:,} users" if told.users else f"the text of {told.items:,} items"
    print(
        f"learnt from {whom}, {told.held:,} items hidden to see when to stop; "
        f"{told.processor_seconds:,.0f} s of processor time"
    )
    rows = [
        (
            one.step,
            _digits(one.loss),
            _digits(one.ndcg if told.users else one.held_loss),
            "kept" if one.step == told.kept_step else "",
        )
        for one in told.checks
    ]
    judged = "ndcg@20 among\nhidden items" if told.users else "loss on\nhidden texts"
    print_table(("step", "loss", judged, ""), rows)
    if told.users and told.before is not None:
        print(f"the base model alone: {told.before:.4f}; at step 0 only the layer after pooling has learnt")
    if not told.users:
        rate = " --rate 0.001" if told.base == "none" else ""  # one from nothing has far to go
        print(
            f"go on with behaviour: coterie pretrain --events E --items I --base {told.output}{rate} --output ENCODER"
        )
    print(f"coterie discover --events E --items I --encoder {told.output} --output MODEL")


def _digits(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
