# %% [markdown] lang="en"
# # 1. Loss and slope
#
# **You will be able to** say what a slope tells about a price, measure it with two function calls,
# compute three losses by hand, and walk down a loss with its slope.
#
# **You need** Python (functions, lists), a little NumPy, and the derivatives of school ($x^2$, $1/x$).
#
# **Time**: 40 minutes.

# %% [markdown] lang="ja"
# # 第 1 章 損失と傾き
#
# **できるようになること**：値段を例に、傾きが何を表すかを説明する。関数を 2 回呼び出して傾きを測る。三つの損失を手で計算する。傾きを手がかりに損失を小さくしていく。
#
# **前提知識**：Python（関数、リスト）、NumPy の初歩、高校の微分（$x^2$ や $1/x$ の微分）。
#
# **所要時間**：40 分。

# %% [markdown] lang="en"
# ## A price, and what it depends on
#
# Two apples at 100 each, with a tax of 10 %, cost $100 \cdot 2 \cdot 1.1 = 220$. (In an f-string, `{x = :.1f}` prints
# what stands before the `=`, and its value with one decimal.)

# %% [markdown] lang="ja"
# ## 値段は何で決まるか
#
# 1 個 100 円のりんごを 2 個買い、10 % の消費税を加えると、$100 \cdot 2 \cdot 1.1 = 220$ 円になります。（f 文字列の `{x = :.1f}` は、`=` の前の式と、その値を小数点以下 1 桁で表示します。）

# %%
from check import check
from course.figures import slope as figures


def total(price, count, tax):
    return price * count * tax


print(f"{total(100, 2, 1.1) = :.1f}")

# %% [markdown] lang="en"
# How much does the total change if one of the three changes a little? Raise the price by a small
# $h$, see how much the total rises, and divide by $h$:
#
# $$\frac{\text{total}(100 + h) - \text{total}(100)}{h}$$
#
# By hand, with $h = 1$: $(101 \cdot 2 \cdot 1.1 - 220) / 1 = 222.2 - 220 = 2.2$. Each unit on the price
# adds 2.2 to the total. This quotient is the **slope** of the total in the price. (In code `d_price` is the
# slope of the result in the price, and all names that begin with `d_` are meant so.)

# %% [markdown] lang="ja"
# 三つの数のうち一つを少しだけ変えると、合計はどれだけ変わるでしょうか。値段を小さな数 $h$ だけ上げ、合計の増えた分を $h$ で割ります。
#
# $$\frac{\text{total}(100 + h) - \text{total}(100)}{h}$$
#
# 手計算では、$h = 1$ のとき $(101 \cdot 2 \cdot 1.1 - 220) / 1 = 222.2 - 220 = 2.2$ です。値段が 1 円上がると、合計は 2.2 円増えます。この比が、値段に対する合計の**傾き**です。（コードでは、値段に対する結果の傾きを `d_price` と書きます。`d_` で始まるほかの名前も同じです。）

# %%
h = 1.0
d_price = (total(100 + h, 2, 1.1) - total(100, 2, 1.1)) / h
d_count = (total(100, 2 + h, 1.1) - total(100, 2, 1.1)) / h
d_tax = (total(100, 2, 1.1 + h) - total(100, 2, 1.1)) / h
print(f"{d_price = :.1f}")
print(f"{d_count = :.1f}")
print(f"{d_tax = :.1f}")

# %% [markdown] lang="en"
# > **Recap: partial derivatives.** A function of several inputs has one slope for each of them: move
# > this input and hold the others still. One writes $\partial L / \partial x$ and computes it as
# > in school, with the others as constants. For $L = p\,c\,r$ (price, count, tax factor) these are
# > $\partial L / \partial p = c\,r = 2.2$, $\partial L / \partial c = p\,r = 110$ and
# > $\partial L / \partial r = p\,c = 200$. The three together are the **gradient** of $L$.

# %% [markdown] lang="ja"
# > **復習：偏微分** いくつもの入力をもつ関数には、入力ごとに一つずつ傾きがあります。ほかの入力を固定し、その入力だけを動かしたときの傾きです。これを $\partial L / \partial x$ と書き、ほかの入力を定数とみなして、高校と同じように微分します。$L = p\,c\,r$（値段、個数、税の倍率）では、$\partial L / \partial p = c\,r = 2.2$、$\partial L / \partial c = p\,r = 110$、$\partial L / \partial r = p\,c = 200$ です。三つをまとめて、$L$ の**勾配**と呼びます。

