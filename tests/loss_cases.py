"""One table of all losses: how to call each, on inputs that are allowed.

test_other_arrays.py fails when a loss has no row in it.
"""

import numpy as np


def real(rng):
    return rng.standard_normal((4, 3))


def column(rng):
    return rng.standard_normal((4, 1))


def positive(rng):
    return rng.uniform(0.1, 0.9, (4, 3))


def distribution(rng):
    return rng.dirichlet(np.ones(3), 4)


def log_distribution(rng):
    return np.log(distribution(rng))


def classes(rng):
    return rng.integers(0, 3, 4)


def binary(rng):
    return rng.integers(0, 2, (4, 3))


def signs(rng):
    return rng.choice([-1, 1], (4, 3))


def counts(rng):
    return rng.poisson(3.0, (4, 3))


def pairs(rng):
    return rng.integers(0, 2, 4)


def sign_per_row(rng):
    return rng.choice([-1, 1], 4)


WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0])

# name: rows of (what draws each input, how many of the inputs are predictions, options)
LOSSES = {
    "sum_squared_error": [((real, real), 2, {})],
    "mean_squared_error": [
        ((real, real), 1, {}),
        ((column, column), 2, {"reduction": "sum"}),
        ((column, column), 2, {"sample_weight": WEIGHTS.reshape(4, 1)}),
    ],
    "mean_absolute_error": [((real, real), 2, {})],
    "huber": [((real, real), 2, {"delta": 0.7})],
    "log_cosh": [((real, real), 2, {})],
    "pinball": [((real, real), 2, {"quantile": 0.9})],
    "gaussian_nll": [((real, real, real), 3, {})],
    "poisson_nll": [((real, counts), 1, {})],
    "cross_entropy": [
        ((real, classes), 1, {}),
        ((real, classes), 1, {"reduction": "sum", "base": 2}),
        ((real, classes), 1, {"label_smoothing": 0.1}),
        ((real, classes), 1, {"weight": np.array([1.0, 2.0, 0.5])}),
        ((real, classes), 1, {"weight": np.array([1.0, 2.0, 0.5]), "label_smoothing": 0.1}),
        ((real, lambda rng: np.array([0, -1, 2, 1])), 1, {"ignore_index": -1}),
        ((real, classes), 1, {"sample_weight": WEIGHTS, "weight": np.array([1.0, 2.0, 0.5])}),
        ((real, distribution), 2, {}),
        ((real, distribution), 1, {"label_smoothing": 0.1}),
    ],
    "cross_entropy_from_probs": [
        ((distribution, classes), 1, {}),
        ((distribution, distribution), 1, {"base": 2}),
    ],
    "binary_cross_entropy": [((positive, binary), 1, {}), ((positive, positive), 2, {})],
    "binary_cross_entropy_with_logits": [
        ((real, binary), 1, {}),
        ((real, positive), 2, {"pos_weight": 3.0}),
        ((real, binary), 1, {"pos_weight": np.array([1.0, 2.0, 3.0])}),
        ((real, binary), 1, {"label_smoothing": 0.1}),
    ],
    "focal": [
        ((real, classes), 1, {}),
        ((real, classes), 1, {"alpha": np.array([0.2, 0.3, 0.5])}),
    ],
    "binary_focal": [((real, binary), 1, {"alpha": 0.25}), ((real, binary), 1, {"gamma": 0.5})],
    "kl_divergence": [((log_distribution, distribution), 1, {})],
    "hinge": [((real, signs), 1, {})],
    "squared_hinge": [((real, signs), 1, {})],
    "multiclass_hinge": [
        ((real, classes), 1, {}),
        ((real, classes), 1, {"kind": "weston_watkins", "margin": 0.5}),
    ],
    "contrastive": [((real, real, pairs), 2, {})],
    "triplet": [
        ((real, real, real), 3, {}),
        ((real, real, real), 3, {"squared": True}),
        ((real, real, real), 3, {"swap": True}),
    ],
    "cosine_embedding": [((real, real, sign_per_row), 2, {"margin": 0.1})],
    "nt_xent": [((real, real), 2, {})],
    "discriminator": [
        ((column, column), 2, {}),
        ((column, column), 2, {"sample_weight": WEIGHTS.reshape(4, 1)}),
    ],
    "generator_minimax": [((column,), 1, {})],
    "generator_non_saturating": [((column,), 1, {})],
    "wasserstein_critic": [((column, column), 2, {})],
    "wasserstein_generator": [((column,), 1, {})],
    "least_squares_discriminator": [((column, column), 2, {})],
    "least_squares_generator": [((column,), 1, {})],
    "hinge_discriminator": [((column, column), 2, {})],
    "hinge_generator": [((column,), 1, {})],
}
LOSS_ROWS = [(name, *row) for name, rows in LOSSES.items() for row in rows]
