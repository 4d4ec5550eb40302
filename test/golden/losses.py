"""Goldens of losses: values and gradients to the prediction, Keras 3 semantics in float64, and PyTorch's NLL.

Reductions: sum_over_batch_size divides by the number of losses also when weights are given; mean_with_sample_weight
divides by the sum of the weights. Probabilities are clipped to [1e-7, 1 - 1e-7] as Keras does in eager mode.
"""

import numpy as np
import torch
import torch.nn.functional as F

from keras64 import PACKAGES, keras, vjp
from store import Family, float32

family = Family("losses", "losses.py", [*PACKAGES, "torch"])
random = np.random.default_rng(20250102)
NAMES = {"sum_over_batch_size": "sumOverBatchSize", "sum": "sum", "none": "none", "mean_with_sample_weight": "meanWithSampleWeight"}


def add(name, op, build, target, prediction, options, weights, note=""):
    """Every reduction, with and without sample weights; the gradient of the (summed) result."""
    for reduction, label in NAMES.items():
        for weight in (None, weights):
            if weight is None and reduction == "mean_with_sample_weight":
                continue
            loss = build(reduction)
            value, (gradient,) = vjp(lambda p: loss(target, p, sample_weight=weight), [prediction])  # noqa: B023
            inputs = dict(target=target, prediction=prediction) | ({} if weight is None else dict(sampleWeight=weight))
            suffix = f"{label}{'' if weight is None else ', sample weights'}"
            family.add(f"{name}, {suffix}", op, options | dict(reduction=label), inputs, dict(loss=value), dict(prediction=gradient), note=note)


def simplex(rows, columns, scale=1.5):
    e = np.exp(float32(random, rows, columns, scale=scale))
    return (e / e.sum(-1, keepdims=True)).astype(np.float32).astype(np.float64)


def regression():
    target, prediction = float32(random, 6, 3), float32(random, 6, 3, scale=1.5)
    weights = np.array([1, 0.5, 2, 0, 1.25, 3])
    losses = keras.losses
    add("meanSquaredError", "meanSquaredError", lambda r: losses.MeanSquaredError(reduction=r), target, prediction, {}, weights)
    add("meanAbsoluteError", "meanAbsoluteError", lambda r: losses.MeanAbsoluteError(reduction=r), target, prediction, {}, weights)
    add("huber", "huber", lambda r: losses.Huber(reduction=r), target, prediction, dict(delta=1), weights)
    add("huber delta 0.5", "huber", lambda r: losses.Huber(delta=0.5, reduction=r), target, prediction, dict(delta=0.5), weights)


def binary():
    target = (random.random((7, 2)) < 0.5).astype(np.float64)
    weights = np.array([1, 0.5, 2, 0, 1.25, 3, 0.75])
    logits = float32(random, 7, 2, scale=3)
    probabilities = (1 / (1 + np.exp(-float32(random, 7, 2, scale=3)))).astype(np.float32).astype(np.float64)
    edges = np.array([[0, 1], [1, 0], [0.5, 1e-9], [1, 1], [0, 0], [0.25, 0.75], [1e-8, 1]]).astype(np.float32).astype(np.float64)
    for smoothing in (0, 0.125):
        for from_logits, prediction in ((False, probabilities), (True, logits)):
            build = lambda r: keras.losses.BinaryCrossentropy(from_logits=from_logits, label_smoothing=smoothing, reduction=r)  # noqa: B023, E731
            name = f"binaryCrossentropy {'from logits' if from_logits else 'from probabilities'} smoothing {smoothing}"
            add(name, "binaryCrossentropy", build, target, prediction, dict(fromLogits=from_logits, labelSmoothing=smoothing), weights)
    add("binaryCrossentropy clipped probabilities", "binaryCrossentropy", lambda r: keras.losses.BinaryCrossentropy(reduction=r), target, edges,
        dict(fromLogits=False, labelSmoothing=0), weights, "probabilities at and beyond the clip: the gradient there is 0")
    big = float32(random, 7, 2, scale=200)
    add("binaryCrossentropy large logits", "binaryCrossentropy", lambda r: keras.losses.BinaryCrossentropy(from_logits=True, reduction=r), target, big,
        dict(fromLogits=True, labelSmoothing=0), weights)


def categorical():
    labels = np.array([0, 4, 2, 2, 1, 3])
    one_hot, weights = np.eye(5)[labels], np.array([1, 0.5, 2, 0, 1.25, 3])
    logits, large = float32(random, 6, 5, scale=3), float32(random, 6, 5, scale=200)
    probabilities, sharp = simplex(6, 5), simplex(6, 5, 30)
    soft = simplex(6, 5)
    for smoothing in (0, 0.125):
        for from_logits, prediction in ((False, probabilities), (True, logits)):
            build = lambda r: keras.losses.CategoricalCrossentropy(from_logits=from_logits, label_smoothing=smoothing, reduction=r)  # noqa: B023, E731
            name = f"categoricalCrossentropy {'from logits' if from_logits else 'from probabilities'} smoothing {smoothing}"
            add(name, "categoricalCrossentropy", build, one_hot, prediction, dict(fromLogits=from_logits, labelSmoothing=smoothing), weights)
    plain = dict(fromLogits=False, labelSmoothing=0)
    add("categoricalCrossentropy soft targets", "categoricalCrossentropy", lambda r: keras.losses.CategoricalCrossentropy(reduction=r), soft, probabilities, plain, weights)
    add("categoricalCrossentropy unnormalized probabilities", "categoricalCrossentropy", lambda r: keras.losses.CategoricalCrossentropy(reduction=r), one_hot,
        probabilities * 2, plain, weights, "Keras divides the rows by their sums first")
    add("categoricalCrossentropy sharp probabilities", "categoricalCrossentropy", lambda r: keras.losses.CategoricalCrossentropy(reduction=r), one_hot, sharp, plain, weights)
    for from_logits, kinds in ((False, (("from probabilities", probabilities), ("sharp probabilities", sharp))), (True, (("from logits", logits), ("large logits", large)))):
        for kind, prediction in kinds:
            build = lambda r: keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits, reduction=r)  # noqa: B023, E731
            add(f"sparseCategoricalCrossentropy {kind}", "sparseCategoricalCrossentropy", build, labels, prediction, dict(fromLogits=from_logits), weights)


def negative_log_likelihood():
    labels = np.array([0, 4, 2, 2, 1, 3])
    logp = torch.log_softmax(torch.tensor(float32(random, 6, 5, scale=2)), 1).numpy().astype(np.float32).astype(np.float64)
    for reduction, label in (("mean", "sumOverBatchSize"), ("sum", "sum"), ("none", "none")):
        p = torch.tensor(logp, requires_grad=True)
        loss = F.nll_loss(p, torch.tensor(labels), reduction=reduction)
        loss.sum().backward()
        family.add(f"negativeLogLikelihood, {label}", "negativeLogLikelihood", dict(reduction=label), dict(target=labels, prediction=logp),
                   dict(loss=loss.detach().numpy()), dict(prediction=p.grad.numpy()))


if __name__ == "__main__":
    for part in (regression, binary, categorical, negative_log_likelihood):
        part()
    family.save()
