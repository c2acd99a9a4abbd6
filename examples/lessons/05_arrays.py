# %% [markdown] lang="en"
# # 5. Arrays: the same idea on matrices
#
# **You will be able to** derive $\partial L / \partial W = x^T g$ with indices, say which sum a
# broadcast becomes on the way back, read a backpropagation engine of 50 lines on NumPy arrays, and
# check each of its derivatives numerically.
#
# **You need** lessons 3 and 4, and of NumPy the product `@`, `sum(axis=...)` and broadcasting. Sums
# with indices are recapped.
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 5 章 配列：行列でも同じこと
#
# **できるようになること**：$\partial L / \partial W = x^T g$ を添字を使って導く。ブロードキャストが逆伝播でどんな和になるかを説明する。NumPy の配列を扱う、50 行の誤差逆伝播法のエンジンを読む。エンジンの微分を一つ残らず数値微分で確かめる。
#
# **前提知識**：第 3 章と第 4 章。NumPy では、積 `@`、`sum(axis=...)`、ブロードキャスト。添字つきの和は、この章で復習します。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Too many nodes
#
# The engine of lesson 3 ([30 lines](../course/scalar_engine.py)) makes a node of every number. How many
# does one layer take? Take 16 samples of 64 numbers each and 10 outputs: each output is a sum of 64
# products and a bias.

# %% [markdown] lang="ja"
# ## ノードが多すぎる
#
# 第 3 章のエンジン（[30 行](../course/scalar_engine.py)）では、数一つがノード一つになります。一つの層に、いくつのノードが要るでしょうか。64 個の数からなるサンプルを 16 個入力し、出力は 10 個とします。それぞれの出力は、64 個の積とバイアスの和です。

# %%
import numpy as np
from check import check
from course import scalar_engine
from course.figures import arrays as figures
from course.scalar_engine import Value


def total_of_layer(rows, inputs, outputs):
    x = [[1.0] * inputs for _ in range(rows)]
    W = [[Value(1.0) for _ in range(outputs)] for _ in range(inputs)]
    b = [Value(0.0) for _ in range(outputs)]
    return sum(
        sum(x[i][k] * W[k][j] for k in range(inputs)) + b[j]
        for i in range(rows)
        for j in range(outputs)
    )


total = total_of_layer(16, 64, 10)
nodes = scalar_engine.topological_order(total, [], set())
print(f"{len(nodes) = }")

# %% [markdown] lang="en"
# There are 10,240 products, about as many sums, and about as many constants. Python walks over them
# one by one. With NumPy the layer is one line, `x @ W + b`, whose loops run in compiled code. If a
# **node holds a whole array**, the same layer and its total need 6 nodes ($x$, $W$, $b$, the
# product, the layer, the total). All else stays as it was: parents, an order, gradients that add
# up. What is new is one question: what is the derivative of an operation on arrays?

# %% [markdown] lang="ja"
# 積が 10,240 個、和と定数もほぼ同じ数ずつあり、ほかにも少しあります。Python は、これを一つずつたどります。NumPy なら、層は `x @ W + b` の 1 行で書け、繰り返しの計算はコンパイル済みのコードで行われます。**配列全体を一つのノード**にすれば、同じ層とその総和が 6 個のノード（$x$、$W$、$b$、積、層の出力、総和）で済みます。親をもつこと、順番にたどること、勾配を足し込むことなど、ほかの点はこれまでどおりです。新しい問いは一つだけです。配列の演算の微分とは何でしょうか。

# %% [markdown] lang="en"
# > **Recap: sums with indices.** $x_{ik}$ is the number in row $i$ and column $k$ of $x$. In formulas
# > rows and columns count from 1, in Python from 0. A product of matrices is a sum over the index in
# > the middle:
# >
# > $$y_{ij} = \sum_k x_{ik} W_{kj} = x_{i1} W_{1j} + x_{i2} W_{2j} + x_{i3} W_{3j}$$
# >
# > Three facts suffice for this lesson. The name of the index under the sum does not matter, as that
# > of a loop variable. The transpose swaps the indices: $(x^T)_{ki} = x_{ik}$. And a sum is a matrix
# > product if the index that is summed stands in the middle, at the end of the first factor and at
# > the start of the second.

# %% [markdown] lang="ja"
# > **復習：添字つきの和** $x_{ik}$ は、$x$ の第 $i$ 行、第 $k$ 列の数です。行と列の番号は、数式では 1 から、Python では 0 から数えます。行列の積は、中央の添字についての和です。
# >
# > $$y_{ij} = \sum_k x_{ik} W_{kj} = x_{i1} W_{1j} + x_{i2} W_{2j} + x_{i3} W_{3j}$$
# >
# > この章で使うのは、次の三つです。第一に、和を取る添字の名前は、ループ変数と同じで、何でもかまいません。第二に、転置すると添字が入れ替わります。つまり $(x^T)_{ki} = x_{ik}$ です。第三に、和を取る添字が中央にあれば、つまり一つ目の因子の後ろの添字で、二つ目の因子の前の添字であれば、その和は行列の積です。

# %% [markdown] lang="en"
# ## A layer by hand
#
# Two samples (rows) with three inputs, two outputs. In NumPy's layout each row of $x$ is a sample,
# each column of $W$ holds the weights of an output, and $b$ is added to each row. By hand:
# $y_{11} = 1 \cdot 2 + 2 \cdot 0 + 0 \cdot 1 = 2$, and with $b_1 = 1$ it is 3.

# %% [markdown] lang="ja"
# ## 層を手で計算する
#
# サンプル（行）が 2 個、入力が 3 個、出力が 2 個の層です。$x$ の各行が一つのサンプルで、$W$ の各列が一つの出力の重みです。$b$ は、どの行にも足します。手計算では $y_{11} = 1 \cdot 2 + 2 \cdot 0 + 0 \cdot 1 = 2$ で、$b_1 = 1$ を足すと 3 です。

# %%
x = np.array([[1, 2, 0], [-1, 1, 3]])
W = np.array([[2, 1], [0, -1], [1, 1]])
b = np.array([1, -1])
print(x @ W)
print(x @ W + b)

# %% [markdown] lang="en"
# Somewhere behind this layer is a loss $L$, one number. From there the gradient comes in, and it is
# an array now: $g_{ij} = \partial L / \partial y_{ij}$, a number for each number of $y$. **A
# gradient has the shape of its array.** Let $g$ be given; wanted are $\partial L / \partial W$,
# $\partial L / \partial x$ and $\partial L / \partial b$.

# %% [markdown] lang="ja"
# この層の先のどこかに損失 $L$ があり、その値は一つの数です。そこから来る上流の勾配は、今度は配列になります。$y$ の要素ごとに一つの数 $g_{ij} = \partial L / \partial y_{ij}$ があります。**勾配の形状は、もとの配列の形状と同じ**です。$g$ が次のように与えられたとして、$\partial L / \partial W$ と $\partial L / \partial x$ と $\partial L / \partial b$ を求めましょう。

