"""The numbers of the gallery, each with the run that it comes from, and how far it may move.

``MEASURED`` has, for each script, the numbers that the gallery publishes of it. Each is written as
it stands on the page, with a function that finds it in what ``main()`` of the script returned. It
may move by one unit of its last digit; where machines move it further, the smallest and the largest
value stand beside it. ``GIVEN`` are the other decimal numbers in the tables: references, settings,
and closed forms.

``python -m tests.gallery`` runs the scripts in full and compares.
"""

from functools import cache
from importlib import import_module

import numpy as np

from .numbers import Number, number, over_seeds
from .published_of_losses import LOSSES


def of_mistake(
    mistake: str, what: str, right: str, wrong: str | None = None, share: float = 0.1
) -> list[Number]:
    """What was seen of the right programs, and of those with a mistake."""
    numbers = over_seeds(right, lambda r: r[mistake, what][0], 0.1)
    return numbers + (over_seeds(wrong, lambda r: r[mistake, what][1], share) if wrong else [])


@cache
def other_digits() -> list[float]:
    """The accuracies of digits_mlp with the seeds 1 to 4."""
    return [import_module("digits_mlp").main(seed=seed) for seed in range(1, 5)]


def dead(rate: float, layer: int, texts: str, share: float) -> list[Number]:
    """The dead ReLUs of vanishing_gradients, in percent."""
    return over_seeds(texts, lambda r: r["rate"][rate][:, layer], share)


def share_of_gradient(activation: str, depth: int, texts: str) -> list[Number]:
    return over_seeds(texts, lambda r: r["shares"][activation, depth])


def of_batch(i: int, formula: str, ratio: str) -> list[Number]:
    """The noise of a gradient over the i-th batch size of sgd_noise, and the ratio of the two."""
    return [
        *over_seeds(formula, lambda r: r["noise"][:, i, 0]),
        *over_seeds(ratio, lambda r: r["ratios"][:, i]),
    ]


def regularizer(name: str, accuracies: str, gains: str, count: str) -> list[Number]:
    """The accuracies with a regularizer, what it gains, and in how many choices of the data."""
    number_of_gains = number(count, lambda r: (r["gains"][name] > 0).sum())
    return [
        *over_seeds(accuracies, lambda r: r["accuracies"][name], 0.005),
        *over_seeds(gains, lambda r: r["gains"][name], 0.4),
        number_of_gains._replace(low=number_of_gains.value - 1, high=8),
    ]


