#!/usr/bin/env python3
"""Trains a small language model on the letters of a text: a transformer that reads from left to right.

    python3 models/train-text.py --text FILE --out text.onnx

FILE is any text. Its last twentieth is kept for tests. Besides the model, in minutes on two CPU cores, it writes what the model
is measured on: text-train.npz and text-test.npz beside it, each with an array `input_ids` of pieces of 64 letters, whole
numbers below the number of different letters. Needs PyTorch and onnx; written for PyTorch 1.13 and onnx 1.12 (on Debian 12:
apt install python3-torch python3-onnx).

Four blocks of 128 features, each with attention in 4 heads and a hidden layer of 512 neurons with GELU, layer normalisation
before both, learned positions. Input `input_ids`, int64 [batch, sequence], up to 64 long; output `logits`, float32 [batch,
sequence, letters]: scores of each next letter. AdamW, 0.003 with a cosine to nothing after 100 steps of warming up.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional as F

LENGTH = 64
FEATURES = 128
HEADS = 4
BLOCKS = 4
BATCH = 32
PIECES = 2000


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(FEATURES)
        self.qkv = nn.Linear(FEATURES, 3 * FEATURES)
        self.project = nn.Linear(FEATURES, FEATURES)
        self.norm2 = nn.LayerNorm(FEATURES)
        self.fc1 = nn.Linear(FEATURES, 4 * FEATURES)
        self.fc2 = nn.Linear(4 * FEATURES, FEATURES)

    def forward(self, x, later):
        batch, length, _ = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, length, 3, HEADS, FEATURES // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        scores = q @ k.transpose(-2, -1) / math.sqrt(FEATURES // HEADS) + later
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, FEATURES)
        x = x + self.project(mixed)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class TextModel(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.letters = nn.Embedding(letters, FEATURES)
        self.positions = nn.Embedding(LENGTH, FEATURES)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(FEATURES)
        self.scores = nn.Linear(FEATURES, letters)
        self.register_buffer("later", torch.full((LENGTH, LENGTH), -1e9).triu(1))

    def forward(self, ids):
        length = ids.shape[1]
        x = self.letters(ids) + self.positions.weight[:length]
        for block in self.blocks:
            x = block(x, self.later[:length, :length])
        return self.scores(self.norm(x))


def pieces(ids, count, generator):
    starts = torch.randint(len(ids) - LENGTH, (count,), generator=generator)
    return torch.stack([ids[start : start + LENGTH + 1] for start in starts])


def loss_of(model, batch):
    scores = model(batch[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8")
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    ids = torch.tensor([number[letter] for letter in text])
    train, test = ids[: -len(ids) // 20], ids[-len(ids) // 20 :]

    torch.manual_seed(options.seed)
    generator = torch.Generator().manual_seed(options.seed)
    model = TextModel(len(letters))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    rate = lambda step: min(1, (step + 1) / 100) * (1 + math.cos(math.pi * step / options.steps)) / 2
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    started = time.time()
    for step in range(options.steps):
        loss = loss_of(model, pieces(train, BATCH, generator))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: loss {loss.item():.3f}, {time.time() - started:.0f} s", flush=True)

    model.eval()
    with torch.no_grad():
        tests = pieces(test, PIECES, generator)
        loss = np.mean([loss_of(model, batch).item() for batch in tests.split(100)])
    print(f"{len(letters)} letters, perplexity {math.exp(loss):.3f} on {PIECES} pieces of the end of the text")
    for name, own in (("train", pieces(train, PIECES, generator)), ("test", tests)):
        # One letter more than the model reads: the last one is only predicted.
        np.savez_compressed(options.out.with_name(f"{options.out.stem}-{name}.npz"), input_ids=own[:, :-1].numpy(), next_ids=own[:, 1:].numpy())
    torch.onnx.export(
        model,
        tests[:2, :-1],
        options.out,
        opset_version=13,
        input_names=["input_ids"],
        output_names=["logits"],
        dynamic_axes={"input_ids": {0: "batch", 1: "sequence"}, "logits": {0: "batch", 1: "sequence"}},
    )
    onnx.checker.check_model(str(options.out))


if __name__ == "__main__":
    main()