# %% [markdown] lang="en"
# **Exercise 1.1.** Three apples at 300, the same tax. By how much does the total rise for one more
# apple? Compute it by hand.

# %% [markdown] lang="ja"
# **演習 1.1** 1 個 300 円のりんごが 3 個で、税率は同じです。りんごを 1 個増やすと、合計はいくら増えますか。手で計算してください。

# %%
d_count = ...
check("1.1", d_count)

# %% [markdown] lang="en" tags=["solution"]
# The slope in the count is price times tax, $300 \cdot 1.1 = 330$. How many apples there are already
# does not matter.

# %% [markdown] lang="ja" tags=["solution"]
# 個数に対する傾きは、値段と税の倍率の積 $300 \cdot 1.1 = 330$ です。いま何個あるかは関係ありません。

# %% tags=["solution"]
d_count = 300 * 1.1
check("1.1", d_count)

# %% [markdown] lang="en"
# ## Smaller and smaller steps
#
# The total is a straight line in each of its inputs, so that any $h$ will do. A curve is different:
# the slope of $x^2$ at 3 should be $2 \cdot 3 = 6$.

# %% [markdown] lang="ja"
# ## h を小さくしていく
#
# 合計のグラフは、どの入力についても直線なので、$h$ はいくつでもかまいませんでした。曲線ではそうはいきません。$x^2$ の 3 での傾きは、$2 \cdot 3 = 6$ のはずです。


# %%
def square(x):
    return x**2


for h in [3, 1.5, 0.5, 0.01, 0.0001]:
    print(f"{h = :<7} {(square(3 + h) - square(3)) / h:.4f}")

# %% [markdown] lang="en"
# The quotient is the slope of the straight line through two points of the curve (a *secant*). As $h$
# goes to 0 the second point moves to the first, and the line becomes the *tangent*. On paper:
# $\frac{(3+h)^2 - 9}{h} = \frac{6h + h^2}{h} = 6 + h$, and the $h$ that is left over goes to 0. That is the
# **derivative**.
#
# A computer cannot go to $h = 0$. A float keeps about 16 digits, and if $h$ is too small, $f(x+h)$ and
# $f(x)$ agree in nearly all of them; what is left in the difference is rounding. So take an $h$ that is
# not too small, and a step to **both sides**: $\frac{f(x+h) - f(x-h)}{2h}$. For $x^2$ at 3 this is
# $\frac{(3+h)^2 - (3-h)^2}{2h} = \frac{12h}{2h} = 6$, with no $h$ left over, and for other curves what is left
# is of the size of $h^2$. This is **numerical differentiation**. It is slow, and nearly exact: the measure
# for all that follows.

# %% [markdown] lang="ja"
# この比は、曲線の上の 2 点を通る直線（割線）の傾きです。$h$ を 0 に近づけると、二つ目の点は一つ目の点に近づき、割線は接線に近づきます。式で書けば $\frac{(3+h)^2 - 9}{h} = \frac{6h + h^2}{h} = 6 + h$ で、余分な $h$ は 0 に近づきます。比の極限を**微分係数**と呼びます。
#
# コンピュータでは $h = 0$ にはできません。浮動小数点数の桁数は約 16 桁なので、$h$ が小さすぎると $f(x+h)$ と $f(x)$ はほとんどの桁が一致し、差には丸め誤差ばかりが残ります（桁落ち）。そこで、小さすぎない $h$ を選び、**両側**に動かして $\frac{f(x+h) - f(x-h)}{2h}$ を計算します。$x^2$ の 3 では $\frac{(3+h)^2 - (3-h)^2}{2h} = \frac{12h}{2h} = 6$ となって、余分な $h$ が残りません。ほかの曲線でも、残る誤差は $h^2$ 程度です。これを**数値微分**と呼びます。遅いけれども、ほとんど正確なので、これから計算を確かめるときの基準になります。

# %%
for step in [0.1, 1e-4, 1e-15]:
    one_side = (square(3 + step) - square(3)) / step
    both_sides = (square(3 + step) - square(3 - step)) / (2 * step)
    print(f"{step = :<7} {one_side = :.4f}  {both_sides = :.4f}")

