#!/usr/bin/env python3
"""Trains convnet-cifar10: four layers of convolution and three fully connected ones, on CIFAR-10, not pruned.

    python3 models/train-cifar10.py --data FOLDER --out convnet-cifar10.onnx
    python3 models/train-cifar10.py --data FOLDER --out wide-cifar10.onnx --features 4096 --width 4096 --dropout 0.5

FOLDER holds CIFAR-10 (Krizhevsky, 2009) as images: train/CLASS/NAME.jpg and test/CLASS/NAME.jpg. Needs PyTorch, onnx and
Pillow; written for PyTorch 1.13 and onnx 1.12 (on Debian 12: apt install python3-torch python3-onnx python3-pil).

    layer                     output                                    layer         output
    conv1 3 x 3, pool 2       16 x 16 x 32                              fc1, ReLU     --width, 1024
    conv2 3 x 3               16 x 16 x 64                              fc2, ReLU     --width, 1024
    conv3 3 x 3, pool 2       8 x 8 x 64                                fc3           10
    conv4 3 x 3, pool 2       4 x 4 x 128 = 2048, or --features values

The second command gives the fully connected layers the widths and the dropout of AlexNet's.

SGD with Nesterov momentum 0.9, weight decay 0.0005, batches of 128, one-cycle learning rate up to 0.05, dropout (--dropout, 0.3)
before fc1 and fc2, random horizontal flips and shifts by up to four pixels. Classes are numbered in the order of their folders' names.
"""

import argparse
import time
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


class ConvNet(nn.Module):
    """Images [N, 3, 32, 32] with pixels in [0, 1] to logits [N, 10]."""

    def __init__(self, features, width, dropout):
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 64, 3, padding=1)
        self.conv4 = nn.Conv2d(64, features // 16, 3, padding=1)
        self.fc1 = nn.Linear(features, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, 10)
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, image):
        x = (image - self.mean) / self.std
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(F.relu(self.conv3(x)), 2)
        x = F.max_pool2d(F.relu(self.conv4(x)), 2)
        x = F.dropout(torch.flatten(x, 1), self.dropout, self.training)
        x = F.dropout(F.relu(self.fc1(x)), self.dropout, self.training)
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
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--features", type=int, default=2048, help="values that fc1 reads, a multiple of 16")
    parser.add_argument("--width", type=int, default=1024, help="outputs of fc1 and of fc2")
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    images, labels = read_set(arguments.data / "train")
    test = read_set(arguments.data / "test")
    model = ConvNet(arguments.features, arguments.width, arguments.dropout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    steps = -(-len(images) // BATCH) * arguments.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps)
    for epoch in range(arguments.epochs):
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
