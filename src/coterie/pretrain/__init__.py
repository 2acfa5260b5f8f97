"""Pretraining: a text encoder learns from the user's own catalogue and log."""

from coterie.pretrain.loop import Check, TrainingOptions
from coterie.pretrain.run import Pretrained, pretrain, train_encoder

__all__ = ["Check", "Pretrained", "TrainingOptions", "pretrain", "train_encoder"]
