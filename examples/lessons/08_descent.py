# %% [markdown] lang="en"
# # 8. Gradient descent
#
# **You will be able to** say from two numbers of a loss how fast gradient descent runs and at which
# learning rate it breaks, compute both numbers, and say what Newton's method, momentum, minibatches
# and learning-rate schedules change.
#
# **You need** lesson 1 (slope, step, learning rate), lesson 4 (the backward pass), lesson 5 (`Tensor`),
# and matrices times vectors. Eigenvalues are recapped.
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 8 章 勾配降下法
#
# **できるようになること**：勾配降下法の速さと、発散の境目になる学習率を、損失から決まる二つの数で説明する。その二つの数を計算する。ニュートン法、モーメンタム、ミニバッチ、学習率スケジュールによって何が変わるかを説明する。
#
# **前提知識**：第 1 章（傾き、ステップ、学習率）、第 4 章（逆伝播）、第 5 章（`Tensor`）、行列とベクトルの積。固有値は復習します。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## A line through points
#
# In lesson 1 a single weight walked down a valley. Now there are two numbers to learn: the slope $w$
# and the height $b$ of a line $y = w x + b$. The data are 100 points on $4 + 3x$, with normal noise.
# The start is random.

# %% [markdown] lang="ja"
# ## 点に直線を当てはめる
#
# 第 1 章では、一つの重みで谷を下りました。今度は、学習する数が二つあります。直線 $y = w x + b$ の傾き $w$ と切片 $b$ です。データは、$4 + 3x$ に正規分布のノイズを加えた 100 個の点です。出発点は乱数で決めます。

# %%
import numpy as np
from check import check
from course.figures import descent as figures

np.set_printoptions(precision=4, suppress=True)
np.random.seed(20)
x = 2 * np.random.rand(100, 1)
t = 4 + 3 * x + np.random.randn(100, 1)
w0, b0 = np.random.randn(1), np.random.randn(1)
print(f"{w0 = }  {b0 = }")

# %% [markdown] lang="en"
# The loss is the mean squared error over the $N = 100$ points. Both slopes follow from the chain
# rule:
#
# $$L = \frac{1}{N} \sum_i (t_i - y_i)^2, \qquad \frac{\partial L}{\partial w} = -\frac{2}{N} \sum_i x_i (t_i - y_i), \qquad \frac{\partial L}{\partial b} = -\frac{2}{N} \sum_i (t_i - y_i)$$
#
# The outer derivative is $2 (t_i - y_i)$, the inner one is $-x_i$ for $w$ and $-1$ for $b$. Does
# `tl`, the library of lesson 5, agree?

# %% [markdown] lang="ja"
# 損失は、$N = 100$ 個の点についての平均二乗誤差です。二つの傾きは、連鎖律から求まります。
#
# $$L = \frac{1}{N} \sum_i (t_i - y_i)^2, \qquad \frac{\partial L}{\partial w} = -\frac{2}{N} \sum_i x_i (t_i - y_i), \qquad \frac{\partial L}{\partial b} = -\frac{2}{N} \sum_i (t_i - y_i)$$
#
# 外側の微分が $2 (t_i - y_i)$ で、内側の微分は、$w$ については $-x_i$、$b$ については $-1$ です。第 5 章のライブラリ `tl` の値と一致するでしょうか。

# %%
import tinygrad_loss as tl

w = tl.Tensor(w0, requires_grad=True)
b = tl.Tensor(b0, requires_grad=True)
y = w * x + b
tl.mean_squared_error(y, t).backward()
d_w = -2 * np.mean(x * (t - y.data))
d_b = -2 * np.mean(t - y.data)
print(f"{d_w = :.4f}  {w.grad[0] = :.4f}")
print(f"{d_b = :.4f}  {b.grad[0] = :.4f}")

# %% [markdown] lang="en"
# Both are negative: the line lies too low and is too flat. One step of gradient descent moves both
# numbers at once, against their slopes. We write $\theta = (w, b)$ for the two together (a *vector*),
# and $g = (\partial L / \partial w, \partial L / \partial b)$ for the gradient:
#
# $$\theta \leftarrow \theta - \eta\, g$$
#
# with the learning rate $\eta$ (lesson 1; `lr` in code). `optim.GD` is this step for each tensor that
# it was given: `step()` makes it, and `zero_grad()` clears the gradients before the next `backward()`.
# (`.item()` is the number in a Tensor.) An **epoch** is a pass over all data; here each epoch is one
# step.

# %% [markdown] lang="ja"
# どちらも負です。直線は低すぎ、傾きも緩やかすぎるということです。勾配降下法の 1 ステップでは、二つの数を同時に、それぞれの傾きと逆の向きに動かします。二つをまとめたベクトルを $\theta = (w, b)$、勾配を $g = (\partial L / \partial w, \partial L / \partial b)$ と書くと、
#
# $$\theta \leftarrow \theta - \eta\, g$$
#
# となります（$\eta$ は第 1 章の学習率で、コードでは `lr` です）。この 1 行にあたるのが `optim.GD` です。`step()` は渡された Tensor を更新し、`zero_grad()` は次の `backward()` の前に勾配を消します。（`.item()` は、Tensor の中の数を返します。）全データを一巡することを 1 **エポック**と呼びます。ここでは、1 エポックが 1 ステップです。

# %%
from tinygrad_loss import optim

optimizer = optim.GD([w, b], lr=0.1)
for epoch in range(1, 51):
    optimizer.zero_grad()
    loss = tl.mean_squared_error(w * x + b, t)
    loss.backward()
    optimizer.step()
    if epoch in (1, 2, 3, 10, 20, 30, 40, 50):
        print(f"{epoch = :<3} loss = {loss.item():.4f}")
print(f"{w.item() = :.4f}  {b.item() = :.4f}")

# %% [markdown] lang="en"
# (From epoch 10 on these are the published numbers of
# [this example](../../README.md#training-is-minimizing-a-loss-by-gradient-descent).) From
# epoch 1 to epoch 10 the loss falls from 81.4 to 1.156; from there to epoch 50 it falls by only 0.05,
# and $w = 3.3912$ and $b = 3.6315$ are still on their way. Why so fast, and then so slow?

# %% [markdown] lang="ja"
# （10 エポック目からの値は、[この例](../../README.ja.md#学習とは勾配降下法で損失を小さくすること)について公表されている値と一致します。）1 エポック目から 10 エポック目までに、損失は 81.4 から 1.156 まで減りました。ところが、そこから 50 エポック目までには 0.05 しか減らず、$w = 3.3912$ も $b = 3.6315$ もまだ途中です。なぜ、初めは速く、その後は遅いのでしょうか。

# %% [markdown] lang="en"
# **Exercise 8.1.** First one step by hand. The data are three points $(x, t)$: $(1, 3)$, $(4, 5)$
# and $(2, 2)$. From $w = 1$, $b = 0$, with the mean squared error and $\eta = 0.1$, where does one
# step lead? Answer with a list, `[w, b]`. (If you check yourself with NumPy, here and below, use
# other names than those of the lesson, such as `x`, `t`, `start`, and later `H` and `eigenvalues`:
# it goes on with its own.)

# %% [markdown] lang="ja"
# **演習 8.1** まず、1 ステップを手で計算しましょう。データは三つの点 $(x, t)$ で、$(1, 3)$、$(4, 5)$、$(2, 2)$ です。損失は平均二乗誤差、$\eta = 0.1$ とします。$w = 1$、$b = 0$ から 1 ステップ進むと、どこに着きますか。リスト `[w, b]` で答えてください。（この章の演習を NumPy で検算するときは、`x`, `t`, `start` や、後で出てくる `H`, `eigenvalues` など、本文にある名前は使わないでください。このあとも本文で使うからです。）

