"""Trains Frieren (arXiv 2406.00320): its visual features, then the estimator beside them."""

from __future__ import annotations

from avfoley_engine.training.frieren import estimator, export, features, reflow

RECIPES = {"frieren-features": features.FEATURES, "frieren": estimator.ESTIMATOR, "frieren-reflow": reflow.REFLOW}
COMMANDS = {
    "frieren-pairs": reflow.PAIRS,
    "export-frieren": export.EXPORT,
    "export-frieren-reflow": export.EXPORT_STUDENT,
}
