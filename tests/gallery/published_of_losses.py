"""The numbers of the scripts on single losses; see ``published``."""

from typing import Any

import numpy as np

from .numbers import Number, number, over_seeds


def nearer(distances: dict[str, Any], loss: str) -> int:
    """In how many draws a loss comes out nearer than the squared error."""
    return np.sum(distances[loss] < distances["squared error"])


def last_losses(runs: list[dict[str, Any]]) -> list[float]:
    return [run["curve"][-1] for run in runs]


def of_focal(name: str, counts: str, f1: str, log_loss: str, undone: str) -> list[Number]:
    """What rare_class says of a focal loss, against cross-entropy on seven data sets."""
    return [
        *(
            number(text, lambda r, key=key: (r[name][key] > 0).sum(), int(text) - 2, int(text) + 2)
            for text, key in zip(counts.split(), ("F1 at half", "F1"), strict=True)
        ),
        *(
            n._replace(low=n.value - 0.05, high=n.value + 0.05)
            for n in over_seeds(f1, lambda r: r[name]["F1"])
        ),
        *over_seeds(log_loss, lambda r: r[name]["log-loss"], 0.15),
        *over_seeds(undone, lambda r: r[name]["undone"], 0.15),
    ]


def of_ring(game: str, modes: str, least: int, shares: str, slopes: str) -> list[Number]:
    """The modes, the percentage of samples at one, and the slopes of the critic of gan_ring."""
    found = over_seeds(modes, lambda r: [modes for modes, _, _ in r[game]])
    highest = 8, 8 if game == "WGAN-GP" else 7, 8  # no other loss finds all with every seed
    return [
        *(n._replace(low=least, high=high) for n, high in zip(found, highest, strict=True)),
        *over_seeds(shares, lambda r: [100 * share for _, share, _ in r[game]], 0.15),
        *over_seeds(slopes, lambda r: [slope for _, _, slope in r[game]], 0.4),
    ]


