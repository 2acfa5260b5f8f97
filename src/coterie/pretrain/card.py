"""The folder of a trained encoder: everything `--encoder` needs, and a card that says where it comes from."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coterie import __version__
from coterie.folder import write_folder
from coterie.language.dense import write_dense

if TYPE_CHECKING:
    from coterie.pretrain.run import Pretrained
    from coterie.pretrain.tower import Tower

FACTS: Final = "pretraining.json"
_COPIED: Final = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt",
    "sentencepiece.bpe.model", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
)  # fmt: skip


def write_encoder(tower: Tower, told: Pretrained, output: Path, *, overwrite: bool) -> None:
    """Write the encoder as sentence-transformers lays it out, whole or not at all.

    Raises:
        OutputError: `output` cannot be written.
    """

    def write(place: Path) -> None:
        for name in _COPIED:
            if (tower.folder / name).is_file():
                shutil.copyfile(tower.folder / name, place / name)
        for said in tower.folder.glob("[0-9]*_Pooling/config.json"):
            (place / said.parent.name).mkdir()
            shutil.copyfile(said, place / said.parent.name / said.name)
        _write_modules(place, tower)
        _write_limit(place, tower.tokens)
        tower.save(place)
        (place / FACTS).write_text(json.dumps(told.to_dict(), indent=2) + "\n", encoding="utf-8")
        (place / "README.md").write_text(card(told), encoding="utf-8")

    write_folder(output, write, overwrite=overwrite, manifest=False)


def _write_limit(place: Path, tokens: int) -> None:
    """Have as many tokens read of a text as were read in training."""
    file = place / "sentence_bert_config.json"
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"do_lower_case": False}
    _dump(file, said | {"max_seq_length": tokens})


def _write_modules(place: Path, tower: Tower) -> None:
    """What sentence-transformers has to be told: the base's modules, or mean pooling; then the layers after pooling."""
    modules: list[dict[str, Any]] = []
    if (place / "modules.json").is_file():
        modules = json.loads((place / "modules.json").read_text(encoding="utf-8"))
        modules = [one for one in modules if not str(one["type"]).endswith((".Dense", ".Normalize"))]
    else:
        modules = [_module("", "Transformer"), _module("1_Pooling", "Pooling")]
        (place / "1_Pooling").mkdir(exist_ok=True)
        modes = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
        pooling: dict[str, Any] = {"word_embedding_dimension": tower.width}
        pooling |= {f"pooling_mode_{name}": mode == tower.pooling for mode, name in modes.items()}
        _dump(place / "1_Pooling" / "config.json", pooling)
    for layer in tower.dense:
        name = f"{len(modules)}_Dense"
        write_dense(layer, place / name)
        modules.append(_module(name, "Dense"))
    modules.append(_module(f"{len(modules)}_Normalize", "Normalize"))
    named = [one | {"idx": number, "name": str(number)} for number, one in enumerate(modules)]
    _dump(place / "modules.json", named)


def _module(path: str, kind: str) -> dict[str, Any]:
    return {"path": path, "type": f"sentence_transformers.models.{kind}"}


def _dump(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def card(told: Pretrained) -> str:
    """The card, in Markdown."""
    rows = "\n".join(
        f"| {one.step:,} | {_digits(one.loss)} | {_digits(one.ndcg if told.users else one.held_loss)} |"
        f"{' kept' if one.step == told.kept_step else ''} |"
        for one in told.checks
    )
    options = "\n".join(f"| {name} | {value} |" for name, value in asdict(told.options).items() if name != "threads")
    what = "behaviour" if told.users else "the catalogue's words"
    return f"""# Text encoder trained on {what}

Made by Coterie {__version__} from `{told.base}` (files {told.base_fingerprint}). Use it as `--encoder FOLDER`.

{_learnt(told)}

| step | loss since the line above | {"NDCG@20 among hidden items" if told.users else "loss on hidden texts"} | |
|---|---|---|---|
{rows}

{told.processor_seconds:,.0f} s of processor time.

| option | value |
|---|---|
{options}
"""


def _learnt(told: Pretrained) -> str:
    """What was learnt from, and figures before and after."""
    data = (
        f"Fingerprint of the data: {told.data_fingerprint}.\n{told.held:,} more items were hidden to see when to stop."
    )
    before, after = _digits(told.before), _digits(told.after)
    if not told.users:
        return f"""It learnt to guess words left out of the text of {told.items:,} items.
{data}

Loss on the hidden texts, in nats for each word asked for: {before} before, {after} after."""
    return f"""It learnt which items have users in common, from {told.users:,} users and {told.items:,} items with text.
{data}

NDCG@20 of users among the hidden items, by the cosine of texts: {before} before, {after} after.
The step was chosen on these items, so expect a little less on others.
At step 0 only the layer after pooling has learnt."""


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
