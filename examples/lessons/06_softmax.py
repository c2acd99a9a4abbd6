# %% [markdown] lang="en"
# # 6. Softmax and cross-entropy: p - t
#
# **You will be able to** turn scores into probabilities, derive the gradient $p - t$ step by step, say why
# losses for classes are built to give it, keep `exp` from overflowing, and train a classifier of
# handwritten digits in five lines of NumPy.
#
# **You need** the chain rule (lesson 2), paths that add up (lesson 4) and the product $X^T g$ (lesson 5).
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 6 章 ソフトマックスと交差エントロピー誤差：p - t
#
# **できるようになること**：スコアを確率に直す。勾配 $p - t$ を一段ずつ導く。分類の損失関数が、この形の勾配になるように作られている理由を説明する。`exp` のオーバーフローを防ぐ。NumPy の 5 行で、手書き数字の分類器を学習させる。
#
# **前提知識**：連鎖律（第 2 章）、経路ごとの足し合わせ（第 4 章）、積 $X^T g$（第 5 章）。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## From scores to probabilities
#
# A network that tells three classes apart ends in three numbers, one **score** for each class, say
# $z = (1, 2, 3)$. Scores may be negative and of any size; they are the **logits** of lesson 2. We want
# probabilities $p$: positive, and with the sum 1. Two steps lead there:
#
# - take $e^{z_i}$, which is positive and grows with the score;
# - divide by the sum of all.
#
# $$p_i = \frac{e^{z_i}}{\sum_k e^{z_k}}$$
#
# This is the **softmax**. (Squares would be positive as well, but then a score of -3 would count as much
# as one of 3.) By hand: $e^1 = 2.718$, $e^2 = 7.389$, $e^3 = 20.086$, with the sum 30.193. So
# $p_1 = 2.718 / 30.193 = 0.0900$, and likewise $p_2 = 0.2447$ and $p_3 = 0.6652$.

# %% [markdown] lang="ja"
# ## スコアから確率へ
#
# 三つのクラスを見分けるネットワークの出力は、三つの数です。クラスごとに一つずつの**スコア**で、たとえば $z = (1, 2, 3)$ です。スコアは負でもよく、大きさにも制限がありません。第 2 章の**ロジット**にあたります。求めたいのは確率 $p$、つまり、すべて正で、和が 1 になる数です。次の二つの手順で作れます。
#
# - $e^{z_i}$ を取ります。必ず正になり、スコアが大きいほど大きくなります。
# - 全体の和で割ります。
#
# $$p_i = \frac{e^{z_i}}{\sum_k e^{z_k}}$$
#
# これが**ソフトマックス**関数です。（2 乗しても正にはなりますが、それではスコア -3 と 3 が同じ扱いになってしまいます。）手計算では、$e^1 = 2.718$、$e^2 = 7.389$、$e^3 = 20.086$ で、和は 30.193 です。したがって $p_1 = 2.718 / 30.193 = 0.0900$ となり、同じように $p_2 = 0.2447$、$p_3 = 0.6652$ です。

# %%
import numpy as np
from check import check
from course.figures import softmax as figures

np.set_printoptions(precision=4, suppress=True)


def softmax(z):
    e = np.exp(z)
    return e / e.sum()


z = np.array([1.0, 2.0, 3.0])
print(f"{softmax(z) = }")
print(f"{softmax(z + 5) = }")
print(f"{softmax(z - 3) = }")

# %% [markdown] lang="en"
# Adding the same number $a$ to all scores changes nothing, as $e^{z_i + a} = e^a e^{z_i}$, and the factor
# $e^a$ of numerator and denominator cancels. Only **differences** of scores count:
# $p_i / p_j = e^{z_i - z_j}$. A score that is higher by 1 means a class that is $e = 2.718$ times as probable.

# %% [markdown] lang="ja"
# すべてのスコアに同じ数 $a$ を足しても、確率は変わりません。$e^{z_i + a} = e^a e^{z_i}$ なので、分子と分母の $e^a$ が約分されるからです。意味をもつのは、スコアの**差**だけです。$p_i / p_j = e^{z_i - z_j}$ なので、スコアが 1 だけ大きいクラスの確率は、$e = 2.718$ 倍になります。

# %% [markdown] lang="en"
# **Exercise 6.1.** What is the softmax of $z = (2,\ 2 + \log 3,\ 2 + \log 4)$? No calculator is needed.
# (As in all lessons, $\log$ is the natural logarithm.) Answer with an array.

# %% [markdown] lang="ja"
# **演習 6.1** $z = (2,\ 2 + \log 3,\ 2 + \log 4)$ のソフトマックスを求めてください。電卓は要りません。（どの章でも、$\log$ は自然対数です。）配列で答えてください。

# %%
p = ...
check("6.1", p)

# %% [markdown] lang="en" tags=["solution"]
# The 2 is in all three scores and may go. What is left is $e^0 = 1$, $e^{\log 3} = 3$ and $e^{\log 4} = 4$, with
# the sum 8.

# %% [markdown] lang="ja" tags=["solution"]
# 2 は三つのスコアすべてに含まれるので、除いてかまいません。残りは $e^0 = 1$、$e^{\log 3} = 3$、$e^{\log 4} = 4$ で、和は 8 です。

# %% tags=["solution"]
p = np.array([1, 3, 4]) / 8
check("6.1", p)

# %% [markdown] lang="en"
# ## What a probability costs
#
# The true class is written as a row of targets $t$ with a single 1 (one-hot), here $t = (0, 1, 0)$. The loss is the cross-entropy of lesson 2:
#
# $$L = -\sum_k t_k \log p_k$$
#
# All terms but one are 0. Only the probability of the true class counts: $L = -\log 0.2447 = 1.4076$. The right
# answer with $p = 1$ costs 0. A fair guess among $C$ classes, $p_k = 1 / C$, costs $\log C$: for ten classes
# 2.3026. An untrained network should start near this number; far above it, something is wrong. (Row $c$ of
# `np.eye(C)` is the one-hot target of class $c$, counted from 0.)