# %% [markdown] lang="en"
# **Exercise 1.2.** Write the slope of any function `f` at `x`, from both sides, with `h = 1e-4`.

# %% [markdown] lang="ja"
# **演習 1.2** 任意の関数 `f` の、`x` での傾きを返す関数を書いてください。`h = 1e-4` として、両側に動かします。


# %%
def slope(f, x):
    return ...


check("1.2", slope)

# %% [markdown] lang="en" tags=["solution"]
# The two points are $2h$ apart.

# %% [markdown] lang="ja" tags=["solution"]
# 2 点の間隔は $2h$ です。


# %% tags=["solution"]
def slope(f, x):
    h = 1e-4
    return (f(x + h) - f(x - h)) / (2 * h)


check("1.2", slope)

# %% [markdown] lang="en"
# ## A loss: how wrong is it?
#
# A model predicts $y$ = 2.5, 0, 2, 8 where the targets are $t$ = 3, -0.5, 2, 7. A number that says how
# wrong it is on these four samples (pairs of $y$ and $t$) is called a **loss**.

# %% [markdown] lang="ja"
# ## 損失：どれだけ外れているか
#
# モデルの予測は $y$ = 2.5, 0, 2, 8 で、教師データは $t$ = 3, -0.5, 2, 7 です。この 4 個のサンプル（$y$ と $t$ の組）について、予測がどれだけ外れているかを表す一つの数を、**損失**と呼びます。

# %%
import numpy as np

y = np.array([2.5, 0.0, 2.0, 8.0])
t = np.array([3.0, -0.5, 2.0, 7.0])
error = y - t
print(f"{error = }")
print(f"{error**2 = }")
print(f"{np.sum(error) = :.1f}")
print(f"{np.sum(error**2) = :.1f}")

# %% [markdown] lang="en"
# By hand: the squares are 0.25, 0.25, 0 and 1, and their sum is 1.5.
#
# Why squares? The errors themselves **cancel**: -0.5 and 0.5 leave 0, as if both predictions had been
# right. And squares let **large errors count more**: an error of 2 costs four times as much as one of 1.
# (A price of this: one wild value among the data pulls the whole model. More on that
# [in the gallery](../../README.md#losses-for-regression).)
#
# Three losses are made of these squares, and each of them is called "the squared error" in some book:
#
# | name | formula | here |
# |---|---|---|
# | sum of squared errors, SSE | $\sum_i (y_i - t_i)^2$ | 1.5 |
# | mean squared error, MSE | the sum divided by $N = 4$ | 0.375 |
# | half of the sum | the sum divided by 2 | 0.75 |
#
# The sum grows with the number of samples, the mean does not. The half is that of "Deep Learning from
# Scratch" (Saito 2016): its gradient is just $y - t$, without a 2. All three are smallest for the same
# model; their slopes differ by a factor.

# %% [markdown] lang="ja"
# 手計算では、誤差の 2 乗は 0.25, 0.25, 0, 1 で、その和は 1.5 です。
#
# なぜ 2 乗するのでしょうか。誤差をそのまま足すと、**打ち消し合って**しまいます。-0.5 と 0.5 を足すと 0 になり、どちらの予測も当たっていたかのように見えます。また、2 乗すると、**大きな誤差ほど重く**みることになります。誤差が 2 なら、損失は誤差が 1 のときの 4 倍です。（その代わり、データに外れ値が一つあると、モデル全体が引きずられます。詳しくは[ギャラリー](../../README.ja.md#回帰の損失関数)を見てください。）
#
# 誤差の 2 乗を使った損失には、次の三つがあります。「二乗誤差」がどれを指すかは、本によって違います。
#
# | 名前 | 式 | ここでの値 |
# |---|---|---|
# | 二乗和誤差（SSE） | $\sum_i (y_i - t_i)^2$ | 1.5 |
# | 平均二乗誤差（MSE） | 和を $N = 4$ で割ったもの | 0.375 |
# | 和の半分 | 和を 2 で割ったもの | 0.75 |
#
# サンプルの数が増えると、和は大きくなりますが、平均はそうなりません。和の半分は、『ゼロから作る Deep Learning』（斎藤康毅、2016）で「2 乗和誤差」と呼ばれているものです。その勾配は、2 の付かない $y - t$ になります。三つの損失はどれも同じモデルで最小になり、傾きだけが定数倍違います。

