import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from course.exercises import EXERCISES
from course.judge import checker
from course.texts.en import TEXTS

check = checker(TEXTS, EXERCISES)
