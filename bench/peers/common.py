"""What the contenders written in Python share: the data file, the arguments, and the loop they are run by.

The loop is that of bench/support/measure.ts: same warm-up, same clock, one JSON line as the result.
"""

import argparse
import json
import platform
import resource
import time

import numpy as np

WARM_UP, WARM_UP_SECONDS, GROUP_MS, CHECK = 100, 1.0, 0.2, 100


def read(path):
    """(workload, tensors by name) of a data file."""
    raw = open(path, "rb").read()
    start = 8 + int.from_bytes(raw[:8], "little")
    types = {"F32": np.float32, "I32": np.int32}
    header = json.loads(raw[8:start])
    workload = json.loads(header.pop("__metadata__")["workload"])
    part = lambda e: raw[start + e["data_offsets"][0] : start + e["data_offsets"][1]]
    return workload, {name: np.frombuffer(part(e), types[e["dtype"]]).reshape(e["shape"]) for name, e in header.items()}


def padding(spec, size):
    """Zeros before and after the image, as Keras pads."""
    if spec["padding"] == "valid":
        return 0, 0
    total = max(0, (-(-size // spec["stride"]) - 1) * spec["stride"] + spec["kernel"] - size)
    return total // 2, total - total // 2


def channels_first_rows(kernel, shape):
    """Rows of a dense kernel for features [height, width, channels], in the order [channels, height, width]."""
    height, width, channels = shape
    return kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1).copy()


def measure(step, seconds, patient):
    started, i = time.perf_counter(), 0
    while i < 1 or (i < WARM_UP and (patient and i < 20 or time.perf_counter() - started < WARM_UP_SECONDS)):
        step(i)
        i += 1
    before = time.perf_counter()
    step(i)
    i += 1
    group = max(1, int(np.ceil(GROUP_MS / 1000 / (time.perf_counter() - before))))
    faults, times, begun = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begun < seconds:
        before = time.perf_counter()
        for _ in range(group):
            step(i)
            i += 1
        times.append(1000 * (time.perf_counter() - before) / group)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    low, median, high = np.quantile(times, [0.1, 0.5, 0.9])
    steps = len(times) * group
    return dict(medianMs=median, p10Ms=low, p90Ms=high, steps=steps, minorFaultsPerStep=(usage.ru_minflt - faults) / steps, peakMiB=usage.ru_maxrss / 1024)


def follow(step, seconds):
    curve, started = [], time.perf_counter()
    while len(curve) < CHECK and time.perf_counter() - started < seconds:
        result = step(len(curve))
        if not isinstance(result, float):
            return dict(curve=[float(v) for v in np.asarray(result).ravel()])
        curve.append(result)
    return dict(curve=curve)


def contend(build):
    """The whole of a measured process; `build(workload, data, config)` gives (step, facts)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    for name, default in (("workload", None), ("contender", ""), ("data", None), ("config", "default"), ("seconds", "3")):
        parser.add_argument(f"--{name}", default=default)
    options = parser.parse_args()
    workload, data = read(options.data)
    if options.check:
        workload["layers"] = [layer for layer in workload["layers"] if layer["kind"] != "dropout"]
    step, facts = build(workload, data, options.config)
    result = follow(step, float(options.seconds)) if options.check else measure(step, float(options.seconds), options.config == "compiled")
    facts = dict(python=platform.python_version(), **facts)
    print(json.dumps(dict(contender=options.contender, workload=options.workload, facts=facts, **result)))
