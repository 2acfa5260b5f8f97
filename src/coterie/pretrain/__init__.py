"""Pretraining: a text encoder learns from the user's own catalogue and log."""

from coterie.pretrain.run import Pretrained, pretrain, train_encoder
from coterie.pretrain.training import Check, TrainingOptions

__all__ = ["Check", "Pretrained", "TrainingOptions", "pretrain", "train_encoder"]
