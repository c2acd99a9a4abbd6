"""The exercises of all lessons, by number: "3.1" is the first of lesson 3, "3 a" its first check."""

from importlib import import_module

LESSONS = (
    "slope",
    "chain_rule",
    "graph",
    "order",
    "arrays",
    "softmax",
    "likelihoods",
    "descent",
    "activations",
    "regularization",
    "likeness",
    "engine",
)

EXERCISES = {
    number: exercise
    for name in LESSONS
    for number, exercise in import_module(f"course.exercises.{name}").EXERCISES.items()
}
