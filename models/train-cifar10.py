#!/usr/bin/env python3
"""Trains one of two classifiers of CIFAR-10, convolutions and three fully connected layers, not pruned.

    python3 models/train-cifar10.py --data FOLDER --out convnet-cifar10.onnx
    python3 models/train-cifar10.py --data FOLDER --out deep-cifar10.onnx --plan deep

FOLDER holds CIFAR-10 (Krizhevsky, 2009) as images: train/CLASS/NAME.jpg and test/CLASS/NAME.jpg. Needs PyTorch, onnx and
Pillow; written for PyTorch 1.13 and onnx 1.12 (on Debian 12: apt install python3-torch python3-onnx python3-pil).

    plan small                output              plan deep                      output
    conv1 3 x 3, pool 2       16 x 16 x 32        as small, and after conv4
    conv2 3 x 3               16 x 16 x 64        conv5 3 x 3                    4 x 4 x 256
    conv3 3 x 3, pool 2       8 x 8 x 64          conv6 3 x 3                    4 x 4 x 256 = 4096
    conv4 3 x 3, pool 2       4 x 4 x 128 = 2048
    fc1, ReLU                 1024                fc1, ReLU                      2048
    fc2, ReLU                 1024                fc2, ReLU                      2048
    fc3                       10                  fc3                            10
    dropout before fc1, fc2   0.3                                                0.5
    batch normalization       no                  after every convolution, folded into it in the file
    epochs                    12                                                 8

SGD with Nesterov momentum 0.9, weight decay 0.0005, batches of 128, one-cycle learning rate up to 0.05, random horizontal flips and
shifts by up to four pixels. Classes are numbered in the order of their folders' names.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

BATCH = 128
SHIFT = 4
# Mean and standard deviation of the training pixels by channel, scaled to [0, 1].
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)


@dataclass(frozen=True)
class Plan:
    convolutions: tuple  # (output channels, whether the maximum of 2 x 2 follows)
    normalized: bool
    width: int
    dropout: float
    epochs: int


SMALL = ((32, True), (64, False), (64, True), (128, True))
PLANS = {
    "small": Plan(SMALL, False, 1024, 0.3, 12),
    "deep": Plan((*SMALL, (256, False), (256, False)), True, 2048, 0.5, 8),
}


class ConvNet(nn.Module):
    """Images [N, 3, 32, 32] with pixels in [0, 1] to logits [N, 10]."""

    def __init__(self, plan):
        super().__init__()
        self.plan = plan
        channels, size = 3, 32
        for number, (outputs, pooled) in enumerate(plan.convolutions, 1):
            self.add_module(f"conv{number}", nn.Conv2d(channels, outputs, 3, padding=1, bias=not plan.normalized))
            self.add_module(f"norm{number}", nn.BatchNorm2d(outputs) if plan.normalized else nn.Identity())
            channels, size = outputs, size // 2 if pooled else size
        self.fc1 = nn.Linear(channels * size * size, plan.width)
        self.fc2 = nn.Linear(plan.width, plan.width)
        self.fc3 = nn.Linear(plan.width, 10)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image):
        x = (image - self.mean) / self.std
        for number, (_, pooled) in enumerate(self.plan.convolutions, 1):
            x = F.relu(getattr(self, f"norm{number}")(getattr(self, f"conv{number}")(x)))
            x = F.max_pool2d(x, 2) if pooled else x
        x = F.dropout(torch.flatten(x, 1), self.plan.dropout, self.training)
        x = F.dropout(F.relu(self.fc1(x)), self.plan.dropout, self.training)
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def read_set(folder):
    """Images [N, 3, 32, 32] in [0, 1] and labels [N], classes in the order of their folders' names."""
    images, labels = [], []
    for label, name in enumerate(sorted(path.name for path in folder.iterdir() if path.is_dir())):
        for path in sorted((folder / name).iterdir()):
            images.append(np.asarray(Image.open(path).convert("RGB")))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    return pixels.contiguous(), torch.tensor(labels)


def augmented(images):
    """Flips half of the images and shifts each by up to SHIFT pixels in both directions; black comes in."""
    count, _, height, width = images.shape
    flip = torch.rand(count, 1, 1, 1) < 0.5
    padded = F.pad(torch.where(flip, images.flip(-1), images), [SHIFT] * 4)
    rows = torch.randint(2 * SHIFT + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(2 * SHIFT + 1, (count, 1)) + torch.arange(width)
    sample = torch.arange(count)[:, None, None]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def accuracy(model, data):
    model.eval()
    images, labels = data
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    model.train()
    return right / len(images)


def export(model, path):
    model.eval()
    torch.onnx.export(
        model,
        torch.zeros(1, 3, 32, 32),
        str(path),
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    )
    onnx.checker.check_model(onnx.load(str(path)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--plan", choices=PLANS, default="small")
    parser.add_argument("--epochs", type=int, help="instead of the plan's")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    images, labels = read_set(arguments.data / "train")
    test = read_set(arguments.data / "test")
    plan = PLANS[arguments.plan]
    epochs = arguments.epochs or plan.epochs
    model = ConvNet(plan)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = -(-len(images) // BATCH) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps)
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(augmented(images[batch])), labels[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(images):.4f}, {time.time() - start:.0f} s", flush=True)
    print(f"test accuracy: {accuracy(model, test):.4f}")
    export(model, arguments.out)


if __name__ == "__main__":
    main()