# %%
g = np.array([[1, 2], [3, -1]])

# %% [markdown] lang="en"
# ## Where the transpose comes from
#
# Look at one weight, $W_{21}$, which is 0 now. It multiplies the second input and goes into the
# first output, in **each** row: $y_{11}$ contains $x_{12} W_{21}$, and $y_{21}$ contains
# $x_{22} W_{21}$. That makes two paths to the loss, with local derivatives $x_{12} = 2$ and
# $x_{22} = 1$. Local derivative times incoming gradient, and paths add up:
#
# $$\frac{\partial L}{\partial W_{21}} = x_{12}\, g_{11} + x_{22}\, g_{21} = 2 \cdot 1 + 1 \cdot 3 = 5$$

# %% [markdown] lang="ja"
# ## 転置はどこから来るのか
#
# 重み $W_{21}$ に注目します。いまの値は 0 です。この重みは二つ目の入力に掛けられて一つ目の出力に入り、それが**どの行でも**起こります。$y_{11}$ は $x_{12} W_{21}$ を含み、$y_{21}$ は $x_{22} W_{21}$ を含みます。損失への経路は二つで、局所的な微分は $x_{12} = 2$ と $x_{22} = 1$ です。局所的な微分に上流の勾配を掛け、経路の分を足し合わせます。
#
# $$\frac{\partial L}{\partial W_{21}} = x_{12}\, g_{11} + x_{22}\, g_{21} = 2 \cdot 1 + 1 \cdot 3 = 5$$

# %% [markdown] lang="en"
# The same for any weight: $W_{kj}$ goes into $y_{ij}$ for all rows $i$, with local derivative
# $x_{ik}$. So
#
# $$\frac{\partial L}{\partial W_{kj}} = \sum_i x_{ik}\, g_{ij} = \sum_i (x^T)_{ki}\, g_{ij} = (x^T g)_{kj}$$
#
# The sum is over the rows, and $i$ stands in front in $x_{ik}$. To make a matrix product of it, $i$
# has to stand in the middle: **that is all that the transpose does**. It is no derivative of its
# own, but the way to write "add up over the samples".

# %% [markdown] lang="ja"
# どの重みでも同じです。$W_{kj}$ は、どの行 $i$ でも $y_{ij}$ の式に現れ、局所的な微分は $x_{ik}$ です。したがって、
#
# $$\frac{\partial L}{\partial W_{kj}} = \sum_i x_{ik}\, g_{ij} = \sum_i (x^T)_{ki}\, g_{ij} = (x^T g)_{kj}$$
#
# となります。和を取るのは行の添字 $i$ で、$x_{ik}$ では前にあります。行列の積にするには、$i$ が中央に来なければなりません。**転置の役割はそれだけ**です。転置という特別な微分があるわけではなく、「サンプルについて足し合わせる」ことを、行列の積の形に書いただけです。

# %% [markdown] lang="en"
# For an input: $x_{ik}$ goes into all outputs $j$ of its own row, with local derivative $W_{kj}$.
# This time the sum is over the outputs, and the other factor has to be turned:
#
# $$\frac{\partial L}{\partial x_{ik}} = \sum_j g_{ij}\, W_{kj} = \sum_j g_{ij}\, (W^T)_{jk} = (g\, W^T)_{ik}$$
#
# By hand:
# $\partial L / \partial x_{11} = g_{11} W_{11} + g_{12} W_{12} = 1 \cdot 2 + 2 \cdot 1 = 4$.

# %% [markdown] lang="ja"
# 入力についても同様です。$x_{ik}$ は、同じ行のすべての出力 $j$ の式に現れ、局所的な微分は $W_{kj}$ です。今度は出力についての和なので、転置するのはもう一方の因子です。
#
# $$\frac{\partial L}{\partial x_{ik}} = \sum_j g_{ij}\, W_{kj} = \sum_j g_{ij}\, (W^T)_{jk} = (g\, W^T)_{ik}$$
#
# 手計算では、$\partial L / \partial x_{11} = g_{11} W_{11} + g_{12} W_{12} = 1 \cdot 2 + 2 \cdot 1 = 4$ です。

# %%
print(x.T @ g)
print(g @ W.T)

# %% [markdown] lang="en"
# Above in the picture: the weight $W_{21}$ (orange) meets the second column of $x$ (blue) and
# reaches the first column of $y$ (green); nothing else. Below: the same blue numbers times the
# gradients at the green places, added up, are the gradient of the orange weight,
# $2 \cdot 1 + 1 \cdot 3 = 5$.

# %% [markdown] lang="ja"
# 下の図の上段を見てください。重み $W_{21}$（橙）は、$x$ の第 2 列（青）に掛けられて、$y$ の第 1 列（緑）だけに届きます。下段では、同じ青の数に、緑の場所の勾配を掛けて足すと、橙の重みの勾配 $2 \cdot 1 + 1 \cdot 3 = 5$ になります。

# %%
figures.paths_of_one_weight(x, W, g, 1, 0)

# %% [markdown] lang="en"
# To remember: **$g$ times the other factor, transposed, each on its side.** In $y = x\,W$, $x$
# stands on the left, and it stays on the left in $x^T g$; $W$ stays on the right in $g\,W^T$. The
# shapes are a check: with four samples, $x$ is (4, 3) and $g$ is (4, 2), and of all arrangements
# only $x^T g$ has the shape of $W$, (3, 2). But where an array is square, as our $g$ is, a wrong
# arrangement such as $x^T g^T$ fits as well. Then only the indices decide, or a measurement.
#
# To measure, take the simplest loss whose gradient in $y$ is $g$: the sum of $g_{ij}\, y_{ij}$.
# Then move each number of the array a little to both sides, as in lesson 1. (`np.ndindex` runs through
# all places of an array.)

# %% [markdown] lang="ja"
# 覚え方は次のとおりです。**$g$ に、もう一方の因子を転置して、元と同じ側から掛けます**。$y = x\,W$ で左にあった $x$ は、$x^T g$ でも左にあり、右にあった $W$ は、$g\,W^T$ でも右にあります。形状は検算に使えます。サンプルが 4 個なら、$x$ は (4, 3)、$g$ は (4, 2) で、並べ方のうち $W$ の形状 (3, 2) になるのは $x^T g$ だけです。ただし、ここでの $g$ のように正方行列があると、$x^T g^T$ のような間違った並べ方でも形状が合ってしまいます。そのときの決め手は、添字による計算か、数値微分です。
#
# 数値微分で確かめるには、$y$ に対する勾配がちょうど $g$ になる、いちばん簡単な損失として、$g_{ij}\, y_{ij}$ の総和を使います。そして、第 1 章と同じように、配列の要素を一つずつ両側に少し動かします。（`np.ndindex` は、配列のすべての位置をたどります。）


