"""A scikit-learn data set and the test accuracies that the binary-classifier program reaches on it in Keras, seeds 0 to 19.

The library's examples/binary-classifier must reach the same mean within one point on the same data.
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

from store import HERE, Family  # noqa: E402

DATA = dict(n_samples=1000, n_features=20, n_informative=2, n_redundant=10, random_state=42)
SEEDS = range(20)


def train(seed, x, y, xt, yt):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((20,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(1, "sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=10, batch_size=32, verbose=0)
    loss, accuracy = model.evaluate(xt, yt, verbose=0)
    return dict(seed=seed, testLoss=loss, testAccuracy=accuracy, trainLoss=history.history["loss"][-1], trainAccuracy=history.history["accuracy"][-1])


def main():
    x, y = make_classification(**DATA)
    x, xt, y, yt = train_test_split(x.astype(np.float32), y, test_size=0.2, random_state=42)
    runs = [train(seed, x, y, xt, yt) for seed in SEEDS]
    family = Family("binary-classifier", "binary_classifier.py", ["numpy", "scikit-learn", "keras", "tensorflow_cpu"])
    accuracy = np.array([run["testAccuracy"] for run in runs])
    family.add("data", "binaryClassifier", dict(makeClassification=DATA, split=dict(testSize=0.2, randomState=42)), dict(x=x, y=y, xTest=xt, yTest=yt),
               meanTestAccuracy=float(accuracy.mean()), standardDeviation=float(accuracy.std(ddof=1)), runs=runs,
               program="dense 64 relu, 64 relu, 1 sigmoid; Glorot; adam, binary cross-entropy, batch 32, 10 epochs, shuffled")
    family.save()
    print(json.dumps(dict(mean=accuracy.mean(), least=accuracy.min(), most=accuracy.max())))


if __name__ == "__main__":
    main()