# %% [markdown] lang="en"
# **Exercise 1.3.** Write the mean squared error of two arrays.

# %% [markdown] lang="ja"
# **演習 1.3** 二つの配列から平均二乗誤差を求める関数を書いてください。


# %%
def mean_squared_error(y, t):
    return ...


check("1.3", mean_squared_error)


# %% tags=["solution"]
def mean_squared_error(y, t):
    return np.mean((y - t) ** 2)


check("1.3", mean_squared_error)

# %% [markdown] lang="en"
# **Exercise 1.4.** How does the *sum* of squared errors change with the first prediction, 2.5 (its target
# is 3)? Give $\partial L / \partial y_1$. Think of the sign first: would a slightly larger $y_1$ be better
# or worse?

# %% [markdown] lang="ja"
# **演習 1.4** 二乗和誤差（平均ではないほう）は、一つ目の予測 2.5（教師データは 3）を動かすと、どう変わりますか。$\partial L / \partial y_1$ を答えてください。まず符号を考えましょう。$y_1$ を少し大きくすると、良くなるでしょうか、悪くなるでしょうか。

# %%
d_y1 = ...
check("1.4", d_y1)

# %% [markdown] lang="en" tags=["solution"]
# Only the first square holds $y_1$, and the derivative of $(y_1 - 3)^2$ is $2 (y_1 - 3) = 2 \cdot (-0.5) = -1$.
# It is negative: a larger $y_1$ lowers the loss.

# %% [markdown] lang="ja" tags=["solution"]
# $y_1$ を含むのは一つ目の項だけで、$(y_1 - 3)^2$ の微分は $2 (y_1 - 3) = 2 \cdot (-0.5) = -1$ です。負なので、$y_1$ を大きくすると損失は小さくなります。

# %% tags=["solution"]
d_y1 = 2 * (2.5 - 3)
check("1.4", d_y1)

# %% [markdown] lang="en"
# ## Down the slope
#
# Now a model with one number to learn, its **weight** $w$: $y = w x$. The data are two points, (1, 2) and (2, 4), so that
# $w = 2$ would be perfect. Its mean squared error is
#
# $$L(w) = \frac{(w - 2)^2 + (2w - 4)^2}{2} = 2.5\,(w - 2)^2 .$$
#
# Its slope is $L'(w) = 5\,(w - 2)$. Start at $w_0 = 0$: the slope there is $-10$. A negative slope says that the loss
# falls to the right, a positive one that it falls to the left. So step **against** the slope, by the
# **learning rate** $\eta = 0.1$ times the slope:
#
# $$w_1 = w_0 - \eta\,L'(w_0) = 0 - 0.1 \cdot (-10) = 1, \qquad w_2 = 1 - 0.1 \cdot (-5) = 1.5 .$$

# %% [markdown] lang="ja"
# ## 坂を下る
#
# 次は、学習で決める数が一つだけのモデル $y = w x$ を考えます。$w$ を**重み**と呼びます。データは (1, 2) と (2, 4) の 2 点なので、$w = 2$ なら完全に合います。平均二乗誤差は
#
# $$L(w) = \frac{(w - 2)^2 + (2w - 4)^2}{2} = 2.5\,(w - 2)^2$$
#
# となり、その傾きは $L'(w) = 5\,(w - 2)$ です。$w_0 = 0$ から始めると、そこでの傾きは $-10$ です。傾きが負なら損失は右へ行くほど小さくなり、正なら左へ行くほど小さくなります。そこで、傾きと**逆の**向きに、傾きに**学習率** $\eta = 0.1$ を掛けた分だけ進みます。
#
# $$w_1 = w_0 - \eta\,L'(w_0) = 0 - 0.1 \cdot (-10) = 1, \qquad w_2 = 1 - 0.1 \cdot (-5) = 1.5$$

# %%
x = np.array([1.0, 2.0])
t = np.array([2.0, 4.0])


def loss(w):
    return np.mean((w * x - t) ** 2)


w, lr = 0.0, 0.1
ws = [w]
for step in range(6):
    h = 1e-4
    d_w = (loss(w + h) - loss(w - h)) / (2 * h)
    print(f"{step = }  {w = :.4f}  loss = {loss(w):7.4f}  {d_w = :8.4f}")
    w = w - lr * d_w
    ws.append(w)

