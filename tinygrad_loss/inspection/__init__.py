"""Tools to look inside: pictures, statistics of layers, checks of gradients and of values.

graph/        draw: a computation and its backward pass, and the page that steps through both
watch/        watch: what a pass does to each layer
check.py      check_gradients: is a derivative right?
anomaly.py    detect_anomaly: which op made the NaN?
"""
