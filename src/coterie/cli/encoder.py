"""`coterie encoder export` and `coterie encoder compare`: a smaller encoder, and which one is worth it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from coterie.cli.options import INTEREST_SETTINGS, TABLE_SETTINGS, Events, Items, Json, Quiet, takes_settings
from coterie.cli.output import print_json, print_table
from coterie.cli.progress import make_progress

LEGEND: Final = """\
cold ndcg: NDCG@20 among items hidden from training; low, high: 95 % interval of the difference from the first encoder
text ndcg: the same by text alone; gain: bits per hidden event that groups save, ± its standard error
tokens: about what an endpoint is paid for, all texts once"""


def export(
    model: Annotated[str, Parameter(help="Folder of a BERT or RoBERTa encoder, or owner/model on the hub.")],
    /,
    *,
    to: Annotated[Path, Parameter(help="Folder to write.")],
    precision: Annotated[
        Literal["int8", "float32"], Parameter(help="int8: a quarter of the size, and quicker; float32: exact.")
    ] = "int8",
    items: Annotated[
        str | None, Parameter(help="Items table whose text is measured on; none: text that ships inside.")
    ] = None,
    overwrite: Annotated[bool, Parameter(help="Replace what is at --to.", negative=(), show_default=False)] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write an encoder as an ONNX folder, smaller and quicker, and measure what that costs.

    coterie encoder export ./all-MiniLM-L6-v2 --to minilm-int8
    """
    from coterie.folder import check_output
    from coterie.language.encoder import model_folder
    from coterie.language.export import export_encoder
    from coterie.language.samples import sample_texts

    check_output(to, overwrite=overwrite)
    folder = model_folder(model)
    texts = sample_texts() if items is None else _texts(items)
    done = export_encoder(
        folder, to, texts, precision=precision, overwrite=overwrite, progress=make_progress(quiet=quiet)
    )
    if json:
        print_json(asdict(done))
        return
    sizes = f"{done.bytes / 1e6:.1f} MB, the original {done.original_bytes / 1e6:.1f} MB"
    print(f"{done.output}: {done.precision}, {sizes}")
    print(
        f"fidelity on {done.texts:,} texts: cosine {done.mean_cosine:.4f} on average, {done.least_cosine:.4f} at least"
    )
    ratio = done.speed / done.original_speed
    print(
        f"speed on one thread: {done.speed:,.1f} texts a second, {ratio:.2f} times the original "
        f"({done.original_speed:,.1f}, {done.original})"
    )
    print(f"coterie discover --encoder {done.output} --events EVENTS --items ITEMS --output MODEL")


def _texts(items: str) -> list[str]:
    from coterie.errors import DataError
    from coterie.language import item_texts
    from coterie.settings import make_settings
    from coterie.tables import read_items

    texts = [text for text in dict.fromkeys(item_texts(read_items(items, settings=make_settings()))) if text]
    if len(texts) < 2:
        raise DataError(f"table {items} has {len(texts)} items with text; 2 are needed", hint="leave --items out")
    return texts


@takes_settings(*TABLE_SETTINGS, *(name for name in INTEREST_SETTINGS if name != "encoder"), "groups", "text_windows")
def compare(
    *encoders: Annotated[str, Parameter(help="Encoders as --encoder takes them, the one to beat first.")],
    events: Events,
    items: Items,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say which encoder is worth it on these data: for new items, for groups, in time and in cost.

    coterie encoder compare --events events.parquet --items items.parquet tfidf bundled minilm-int8
    """
    from coterie.encoders import compare_encoders

    found = compare_encoders(events, items, encoders, progress=make_progress(quiet=quiet), **settings)
    if json:
        print_json({"encoders": [one.to_dict() for one in found]})
        return
    heads = (
        "encoder",
        "dimen-\nsions",
        "cold\nndcg",
        "differ-\nence",
        "low",
        "high",
        "text\nndcg",
        "gain",
        "±",
        "texts\na second",
        "tokens",
    )
    rows = [
        (
            one.encoder, one.dimensions, one.cold_ndcg, one.difference, one.low, one.high, one.text_ndcg, one.gain,
            one.gain_error, one.texts_per_second, one.tokens or None,
        )
        for one in found
    ]  # fmt: skip
    print_table(heads, rows)
    print(f"\n{LEGEND}")