# %%
def numerical_gradient(f, x):
    gradient = np.zeros(np.shape(x))
    for i in np.ndindex(gradient.shape):
        step = np.zeros(gradient.shape)
        step[i] = 1e-5
        gradient[i] = (f(x + step) - f(x - step)) / 2e-5
    return gradient


d_W = numerical_gradient(lambda W: np.sum(g * (x @ W)), W)
d_x = numerical_gradient(lambda x: np.sum(g * (x @ W)), x)
print(d_W.round(4))
print(d_x.round(4))

# %% [markdown] lang="en"
# **Exercise 5.1.** Now three samples, two inputs, two outputs. Compute $\partial L / \partial W$ of
# $y = x\,W$ by hand for this $x$ and this $g$:
#
# $$x = \begin{pmatrix} 1 & 2 \\ 0 & 1 \\ 2 & -1 \end{pmatrix}, \qquad g = \begin{pmatrix} 1 & 0 \\ 2 & -1 \\ 1 & 3 \end{pmatrix}$$
#
# Write it as a list of rows, `[[..., ...], [..., ...]]`. (If you check yourself with NumPy, use other names than
# `x` and `g`: the lesson goes on with its own.)

# %% [markdown] lang="ja"
# **演習 5.1** 今度は、サンプルが 3 個、入力が 2 個、出力が 2 個です。次の $x$ と $g$ について、$y = x\,W$ の $\partial L / \partial W$ を手で計算してください。
#
# $$x = \begin{pmatrix} 1 & 2 \\ 0 & 1 \\ 2 & -1 \end{pmatrix}, \qquad g = \begin{pmatrix} 1 & 0 \\ 2 & -1 \\ 1 & 3 \end{pmatrix}$$
#
# 行のリスト `[[..., ...], [..., ...]]` として答えます。（NumPy で検算するときは、`x` と `g` 以外の名前を使ってください。このあとも、本文の `x` と `g` を使うからです。）

# %%
d_W = ...
check("5.1", d_W)

# %% [markdown] lang="en" tags=["solution"]
# For $W_{kj}$ take column $k$ of $x$ and column $j$ of $g$, multiply in pairs and add: $W_{11}$:
# $1 \cdot 1 + 0 \cdot 2 + 2 \cdot 1 = 3$. $W_{12}$: $1 \cdot 0 + 0 \cdot (-1) + 2 \cdot 3 = 6$.
# $W_{21}$: $2 \cdot 1 + 1 \cdot 2 + (-1) \cdot 1 = 3$. $W_{22}$:
# $2 \cdot 0 + 1 \cdot (-1) + (-1) \cdot 3 = -4$. The values of $W$ are not needed.

# %% [markdown] lang="ja" tags=["solution"]
# $W_{kj}$ の勾配は、$x$ の第 $k$ 列と $g$ の第 $j$ 列の、対応する要素どうしを掛けて足したものです。$W_{11}$：$1 \cdot 1 + 0 \cdot 2 + 2 \cdot 1 = 3$。$W_{12}$：$1 \cdot 0 + 0 \cdot (-1) + 2 \cdot 3 = 6$。$W_{21}$：$2 \cdot 1 + 1 \cdot 2 + (-1) \cdot 1 = 3$。$W_{22}$：$2 \cdot 0 + 1 \cdot (-1) + (-1) \cdot 3 = -4$。$W$ の値は要りません。

# %% tags=["solution"]
d_W = [[3, 6], [3, -4]]
check("5.1", d_W)

# %% [markdown] lang="en"
# **Exercise 5.2.** Some libraries, PyTorch among them, keep the weights of an output in a *row* of
# $W$ and compute `y = x @ W.T`, that is $y_{ij} = \sum_k x_{ik} W_{jk}$. Derive
# $\partial L / \partial W_{jk}$ with indices and write it as one product.

# %% [markdown] lang="ja"
# **演習 5.2** PyTorch のように、一つの出力の重みを $W$ の行に並べ、`y = x @ W.T`、つまり $y_{ij} = \sum_k x_{ik} W_{jk}$ と計算するライブラリもあります。$\partial L / \partial W_{jk}$ を添字を使って導き、一つの積として書いてください。


# %%
def d_W(g, x, W):
    return ...


check("5.2", d_W)

# %% [markdown] lang="en" tags=["solution"]
# $W_{jk}$ goes into $y_{ij}$ for all $i$, with local derivative $x_{ik}$. The gradient is
# $\sum_i g_{ij}\, x_{ik}$, with $j$ as its row: $i$ comes into the middle in $(g^T)_{ji}\, x_{ik}$.
# It is the transpose of $x^T g$, as $W$ is transposed.

# %% [markdown] lang="ja" tags=["solution"]
# $W_{jk}$ は、どの $i$ でも $y_{ij}$ の式に現れ、局所的な微分は $x_{ik}$ です。勾配は $\sum_i g_{ij}\, x_{ik}$ で、その行の添字は $j$ です。$(g^T)_{ji}\, x_{ik}$ とすれば、$i$ が中央に来ます。$W$ が転置されているので、$x^T g$ の転置になっています。


# %% tags=["solution"]
def d_W(g, x, W):
    return g.T @ x


check("5.2", d_W)

# %% [markdown] lang="en"
# ## Broadcasting forward is a sum backward
#
# In `x @ W + b` the shapes are (2, 2) and (2,), and NumPy **broadcasts**: it uses the same $b$ in
# each row, as if it had been copied. So each number of $b$ has as many paths as there are rows,
# with local derivative 1, and they add up:
#
# $$y_{ij} = (x\,W)_{ij} + b_j \quad\Longrightarrow\quad \frac{\partial L}{\partial b_j} = \sum_i g_{ij}$$
#
# By hand: $1 + 3 = 4$ and $2 - 1 = 1$. The gradients are summed along the axis along which the
# copies lie:

# %% [markdown] lang="ja"
# ## 順伝播のブロードキャストは、逆伝播では和になる
#
# `x @ W + b` の二つの項の形状は (2, 2) と (2,) です。NumPy は**ブロードキャスト**を行い、同じ $b$ を、コピーしたかのように、どの行でも使います。したがって、$b$ の要素一つには、行の数だけ経路があります。局所的な微分はどれも 1 なので、上流の勾配をそのまま足し合わせます。
#
# $$y_{ij} = (x\,W)_{ij} + b_j \quad\Longrightarrow\quad \frac{\partial L}{\partial b_j} = \sum_i g_{ij}$$
#
# 手計算では $1 + 3 = 4$ と $2 - 1 = 1$ です。コピーが並んでいる軸に沿って、勾配を足すのです。

# %%
print(g.sum(axis=0))
d_b = numerical_gradient(lambda b: np.sum(g * (x @ W + b)), b)
print(d_b.round(4))

