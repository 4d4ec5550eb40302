"""Contender: TensorFlow on the CPU, its own kernels in channels last, Keras's optimizers, one tf.function per step.
--config default: the function as it is; compiled: compiled by XLA.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from common import contend

EPSILON = 0.001


def chain(specs, variables, training):
    """A function of x; `variables` (by name) are those of the layers."""
    layers = [layer_of(spec, variables, training) for spec in specs]

    def run(x):
        for layer in layers:
            x = layer(x)
        return x

    return run


def norm(gamma, beta, mean, variance, training):
    if not training:
        return lambda x: tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)
    return lambda x: tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=EPSILON, is_training=True)[0]


def layer_of(spec, v, training):
    kind, name = spec["kind"], spec.get("name")
    if kind == "dense":
        kernel, bias = v[f"{name}.kernel"], v[f"{name}.bias"]
        return lambda x: tf.nn.bias_add(tf.matmul(x, kernel), bias)
    if kind == "conv":
        kernel, bias = v[f"{name}.kernel"], v.get(f"{name}.bias")
        convolve = lambda x: tf.nn.conv2d(x, kernel, spec["stride"], spec["padding"].upper())
        return convolve if bias is None else lambda x: tf.nn.bias_add(convolve(x), bias)
    if kind == "norm":
        return norm(*(v[f"{name}.{part}"] for part in ("gamma", "beta", "mean", "variance")), training)
    if kind == "dropout":
        return (lambda x: tf.nn.dropout(x, spec["rate"])) if training else (lambda x: x)
    if kind == "residual":
        body, shortcut = chain(spec["body"], v, training), chain(spec["shortcut"], v, training)
        return lambda x: body(x) + shortcut(x)
    simple = dict(
        relu=tf.nn.relu,
        maxPool=lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
        globalPool=lambda x: tf.reduce_mean(x, [1, 2]),
        flatten=lambda x: tf.reshape(x, [x.shape[0], -1]),
    )
    return simple[kind]


def optimizer(spec):
    if spec["kind"] == "adam":
        return keras.optimizers.Adam(spec["rate"], epsilon=spec["epsilon"])
    if spec["kind"] == "sgd":
        return keras.optimizers.SGD(spec["rate"], momentum=float(spec["momentum"]))
    return keras.optimizers.RMSprop(spec["rate"], rho=spec["decay"], epsilon=spec["epsilon"])


def loss_of(workload, logits, y):
    if workload["classes"] == 2:
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y, tf.float32)[:, None], logits))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))


def build(workload, data, config):
    training = workload["task"] == "training"
    trained = {p["name"]: p["trained"] for p in workload["parameters"]}
    variables = {name: tf.Variable(data[name], trainable=is_trained) for name, is_trained in trained.items()}
    forward = chain(workload["layers"], variables, training)
    batch, count = workload["batch"], workload["batches"]
    part = lambda values, i: values[(i % count) * batch : (i % count + 1) * batch]
    xs, ys = ([tf.constant(part(data[name], i)) for i in range(count)] for name in ("x", "y"))
    facts = dict(tensorflow=tf.__version__, threads="default")
    compiled = config == "compiled"
    if not training:
        run = tf.function(forward, jit_compile=compiled)
        return (lambda i: run(xs[i % count]).numpy()), facts
    weights = [variable for name, variable in variables.items() if trained[name]]
    update = optimizer(workload["optimizer"])
    update.build(weights)

    @tf.function(jit_compile=compiled)
    def train(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(workload, forward(x), y)
        update.apply(tape.gradient(loss, weights), weights)
        return loss

    return (lambda i: float(train(xs[i % count], ys[i % count]).numpy())), facts


if __name__ == "__main__":
    contend(build)
