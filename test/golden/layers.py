"""Goldens of layers (Keras 3, float64), learning-rate schedules and initializer formulas.

Layers: inputs x, weights by their Keras names, dy; outputs y; gradients of sum(y * dy) to x and every weight.
Schedules: `steps` [n] and the learning rate at each. Initializers: the law each must follow, sampled here only to check it.
"""

import numpy as np

from keras64 import PACKAGES, keras, tf
from store import Family, float32

random = np.random.default_rng(20250105)
L = keras.layers


def layer(family, name, op, options, module, x, training=False):
    module.build(x.shape)
    start = [float32(random, *w.shape, scale=0.5) for w in module.weights]
    module.set_weights(start)
    tx = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(tx)
        y = module(tx, training=training) if op in ("dropout",) else module(tx)
        dy = float32(random, *y.shape)
        total = tf.reduce_sum(tf.cast(y, tf.float64) * dy)
    weights = [w.name.split("/")[-1] for w in module.weights]
    gradients = tape.gradient(total, [tx, *[w.value for w in module.weights]])
    values = [None if g is None else tf.convert_to_tensor(g).numpy() for g in gradients]
    names = [n for n, v in zip(["x", *weights], values) if v is not None]
    family.add(name, op, options, dict(x=x, dy=dy) | dict(zip(weights, start)), dict(y=y.numpy()), dict(zip(names, [v for v in values if v is not None])))