# %% [markdown] lang="ja"
# ## 確率と損失
#
# 正解のクラスは、正解の位置だけが 1 の教師データ $t$ で表します（one-hot 表現）。ここでは $t = (0, 1, 0)$ とします。損失は、第 2 章の交差エントロピー誤差です。
#
# $$L = -\sum_k t_k \log p_k$$
#
# 一つを除いて、どの項も 0 です。損失を決めるのは正解のクラスの確率だけで、$L = -\log 0.2447 = 1.4076$ となります。$p = 1$ で正解すれば、損失は 0 です。$C$ 個のクラスのどれにも同じ確率 $p_k = 1 / C$ を割り当てれば、損失は $\log C$ で、10 クラスなら 2.3026 です。学習前のネットワークの損失は、この値くらいから始まるはずです。これよりずっと大きい値から始まるときは、どこかに間違いがあります。（`np.eye(C)` の第 $c$ 行は、クラス $c$ の one-hot 表現です。クラスは 0 から数えます。）

# %%
z = np.array([1.0, 2.0, 3.0])
t = np.array([0.0, 1.0, 0.0])


def cross_entropy(z, t):
    return -np.sum(t * np.log(softmax(z)))


print(f"{cross_entropy(z, t) = :.4f}")
print(f"{cross_entropy(np.zeros(10), np.eye(10)[0]) = :.4f}")

# %% [markdown] lang="en"
# ## The derivative of the softmax
#
# Every probability depends on every score, since all scores stand in the denominator. So there are
# $3 \cdot 3$ derivatives $\partial p_i / \partial z_j$: the Jacobian matrix of the softmax. Write $S = \sum_k e^{z_k}$, note that
# $\partial S / \partial z_j = e^{z_j}$, and use the quotient rule.
#
# The score of the class itself, $i = j$, stands in the numerator and in the denominator:
#
# $$\frac{\partial p_i}{\partial z_i} = \frac{e^{z_i} S - e^{z_i} e^{z_i}}{S^2} = p_i - p_i^2 = p_i (1 - p_i)$$
#
# Another score, $i \ne j$, stands in the denominator only:
#
# $$\frac{\partial p_i}{\partial z_j} = \frac{0 \cdot S - e^{z_i} e^{z_j}}{S^2} = -p_i p_j$$
#
# Both in one line, with $[i = j]$ for "1 if $i = j$, else 0" (in the code `p[:, None]` is $p$ as a column, `p[None, :]`
# as a row, and broadcasting makes the table of them):
#
# $$\frac{\partial p_i}{\partial z_j} = p_i \left( [i = j] - p_j \right)$$

# %% [markdown] lang="ja"
# ## ソフトマックスの微分
#
# 分母の和にはすべてのスコアが入っているので、どの確率も、すべてのスコアに依存します。したがって、偏微分 $\partial p_i / \partial z_j$ は $3 \cdot 3$ 個あり、これを並べたものがソフトマックスのヤコビ行列です。$S = \sum_k e^{z_k}$ とおくと $\partial S / \partial z_j = e^{z_j}$ です。商の微分の公式を使いましょう。
#
# 自分のスコア（$i = j$）は、分子にも分母にもあります。
#
# $$\frac{\partial p_i}{\partial z_i} = \frac{e^{z_i} S - e^{z_i} e^{z_i}}{S^2} = p_i - p_i^2 = p_i (1 - p_i)$$
#
# ほかのスコア（$i \ne j$）は、分母にしかありません。
#
# $$\frac{\partial p_i}{\partial z_j} = \frac{0 \cdot S - e^{z_i} e^{z_j}}{S^2} = -p_i p_j$$
#
# $i = j$ のとき 1、そうでないとき 0 となる記号 $[i = j]$ を使えば、一つの式にまとまります。（コードの `p[:, None]` は $p$ を列にしたもの、`p[None, :]` は行にしたもので、ブロードキャストによって表になります。）
#
# $$\frac{\partial p_i}{\partial z_j} = p_i \left( [i = j] - p_j \right)$$


# %%
def softmax_jacobian(z):
    p = softmax(z)
    return p[:, None] * (np.eye(len(p)) - p[None, :])


h = np.array([0, 1e-5, 0])
column = (softmax(z + h) - softmax(z - h)) / 2e-5
print(softmax_jacobian(z))
print(f"{column = }")
print(f"{softmax_jacobian(z)[:, 1] = }")

# %% [markdown] lang="en"
# Row $i$ belongs to $p_i$, column $j$ to $z_j$; the second column was measured as well. Two sums are worth a
# look. A **column** sums to 0: what one class gains, the others lose. A **row** sums to 0: if all
# scores rise alike, nothing changes.

# %% [markdown] lang="ja"
# 行 $i$ が $p_i$ に、列 $j$ が $z_j$ に対応します。2 列目は、数値微分でも確かめました。次に、和に注目しましょう。どの**列**も和は 0 です。一つのクラスの確率が増えた分だけ、ほかの確率が減るからです。どの**行**も、やはり和は 0 です。すべてのスコアが同じだけ増えても、確率は変わらないからです。

# %% [markdown] lang="en"
# ## p - t
#
# The score $z_j$ reaches the loss along several paths, one through each $p_k$. As in lesson 4 they add
# up:
#
# $$\frac{\partial L}{\partial z_j} = \sum_k \frac{\partial L}{\partial p_k} \frac{\partial p_k}{\partial z_j}$$
#
# The gradient that comes in is $\partial L / \partial p_k = -t_k / p_k$, the local derivative is the one just
# found:
#
# $$\frac{\partial L}{\partial z_j} = \sum_k \left( -\frac{t_k}{p_k} \right) p_k \left( [k = j] - p_j \right)$$
#
# Here $p_k$ **cancels**. What is left is
#
# $$\frac{\partial L}{\partial z_j} = -\sum_k t_k [k = j] + p_j \sum_k t_k = p_j - t_j$$
#
# In the first sum only $k = j$ is left, and the second sum is 1. (This sum is all that was used of $t$: it may be
# any probabilities, not only one-hot.) For $z = (1, 2, 3)$ and $t = (0, 1, 0)$ by hand:
# $0.0900 - 0$, $0.2447 - 1$, $0.6652 - 0$.

