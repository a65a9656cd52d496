#!/usr/bin/env python3
"""Trains 784-300-100-10, the layer plan of LeNet-300-100, on Fashion-MNIST.

    python3 models/train-lenet.py --data FOLDER --out lenet.onnx --seed 0

FOLDER holds the four IDX files of Fashion-MNIST as .gz. Needs PyTorch and onnx, as train.py does; a minute on one core.
SGD with momentum 0.9 and weight decay 0.0005, batches of 128, 30 epochs, a learning rate that falls from 0.05 to 0 along a
cosine; half of the batches flipped.
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from train import MEAN, STD, accuracy, read_set

EPOCHS = 30


class LeNet(nn.Module):
    """Images [N, 1, 28, 28] with pixels in [0, 1] to logits [N, 10]."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, image):
        x = torch.flatten((image - MEAN) / STD, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four IDX files")
    parser.add_argument("--out", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    images, labels = read_set(arguments.data, "train", None)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(128):
            x = images[batch]
            if torch.rand(1) < 0.5:
                x = x.flip(3)
            optimizer.zero_grad()
            F.cross_entropy(model(x), labels[batch]).backward()
            optimizer.step()
        schedule.step()
    model.eval()
    print(f"{100 * accuracy(model, read_set(arguments.data, 't10k', None)):.2f} % of the test images")
    torch.onnx.export(
        model,
        images[:1],
        str(arguments.out),
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}},
    )


if __name__ == "__main__":
    main()