# %%
next_theta = ...
check("8.1", next_theta)

# %% [markdown] lang="en" tags=["solution"]
# The predictions are 1, 4 and 2, and $t - y$ is 2, 1 and 0. So
# $\partial L / \partial w = -\frac{2}{3} (1 \cdot 2 + 4 \cdot 1 + 2 \cdot 0) = -4$ and
# $\partial L / \partial b = -\frac{2}{3} (2 + 1 + 0) = -2$. The step leads to
# $(1 + 0.4,\ 0 + 0.2)$. Both slopes are taken at the old point.

# %% [markdown] lang="ja" tags=["solution"]
# 予測は 1, 4, 2 で、$t - y$ は 2, 1, 0 です。したがって $\partial L / \partial w = -\frac{2}{3} (1 \cdot 2 + 4 \cdot 1 + 2 \cdot 0) = -4$、$\partial L / \partial b = -\frac{2}{3} (2 + 1 + 0) = -2$ となり、$(1 + 0.4,\ 0 + 0.2)$ に着きます。どちらの傾きも、動く前の点で求めます。

# %% tags=["solution"]
error = np.array([3, 5, 2]) - np.array([1, 4, 2])
d_w1, d_b1 = -2 * np.mean(np.array([1, 4, 2]) * error), -2 * np.mean(error)
next_theta = [1 - 0.1 * d_w1, 0 - 0.1 * d_b1]
check("8.1", next_theta)

# %% [markdown] lang="en"
# ## How slopes change: the Hessian
#
# A step follows the slope, and on the way the slope changes. How much it does so is a second
# derivative. With two numbers $w$ and $b$ there are four: each of the two slopes changes with each of
# the two numbers. The matrix of them is the **Hessian**. For our loss, by hand from the formulas above:
#
# $$H = \begin{pmatrix} \frac{\partial^2 L}{\partial w^2} & \frac{\partial^2 L}{\partial w\, \partial b} \\ \frac{\partial^2 L}{\partial b\, \partial w} & \frac{\partial^2 L}{\partial b^2} \end{pmatrix} = \frac{2}{N} \begin{pmatrix} \sum_i x_i^2 & \sum_i x_i \\ \sum_i x_i & N \end{pmatrix}$$
#
# It is symmetric, as the order of differentiation does not matter. No $w$, $b$ or $t$ is left in it:
# the loss is quadratic, and its Hessian is the same everywhere.
#
# Can the engine find it? So far a gradient came out as bare numbers. `tl.gradients(loss, [w, b])`
# returns the gradients instead of storing them in `grad`, and with **`create_graph=True`** it also
# records *how they were computed*: the backward pass becomes a graph of its own. So one can
# differentiate once more.

# %% [markdown] lang="ja"
# ## 傾きの変わり方：ヘッセ行列
#
# 1 ステップ進むあいだにも、傾きは変わっていきます。その変わり方を表すのが 2 階微分です。二つの傾きのそれぞれが、$w$ と $b$ のどちらを動かしても変わるので、2 階微分は四つあります。これを並べた行列を**ヘッセ行列**と呼びます。この損失では、上の式から手で求められます。
#
# $$H = \begin{pmatrix} \frac{\partial^2 L}{\partial w^2} & \frac{\partial^2 L}{\partial w\, \partial b} \\ \frac{\partial^2 L}{\partial b\, \partial w} & \frac{\partial^2 L}{\partial b^2} \end{pmatrix} = \frac{2}{N} \begin{pmatrix} \sum_i x_i^2 & \sum_i x_i \\ \sum_i x_i & N \end{pmatrix}$$
#
# 微分の順序を変えても同じなので、対称行列です。$w$ も $b$ も $t$ も残っていません。損失が 2 次式なので、ヘッセ行列はどこでも同じです。
#
# エンジンでも求められるでしょうか。これまで、勾配はただの数として得られました。`tl.gradients(loss, [w, b])` は、勾配を `grad` に入れる代わりに返します。さらに **`create_graph=True`** とすると、勾配をどう計算したかも記録されます。逆伝播そのものが計算グラフになるので、もう一度微分できます。

# %%
w = tl.Tensor(w0, requires_grad=True)
b = tl.Tensor(b0, requires_grad=True)
loss = tl.mean_squared_error(w * x + b, t)
slopes = tl.gradients(loss, [w, b], create_graph=True)
rows = [tl.gradients(slope, [w, b]) for slope in slopes]
H = np.array([[entry.item() for entry in row] for row in rows])
print(H)
print(2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1]]))

# %% [markdown] lang="en"
# **Exercise 8.2.** Two weights in a row: $y = w_2 w_1 x$, a net with two layers of one unit each. On
# one sample with $x = 1$ and $t = 7$ the loss is $L = (w_2 w_1 - 7)^2$. What is
# $\frac{\partial^2 L}{\partial w_2\, \partial w_1}$ at $w_1 = 5$, $w_2 = 2$? By hand.

# %% [markdown] lang="ja"
# **演習 8.2** 二つの重みが並んだ $y = w_2 w_1 x$ を考えます。ユニットが一つずつの 2 層のネットワークです。$x = 1$、$t = 7$ のサンプル一つについて、損失は $L = (w_2 w_1 - 7)^2$ です。$\frac{\partial^2 L}{\partial w_2\, \partial w_1}$ の、$w_1 = 5$、$w_2 = 2$ での値を手で求めてください。

# %%
mixed = ...
check("8.2", mixed)

# %% [markdown] lang="en" tags=["solution"]
# $\partial L / \partial w_1 = 2 (w_2 w_1 - 7)\, w_2$. Both factors hold $w_2$, and the product rule
# gives $2 w_1 \cdot w_2 + 2 (w_2 w_1 - 7) = 20 + 6 = 26$. Here the Hessian differs from place to
# place, as it does in nets of more than one layer.

# %% [markdown] lang="ja" tags=["solution"]
# $\partial L / \partial w_1 = 2 (w_2 w_1 - 7)\, w_2$ です。$w_2$ は二つの因子に含まれるので、積の微分から $2 w_1 \cdot w_2 + 2 (w_2 w_1 - 7) = 20 + 6 = 26$ となります。この例のヘッセ行列は、場所によって変わります。2 層以上のネットワークでは、ふつうそうなります。

# %% tags=["solution"]
w1, w2 = 5, 2
mixed = 2 * w1 * w2 + 2 * (w2 * w1 - 7)
check("8.2", mixed)

# %% [markdown] lang="en"
# ## Two directions
#
# > **Recap: eigenvalues.** A matrix turns most vectors into a new direction. Some it only stretches:
# > $H u = \lambda u$. Such a $u$ is an **eigenvector**, the factor $\lambda$ its **eigenvalue**. (In
# > lesson 7, $\lambda$ was the strength of a penalty.) A symmetric matrix of two rows has two
# > eigenvectors at right angles to each other, and we take them of length 1. With $a$ and $d$ on the
# > diagonal and $e$ beside it, the eigenvalues solve
# > $\lambda^2 - (a + d)\, \lambda + (a d - e^2) = 0$. Here $a + d = 4.698$ and $a d - e^2 = 1.114$,
# > so that $\lambda = \frac{4.698 \pm \sqrt{4.698^2 - 4 \cdot 1.114}}{2}$, which is $0.250$ or
# > $4.448$.

