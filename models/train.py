#!/usr/bin/env python3
"""Trains alexnet-fashion: AlexNet's layer plan for 28 x 28 images, on Fashion-MNIST, pruned to 90 % zeros.

    python3 models/train.py --data FOLDER --out alexnet-fashion.onnx

FOLDER holds the four IDX files of Fashion-MNIST as .gz. Needs PyTorch and onnx; written for PyTorch 1.13 and
onnx 1.12 (on Debian 12: apt install python3-torch python3-onnx dataset-fashion-mnist).

    stage      epochs  trains         learning rate
    dense      2       all layers     0.01
    settle     1       all layers     0.003
    prune      1       all layers     0.003, zeros of fc6, fc7, fc8 rise from 0 to 90 %
    recover    1       fc6, fc7, fc8  0.003, the zeros stay

Every stage: SGD, momentum 0.9, batches of 256, random horizontal flips and shifts by up to two pixels. In the end
all values are rounded to float16 precision, so that the file can be packed (see pack.mjs).
"""

import argparse
import gzip
import io
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

BATCH = 256
MOMENTUM = 0.9
SPARSITY = 0.9
SHIFT = 2
PRUNED = ("fc6", "fc7", "fc8")
# Mean and standard deviation of the training pixels, scaled to [0, 1].
MEAN, STD = 0.286, 0.353


class AlexNetFashion(nn.Module):
    """Images [N, 1, 28, 28] with pixels in [0, 1] to logits [N, 10]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 192, 5, padding=2)
        self.conv3 = nn.Conv2d(192, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 256, 3, padding=1)
        self.conv5 = nn.Conv2d(256, 256, 3, padding=1)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, 10)
        # He initialization; the small last layer starts from logits near 0, without which momentum overshoots.
        for layer in self.children():
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.fc8.weight, std=0.001)

    def forward(self, image):
        x = (image - MEAN) / STD
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 3, 2)
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        x = F.relu(self.conv5(x))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc6(x))
        x = F.relu(self.fc7(x))
        return self.fc8(x)


def read_idx(path):
    """An IDX file of unsigned bytes as an array."""
    data = gzip.decompress(path.read_bytes())
    dimensions = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(dimensions)


def read_set(folder, prefix, limit):
    """Images [N, 1, 28, 28] in [0, 1] and labels [N]."""
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")[:limit]
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")[:limit]
    return torch.from_numpy(images / np.float32(255)).unsqueeze(1), torch.from_numpy(labels.astype(np.int64))


def augmented(images):
    """Flips half of the images and shifts each by up to SHIFT pixels in both directions; black comes in."""
    count, _, height, width = images.shape
    flip = torch.rand(count, 1, 1, 1) < 0.5
    padded = F.pad(torch.where(flip, images.flip(-1), images), [SHIFT] * 4)[:, 0]
    rows = torch.randint(2 * SHIFT + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(2 * SHIFT + 1, (count, 1)) + torch.arange(width)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def magnitude_mask(weight, sparsity):
    """1 for the weights to keep, 0 for the given share of those with the smallest magnitude."""
    zeros = int(round(sparsity * weight.numel()))
    mask = torch.ones(weight.numel())
    mask[weight.abs().flatten().argsort()[:zeros]] = 0
    return mask.view_as(weight)


class Pruning:
    """Gradual magnitude pruning, layer by layer: sparsity(t) = SPARSITY (1 - (1 - t)^3) for t from 0 to 1.

    The cubic schedule of Zhu and Gupta, 2017, arXiv:1710.01878. Masks are found anew UPDATES times.
    """

    UPDATES = 16

    def __init__(self, model, steps):
        self.weights = [getattr(model, name).weight for name in PRUNED]
        self.masks = [torch.ones_like(weight) for weight in self.weights]
        self.steps = steps
        self.every = max(1, steps // self.UPDATES)

    @torch.no_grad()
    def after_step(self, step):
        last = step == self.steps - 1
        if last or step % self.every == 0:
            sparsity = SPARSITY * (1 - (1 - (step + 1) / self.steps) ** 3)
            self.masks = [magnitude_mask(weight, sparsity) for weight in self.weights]
        self.apply()

    @torch.no_grad()
    def apply(self):
        for weight, mask in zip(self.weights, self.masks):
            weight.mul_(mask)


def train(model, parameters, data, epochs, rate, name, after_step):
    images, labels = data
    optimizer = torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM)
    step = 0
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(augmented(images[batch])), labels[batch])
            loss.backward()
            optimizer.step()
            after_step(step)
            step += 1
            total += loss.item() * len(batch)
        print(f"{name} {epoch + 1}/{epochs}: loss {total / len(images):.4f}, {time.time() - start:.0f} s", flush=True)


@torch.no_grad()
def accuracy(model, data):
    images, labels = data
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return right / len(images)


def export(model, path):
    """Writes the ONNX file: opset 13, any batch size, nodes and values named after the layers."""
    buffer = io.BytesIO()
    torch.onnx.export(
        model,
        torch.zeros(1, 1, 28, 28),
        buffer,
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    )
    exported = onnx.load_from_string(buffer.getvalue())
    names = {"image": "image"}
    layer = ""
    constants = 0
    for node in exported.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            layer = node.name = node.input[1].split(".")[0]
        elif node.op_type == "Constant":
            constants += 1
            node.name = "constant" if constants == 1 else f"constant_{constants}"
        else:
            fixed = {"Sub": "subtract_mean", "Div": "divide_std", "Flatten": "flatten"}
            following = {"Relu": f"relu_{layer}", "MaxPool": f"pool_{layer}"}
            node.name = {**fixed, **following}[node.op_type]
        names[node.output[0]] = "logits" if node.output[0] == "logits" else f"{node.name}_out"
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names[value] for value in node.output]
    del exported.graph.value_info[:]
    onnx.checker.check_model(exported)
    onnx.save(exported, str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="use only the first images of each set, for a trial run")
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    training = read_set(arguments.data, "train", arguments.limit)
    test = read_set(arguments.data, "t10k", arguments.limit)
    model = AlexNetFashion()
    everything = list(model.parameters())
    connected = [parameter for name in PRUNED for parameter in getattr(model, name).parameters()]
    pruning = Pruning(model, steps=-(-len(training[0]) // BATCH))

    train(model, everything, training, 2, 0.01, "dense", lambda step: None)
    train(model, everything, training, 1, 0.003, "settle", lambda step: None)
    print(f"test accuracy before pruning: {accuracy(model, test):.4f}")
    train(model, everything, training, 1, 0.003, "prune", pruning.after_step)
    train(model, connected, training, 1, 0.003, "recover", lambda step: pruning.apply())

    with torch.no_grad():
        for parameter in everything:
            parameter.copy_(parameter.half().float())
    print(f"test accuracy: {accuracy(model, test):.4f}")
    for name in PRUNED:
        print(f"{name}: {(getattr(model, name).weight == 0).float().mean().item():.4f} zeros")
    export(model, arguments.out)


if __name__ == "__main__":
    main()