# %% [markdown] lang="en"
# NumPy aligns shapes at the right. An axis that is missing in front, or has size 1, is stretched.
# Beside an array of shape (2, 3), for example:
#
# | shape of b | copied | gradient |
# |---|---|---|
# | (3,) | down the rows | `g.sum(axis=0)` |
# | (1, 3) | down the rows | `g.sum(axis=0, keepdims=True)` |
# | (2, 1) | along each row | `g.sum(axis=1, keepdims=True)` |
# | () | everywhere | `g.sum()` |
#
# `keepdims=True` keeps the summed axis, with size 1: again, a gradient has the shape of its array.

# %% [markdown] lang="ja"
# NumPy は形状を右端でそろえます。前に足りない軸や、大きさが 1 の軸は引き伸ばされます。たとえば、相手の形状が (2, 3) なら次のようになります。
#
# | b の形状 | コピーの向き | 勾配 |
# |---|---|---|
# | (3,) | 縦（すべての行） | `g.sum(axis=0)` |
# | (1, 3) | 縦（すべての行） | `g.sum(axis=0, keepdims=True)` |
# | (2, 1) | 横（すべての列） | `g.sum(axis=1, keepdims=True)` |
# | () | 全体 | `g.sum()` |
#
# `keepdims=True` とすると、和を取った軸が大きさ 1 で残ります。ここでも、勾配の形状は、もとの配列の形状と同じです。

# %%
G = np.array([[1, 2, 3], [4, 5, 6]])
for shape in [(3,), (1, 3), (2, 1), ()]:
    zeros = np.zeros(shape)
    d_b = numerical_gradient(lambda b: np.sum(G * (x + b)), zeros)
    print(f"{shape!s:7} {d_b.round(4).tolist()}")

# %% [markdown] lang="en"
# Broadcasting is also a trap. A prediction of shape (N, 1) minus targets of shape (N,) is an (N, N)
# array, forward and backward run, and the model learns nonsense: [in the
# gallery](../../README.md#when-training-goes-wrong).

# %% [markdown] lang="ja"
# ブロードキャストには落とし穴もあります。形状 (N, 1) の予測から形状 (N,) の教師データを引くと、(N, N) の配列になります。順伝播も逆伝播も動いてしまい、モデルは意味のないことを学習します。[ギャラリー](../../README.ja.md#学習がうまくいかないとき)に例があります。

# %% [markdown] lang="en"
# **Exercise 5.3.** For $g$ of exercise 5.1 and a bias $b$ of shape (2,), added to each of the three
# rows: what is $\partial L / \partial b$? Write a list.

# %% [markdown] lang="ja"
# **演習 5.3** 演習 5.1 の $g$ について、形状 (2,) のバイアス $b$ が三つの行のすべてに足されているとき、$\partial L / \partial b$ はどうなりますか。リストで答えてください。

# %%
d_b = ...
check("5.3", d_b)

# %% [markdown] lang="en" tags=["solution"]
# The sums of the columns of $g$: $1 + 2 + 1 = 4$ and $0 - 1 + 3 = 2$.

# %% [markdown] lang="ja" tags=["solution"]
# $g$ の列ごとの和です。$1 + 2 + 1 = 4$ と $0 - 1 + 3 = 2$ になります。

# %% tags=["solution"]
d_b = [4, 2]
check("5.3", d_b)

# %% [markdown] lang="en"
# **Exercise 5.4.** Now $y$ is `x * b`, entry by entry, with `x` of shape (m, 3) and `b` of shape
# (3,): each column is scaled by a number of its own. Write the gradient of `b`.

# %% [markdown] lang="ja"
# **演習 5.4** 今度は、$y$ が要素ごとの積 `x * b` です。`x` の形状は (m, 3)、`b` の形状は (3,) で、列ごとに別の数を掛けることになります。`b` の勾配を返す関数を書いてください。


# %%
def d_b(g, x, b):
    return ...


check("5.4", d_b)

# %% [markdown] lang="en" tags=["solution"]
# $y_{ij} = x_{ij}\, b_j$: the copy of $b_j$ in row $i$ has the local derivative $x_{ij}$ and
# receives $g_{ij}\, x_{ij}$. The copies add up over $i$. In this order an engine does it, too:
# first the rule of the product, then the sum for the broadcast.

# %% [markdown] lang="ja" tags=["solution"]
# $y_{ij} = x_{ij}\, b_j$ なので、行 $i$ にある $b_j$ のコピーの局所的な微分は $x_{ij}$ で、コピーが受け取る勾配は $g_{ij}\, x_{ij}$ です。これを $i$ について足します。エンジンも同じ順に、まず積の規則を使い、次にブロードキャストの分の和を取ります。


# %% tags=["solution"]
def d_b(g, x, b):
    return (g * x).sum(axis=0)


check("5.4", d_b)

# %% [markdown] lang="en"
# **Exercise 5.5.** Write the sum for any array with two axes: `g` comes in, and `shape` is the
# shape before the broadcast, (1, n), (m, 1), (1, 1) or that of `g` itself. (`sum` takes a tuple of
# axes, also an empty one.)

# %% [markdown] lang="ja"
# **演習 5.5** この和を、二つの軸をもつ任意の配列について計算する関数を書いてください。`g` は上流の勾配で、`shape` はブロードキャスト前の形状です。(1, n)、(m, 1)、(1, 1)、または `g` と同じ形状のどれかです。（`sum` には、軸のタプルを渡せます。空のタプルでもかまいません。）


# %%
def sum_back(g, shape):
    return ...


check("5.5", sum_back)

# %% [markdown] lang="en" tags=["solution"]
# The stretched axes are those of size 1. Where such an axis had size 1 in `g` as well, nothing was
# stretched, and the sum over one number changes nothing.

# %% [markdown] lang="ja" tags=["solution"]
# 引き伸ばされたのは、大きさが 1 の軸です。`g` でも大きさが 1 なら、実際には引き伸ばされていませんが、一つの数の和を取っても何も変わりません。


# %% tags=["solution"]
def sum_back(g, shape):
    stretched = tuple(axis for axis in (0, 1) if shape[axis] == 1)
    return g.sum(axis=stretched, keepdims=True)


check("5.5", sum_back)

# %% [markdown] lang="en"
# ## A sum forward is broadcasting backward
#
# The other way round: in $y_j = \sum_i x_{ij}$ each $x_{ij}$ goes into one number, with local
# derivative 1. So $\partial L / \partial x_{ij} = g_j$: every row receives the same gradient. What
# was added up forward gets **copies** of one gradient backward, and NumPy's `np.broadcast_to` makes
# them.

# %% [markdown] lang="ja"
# ## 順伝播の和は、逆伝播ではブロードキャストになる
#
# 逆も成り立ちます。$y_j = \sum_i x_{ij}$ では、$x_{ij}$ はそれぞれ一つの和だけに現れ、局所的な微分は 1 です。したがって $\partial L / \partial x_{ij} = g_j$ で、どの行も同じ勾配を受け取ります。順伝播で足し合わせたものには、逆伝播で一つの勾配の**コピー**を配ります。コピーは NumPy の `np.broadcast_to` で作れます。

