"""The pictures of the lessons: symbols and numbers only, so that all languages share them."""

import matplotlib.pyplot as plt

BLUE, ORANGE, GRAY = "tab:blue", "tab:orange", "0.6"

plt.rcParams.update(
    {
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "figure.dpi": 85,
        "font.size": 11,
        "legend.frameon": False,
        "mathtext.fontset": "dejavuserif",
    }
)
