"""100 training steps of the MNIST MLP and CNN from portable initial weights, as goldens for the library.

    python test/golden/parity.py --mnist <folder with the IDX files> --model mlp|cnn [--search] [--seeds 1,2,3]

The networks are those of examples/mnist-mlp and examples/mnist-cnn (dropout off), channels last, batches in file
order. The arithmetic is PyTorch's, run in float64 (the golden) and in float32 (its gap to float64 is stored and must
stay below GAP, otherwise the seed is refused). The MLP's float64 run is repeated in Keras, which must agree.
Recipe of the weights: philox.py; stream and limits of each tensor are in the JSON. Writes parity-<model>.json and .safetensors.
"""

import argparse
import json
import math
import os
import platform

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from philox import self_check, uniform, words

STEPS = 100
GAP = 5e-6
FULL = 20_000  # tensors up to this many elements are stored whole
EVERY = 97  # of larger ones every 97th element,
BUCKETS = 4096  # a count sketch of this many buckets, and the norm
SKETCH_STREAM = 1000  # stream of the sketch of tensor t: 1000 + t, seed 0
HERE = os.path.dirname(os.path.abspath(__file__))


def idx(path):
    raw = open(path, "rb").read()
    dims = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def glorot(fan_in, fan_out):
    return math.sqrt(6.0 / (fan_in + fan_out))


def tensor(name, shape, limit):
    """A tensor whose initial values are uniform on [-limit, limit); its stream is its position in the list."""
    return dict(name=name, shape=shape, low=-limit, high=limit)


def he(fan_in):
    return math.sqrt(6.0 / fan_in)


# Keras' defaults: Glorot-uniform kernels, zero biases.
MLP = [
    tensor("dense1.kernel", (784, 512), glorot(784, 512)),
    tensor("dense1.bias", (512,), 0.0),
    tensor("dense2.kernel", (512, 10), glorot(512, 10)),
    tensor("dense2.bias", (10,), 0.0),
]
# He-uniform with gains that keep the run well conditioned: a rectifier or a maximum that turns over in one precision and not in
# the other moves a kernel by (learning rate x delta x patch), which is small beside a large second kernel followed by small ones.
CNN = [
    tensor("conv1.kernel", (3, 3, 1, 32), he(9)),
    tensor("conv1.bias", (32,), 0.5),
    tensor("conv2.kernel", (3, 3, 32, 64), 2 * he(288)),
    tensor("conv2.bias", (64,), 1.0),
    tensor("dense1.kernel", (9216, 128), 0.25 * he(9216)),
    tensor("dense1.bias", (128,), 0.25),
    tensor("dense2.kernel", (128, 10), 0.1 * he(128)),
    tensor("dense2.bias", (10,), 0.1),
]


def initial(spec, seed):
    return [uniform(seed, t, entry["shape"], entry["low"], entry["high"]) for t, entry in enumerate(spec)]


def mlp_input(images):
    """[N, 28, 28] pixels -> float32(pixel / 255)."""
    return (images.astype(np.float64) / 255).astype(np.float32)


def cnn_input(images):
    """float32((x - 0.5) / 0.5) of the above, each operation rounded to float32."""
    return (mlp_input(images) - np.float32(0.5)) / np.float32(0.5)


def mlp_logits(w, x, inputs):
    inputs.append(x.reshape(x.shape[0], -1) @ w[0] + w[1])
    return torch.relu(inputs[0]) @ w[2] + w[3]


def cnn_logits(w, x, inputs):
    """x [N, 28, 28]; kernels HWIO, features flattened in (row, column, channel) order."""
    h = F.relu(F.conv2d(x[:, None], w[0].permute(3, 2, 0, 1), w[1]))
    h = F.relu(F.conv2d(h, w[2].permute(3, 2, 0, 1), w[3]))
    h = F.max_pool2d(h, 2).permute(0, 2, 3, 1).reshape(x.shape[0], -1)
    inputs.append(h @ w[4] + w[5])
    return F.relu(inputs[0]) @ w[6] + w[7]


def rmsprop(w, slots):
    """Keras 3 defaults: rho 0.9, epsilon 1e-7 inside the root, learning rate 0.001."""
    for p, v in zip(w, slots):
        v.copy_(0.9 * v + (1 - 0.9) * p.grad**2)
        p -= 0.001 * p.grad / torch.sqrt(v + 1e-7)


def sgd(w, slots):
    """Learning rate 0.01, momentum 0.5: v <- 0.5 v + g, p <- p - 0.01 v."""
    for p, v in zip(w, slots):
        v.copy_(0.5 * v + p.grad)
        p -= 0.01 * v


MODELS = {
    "mlp": dict(seeds=[143, 182, 640], spec=MLP, batch=128, input=mlp_input, logits=mlp_logits, update=rmsprop),
    "cnn": dict(seeds=[1], spec=CNN, batch=64, input=cnn_input, logits=cnn_logits, update=sgd),
}


