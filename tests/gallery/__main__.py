"""Run the gallery in full, and compare what it measures with what it publishes.

    python -m tests.gallery [NAME ...]

One process for each core, a script in each, whose words come out together. Run it under another
BLAS kernel (``OPENBLAS_CORETYPE=Nehalem``) and number of threads (``OMP_NUM_THREADS=2``) to see
which digits depend on the machine.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from .pages import SCRIPTS
from .runs import check_apart

LONGEST = ["gan_ring", "dask_training", "weight_decay", "regularized_digits"]  # begun first


def main() -> int:
    names = sys.argv[1:] or sorted(SCRIPTS - {"derivatives"})  # that one writes the sheet anew
    names.sort(key=lambda name: name not in LONGEST)
    # Each in a new interpreter: what one script leaves behind does not reach the next.
    one_each = {"max_tasks_per_child": 1} if sys.version_info >= (3, 11) else {}
    wrong = 0
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), **one_each) as pool:
        for done in as_completed(pool.submit(check_apart, name) for name in names):
            count, printed = done.result()
            print(printed, flush=True)
            wrong += count
    kernel = os.environ.get("OPENBLAS_CORETYPE", "default")
    threads = os.environ.get("OMP_NUM_THREADS", "default")
    print(f"{wrong} numbers out of range; BLAS kernel: {kernel}, threads: {threads}")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
