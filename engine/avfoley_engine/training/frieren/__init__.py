"""Trains Frieren (arXiv 2406.00320): its visual features, then the estimator beside them."""

from __future__ import annotations

from avfoley_engine.training.frieren import estimator, export, features

RECIPES = {"frieren-features": features.FEATURES, "frieren": estimator.ESTIMATOR}
COMMANDS = {"export-frieren": export.EXPORT}
