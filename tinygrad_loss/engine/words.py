"""Words of other libraries, and what is said here instead: for errors about names that are not."""

from collections.abc import Iterable
from functools import wraps
from inspect import getattr_static, signature
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F")


def _by_word(said: dict[str, str]) -> dict[str, str]:
    return {word: ours for ours, words in said.items() for word in words.split()}


WORDS = _by_word({
    "axis=": "dim= dims=", "argnums=": "argnum=", "x=": "input= a=", "min=": "a_min=", "ord=": "p=",
    "nothing: a graph is kept while its output is": "retain_graph=", "shape=": "size= newshape=",
    "gradients(y, [x], create_graph=True)": "create_graph=", "rng=": "seed= generator= shuffle=",
    "ddof=": "unbiased= correction=", "keepdims=": "keepdim=", "lr=": "learning_rate=",
    "max=": "a_max=", "b=": "other=",
    "requires_grad, which can be assigned": "requires_grad_", "take_along_axis": "gather", "T": "t",
    "an operator, + - * / **": "add sub mul div pow neg", "expand_dims, or t[:, None]": "unsqueeze",
    "zero_grad, or t.data[...] = 0": "zero_", "t itself, which is real": "real conj", "ndim": "dim",
    "t itself, which no op changes, or t.detach()": "clone copy", "transpose": "permute moveaxis",
    "t += step, under no_grad()": "add_ sub_ mul_", "t.data, NumPy's array in memory": "cpu cuda",
    "astype, or Tensor(..., dtype=)": "to float double half", "t.data.astype(int)": "long",
    "broadcast_to": "expand", "where": "masked_fill", "detach": "detach_", "size": "numel",
    "concatenate": "cat concat", "origin": "grad_fn is_leaf", "reshape": "view view_as",
    "clip": "clamp", "relu": "relu_", "@": "mm bmm",
    "rng=np.random.default_rng(seed)": "manual_seed random randn rand", "a leading axis": "vmap",
    "Tensor": "tensor as_tensor from_numpy Variable", "draw": "make_dot plot_dot_graph draw_dot",
    "gradients or grad": "autograd jacobian hessian", "check_gradients": "gradcheck",
    "unroll": "jit compile", "Tensor(...)": "Value", "Op": "Function",
    "tl.huber(delta=beta) / beta": "smooth_l1_loss SmoothL1Loss", "tl.triplet": "TripletMarginLoss",
    "tl.relu, tl.cross_entropy and so on": "functional", "tl.mean_absolute_error": "l1_loss L1Loss",
    "tl.binary_cross_entropy_with_logits": "BCEWithLogitsLoss", "tl.huber": "huber_loss HuberLoss",
    "tl.mean_squared_error": "mse mse_loss MSELoss", "tl.cosine_embedding": "CosineEmbeddingLoss",
    "tl.no_grad": "inference_mode set_grad_enabled", "tl.multiclass_hinge": "MultiMarginLoss",
    "tl.softmax, and none before cross_entropy, which has its own": "Softmax LogSoftmax",
    "tl.binary_cross_entropy": "BCELoss bce", "tl.kl_divergence": "kl_div KLDivLoss",
    "tl.cross_entropy": "softmax_cross_entropy CrossEntropyLoss nll_loss NLLLoss",
    "nn.save(path, model) and optim.save(path, optimizer)": "save", "nn.Sequential": "Sequential",
    "a list or a dict in an attribute": "ModuleList ModuleDict ParameterList ParameterDict",
    "nn.load(path, model) and optim.load(path, optimizer)": "load", "Linear(init=)": "init",
    "Tensor(array, requires_grad=True)": "Parameter", "reshape, to (len(x), -1)": "Flatten",
    "nn.Dropout": "Dropout", "nn.Module": "Module", "nn.Linear": "Linear", "nn.MLP": "MLP",
    "data.minibatches": "DataLoader TensorDataset minibatches", "Adam(weight_decay=)": "AdamW",
    "optimizer.lr = cosine_decay(...), in the loop": "lr_scheduler StepLR CosineAnnealingLR",
    "Adam, or a subclass of Optimizer with your own update()": "RMSprop Adagrad Adadelta",
    "optim.clip_grad_norm": "clip_grad_norm_", "optim.Adam": "Adam", "optim.SGD": "SGD",
})  # fmt: skip
OF_MODULES = _by_word({
    "optimizer.zero_grad()": "zero_grad", "nn.save(path, model)": "save",
    "nn.load(path, model)": "load", "named_modules()": "modules children named_children",
    "dtype= where it is made; NumPy's arrays have no device": "to cuda cpu float double half",
    "a loop of forward, backward and step": "fit compile", "model.eval()(X)": "predict",
    "an attribute: self.name = ...": "register_parameter register_buffer add_module",
})  # fmt: skip
_ABSENT = [name for name in [*WORDS, *vars(np.ndarray)] if name[0] != "_" and name[-1] != "="]