# %% [markdown] lang="ja"
# ## p - t
#
# スコア $z_j$ は、それぞれの $p_k$ を通るいくつもの経路で、損失に影響します。第 4 章のとおり、経路の分を足し合わせます。
#
# $$\frac{\partial L}{\partial z_j} = \sum_k \frac{\partial L}{\partial p_k} \frac{\partial p_k}{\partial z_j}$$
#
# 上流の勾配は $\partial L / \partial p_k = -t_k / p_k$ で、局所的な微分は、いま求めたものです。
#
# $$\frac{\partial L}{\partial z_j} = \sum_k \left( -\frac{t_k}{p_k} \right) p_k \left( [k = j] - p_j \right)$$
#
# ここで $p_k$ が**約分されます**。残るのは、次の式です。
#
# $$\frac{\partial L}{\partial z_j} = -\sum_k t_k [k = j] + p_j \sum_k t_k = p_j - t_j$$
#
# 一つ目の和では $k = j$ の項だけが残り、二つ目の和は 1 だからです。（$t$ について使ったのは、和が 1 であることだけです。したがって、one-hot 表現でない確率でもかまいません。）手計算では、$z = (1, 2, 3)$、$t = (0, 1, 0)$ のとき、$0.0900 - 0$、$0.2447 - 1$、$0.6652 - 0$ となります。

# %%
from course.array_engine import Tensor
from course.judge import numerical_gradient

p = softmax(z)
node = Tensor(z)
q = node.exp() / node.exp().sum()
loss = -(q.log() * t).sum()
loss.backward()
measured = numerical_gradient(lambda z: cross_entropy(z, t), z)
print(f"{p - t = }")
print(f"{(-t / p) @ softmax_jacobian(z) = }")
print(f"{node.grad = }")
print(f"{measured = }")

# %% [markdown] lang="en"
# Four ways, one result: the formula; the paths added up, as a product of the gradient that comes in with the
# Jacobian; the engine of lesson 5, which knows nothing of a softmax; and differences (`numerical_gradient` is
# like that of lesson 5). The picture shows what $p - t$ means.

# %% [markdown] lang="ja"
# 四つの方法の結果が一致しました。一つ目は公式、二つ目は経路の足し合わせで、上流の勾配とヤコビ行列の積として計算しました。三つ目は、ソフトマックスを知らない第 5 章のエンジン、四つ目は数値微分です（`numerical_gradient` は第 5 章のものと同じ働きをします）。$p - t$ の意味を図で見ましょう。

# %%
figures.pushes(p, t)

# %% [markdown] lang="en"
# Left: the probabilities $p$ (blue), the targets $t$ (dashed), and the way from one to the other (arrows).
# Right: the gradient, which is that way with the opposite sign, as a step goes **against** it. Gradient
# descent moves the *scores*: that of the true class up, in proportion to what it lacks, $1 - p$, and each
# other one down, in proportion to what it has, $p$. Together these pushes are 0. And where $p = t$, nothing is
# pushed any more.

# %% [markdown] lang="ja"
# 左は、確率 $p$（青）と教師データ $t$（破線）、そして前者から後者への向き（矢印）です。右は勾配です。進むのは勾配と**逆の**向きなので、符号は矢印と反対になります。勾配降下法で動くのはスコアです。正解のクラスのスコアは、足りない分 $1 - p$ に比例して上がり、ほかのクラスのスコアは、もっている分 $p$ に比例して下がります。動きを合わせると 0 です。$p = t$ になれば、もうどのスコアも動きません。

# %% [markdown] lang="en"
# **Exercise 6.2.** A network gives the probabilities $p = (0.1, 0.3, 0.6)$; the first class is the true one.
# What is $\partial L / \partial z$? Answer with an array.

# %% [markdown] lang="ja"
# **演習 6.2** あるネットワークの予測した確率は $p = (0.1, 0.3, 0.6)$ で、正解は一つ目のクラスです。$\partial L / \partial z$ を配列で答えてください。

# %%
d_z = ...
check("6.2", d_z)

# %% [markdown] lang="en" tags=["solution"]
# $p - t$ with $t = (1, 0, 0)$. The largest probability, 0.6, stands at a wrong class, and gets the strongest
# push downward. One need not know $z$.

# %% [markdown] lang="ja" tags=["solution"]
# $t = (1, 0, 0)$ として $p - t$ を計算します。最も大きい確率 0.6 は間違ったクラスのもので、最も強く押し下げられます。$z$ を知る必要はありません。

# %% tags=["solution"]
d_z = np.array([0.1, 0.3, 0.6]) - np.array([1, 0, 0])
check("6.2", d_z)

# %% [markdown] lang="en"
# ## The same in one line
#
# Take the logarithm first: $\log p_k = z_k - \log \sum_i e^{z_i}$. With $c$ for the true class the loss is
#
# $$L = \log \sum_i e^{z_i} - z_c$$
#
# The first term is the **logsumexp** of the scores, and its derivative in $z_j$ is $e^{z_j} / \sum_i e^{z_i} = p_j$.
# That of the second is 1 at the true class and 0 elsewhere: $t_j$. So $p - t$ is
# the derivative of the first term less that of the second. The softmax *is* the gradient of logsumexp.
#
# A loss over $N$ samples is the mean of their losses. Each row of scores then has the gradient
# $(p - t) / N$.