# %% [markdown] lang="en"
# Each step halves the distance to 2, since $w_1 - 2 = (w_0 - 2) - 0.1 \cdot 5\,(w_0 - 2) = 0.5\,(w_0 - 2)$: the
# steps get shorter, as the slope gets flatter. Left below: the secants of $x^2$ at 3 and, in orange, the
# tangent that they turn into, each with its slope. Right: the walk that was just printed, from dot to dot,
# with the slope at each in orange.

# %% [markdown] lang="ja"
# $w_1 - 2 = (w_0 - 2) - 0.1 \cdot 5\,(w_0 - 2) = 0.5\,(w_0 - 2)$ なので、1 ステップごとに 2 までの距離が半分になります。谷底に近づくほど傾きが緩やかになり、歩幅も小さくなります。下の図の左は、$x^2$ の 3 での割線と、割線が近づいていく接線（橙）で、それぞれの傾きを添えてあります。右は、いま表示した経過です。点から点へ進み、橙の線がそれぞれの点での傾きを示します。

# %%
figures.secants_and_walk(ws, [loss(w) for w in ws])

# %% [markdown] lang="en"
# This walk has a name, **gradient descent**, and it is all that "training" means: a loss, its slope,
# a step against it. What this course is about is the slope. Numerical differentiation calls the loss
# twice for each weight, which for a million weights is two million times for one step. Backpropagation
# gets all slopes for the price of a few calls. The next lessons build it.

# %% [markdown] lang="ja"
# この方法を**勾配降下法**と呼びます。「学習」とは、損失を計算し、その傾きを求め、傾きと逆の向きに 1 ステップ進む、という手順の繰り返しにほかなりません。この講座で学ぶのは、傾きの求め方です。数値微分では、重み一つにつき損失を 2 回計算するので、重みが百万個あれば、1 ステップに二百万回も計算することになります。誤差逆伝播法なら、損失を数回計算するのと同じ手間で、すべての傾きが求まります。これからの章で、そのしくみを作っていきます。

# %% [markdown] lang="en"
# **Exercise 1.5.** With the same data, $w = 0.5$ and $\eta = 0.1$: where does the next step lead? By hand.

# %% [markdown] lang="ja"
# **演習 1.5** 同じデータで、$w = 0.5$、$\eta = 0.1$ とします。1 ステップ進むと、値はいくつになりますか。手で計算してください。

# %%
next_w = ...
check("1.5", next_w)

# %% [markdown] lang="en" tags=["solution"]
# The slope is $5 \cdot (0.5 - 2) = -7.5$, and the step against it leads to $0.5 + 0.75 = 1.25$.

# %% [markdown] lang="ja" tags=["solution"]
# 傾きは $5 \cdot (0.5 - 2) = -7.5$ で、逆の向きに進むと $0.5 + 0.75 = 1.25$ になります。

# %% tags=["solution"]
next_w = 0.5 - 0.1 * 5 * (0.5 - 2)
check("1.5", next_w)

# %% [markdown] lang="en"
# **Exercise 1.6.** Write the walk: from `w`, make `steps` steps with learning rate `lr` and return where
# it ends. (The slope is $5\,(w - 2)$, or measure it with `loss`.) Afterwards print `walk(0.0, lr, n)` for
# `n` = 1, 2, 3 and 20, with `lr = 0.39` and with `lr = 0.41`: what happens, and why?

# %% [markdown] lang="ja"
# **演習 1.6** 勾配降下法を関数にしてください。`w` から始め、学習率 `lr` で `steps` 回進み、たどり着いた値を返します。（傾きは $5\,(w - 2)$ です。`loss` を使って測ってもかまいません。）できたら、`n` を 1, 2, 3, 20 として `walk(0.0, lr, n)` を表示してください。まず `lr = 0.39` で、次に `lr = 0.41` で試します。何が起こるでしょうか。理由も考えてみましょう。


# %%
def walk(w, lr, steps):
    return ...


check("1.6", walk)

# %% [markdown] lang="en" tags=["solution"]
# A step multiplies the difference from 2 by $1 - 5\,\eta$. With $\eta = 0.39$ that is $-0.95$: one jumps across
# the valley, and lands a little nearer. With $\eta = 0.41$ it is $-1.05$, and each jump lands farther away:
# gradient descent **diverges** if the learning rate is too large. Here the limit is 0.4.