def missing(owner: str, name: str, words: dict[str, str] = WORDS) -> AttributeError:
    """Return the error for an attribute that does not exist, with what is said here instead."""
    ours = words.get(name, "")
    if not ours and name in vars(np) and name[0] != "_":
        ours = f"np.{name}" + "(t)" * ("Tensor" in owner)
    elif not ours and hasattr(np.ndarray, name) and name[0] != "_":
        ours = f"t.data.{name}, of the values alone"
    return AttributeError(f"{owner} has no attribute {name!r}" + (ours and f"; here it is {ours}"))


class _Absent(str):
    """The name of an attribute that Tensors lack. A ``__getattr__`` would slow down all others."""

    def __get__(self, t: Any, kind: Any = None) -> Any:
        raise missing("'Tensor' object", self)


class _Listed(type):
    """Lists no names that Tensors lack: not for help(), nor for completion that asks the class."""

    def __dir__(cls) -> list[str]:
        names = super().__dir__()
        return [name for name in names if not isinstance(getattr_static(cls, name), _Absent)]


class Elsewhere(metaclass=_Listed):
    """Base of Tensor: attributes of other libraries' arrays, which it does not have."""

    __slots__ = ()
    vars().update({name: _Absent(name) for name in _ABSENT})

    def __dir__(self) -> list[str]:
        names = object.__dir__(self)
        return [name for name in names if not isinstance(getattr_static(self, name), _Absent)]


def meant(names: Iterable[str]) -> str:
    """Say what arguments of other libraries are called here: ``; here dim= is axis=``."""
    return "".join(f"; here {n}= is {WORDS[f'{n}=']}" for n in names if f"{n}=" in WORDS)


def taught(f: F) -> F:
    """Let a function say our words for another library's, what rng is, and what goes by name."""
    function: Any = f

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except TypeError as error:
            text, said = str(error), ""
            if "unexpected keyword" in text:
                said = meant(name for name in named if name not in signature(function).parameters)
            elif f"{function.__name__}() missing" in text and "'rng'" in text:
                said = ", such as rng=np.random.default_rng(0)"
            elif f"{function.__name__}() takes" in text and function.__kwdefaults__:
                said = f"; by name, as {next(iter(function.__kwdefaults__))}=, go the others"
            if said:
                raise TypeError(f"{error}{said}") from None
            raise

    return called  # type: ignore[return-value]


def publish(module: dict[str, Any]) -> None:
    """Let a module, by its globals(), list its public names, and know others' words at run time."""

    def absent(name: str) -> Any:
        raise missing(f"module {module['__name__']!r}", name)

    module.update({"__getattr__": absent, "__dir__": lambda: module["__all__"]})


def teach(module: dict[str, Any]) -> None:
    """Do so with all public functions of a module that have options, given its globals()."""
    public = {name: module[name] for name in module["__all__"]}
    module.update({n: taught(f) for n, f in public.items() if f.__defaults__ or f.__kwdefaults__})
