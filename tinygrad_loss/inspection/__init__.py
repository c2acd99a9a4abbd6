"""Tools to look inside: draw (graph/), watch (watch/), check_gradients and detect_anomaly."""