def run(model, seed, dtype, x, y):
    """Losses and final weights of 100 steps computed in `dtype`, the least probability of a true class, and the margin: the least
    magnitude of an input of the dense rectifier, in standard deviations of its inputs in that step."""
    w = [torch.tensor(v, dtype=dtype, requires_grad=True) for v in initial(model["spec"], seed)]
    slots = [torch.zeros_like(v) for v in w]
    losses, least, margin = [], 1.0, math.inf
    for step in range(STEPS):
        rows = slice(step * model["batch"], (step + 1) * model["batch"])
        inputs = []
        logp = F.log_softmax(model["logits"](w, torch.tensor(x[rows], dtype=dtype), inputs), 1)
        picked = logp.gather(1, torch.tensor(y[rows].astype(np.int64))[:, None])
        loss = -picked.mean()
        loss.backward()
        losses.append(loss.item())
        least = min(least, picked.exp().min().item())
        with torch.no_grad():
            margin = min(margin, float(inputs[0].abs().min() / inputs[0].std()))
            model["update"](w, slots)
        for p in w:
            p.grad = None
    return losses, [p.detach().numpy() for p in w], least, margin


def gaps(a, b):
    """Largest relative difference of the losses, and of each tensor in norm, of run a from run b (float64)."""
    loss = max(abs(p - q) / abs(q) for p, q in zip(a[0], b[0]))
    tensors = [float(np.linalg.norm(p.astype(np.float64) - q) / np.linalg.norm(q)) for p, q in zip(a[1], b[1])]
    return loss, tensors


def sketch(t, values):
    """Count sketch of tensor t: bucket = low 12 bits of word e, sign from its top bit; float64 [4096], summed in element order."""
    w = words(0, SKETCH_STREAM + t, values.size)
    signed = np.where(w >> np.uint32(31), -1.0, 1.0) * values.reshape(-1)
    return np.bincount((w & np.uint32(BUCKETS - 1)).astype(np.int64), weights=signed, minlength=BUCKETS)


def keras_losses(seed, x, y):
    """The MLP in Keras itself (float64), compiled and trained with its own layers, loss and optimizer."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.config.set_floatx("float64")
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(512, "relu"), keras.layers.Dense(10, "softmax")]
    )
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
    model.set_weights([w.astype(np.float64) for w in initial(MLP, seed)])
    losses = []
    for step in range(STEPS):
        rows = slice(step * 128, (step + 1) * 128)
        model.reset_metrics()
        losses.append(float(model.train_on_batch(x[rows].astype(np.float64), np.eye(10)[y[rows]])))
    return losses, model.get_weights(), keras.__version__


def golden(name, seed, single, double, arrays):
    """The JSON entry of one seed; puts its tensors into `arrays`."""
    loss_gap, tensor_gaps = gaps(single, double)
    tensors = []
    spec = MODELS[name]["spec"]
    for t, (entry, start, value) in enumerate(zip(spec, initial(spec, seed), double[1])):
        key = f"{name}.{seed}.{entry['name']}"
        change = float(np.linalg.norm(value - start))
        entry = entry | dict(stream=t, norm=float(np.linalg.norm(value)), change=change, float32Gap=tensor_gaps[t])
        if value.size <= FULL:
            arrays[key] = value.astype(np.float32)
        else:
            arrays[f"{key}.every97"] = value.reshape(-1)[::EVERY].astype(np.float32)
            arrays[f"{key}.sketch"] = sketch(t, value)
        tensors.append(entry)
    return dict(
        seed=seed,
        losses=double[0],
        lossesFloat32=single[0],
        leastTrueProbability=double[2],
        margin=double[3],
        float32Gap=dict(losses=loss_gap, worstTensor=max(tensor_gaps)),
        tensors=tensors,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--seeds", help="instead of those committed")
    parser.add_argument("--search", action="store_true", help="only print the gaps of the seeds")
    options = parser.parse_args()
    self_check()
    name, model = options.model, MODELS[options.model]
    images, labels = idx(f"{options.mnist}/train-images-idx3-ubyte"), idx(f"{options.mnist}/train-labels-idx1-ubyte")
    x, y = model["input"](images[: STEPS * model["batch"]]), labels[: STEPS * model["batch"]]
    arrays, entries, versions = {}, [], dict(python=platform.python_version(), torch=torch.__version__, numpy=np.__version__)
    for seed in map(int, options.seeds.split(",")) if options.seeds else model["seeds"]:
        single, double = (run(model, seed, dtype, x, y) for dtype in (torch.float32, torch.float64))
        loss_gap, tensor_gaps = gaps(single, double)
        worst = max([loss_gap, *tensor_gaps])
        print(f"{name} seed {seed}: gap losses {loss_gap:.2e} tensors {max(tensor_gaps):.2e} least p {double[2]:.2e} margin {double[3]:.2e} "
              f"last loss {double[0][-1]:.5f} {'' if worst < GAP else 'REFUSED'}", flush=True)
        if options.search:
            continue
        assert worst < GAP, f"{name} seed {seed} is ill-conditioned in float32"
        entries.append(golden(name, seed, single, double, arrays))
        if name == "mlp":
            keras = keras_losses(seed, x, y)
            versions["keras"] = keras[2]
            entries[-1]["kerasGap"] = dict(zip(("losses", "tensors"), gaps(keras, double)))
            print("  Keras float64 against this:", entries[-1]["kerasGap"], flush=True)
    if options.search:
        return
    head = dict(model=name, script="parity.py", versions=versions, batch=model["batch"], steps=STEPS,
                sketch=dict(buckets=BUCKETS, stream=SKETCH_STREAM, every=EVERY), seeds=entries)
    with open(f"{HERE}/parity-{name}.json", "w") as out:
        out.write(json.dumps(head, indent=1) + "\n")
    save_file(arrays, f"{HERE}/parity-{name}.safetensors")


if __name__ == "__main__":
    main()
