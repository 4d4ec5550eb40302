"""Contender: PyTorch on the CPU. --config default: as its tutorials write it; tuned: channels last, fused or foreach optimizer,
denormals flushed, inference mode (the driver adds thread binding and allocator settings); compiled: tuned under torch.compile.
"""

import torch
from torch import nn
from torch.nn import functional

from common import channels_first_rows, contend, padding


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class PadAfter(nn.Module):
    """One row and column of zeros after the image, for the strided convolutions."""

    def forward(self, x):
        return functional.pad(x, (0, 1, 0, 1))


class Builder:
    def __init__(self, data):
        self.data = data
        self.flattened = None  # shape [height, width, channels] before a flatten

    def tensor(self, name):
        return torch.tensor(self.data[name])

    def dense(self, spec):
        kernel = self.data[f"{spec['name']}.kernel"]
        if self.flattened:
            kernel, self.flattened = channels_first_rows(kernel, self.flattened), None
        layer = nn.Linear(*kernel.shape)
        layer.weight.data, layer.bias.data = torch.tensor(kernel).T.contiguous(), self.tensor(f"{spec['name']}.bias")
        return [layer]

    def conv(self, spec, shape):
        before, after = padding(spec, shape[0])
        layer = nn.Conv2d(spec["channels"], spec["filters"], spec["kernel"], stride=spec["stride"], padding=before, bias=spec["bias"])
        layer.weight.data = self.tensor(f"{spec['name']}.kernel").permute(3, 2, 0, 1).contiguous()
        if spec["bias"]:
            layer.bias.data = self.tensor(f"{spec['name']}.bias")
        size = (shape[0] + before + after - spec["kernel"]) // spec["stride"] + 1
        return ([PadAfter()] if after > before else []) + [layer], [size, size, spec["filters"]]

    def norm(self, spec):
        layer = nn.BatchNorm2d(spec["channels"], eps=0.001, momentum=0.1)
        parts = dict(gamma=layer.weight.data, beta=layer.bias.data, mean=layer.running_mean, variance=layer.running_var)
        for name, target in parts.items():
            target.copy_(self.tensor(f"{spec['name']}.{name}"))
        return [layer]

    def chain(self, specs, shape):
        layers = []
        for spec in specs:
            kind = spec["kind"]
            if kind == "dense":
                layers += self.dense(spec)
            elif kind == "conv":
                added, shape = self.conv(spec, shape)
                layers += added
            elif kind == "norm":
                layers += self.norm(spec)
            elif kind == "relu":
                layers.append(nn.ReLU())
            elif kind == "dropout":
                layers.append(nn.Dropout(spec["rate"]))
            elif kind == "maxPool":
                layers.append(nn.MaxPool2d(2))
                shape = [shape[0] // 2, shape[1] // 2, shape[2]]
            elif kind == "globalPool":
                layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            elif kind == "flatten":
                layers.append(nn.Flatten())
                self.flattened = shape
            else:
                body, after = self.chain(spec["body"], shape)
                layers.append(Residual(body, self.chain(spec["shortcut"], shape)[0]))
                shape = after
        return nn.Sequential(*layers), shape


def optimizer(spec, parameters, tuned):
    rate = spec["rate"]
    if spec["kind"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, eps=spec["epsilon"], **(dict(fused=True) if tuned else {}))
    if spec["kind"] == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=spec["momentum"], **(dict(fused=True) if tuned else {}))
    epsilon = spec["epsilon"] ** 0.5  # outside the root here
    return torch.optim.RMSprop(parameters, lr=rate, alpha=spec["decay"], eps=epsilon, **(dict(foreach=True) if tuned else {}))


def inference(model, rows, x, config):
    model.eval()
    if config == "compiled":
        torch._inductor.config.freezing = True
        model = torch.compile(model)
    mode = torch.no_grad if config != "tuned" else torch.inference_mode

    def step(i):
        with mode():
            return model(x[rows(i)]).numpy()

    return step


def training(model, workload, rows, x, y, config):
    update = optimizer(workload["optimizer"], model.parameters(), config != "default")
    binary = workload["classes"] == 2
    criterion = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    targets = y.float()[:, None] if binary else y
    loss_of = lambda a, b: criterion(model(a), b)
    if config == "compiled":
        loss_of = torch.compile(loss_of)

    def step(i):
        loss = loss_of(x[rows(i)], targets[rows(i)])
        update.zero_grad(set_to_none=True)
        loss.backward()
        update.step()
        return loss.item()

    return step


def build(workload, data, config):
    x, y = torch.tensor(data["x"]), torch.tensor(data["y"]).long()
    model, _ = Builder(data).chain(workload["layers"], workload["sample"])
    if x.dim() == 4:
        x = x.permute(0, 3, 1, 2).contiguous()
        if config != "default":
            x, model = x.contiguous(memory_format=torch.channels_last), model.to(memory_format=torch.channels_last)
    if config != "default":
        torch.set_flush_denormal(True)
    batch, count = workload["batch"], workload["batches"]
    rows = lambda i: slice((i % count) * batch, (i % count + 1) * batch)
    facts = dict(torch=torch.__version__, threads=torch.get_num_threads())
    step = inference(model, rows, x, config) if workload["task"] == "inference" else training(model, workload, rows, x, y, config)
    return step, facts


if __name__ == "__main__":
    contend(build)