# %% [markdown] lang="ja" tags=["solution"]
# 1 ステップごとに、2 との差は $1 - 5\,\eta$ 倍になります。$\eta = 0.39$ では $-0.95$ 倍で、谷を飛び越えながらも少しずつ近づきます。$\eta = 0.41$ では $-1.05$ 倍で、飛び越えるたびに遠ざかります。学習率が大きすぎると、勾配降下法は**発散**します。ここでは 0.4 が境目です。


# %% tags=["solution"]
def walk(w, lr, steps):
    for _ in range(steps):
        w = w - lr * 5 * (w - 2)
    return w


check("1.6", walk)
for lr in [0.39, 0.41]:
    print([round(walk(0.0, lr, n), 3) for n in [1, 2, 3, 20]])

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** The slope of the total in the count is 110. What does that say?
#
# - "a": All apples together cost 110.
# - "b": One more apple adds 110.
# - "c": The total rises by 110 %.
#
# **b.** Someone trains with the sum of squared errors instead of the mean, on 100 samples. The slope is then
#
# - "a": the same.
# - "b": half as large.
# - "c": 100 times as large.
#
# **c.** The slope of a loss at $w$ is 0.3. What does a small step of gradient descent do to $w$?
#
# - "a": It becomes smaller.
# - "b": It becomes larger.
# - "c": It stays, as the minimum is reached.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 個数に対する合計の傾きは 110 でした。これは何を表していますか。
#
# - "a"：りんご全部の値段が 110 円であること。
# - "b"：りんごを 1 個増やすと 110 円増えること。
# - "c"：合計が 110 % 増えること。
#
# **b.** 100 個のサンプルで、平均二乗誤差の代わりに二乗和誤差を使って学習します。傾きはどうなりますか。
#
# - "a"：変わらない。
# - "b"：半分になる。
# - "c"：100 倍になる。
#
# **c.** ある損失の $w$ での傾きは 0.3 です。勾配降下法で小さく 1 ステップ進むと、$w$ はどうなりますか。
#
# - "a"：小さくなる。
# - "b"：大きくなる。
# - "c"：最小値に達しているので、動かない。

# %%
check("1 a", ...)
check("1 b", ...)
check("1 c", ...)

# %% tags=["solution"]
check("1 a", "b")
check("1 b", "c")
check("1 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - A slope is the change of an output divided by the small change of an input. One for each input: the
#   gradient.
# - $\frac{f(x+h) - f(x-h)}{2h}$ measures it, slowly and nearly exactly.
# - A loss says in one number how wrong a model is. Squares keep errors from canceling.
# - Gradient descent steps against the slope, by the learning rate times the slope.
#
# **Read on.** In the gallery: [training is gradient descent](../../README.md#training), with published
# numbers. On [the page that steps through backprop](../../pictures/backprop_expression.html) (download it
# and open it in a browser), type a learning rate and run it. In the source: [`losses/regression.py`](../../../tinygrad_loss/losses/regression.py) has these losses
# with their gradients. Books: Saito, *Deep Learning from Scratch* (2016), chapter 4; Nielsen, *Neural Networks
# and Deep Learning* (2015), chapter 1.

# %% [markdown] lang="ja"
# ## まとめ
#
# - 傾きとは、出力の変化を、入力の小さな変化で割ったものです。入力ごとに一つずつあり、まとめて勾配と呼びます。
# - $\frac{f(x+h) - f(x-h)}{2h}$ で測れます。遅いけれども、ほとんど正確です。
# - 損失は、予測がどれだけ外れているかを一つの数で表したものです。2 乗するので、誤差は打ち消し合いません。
# - 勾配降下法では、傾きに学習率を掛けた分だけ、傾きと逆の向きに進みます。
#
# **次に読むもの** ギャラリーの[学習とは何か](../../README.ja.md#学習とは何か)では、公表されている値と比べています。[逆伝播をたどるページ](../../pictures/backprop_expression.html)（ダウンロードしてブラウザで開いてください）では、学習率を入力して勾配降下法を実行できます。ソースコードでは、[`losses/regression.py`](../../../tinygrad_loss/losses/regression.py) に、これらの損失が勾配とともに書かれています。本では、斎藤康毅『ゼロから作る Deep Learning』（2016）の第 4 章と、Nielsen, Neural Networks and Deep Learning（2015）の第 1 章が参考になります。