# %%
g_of_sum = np.array([10, 20, 30])
print(np.broadcast_to(g_of_sum, (2, 3)))
d_x = numerical_gradient(lambda x: np.sum(g_of_sum * x.sum(axis=0)), x)
print(d_x.round(4))

# %% [markdown] lang="en"
# **Exercise 5.6.** Write the gradient of `x` for `y = x.mean(axis=0)`, where `x` has two axes and
# `g` has the shape of `y`.

# %% [markdown] lang="ja"
# **演習 5.6** `y = x.mean(axis=0)` について、`x` の勾配を返す関数を書いてください。`x` は二つの軸をもち、`g` の形状は `y` と同じです。


# %%
def d_x(g, x):
    return ...


check("5.6", d_x)

# %% [markdown] lang="en" tags=["solution"]
# A mean of $m$ numbers counts each with $1/m$; `len(x)` is $m$, the number of rows.

# %% [markdown] lang="ja" tags=["solution"]
# $m$ 個の数の平均では、一つ一つの数に $1/m$ が掛かります。`len(x)` は行の数 $m$ です。


# %% tags=["solution"]
def d_x(g, x):
    return np.broadcast_to(g / len(x), x.shape)


check("5.6", d_x)

# %% [markdown] lang="en"
# ## Rules instead of numbers
#
# In lesson 3 a node kept a list of (parent, local derivative), and the local derivative was a
# number. What is it for arrays? $y = x\,W$ turns the 6 numbers of $W$ into 4 numbers of $y$, which
# makes $4 \cdot 6$ partial derivatives, a table called the **Jacobian** matrix. Here it is,
# measured by moving one weight at a time (by 1, as any step is exact for a linear formula): a row for each number of $y$, a column for each number of
# $W$. Each number of $W$
# reaches the loss through the four numbers of $y$, and paths add up: $g$, written as one row, times its
# column. So this row times the table is the gradient of $W$. (`ravel` writes an array as one row.)

# %% [markdown] lang="ja"
# ## 数の代わりに規則を
#
# 第 3 章のノードは、（親、局所的な微分）のリストをもっていて、局所的な微分は一つの数でした。配列では何になるでしょうか。$y = x\,W$ は、$W$ の 6 個の数から $y$ の 4 個の数を作るので、偏微分は $4 \cdot 6$ 個あります。これを並べた表を**ヤコビ行列**と呼びます。重みを一つずつ 1 だけ動かして求めると、次のようになります（1 次式なので、動かす幅がいくつでも正確です）。行は $y$ の要素に、列は $W$ の要素に対応します。$W$ のどの数も、$y$ の四つの数を通って損失に届き、経路の分は足し合わされます。つまり、横一列に並べた $g$ と、表のその列との積です。したがって、この行ベクトルと表の積が $W$ の勾配になります。（`ravel` は、配列を 1 行に並べます。）

# %%
columns = []
for k, j in np.ndindex(W.shape):
    move = np.zeros(W.shape, dtype=int)
    move[k, j] = 1
    columns.append((x @ (W + move) - x @ W).ravel())
jacobian = np.stack(columns, axis=1)
print(jacobian)
print(g.ravel() @ jacobian)
print((x.T @ g).ravel())

# %% [markdown] lang="en"
# Both are the same. But half of the table is 0 whatever $x$ is, and the other half are the 6
# numbers of $x$, each written twice. For a layer of 64 samples, 64 inputs and 32 outputs the table
# has $2048 \cdot 2048$ entries, some four million; `x.T @ g` builds none of them. So a node does
# not keep the local derivative. It keeps a **rule**, a function that turns $g$ into the gradient of
# the parent, and its list is one of (parent, rule). Such a rule computes a *vector-Jacobian
# product* without ever building the Jacobian.
#
# For an operation entry by entry, such as exp, the Jacobian has numbers on its diagonal only, and
# the rule is the one of lesson 3, entry by entry: $g$ times the local derivative.

# %% [markdown] lang="ja"
# 両者は一致します。しかし、表の半分は $x$ が何であっても 0 で、残りの半分には $x$ の 6 個の数が 2 回ずつ現れるだけです。サンプルが 64 個、入力が 64 個、出力が 32 個の層では、表の要素は $2048 \cdot 2048$ 個、およそ四百万個にもなりますが、`x.T @ g` の計算では、そのどれも作りません。そこで、ノードには局所的な微分の代わりに**規則**をもたせます。規則とは、$g$ から親の勾配を求める関数のことです。ノードがもつのは、（親、規則）のリストになります。このような規則を使えば、ヤコビ行列を作らずに、ベクトルとヤコビ行列の積（vector-Jacobian product）を計算できます。
#
# exp のような要素ごとの演算では、ヤコビ行列の 0 でない要素は対角線上にしかありません。規則は、第 3 章の計算を要素ごとに行うもの、つまり $g$ と局所的な微分の要素ごとの積です。

# %% [markdown] lang="en"
# ## The engine
#
# These are the rules, with $g$ the gradient that comes in:
#
# | operation | rules |
# |---|---|
# | `a + b` | `g` and `g` |
# | `a * b` | `g * b` and `g * a` |
# | `a @ b` | `g @ b.T` and `a.T @ g` |
# | `x**n` | `g * n * x ** (n - 1)` |
# | `log` | `g / x` |
# | `exp` | `g * y`, as the derivative of exp is exp itself |
# | `sum` | copies of `g` |
#
# The following is the engine of lesson 3, with these rules in place of numbers, with `@` and `sum`, and
# with the sum for broadcasting.

# %% [markdown] lang="ja"
# ## エンジン
#
# 規則をまとめます。$g$ は上流の勾配です。
#
# | 演算 | 規則 |
# |---|---|
# | `a + b` | `g` と `g` |
# | `a * b` | `g * b` と `g * a` |
# | `a @ b` | `g @ b.T` と `a.T @ g` |
# | `x**n` | `g * n * x ** (n - 1)` |
# | `log` | `g / x` |
# | `exp` | `g * y`（exp の微分は exp 自身だから） |
# | `sum` | `g` のコピー |
#
# 次のコードは、第 3 章のエンジンの数を規則に置き換え、`@` と `sum` と、ブロードキャストの分の和を加えたものです。

# %%
import numpy as np


class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.parents = parents
        self.grad = np.zeros_like(self.data)

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a + b, [(self, lambda g: g), (other, lambda g: g)])

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a * b, [(self, lambda g: g * b), (other, lambda g: g * a)])

    def __matmul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        a, b = self.data, other.data
        return Tensor(a @ b, [(self, lambda g: g @ b.T), (other, lambda g: a.T @ g)])

    def __pow__(self, n):
        x = self.data
        return Tensor(x**n, [(self, lambda g: g * n * x ** (n - 1))])

    def log(self):
        x = self.data
        return Tensor(np.log(x), [(self, lambda g: g / x)])

    def exp(self):
        y = np.exp(self.data)
        return Tensor(y, [(self, lambda g: g * y)])

    def sum(self, axis=None):
        y = self.data.sum(axis=axis, keepdims=axis is not None)
        return Tensor(y, [(self, lambda g: np.broadcast_to(g, self.data.shape))])

    def backward(self):
        order = topological_order(self, [], set())
        for node in order:
            if node.parents:
                node.grad = np.zeros_like(node.data)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            for parent, rule in node.parents:
                parent.grad += unbroadcast(rule(node.grad), parent.data.shape)


