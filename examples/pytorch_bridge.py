# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]", "torch"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""The same network in PyTorch: the same weights, the same losses, and weights that travel.

Claim: what one learns here carries over. An MLP for handwritten digits is written twice, here and
in PyTorch, and given the same weights. Trained with the same optimizer on the same batches, both
report the same losses to 1e-12 or better, step after step. What differs is rounding.

Side by side, the training step is the same five lines:

    tinygrad_loss                                   PyTorch
    optimizer.zero_grad()                           optimizer.zero_grad()
    loss = tl.cross_entropy(model(x), y)            loss = F.cross_entropy(model(x), y)
    loss = loss + tl.l2(weights, 1e-3)              loss = loss + 1e-3 * sum of w.square().sum()
    loss.backward()                                 loss.backward()
    optimizer.step()                                optimizer.step()

The state dicts differ in two points. Here a layer computes x @ weight, in PyTorch x @ weight.T, so
that matrices travel transposed. And PyTorch's Sequential calls a layer 0, ours layers.0. The two
functions below are all that it takes, in either direction; copy them. The library itself does not
need PyTorch.

Run it with

    python examples/pytorch_bridge.py

It takes a few seconds, prints a table, and saves in examples/output the trained weights in both
formats: bridge_weights.npz and bridge_weights.pt.
"""

import numpy as np
from _common import OUTPUT, print_table, run
from sklearn.datasets import load_digits
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

try:
    import torch
except ModuleNotFoundError:
    torch = None


def to_pytorch(state):
    """The state dict of an MLP of ours, as PyTorch's ``load_state_dict`` takes it."""
    return {name.removeprefix("layers."): torch.tensor(x.T) for name, x in state.items()}


def from_pytorch(state):
    """The state dict of a Sequential of PyTorch's, as our ``load_state_dict`` takes it."""
    return {f"layers.{name}": x.detach().numpy().T for name, x in state.items()}


def pytorch_mlp():
    layers = torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    return torch.nn.Sequential(*layers).double()


def main(quick=False):
    """Train both, and send the weights there and back; return the largest differences."""
    if torch is None:
        print("This example compares with PyTorch, which is not installed. To run it: pip install")
        print("torch --index-url https://download.pytorch.org/whl/cpu")
        return None
    X, y = load_digits(return_X_y=True)
    X = X / 16
    rng = np.random.default_rng(0)
    ours, theirs = nn.MLP([64, 64, 10], activation="relu", rng=rng), pytorch_mlp()
    theirs.load_state_dict(to_pytorch(ours.state_dict()))

    options = {"lr": 0.05, "momentum": 0.9, "nesterov": True}
    optimizer = optim.SGD(ours.parameters(), **options)
    their_optimizer = torch.optim.SGD(theirs.parameters(), **options)
    weights = [p for p in ours.parameters() if p.ndim == 2]
    their_weights = [p for p in theirs.parameters() if p.ndim == 2]

    losses = []
    epochs = 1 if quick else 10
    batches = (batch for _ in range(epochs) for batch in data.minibatches(X, y, 32, rng=rng))
    for images, digits in tqdm(batches, desc="training both", unit="step", total=epochs * 57):
        optimizer.zero_grad()
        loss = tl.cross_entropy(ours(images), digits) + tl.l2(weights, 1e-3)
        loss.backward()
        optimizer.step()

        their_optimizer.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(
            theirs(torch.tensor(images)), torch.tensor(digits)
        ) + 1e-3 * sum(w.square().sum() for w in their_weights)
        their_loss.backward()
        their_optimizer.step()
        losses.append((loss.item(), their_loss.item()))

    print()
    shown = (1, 10, 57) if quick else (1, 10, 100, 570)
    rows = [(f"step {k}", *(f"{loss:.12f}" for loss in losses[k - 1])) for k in shown]
    print_table(("loss", "tinygrad_loss", "PyTorch"), rows)
    difference = max(abs(a - b) for a, b in losses)
    print(f"largest difference in {len(losses)} steps: {difference:.1e}")
    return {"losses": difference, "outputs": travel(ours, pytorch_mlp(), X)}


def travel(ours, theirs, X):
    """Send weights from file to file, ours to theirs and back; return how the outputs differ."""
    OUTPUT.mkdir(exist_ok=True)
    with tl.no_grad():
        before = ours(X).data
    nn.save(OUTPUT / "bridge_weights.npz", ours)
    with np.load(OUTPUT / "bridge_weights.npz") as state:
        theirs.load_state_dict(to_pytorch(dict(state)))
    torch.save(theirs.state_dict(), OUTPUT / "bridge_weights.pt")

    state = torch.load(OUTPUT / "bridge_weights.pt", weights_only=True)
    returned = nn.MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(1))
    returned.load_state_dict(from_pytorch(state))
    with tl.no_grad(), torch.no_grad():
        there = np.abs(theirs(torch.tensor(X)).numpy() - before).max()
        back = np.abs(returned(X).data - before).max()
    print(f"outputs with the weights there: {there:.1e} apart; and back again: {back:.1e}")
    return {"there": float(there), "back": float(back)}


if __name__ == "__main__":
    run(main, __doc__)
