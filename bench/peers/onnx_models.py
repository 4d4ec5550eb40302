"""Writes the ONNX models of inference workloads: onnx_models.py data.safetensors … → data.onnx beside each.

Channels first, static shapes, the weights of the data file; convolution, normalization and relu are left separate, as exporters
leave them, for the runtime to fuse.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import channels_first_rows, padding, read


class Graph:
    def __init__(self, data):
        self.data, self.nodes, self.weights, self.flattened = data, [], [], None

    def weight(self, name, values):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind, inputs, **attributes):
        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def dense(self, spec, x):
        name, kernel = spec["name"], self.data[f"{spec['name']}.kernel"]
        if self.flattened:
            kernel, self.flattened = channels_first_rows(kernel, self.flattened), None
        bias = self.weight(f"{name}.bias", self.data[f"{name}.bias"])
        return self.node("Gemm", [x, self.weight(f"{name}.kernel", kernel), bias])

    def conv(self, spec, x, shape):
        name, (before, after) = spec["name"], padding(spec, shape[0])
        inputs = [x, self.weight(f"{name}.kernel", self.data[f"{name}.kernel"].transpose(3, 2, 0, 1))]
        if spec["bias"]:
            inputs.append(self.weight(f"{name}.bias", self.data[f"{name}.bias"]))
        size = (shape[0] + before + after - spec["kernel"]) // spec["stride"] + 1
        window, strides = [spec["kernel"]] * 2, [spec["stride"]] * 2
        output = self.node("Conv", inputs, kernel_shape=window, strides=strides, pads=[before, before, after, after])
        return output, [size, size, spec["filters"]]

    def norm(self, spec, x):
        names = [f"{spec['name']}.{part}" for part in ("gamma", "beta", "mean", "variance")]
        return self.node("BatchNormalization", [x, *(self.weight(n, self.data[n]) for n in names)], epsilon=0.001)

    def chain(self, specs, x, shape):
        for spec in specs:
            kind = spec["kind"]
            if kind == "dense":
                x = self.dense(spec, x)
            elif kind == "conv":
                x, shape = self.conv(spec, x, shape)
            elif kind == "norm":
                x = self.norm(spec, x)
            elif kind == "relu":
                x = self.node("Relu", [x])
            elif kind == "maxPool":
                x, shape = self.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2]), [shape[0] // 2, shape[1] // 2, shape[2]]
            elif kind == "globalPool":
                x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
            elif kind == "flatten":
                x, self.flattened = self.node("Flatten", [x]), shape
            elif kind == "residual":
                body, after = self.chain(spec["body"], x, shape)
                x, shape = self.node("Add", [body, self.chain(spec["shortcut"], x, shape)[0]]), after
        return x, shape


def write(path):
    workload, data = read(path)
    graph, sample = Graph(data), workload["sample"]
    output, _ = graph.chain(workload["layers"], "x", sample)
    shape = [sample[2], sample[0], sample[1]] if len(sample) == 3 else sample
    tensor = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    inputs, outputs = [tensor("x", [workload["batch"], *shape])], [tensor(output, [workload["batch"], workload["classes"]])]
    model = helper.make_model(helper.make_graph(graph.nodes, workload["name"], inputs, outputs, graph.weights), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path.replace(".safetensors", ".onnx"))


for argument in sys.argv[1:]:
    write(argument)
