"""The exercises of all lessons, by number: "3.1" is the first of lesson 3, "3 a" its first check."""

from course.exercises import arrays, chain_rule, graph, order, slope, softmax

EXERCISES = {
    name: exercise
    for lesson in (slope, chain_rule, graph, order, arrays, softmax)
    for name, exercise in lesson.EXERCISES.items()
}
