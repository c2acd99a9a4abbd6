"""Backpropagation on arrays in 50 lines: the engine that lesson 5 builds. Its cells hold the same text."""

import numpy as np


class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.parents = parents
        self.grad = np.zeros_like(self.data)

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a + b, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a * b, [(self, lambda g: g * b), (other, lambda g: g * a)])

    def __matmul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a @ b, [(self, lambda g: g @ b.T), (other, lambda g: a.T @ g)])

    def __pow__(self, n):
        x = self.data
        return Tensor(x**n, [(self, lambda g: g * n * x ** (n - 1))])

    def log(self):
        x = self.data
        return Tensor(np.log(x), [(self, lambda g: g / x)])

    def exp(self):
        y = np.exp(self.data)
        return Tensor(y, [(self, lambda g: g * y)])

    def sum(self, axis=None):
        y = self.data.sum(axis=axis, keepdims=axis is not None)
        return Tensor(y, [(self, lambda g: np.broadcast_to(g, self.data.shape))])

    def backward(self):
        order = topological_order(self, [], set())
        for node in order:
            if node.parents:
                node.grad = np.zeros_like(node.data)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            for parent, rule in node.parents:
                parent.grad += unbroadcast(rule(node.grad), parent.data.shape)


def unbroadcast(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return g.sum(axis=stretched, keepdims=True)


def topological_order(node, order, seen):
    if node not in seen:
        seen.add(node)
        for parent, _ in node.parents:
            topological_order(parent, order, seen)
        order.append(node)
    return order


# The other spellings, as in lesson 3, and @ with an array on its left.
Tensor.__array_ufunc__ = None
Tensor.__radd__ = Tensor.__add__
Tensor.__rmul__ = Tensor.__mul__
Tensor.__rmatmul__ = lambda self, other: Tensor(other) @ self
Tensor.__neg__ = lambda self: self * -1
Tensor.__sub__ = lambda self, other: self + other * -1
Tensor.__rsub__ = lambda self, other: self * -1 + other
Tensor.__truediv__ = lambda self, other: self * other**-1.0
Tensor.__rtruediv__ = lambda self, other: self**-1.0 * other
