"""Goldens of metrics: Keras 3 in float64 (two updates, so that streaming is seen), per-class figures of scikit-learn.

Inputs: targets and predictions of 60 samples; an update takes rows [0, 35) and then [35, 60).
"""

import numpy as np
from sklearn import metrics as sk

from keras64 import PACKAGES, keras
from store import Family, float32

family = Family("metrics", "metrics.py", [*PACKAGES, "scikit-learn"])
random = np.random.default_rng(20250104)
N, SPLIT = 60, 35
M = keras.metrics

labels = random.integers(0, 4, N)
logits = float32(random, N, 4) + 1.2 * np.eye(4)[labels]
probabilities = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32).astype(np.float64)
binary = (random.random(N) < 0.4).astype(np.int64)
score = (1 / (1 + np.exp(-float32(random, N) - 1.4 * (binary - 0.5)))).astype(np.float32).astype(np.float64)
tied = np.round(score * 8) / 8  # many equal scores
many = (random.random((N, 3)) < 0.5).astype(np.int64)
many_score = np.clip(many * 0.4 + random.random((N, 3)) * 0.6, 0, 1).astype(np.float32).astype(np.float64)
weights = (random.integers(0, 9, N) / 4).astype(np.float64)


def add(name, op, options, build, target, prediction):
    for weight in (None, weights):
        metric = build()
        partial = None
        for rows in (slice(0, SPLIT), slice(SPLIT, N)):
            metric.update_state(target[rows], prediction[rows], sample_weight=None if weight is None else weight[rows])
            partial = np.asarray(metric.result()) if partial is None else partial
        inputs = dict(target=target, prediction=prediction) | ({} if weight is None else dict(sampleWeight=weight))
        family.add(f"{name}{'' if weight is None else ', sample weights'}", op, options, inputs,
                   dict(first=partial.astype(np.float64), result=np.asarray(metric.result()).astype(np.float64)), split=SPLIT)


def accuracies():
    one_hot = np.eye(4)[labels]
    add("binaryAccuracy", "binaryAccuracy", {}, M.BinaryAccuracy, binary[:, None], score[:, None])
    add("binaryAccuracy threshold 0.25", "binaryAccuracy", dict(threshold=0.25), lambda: M.BinaryAccuracy(threshold=0.25), binary[:, None], score[:, None])
    add("binaryAccuracy three columns", "binaryAccuracy", {}, M.BinaryAccuracy, many, many_score)
    add("categoricalAccuracy", "categoricalAccuracy", {}, M.CategoricalAccuracy, one_hot, probabilities)
    add("sparseCategoricalAccuracy", "sparseCategoricalAccuracy", {}, M.SparseCategoricalAccuracy, labels, probabilities)
    add("mean", "mean", {}, Mean, labels, score)


class Mean(keras.metrics.Mean):
    """Of the predictions; the target is ignored."""

    def update_state(self, target, prediction, sample_weight=None):
        return super().update_state(prediction, sample_weight=sample_weight)


def precision_recall():
    for op, kind in (("precision", M.Precision), ("recall", M.Recall)):
        add(op, op, {}, kind, binary, score)
        add(f"{op} threshold 0.7", op, dict(thresholds=0.7), lambda: kind(thresholds=0.7), binary, score)  # noqa: B023
        add(f"{op} several thresholds", op, dict(thresholds=[0.1, 0.5, 0.99]), lambda: kind(thresholds=[0.1, 0.5, 0.99]), binary, score)  # noqa: B023
        add(f"{op} never predicted", op, dict(thresholds=0.9999), lambda: kind(thresholds=0.9999), binary, score)  # noqa: B023
        add(f"{op} class 2 of one-hot", op, dict(classId=2), lambda: kind(class_id=2), np.eye(4)[labels], probabilities)  # noqa: B023
    for average in (None, "micro", "macro", "weighted"):
        add(f"f1 average {average}, argmax", "f1", dict(average=average), lambda: M.F1Score(average=average), np.eye(4)[labels], probabilities)  # noqa: B023
        add(f"f1 average {average}, threshold 0.5", "f1", dict(average=average, threshold=0.5),
            lambda: M.F1Score(average=average, threshold=0.5), many.astype(np.float64), many_score)  # noqa: B023


def areas():
    for curve in ("ROC", "PR"):
        for summation in ("interpolation", "minoring", "majoring"):
            options = dict(numThresholds=200, curve=curve, summationMethod=summation)
            build = lambda: M.AUC(num_thresholds=200, curve=curve, summation_method=summation)  # noqa: B023, E731
            add(f"auc {curve} {summation}", "auc", options, build, binary, score)
        add(f"auc {curve} ties", "auc", dict(numThresholds=200, curve=curve), lambda: M.AUC(curve=curve), binary, tied)  # noqa: B023
        add(f"auc {curve} 10 thresholds", "auc", dict(numThresholds=10, curve=curve), lambda: M.AUC(num_thresholds=10, curve=curve), binary, score)  # noqa: B023
    family.add("exact ROC area", "aucExact", {}, dict(target=binary, prediction=score), dict(result=sk.roc_auc_score(binary, score)), note="what auc tends to with many thresholds")


def per_class():
    predicted = probabilities.argmax(1)
    for weight in (None, weights):
        precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted, labels=range(4), zero_division=0, sample_weight=weight)
        matrix = sk.confusion_matrix(labels, predicted, labels=range(4), sample_weight=weight)
        inputs = dict(target=labels, predicted=predicted) | ({} if weight is None else dict(sampleWeight=weight))
        outputs = dict(matrix=matrix.astype(np.float64), precision=precision, recall=recall, f1=f1, support=support.astype(np.float64))
        family.add(f"confusionMatrix{'' if weight is None else ', sample weights'}", "confusionMatrix", dict(numClasses=4), inputs, outputs,
                   note="rows are true classes, columns predicted; precision, recall, f1 and support per class")


if __name__ == "__main__":
    for part in (accuracies, precision_recall, areas, per_class):
        part()
    family.save()