def unbroadcast(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return g.sum(axis=stretched, keepdims=True)


def topological_order(node, order, seen):
    if node not in seen:
        seen.add(node)
        for parent, _ in node.parents:
            topological_order(parent, order, seen)
        order.append(node)
    return order


# %% [markdown] lang="en"
# What has changed against lesson 3:
#
# - `data` is an array of floats, and `grad` starts as zeros of the same shape.
# - A rule is a function written with `lambda`. It is made in the forward pass, remembers the arrays
#   `a`, `b`, `x` or `y` of that pass, and is called in the backward pass.
# - `sum` keeps the axis that it sums along, with size 1, so that $g$ stretches back to the shape of
#   the parent by itself.
# - `backward` calls `rule(node.grad)` where it multiplied by a number, and starts from ones. (If
#   the last node is an array, this is the gradient of the sum of its numbers.)
# - The three lines of lesson 4 are in it: all nodes that have parents start from zero each time, or a
#   second `backward` would hand on again what the first one left in them.
# - `unbroadcast` is your exercise 5.5 for any number of axes: first it sums the axes that were
#   missing in front, then those of size 1. The rules know nothing of broadcasting; `backward` mends
#   what they return, in one place.
#
# `topological_order` is the same, word for word. Two limits keep it short: `@` takes arrays with
# two axes, and the power `n` is a number.
#
# The other spellings, such as `a - b` and `2 * a`, follow. `__array_ufunc__ = None` is new: it makes NumPy decline `array @ tensor`
# and the like, so that Python asks our class instead.

# %% [markdown] lang="ja"
# 第 3 章から変わったところは、次のとおりです。
#
# - `data` は浮動小数点数の配列で、`grad` は同じ形状の 0 の配列から始まります。
# - 規則は `lambda` で書いた関数です。順伝播のときに作り、逆伝播のときに呼び出します。規則は、順伝播のときの配列 `a`, `b`, `x`, `y` を覚えています。
# - `sum` は、和を取った軸を大きさ 1 で残します。そのため、$g$ はそのまま親の形状に引き伸ばせます。
# - `backward` は、数を掛ける代わりに `rule(node.grad)` を呼び出します。出発点の勾配は、1 を並べた配列です。（最後のノードが配列なら、その要素の総和の勾配を求めることになります。）
# - 第 4 章の 3 行が入っています。親をもつノードの勾配は、毎回 0 から始まります。そうしないと、2 回目の `backward` が、1 回目に残した勾配まで伝えてしまいます。
# - `unbroadcast` は、演習 5.5 を任意の数の軸に広げたものです。まず前に足りなかった軸に沿って足し、次に大きさが 1 の軸に沿って足します。規則のほうでは、ブロードキャストを考える必要がありません。規則の返した勾配は、`backward` の中の一か所でまとめて直します。
#
# `topological_order` は一字一句同じです。短くするために、二つの制限を設けています。`@` に使えるのは二つの軸をもつ配列だけで、べき乗の `n` に使えるのは数だけです。
#
# 続いて、`a - b` や `2 * a` など、残りの書き方を加えます。新しいのは `__array_ufunc__ = None` です。こう書くと、NumPy は `array @ tensor` のような計算を引き受けず、Python が代わりにこのクラスのメソッドを呼び出します。

# %%
Tensor.__array_ufunc__ = None
Tensor.__radd__ = Tensor.__add__
Tensor.__rmul__ = Tensor.__mul__
Tensor.__rmatmul__ = lambda self, other: Tensor(other) @ self
Tensor.__neg__ = lambda self: self * -1
Tensor.__sub__ = lambda self, other: self + other * -1
Tensor.__rsub__ = lambda self, other: self * -1 + other
Tensor.__truediv__ = lambda self, other: self * other**-1.0
Tensor.__rtruediv__ = lambda self, other: self**-1.0 * other

# %% [markdown] lang="en"
# The layer by hand again. The loss is the sum of $g_{ij}\, y_{ij}$, so that exactly our $g$ comes
# in. And the layer from the start of the lesson: how many nodes are there now?

# %% [markdown] lang="ja"
# 先に手で計算した層を、今度はこのエンジンで計算します。損失は $g_{ij}\, y_{ij}$ の総和なので、ちょうどあの $g$ が上流の勾配になります。この章の初めの層では、ノードはいくつになったでしょうか。

# %%
x_node, W_node, b_node = Tensor(x), Tensor(W), Tensor(b)
((x_node @ W_node + b_node) * g).sum().backward()
print(W_node.grad)
print(x_node.grad)
print(b_node.grad)

weights, bias = Tensor(np.ones((64, 10))), Tensor(np.zeros(10))
total = (np.ones((16, 64)) @ weights + bias).sum()
print(f"{len(topological_order(total, [], set())) = }")

# %% [markdown] lang="en"
# ## Check every derivative
#
# A slip in a rule raises no error. Often the net only trains a little worse, and nobody knows why.
# So each rule is compared with numerical differentiation. This is the gradient check of lesson 3. Two details
# matter. The result is multiplied by random numbers `c` before it is summed, for otherwise only
# ones would come in, and a rule that forgets $g$ would pass. And the shapes differ, so that
# broadcasting is tested, too.

# %% [markdown] lang="ja"
# ## すべての微分を確かめる
#
# 規則を間違えても、エラーは起こりません。学習の結果が少し悪くなるだけで、原因に気づけないことも多いのです。そこで、規則を一つずつ数値微分と比べます。第 3 章で行った**勾配確認**です。大切な点が二つあります。まず、結果に乱数 `c` を掛けてから和を取ります。そうしないと上流の勾配がすべて 1 になり、$g$ を掛け忘れた規則も合格してしまうからです。次に、形状の違う配列を使い、ブロードキャストも確かめます。

# %%
rng = np.random.default_rng(0)


def largest_error(op, *shapes):
    arrays = [rng.uniform(0.5, 2.0, shape) for shape in shapes]
    tensors = [Tensor(array) for array in arrays]
    y = op(*tensors)
    c = rng.normal(size=y.data.shape)
    (y * c).sum().backward()
    errors = []
    for i, tensor in enumerate(tensors):

        def loss(moved, i=i):
            inputs = [*arrays[:i], moved, *arrays[i + 1 :]]
            return np.sum(c * op(*map(Tensor, inputs)).data)

        error = tensor.grad - numerical_gradient(loss, arrays[i])
        errors.append(np.abs(error).max())
    return max(errors)


cases = {
    "x + b": (lambda x, b: x + b, (2, 3), (3,)),
    "x - b": (lambda x, b: x - b, (2, 3), (1, 3)),
    "x * b": (lambda x, b: x * b, (2, 3), (2, 1)),
    "x / b": (lambda x, b: x / b, (2, 3), ()),
    "x @ W": (lambda x, W: x @ W, (2, 3), (3, 2)),
    "x**3": (lambda x: x**3, (2, 3)),
    "log": (lambda x: x.log(), (2, 3)),
    "exp": (lambda x: x.exp(), (2, 3)),
    "sum": (lambda x: x.sum(), (2, 3)),
    "sum 0": (lambda x: x.sum(axis=0), (2, 3)),
    "sum 1": (lambda x: x.sum(axis=1), (2, 3)),
}
for name, (op, *shapes) in cases.items():
    print(f"{name:6} {largest_error(op, *shapes) < 1e-7}")

# %% [markdown] lang="en"
# And does the check find anything? Here is a product whose rule for the left factor lacks its
# transpose. With square arrays it runs and has the right shape.

# %% [markdown] lang="ja"
# この確認で、間違いは本当に見つかるでしょうか。次の積は、左の因子の規則で転置を忘れています。正方行列なら、エラーにならず、形状も合います。


# %%
def wrong_matmul(x, W):
    a, b = x.data, W.data
    rules = [(x, lambda g: g @ b), (W, lambda g: a.T @ g)]
    return Tensor(a @ b, rules)


wrong = largest_error(wrong_matmul, (3, 3), (3, 3))
print(f"{wrong < 1e-7 = !s}")

# %% [markdown] lang="en"
# ## An operation of your own
#
# The engine has no tanh. As in lesson 3, an operation from outside is a function that returns a
# node: the value, and for each parent a rule. The derivative of tanh is $1 - y^2$, where $y$ is its
# value.

# %% [markdown] lang="ja"
# ## 自分の演算を作る
#
# このエンジンには tanh がありません。第 3 章と同じように、クラスの外からでも、ノードを返す関数として演算を作れます。値と、親ごとの規則を渡すだけです。tanh の微分は、値を $y$ とすると $1 - y^2$ です。


# %%
def tanh(x):
    y = np.tanh(x.data)
    return Tensor(y, [(x, lambda g: g * (1 - y**2))])


print(f"{largest_error(tanh, (2, 3)) < 1e-7 = !s}")

# %% [markdown] lang="en"
# **Exercise 5.7.** Write relu in the same way: what is positive passes, all else becomes 0. (What
# passes backward? Take 0 as the derivative at 0.) When it is right, check it with
# `largest_error(lambda x: relu(x - 1), (2, 3))`. Why the `- 1`?

# %% [markdown] lang="ja"
# **演習 5.7** 同じようにして relu を書いてください。正の数はそのまま通し、そのほかは 0 にします。（逆伝播では何が通るでしょうか。0 での微分は 0 とします。）正解したら、`largest_error(lambda x: relu(x - 1), (2, 3))` でも確かめてください。`- 1` はなぜ必要でしょうか。


# %%
def relu(x):
    return ...


check("5.7", relu)

# %% [markdown] lang="en" tags=["solution"]
# The slope is 1 where `x` is positive, and 0 elsewhere: the gradient passes where the value passed.
# The sign of `g` plays no part. (`largest_error` draws positive numbers only, where every relu is
# a straight line, even one whose rule is wrong. `x - 1` has both signs.)

# %% [markdown] lang="ja" tags=["solution"]
# 傾きは、`x` が正のところで 1、そのほかで 0 です。値が通ったところだけ、勾配も通ります。`g` の符号は関係ありません。（`largest_error` が使うのは正の数だけで、そこでは relu は直線なので、規則が間違っていても見つかりません。`x - 1` なら、正の数も負の数も現れます。）


# %% tags=["solution"]
def relu(x):
    return Tensor(np.maximum(x.data, 0), [(x, lambda g: g * (x.data > 0))])


check("5.7", relu)
shifted = largest_error(lambda x: relu(x - 1), (2, 3))
print(f"{shifted < 1e-7 = !s}")

# %% [markdown] lang="en"
# ## A net, beside the library
#
# A multilayer perceptron (MLP) with a hidden layer of four units is to learn "one of the two, but
# not both" (XOR). A single layer cannot: no straight line parts the 1s from the 0s. `x` is a plain
# array; in `x @ W1` it stands on the left of a `Tensor`, which is what `__array_ufunc__` is for.

# %% [markdown] lang="ja"
# ## ネットワークを作り、ライブラリと比べる
#
# 4 個のユニットの中間層をもつ多層パーセプトロン（MLP）に、「どちらか一方だけが 1」（XOR、排他的論理和）を学習させます。一つの層では学習できません。1 と 0 を分ける直線がないからです。`x` はふつうの配列で、`x @ W1` では `Tensor` の左にあります。`__array_ufunc__` は、このような計算のために必要でした。

# %%
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
t = np.array([[0], [1], [1], [0]])
shapes = [(2, 4), (4,), (4, 1), (1,)]
rng = np.random.default_rng(6)
start = [rng.normal(size=shape) for shape in shapes]


def loss_of(W1, b1, W2, b2):
    y = tanh(x @ W1 + b1) @ W2 + b2
    return ((y - t) ** 2).sum() / len(t)


weights = [Tensor(array) for array in start]
loss = loss_of(*weights)
loss.backward()
print(f"{loss.data = :.4f}")
print(f"{len(topological_order(loss, [], set())) = }")

# %% [markdown] lang="en"
# Now the library of this course, for the first time. `tl.Tensor(array, requires_grad=True)` is a node
# like ours, and says that its gradient is wanted (our short engine keeps one for every node).
# `backward` and `grad` are as you know them; `tl.tanh` and `tl.mean_squared_error` are there already.

# %% [markdown] lang="ja"
# ここで初めて、この講座のライブラリを使います。`tl.Tensor(array, requires_grad=True)` は、これまでのノードにあたるもので、その勾配を求めることも指定しています（短いエンジンでは、どのノードも勾配をもっていました）。`backward` と `grad` の使い方は、これまでと同じです。`tl.tanh` と `tl.mean_squared_error` は、初めから用意されています。

# %%
import tinygrad_loss as tl

there = [tl.Tensor(array, requires_grad=True) for array in start]
W1, b1, W2, b2 = there
y = tl.tanh(x @ W1 + b1) @ W2 + b2
loss_there = tl.mean_squared_error(y, t)
loss_there.backward()
print(f"{abs(loss.data - loss_there.item()) < 1e-12}")
for node, weight in zip(weights, there, strict=True):
    difference = np.abs(node.grad - weight.grad).max()
    print(f"{node.grad.shape!s:7} {difference < 1e-12}")

# %% [markdown] lang="en"
# Loss and gradients are equal to twelve decimal places. What the library has beyond the 50 lines is for
# speed, memory, many more operations and good error messages, not another idea. Now train the net:
# gradient descent as in lesson 1, with gradients set to zero before each pass, since leaves (the nodes
# without parents) add theirs up (lesson 4). The update makes a new array. (`-=` would change `start` as well: a node shares the
# array that it was given. And `+ 0.0` at the end makes 0 of a rounded -0.)

# %% [markdown] lang="ja"
# 損失も勾配も、小数点以下 12 桁まで一致します。ライブラリが 50 行よりも長いのは、速さとメモリ、ずっと多くの演算、分かりやすいエラーメッセージのためで、考え方は同じです。では、このネットワークを学習させましょう。第 1 章と同じ勾配降下法です。葉（親をもたないノード）の勾配は足し込まれていくので（第 4 章）、毎回 0 に戻してから計算します。更新では、新しい配列を作ります。（`-=` を使うと、`start` まで変わってしまいます。ノードは、渡された配列をそのまま共有しているからです。最後の `+ 0.0` は、丸めてできた -0 を 0 にするためのものです。）

# %%
for step in range(121):
    for node in weights:
        node.grad = np.zeros_like(node.data)
    loss = loss_of(*weights)
    loss.backward()
    if step % 30 == 0:
        print(f"{step = :<4} loss = {loss.data:.4f}")
    for node in weights:
        node.data = node.data - 0.2 * node.grad

W1, b1, W2, b2 = weights
y = tanh(x @ W1 + b1) @ W2 + b2
print(y.data.ravel().round(1) + 0.0)

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** `y = x @ W`, with `x` of shape (8, 3) and `W` of shape (3, 2). How many numbers of `y` does
# the weight `W[0, 0]` reach?
#
# - "a": one, `y[0, 0]`.
# - "b": eight.
# - "c": all sixteen.
#
# **b.** A bias of shape (3,) is added to an array of shape (8, 3), and the gradient that comes in
# is 1 everywhere. The gradient of the bias is
#
# - "a": `[8, 8, 8]`.
# - "b": `[1, 1, 1]`.
# - "c": an array of ones, of shape (8, 3).
#
# **c.** All arrays are square, and a rule for `x @ W` has `W` where `W.T` belongs. What finds this
# most surely?
#
# - "a": the shape of the gradient.
# - "b": the loss, which then rises.
# - "c": a gradient check.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** `y = x @ W` で、`x` の形状は (8, 3)、`W` の形状は (3, 2) です。重み `W[0, 0]` は、`y` のいくつの要素に届きますか。
#
# - "a"：`y[0, 0]` の 1 個。
# - "b"：8 個。
# - "c"：16 個すべて。
#
# **b.** 形状 (3,) のバイアスを形状 (8, 3) の配列に足します。上流の勾配がすべて 1 のとき、バイアスの勾配はどれですか。
#
# - "a"：`[8, 8, 8]`。
# - "b"：`[1, 1, 1]`。
# - "c"：1 が並んだ、形状 (8, 3) の配列。
#
# **c.** 配列はすべて正方行列で、`x @ W` の規則の `W.T` と書くべきところが `W` になっています。この間違いを最も確実に見つける方法はどれですか。
#
# - "a"：勾配の形状を調べる。
# - "b"：損失を見る。間違っていれば大きくなる。
# - "c"：勾配確認を行う。

# %%
check("5 a", ...)
check("5 b", ...)
check("5 c", ...)

# %% tags=["solution"]
check("5 a", "b")
check("5 b", "a")
check("5 c", "c")

# %% [markdown] lang="en"
# ## Summary
#
# - A node can hold a whole array. Its gradient has the shape of the array.
# - For $y = x\,W$: $\partial L / \partial W = x^T g$ and $\partial L / \partial x = g\,W^T$. The
#   transpose brings the index that is summed into the middle.
# - Broadcasting forward is a sum backward, and a sum forward is broadcasting backward.
# - Instead of a local derivative a node keeps a rule that turns $g$ into the parent's gradient,
#   without the Jacobian.
# - A gradient check compares each rule with numerical differentiation.
#
# With exp, sum and log the engine has all that a softmax and its cross-entropy are made of: the
# next lesson.
#
# **Read on.** In the gallery: [backprop written out by hand](../../README.md#backprop-by-hand): the
# XOR net as plain NumPy, in which you find the two rules of the product as `d_h2 @ W1.T` and
# `a1.T @ d_h2`; and [handwritten digits](../../README.md#an-mlp-learns-real-handwritten-digits). In
# the source: [`engine/ops.py`](../../../tinygrad_loss/engine/ops.py) is the table of derivatives,
# and `unbroadcast` stands in [`engine/backprop.py`](../../../tinygrad_loss/engine/backprop.py). A
# page that steps through a backward pass: [download it](../../pictures/backprop_expression.html)
# and open it in a browser, or make it, with that of an MLP, by `python examples/backprop_page.py`.
# Books and papers: Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 6.5; Baydin et
# al., *Automatic Differentiation in Machine Learning: a Survey* (JMLR 2018).

# %% [markdown] lang="ja"
# ## まとめ
#
# - 一つのノードに配列全体をもたせられます。勾配の形状は、もとの配列の形状と同じです。
# - $y = x\,W$ では、$\partial L / \partial W = x^T g$ と $\partial L / \partial x = g\,W^T$ になります。転置は、和を取る添字を中央にもってくるためのものです。
# - 順伝播のブロードキャストは逆伝播では和になり、順伝播の和は逆伝播ではブロードキャストになります。
# - ノードは、局所的な微分の代わりに、$g$ から親の勾配を求める規則をもちます。ヤコビ行列は作りません。
# - 勾配確認では、規則を一つずつ数値微分と比べます。
#
# exp、和、log がそろったので、次の章では、ソフトマックスと交差エントロピー誤差をこのエンジンの演算から組み立てられます。
#
# **次に読むもの** ギャラリーの[手で書いたような誤差逆伝播](../../README.ja.md#手で書いたような誤差逆伝播)では、XOR のネットワークを NumPy だけで書き下しています。その中の `d_h2 @ W1.T` と `a1.T @ d_h2` が、積の二つの規則です。[手書き数字の学習](../../README.ja.md#mlp多層パーセプトロンは本物の手書き数字を学ぶ)もあります。ソースコードでは、[`engine/ops.py`](../../../tinygrad_loss/engine/ops.py) が微分の一覧表で、`unbroadcast` は [`engine/backprop.py`](../../../tinygrad_loss/engine/backprop.py) にあります。逆伝播を一段ずつ見られるページは、[ダウンロード](../../pictures/backprop_expression.html)してブラウザで開いてください。`python examples/backprop_page.py` で、MLP のページとともに作ることもできます。本と論文では、Goodfellow, Bengio, Courville『深層学習』（2016、邦訳 2018）の 6.5 節、Baydin ほか, Automatic Differentiation in Machine Learning: a Survey（JMLR 2018）が参考になります。