# %% [markdown] lang="ja"
# ## 二つの方向
#
# > **復習：固有値** 行列を掛けると、たいていのベクトルは向きが変わります。しかし、$H u = \lambda u$ のように、伸び縮みするだけのベクトルもあります。この $u$ を**固有ベクトル**、倍率 $\lambda$ を**固有値**と呼びます。（第 7 章では、$\lambda$ はペナルティの強さでした。）2 行 2 列の対称行列には、互いに直交する二つの固有ベクトルがあり、長さは 1 にとります。固有値は、対角成分を $a$ と $d$、それ以外の成分を $e$ として、$\lambda^2 - (a + d)\, \lambda + (a d - e^2) = 0$ の解です。ここでは $a + d = 4.698$、$a d - e^2 = 1.114$ なので、$\lambda = \frac{4.698 \pm \sqrt{4.698^2 - 4 \cdot 1.114}}{2}$ から、$0.250$ と $4.448$ になります。

# %%
eigenvalues, vectors = np.linalg.eigh(H)
vectors = vectors * np.sign(vectors[0])
print(f"{eigenvalues = }")
print(vectors)
print(f"{H @ vectors[:, 0] = }")
print(f"{eigenvalues[0] * vectors[:, 0] = }")

# %% [markdown] lang="en"
# (`eigh` is for symmetric matrices. The columns of `vectors` are the eigenvectors, and the smaller
# eigenvalue comes first. The sign of an eigenvector is free; ours begin with a positive number.)
#
# At the minimum $\theta^*$ the gradient is 0. Away from it, as the Hessian is constant, the gradient
# is $g = H\,(\theta - \theta^*)$: the slope of a parabola, $5\,(w - 2)$ in lesson 1, with a matrix in
# place of the 5. A step therefore changes what is left to go like this:
#
# $$\theta - \theta^* \ \leftarrow\ (\theta - \theta^*) - \eta\, H\, (\theta - \theta^*)$$
#
# Now split what is left along the two eigenvectors: $\theta - \theta^* = c_1 u_1 + c_2 u_2$. On each of
# them $H$ is only a number, and the two do not mix:
#
# $$c_1 \leftarrow (1 - \eta \lambda_1)\, c_1, \qquad c_2 \leftarrow (1 - \eta \lambda_2)\, c_2$$
#
# With $\eta = 0.1$ the factors are $1 - 0.1 \cdot 0.2504 = 0.9750$ and
# $1 - 0.1 \cdot 4.4479 = 0.5552$. In the steep direction each step covers nearly half of what is
# left, in the flat one a fortieth.
#
# And the loss? Along an eigenvector the slope is $\lambda c$, and the parabola with this slope is
# $\frac{1}{2} \lambda c^2$ (in lesson 1 it was $2.5\,(w - 2)^2$). So the loss above its minimum is
# $\frac{1}{2} \lambda_1 c_1^2 + \frac{1}{2} \lambda_2 c_2^2$, and its two parts shrink by the
# **squares**, $0.951$ and $0.308$.

# %% [markdown] lang="ja"
# （`eigh` は対称行列のための関数です。`vectors` の列が固有ベクトルで、固有値は小さい順に並びます。固有ベクトルの符号はどちらでもよいので、最初の成分を正にしました。）
#
# 最小点 $\theta^*$ では勾配が 0 です。ヘッセ行列はどこでも同じなので、最小点から離れたところの勾配は $g = H\,(\theta - \theta^*)$ となります。放物線の傾きと同じ形で、第 1 章の $5\,(w - 2)$ の 5 が行列になったものです。したがって、最小点までの残りは、1 ステップで次のように変わります。
#
# $$\theta - \theta^* \ \leftarrow\ (\theta - \theta^*) - \eta\, H\, (\theta - \theta^*)$$
#
# この残りを、二つの固有ベクトルの方向に分けて、$\theta - \theta^* = c_1 u_1 + c_2 u_2$ と書きましょう。それぞれの方向では $H$ はただの数になり、二つの方向は混ざりません。
#
# $$c_1 \leftarrow (1 - \eta \lambda_1)\, c_1, \qquad c_2 \leftarrow (1 - \eta \lambda_2)\, c_2$$
#
# $\eta = 0.1$ なら、倍率は $1 - 0.1 \cdot 0.2504 = 0.9750$ と $1 - 0.1 \cdot 4.4479 = 0.5552$ です。急な方向では 1 ステップごとに残りの半分近くを進みますが、緩やかな方向では 40 分の 1 しか進みません。
#
# 損失はどうなるでしょうか。固有ベクトルの方向での傾きは $\lambda c$ で、この傾きをもつ放物線は $\frac{1}{2} \lambda c^2$ です（第 1 章では $2.5\,(w - 2)^2$ でした）。したがって、損失と最小値との差は $\frac{1}{2} \lambda_1 c_1^2 + \frac{1}{2} \lambda_2 c_2^2$ で、その二つの部分には、1 ステップごとに倍率の **2 乗**、つまり $0.951$ と $0.308$ が掛かります。


# %%
def loss_at(theta):
    return np.mean((theta[0] * x + theta[1] - t) ** 2)


def gradient_at(theta):
    error = theta[0] * x + theta[1] - t
    return 2 * np.array([np.mean(x * error), np.mean(error)])


start = np.concatenate([w0, b0])
columns = np.hstack([x, np.ones_like(x)])
best = np.linalg.lstsq(columns, t, rcond=None)[0].ravel()
smallest = loss_at(best)
print(f"{best = }  {smallest = :.7f}")

path = [start]
for _ in range(50):
    path.append(path[-1] - 0.1 * gradient_at(path[-1]))
path = np.array(path)
excess = np.array([loss_at(theta) for theta in path]) - smallest

c = (start - best) @ vectors
factors = 1 - 0.1 * eigenvalues
for k in [0, 1, 2, 5, 10, 50]:
    flat, steep = 0.5 * eigenvalues * (factors**k * c) ** 2
    print(f"{k = :<3} {flat:.4f} + {steep:7.4f} = {excess[k]:7.4f}")

# %% [markdown] lang="en"
# `lstsq` finds the minimum by solving equations, and `excess` is the loss above it. (`k` counts the
# steps made, so that epoch 1 printed the loss of `k = 0`.) The two factors, and where one starts,
# explain all losses. A quantity that shrinks by the same factor in each step is a straight line on a
# logarithmic axis, and the loss is the sum of two:

# %% [markdown] lang="ja"
# `lstsq` は、方程式を解いて最小点を求めます。最小値との差が `excess` です。（`k` は済んだステップの数で、先ほどの 1 エポック目の損失が `k = 0` にあたります。）二つの倍率と出発点だけで、すべての損失が説明できました。1 ステップごとに同じ倍率で小さくなる量は、対数目盛りでは直線になります。損失は、そのような二つの量の和です。

# %%
figures.valley(path, best, H, excess)

# %% [markdown] lang="en"
# Left: lines of equal loss around the minimum (star), and the path (blue). The loss is a long, narrow
# valley: flat in the direction of the eigenvector to $\lambda_1$ (orange, dashed), steep in that to
# $\lambda_2$ (gray, dotted). Gradient descent rushes down the steep wall, and then creeps along the
# floor. Right: the loss above its minimum (dots) and its two parts.