# %% [markdown] lang="ja"
# ## 同じことを 1 行で
#
# 先に対数を取ると、$\log p_k = z_k - \log \sum_i e^{z_i}$ です。正解のクラスを $c$ とすると、損失は
#
# $$L = \log \sum_i e^{z_i} - z_c$$
#
# となります。第 1 項をスコアの **logsumexp** と呼びます。その $z_j$ についての微分は $e^{z_j} / \sum_i e^{z_i} = p_j$ です。第 2 項の微分は、正解のクラスで 1、ほかでは 0、つまり $t_j$ です。第 1 項の微分から第 2 項の微分を引けば、$p - t$ になります。ソフトマックスとは、logsumexp の勾配なのです。
#
# サンプルが $N$ 個あるときの損失は、サンプルごとの損失の平均です。このとき、スコアの各行の勾配は $(p - t) / N$ になります。

# %%
import tinygrad_loss as tl

rows = [[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]
scores = tl.Tensor(rows, requires_grad=True)
loss = tl.cross_entropy(scores, [1, 2])
loss.backward()
p = np.array([softmax(row) for row in scores.data])
print(f"{loss.item() = :.4f}")
print(scores.grad)
print((p - np.eye(3)[[1, 2]]) / 2)

# %% [markdown] lang="en"
# `tl` is the library, as in lesson 5. `tl.cross_entropy` takes the scores, not the probabilities, and for
# each row the number of the true class (counted from 0). To see this gradient arrive in a real network, run `python examples/backprop_page.py`
# ([source](../../backprop_page.py)) and open `examples/output/digits.html` in a browser: it steps through a
# network on eight digits, and the gradient at the scores is $(p - t) / 8$, negative only at the right digit.

# %% [markdown] lang="ja"
# `tl` は第 5 章と同じく、このライブラリです。`tl.cross_entropy` には、確率ではなくスコアと、各行の正解のクラスの番号（0 から数える）を渡します。実際のネットワークにこの勾配が届く様子を見るには、`python examples/backprop_page.py`（[ソースコード](../../backprop_page.py)）を実行し、`examples/output/digits.html` をブラウザで開いてください。8 枚の手書き数字を分類するネットワークを、一段ずつたどれるページです。スコアに対する勾配は $(p - t) / 8$ で、負になるのは正解の数字のところだけです。

# %% [markdown] lang="en"
# **Exercise 6.3.** Some models divide the scores by a **temperature** $\tau$ first: $p = \text{softmax}(z / \tau)$.
# (A high temperature makes the probabilities more alike.) Write $\partial L / \partial z$ as a function of `z`,
# `t` and `tau`. You may use `softmax`.

# %% [markdown] lang="ja"
# **演習 6.3** スコアを**温度** $\tau$ で割ってからソフトマックスに入れるモデルがあります。$p = \text{softmax}(z / \tau)$ です。（温度が高いほど、確率の差は小さくなります。）$\partial L / \partial z$ を、`z` と `t` と `tau` の関数として書いてください。`softmax` を使ってかまいません。


# %%
def d_z(z, t, tau):
    return ...


check("6.3", d_z)

# %% [markdown] lang="en" tags=["solution"]
# At $z / \tau$ the gradient is $p - t$. One step farther back, the local derivative of $z / \tau$ is $1 / \tau$.

# %% [markdown] lang="ja" tags=["solution"]
# $z / \tau$ に対する勾配が $p - t$ です。もう一段戻ると、$z / \tau$ の局所的な微分 $1 / \tau$ が掛かります。


# %% tags=["solution"]
def d_z(z, t, tau):
    return (softmax(z / tau) - t) / tau


check("6.3", d_z)

# %% [markdown] lang="en"
# ## Two classes: the sigmoid
#
# With two classes only one difference of scores counts; let one score be $z$ and the other 0. Then
#
# $$p = \frac{e^z}{e^z + e^0} = \frac{1}{1 + e^{-z}}$$
#
# This is the sigmoid of lesson 2, and the rule for $i = j$ is its derivative $p (1 - p)$. With the targets
# $(t, 1 - t)$ cross-entropy is the binary one, $-t \log p - (1 - t) \log (1 - p)$. So the $p - t$ that lesson 2
# found for one neuron, and that of this lesson, are the same fact.

# %% [markdown] lang="ja"
# ## 二値分類：シグモイド関数
#
# クラスが二つなら、意味をもつのは二つのスコアの差だけです。一方のスコアを $z$、他方を 0 とすると
#
# $$p = \frac{e^z}{e^z + e^0} = \frac{1}{1 + e^{-z}}$$
#
# となります。これは第 2 章のシグモイド関数で、$i = j$ のときの規則は、その微分 $p (1 - p)$ です。教師データを $(t, 1 - t)$ とすれば、損失は二値交差エントロピー誤差 $-t \log p - (1 - t) \log (1 - p)$ になります。第 2 章の一つのニューロンで現れた $p - t$ は、クラスが二つのときの、この章の結果だったのです。


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


print(f"{softmax(np.array([0.7, 0.0])) = }")
print(f"{sigmoid(0.7) = :.4f}")

# %% [markdown] lang="en"
# ## What squares would do
#
# Why not the squared error of lesson 1, $(p - t)^2$? By the chain rule its gradient is
#
# $$\frac{\partial}{\partial z} (p - t)^2 = 2 (p - t)\, p (1 - p)$$
#
# Here nothing cancels the factor $p (1 - p)$ of the sigmoid. Take $t = 1$ and $z = -10$: the model is surely
# wrong, and has the most to learn. ($p$ exceeds one half where $z > 0$; the last two lines count the steps
# to there.)

# %% [markdown] lang="ja"
# ## 二乗誤差だったら
#
# 第 1 章の二乗誤差 $(p - t)^2$ では、なぜいけないのでしょうか。連鎖律から、その勾配は
#
# $$\frac{\partial}{\partial z} (p - t)^2 = 2 (p - t)\, p (1 - p)$$
#
# です。シグモイド関数の因子 $p (1 - p)$ が、約分されずに残ります。$t = 1$、$z = -10$ としてみましょう。モデルが自信をもって間違えていて、最も学習の必要なところです。（$p$ が 2 分の 1 を超えるのは $z > 0$ のときです。最後の 2 行は、そこまでのステップ数です。）


# %%
def slope_of_cross_entropy(z):
    return sigmoid(z) - 1


def slope_of_square(z):
    p = sigmoid(z)
    return 2 * (p - 1) * p * (1 - p)


def steps_until_half(slope, z=-10.0, lr=0.5):
    steps = 0
    while z <= 0:
        z, steps = z - lr * slope(z), steps + 1
    return steps


print(f"{slope_of_cross_entropy(-10) = :.5f}")
print(f"{slope_of_square(-10) = :.7f}")
print(f"{slope_of_square(-10) / 2 = :.7f}")
print(f"{steps_until_half(slope_of_cross_entropy) = }")
print(f"{steps_until_half(slope_of_square) = }")

# %% [markdown] lang="en"
# Cross-entropy pulls with nearly its full force, the squared error with a ten-thousandth of it. (Texts that
# define the squared error as $\frac{1}{2} (p - t)^2$ give the half, -0.0000454.) Gradient descent with
# the learning rate $\eta = 0.5$ takes 22 steps until $p$ exceeds one half, and 22,063 steps with squares.

# %% [markdown] lang="ja"
# 交差エントロピー誤差の勾配は、ほぼ最大の強さで引き戻しますが、二乗誤差の勾配は、その 1 万分の 1 ほどしかありません。（二乗誤差を $\frac{1}{2} (p - t)^2$ と定義する本では、値は半分の -0.0000454 になります。）学習率を $\eta = 0.5$ とした勾配降下法で $p$ が 2 分の 1 を超えるまでに、交差エントロピー誤差なら 22 ステップ、二乗誤差なら 22,063 ステップかかります。

# %%
grid = np.linspace(-10, 6, 200)
steep, flat = slope_of_cross_entropy(grid), slope_of_square(grid)
figures.gradients(grid, steep, flat)

# %% [markdown] lang="en"
# The gradients at $t = 1$ against the score. That of cross-entropy (solid) vanishes only where the model is
# right; that of the squared error (dashed) also where it is surely wrong. This is a good reason for the
# logarithm: the size of its derivative, $1/p$, grows as fast as the sigmoid flattens on the wrong side.

# %% [markdown] lang="ja"
# 図は、$t = 1$ のときの勾配です。横軸はスコアです。交差エントロピー誤差（実線）の勾配が消えるのは、モデルが正しいところだけです。二乗誤差（破線）の勾配は、自信をもって間違えているところでも消えます。対数を使う大きな理由がここにあります。間違えた側でシグモイド関数が平らになるのと同じ速さで、対数の微分の大きさ $1/p$ が増えるのです。

# %% [markdown] lang="en"
# **Exercise 6.4.** At which probability $p$ is the gradient of the squared error, $2 (p - 1)\, p (1 - p)$, largest
# in size? Use the derivative in $p$.

# %% [markdown] lang="ja"
# **演習 6.4** 二乗誤差の勾配 $2 (p - 1)\, p (1 - p)$ の大きさが最大になるのは、確率 $p$ がいくつのときですか。$p$ で微分して求めてください。

# %%
p_strongest = ...
check("6.4", p_strongest)

# %% [markdown] lang="en" tags=["solution"]
# The size is $2 p (1 - p)^2$. Its derivative $2 (1 - p)^2 - 4 p (1 - p) = 2 (1 - p) (1 - 3 p)$ is 0 at $p = 1$,
# where the size is 0, and at $p = 1/3$. Whoever is more wrong than that is pushed less.

# %% [markdown] lang="ja" tags=["solution"]
# 大きさは $2 p (1 - p)^2$ です。その微分 $2 (1 - p)^2 - 4 p (1 - p) = 2 (1 - p) (1 - 3 p)$ が 0 になるのは、大きさが 0 になる $p = 1$ と、$p = 1/3$ です。それより大きく間違えると、かえって弱くしか押されません。

# %% tags=["solution"]
p_strongest = 1 / 3
check("6.4", p_strongest)

# %% [markdown] lang="en"
# ## A score of 1,000
#
# The formula is right, and the code fails: `np.exp(1000)` is too large for a floating-point number and
# becomes `inf`, and `inf / inf` is `nan`. The way out is known already: adding the same number to all scores
# changes nothing. So **subtract the largest**. Then the largest exponent is 0, no `exp` exceeds 1, and the sum is
# at least 1.

# %% [markdown] lang="ja"
# ## スコアが 1,000 のとき
#
# 公式は正しくても、コードは失敗することがあります。`np.exp(1000)` は浮動小数点数の範囲を超えて `inf` になり、`inf / inf` は `nan` です。解決法は、もう分かっています。すべてのスコアに同じ数を足しても、確率は変わらないのでした。そこで、**最大値を引きます**。すると指数の最大は 0 になり、`exp` は 1 を超えず、和は 1 以上になります。


# %%
def stable_softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


large = np.array([1000.0, 999.0, 0.0])
with np.errstate(all="ignore"):
    print(f"{softmax(large) = }")
print(f"{stable_softmax(large) = }")
print(f"{softmax(np.array([1.0, 0.0, -999.0])) = }")

# %% [markdown] lang="en"
# (`np.errstate` silences NumPy's warning. The last line shifts the scores by 999 by hand: the same
# probabilities.) This mends the softmax, but not yet the loss. Let the third class
# be the true one. Its probability, about $e^{-1000}$, is so small that it is rounded to 0, and $\log 0$ is infinite,
# while the true loss is about 1,000. The logarithm must not be taken of a rounded probability; use
# $\log p_k = z_k - \log \sum_i e^{z_i}$ instead, with the largest score subtracted:

# %% [markdown] lang="ja"
# （`np.errstate` は、NumPy の警告を表示させないためのものです。最後の行では、スコアを 999 だけ手でずらしました。確率は同じです。）これでソフトマックスは直りましたが、損失のほうはまだです。三つ目のクラスが正解だとしましょう。その確率はおよそ $e^{-1000}$ で、小さすぎて 0 に丸められ、$\log 0$ を計算すると、損失は無限大になります。本当の損失は、およそ 1,000 です。丸められた確率の対数を取ってはいけません。代わりに、$\log p_k = z_k - \log \sum_i e^{z_i}$ を、最大のスコアを引いてから使います。


# %%
def log_softmax(z):
    shifted = z - z.max()
    return shifted - np.log(np.exp(shifted).sum())


with np.errstate(all="ignore"):
    print(f"{-np.log(stable_softmax(large))[2] = :.4f}")
print(f"{-log_softmax(large)[2] = :.4f}")
print(f"{tl.cross_entropy(large, 2).item() = :.4f}")

# %% [markdown] lang="en"
# This is why libraries have `log_softmax` as a function of its own, and why their losses ask for scores.
#
# A batch has one sample in each row. Somebody wrote its softmax like this:

# %% [markdown] lang="ja"
# ライブラリに `log_softmax` という独立した関数があり、損失関数がスコアを受け取るのは、このためです。
#
# バッチでは、1 行が 1 サンプルです。そのソフトマックスを、次のように書いた人がいます。


# %%
def slipped_softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


batch = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
print(slipped_softmax(batch))
print(f"{slipped_softmax(batch).sum(axis=1) = }")

# %% [markdown] lang="en"
# **Exercise 6.5.** There are two slips in it. One makes wrong probabilities from any batch of two rows or more;
# the other shows only if one row has large scores and another has small ones. Write it right.
# (`keepdims=True` helps.)

# %% [markdown] lang="ja"
# **演習 6.5** この関数には、間違いが二つあります。一つは、2 行以上あれば必ず確率がおかしくなる間違いです。もう一つは、スコアの大きい行と小さい行が混ざっているときにだけ現れます。正しく書き直してください。（`keepdims=True` が役に立ちます。）


# %%
def softmax_of_rows(z):
    return ...


check("6.5", softmax_of_rows)

# %% [markdown] lang="en" tags=["solution"]
# The sum is to be taken in each row by itself, and so is the maximum: else `exp` of a whole row
# may become 0 next to a row with the score 1,000, and `0 / 0` is `nan`.

# %% [markdown] lang="ja" tags=["solution"]
# 和は行ごとに取ります。最大値も行ごとに取らないと、スコア 1,000 の行があるとき、別の行の `exp` がすべて 0 になり、`0 / 0` が `nan` になることがあります。


# %% tags=["solution"]
def softmax_of_rows(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


check("6.5", softmax_of_rows)

# %% [markdown] lang="en"
# ## Softmax twice
#
# A common slip raises no error: a network ends in a softmax, and the loss contains one, too. Then the loss is
# that of $q = \text{softmax}(p)$. By the chain rule the gradient is $q - t$, sent back once more through the
# Jacobian. Below, the true class is the first of ten; its score is $s$, the others are 0. The
# last two lines of the output are the slopes of both losses in the score of the true class, at $s = -10$.

# %% [markdown] lang="ja"
# ## ソフトマックスの二重がけ
#
# エラーにならない、よくある間違いがあります。損失の中でソフトマックスを計算しているのに、ネットワークの最後にもソフトマックスを置いてしまうことです。このとき損失は、$q = \text{softmax}(p)$ から計算したものになります。連鎖律から、勾配は、$q - t$ にもう一度ヤコビ行列を掛けたものです。次の計算では、10 クラスの一つ目が正解で、そのスコアが $s$、ほかのスコアは 0 です。続けて、$s = -10$ のときの、正解のクラスのスコアに対する勾配も表示します。

# %%
t = np.eye(10)[0]
for s in [-10, 0, 5, 10, 20]:
    p = stable_softmax(s * t)
    q = stable_softmax(p)
    once, twice = -log_softmax(s * t)[0], -log_softmax(p)[0]
    print(f"{s = :<4} {once = :7.4f}  {twice = :.4f}")

z = -10 * t
p = softmax(z)
q = softmax(p)
d_once = p - t
d_twice = (q - t) @ softmax_jacobian(z)
print(f"{d_once[0] = :.7f}")
print(f"{d_twice[0] = :.7f}")

# %% [markdown] lang="en"
# However sure and right the network is, the loss never falls below 1.46115 (printed as 1.4612). And where it is surely wrong, the
# gradient is nearly gone: the second softmax puts back the factor that the logarithm had canceled. Such a
# network learns a little, and no error is raised. (`tl.cross_entropy` at least warns when it is given
# probabilities.)

# %% [markdown] lang="ja"
# ネットワークがどれほど自信をもって正解しても、損失は 1.46115（表示では 1.4612）より小さくなりません。しかも、自信をもって間違えているところでは、勾配がほとんど消えています。対数が打ち消してくれた因子を、二つ目のソフトマックスが元に戻してしまうからです。それでも少しは学習が進み、エラーにもならないので、なかなか気づけません。（`tl.cross_entropy` は、確率を渡されると、少なくとも警告を出します。）

# %% [markdown] lang="en"
# **Exercise 6.6.** Write the loss below which a double softmax cannot go, as a function of the number `C`
# of classes. (The first softmax gives at best $p = (1, 0, \dots, 0)$. What does the second make of it?)

# %% [markdown] lang="ja"
# **演習 6.6** ソフトマックスを二重にかけると、損失はある値より小さくなりません。その値を、クラスの数 `C` の関数として書いてください。（一つ目のソフトマックスの出力は、最も良くて $p = (1, 0, \dots, 0)$ です。二つ目に通すと、どうなりますか。）


# %%
def floor(C):
    return ...


check("6.6", floor)

# %% [markdown] lang="en" tags=["solution"]
# The scores of the second softmax are 1 for the true class and 0 for the $C - 1$ others, so that
# $q_1 = e / (e + C - 1)$ and
#
# $$L = -\log \frac{e}{e + C - 1} = \log (e + C - 1) - 1$$

# %% [markdown] lang="ja" tags=["solution"]
# 二つ目のソフトマックスに入るスコアは、正解のクラスが 1、ほかの $C - 1$ 個が 0 です。したがって $q_1 = e / (e + C - 1)$ で、
#
# $$L = -\log \frac{e}{e + C - 1} = \log (e + C - 1) - 1$$
#
# となります。


# %% tags=["solution"]
def floor(C):
    return np.log(np.e + C - 1) - 1


check("6.6", floor)
print(f"{floor(10) = :.4f}")

# %% [markdown] lang="en"
# ## Five lines
#
# Now everything comes together. Scikit-learn's digits are images of 8 by 8 pixels, a row of 64 numbers each; one
# layer of weights makes ten scores of them:
#
# $$Z = X W, \qquad P = \text{softmax}(Z), \qquad L = -\frac{1}{N} \sum_n \sum_k T_{nk} \log P_{nk}$$
#
# The rows of $T$ are one-hot. This model is called **softmax regression**.

# %% [markdown] lang="ja"
# ## 5 行の学習
#
# これまでの内容を一つにまとめましょう。scikit-learn の手書き数字は 8 × 8 画素の画像で、1 枚が、64 個の数を並べた 1 行になっています。1 層の重みで、そこから 10 個のスコアを計算します。
#
# $$Z = X W, \qquad P = \text{softmax}(Z), \qquad L = -\frac{1}{N} \sum_n \sum_k T_{nk} \log P_{nk}$$
#
# $T$ の各行は one-hot 表現です。このモデルを**ソフトマックス回帰**と呼びます。

# %% [markdown] lang="en"
# **Exercise 6.7.** Write the gradient of this mean loss in $W$. Two results are to be put together: the gradient
# at the scores of a mean over $N$ rows, and from lesson 5 the gradient of a product in its right factor.
# (Use your `softmax_of_rows`; if 6.5 is still open, take it from the solution.)

# %% [markdown] lang="ja"
# **演習 6.7** 平均を取ったこの損失の、$W$ に対する勾配を書いてください。二つの結果を組み合わせます。$N$ 行の平均を取ったときの、スコアに対する勾配と、第 5 章で求めた、積の右側の行列に対する勾配です。（`softmax_of_rows` を使ってください。演習 6.5 がまだなら、解答例のものを使います。）


# %%
def d_W(X, W, T):
    return ...


check("6.7", d_W)

# %% [markdown] lang="en" tags=["solution"]
# What comes in at the scores is $g = (P - T) / N$, and a product sends $X^T g$ to its right factor.

# %% [markdown] lang="ja" tags=["solution"]
# スコアに届く上流の勾配は $g = (P - T) / N$ で、積は右側の行列に $X^T g$ を渡します。


# %% tags=["solution"]
def d_W(X, W, T):
    P = softmax_of_rows(X @ W)
    return X.T @ (P - T) / len(X)


check("6.7", d_W)

# %% [markdown] lang="en"
# We learn from 1,500 images and keep 297 to test on. The weights start at 0, so that the first loss is that of
# a fair guess.

# %% [markdown] lang="ja"
# 1,500 枚の画像で学習し、残りの 297 枚をテストに使います。重みは 0 から始めるので、最初の損失は、どのクラスにも同じ確率を割り当てたときの値です。

# %%
from sklearn.datasets import load_digits

images, labels = load_digits(return_X_y=True)
X, T = images[:1500] / 16, np.eye(10)[labels[:1500]]
X_test, labels_test = images[1500:] / 16, labels[1500:]


def log_softmax_of_rows(Z):
    Z = Z - Z.max(axis=1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


def report(step, W):
    loss = -np.mean(np.sum(T * log_softmax_of_rows(X @ W), axis=1))
    right = np.mean(np.argmax(X_test @ W, axis=1) == labels_test)
    print(f"{step = :<4} {loss = :.4f}  {right = :.3f}")


W = np.zeros((64, 10))
for step in range(201):
    P = np.exp(log_softmax_of_rows(X @ W))
    g = (P - T) / len(X)
    if step % 50 == 0:
        report(step, W)
    W -= 0.5 * X.T @ g

# %% [markdown] lang="en"
# The loss starts at $\log 10 = 2.3026$ and falls; `right` is the share of the test images whose
# largest score (`np.argmax` gives its place) is that of the true digit. While all scores are 0, `argmax` says 0, and
# one image in eleven is a zero.
# Without the report, the training is the five lines at the end: the start, the loop, the forward pass, the
# gradient `g` at the scores, and a step with `X.T @ g`. The last two hold the whole backward pass.
#
# Is the gradient that of our engine and of the library? Both are given only the loss, no formula for its
# gradient, the engine as logsumexp less the true score. (The scores are small here, so that `exp` does without the trick of the maximum.)

# %% [markdown] lang="ja"
# 損失は $\log 10 = 2.3026$ から始まって、小さくなっていきます。`right` は、テスト画像のうち、スコアが最大のクラス（`np.argmax` で求めます）が正解だったものの割合です。スコアがすべて 0 のあいだは `argmax` が 0 を返しますが、11 枚に 1 枚ほどは数字の 0 です。表示を除けば、学習は最後の 5 行です。初期値、繰り返し、順伝播、スコアに対する勾配 `g`、そして `X.T @ g` による 1 ステップの更新です。終わりの 2 行に、逆伝播のすべてが入っています。
#
# この勾配は、第 5 章のエンジンとライブラリの求める勾配と同じでしょうか。どちらにも、損失の式だけを与えます。第 5 章のエンジンには、logsumexp から正解のスコアを引いた形で与えます。（ここではスコアが小さいので、最大値を引かなくても `exp` はオーバーフローしません。）

# %%
weights = Tensor(W)
Z = X @ weights
loss = (Z.exp().sum(axis=1).log().sum() - (Z * T).sum()) / len(X)
loss.backward()

library_weights = tl.Tensor(W, requires_grad=True)
tl.cross_entropy(X @ library_weights, labels[:1500]).backward()

formula = X.T @ (np.exp(log_softmax_of_rows(X @ W)) - T) / len(X)
lesson_5 = float(np.abs(weights.grad - formula).max())
library = float(np.abs(library_weights.grad - formula).max())
print(f"{lesson_5 < 1e-12 = }")
print(f"{library < 1e-12 = }")

# %% [markdown] lang="en"
# Equal to twelve decimal places. With one layer the five lines are enough. With ten layers they would be thirty, and a slip
# in any of them would be hard to see: that is what the engine is for.

# %% [markdown] lang="ja"
# 小数点以下 12 桁まで一致しました。1 層なら、この 5 行で足ります。10 層なら 30 行ほどになり、そのどこかに間違いがあっても、なかなか見つかりません。エンジンは、そのためにあります。

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** A network for ten classes shows a loss of 2.30 before it has learned. What does that say?
#
# - "a": Something is wrong, as a loss must start near 1.
# - "b": It gives all classes about the same probability.
# - "c": It is right in 23 % of the cases.
#
# **b.** A class that is not the true one has the probability 0.2. Its entry in $\partial L / \partial z$ is
#
# - "a": 0, since its term of the loss is 0.
# - "b": -0.8.
# - "c": 0.2.
#
# **c.** A model with a sigmoid and the squared error is surely wrong, and hardly learns. Why?
#
# - "a": The error is multiplied by $p (1 - p)$, which is nearly 0 there.
# - "b": The error $p - t$ is nearly 0 there.
# - "c": It has reached a minimum of the loss.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 10 クラスを分類するネットワークの、学習前の損失が 2.30 でした。ここから何が分かりますか。
#
# - "a"：損失は 1 くらいから始まるはずなので、どこかが間違っている。
# - "b"：どのクラスにも、ほぼ同じ確率を割り当てている。
# - "c"：23 % の割合で正解している。
#
# **b.** 正解でないクラスの確率が 0.2 でした。$\partial L / \partial z$ のうち、このクラスの要素はいくつですか。
#
# - "a"：0。損失の中の、このクラスの項が 0 だから。
# - "b"：-0.8。
# - "c"：0.2。
#
# **c.** シグモイド関数と二乗誤差を使うモデルが、自信をもって間違えているのに、ほとんど学習しません。なぜですか。
#
# - "a"：誤差に掛かる $p (1 - p)$ が、そこではほぼ 0 だから。
# - "b"：誤差 $p - t$ が、そこではほぼ 0 だから。
# - "c"：損失の最小値に達しているから。

# %%
check("6 a", ...)
check("6 b", ...)
check("6 c", ...)

# %% tags=["solution"]
check("6 a", "b")
check("6 b", "c")
check("6 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - The softmax takes `exp` and divides by the sum. Only differences of scores count.
# - Cross-entropy with softmax, or with the sigmoid, has the gradient $p - t$ at the scores, and $(p - t) / N$ for
#   a mean: the true score is pushed up by what $p$ lacks, the others down by what they have.
# - Squares keep the factor $p (1 - p)$, and so learn slowly from confident mistakes.
# - Subtract the largest score, and compute `log_softmax` in one step: no overflow, no log of 0.
# - Give a loss the scores. Ten classes start at 2.3026; a floor at 1.4612 means softmax twice.
#
# **Read on.** In the gallery: [confident mistakes](../../README.md#the-logarithm-punishes-confident-mistakes-sigmoid-and-squared-error-do-not)
# and [softmax twice](../../README.md#two-silent-mistakes-softmax-twice-and-n-against-n-1), with pictures. In the
# source: [`losses/classification.py`](../../../tinygrad_loss/losses/classification.py) has `cross_entropy`, and
# [`engine/ops.py`](../../../tinygrad_loss/engine/ops.py) the rules of `softmax` and `log_softmax`. To step through
# backpropagation on a smaller expression, download [the page](../../pictures/backprop_expression.html) and open
# it in a browser. Books: Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3; Nielsen, *Neural
# Networks and Deep Learning* (2015), chapter 3.

# %% [markdown] lang="ja"
# ## まとめ
#
# - ソフトマックスは、`exp` を取って和で割ります。意味をもつのは、スコアの差だけです。
# - ソフトマックスやシグモイド関数と組み合わせた交差エントロピー誤差の、スコアに対する勾配は $p - t$ で、平均なら $(p - t) / N$ です。$p$ の足りない分だけ正解のスコアを押し上げ、もっている分だけほかのスコアを押し下げます。
# - 二乗誤差では因子 $p (1 - p)$ が残るので、自信をもって間違えたときの学習が遅くなります。
# - 最大のスコアを引き、`log_softmax` をまとめて計算します。そうすれば、オーバーフローも、0 の対数も起こりません。
# - 損失関数にはスコアを渡します。10 クラスなら 2.3026 から始まります。損失が 1.4612 で止まるなら、ソフトマックスの二重がけを疑いましょう。
#
# **次に読むもの** ギャラリーの[自信のある間違い](../../README.ja.md#対数は自信のある間違いを厳しく罰するシグモイドと二乗誤差の組は罰しない)と[ソフトマックスの二重がけ](../../README.ja.md#気づきにくい二つの間違いsoftmax-の二重がけとn-と-n-1)では、同じことを図で見られます。ソースコードでは、[`losses/classification.py`](../../../tinygrad_loss/losses/classification.py) に `cross_entropy` が、[`engine/ops.py`](../../../tinygrad_loss/engine/ops.py) に `softmax` と `log_softmax` の規則があります。もっと小さな式の逆伝播を一段ずつたどるには、[このページ](../../pictures/backprop_expression.html)をダウンロードしてブラウザで開いてください。本では、Bishop, Pattern Recognition and Machine Learning（2006、邦訳『パターン認識と機械学習』）の 4.3 節、Nielsen, Neural Networks and Deep Learning（2015）の第 3 章が参考になります。