MEASURED = {
    **LOSSES,
    "backprop_by_hand": [
        number("0", lambda r: r["errors"][0], 0, 1e-14),
        number("7e-11", lambda r: r["errors"][1], 0, 1e-9),
        number("1.984e-9", lambda r: r["paths"][1, -1], 1.9e-9, 2.1e-9),
        number("-0.0000", lambda r: r["outputs"][0], -1e-4, 1e-4),
        number("0.9999", lambda r: r["outputs"][1]),
        number("0.9999", lambda r: r["outputs"][2]),
        number("-0.0000", lambda r: r["outputs"][3], -1e-4, 1e-4),
        number("0", lambda r: abs(r["paths"] - r["engine"]).max(), 0, 1e-9),
        number("17", lambda r: (r["paths"][:, -1] < 1e-3).sum(), 16, 18),
        number("20", lambda r: len(r["paths"]), 20, 20),
        number("0.127", lambda r: np.median(r["paths"][r["paths"][:, -1] >= 1e-3, -1])),
    ],
    "digits_mlp": over_seeds(".9800 .9778 .9822", lambda r: [r, *other_digits()], 0.005),
    "regularized_digits": [
        *over_seeds("89.2 88.3 89.9", lambda r: r["accuracies"]["none"], 0.005),
        *regularizer("dropout 0.2", "90.3 88.8 90.8", "0.8 0.4 1.8", "8"),
        *regularizer("dropout 0.5", "90.0 89.3 90.9", "0.8 -0.1 1.8", "7"),
        *regularizer("L2", "90.0 88.6 90.7", "0.5 0.2 1.1", "8"),
        *regularizer("L1", "89.3 88.3 90.0", "0.1 -0.2 0.4", "6"),
    ],
    "vanishing_gradients": [
        *over_seeds(".885 .865 .890", lambda r: r["moons"][:, 0]),
        number("1", lambda r: r["moons"][:, 1].min(), 1, 1),
        *over_seeds(".885 .865 .890", lambda r: r["moons"][:, 2]),
        *share_of_gradient("sigmoid", 2, "0.31 0.28 0.33"),
        *share_of_gradient("sigmoid", 5, "0.0040 0.0033 0.0052"),
        *share_of_gradient("sigmoid", 10, "2.9e-6 2.4e-6 4.7e-6"),
        *share_of_gradient("sigmoid", 20, "1.4e-12 1.1e-12 2.8e-12"),
        *share_of_gradient("tanh", 2, "1.37 1.25 1.39"),
        *share_of_gradient("tanh", 5, "1.31 1.16 1.73"),
        *share_of_gradient("tanh", 10, "1.44 1.31 2.10"),
        *share_of_gradient("tanh", 20, "1.45 1.04 1.62"),
        *share_of_gradient("relu", 2, "0.88 0.81 1.05"),
        *share_of_gradient("relu", 5, "1.30 0.66 1.35"),
        *share_of_gradient("relu", 10, "1.06 1.00 1.17"),
        *share_of_gradient("relu", 20, "1.09 0.81 1.51"),
        *dead(0.1, 0, "3 2 5", 0.7),
        *dead(0.3, 0, "5 3 5", 0.7),
        *dead(1, 0, "70 50 75", 0.2),
        *dead(3, 0, "97 94 100", 0.1),
        *dead(10, 0, "100 98 100", 0.1),
        *dead(0.1, 1, "11 8 14", 0.4),
        *dead(0.3, 1, "9 5 14", 0.4),
        *dead(1, 1, "11 5 14", 0.7),
        *dead(3, 1, "100 100 100", 0.1),
        *dead(10, 1, "100 100 100", 0.1),
    ],
    "sgd_noise": [
        *of_batch(0, "4.70 4.68 5.55", "1.00 0.98 1.00"),
        *of_batch(1, "2.35 2.34 2.77", "0.99 0.98 1.00"),
        *of_batch(2, "1.17 1.16 1.38", "1.00 0.99 1.01"),
        *of_batch(3, "0.574 0.571 0.677", "1.01 1.00 1.02"),
        *of_batch(4, "0.264 0.263 0.312", "1.01 1.00 1.02"),
        *of_batch(5, "0.0719 0.0716 0.0849", "1.00 0.99 1.03"),
        *over_seeds("0.172 0.168 0.175", lambda r: r["losses"][1347][:, 0]),
        *over_seeds("2.383 2.354 2.491", lambda r: r["losses"][1347][:, 1]),
        *over_seeds("0.173 0.168 0.178", lambda r: r["losses"][64][:, 0]),
        *over_seeds("1.774 1.736 1.789", lambda r: r["losses"][64][:, 1]),
        *over_seeds("0.180 0.178 0.189", lambda r: r["losses"][8][:, 0], 0.03),
        *over_seeds("0.408 0.384 0.436", lambda r: r["losses"][8][:, 1], 0.03),
    ],
    "overfitting": [
        *over_seeds("42 26 88", lambda r: r["lowest"][:, 0], 0.1),
        *over_seeds("0.024 0.0049 0.060", lambda r: r["lowest"][:, 1], 0.1),
        *over_seeds("0.360 0.299 0.479", lambda r: r["lowest"][:, 2], 0.02),
        *over_seeds(".884 .877 .905", lambda r: r["lowest"][:, 3], 0.005),
        *over_seeds("8.8e-5 7.8e-5 1.4e-4", lambda r: r["last"][:, 1], 0.1),
        *over_seeds("0.482 0.349 0.750", lambda r: r["last"][:, 2], 0.05),
        *over_seeds(".893 .877 .904", lambda r: r["last"][:, 3], 0.005),
        *over_seeds("0.061 0.058 0.067", lambda r: r["with L2"][:, 1], 0.03),
        *over_seeds("0.360 0.324 0.419", lambda r: r["with L2"][:, 2], 0.05),
        *over_seeds(".898 .882 .911", lambda r: r["with L2"][:, 3], 0.005),
        *over_seeds("0.4 -0.1 1.2", lambda r: r["after its lowest test loss"], 0.3),
        *over_seeds("0.8 -0.8 1.8", lambda r: r["by L2"], 0.3),
        number("6", lambda r: (r["by L2"] > 0).sum(), 5, 7),
    ],
    "backprop_page": [number("1e-17", lambda r: r, 0, 1e-15)],
    "pytorch_bridge": [number("1.0e-15", lambda r: r["losses"], 0, 1e-12)],
    "shrink_and_select": [
        number("2913.200188", lambda r: r["models"]["Ridge(10)"]["objective"]),
        number("2872.20277", lambda r: r["models"]["Ridge(10)"]["mse"]),
        number("1533.768717", lambda r: r["models"]["Lasso(1), proximal"]["objective"]),
        number("7", lambda r: r["models"]["Lasso(1), proximal"]["nonzero"], 7, 7),
        number(
            "1533.941848",
            lambda r: r["models"]["Lasso(1), subgradient"]["objective"],
            1533.768718,
            1534.5,
        ),
        number("10", lambda r: r["models"]["Lasso(1), subgradient"]["nonzero"], 10, 10),
        number("1779.356206", lambda r: r["models"]["ElasticNet(1, 0.5)"]["objective"]),
        number("10", lambda r: r["models"]["ElasticNet(1, 0.5)"]["nonzero"], 10, 10),
        number("10", lambda r: r["models"]["Ridge(10)"]["nonzero"], 10, 10),
        number("4.8", lambda r: r["weights"]["least squares"][6]),
        number("-6.6", lambda r: r["weights"]["Ridge(10)"][6]),
        number("11", lambda r: np.median(r["one_only"]["L1"]), 11, 11),
        number("5", lambda r: min(r["one_only"]["L1"]), 5, 5),
        number("13", lambda r: max(r["one_only"]["L1"]), 13, 13),
        number("100", lambda r: (r["pairs"]["elastic net"] != 0).all(axis=-1).sum(), 100, 100),
    ],
    "weight_decay": [
        number("0", lambda r: r["SGD, L2 against decay"], 0, 1e-12),
        number("2.2e-16", lambda r: r["SGD, L2 against by hand"], 0, 1e-12),
        number("0.97", lambda r: r["Adam, L2 against decay"]),
        number("24", lambda r: r["largest weight of ridge"]),
        number("0.088", lambda r: r["Adam, decay, against bounded"]),
        number("0.011", lambda r: r["the same after 20,000 steps"]),
    ],
    "dropout_is_ridge": [
        number("0", lambda r: r["mean over all masks, and the formula"], 0, 2e-14),
        number("5.8e-16", lambda r: r["its gradient at ridge's weights"], 0, 2e-14),
        number("1.46", lambda r: r["weights of least squares"]),
        number("0.033", lambda r: np.median(r["weights trained with dropout, last"])),
        number("0.027", lambda r: r["weights trained with dropout, last"].min()),
        number("0.035", lambda r: r["weights trained with dropout, last"].max()),
        number("0.0017", lambda r: np.median(r["weights trained with dropout, mean"])),
        number("0.0015", lambda r: r["weights trained with dropout, mean"].min()),
        number("0.0021", lambda r: r["weights trained with dropout, mean"].max()),
    ],
    "linear_regression": [
        number("1.1563", lambda r: r["losses"][9]),
        number("1.1322", lambda r: r["losses"][19]),
        number("1.1188", lambda r: r["losses"][29]),
        number("1.1108", lambda r: r["losses"][39]),
        number("1.1059", lambda r: r["losses"][49]),
        *(
            number(text, lambda r, k=k, i=i: r["path"][k][i])
            for k, texts in {
                10: ("3.6460", "3.3041"),
                20: ("3.5647", "3.4261"),
                30: ("3.4918", "3.5125"),
                40: ("3.4351", "3.5795"),
                50: ("3.3912", "3.6315"),
            }.items()
            for i, text in enumerate(texts)
        ),
        number("4.22215108", lambda r: r["lines"][0][1]),
        number("2.96846751", lambda r: r["lines"][0][0]),
        number("0.99243865", lambda r: r["mse"]),
        number("99.24386487", lambda r: r["sse"]),
        number("-20.2668", lambda r: r["gradient"][0]),
        number("-17.4085", lambda r: r["gradient"][1]),
    ],
    "learning_rates": [
        number("4.44792", lambda r: np.linalg.eigvalsh(r["hessian"])[1]),
        number("0.44965", lambda r: 2 / np.linalg.eigvalsh(r["hessian"])[1]),
        number("0.0707", lambda r: r["excess"][0.003][300]),
        number("9.12e-4", lambda r: r["excess"][0.03][300]),
        number("2.070e-8", lambda r: r["excess"][0.1][300]),
        number("9.568", lambda r: r["excess"][0.449][300]),
        number("62.12", lambda r: r["excess"][0.4497][300]),
        number("9.26e-4", lambda r: r["excess"][0.003][3000]),
        number("1.61e-6", lambda r: r["excess"][0.449][3000]),
        number("213.7", lambda r: r["excess"][0.4497][3000]),
        number("0", lambda r: r["excess"][0.03][3000], -1e-13, 1e-13),
        number("0", lambda r: r["excess"][0.1][3000], -1e-13, 1e-13),
        number("0.1", lambda r: r["best"]["constant"], 0.1, 0.1),
        *over_seeds("0.045 0.034 0.062", lambda r: r["ends"]["constant"][0], 0.05),
        *over_seeds("0.131 0.108 0.168", lambda r: r["ends"]["constant"][2], 0.05),
        *over_seeds(".964 .953 .969", lambda r: r["ends"]["constant"][3], 0.005),
        number("0.2", lambda r: r["best"]["steps"], 0.2, 0.2),
        *over_seeds("0.042 0.038 0.046", lambda r: r["ends"]["steps"][0], 0.05),
        *over_seeds("0.097 0.086 0.134", lambda r: r["ends"]["steps"][2], 0.05),
        *over_seeds(".967 .962 .976", lambda r: r["ends"]["steps"][3], 0.005),
        number("5", lambda r: r["lower"]["steps"], 5, 5),
        number("0.2", lambda r: r["best"]["linear"], 0.2, 0.2),
        *over_seeds("0.033 0.020 0.035", lambda r: r["ends"]["linear"][0], 0.05),
        *over_seeds("0.098 0.087 0.143", lambda r: r["ends"]["linear"][2], 0.05),
        *over_seeds(".971 .969 .978", lambda r: r["ends"]["linear"][3], 0.005),
        number("5", lambda r: r["lower"]["linear"], 5, 5),
        number("0.2", lambda r: r["best"]["cosine"], 0.2, 0.2),
        *over_seeds("0.035 0.017 0.036", lambda r: r["ends"]["cosine"][0], 0.05),
        *over_seeds("0.104 0.081 0.153", lambda r: r["ends"]["cosine"][2], 0.05),
        *over_seeds(".973 .967 .980", lambda r: r["ends"]["cosine"][3], 0.005),
        number("5", lambda r: r["lower"]["cosine"], 5, 5),
        number("0.2", lambda r: r["best"]["warm-up"], 0.2, 0.2),
        *over_seeds("0.028 0.022 0.035", lambda r: r["ends"]["warm-up"][0], 0.05),
        *over_seeds("0.095 0.080 0.146", lambda r: r["ends"]["warm-up"][2], 0.05),
        *over_seeds(".967 .964 .978", lambda r: r["ends"]["warm-up"][3], 0.005),
        number("5", lambda r: r["lower"]["warm-up"], 5, 5),
    ],
    "first_layer": [
        *over_seeds(".48 .45 .51", lambda r: r["found"]["no penalty"]["correlation"], 0.02),
        *over_seeds(".20 .19 .25", lambda r: r["found"]["L2"]["correlation"], 0.02),
        *over_seeds(".19 .17 .22", lambda r: r["found"]["L1"]["correlation"], 0.02),
        number("1", lambda r: min(r["found"]["no penalty"]["blank pixels"]), 1, 1),
        number("1", lambda r: max(r["found"]["no penalty"]["blank pixels"]), 1, 1),
        number(".13", lambda r: min(r["found"]["L2"]["blank pixels"]), 0.126, 0.127),
        number(".13", lambda r: max(r["found"]["L2"]["blank pixels"]), 0.126, 0.127),
        number(".13", lambda r: r["factor"], 0.126, 0.127),
        number("0", lambda r: max(r["found"]["L1"]["blank pixels"]), 0, 0),
        *over_seeds(".43 .41 .50", lambda r: r["found"]["L1"]["exactly 0"], 0.05),
        *over_seeds("3 2 5", lambda r: r["found"]["L2"]["faded units"]),
        *over_seeds("4 3 5", lambda r: r["found"]["L1"]["faded units"]),
        *over_seeds(".99 .97 1.02", lambda r: r["found"]["random start"]["roughness"]),
        *over_seeds(".74 .72 .75", lambda r: r["found"]["no penalty"]["roughness"], 0.02),
        *over_seeds(".65 .64 .66", lambda r: r["found"]["L2"]["roughness"], 0.02),
        *over_seeds(".75 .74 .77", lambda r: r["found"]["L1"]["roughness"], 0.02),
        *over_seeds(".22 .19 .25", lambda r: r["found"]["random start"]["likeness"]),
        *over_seeds(".47 .40 .55", lambda r: r["found"]["no penalty"]["likeness"], 0.03),
        *over_seeds(".55 .48 .63", lambda r: r["found"]["L2"]["likeness"], 0.03),
        *over_seeds(".44 .40 .54", lambda r: r["found"]["L1"]["likeness"], 0.03),
        *over_seeds(".976 .971 .978", lambda r: r["found"]["no penalty"]["accuracy"], 0.005),
        *over_seeds(".976 .973 .980", lambda r: r["found"]["L2"]["accuracy"], 0.005),
        *over_seeds(".973 .967 .976", lambda r: r["found"]["L1"]["accuracy"], 0.005),
    ],
    "micrograd_expression": [
        number("24.7041", lambda r: r["g"]),
        number("138.8338", lambda r: r["gradient"][0]),
        number("645.5773", lambda r: r["gradient"][1]),
    ],
    "micrograd_moons": [
        # Sums of floats, in an order that depends on the machine; over 100 steps it adds up.
        number("0.8958441028683223", lambda r: r["losses"][0], 0.89584410286832, 0.89584410286833),
        number("1.7235905336972017", lambda r: r["losses"][1], 1.7235905336971, 1.7235905336973),
        number("0.010978370135492717", lambda r: r["losses"][99], 0.010978370135, 0.010978370136),
        number("100", lambda r: 100 * r["accuracy"], 100, 100),
        number("34", lambda r: r["nodes"], 34, 34),
    ],
    "unseen_mistakes": [
        *of_mistake("no zero_grad(), SGD", "training loss", "0.36 0.33 0.37", "1.7 1.1 25", 0.5),
        *of_mistake("no zero_grad(), SGD", "its lowest", "0.36 0.33 0.37", "0.42 0.36 0.56", 0.1),
        *of_mistake(
            "no zero_grad(), momentum", "training loss", "0.049 0.041 0.055", "352 311 404", 0.3
        ),
        *of_mistake("no zero_grad(), Adam", "training loss", "0.066 0.049 0.068", "2.1 1.8 2.7"),
        *of_mistake("no zero_grad(), Adam", "its lowest", "0.066 0.049 0.068", "0.96 0.88 1.11"),
        *of_mistake(
            "no zero_grad(), all data", "training loss", "0.66 0.62 0.69", "0.034 0.012 0.062", 0.5
        ),
        *of_mistake("no zero_grad(), all data", "test loss", "0.68 0.66 0.70", "2.9 2.2 3.2"),
        *of_mistake("no zero_grad(), all data", "accuracy", ".885 .875 .909", ".933 .930 .948"),
        *of_mistake("another's parameters", "change of the loss", "2.40 2.26 2.59"),
        number("0", lambda r: max(r["another's parameters", "change of the loss"][1]), 0, 0),
        *over_seeds(
            "33 26 35", lambda r: np.multiply(100, r["no eval()", "two calls differ"][1]), 0.2
        ),
        *of_mistake("no eval()", "accuracy", ".948 .947 .959", ".780 .748 .818"),
        *of_mistake("penalty on arrays", "effect on a weight", "0.64 0.58 0.73"),
        number("0", lambda r: max(r["penalty on arrays", "effect on a weight"][1]), 0, 0),
        *of_mistake("penalty subtracted", "weights grow by", "1.08 1.07 1.09", "4.47 4.42 4.49"),
        *over_seeds("28 28 29", lambda r: r["penalty subtracted", "step below 0"][1], 0.1),
        *of_mistake("penalty subtracted", "accuracy", ".943 .933 .962", ".949 .927 .961"),
        *of_mistake("targets shuffled", "training loss", "0.022 0.015 0.026", "1.93 1.80 1.99"),
        *of_mistake("targets shuffled", "test loss", "0.111 0.103 0.154", "2.65 2.52 2.78"),
        *of_mistake("targets shuffled", "accuracy", ".969 .954 .970", ".092 .073 .114", 0.2),
        *of_mistake("pixels up to 255", "training loss", "0.049 0.041 0.055"),
        *over_seeds("2.303 2.303 2.303", lambda r: r["pixels up to 255", "training loss"][1]),
    ],
    "microgpt": [  # the shares leave room for the modules of Python 3.10 to 3.14
        *over_seeds("3.36 3.29 3.39", lambda r: r["rows"][:, 0, 0], 0.05),
        *over_seeds("3.38 3.27 3.40", lambda r: r["rows"][:, 0, 1], 0.05),
        *over_seeds("2.75 2.67 2.86", lambda r: r["rows"][:, 0, 2], 0.07),
        *over_seeds("2.48 2.44 2.49", lambda r: r["rows"][:, 1, 0], 0.07),
        *over_seeds("2.77 2.70 2.93", lambda r: r["rows"][:, 1, 1], 0.1),
        *over_seeds("1.10 1.08 1.11", lambda r: r["rows"][:, 12, 0], 0.25),
        *over_seeds("5.21 4.91 5.76", lambda r: r["rows"][:, 12, 1], 0.25),
        *over_seeds("60 49 78", lambda r: 100 * r["rows"][:, 12, 3], 0.5),
    ],
    "dask_training": [
        number("2.1e-15", lambda r: r["difference"], 0, 1e-13),
        number("1.780", lambda r: r["losses"][0]),
        number("0.338", lambda r: r["losses"][-1], 0.32, 0.36),
        number("160", lambda r: r["bytes"] / 1e6, 160, 160),
        number("39", lambda r: r["peak"] / 1e6, 5, 155),
    ],
}

