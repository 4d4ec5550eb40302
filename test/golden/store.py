"""Writes one family of goldens: <family>.json (names, options, shapes, versions) and <family>.safetensors (values).

Invariant: inputs are float32 values exactly (int32 for indices), results are float64 computed in float64, so a result
serves the float32 kernels and the float64 twins alike. Tensors are keyed `<case>/<role>/<name>`.
"""

import importlib.metadata
import json
import os
import platform

import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))


def float32(generator, *shape, scale=1.0, shift=0.0):
    """Normal random values that float32 holds exactly, as float64."""
    return (generator.standard_normal(shape) * scale + shift).astype(np.float32).astype(np.float64)


def narrow(value):
    """float64 inputs that float32 holds exactly are stored as float32, integers as int32."""
    value = np.asarray(value)
    if value.dtype.kind in "iub":
        return np.ascontiguousarray(value.astype(np.int32))
    assert np.array_equal(value.astype(np.float32).astype(np.float64), value), "an input that float32 cannot hold"
    return np.ascontiguousarray(value.astype(np.float32))


class Family:
    """Collects cases; `save` writes both files. Roles: inputs (exact), outputs and gradients (float64)."""

    def __init__(self, name, script, packages):
        self.name, self.script, self.cases, self.arrays = name, script, [], {}
        self.versions = {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages}

    def add(self, name, op, options=None, inputs=None, outputs=None, gradients=None, **extra):
        assert all(case["name"] != name for case in self.cases), name
        case = dict(name=name, op=op, options=options or {}, inputs=[], outputs=[], gradients=[], **extra)
        for role, values in (("inputs", inputs), ("outputs", outputs), ("gradients", gradients)):
            for key, value in (values or {}).items():
                value = narrow(value) if role == "inputs" else np.ascontiguousarray(np.asarray(value, dtype=None))
                if role != "inputs" and value.dtype.kind in "iub":
                    value = value.astype(np.int32)
                assert value.dtype in (np.float32, np.float64, np.int32), (name, key, value.dtype)
                case[role].append(key)
                self.arrays[f"{name}/{role}/{key}"] = value
        self.cases.append(case)

    def save(self):
        head = dict(family=self.name, script=self.script, versions=self.versions)
        lines = ",\n  ".join(json.dumps(case) for case in self.cases)
        with open(f"{HERE}/{self.name}.json", "w") as out:
            out.write(json.dumps(head)[:-1] + f', "cases": [\n  {lines}\n]}}\n')
        save_file(self.arrays, f"{HERE}/{self.name}.safetensors")
        size = os.path.getsize(f"{HERE}/{self.name}.safetensors")
        print(f"{self.name}: {len(self.cases)} cases, {len(self.arrays)} tensors, {size / 1024:.0f} KiB")
