"""Writes the golden files of the file formats: safetensors by the safetensors package, npy and npz by NumPy.

Made with Python 3.11, numpy 2.4.6, safetensors 0.8.0: python test/golden/io/make_io.py
"""

import json
import struct
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

here = Path(__file__).parent

# Our five dtypes: the writer's output must equal this file byte for byte.
ours = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "bias": np.array([-1.5, 0.0, np.inf], dtype=np.float32),
    "double": np.array([[1 / 3]], dtype=np.float64),
    "step": np.array(7, dtype=np.int32),
    "pixels": np.arange(5, dtype=np.uint8) * 50,
    "mask": np.array([True, False, True]),
    "empty": np.zeros((0, 4), dtype=np.float32),
}
save_file(ours, here / "ours.safetensors", metadata={"format": "steepest"})

# Types that are converted when read. NumPy has no bfloat16, so that tensor is put together by hand.
other = {
    "half": np.array([0, -0.5, 1 / 3, 65504, 6e-8, np.inf, -np.inf], dtype=np.float16),
    "int8": np.array([-128, 127], dtype=np.int8),
    "int16": np.array([-32768, 32767], dtype=np.int16),
    "uint16": np.array([0, 65535], dtype=np.uint16),
    "uint32": np.array([0, 2147483647], dtype=np.uint32),
    "int64": np.array([-2147483648, 2147483647], dtype=np.int64),
    "uint64": np.array([0, 2147483647], dtype=np.uint64),
}
save_file(other, here / "other.safetensors")

header = json.dumps({"brain": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
brain = np.array([1.0, -2.5, 3.140625], dtype=np.float32).view(np.uint32) >> 16
(here / "brain.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + brain.astype("<u2").tobytes())

np.save(here / "float32.npy", ours["weights"])
np.save(here / "fortran.npy", np.asfortranarray(np.arange(24, dtype=np.float64).reshape(2, 3, 4)))
np.save(here / "big_endian.npy", np.array([1, -2, 300000], dtype=">i4"))
np.save(here / "int64.npy", np.array([[1, -2], [3, 2147483647]], dtype=np.int64))
np.save(here / "bool.npy", ours["mask"])
np.save(here / "scalar.npy", np.array(2.5, dtype=np.float32))
np.save(here / "half.npy", other["half"])
np.save(here / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save(here / "structured.npy", np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f4")]))
for version in (2, 3):
    with open(here / f"version{version}.npy", "wb") as file:
        np.lib.format.write_array(file, ours["weights"], version=(version, 0))
np.savez(here / "stored.npz", x=ours["weights"], y=np.array([1, 2, 3], dtype=np.int32))
np.savez_compressed(here / "deflated.npz", x=np.zeros((100, 100), dtype=np.float32), y=np.array([1, 2, 3], dtype=np.int32))
