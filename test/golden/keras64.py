"""Keras on the TensorFlow backend with float64 as its float type, quiet. Import before anything else of Keras."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

keras.config.set_floatx("float64")
PACKAGES = ["numpy", "keras", "tensorflow_cpu"]


def vjp(function, inputs, dy=None):
    """Value of function(*inputs) and its gradients: of sum(value * dy), or of the value itself when dy is None."""
    tensors = [tf.constant(np.asarray(x, dtype=np.float64)) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
        target = value if dy is None else tf.reduce_sum(value * tf.constant(np.asarray(dy, dtype=np.float64)))
    gradients = tape.gradient(target, tensors)
    return value.numpy(), [None if g is None else tf.convert_to_tensor(g).numpy() for g in gradients]