# %% [markdown] lang="ja"
# 左は、最小点（星印）のまわりの等高線と、たどった経路（青）です。損失は細長い谷の形をしていて、二つの固有ベクトルのうち、$\lambda_1$ の方向（橙の破線）は緩やか、$\lambda_2$ の方向（灰色の点線）は急です。勾配降下法は、急な斜面を一気に下り、その後は谷底をゆっくり進みます。右は、損失と最小値との差（点）と、その二つの部分です。

# %% [markdown] lang="en"
# **Exercise 8.3.** Another loss has the eigenvalues 0.5 and 8. At the start one is 10 away from the
# minimum in each of the two directions: $c_1 = c_2 = 10$. What are $c_1$ and $c_2$ after three steps
# with $\eta = 0.2$? Answer with a list.

# %% [markdown] lang="ja"
# **演習 8.3** ある損失の固有値は 0.5 と 8 です。最小点から、どちらの方向にも 10 だけ離れたところ、つまり $c_1 = c_2 = 10$ から始めます。$\eta = 0.2$ で 3 ステップ進むと、$c_1$ と $c_2$ はいくつになりますか。リストで答えてください。

# %%
c_after = ...
check("8.3", c_after)

# %% [markdown] lang="en" tags=["solution"]
# The factors are $1 - 0.2 \cdot 0.5 = 0.9$ and $1 - 0.2 \cdot 8 = -0.6$. After three steps
# $10 \cdot 0.9^3 = 7.29$ and $10 \cdot (-0.6)^3 = -2.16$ are left. In the steep direction each step
# jumps across the minimum, and lands nearer.

# %% [markdown] lang="ja" tags=["solution"]
# 倍率は $1 - 0.2 \cdot 0.5 = 0.9$ と $1 - 0.2 \cdot 8 = -0.6$ です。3 ステップ後には $10 \cdot 0.9^3 = 7.29$ と $10 \cdot (-0.6)^3 = -2.16$ が残ります。急な方向では、毎回最小点を飛び越えながら近づいていきます。

# %% tags=["solution"]
c_after = [10 * (1 - 0.2 * 0.5) ** 3, 10 * (1 - 0.2 * 8) ** 3]
check("8.3", c_after)

# %% [markdown] lang="en"
# ## The largest learning rate
#
# What is left in a direction shrinks as long as its factor lies between $-1$ and 1. For a positive
# eigenvalue $1 - \eta \lambda$ is below 1 anyway, and above $-1$ if $\eta < 2 / \lambda$. This must
# hold for both, so the **largest** eigenvalue sets the limit:
#
# $$\eta < \frac{2}{\lambda_2} = \frac{2}{4.44792} = 0.44965$$
#
# Try it, with six rates: `flat` and `steep` are the factors $1 - \eta \lambda_1$ and
# $1 - \eta \lambda_2$, and then comes the excess after 50 and after 1,000 steps.

# %% [markdown] lang="ja"
# ## 最大の学習率
#
# 残りが小さくなっていくのは、倍率が $-1$ と 1 の間にあるときです。固有値が正なら、$1 - \eta \lambda$ は必ず 1 より小さく、$-1$ より大きくなるのは $\eta < 2 / \lambda$ のときです。これが両方の方向で成り立つ必要があるので、限界を決めるのは**最大の**固有値です。
#
# $$\eta < \frac{2}{\lambda_2} = \frac{2}{4.44792} = 0.44965$$
#
# 六つの学習率で試しましょう。`flat` と `steep` は倍率 $1 - \eta \lambda_1$ と $1 - \eta \lambda_2$ で、その右は 50 ステップ後と 1,000 ステップ後の、最小値との差です。


# %%
def excess_after(steps, lr):
    theta = start
    for _ in range(steps):
        theta = theta - lr * gradient_at(theta)
    return loss_at(theta) - smallest


print(f"{eigenvalues[1] = :.5f}  {2 / eigenvalues[1] = :.5f}")
print("    lr   flat   steep    k = 50  k = 1000")
for lr in [0.003, 0.03, 0.1, 0.4, 0.449, 0.4497]:
    flat, steep = 1 - lr * eigenvalues
    few, many = excess_after(50, lr), excess_after(1000, lr)
    print(f"{lr:6} {flat:.4f} {steep:7.4f} {few:9.5f} {many:9.5f}")

# %% [markdown] lang="en"
# A rate of 0.003 crawls. At 0.449 the steep direction flips its sign in each step and shrinks by
# 0.3 %: it converges, slowly. At 0.4497, only 0.0007 more, it grows by 0.02 % a step, and the loss
# goes up forever. Best in this list is 0.4, near the limit: the flat direction wants a far
# larger rate than the steep one allows.
#
# One rate has to serve both directions. If nothing is known of the start, the best rate makes both
# factors equally large: $1 - \eta \lambda_1 = -(1 - \eta \lambda_2)$, so
# $\eta = 2 / (\lambda_1 + \lambda_2) = 0.426$, and both have the size
# $\frac{\lambda_2 - \lambda_1}{\lambda_2 + \lambda_1} = 0.893$. (Our start lies almost wholly in the
# steep direction, so that 0.4, which shrinks that part faster, does better here.) With
# $\lambda_1 = \lambda_2$ the size would be 0: one step, and done. How hard a loss is for gradient
# descent is therefore told by the ratio $\lambda_2 / \lambda_1$, the **condition number**, here 17.8.

# %% [markdown] lang="ja"
# 学習率 0.003 では、なかなか進みません。0.449 では、急な方向の成分は、符号が毎回変わり、大きさが 1 ステップに 0.3 % ずつ減ります。遅いながらも収束します。これより 0.0007 大きいだけの 0.4497 では、大きさが 1 ステップに 0.02 % ずつ増え、損失は限りなく大きくなります。この中で最も良いのは、限界に近い 0.4 です。緩やかな方向には、急な方向の限界よりもずっと大きな学習率が適しているからです。
#
# 一つの学習率で二つの方向に対応しなければなりません。出発点について何も分からなければ、二つの倍率の大きさが等しくなる学習率が最良です。$1 - \eta \lambda_1 = -(1 - \eta \lambda_2)$ から $\eta = 2 / (\lambda_1 + \lambda_2) = 0.426$ で、倍率の大きさはどちらも $\frac{\lambda_2 - \lambda_1}{\lambda_2 + \lambda_1} = 0.893$ です。（この例の出発点は、最小点からほとんど急な方向にだけ離れています。そのため、急な方向を速く縮める 0.4 のほうが良い結果になりました。）$\lambda_1 = \lambda_2$ なら倍率は 0 で、1 ステップで終わります。つまり、勾配降下法にとっての難しさを表すのは、比 $\lambda_2 / \lambda_1$ です。これを**条件数**と呼び、ここでは 17.8 です。

# %% [markdown] lang="en"
# **Exercise 8.4.** Write the limit of the learning rate for a line $y = w x + b$ with the mean
# squared error, from the inputs `x` alone (an array of numbers). Afterwards print it for `x.ravel()`,
# for `1000 * x.ravel()`, and for `(x.ravel() - x.mean()) / x.std()`: what does this say about inputs
# in different units?

# %% [markdown] lang="ja"
# **演習 8.4** 平均二乗誤差で直線 $y = w x + b$ を当てはめるときの、学習率の限界を求める関数を書いてください。必要なのは入力 `x`（数の配列）だけです。できたら、`x.ravel()`、`1000 * x.ravel()`、`(x.ravel() - x.mean()) / x.std()` のそれぞれで値を表示してください。入力の単位について、何が言えるでしょうか。


