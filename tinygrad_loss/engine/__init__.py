"""The engine: all there is to read to learn backprop. It imports nothing of what is built on it.

Start at ``Tensor.backward``: three files lead from there to the derivative of any op.

tensor.py            Tensor: an array that remembers how it was made, with NumPy's methods
backprop.py          the chain rule: walk the graph backwards, add up
ops.py               Op, and the table of derivatives: every op with its rules

node.py              what a Tensor is to the graph
functions.py         what needs no rule of its own, composed from ops
products.py          products of matrices, and with many axes: matmul, solve, einsum
transforms.py        gradients of Tensors; grad: from a function to its derivative
numpy_protocol.py    what np.exp(t) and np.where(m, t, 0) do
mode.py              is the graph recorded, and who watches: no_grad, observers, scope
arguments.py         which arguments of an op are inputs, and which are options
arrays.py            what is an array, and nests of Tensors
copies.py            copy.deepcopy and pickle
words.py             words of other libraries, and what is said here
errors.py            errors that teach
"""