def layers():
    family = Family("layers", "layers.py", PACKAGES)
    image = float32(random, 2, 7, 8, 3)
    layer(family, "dense", "dense", dict(units=4), L.Dense(4), float32(random, 3, 5))
    layer(family, "dense relu", "dense", dict(units=9, activation="relu"), L.Dense(9, activation="relu"), float32(random, 3, 5))
    layer(family, "dense without bias, tanh", "dense", dict(units=4, useBias=False, activation="tanh"), L.Dense(4, use_bias=False, activation="tanh"), float32(random, 3, 5))
    layer(family, "dense softmax", "dense", dict(units=6, activation="softmax"), L.Dense(6, activation="softmax"), float32(random, 3, 5))
    layer(family, "dense on rank 3", "dense", dict(units=4, activation="gelu"), L.Dense(4, activation="gelu"), float32(random, 2, 3, 5))
    layer(family, "conv2d", "conv2d", dict(filters=4, kernelSize=3), L.Conv2D(4, 3), image)
    layer(family, "conv2d same relu", "conv2d", dict(filters=4, kernelSize=[3, 2], padding="same", activation="relu"), L.Conv2D(4, (3, 2), padding="same", activation="relu"), image)
    layer(family, "conv2d strides 2 same without bias", "conv2d", dict(filters=5, kernelSize=3, strides=2, padding="same", useBias=False),
          L.Conv2D(5, 3, strides=2, padding="same", use_bias=False), image)
    layer(family, "conv2d dilation 2", "conv2d", dict(filters=2, kernelSize=3, dilationRate=2), L.Conv2D(2, 3, dilation_rate=2), image)
    layer(family, "maxPooling2d defaults", "maxPooling2d", {}, L.MaxPooling2D(), image)
    layer(family, "maxPooling2d 3 stride 2 same", "maxPooling2d", dict(poolSize=3, strides=2, padding="same"), L.MaxPooling2D(3, 2, padding="same"), image)
    layer(family, "averagePooling2d 2", "averagePooling2d", dict(poolSize=2), L.AveragePooling2D(2), image)
    layer(family, "averagePooling2d same", "averagePooling2d", dict(poolSize=3, strides=2, padding="same"), L.AveragePooling2D(3, 2, padding="same"), image)
    layer(family, "globalAveragePooling2d", "globalAveragePooling2d", {}, L.GlobalAveragePooling2D(), image)
    layer(family, "globalAveragePooling2d keepDims", "globalAveragePooling2d", dict(keepDims=True), L.GlobalAveragePooling2D(keepdims=True), image)
    layer(family, "flatten", "flatten", {}, L.Flatten(), image)
    layer(family, "reshape", "reshape", dict(targetShape=[4, -1, 6]), L.Reshape((4, -1, 6)), image)
    layer(family, "dropout in inference", "dropout", dict(rate=0.4), L.Dropout(0.4), image)
    for name in ("relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "softmax", "linear"):
        layer(family, f"activation {name}", "activation", dict(activation=name), L.Activation(name), float32(random, 4, 6, scale=2))
    layer(family, "leakyRelu layer defaults", "leakyRelu", dict(negativeSlope=0.3), L.LeakyReLU(), float32(random, 4, 6, scale=2))
    indices, table, dy = np.array([[0, 3, 3], [6, 1, 0]]), float32(random, 7, 4), float32(random, 2, 3, 4)
    module = L.Embedding(7, 4)
    module.build()
    module.set_weights([table])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(module(indices) * dy)
    gradient = tf.convert_to_tensor(tape.gradient(total, module.embeddings.value)).numpy()
    family.add("embedding", "embedding", dict(inputDim=7, outputDim=4), dict(x=indices, dy=dy, embeddings=table), dict(y=module(indices).numpy()), dict(embeddings=gradient))
    kept = L.Dropout(0.25, seed=1)(np.full((400, 500), 3.0), training=True).numpy()
    assert set(np.unique(kept)) == {0.0, 4.0} and abs((kept == 0).mean() - 0.25) < 0.005
    family.add("dropout in training", "dropout", dict(rate=0.25), dict(value=3.0), dict(kept=4.0, dropped=0.0, droppedFraction=0.25),
               note="every element is 0 with probability rate, else value / (1 - rate); the gradient is dy / (1 - rate) or 0")
    layer(family, "rescaling", "rescaling", dict(scale=1 / 128, offset=-1), L.Rescaling(1 / 128, offset=-1), image)
    family.save()


def schedules():
    family = Family("schedules", "layers.py", PACKAGES)
    S = keras.optimizers.schedules
    steps = np.array([0, 1, 2, 5, 9, 10, 11, 15, 19, 20, 21, 29, 30, 31, 50, 100, 101, 250])
    table = [
        ("exponentialDecay", dict(initialLearningRate=0.1, decaySteps=10, decayRate=0.5), S.ExponentialDecay(0.1, 10, 0.5)),
        ("exponentialDecay", dict(initialLearningRate=0.1, decaySteps=10, decayRate=0.5, staircase=True), S.ExponentialDecay(0.1, 10, 0.5, staircase=True)),
        ("cosineDecay", dict(initialLearningRate=0.1, decaySteps=100), S.CosineDecay(0.1, 100)),
        ("cosineDecay", dict(initialLearningRate=0.1, decaySteps=100, alpha=0.05), S.CosineDecay(0.1, 100, alpha=0.05)),
        ("cosineDecay", dict(initialLearningRate=0, decaySteps=80, alpha=0.1, warmupTarget=0.2, warmupSteps=20), S.CosineDecay(0.0, 80, alpha=0.1, warmup_target=0.2, warmup_steps=20)),
        ("cosineDecay", dict(initialLearningRate=0.05, decaySteps=80, warmupTarget=0.2, warmupSteps=20), S.CosineDecay(0.05, 80, warmup_target=0.2, warmup_steps=20)),
        ("piecewiseConstantDecay", dict(boundaries=[10, 20, 30], values=[0.1, 0.05, 0.01, 0.001]), S.PiecewiseConstantDecay([10, 20, 30], [0.1, 0.05, 0.01, 0.001])),
        ("polynomialDecay", dict(initialLearningRate=0.1, decaySteps=20), S.PolynomialDecay(0.1, 20)),
        ("polynomialDecay", dict(initialLearningRate=0.1, decaySteps=20, endLearningRate=0.01, power=2), S.PolynomialDecay(0.1, 20, 0.01, power=2)),
        ("polynomialDecay", dict(initialLearningRate=0.1, decaySteps=20, endLearningRate=0.01, power=0.5, cycle=True), S.PolynomialDecay(0.1, 20, 0.01, power=0.5, cycle=True)),
        ("inverseTimeDecay", dict(initialLearningRate=0.1, decaySteps=10, decayRate=0.5), S.InverseTimeDecay(0.1, 10, 0.5)),
        ("inverseTimeDecay", dict(initialLearningRate=0.1, decaySteps=10, decayRate=0.5, staircase=True), S.InverseTimeDecay(0.1, 10, 0.5, staircase=True)),
        ("cosineDecayRestarts", dict(initialLearningRate=0.1, firstDecaySteps=10, tMul=2, mMul=0.9, alpha=0.01), S.CosineDecayRestarts(0.1, 10, 2.0, 0.9, 0.01)),
    ]
    for op, options, schedule in table:
        rates = np.array([float(schedule(tf.constant(step, tf.int64))) for step in steps])
        family.add(" ".join([op, *(f"{k} {v}" for k, v in options.items())]), op, options, dict(steps=steps), dict(learningRate=rates))
    family.save()


def initializers():
    """Laws, not samples: limit of a uniform, or the standard deviation, for each shape; checked against a Keras sample."""
    family = Family("initializers", "layers.py", PACKAGES)
    shapes = [(64, 32), (3, 3, 16, 32), (5, 5, 1, 64), (200,)]
    fans = {}
    for shape in shapes:
        receptive = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
        fans[shape] = (shape[0], shape[0]) if len(shape) == 1 else (receptive * shape[-2], receptive * shape[-1])
    rules = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}
    for kind, rule in rules.items():
        for law in ("Uniform", "Normal"):
            for shape in shapes:
                variance = rule(*fans[shape])
                sample = np.asarray(getattr(keras.initializers, f"{kind.capitalize()}{law}")(seed=1)(shape))
                limit = np.sqrt(3 * variance) if law == "Uniform" else 2 * np.sqrt(variance) / 0.87962566103423978
                assert np.abs(sample).max() <= limit and abs(sample.std() / np.sqrt(variance) - 1) < 0.12, (kind, law, shape)
                family.add(f"{kind}{law} {list(shape)}", f"{kind}{law}", dict(shape=shape, fanIn=fans[shape][0], fanOut=fans[shape][1]), {},
                           dict(mean=0.0, standardDeviation=np.sqrt(variance), bound=limit),
                           note="uniform on [-bound, bound]" if law == "Uniform" else "normal truncated at 2 deviations, widened so that its deviation is standardDeviation")
    sample = np.asarray(keras.initializers.TruncatedNormal(seed=1)((300, 300)))
    assert np.abs(sample).max() <= 0.1 and abs(sample.std() - 0.05 * 0.87962566103423978) < 2e-4
    family.add("truncatedNormal", "truncatedNormal", dict(mean=0, stddev=0.05), {}, dict(mean=0.0, standardDeviation=0.05 * 0.87962566103423978, bound=0.1), note="not widened")
    for shape in ((6, 4), (4, 6), (3, 3, 2, 4)):
        q = np.asarray(keras.initializers.Orthogonal(seed=1)(shape)).reshape(-1, shape[-1])
        product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
        assert np.allclose(product, np.eye(len(product)), atol=1e-6)
        family.add(f"orthogonal {list(shape)}", "orthogonal", dict(shape=shape, gain=1), {}, dict(product=np.eye(len(product))),
                   note="as a matrix [all but last, last]: its shorter side is orthonormal")
    family.save()


if __name__ == "__main__":
    layers()
    schedules()
    initializers()
