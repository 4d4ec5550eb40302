"""Goldens of tensor operations with gradients: convolution and pooling, matmul, activations, softmax, batch normalization, embedding.

Layout NHWC, kernels HWIO. Convolutions are PyTorch's in float64 with the padding of 'same' made explicit, checked
against Keras where Keras has the case; everything else is Keras in float64. Gradients are of sum(y * dy).
"""

import numpy as np
import torch
import torch.nn.functional as F

from keras64 import PACKAGES, keras, tf, vjp
from store import Family, float32

family = Family("ops", "ops.py", [*PACKAGES, "torch"])
random = np.random.default_rng(20250101)


def pads(size, kernel, stride, dilation, padding):
    """Rows before and after, as TensorFlow pads 'same' (the extra one after)."""
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def conv2d(name, shape, kernel, filters, strides=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    x, w = float32(random, *shape), float32(random, *kernel, shape[3] // groups, filters, scale=0.5)
    tx, tw = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (x, w))
    top, bottom = pads(shape[1], kernel[0], strides[0], dilation[0], padding)
    left, right = pads(shape[2], kernel[1], strides[1], dilation[1], padding)
    padded = F.pad(tx.permute(0, 3, 1, 2), (left, right, top, bottom))
    y = F.conv2d(padded, tw.permute(3, 2, 0, 1), stride=strides, dilation=dilation, groups=groups).permute(0, 2, 3, 1)
    dy = float32(random, *y.shape)
    y.backward(torch.tensor(dy))
    if groups == 1 and not (max(strides) > 1 and max(dilation) > 1):
        same = keras.ops.conv(x, w, strides=strides, padding=padding, dilation_rate=dilation, data_format="channels_last")
        assert np.allclose(same, y.detach().numpy(), atol=1e-12), name
    options = dict(strides=strides, padding=padding, dilationRate=dilation, groups=groups, pads=[[top, bottom], [left, right]])
    family.add(name, "conv2d", options, dict(x=x, kernel=w, dy=dy), dict(y=y.detach().numpy()), dict(x=tx.grad.numpy(), kernel=tw.grad.numpy()))


def convolutions():
    conv2d("conv2d 3x3 valid", (2, 7, 6, 3), (3, 3), 4)
    conv2d("conv2d 3x3 same", (2, 7, 6, 3), (3, 3), 4, padding="same")
    conv2d("conv2d 3x3 same 16 to 16 channels", (1, 10, 9, 16), (3, 3), 16, padding="same")
    conv2d("conv2d 3x3 valid 20 to 17 channels", (1, 11, 13, 20), (3, 3), 17)
    conv2d("conv2d 1x1", (2, 5, 4, 7), (1, 1), 9)
    conv2d("conv2d 5x5 same", (1, 9, 8, 2), (5, 5), 3, padding="same")
    conv2d("conv2d 2x3 same, even kernel", (2, 6, 5, 3), (2, 3), 4, padding="same")
    conv2d("conv2d stride 2 valid", (2, 9, 8, 3), (3, 3), 5, strides=(2, 2))
    conv2d("conv2d stride 2 same, even size", (2, 8, 8, 3), (3, 3), 5, strides=(2, 2), padding="same")
    conv2d("conv2d stride 2x3 same, 4x4 kernel", (1, 11, 10, 2), (4, 4), 3, strides=(2, 3), padding="same")
    conv2d("conv2d dilation 2 valid", (1, 9, 9, 3), (3, 3), 4, dilation=(2, 2))
    conv2d("conv2d dilation 2x3 same", (1, 9, 10, 3), (3, 3), 4, dilation=(2, 3), padding="same")
    conv2d("conv2d stride 2 dilation 2 same", (1, 11, 10, 3), (3, 3), 4, strides=(2, 2), dilation=(2, 2), padding="same")
    conv2d("conv2d groups 2", (2, 6, 6, 4), (3, 3), 6, groups=2)
    conv2d("conv2d depthwise same", (1, 7, 7, 5), (3, 3), 5, padding="same", groups=5)
    conv2d("conv2d groups 3 stride 2 same", (1, 8, 7, 6), (3, 3), 9, strides=(2, 2), padding="same", groups=3)
    conv2d("conv2d one pixel", (1, 1, 1, 1), (1, 1), 1)
    conv2d("conv2d kernel as large as the image", (2, 4, 5, 3), (4, 5), 6)
    conv2d("conv2d stride beyond the kernel", (1, 10, 10, 2), (2, 2), 3, strides=(3, 3))


def pooling():
    for kind, function in (("maxPool2d", keras.ops.max_pool), ("averagePool2d", keras.ops.average_pool)):
        for pool, strides, padding, shape in [
            ((2, 2), (2, 2), "valid", (2, 6, 8, 3)),
            ((2, 2), (2, 2), "valid", (2, 7, 5, 3)),
            ((2, 2), (2, 2), "same", (2, 7, 5, 3)),
            ((3, 3), (2, 2), "same", (1, 8, 7, 17)),
            ((3, 3), (1, 1), "same", (1, 5, 6, 2)),
            ((3, 2), (2, 1), "valid", (1, 8, 6, 4)),
            ((2, 3), (3, 2), "same", (2, 7, 7, 1)),
        ]:
            call = lambda x: function(x, pool, strides=strides, padding=padding, data_format="channels_last")  # noqa: B023, E731
            x = float32(random, *shape)
            dy = float32(random, *call(x).shape)
            y, (dx,) = vjp(call, [x], dy)
            name = f"{kind} {pool[0]}x{pool[1]} stride {strides[0]}x{strides[1]} {padding} on {shape[1]}x{shape[2]}"
            family.add(name, kind, dict(poolSize=pool, strides=strides, padding=padding), dict(x=x, dy=dy), dict(y=y), dict(x=dx))


def products():
    for a_t in (False, True):
        for b_t in (False, True):
            for batch_a, batch_b in (((), ()), ((2,), (2,)), ((3,), ()), ((2, 1), (1, 3))):
                a = float32(random, *batch_a, *((4, 5) if a_t else (5, 4)))
                b = float32(random, *batch_b, *((3, 4) if b_t else (4, 3)))
                flip = lambda v, on: tf.linalg.matrix_transpose(v) if on else v  # noqa: E731
                call = lambda p, q: tf.matmul(flip(p, a_t), flip(q, b_t))  # noqa: B023, E731
                dy = float32(random, *call(a, b).shape)
                y, (da, db) = vjp(call, [a, b], dy)
                name = f"matMul {list(a.shape)} {'T ' if a_t else ''}by {list(b.shape)}{' T' if b_t else ''}"
                family.add(name, "matMul", dict(transposeA=a_t, transposeB=b_t), dict(a=a, b=b, dy=dy), dict(y=y), dict(a=da, b=db))


def activations():
    x = np.concatenate([np.linspace(-6, 6, 49), [-30, -12.5, 12.5, 30, 1e-3, -1e-3]]).astype(np.float32).astype(np.float64)
    away = np.where(x == 0, 0.125, x)  # relu and its kin have no derivative at 0
    dy = float32(random, x.size)
    act = keras.activations
    exact_gelu = lambda v: 0.5 * v * (1 + tf.math.erf(v / np.sqrt(2)))  # noqa: E731  not act.gelu: TensorFlow rounds the root to float32
    smooth = {"gelu": (exact_gelu, {"approximate": False}), "silu": (act.silu, {}), "softplus": (act.softplus, {}),
              "sigmoid": (act.sigmoid, {}), "tanh": (act.tanh, {})}
    kinked = {"elu": (act.elu, {"alpha": 1}), "elu alpha 0.5": (lambda v: act.elu(v, alpha=0.5), {"alpha": 0.5}), "selu": (act.selu, {}), "relu": (act.relu, {}),
              # not act.leaky_relu: TensorFlow rounds the slope to float32
              "leakyRelu": (lambda v: tf.where(v > 0, v, 0.2 * v), {"negativeSlope": 0.2}),
              "leakyRelu 0.3": (lambda v: tf.where(v > 0, v, 0.3 * v), {"negativeSlope": 0.3})}
    for table, points in ((smooth, x), (kinked, away)):
        for name, (function, options) in table.items():
            y, (dx,) = vjp(function, [points], dy)
            family.add(name, name.split(" ")[0], options, dict(x=points, dy=dy), dict(y=y), dict(x=dx))


def softmaxes():
    for shape, scale in (((4, 10), 1), ((3, 17), 20), ((2, 3, 5), 3), ((1, 1), 1)):
        x, dy = float32(random, *shape, scale=scale), float32(random, *shape)
        for op, function in (("softmax", tf.nn.softmax), ("logSoftmax", tf.nn.log_softmax)):
            y, (dx,) = vjp(function, [x], dy)
            family.add(f"{op} {list(shape)} scale {scale}", op, dict(axis=-1), dict(x=x, dy=dy), dict(y=y), dict(x=dx))
    x, dy = float32(random, 3, 4, 2), float32(random, 3, 4, 2)
    y, (dx,) = vjp(lambda v: tf.nn.softmax(v, axis=1), [x], dy)
    family.add("softmax along axis 1", "softmax", dict(axis=1), dict(x=x, dy=dy), dict(y=y), dict(x=dx))


def batch_normalization():
    for name, shape, training, options in [
        ("batchNormalization training 2-d", (8, 5), True, {}),
        ("batchNormalization training images", (3, 4, 5, 6), True, {}),
        ("batchNormalization training momentum 0.9 epsilon 1e-5", (6, 7), True, dict(momentum=0.9, epsilon=1e-5)),
        ("batchNormalization inference images", (2, 3, 4, 6), False, {}),
    ]:
        layer = keras.layers.BatchNormalization(**options)
        layer.build(shape)
        c = shape[-1]
        gamma, beta = float32(random, c, shift=1, scale=0.3), float32(random, c)
        mean, variance = float32(random, c), np.abs(float32(random, c)) + 0.5
        variance = variance.astype(np.float32).astype(np.float64)
        layer.set_weights([gamma, beta, mean, variance])
        x, dy = float32(random, *shape, scale=2, shift=0.5), float32(random, *shape)
        tx = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tx)
            y = layer(tx, training=training)
            total = tf.reduce_sum(y * dy)
        dx, dgamma, dbeta = tape.gradient(total, [tx, layer.gamma.value, layer.beta.value])
        if training:
            layer(tf.constant(x * 0.5), training=True)  # a second step, for the moving averages
        family.add(name, "batchNormalization", dict(training=training, momentum=layer.momentum, epsilon=layer.epsilon),
                   dict(x=x, dy=dy, gamma=gamma, beta=beta, movingMean=mean, movingVariance=variance),
                   dict(y=y.numpy(), movingMean=layer.moving_mean.numpy(), movingVariance=layer.moving_variance.numpy()),
                   dict(x=dx.numpy(), gamma=dgamma.numpy(), beta=dbeta.numpy()),
                   note="moving averages after a training step on x and a second on x / 2" if training else "moving averages unchanged")


def embedding():
    table, indices = float32(random, 9, 4), np.array([[0, 3, 3], [8, 1, 0]])
    dy = float32(random, 2, 3, 4)
    y, (dtable,) = vjp(lambda v: tf.gather(v, indices), [table], dy)
    family.add("embedding", "embedding", {}, dict(table=table, indices=indices, dy=dy), dict(y=y), dict(table=dtable))


if __name__ == "__main__":
    for part in (convolutions, pooling, products, activations, softmaxes, batch_normalization, embedding):
        part()
    family.save()
