"""Goldens of optimizers: 20-step trajectories of two variables under given gradients, Keras 3 in float64.

Inputs: variables `a` [3, 4] and `b` [5] and gradients `aGradients` [20, 3, 4], `bGradients` [20, 5]; outputs: the
variables after every step, `a` [20, 3, 4] and `b` [20, 5]. `hyperparameters` holds all of them, given or default.
"""

import numpy as np

from keras64 import PACKAGES, keras
from store import Family, float32

family = Family("optimizers", "optimizers.py", PACKAGES)
random = np.random.default_rng(20250103)
STEPS = 20
START = dict(a=float32(random, 3, 4), b=float32(random, 5))
GRADIENTS = dict(a=float32(random, STEPS, 3, 4), b=float32(random, STEPS, 5, scale=0.1))
GRADIENTS["a"][:, 0, 0] = 0  # an element that never sees a gradient
GRADIENTS["b"][5:, 1] = 0  # and one whose gradient stops
GRADIENTS["a"][:, 2, 3] *= 2.0**-20  # and one with tiny gradients, where epsilon matters

OPTIMIZERS = {"sgd": keras.optimizers.SGD, "rmsprop": keras.optimizers.RMSprop, "adam": keras.optimizers.Adam,
              "adamW": keras.optimizers.AdamW, "adagrad": keras.optimizers.Adagrad}
CASES = {
    "sgd": [{}, dict(learning_rate=0.1), dict(learning_rate=0.1, momentum=0.9), dict(learning_rate=0.1, momentum=0.9, nesterov=True),
            dict(learning_rate=0.1, weight_decay=0.01), dict(learning_rate=0.1, momentum=0.5, weight_decay=0.01),
            dict(learning_rate=0.1, clipvalue=0.5), dict(learning_rate=0.1, clipnorm=0.75), dict(learning_rate=0.1, global_clipnorm=1.0),
            dict(learning_rate=0.1, global_clipnorm=1000.0)],
    "rmsprop": [{}, dict(learning_rate=0.01, rho=0.8), dict(momentum=0.9), dict(centered=True), dict(momentum=0.9, centered=True),
                dict(epsilon=1e-3), dict(weight_decay=0.01), dict(clipvalue=0.5)],
    "adam": [{}, dict(learning_rate=0.01, beta_1=0.8, beta_2=0.99), dict(amsgrad=True), dict(epsilon=1e-3), dict(weight_decay=0.01), dict(clipnorm=0.75),
             dict(global_clipnorm=1.0)],
    "adamW": [{}, dict(learning_rate=0.01, weight_decay=0.05), dict(amsgrad=True), dict(clipvalue=0.5)],
    "adagrad": [{}, dict(learning_rate=0.1), dict(initial_accumulator_value=0.5, epsilon=1e-3), dict(weight_decay=0.01), dict(global_clipnorm=1.0)],
}
CAMEL = {"learning_rate": "learningRate", "weight_decay": "weightDecay", "clipvalue": "clipValue", "clipnorm": "clipNorm", "global_clipnorm": "globalClipNorm",
         "beta_1": "beta1", "beta_2": "beta2", "initial_accumulator_value": "initialAccumulatorValue"}
STATE = ["learning_rate", "weight_decay", "momentum", "nesterov", "rho", "centered", "epsilon", "beta_1", "beta_2", "amsgrad", "initial_accumulator_value"]


def camel(options):
    return {CAMEL.get(key, key): value for key, value in options.items()}


def scheduled():
    """A learning rate that follows a schedule, read before the step is counted."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=5, decay_rate=0.5, staircase=True)
    return dict(schedule="exponentialDecay", initialLearningRate=0.1, decaySteps=5, decayRate=0.5, staircase=True), keras.optimizers.SGD(schedule)


def trajectory(name, op, options, optimizer):
    variables = {key: keras.Variable(value, dtype="float64") for key, value in START.items()}
    optimizer.build(list(variables.values()))
    history = {key: [] for key in variables}
    for step in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(GRADIENTS[key][step]) for key in variables])
        for key, variable in variables.items():
            history[key].append(variable.numpy().copy())
    config = optimizer.get_config()
    defaults = camel({key: config[key] for key in STATE if config.get(key) is None and key in config or isinstance(config.get(key), (int, float))})
    inputs = START | {f"{key}Gradients": value for key, value in GRADIENTS.items()}
    family.add(name, op, options, inputs, {key: np.stack(rows) for key, rows in history.items()}, hyperparameters=defaults)


if __name__ == "__main__":
    for op, cases in CASES.items():
        for options in cases:
            shown = camel(options)
            name = " ".join([op, *(f"{key} {value}" for key, value in shown.items())]) if shown else f"{op} defaults"
            trajectory(name, op, shown, OPTIMIZERS[op](**options))
    options, optimizer = scheduled()
    trajectory("sgd with a schedule", "sgd", {"learningRate": options}, optimizer)
    family.save()