# %%
def rate_limit(x):
    return ...


check("8.4", rate_limit)

# %% [markdown] lang="en" tags=["solution"]
# The targets play no part. In units a thousand times smaller (meters for kilometers) the limit falls
# to about a 600,000th, since the Hessian holds $x^2$. (For $w$ alone it would be a millionth.) With
# mean 0 and standard deviation 1 the Hessian is twice the identity: both eigenvalues are 2, the limit
# is 1, and the rate 0.5 arrives in one step. This is why inputs are **standardized**.

# %% [markdown] lang="ja" tags=["solution"]
# 教師データは関係ありません。単位を 1,000 分の 1 にすると（キロメートルをメートルに直すと）、限界はおよそ 600,000 分の 1 になります。ヘッセ行列に $x^2$ が入るからです。（$w$ だけなら、100 万分の 1 です。）平均を 0、標準偏差を 1 にそろえると、ヘッセ行列は単位行列の 2 倍になります。固有値はどちらも 2、限界は 1 で、学習率 0.5 なら 1 ステップで最小点に着きます。入力を**標準化**するのは、このためです。


# %% tags=["solution"]
def rate_limit(x):
    hessian = 2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1]])
    return 2 / np.linalg.eigvalsh(hessian).max()


check("8.4", rate_limit)
flat_x = x.ravel()
for inputs in [flat_x, 1000 * flat_x, (flat_x - x.mean()) / x.std()]:
    print(f"{rate_limit(inputs):.8f}")

# %% [markdown] lang="en"
# ## Newton: divide by the curvature
#
# Each direction wants a rate of its own, $1 / \lambda$: then its factor is $1 - 1 = 0$. Newton's
# method does this. From $g = H\,(\theta - \theta^*)$ follows $\theta - \theta^* = H^{-1} g$, and so
#
# $$\theta \leftarrow \theta - H^{-1} g$$
#
# goes from any place to the minimum in **one step**, without a learning rate.
# (`np.linalg.solve(H, g)` solves $H \delta = g$ for the step $\delta$; one need not invert.)

# %% [markdown] lang="ja"
# ## ニュートン法：曲がり方で割る
#
# それぞれの方向には、それぞれに適した学習率 $1 / \lambda$ があります。その学習率なら、倍率は $1 - 1 = 0$ です。これを実現するのがニュートン法です。$g = H\,(\theta - \theta^*)$ から $\theta - \theta^* = H^{-1} g$ なので、
#
# $$\theta \leftarrow \theta - H^{-1} g$$
#
# とすれば、どこから始めても **1 ステップ**で最小点に着きます。学習率も要りません。（`np.linalg.solve(H, g)` は、$H \delta = g$ を満たす $\delta$ を求めます。逆行列を作る必要はありません。）

# %%
newton = start - np.linalg.solve(H, gradient_at(start))
print(f"{newton = }")
print(f"{loss_at(newton) = :.7f}")
print(f"{smallest = :.7f}")

# %% [markdown] lang="en"
# Why is not everything trained like this? If the loss is not quadratic, the Hessian holds only nearby,
# and where the loss bends downward (a negative eigenvalue) the step goes up in that direction. And for
# $n$ weights the Hessian has $n^2$ entries: a million weights, a million times a million of them.

# %% [markdown] lang="ja"
# なぜ、いつもこの方法で学習しないのでしょうか。第一に、損失が 2 次式でなければ、ヘッセ行列が正しいのはその点の近くだけです。しかも、固有値が負の（上に凸の）方向では、損失が増える向きに進んでしまいます。第二に、重みが $n$ 個あれば、ヘッセ行列の成分は $n^2$ 個です。重みが 100 万個なら、成分はその 100 万倍になります。

# %% [markdown] lang="en"
# **Exercise 8.5.** $L = w^2 + w b + b^2 - 5 w - 4 b$. Take one Newton step from $w = 1$, $b = 4$, by
# hand: the gradient, the Hessian $H$, and the two equations $H \delta = g$ for the step. Answer with a
# list, `[w, b]`. (In NumPy, use other names than `H` and `start`.)

# %% [markdown] lang="ja"
# **演習 8.5** $L = w^2 + w b + b^2 - 5 w - 4 b$ とします。$w = 1$、$b = 4$ から、ニュートン法で 1 ステップ進んでください。勾配とヘッセ行列 $H$ を求め、進む量についての連立方程式 $H \delta = g$ を手で解きます。リスト `[w, b]` で答えてください。（NumPy では、`H` と `start` 以外の名前を使ってください。）

# %%
newton_theta = ...
check("8.5", newton_theta)

# %% [markdown] lang="en" tags=["solution"]
# The gradient is $(2w + b - 5,\ w + 2b - 4) = (1, 5)$, and the Hessian has 2 on the diagonal and 1
# beside it. The step solves $2 \delta_1 + \delta_2 = 1$ and $\delta_1 + 2 \delta_2 = 5$, so
# $\delta = (-1, 3)$, and $(1, 4) - (-1, 3) = (2, 1)$. There the gradient is 0. By its own slope alone
# $w$ would fall; because $b$ falls as well, $w$ has to rise.

# %% [markdown] lang="ja" tags=["solution"]
# 勾配は $(2w + b - 5,\ w + 2b - 4) = (1, 5)$ で、ヘッセ行列は対角成分が 2、ほかの成分が 1 です。進む量は $2 \delta_1 + \delta_2 = 1$ と $\delta_1 + 2 \delta_2 = 5$ の解 $\delta = (-1, 3)$ で、$(1, 4) - (-1, 3) = (2, 1)$ に着きます。ここで勾配は 0 です。自身の傾きだけを見れば $w$ は減るはずですが、$b$ も減るので、$w$ は増やさなければなりません。

# %% tags=["solution"]
push = np.array([2 * 1 + 4 - 5, 1 + 2 * 4 - 4])
delta = np.linalg.solve(np.array([[2, 1], [1, 2]]), push)
newton_theta = np.array([1, 4]) - delta
check("8.5", newton_theta)

# %% [markdown] lang="en"
# ## Momentum
#
# In the flat direction successive gradients agree, in the steep one they may differ in sign. So add
# them up: what agrees grows, what alternates cancels. The sum is called the **velocity** $v$, and it
# forgets with the factor $\mu$:
#
# $$v \leftarrow \mu\, v + g, \qquad \theta \leftarrow \theta - \eta\, v$$
#
# At first $v = 0$. By hand, with a gradient that stays 1 and $\mu = 0.9$: $v$ is 1, then 1.9, then
# 2.71, and it approaches $1 + 0.9 + 0.9^2 + \dots = 1 / (1 - 0.9) = 10$. Along the floor of the
# valley one goes up to ten times as fast. With a gradient that alternates, $1, -1, 1, \dots$, the
# size of $v$ approaches $1 / (1 + 0.9) = 0.53$. Which of the two happens depends on the rate: the
# gradients of plain descent alternate where $1 - \eta \lambda < 0$. With $\eta = 0.1$ they do so in
# neither direction, and the gain below comes from the floor alone.
#
# How fast is it? Along one eigenvector $g = \lambda c$, and the old velocity is what the step before
# moved: $\eta v = c_{k-1} - c_k$. So the next step leads to
#
# $$c_{k+1} = c_k - \eta\, (\mu v + \lambda c_k) = (1 + \mu - \eta \lambda)\, c_k - \mu\, c_{k-1}$$
#
# Try $c_k = r^k$: this fits if $r^2 = (1 + \mu - \eta \lambda)\, r - \mu$. Of the two roots the one
# of larger size is the factor per step in the long run. (If the roots are complex, their size is
# $\sqrt{\mu}$, and $c$ swings.)

