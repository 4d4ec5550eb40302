"""Contender: PyTorch on the CPU. --config default: as its tutorials write it; tuned: channels last, fused or foreach optimizer,
denormals flushed (the driver adds thread binding and allocator settings); compiled: tuned under torch.compile.

Reads the same file and prints the same JSON line as the contenders written in JavaScript (bench/support/measure.ts).
"""

import argparse
import json
import platform
import resource
import time

import numpy as np
import torch
from torch import nn

BATCHES, WARM_UP, WARM_UP_SECONDS = 16, 100, 2.5


def read(path):
    raw = open(path, "rb").read()
    start = 8 + int.from_bytes(raw[:8], "little")
    types = {"F32": np.float32, "I32": np.int32}
    header = json.loads(raw[8:start])
    return {name: np.frombuffer(raw[start + e["data_offsets"][0] : start + e["data_offsets"][1]], types[e["dtype"]]).reshape(e["shape"]) for name, e in header.items()}


def linear(data, name, permute=None):
    kernel = data[f"{name}.kernel"]
    layer = nn.Linear(*kernel.shape)
    weight = torch.tensor(kernel if permute is None else permute(kernel)).T.contiguous()
    layer.weight.data, layer.bias.data = weight, torch.tensor(data[f"{name}.bias"])
    return layer


def conv(data, name):
    kernel = data[f"{name}.kernel"]
    layer = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3)
    layer.weight.data, layer.bias.data = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous(), torch.tensor(data[f"{name}.bias"])
    return layer


def channels_first(kernel):
    """Rows of [12, 12, 64] features to PyTorch's [64, 12, 12]."""
    return kernel.reshape(12, 12, 64, -1).transpose(2, 0, 1, 3).reshape(9216, -1).copy()


def network(workload, data):
    if workload == "binary":
        return nn.Sequential(linear(data, "dense1"), nn.ReLU(), linear(data, "dense2"), nn.ReLU(), linear(data, "dense3"), nn.Flatten(0))
    if workload == "cnn":
        features = [conv(data, "conv1"), nn.ReLU(), conv(data, "conv2"), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()]
        return nn.Sequential(*features, linear(data, "dense1", channels_first), nn.ReLU(), nn.Dropout(0.5), linear(data, "dense2"))
    masks = [nn.Dropout(0.2)] if workload == "mlp-dropout" else []
    return nn.Sequential(nn.Flatten(), linear(data, "dense1"), nn.ReLU(), *masks, linear(data, "dense2"))


def optimizer(workload, parameters, tuned):
    if workload == "binary":
        return torch.optim.Adam(parameters, lr=0.001, eps=1e-7, **(dict(fused=True) if tuned else {}))
    if workload == "cnn":
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.5, **(dict(fused=True) if tuned else {}))
    return torch.optim.RMSprop(parameters, lr=0.001, alpha=0.9, eps=1e-7, **(dict(foreach=True) if tuned else {}))


def build(workload, data, config):
    tuned = config != "default"
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"]).long()
    model = network(workload, data)
    if workload == "cnn":
        x = x[:, None]
        if tuned:
            x, model = x.contiguous(memory_format=torch.channels_last), model.to(memory_format=torch.channels_last)
    if workload == "binary":
        y = y.float()
    if tuned:
        torch.set_flush_denormal(True)
    update = optimizer(workload, model.parameters(), tuned)
    criterion = nn.BCEWithLogitsLoss() if workload == "binary" else nn.CrossEntropyLoss()
    loss_of = (lambda a, b: criterion(model(a), b)) if config != "compiled" else torch.compile(lambda a, b: criterion(model(a), b))
    batch = len(x) // BATCHES

    def step(i):
        rows = slice((i % BATCHES) * batch, (i % BATCHES + 1) * batch)
        loss = loss_of(x[rows], y[rows])
        update.zero_grad(set_to_none=True)
        loss.backward()
        update.step()
        return loss.item()

    return step


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("workload", None), ("data", None), ("config", "default"), ("seconds", "3")):
        parser.add_argument(f"--{name}", default=default)
    options = parser.parse_args()
    step = build(options.workload, read(options.data), options.config)
    losses, started = [], time.perf_counter()
    while len(losses) < WARM_UP and (not losses or options.config == "compiled" or time.perf_counter() - started < WARM_UP_SECONDS):
        losses.append(step(len(losses)))
    faults, times, begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begun < float(options.seconds):
        before = time.perf_counter()
        step(len(losses) + len(times))
        times.append(1000 * (time.perf_counter() - before))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    low, median, high = np.quantile(times, [0.1, 0.5, 0.9])
    facts = dict(python=platform.python_version(), torch=torch.__version__, threads=torch.get_num_threads())
    print(json.dumps(dict(contender=f"PyTorch {options.config}", workload=options.workload, medianMs=median, p10Ms=low, p90Ms=high, steps=len(times),
                          firstLoss=losses[0], lastLoss=losses[-1], lastStep=len(losses), minorFaultsPerStep=(usage.ru_minflt - faults) / len(times),
                          peakMiB=usage.ru_maxrss / 1024, facts=facts)))


if __name__ == "__main__":
    main()