LOSSES = {
    "confident_mistakes": [
        number("1.5", lambda r: r["by_hand"]["sum of squares"][0], 1.5, 1.5),
        number("0", lambda r: r["by_hand"]["the mean for all: sum of errors"][0], -1e-15, 1e-15),
        number("7.296875", lambda r: r["by_hand"]["the mean for all: MSE"][0]),
        number("5", lambda r: r["by_hand"]["numbers ten times as large: MAE"][0], 5, 5),
        number("37.5", lambda r: r["by_hand"]["numbers ten times as large: MSE"][0]),
        number("0.356675", lambda r: r["by_hand"]["cross-entropy, nats"][0]),
        number("0.514573", lambda r: r["by_hand"]["cross-entropy, bits"][0]),
        number("0.22839300", lambda r: r["by_hand"]["three yes or no"][0]),
        number("-3.3333", lambda r: r["by_hand"]["slope at p = .3, y = 1"][0]),
        number("1.4286", lambda r: r["by_hand"]["slope at p = .3, y = 0"][0]),
        number("4.809", lambda r: r["by_hand"]["slope of log2 at .3"][0]),
        number("-0.999955", lambda r: r["gradients"]["cross-entropy"][0]),
        number("-9.1e-5", lambda r: r["gradients"]["squared error"][0]),
        number("22", lambda r: r["steps"]["cross-entropy"], 22, 22),
        number("22,063", lambda r: r["steps"]["squared error"]),
        number("22,059", lambda r: r["expected"]["squared error"]),
    ],
    "outliers": [
        number("22", lambda r: r["constants"]["squared error"], 21.999, 22.001),
        number("2.9995", lambda r: r["constants"]["absolute error"], 2.99, 3.01),
        number("3", lambda r: r["constants"]["Huber(1)"], 2.999, 3.001),
        number("3.0188", lambda r: r["constants"]["log-cosh"]),
        number("99.9997", lambda r: r["constants"]["pinball(0.9)"], 99.99, 100.01),
        number("65.5", lambda r: r["length"]),
        number("215.261", lambda r: r["distances"]["squared error"][0]),
        number("15.705", lambda r: r["distances"]["Huber(58.2)"][0]),
        number("15.56", lambda r: r["distances"]["absolute error"][0], 15.4, 15.8),
        number("72.3", lambda r: r["distances"]["beyond 3 SD removed"][0]),
        number("7.92", lambda r: r["distances"]["beyond 2 SD removed"][0]),
        number("7.92", lambda r: r["distances"]["the 44 removed"][0]),
        number("117", lambda r: np.median(r["distances"]["squared error"])),
        number("46", lambda r: np.percentile(r["distances"]["squared error"], 5)),
        number("292", lambda r: np.percentile(r["distances"]["squared error"], 95)),
        number("15.5", lambda r: np.median(r["distances"]["Huber(58.2)"])),
        number("7.2", lambda r: np.percentile(r["distances"]["Huber(58.2)"], 5)),
        number("37.1", lambda r: np.percentile(r["distances"]["Huber(58.2)"], 95)),
        number("19.5", lambda r: np.median(r["distances"]["absolute error"]), 19, 20),
        number("9.6", lambda r: np.percentile(r["distances"]["absolute error"], 5), 9.2, 10),
        number("46.8", lambda r: np.percentile(r["distances"]["absolute error"], 95), 45, 48),
        number("95", lambda r: np.median(r["distances"]["beyond 3 SD removed"])),
        number("45", lambda r: np.percentile(r["distances"]["beyond 3 SD removed"], 5)),
        number("238", lambda r: np.percentile(r["distances"]["beyond 3 SD removed"], 95)),
        number("7.1", lambda r: np.median(r["distances"]["beyond 2 SD removed"])),
        number("7.1", lambda r: np.median(r["distances"]["the 44 removed"])),
        number("2.8", lambda r: np.percentile(r["distances"]["beyond 2 SD removed"], 5)),
        number("2.8", lambda r: np.percentile(r["distances"]["the 44 removed"], 5)),
        number("17.9", lambda r: np.percentile(r["distances"]["beyond 2 SD removed"], 95)),
        number("17.9", lambda r: np.percentile(r["distances"]["the 44 removed"], 95)),
        number("400", lambda r: nearer(r["distances"], "Huber(58.2)"), 400, 400),
        number("400", lambda r: nearer(r["distances"], "absolute error"), 400, 400),
        number("16", lambda r: np.median(r["beyond"][3][0]), 16, 16),
        number("9", lambda r: min(r["beyond"][3][0]), 9, 9),
        number("21", lambda r: max(r["beyond"][3][0]), 21, 21),
        number("44", lambda r: min(r["beyond"][2][0]), 44, 44),
        number("0", lambda r: max(r["beyond"][2][1]), 0, 0),
        number("11", lambda r: r["beyond"][2][2], 11, 11),
    ],
    "steps_to_the_minimum": [
        *(
            number(text, lambda r, name=name, i=i: r["steps"][name][i], int(text), int(text))
            for name, counts in {
                "squared error": ("11", "21", "42", "73"),
                "absolute error": ("91", "100"),
                "Huber(1)": ("91", "113", "157", "222"),
            }.items()
            for i, text in enumerate(counts)
        ),
        number("0.05", lambda r: r["errors"]["absolute error"][-1]),
        number("0.081", lambda r: np.median(r["ends"])),
        number("0.064", lambda r: min(r["ends"])),
        number("0.098", lambda r: max(r["ends"])),
        number("0.00030", lambda r: np.median(r["falling"])),
        number("0.0000063", lambda r: min(r["falling"])),
        number("0.00032", lambda r: max(r["falling"])),
    ],
    "svm_and_logistic": [
        number("0.0663601862", lambda r: r["objectives"]["logistic, breast cancer"]),
        number("0.2091917884", lambda r: r["objectives"]["logistic, iris"]),
        number("0.0466584", lambda r: r["objectives"]["SVM, breast cancer"]),
        number("0.084", lambda r: 100 * (r["objectives"]["SVM, breast cancer"] / 0.0466192471 - 1)),
        *over_seeds("0.068 0.043 0.176", lambda r: 100 * r["last"], 0.05),
    ],
    "rare_class": [
        *of_focal("focal", "5 6", ".03 -.03 .08", "2.4 1.5 6.2", "1.02 .92 1.18"),
        *of_focal("focal, alpha .75", "6 5", ".06 -.01 .14", "2.7 1.8 8.4", "1.05 .89 1.42"),
        *of_focal("focal, alpha .25", "0 1", "-.09 -.22 .00", "2.0 1.4 4.8", "1.07 .93 1.14"),
    ],
    "embeddings": [
        number(".618", lambda r: r["PCA, 2 numbers"][0]),
        number(".687", lambda r: r["LDA, 2 numbers"][0]),
        number(".662", lambda r: r["LDA shrunk, 2 numbers"][0]),
        number(".669", lambda r: r["LDA shrunk, 2 numbers, from 0 to 1"][0]),
        *over_seeds(".940 .933 .947", lambda r: r["contrastive, 2 numbers"], 0.015),
        *over_seeds(".929 .927 .944", lambda r: r["triplet, 2 numbers"], 0.015),
        *over_seeds(".978 .964 .982", lambda r: r["triplet, 8 numbers"], 0.015),
        number(".980", lambda r: r["the 64 pixels"][0]),
    ],
    "saturating_generator": [
        number("-4.54e-5", lambda r: r["gradients"]["saturating"][0]),
        number("-0.999955", lambda r: r["gradients"]["non-saturating"][0]),
        number("-0.5", lambda r: r["gradients"]["saturating"][2]),
        number("-0.5", lambda r: r["gradients"]["non-saturating"][2]),
        number("44,076", lambda r: r["steps"]["saturating"]),
        number("22", lambda r: r["steps"]["non-saturating"], 22, 22),
        number("44,071", lambda r: r["expected"]["saturating"]),
    ],
    "gan_ring": [
        number("8", lambda r: r["the data"][0][0], 8, 8),
        number("99", lambda r: 100 * r["the data"][0][1]),
        *of_ring("non-saturating", "6 6 6", 4, "80 78 83", "6.6 6.5 7.6"),
        *of_ring("least squares", "6 6 8", 4, "78 68 83", "1.1 0.9 1.2"),
        *of_ring("hinge", "6 6 6", 4, "81 79 85", "4.1 4.0 4.7"),
        *of_ring("WGAN-GP", "8 8 8", 7, "81 80 84", "1.2 1.1 1.2"),
    ],
    "silent_mistakes": [
        number("0.028", lambda r: min(last_losses(r["once"])), 0.02, 0.035),
        number("0.055", lambda r: max(last_losses(r["once"])), 0.045, 0.07),
        number("1.479", lambda r: min(last_losses(r["twice"])), 1.462, 1.49),
        number("1.579", lambda r: max(last_losses(r["twice"])), 1.56, 1.68),
        number(".991", lambda r: min(run["right"] for run in r["once"]), 0.985, 1),
        number(".998", lambda r: max(run["right"] for run in r["once"]), 0.99, 1),
        number(".888", lambda r: min(run["right"] for run in r["twice"]), 0.78, 0.91),
        number(".991", lambda r: max(run["right"] for run in r["twice"]), 0.98, 1),
        number("4", lambda r: sum(run["lost"] == 0 for run in r["twice"]), 2, 6),
        number(".988", lambda r: min(x["right"] for x in r["twice"] if not x["lost"]), 0.97, 1),
        number(".898", lambda r: max(x["right"] for x in r["twice"] if x["lost"]), 0.88, 0.92),
        number("5929.88", lambda r: r["loss"][1]),
        number("0.000", lambda r: r["r2"][1], -1e-9, 1e-9),
        number("2859.70", lambda r: r["loss"][0]),
        number("0.518", lambda r: r["r2"][0]),
    ],
}