GIVEN: dict[str, str] = {
    "microgpt": "3.33 0.68 2.13 6.4 2.8 5.1",  # the last three: milliseconds, on one machine
    "digits_mlp": ".9773 .9733 .9800 .9822 .9689",
    "regularized_digits": "0.2 0.5",
    "vanishing_gradients": "0.1 0.3",
    "shrink_and_select": ".5",
    "confident_mistakes": (
        ".25 -0.5 2.5 0.375 .1 .2 .7 0.7 0.35667 0.51457 0.3 3.333 -0.99995 -4.5e-5 0.5"
    ),
    "micrograd_moons": "0.8958441028683222 1.7235905336972022",
    "outliers": ".9 58.2 215.26 15.70 15.58",
    "saturating_generator": "-4.5e-5 -0.99995 0.5",
    "svm_and_logistic": "1e-9 0.0466192",
    "rare_class": ".75 .25 .29 .34 .46 .10 .085 .030 2.8",
    "embeddings": ".916 .899 .9815 .98",
    "gan_ring": "98.9",
    "silent_mistakes": "1.461",
    "unseen_mistakes": "0.9 0.5",
    "steps_to_the_minimum": "0.1 0.001 1e-6",
    "learning_rates": (
        "0.003 0.99925 0.98666 0.03 0.99249 0.86656 0.1 0.97496 0.55521 0.449 0.88755 -0.99712 "
        "0.4497 0.88738 -1.00023"
    ),
}
