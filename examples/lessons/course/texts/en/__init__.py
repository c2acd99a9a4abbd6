"""What `check` says in English: a file of sentences for each lesson, and one that all share."""

from importlib import import_module

from course.exercises import LESSONS

TEXTS = {
    key: text
    for name in ("general", *LESSONS)
    for key, text in import_module(f"course.texts.en.{name}").TEXTS.items()
}
