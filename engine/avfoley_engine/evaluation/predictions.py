"""What a classifier predicts for sounds: accuracies, confusions, and Fréchet distances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avfoley_engine.evaluation.classifier import Classifier

_CONFUSIONS = 20


@dataclass(frozen=True)
class Predictions:
    """Of sounds: reference (sounds,), ranking (sounds, labels), embeddings (sounds, width)."""

    reference: NDArray[np.int64]
    ranking: NDArray[np.int64]
    embeddings: NDArray[np.float32]

    @classmethod
    def of(cls, classifier: Classifier, names: Sequence[str], embeddings: NDArray[np.float32]) -> Predictions:
        reference = np.array([classifier.labels.index(name) for name in names], np.int64)
        return cls(reference, classifier.ranking(embeddings), embeddings)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Sounds of each label."""
        return np.bincount(self.reference, minlength=self.ranking.shape[1])

    def right(self, top: int = 1) -> NDArray[np.bool_]:
        """Whether each sound's label is among the `top` first."""
        return (self.ranking[:, :top] == self.reference[:, None]).any(axis=1)

    def rates(self, top: int = 1) -> NDArray[np.float64]:
        """The accuracy of each label; NaN for a label without sounds."""
        hits = np.bincount(self.reference, weights=self.right(top), minlength=self.ranking.shape[1])
        return np.where(self.counts > 0, hits / np.maximum(self.counts, 1), np.nan)

    def first(self, counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """The embeddings of the first `counts` sounds of each label."""
        places = [np.flatnonzero(self.reference == label)[:count] for label, count in enumerate(counts)]
        return self.embeddings[np.concatenate(places)]


def frechet_distance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """The squared Fréchet distance of Gaussians fitted to two sets of embeddings (sounds, width).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The root's trace is taken from the symmetric
    (C1^(1/2) C2 C1^(1/2))^(1/2), which stays real where C1 C2 is singular, with fewer sounds than
    dimensions. None where a set has fewer than two sounds.
    """
    if min(len(first), len(second)) < 2:
        return None
    means = [np.mean(x, axis=0, dtype=np.float64) for x in (first, second)]
    covariances = [np.atleast_2d(np.cov(np.asarray(x, np.float64), rowvar=False)) for x in (first, second)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(min=0)).sum()
    traces = np.trace(covariances[0]) + np.trace(covariances[1])
    return float(max(0.0, np.square(means[0] - means[1]).sum() + traces - 2 * cross))


def real_row(predictions: Predictions) -> dict[str, Any]:
    """The figures of real sounds, in which each label weighs as much as it has sounds."""
    return {
        "sounds": len(predictions.reference),
        "labels": int((predictions.counts > 0).sum()),
        "top1": float(predictions.right().mean()),
        "top1_macro": float(np.nanmean(predictions.rates())),
        "top5": float(predictions.right(5).mean()),
    }


def generated_row(predictions: Predictions, real: Predictions, labels: Sequence[str]) -> dict[str, Any]:
    """The figures of generated sounds, in which all labels weigh the same, beside real ones."""
    rates, counts = predictions.rates(), real.counts
    both = (counts > 0) & (predictions.counts > 0)
    ceiling = real_row(real)
    top1 = float(np.nanmean(rates))
    over_held_out = float(rates[both].mean()) if both.any() else None
    in_mix = float(np.average(rates[both], weights=counts[both])) if both.any() else None
    wrong = ~predictions.right()
    pairs = zip(predictions.reference[wrong].tolist(), predictions.ranking[wrong, 0].tolist(), strict=True)
    return {
        "sounds": len(predictions.reference),
        "labels": int((predictions.counts > 0).sum()),
        "top1": top1,
        "top5": float(np.nanmean(predictions.rates(5))),
        "top1_held_out_labels": over_held_out,
        "top1_held_out_mix": in_mix,
        "share_of_ceiling": {
            "top1": _share(top1, ceiling["top1"]),
            "held_out_labels": _share(over_held_out, ceiling["top1_macro"]),
            "held_out_mix": _share(in_mix, ceiling["top1"]),
        },
        "confusions": [
            {"label": labels[reference], "heard_as": labels[other], "sounds": sounds}
            for (reference, other), sounds in Counter(pairs).most_common(_CONFUSIONS)
        ],
    }


def points_below(templates: Predictions, phrasings: Predictions) -> float | None:
    """Points of top-1 by which phrasings are below the templates, over the labels of both."""
    both = (templates.counts > 0) & (phrasings.counts > 0)
    return float(100 * (templates.rates()[both] - phrasings.rates()[both]).mean()) if both.any() else None


def label_row(predictions: Predictions, label: int, labels: Sequence[str]) -> dict[str, Any] | None:
    """The figures of one label; None where it has no sounds."""
    if not (count := int(predictions.counts[label])):
        return None
    named = Counter(predictions.ranking[predictions.reference == label, 0].tolist())
    return {
        "sounds": count,
        "top1": float(predictions.rates()[label]),
        "top5": float(predictions.rates(5)[label]),
        "heard_as": labels[named.most_common(1)[0][0]],
    }


def _share(value: float | None, ceiling: float) -> float | None:
    return None if value is None or not ceiling else value / ceiling
