"""Times one training step of this library beside its peers: ``python -m tests.benchmarks``."""

import os

# One core for everyone. BLAS and XLA read these when they are loaded, hence before any import.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TANGENT_DISK_CACHE", "0")  # else it keeps what it wrote in ~/.cache
