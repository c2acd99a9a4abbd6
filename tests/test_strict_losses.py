"""Every loss on the strict stand-in for the arrays of other libraries: values are NumPy's.

faults.md I: with CuPy on an H200, 9 of 46 rows of the table of losses failed: multiclass_hinge,
nt_xent, class weights, pos_weight, focal(alpha).
"""

import numpy as np
import pytest

from tinygrad_loss import Tensor, gradients, losses

from .loss_cases import LOSS_ROWS
from .strict_array import StrictArray
from .test_strict_array import assert_same, strict


def value_and_gradients(name, inputs, n, options):
    """Of a loss, with respect to the first n inputs."""
    variables = [Tensor(x, requires_grad=True, copy=False) for x in inputs[:n]]
    value = getattr(losses, name)(*variables, *inputs[n:], **options)
    start = np.asarray(np.cos(np.arange(value.size)).reshape(value.shape), like=value.data)
    return [value.data, *(slope.data for slope in gradients(value, variables, start))]


def expected_and_inputs(name, draws, n, options):
    inputs = [draw(np.random.default_rng(0)) for draw in draws]
    return value_and_gradients(name, inputs, n, options), inputs


def listed(x):
    return x.tolist() if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS)
def test_every_loss(name, draws, n, options, reduction):
    options = {"reduction": reduction} | options
    expected, inputs = expected_and_inputs(name, draws, n, options)
    on_device = {key: strict(x) for key, x in options.items()}
    assert_same(value_and_gradients(name, strict(inputs), n, on_device), expected)


@pytest.mark.parametrize("form", [np.asarray, listed], ids=["of NumPy", "lists"])
@pytest.mark.parametrize(("name", "draws", "n", "options"), LOSS_ROWS)
def test_constants_are_brought_to_the_predictions(name, draws, n, options, form):
    """Targets, class weights and sample weights as NumPy's arrays or lists, beside CuPy's."""
    expected, inputs = expected_and_inputs(name, draws, n, options)
    predictions, constants = strict(inputs[:n]), [form(x) for x in inputs[n:]]
    given = {key: form(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    assert_same(value_and_gradients(name, [*predictions, *constants], n, given), expected)


# --- options and checks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("huber", "delta", 0.7),
        ("pinball", "quantile", 0.3),
        ("triplet", "margin", 0.5),
        ("focal", "gamma", 1.5),
        ("binary_cross_entropy_with_logits", "pos_weight", 3.0),
        ("nt_xent", "temperature", 0.7),
        ("cross_entropy", "label_smoothing", 0.1),
    ],
)
def test_numbers_may_be_arrays_without_dimensions(name, option, value):
    _, draws, n, _ = next(row for row in LOSS_ROWS if row[0] == name)
    expected, inputs = expected_and_inputs(name, draws, n, {option: value})
    assert_same(
        value_and_gradients(name, strict(inputs), n, {option: StrictArray(value)}), expected
    )


LOGITS = Tensor(StrictArray(np.random.default_rng(0).standard_normal((4, 3))), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.cross_entropy(LOGITS, StrictArray([0, 1, 2, 3])), "class index 3 is out"),
        (lambda: losses.cross_entropy(LOGITS, [0, 1, -1, 2]), "class index -1 is negative"),
        (lambda: losses.hinge(LOGITS, StrictArray(np.zeros((4, 3)))), "labels holds 0; expected"),
        (
            lambda: losses.binary_cross_entropy(LOGITS, StrictArray(np.zeros((4, 3)))),
            "probs holds values from -1",
        ),
        (
            lambda: losses.cross_entropy(LOGITS, [0, 1, 2, 0], weight=StrictArray([1.0, -1.0, 1])),
            "weight holds -1; expected",
        ),
        (
            lambda: losses.cross_entropy(LOGITS, [0, 1, 2, 0], sample_weight=np.full(4, -2.0)),
            "sample_weight holds -2; expected",
        ),
    ],
)
def test_wrong_values_are_named(call, message):
    """Numbers are formatted on the host."""
    with pytest.raises(ValueError, match=message):
        call()


def test_no_device_of_its_own_for_the_model():
    """A model on the host and targets on the GPU: nobody can say which one is meant."""
    x = np.ones((4, 3))
    with pytest.raises(TypeError, match=r"arrays of numpy and of tests\. Bring one"):
        losses.mean_squared_error(Tensor(x, requires_grad=True), StrictArray(x))
    with pytest.raises(TypeError, match=r"arrays of numpy and of tests\. Bring one"):
        losses.mean_squared_error(LOGITS, Tensor(x))