# %% [markdown] lang="ja"
# ## モーメンタム
#
# 緩やかな方向では、続けて求めた勾配の符号がそろい、急な方向では入れ替わることがあります。そこで、勾配を足していきましょう。そろっている分は大きくなり、入れ替わる分は打ち消し合います。この和を**速度**と呼んで $v$ と書き、過去の分は $\mu$ 倍して減らしていきます。
#
# $$v \leftarrow \mu\, v + g, \qquad \theta \leftarrow \theta - \eta\, v$$
#
# 初めは $v = 0$ です。手計算してみましょう。勾配がずっと 1 で $\mu = 0.9$ なら、$v$ は 1、1.9、2.71 と増え、$1 + 0.9 + 0.9^2 + \dots = 1 / (1 - 0.9) = 10$ に近づきます。谷底に沿って、最大で 10 倍の速さになるのです。勾配が $1, -1, 1, \dots$ と入れ替わるときは、$v$ の大きさは $1 / (1 + 0.9) = 0.53$ に近づきます。どちらになるかは、学習率によって決まります。ふつうの勾配降下法で勾配の符号が入れ替わるのは、$1 - \eta \lambda < 0$ の方向です。$\eta = 0.1$ では、どちらの方向でも入れ替わりません。次の例で速くなるのは、谷底の方向だけです。
#
# どれだけ速くなるのでしょうか。一つの固有ベクトルの方向では $g = \lambda c$ です。前の速度は、前のステップで動いた量から分かり、$\eta v = c_{k-1} - c_k$ です。したがって、次のステップでは
#
# $$c_{k+1} = c_k - \eta\, (\mu v + \lambda c_k) = (1 + \mu - \eta \lambda)\, c_k - \mu\, c_{k-1}$$
#
# となります。$c_k = r^k$ とおくと、$r^2 = (1 + \mu - \eta \lambda)\, r - \mu$ であれば成り立ちます。十分にステップを重ねると、二つの解のうち絶対値の大きいほうが、1 ステップの倍率になります。（解が複素数なら絶対値は $\sqrt{\mu}$ で、$c$ は振動します。）


# %%
def with_momentum(mu, steps, lr=0.1):
    theta, v, thetas = start, np.zeros(2), [start]
    for _ in range(steps):
        v = mu * v + gradient_at(theta)
        theta = theta - lr * v
        thetas.append(theta)
    return np.array(thetas)


def largest_root(mu, eigenvalue, lr=0.1):
    roots = np.roots([1, -(1 + mu - lr * eigenvalue), mu])
    return np.abs(roots).max()


paths = {}
for mu in [0.0, 0.7, 0.9]:
    paths[mu] = with_momentum(mu, 200)
    losses = np.array([loss_at(theta) for theta in paths[mu]])
    flat, steep = (largest_root(mu, value) for value in eigenvalues)
    steps = int(np.flatnonzero(losses - smallest > 1e-4)[-1]) + 1
    print(f"{mu = }  {flat = :.4f}  {steep = :.4f}  {steps = }")

# %% [markdown] lang="en"
# `flat` and `steep` are the factors per step in the two directions (`np.roots` solves the equation
# for $r$). `steps` says when the loss comes within 0.0001 of its minimum and stays there
# (`flatnonzero` gives the places where it is not). The picture shows the first 30 steps:

# %% [markdown] lang="ja"
# `flat` と `steep` は、緩やかな方向と急な方向での 1 ステップの倍率です（`np.roots` は $r$ の方程式を解きます）。`steps` は、最小値との差が 0.0001 以下になり、その後も超えなくなるまでのステップ数です（`flatnonzero` は、まだ収まっていない位置を返します）。次の図は、最初の 30 ステップです。

# %%
figures.with_momentum(paths, best, H)

# %% [markdown] lang="en"
# With $\eta = 0.1$ as before, $\mu = 0.7$ (orange squares) needs 36 steps where plain descent (blue
# dots) needs 134: the factor of the flat direction falls from 0.975 to 0.875. The price is that the
# path overshoots, like a ball that rolls through the valley and up the other side. With $\mu = 0.9$
# (gray, dashed) it swings much longer, and needs 127 steps: both factors are 0.949 then. More
# momentum is not always better.
#
# `optim.SGD([w, b], lr=0.1, momentum=0.7)` has this recurrence. (What `SGD` stands for comes in the
# next section.)

# %% [markdown] lang="ja"
# これまでと同じ $\eta = 0.1$ で、ふつうの勾配降下法（青の丸）は 134 ステップかかるのに対し、$\mu = 0.7$（橙の四角）なら 36 ステップで済みます。緩やかな方向の倍率が 0.975 から 0.875 に下がったからです。その代わり、行き過ぎが起こります。球が谷を通り過ぎ、反対側を上るような動きです。$\mu = 0.9$（灰色の破線）では、振動がずっと長く続き、127 ステップかかります。どちらの方向の倍率も 0.949 だからです。モーメンタムは、大きいほどよいわけではありません。
#
# この漸化式は、`optim.SGD([w, b], lr=0.1, momentum=0.7)` で使えます。`SGD` という名前の意味は、次の節で説明します。

# %%
w, b = (tl.Tensor(value, requires_grad=True) for value in (w0, b0))
optimizer = optim.SGD([w, b], lr=0.1, momentum=0.7)
for _ in range(36):
    optimizer.zero_grad()
    tl.mean_squared_error(w * x + b, t).backward()
    optimizer.step()
print(f"{w.item() = :.4f}  {b.item() = :.4f}")
print(f"{paths[0.7][36] = }")

# %% [markdown] lang="en"
# **Exercise 8.6.** Write descent with momentum for one weight: `slope_at` is a function that returns
# the slope at `w`. Make `steps` steps, with $v = 0$ at first, and return the last `w`.

# %% [markdown] lang="ja"
# **演習 8.6** 一つの重みについて、モーメンタムを使った勾配降下法を書いてください。`slope_at` は、`w` での傾きを返す関数です。$v = 0$ から始めて `steps` 回進み、最後の `w` を返します。


# %%
def descend(slope_at, w, lr, mu, steps):
    return ...


check("8.6", descend)

# %% [markdown] lang="en" tags=["solution"]
# The velocity is the only thing to remember: one more number for each weight.

# %% [markdown] lang="ja" tags=["solution"]
# 覚えておくのは速度だけです。重み一つにつき、数が一つ増えます。


# %% tags=["solution"]
def descend(slope_at, w, lr, mu, steps):
    v = 0.0
    for _ in range(steps):
        v = mu * v + slope_at(w)
        w = w - lr * v
    return w


check("8.6", descend)

# %% [markdown] lang="en"
# ## A few samples at a time
#
# The gradient is a mean over all samples. With a million of them one step costs a million
# evaluations. A mean over a few, drawn at random, costs little and is right *on average*: the
# gradient of a **minibatch** is the full gradient plus noise. Here for $\partial L / \partial w$ at
# the start, over 2,000 draws of $B$ samples each (one sample may be drawn twice):

