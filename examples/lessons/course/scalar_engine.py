"""Backpropagation on numbers in 30 lines: the engine that lesson 3 builds. Its cells hold the same text."""

import math


class Value:
    def __init__(self, data, parents=()):
        self.data = data
        self.parents = parents
        self.grad = 0.0

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, n):
        return Value(self.data**n, [(self, n * self.data ** (n - 1))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def backward(self):
        self.grad = 1.0
        for node in reversed(topological_order(self, [], set())):
            for parent, local in node.parents:
                parent.grad += local * node.grad


def topological_order(node, order, seen):
    if node not in seen:
        seen.add(node)
        for parent, _ in node.parents:
            topological_order(parent, order, seen)
        order.append(node)
    return order


# The other spellings, made of the five operations above: lesson 3 sets them apart.
Value.__radd__ = Value.__add__
Value.__rmul__ = Value.__mul__
Value.__neg__ = lambda self: self * -1
Value.__sub__ = lambda self, other: self + other * -1
Value.__rsub__ = lambda self, other: self * -1 + other
Value.__truediv__ = lambda self, other: self * other**-1.0
Value.__rtruediv__ = lambda self, other: self**-1.0 * other
