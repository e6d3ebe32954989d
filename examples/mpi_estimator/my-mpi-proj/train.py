"""Train a small neural network on handwritten digits, data-parallel with MPI. Knows nothing of where it runs."""

import argparse
import os

import numpy as np
from mpi4py import MPI

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--data-folder", required=True, help="folder that holds digits/pixels.csv and digits/labels.csv")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--learning-rate", type=float, default=0.5)
arguments = parser.parse_args()

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
run = Run.get_context()

data = os.path.join(arguments.data_folder, "digits")
pixels = np.loadtxt(os.path.join(data, "pixels.csv"), delimiter=",") / 16
labels = np.loadtxt(os.path.join(data, "labels.csv"), dtype=int)
order = np.random.default_rng(0).permutation(len(pixels))  # the same on every rank
train, test = order[:1440], order[1440:]
mine = train[rank::size]
print(f"rank {rank} of {size} on {MPI.Get_processor_name()} trains on {len(mine)} of {len(train)} digits", flush=True)

start = np.random.default_rng(1)
weights = [start.normal(0, 0.1, (64, 32)), np.zeros(32), start.normal(0, 0.1, (32, 10)), np.zeros(10)]
hot = np.eye(10)[labels]


def forward(x):
    hidden = np.tanh(x @ weights[0] + weights[1])
    scores = hidden @ weights[2] + weights[3]
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, scores / scores.sum(axis=1, keepdims=True)


def gradients(batch):
    x, y = pixels[batch], hot[batch]
    hidden, chances = forward(x)
    loss = -np.log((chances * y).sum(axis=1) + 1e-12).mean()
    slope = (chances - y) / len(batch)
    back = slope @ weights[2].T * (1 - hidden**2)
    return loss, [x.T @ back, back.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)]


for epoch in range(arguments.epochs):
    for batch in np.array_split(np.random.default_rng(epoch).permutation(mine), 12):
        loss, slopes = gradients(batch)
        for place, slope in enumerate(slopes):
            total = np.empty_like(slope)
            comm.Allreduce(slope, total)  # the sum over all ranks
            weights[place] -= arguments.learning_rate * total / size
    loss = comm.allreduce(loss) / size
    if rank == 0:
        run.log("loss", loss)

if rank == 0:
    accuracy = (forward(pixels[test])[1].argmax(axis=1) == labels[test]).mean()
    run.log("accuracy", accuracy)
    print(f"accuracy on {len(test)} digits it has not seen: {accuracy:.3f}")
    os.makedirs("outputs", exist_ok=True)
    np.savez("outputs/model.npz", *weights)