# %% [markdown] lang="ja"
# ## サンプルを少しずつ使う
#
# 勾配は、全サンプルについての平均です。サンプルが 100 万個あれば、1 ステップに 100 万回の計算が必要です。ランダムに選んだ少数のサンプルの平均なら、わずかな手間で済み、しかも平均すれば正しい値になります。つまり、**ミニバッチ**の勾配は、全体の勾配にノイズを加えたものです。出発点での $\partial L / \partial w$ を、$B$ 個のサンプルを 2,000 回選んで調べましょう（同じサンプルが重なることもあります）。


# %%
def batch_gradient(theta, rows):
    error = theta[0] * x[rows] + theta[1] - t[rows]
    return 2 * np.array([np.mean(x[rows] * error), np.mean(error)])


print(f"{gradient_at(start)[0] = :.4f}")
rng = np.random.default_rng(0)
S = np.std([batch_gradient(start, [i])[0] for i in range(100)])
for B in [1, 4, 16, 64]:
    draws = []
    for _ in range(2000):
        rows = rng.integers(100, size=B)
        draws.append(batch_gradient(start, rows)[0])
    mean, noise = np.mean(draws), np.std(draws)
    formula = S / np.sqrt(B)
    print(f"{B = :<3} {mean = :.1f}  {noise = :5.2f}  {formula:5.2f}")

# %% [markdown] lang="en"
# The mean hardly depends on $B$. The noise (standard deviation) follows $S / \sqrt{B}$, the last
# column, where $S$ is the standard deviation of the 100 gradients of single samples. So four times
# the samples only halve the noise, and it pays to take small batches and make many steps:
# **stochastic gradient descent** (SGD). In each epoch the samples are shuffled and dealt into
# batches, and each batch makes one step. So an epoch has $N / B$ steps, rounded up.
#
# The same data, ten epochs: each row below looks at 1,000 samples. How much of the excess is left,
# over five orders of shuffling? (`rate` is a function of the share of the run that is done; here it is
# always 0.1. `reshape` deals the shuffled numbers into rows of $B$; for this, $B$ must divide 100.)

# %% [markdown] lang="ja"
# 平均は $B$ によってほとんど変わりません。ノイズ（標準偏差）は、右端の列の $S / \sqrt{B}$ にほぼ等しくなります。$S$ は、1 個ずつのサンプルの勾配 100 個の標準偏差です。サンプルを 4 倍にしても、ノイズは半分にしかなりません。それなら、小さいバッチで何度も進むほうが得です。これが**確率的勾配降下法**で、SGD と略します。エポックごとにサンプルを並べ替えてバッチに分け、バッチごとに 1 ステップ進みます。したがって、1 エポックのステップ数は $N / B$（端数は切り上げ）です。
#
# 同じデータで 10 エポックずつ学習します。どの行でも、使うサンプルは延べ 1,000 個です。最小値との差はどれだけ残るでしょうか。5 通りの並べ替えで調べます。（`rate` は、学習の進み具合から学習率を決める関数で、ここではいつも 0.1 です。`reshape` は、並べ替えた番号を $B$ 個ずつの行に分けます。そのため、$B$ は 100 の約数でなければなりません。）


# %%
def sgd(batch, rate, epochs, seed):
    rng, theta, k = np.random.default_rng(seed), start, 0
    steps = epochs * len(x) // batch
    for _ in range(epochs):
        for rows in rng.permutation(len(x)).reshape(-1, batch):
            g = batch_gradient(theta, rows)
            theta, k = theta - rate(k / steps) * g, k + 1
    return loss_at(theta) - smallest


def spread(batch, rate, epochs):
    left = sorted(sgd(batch, rate, epochs, seed) for seed in range(5))
    return f"{left[0]:.5f}   {left[2]:.5f}  {left[4]:.5f}"


def constant(s):
    return 0.1


print("batch  steps  smallest  median   largest")
for batch in [100, 50, 20, 10, 5, 1]:
    steps = 10 * 100 // batch
    print(f"{batch:5}  {steps:5}  {spread(batch, constant, 10)}")

# %% [markdown] lang="en"
# For the same work, batches of 20 take fifty steps instead of ten, and end nearer to the minimum than
# all data at once, in all five runs. Batches of one make 1,000 steps and most of these runs still
# end far away: at the minimum the full gradient is 0, those of single samples are not. With a constant
# learning rate SGD does not settle. It keeps jittering around the minimum, the more so the larger
# $\eta$ and the smaller $B$.

# %% [markdown] lang="ja"
# 同じ手間でも、20 個ずつのバッチなら 10 ステップではなく 50 ステップ進めます。5 回とも、全データを一度に使う場合より最小点の近くで終わりました。1 個ずつのバッチでは、1,000 ステップ進んでも、たいてい遠いところで終わります。最小点では全体の勾配は 0 ですが、1 個ずつのサンプルの勾配は 0 ではないからです。学習率が一定なら、SGD は最小点に落ち着きません。そのまわりを揺れ続け、揺れの幅は、$\eta$ が大きいほど、また $B$ が小さいほど大きくなります。

# %% [markdown] lang="en"
# **Exercise 8.7.** 20 samples do not fit into memory at once. They are dealt into batches of 8, 8
# and 4. For one weight, the mean gradients of the three are 1, 2 and 6. What is the gradient of the mean
# loss over all 20?

# %% [markdown] lang="ja"
# **演習 8.7** 20 個のサンプルが一度にはメモリに入らないので、8 個、8 個、4 個のバッチに分けました。ある一つの重みについて、それぞれのバッチの勾配の平均は 1, 2, 6 です。20 個全部の平均損失の勾配はいくつですか。

# %%
full_gradient = ...
check("8.7", full_gradient)

# %% [markdown] lang="en" tags=["solution"]
# Each mean stands for as many samples as its batch has:
# $(8 \cdot 1 + 8 \cdot 2 + 4 \cdot 6) / 20 = 48 / 20 = 2.4$. The mean of the means, 3, lets the
# samples of the small batch count twice. Whoever sums gradients over batches meets this slip at the
# last, smaller batch.

# %% [markdown] lang="ja" tags=["solution"]
# それぞれの平均に、バッチのサンプルの数を掛けて足します。$(8 \cdot 1 + 8 \cdot 2 + 4 \cdot 6) / 20 = 48 / 20 = 2.4$ です。平均の平均は 3 ですが、これでは小さいバッチのサンプルが 2 倍に数えられます。バッチごとの勾配を足し合わせるときに、最後の小さいバッチで起こりやすい間違いです。

# %% tags=["solution"]
full_gradient = (8 * 1 + 8 * 2 + 4 * 6) / 20
check("8.7", full_gradient)

# %% [markdown] lang="en"
# ## Schedules
#
# Large steps at first to get near, small ones at the end to settle: let the learning rate fall. A
# **schedule** says how, as a function of the share $s$ of the run that is done (0 at the start, 1 at
# the end). Five common ones, each with the largest rate 0.1:
#
# 1. constant;
# 2. steps: a tenth after half of the run, a hundredth after three quarters;
# 3. linear: $0.1\,(1 - s)$;
# 4. cosine: $0.1 \cdot \frac{1}{2} (1 + \cos \pi s)$;
# 5. warm-up: rises linearly from 0 over the first tenth, then the cosine over the rest.
#
# Batches of 5 and 20 epochs make 400 steps each:

# %% [markdown] lang="ja"
# ## 学習率スケジュール
#
# 初めは大きく進んで最小点に近づき、終わりは小さく進んで落ち着くように、学習率を下げていきます。下げ方を、学習の進み具合 $s$（開始時に 0、終了時に 1）の関数で表したものが、学習率の**スケジュール**です。よく使われる五つを比べます。最大の学習率は、どれも 0.1 です。
#
# 1. 一定。
# 2. 階段状：半分まで進んだら 10 分の 1、4 分の 3 まで進んだら 100 分の 1。
# 3. 線形：$0.1\,(1 - s)$。
# 4. コサイン：$0.1 \cdot \frac{1}{2} (1 + \cos \pi s)$。
# 5. ウォームアップ：最初の 10 分の 1 で 0 から直線的に上げ、残りはコサインで下げる。
#
# バッチは 5 個ずつ、20 エポックなので、どれも 400 ステップです。


# %%
def steps_down(s):
    return 0.1 if s < 0.5 else 0.01 if s < 0.75 else 0.001


def linear(s):
    return 0.1 * (1 - s)


def cosine(s):
    return 0.1 * (1 + np.cos(np.pi * s)) / 2


def warm_up(s):
    return 0.1 * (s / 0.1) if s < 0.1 else cosine((s - 0.1) / 0.9)


print("            smallest  median   largest")
for rate in [constant, steps_down, linear, cosine, warm_up]:
    print(f"{rate.__name__:10}  {spread(5, rate, 20)}")

# %% [markdown] lang="en"
# The four rates that are small at the end lead nearer to the minimum than the constant one does, even
# the worst of their five runs against its best; in the median by a factor of more than 100. Among
# themselves they hardly differ here. Warm-up gains nothing in this valley, as the start is not too
# steep for 0.1. It is for networks whose first gradients are wild, or whose loss is most curved at
# the start. The library has `optim.linear_decay` and `optim.cosine_decay`; assign what they return to
# `optimizer.lr` before each step.

# %% [markdown] lang="ja"
# 終わりの学習率が小さい四つは、どれも、学習率が一定の場合より最小値に近づきました。5 回のうち最も悪い結果でさえ、一定の場合の最も良い結果より、最小値に近くなっています。中央値では 100 倍以上の違いです。四つの間には、ここではほとんど差がありません。ウォームアップの効果も、この谷では現れません。学習率 0.1 に対して、出発点が急すぎないからです。ウォームアップが役に立つのは、初めの勾配が不安定なネットワークや、出発点のあたりで損失が最も大きく曲がっているネットワークです。ライブラリには `optim.linear_decay` と `optim.cosine_decay` があります。これらの返す値を、毎回ステップの前に `optimizer.lr` に代入します。

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** Gradient descent on all data, with a learning rate of a tenth of the limit. After a while the
# loss above its minimum falls by the same 1 % in each step. Which number, together with the rate,
# sets this 1 %?
#
# - "a": The smallest eigenvalue of the Hessian.
# - "b": The largest eigenvalue.
# - "c": The noise of the gradient.
#
# **b.** The input of the model $y = w x$ was given in kilometers, and is now given in meters: numbers
# 1,000 times as large. The largest learning rate that converges is then
#
# - "a": the same.
# - "b": 1,000 times smaller.
# - "c": a million times smaller.
#
# **c.** 1,000 samples, batches of 32, 5 epochs. How many updates are made?
#
# - "a": 5.
# - "b": 160.
# - "c": 5,000.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 全データを使い、限界の 10 分の 1 の学習率で勾配降下法を行いました。しばらくすると、損失と最小値との差は、1 ステップごとに 1 % ずつ減るようになりました。学習率とともに、この 1 % を決めるものは何ですか。
#
# - "a"：ヘッセ行列の最小の固有値。
# - "b"：ヘッセ行列の最大の固有値。
# - "c"：勾配のノイズ。
#
# **b.** モデル $y = w x$ の入力をキロメートルからメートルに変えたので、数値が 1,000 倍になりました。収束する最大の学習率はどうなりますか。
#
# - "a"：変わらない。
# - "b"：1,000 分の 1 になる。
# - "c"：100 万分の 1 になる。
#
# **c.** サンプルは 1,000 個、バッチは 32 個ずつ、5 エポックです。更新は何回行われますか。
#
# - "a"：5 回。
# - "b"：160 回。
# - "c"：5,000 回。

# %%
check("8 a", ...)
check("8 b", ...)
check("8 c", ...)

# %% tags=["solution"]
check("8 a", "a")
check("8 b", "c")
check("8 c", "b")

# %% [markdown] lang="en"
# ## Summary
#
# - A step multiplies what is left to the minimum by $1 - \eta \lambda$, for each eigenvector's direction
#   separately. The largest eigenvalue sets the limit $\eta < 2 / \lambda$; well below it, the smallest
#   sets the pace.
# - The ratio of both, the condition number, says how hard a loss is for gradient descent.
#   Inputs with mean 0 and standard deviation 1 make it small.
# - The Hessian is the gradient of the gradient; `create_graph=True` records the first so that it can
#   be differentiated. Newton's step $H^{-1} g$ solves a quadratic loss at once, at the price of $n^2$
#   numbers.
# - Momentum adds up gradients: along the floor they agree, and the steps grow. With $\mu$
#   too large the path swings.
# - A minibatch gives the gradient plus noise, for a part of the work. A learning rate that falls lets
#   it settle.
#
# **Read on.** In the gallery: [SGD's noise on handwritten
# digits](../../README.md#sgd-is-noisier-than-gradient-descent-and-cheaper-per-update). In the source:
# [`optim.py`](../../../tinygrad_loss/optim.py), where `GD` and `SGD` each have an `update` of a few
# lines. [The page that steps through backprop](../../pictures/backprop_expression.html) runs descent
# with a rate of your own. Papers: Goh, *Why Momentum Really Works* (Distill 2017); Bottou, Curtis and
# Nocedal, *Optimization Methods for Large-Scale Machine Learning* (SIAM Review 2018).

# %% [markdown] lang="ja"
# ## まとめ
#
# - 最小点までの残りは、固有ベクトルの方向ごとに、1 ステップで $1 - \eta \lambda$ 倍になります。最大の固有値が限界 $\eta < 2 / \lambda$ を決め、限界より十分に小さい学習率では、最小の固有値が速さを決めます。
# - 二つの固有値の比を条件数と呼びます。条件数は、勾配降下法にとっての難しさを表します。入力の平均を 0、標準偏差を 1 にそろえると小さくなります。
# - ヘッセ行列は、勾配の勾配です。`create_graph=True` とすると、勾配の計算も記録され、もう一度微分できます。ニュートン法で $H^{-1} g$ を引けば、2 次式の損失は 1 ステップで最小になりますが、$n^2$ 個の数が必要です。
# - モーメンタムでは、勾配を足していきます。谷底の方向では符号がそろうので、速く進みます。$\mu$ が大きすぎると、振動が長く続きます。
# - ミニバッチを使うと、わずかな手間で、勾配にノイズの加わったものが得られます。学習率を下げていけば、最小点の近くに落ち着きます。
#
# **次に読むもの** ギャラリーには、[手書き数字での SGD のノイズ](../../README.ja.md#確率的勾配降下法sgdはノイズが多く1-回の更新は安い)があります。ソースコードでは、[`optim.py`](../../../tinygrad_loss/optim.py) の `GD` と `SGD` に、それぞれ数行の `update` があります。[逆伝播をたどるページ](../../pictures/backprop_expression.html)では、好きな学習率で勾配降下法を実行できます。論文では、Goh, Why Momentum Really Works（Distill 2017）と、Bottou, Curtis, Nocedal, Optimization Methods for Large-Scale Machine Learning（SIAM Review 2018）が参考になります。
