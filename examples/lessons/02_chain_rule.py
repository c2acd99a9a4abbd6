# %% [markdown] lang="en"
# # 2. The chain rule by hand
#
# **You will be able to** differentiate a loss by taking it apart into small steps, derive the
# gradient of the two cross-entropies, say what a logarithm to base 2 changes, and find $dL/dw$ of a
# neuron by hand.
#
# **You need** lesson 1 (slope, partial derivative, loss). The logarithm is recapped.
#
# **Time**: 45 minutes.

# %% [markdown] lang="ja"
# # 第 2 章 連鎖律を手で計算する
#
# **できるようになること**：損失の計算を小さな段に分けて微分する。二つの交差エントロピー誤差の勾配を導く。対数の底を 2 にすると何が変わるかを説明する。一つのニューロンの $dL/dw$ を手で求める。
#
# **前提知識**：第 1 章（傾き、偏微分、損失）。対数は復習します。
#
# **所要時間**：45 分。

# %% [markdown] lang="en"
# ## Slopes multiply
#
# Three gears in a row. For each turn of the first the second makes 2, and for each turn of the
# second the third makes 3. So for each turn of the first the third makes $3 \cdot 2 = 6$. Two
# slopes, "turns per turn", one after the other: they **multiply**.
#
# The same holds for curves. Take $u = 3x + 1$ and then $y = u^2$. At $x = 1$ we have $u = 4$ and
# $y = 16$. The first slope is $du/dx = 3$. The second is $dy/du = 2u = 8$, at $u = 4$, since
# 4 is what arrives at the second step. The product is $8 \cdot 3 = 24$. Let us measure it, with the
# function of exercise 1.2.

# %% [markdown] lang="ja"
# ## 傾きは掛け合わせる
#
# 歯車が三つ並んでいます。一つ目が 1 回転すると二つ目は 2 回転し、二つ目が 1 回転すると三つ目は 3 回転します。したがって、一つ目が 1 回転すると三つ目は $3 \cdot 2 = 6$ 回転します。「1 回転あたりの回転数」という傾きが二つ続くと、その積が全体の傾きになります。傾きは**掛け合わせる**のです。
#
# 曲線でも同じです。計算を二つの段に分け、まず $u = 3x + 1$ を、次に $y = u^2$ を求めるとします。$x = 1$ では $u = 4$、$y = 16$ です。一つ目の傾きは $du/dx = 3$ です。二つ目の段の入力は $u = 4$ なので、傾きもそこで求めると、$dy/du = 2u = 8$ です。積は $8 \cdot 3 = 24$ になります。演習 1.2 の関数で測ってみましょう。

# %%
import numpy as np
from check import check
from course.figures import chain_rule as figures


def slope(f, x, h=1e-4):
    return (f(x + h) - f(x - h)) / (2 * h)


def inner(x):
    return 3 * x + 1


def outer(u):
    return u**2


du_dx = slope(inner, 1)
dy_du = slope(outer, inner(1))
dy_dx = slope(lambda x: outer(inner(x)), 1)
print(f"{du_dx = :.4f}")
print(f"{dy_du = :.4f}")
print(f"{dy_du * du_dx = :.4f}")
print(f"{dy_dx = :.4f}")

# %% [markdown] lang="en"
# Why? Move $x$ by a small $\Delta x$. Then $u$ moves by some $\Delta u$, and $y$ by some
# $\Delta y$, and
#
# $$\frac{\Delta y}{\Delta x} = \frac{\Delta y}{\Delta u} \cdot \frac{\Delta u}{\Delta x},$$
#
# as $\Delta u$ cancels. (If $\Delta u$ happens to be 0 one may not divide by it, and needs a longer
# proof; the rule holds there, too.) As $\Delta x$ goes to 0, so does $\Delta u$, and the quotients
# become derivatives:
#
# $$\frac{dy}{dx} = \frac{dy}{du} \cdot \frac{du}{dx} .$$
#
# This is the **chain rule**. It goes on like that for longer chains, one factor for each step. A
# factor is the derivative of one step in its own input, taken at the value that arrives there. We
# call it the **local derivative**: one needs to know nothing of the other steps to write it down.

# %% [markdown] lang="ja"
# なぜでしょうか。$x$ を少しだけ、$\Delta x$ だけ動かします。すると $u$ は $\Delta u$ だけ、$y$ は $\Delta y$ だけ動きます。$\Delta u$ が約分されるので、
#
# $$\frac{\Delta y}{\Delta x} = \frac{\Delta y}{\Delta u} \cdot \frac{\Delta u}{\Delta x}$$
#
# が成り立ちます。（$\Delta u$ がちょうど 0 のときは割れないので、もう少し長い証明が必要ですが、その場合にも同じ式が成り立ちます。）$\Delta x$ を 0 に近づけると $\Delta u$ も 0 に近づき、比は微分になります。
#
# $$\frac{dy}{dx} = \frac{dy}{du} \cdot \frac{du}{dx}$$
#
# これが**連鎖律**です。段がさらに続いても同じで、段ごとに因子が一つずつ付きます。それぞれの因子は、その段の出力を入力で微分し、そこに来た値を代入したものです。これを**局所的な微分**と呼びます。ほかの段のことを何も知らなくても書けるからです。

# %% [markdown] lang="en"
# **Exercise 2.1.** $u = x^2 + 1$ and $y = u^2$. What is $dy/dx$ at $x = 2$? By hand, without
# multiplying out.

# %% [markdown] lang="ja"
# **演習 2.1** $u = x^2 + 1$、$y = u^2$ とします。$x = 2$ での $dy/dx$ はいくつですか。展開せずに、手で計算してください。

# %%
dy_dx = ...
check("2.1", dy_dx)

# %% [markdown] lang="en" tags=["solution"]
# At $x = 2$ the first step gives $u = 5$, with the slope $2x = 4$. The second has the slope
# $2u = 10$, at $u = 5$. The product is $10 \cdot 4 = 40$.

# %% [markdown] lang="ja" tags=["solution"]
# $x = 2$ では、一つ目の段の値は $u = 5$ で、傾きは $2x = 4$ です。二つ目の段の傾きは、$u = 5$ での $2u = 10$ です。積は $10 \cdot 4 = 40$ になります。

# %% tags=["solution"]
x = 2
u = x**2 + 1
dy_dx = (2 * u) * (2 * x)
check("2.1", dy_dx)

# %% [markdown] lang="en"
# ## Recap: the logarithm
#
# > Most losses for probabilities are made of logarithms.
# >
# > - $\log a$ is the number with $e^{\log a} = a$, where $e = 2.71828...$ It is the **natural**
# >   logarithm, which some schools write $\ln$. Here `log` means it, as in papers and in `np.log`.
# > - $\log 1 = 0$. For $a$ between 0 and 1 the logarithm is negative, and it falls without end as $a$
# >   goes to 0.
# > - Its derivative is $1/a$. The curve is steep near 0, and flat farther out.
# > - The exponential function $e^u$ is its own derivative.

# %% [markdown] lang="ja"
# ## 復習：対数
#
# > 確率についての損失には、たいてい対数が使われています。
# >
# > - $\log a$ は、$e^{\log a} = a$ となる数です。ここで $e = 2.71828...$ です。この対数を**自然対数**と呼び、$\ln$ と書く本もあります。この講座の `log` は、論文や `np.log` と同じく自然対数です。
# > - $\log 1 = 0$ です。$a$ が 0 と 1 の間にあれば対数は負で、$a$ が 0 に近づくと限りなく小さくなります。
# > - 微分は $1/a$ です。グラフは、0 の近くでは急で、離れると緩やかになります。
# > - 指数関数 $e^u$ は、微分しても変わりません。

# %%
for a in [0.1, 0.3, 0.7, 1.0]:
    log_a, d_log = np.log(a), slope(np.log, a)
    print(f"{a = }  {log_a = :7.4f}  {d_log = :7.4f}  {1 / a = :7.4f}")

# %% [markdown] lang="en"
# ## A loss for a probability
#
# A forecast says: rain, with probability $p = 0.3$. How wrong was it? The **binary cross-entropy**
# takes minus the logarithm of the probability of what then happened. It is $-\log p$ if it rained
# ($t = 1$) and $-\log(1 - p)$ if it did not ($t = 0$). In one formula:
#
# $$L = -t \log p - (1 - t) \log(1 - p)$$
#
# The target $t$ is a switch: one of the two terms is always 0. By hand, at $p = 0.3$:
# $-\log 0.3 = 1.2040$ with rain, $-\log 0.7 = 0.3567$ without. (Many books write $y$ for our $t$
# and $\hat{y}$ for our $p$. Check which is meant before you copy a formula.)

# %% [markdown] lang="ja"
# ## 確率についての損失
#
# 天気予報では、雨の確率は $p = 0.3$ でした。この予報は、どれだけ外れたでしょうか。**二値交差エントロピー誤差**では、実際に起こったほうの確率の対数に、マイナスを付けたものを損失とします。雨が降れば（$t = 1$）$-\log p$、降らなければ（$t = 0$）$-\log(1 - p)$ です。一つの式にまとめると、次のようになります。
#
# $$L = -t \log p - (1 - t) \log(1 - p)$$
#
# 教師データ $t$ はスイッチの役割を果たします。二つの項のうち、どちらか一方は必ず 0 です。$p = 0.3$ のとき、手計算では、雨なら $-\log 0.3 = 1.2040$、雨でなければ $-\log 0.7 = 0.3567$ です。（多くの本では、この $t$ を $y$、この $p$ を $\hat{y}$ と書きます。式を写すときは、どちらの意味かを確かめましょう。）


# %%
def binary_cross_entropy(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


print(f"{binary_cross_entropy(0.3, 1) = :.4f}")
print(f"{binary_cross_entropy(0.3, 0) = :.4f}")

# %% [markdown] lang="en"
# ## Step by step
#
# Now its slope. We take the second term, $L = -(1 - t) \log(1 - p)$, and give each step on the way
# a name. The values are those at $p = 0.3$, $t = 0$.
#
# $$a = 1 - p = 0.7, \qquad \frac{da}{dp} = -1$$
#
# $$b = \log a = -0.3567, \qquad \frac{db}{da} = \frac{1}{a} = 1.4286$$
#
# $$L = -(1 - t)\,b = 0.3567, \qquad \frac{dL}{db} = -(1 - t) = -1$$
#
# The values on the left are computed from top to bottom, as each step needs the value before it. On
# the right stand the local derivatives. The slope of the whole is their product,
# $(-1) \cdot 1.4286 \cdot (-1) = 1.4286$. With formulas:
#
# $$\frac{dL}{dp} = \frac{dL}{db} \cdot \frac{db}{da} \cdot \frac{da}{dp} = -(1 - t) \cdot \frac{1}{a} \cdot (-1) = \frac{1 - t}{1 - p}$$
#
# At the end $1 - p$ is put back for $a$. The factor $-1$ of the first step is the one most often
# forgotten. Does the sign make sense? It did not rain, so a larger $p$ is worse: the loss must rise
# with $p$.

# %% [markdown] lang="ja"
# ## 一段ずつ微分する
#
# 次は傾きを求めます。二つ目の項 $L = -(1 - t) \log(1 - p)$ を取り上げ、途中の段の結果に一つずつ名前を付けます。値は $p = 0.3$、$t = 0$ のときのものです。
#
# $$a = 1 - p = 0.7, \qquad \frac{da}{dp} = -1$$
#
# $$b = \log a = -0.3567, \qquad \frac{db}{da} = \frac{1}{a} = 1.4286$$
#
# $$L = -(1 - t)\,b = 0.3567, \qquad \frac{dL}{db} = -(1 - t) = -1$$
#
# 左側の値は、上から順に計算します。どの段も、一つ前の値を使うからです。右側は局所的な微分です。全体の傾きは、その積 $(-1) \cdot 1.4286 \cdot (-1) = 1.4286$ です。式で書くと、
#
# $$\frac{dL}{dp} = \frac{dL}{db} \cdot \frac{db}{da} \cdot \frac{da}{dp} = -(1 - t) \cdot \frac{1}{a} \cdot (-1) = \frac{1 - t}{1 - p}$$
#
# となります。最後に、$a$ を $1 - p$ に戻しました。最も忘れやすいのは、最初の段の $-1$ です。符号を確かめておきましょう。雨は降らなかったので、$p$ が大きいほど悪い予報です。したがって、損失は $p$ とともに増えるはずです。

# %%
p, t = 0.3, 0
a = 1 - p
b = np.log(a)
L = -(1 - t) * b
da_dp = -1
db_da = 1 / a
dL_db = -(1 - t)
print(f"{a = :.4f}  {b = :.4f}  {L = :.4f}")
print(f"{dL_db * db_da * da_dp = :.4f}")
print(f"{slope(lambda p: binary_cross_entropy(p, 0), 0.3) = :.4f}")

# %% [markdown] lang="en"
# Below: the three steps, each with its tangent (orange) at the point where it stands (blue). What
# comes out of one curve, on its vertical axis, goes into the next, on its horizontal axis. The
# slopes of the three tangents, multiplied, are the slope of the fourth: the whole loss over $p$.
# (The axes differ in scale, so that slopes are to be read from the titles.)

# %% [markdown] lang="ja"
# 下の図は、三つの段と、それぞれの点（青）での接線（橙）です。一つのグラフの縦軸の値が、次のグラフの横軸の値になります。三つの接線の傾きを掛け合わせると、四つ目の傾きになります。四つ目は、$p$ に対する損失全体の曲線です。（グラフごとに目盛りが違うので、傾きは上に書いた数値で読み取ってください。）

# %%
figures.three_slopes(0.3)

# %% [markdown] lang="en"
# **Exercise 2.2.** Find the slip. Someone differentiates $L = -\log(1 - p^2)$ at $p = 0.6$ like
# this:
#
# - $a = 1 - p^2 = 0.64$, with $da/dp = -2p = -1.2$
# - $b = \log a = -0.4463$, with $db/da = 1/p = 1.6667$
# - $L = -b = 0.4463$, with $dL/db = -1$
#
# The product is 2. The measured slope is different. Which line is wrong? Give the right $dL/dp$.

# %% [markdown] lang="ja"
# **演習 2.2** 間違いを探しましょう。$p = 0.6$ で $L = -\log(1 - p^2)$ を、次のように微分した人がいます。
#
# - $a = 1 - p^2 = 0.64$、その微分は $da/dp = -2p = -1.2$
# - $b = \log a = -0.4463$、その微分は $db/da = 1/p = 1.6667$
# - $L = -b = 0.4463$、その微分は $dL/db = -1$
#
# 積は 2 ですが、測った傾きとは違います。どの行が間違っていますか。正しい $dL/dp$ を答えてください。

# %%
d_p = ...
check("2.2", d_p)

# %% [markdown] lang="en" tags=["solution"]
# The second line. The logarithm stands at $a$, not at $p$: its local derivative is
# $1/a = 1/0.64 = 1.5625$. The product is $(-1) \cdot 1.5625 \cdot (-1.2) = 1.875$.

# %% [markdown] lang="ja" tags=["solution"]
# 間違っているのは二つ目の行です。対数の入力は $p$ ではなく $a$ なので、局所的な微分は $1/a = 1/0.64 = 1.5625$ です。積は $(-1) \cdot 1.5625 \cdot (-1.2) = 1.875$ になります。

# %% tags=["solution"]
a = 1 - 0.6**2
d_p = -1 * (1 / a) * (-2 * 0.6)
check("2.2", d_p)

# %% [markdown] lang="en"
# **Exercise 2.3.** Now the whole loss, $L = -t \log p - (1 - t) \log(1 - p)$. Write its derivative
# in $p$. (The derivative of a sum is the sum of the derivatives.)

# %% [markdown] lang="ja"
# **演習 2.3** 今度は損失全体、$L = -t \log p - (1 - t) \log(1 - p)$ を考えます。これを $p$ で微分した関数を書いてください。（和の微分は、微分の和です。）


# %%
def d_binary_cross_entropy(p, t):
    return ...


check("2.3", d_binary_cross_entropy)

# %% [markdown] lang="en" tags=["solution"]
# On one denominator this is $\frac{p - t}{p\,(1 - p)}$: negative for $t = 1$, positive for $t = 0$.

# %% [markdown] lang="ja" tags=["solution"]
# 通分すると $\frac{p - t}{p\,(1 - p)}$ です。$t = 1$ なら負、$t = 0$ なら正になります。


# %% tags=["solution"]
def d_binary_cross_entropy(p, t):
    return -t / p + (1 - t) / (1 - p)


check("2.3", d_binary_cross_entropy)

# %% [markdown] lang="en"
# The first term, $-t \log p$, has the derivative $-t/p$, and so the whole loss has
#
# $$\frac{dL}{dp} = -\frac{t}{p} + \frac{1 - t}{1 - p} .$$
#
# At $p = 0.3$ this is $-1/0.3 = -3.3333$ with rain, and $1/0.7 = 1.4286$ without. With rain a
# larger $p$ is better, without it is worse: the signs say so.
#
# Now let it rain, and see how loss and slope change as the forecast gets worse.

# %% [markdown] lang="ja"
# 一つ目の項 $-t \log p$ の微分は $-t/p$ です。したがって、損失全体の微分は
#
# $$\frac{dL}{dp} = -\frac{t}{p} + \frac{1 - t}{1 - p}$$
#
# となります。$p = 0.3$ では、雨なら $-1/0.3 = -3.3333$、雨でなければ $1/0.7 = 1.4286$ です。雨なら $p$ が大きいほど良い予報で、雨でなければその逆です。符号もそのとおりになっています。
#
# では、雨が降った場合に、予報が悪くなるにつれて損失と傾きがどう変わるかを見ましょう。

# %%
for p in [0.9, 0.3, 0.01, 0.001]:
    print(f"{p = :<6} {-np.log(p) = :7.4f}  {-1 / p = :10.4f}")

# %% [markdown] lang="en"
# The surer the mistake, the steeper the slope: this loss pulls hardest where the forecast was most
# wrong. It is one good reason for the logarithm. The gallery [compares it with
# squares](../../README.md#the-logarithm-punishes-confident-mistakes-sigmoid-and-squared-error-do-not).

# %% [markdown] lang="ja"
# 自信をもって間違えるほど、傾きは急になります。この損失には、予報が大きく外れたところほど強く引き戻す働きがあるのです。対数を使う理由の一つがこれです。ギャラリーでは、[二乗誤差と比べています](../../README.ja.md#対数は自信のある間違いを厳しく罰するシグモイドと二乗誤差の組は罰しない)。

# %% [markdown] lang="en"
# ## Which logarithm?
#
# Information theory takes the logarithm to base 2, and measures in **bits**; with the natural one
# it is **nats**. Since $\log_2 a = \log a / \log 2$ (from $2^u = e^{u \log 2}$), the two differ by the
# factor $1/\log 2 = 1.4427$, and so do their slopes:
#
# $$\frac{d}{da} \log_2 a = \frac{1}{a \log 2}$$
#
# Some introductions give $1/a$ for it. That belongs to the natural logarithm alone. At $a = 0.3$:

# %% [markdown] lang="ja"
# ## どの対数か
#
# 情報理論では底が 2 の対数を使い、単位を**ビット**と呼びます。自然対数を使うときの単位は**ナット**です。$2^u = e^{u \log 2}$ から $\log_2 a = \log a / \log 2$ となるので、ビットの値はナットの値の $1/\log 2 = 1.4427$ 倍で、傾きも同じだけ大きくなります。
#
# $$\frac{d}{da} \log_2 a = \frac{1}{a \log 2}$$
#
# これを $1/a$ としている入門書もありますが、そうなるのは自然対数のときだけです。$a = 0.3$ で確かめましょう。

# %%
print(f"{slope(np.log2, 0.3) = :.4f}")
print(f"{1 / (0.3 * np.log(2)) = :.4f}")
print(f"{1 / 0.3 = :.4f}")

# %% [markdown] lang="en"
# For training it makes little difference: in bits all slopes are 1.4427 times as large, which acts
# like a larger learning rate. The minimum lies at the same place. But whoever compares the losses
# of two programs should know which one each prints.

# %% [markdown] lang="ja"
# 学習には、ほとんど影響しません。ビットで測ると、すべての傾きが 1.4427 倍になり、学習率を大きくしたのと同じことになります。最小の場所は変わりません。ただし、二つのプログラムの損失を比べるときは、それぞれがどちらの単位で表示しているかを確かめる必要があります。

# %% [markdown] lang="en"
# **Exercise 2.4.** It rained, and the loss is measured in bits: $L = -\log_2 p$. What is $dL/dp$ at
# $p = 0.125$?

# %% [markdown] lang="ja"
# **演習 2.4** 雨が降りました。損失をビットで測り、$L = -\log_2 p$ とします。$p = 0.125$ での $dL/dp$ はいくつですか。

# %%
d_p = ...
check("2.4", d_p)

# %% [markdown] lang="en" tags=["solution"]
# The loss is 3 bits, since $0.125 = 2^{-3}$. Its slope is $-\frac{1}{0.125 \cdot 0.6931} = -11.5416$,
# where $\log 2 = 0.6931$.

# %% [markdown] lang="ja" tags=["solution"]
# $0.125 = 2^{-3}$ なので、損失は 3 ビットです。傾きは $-\frac{1}{0.125 \cdot 0.6931} = -11.5416$ です。ここで $\log 2 = 0.6931$ を使いました。

# %% tags=["solution"]
d_p = -1 / (0.125 * np.log(2))
check("2.4", d_p)

# %% [markdown] lang="en"
# ## Several classes
#
# A picture shows an apple, a banana or a cherry. The model gives them $p = (0.1, 0.2, 0.7)$. It is
# a cherry, and the target is written with a 1 in its place: $t = (0, 0, 1)$, a *one-hot* vector.
# The **cross-entropy** is
#
# $$L = -\sum_c t_c \log p_c .$$
#
# By hand: $-0 \cdot \log 0.1 - 0 \cdot \log 0.2 - 1 \cdot \log 0.7 = 0.35667$ nats, or 0.51457
# bits. Only the term of the true class counts. The same holds for the gradient:
# $\partial L / \partial p_c = -t_c / p_c$.

# %% [markdown] lang="ja"
# ## 三つ以上のクラス
#
# 写真に写っているのは、りんごか、バナナか、さくらんぼです。モデルは、それぞれの確率を $p = (0.1, 0.2, 0.7)$ と予測しました。正解はさくらんぼです。教師データは、正解の位置だけを 1 にして $t = (0, 0, 1)$ と書きます（one-hot 表現）。**交差エントロピー誤差**は
#
# $$L = -\sum_c t_c \log p_c$$
#
# です。手計算では $-0 \cdot \log 0.1 - 0 \cdot \log 0.2 - 1 \cdot \log 0.7 = 0.35667$ ナットで、ビットなら 0.51457 です。残るのは、正解のクラスの項だけです。勾配でも同じで、$\partial L / \partial p_c = -t_c / p_c$ となります。

# %%
p = np.array([0.1, 0.2, 0.7])
t = np.array([0, 0, 1])
nats = -np.sum(t * np.log(p))
bits = -np.sum(t * np.log2(p))
print(f"{nats = :.5f}")
print(f"{bits = :.5f}")
print(f"{nats / np.log(2) = :.5f}")

# %% [markdown] lang="en"
# Now give the same numbers to scikit-learn:

# %% [markdown] lang="ja"
# 同じ数を scikit-learn に渡してみます。

# %%
from sklearn.metrics import log_loss

print(f"{log_loss([0, 0, 1], [0.1, 0.2, 0.7]) = :.5f}")
print(f"{-np.log([0.9, 0.8, 0.7]) = }")
print(f"{np.mean(-np.log([0.9, 0.8, 0.7])) = :.5f}")
print(f"{log_loss([2], [[0.1, 0.2, 0.7]], labels=[0, 1, 2]) = :.5f}")

# %% [markdown] lang="en"
# It prints 0.22839, not 0.35667, and it is right: it answers another question. It takes a flat list
# for **three samples**, each with a yes or no: the probability of "yes" was 0.1, 0.2 and 0.7, and
# the answers were no, no, yes. The probabilities of what came are then 0.9, 0.8 and 0.7, and the
# loss is the mean of the three binary cross-entropies. The last call asks our question: **one
# sample** (one row), of class 2, out of the classes 0, 1, 2.
#
# So look first what a row is, what a number in it is, and whether a mean is taken.

# %% [markdown] lang="ja"
# 表示されたのは 0.35667 ではなく 0.22839 です。これは間違いではなく、別の問いの答えです。scikit-learn は、1 次元のリストを、「はい」か「いいえ」で答える**三つのサンプル**とみなします。「はい」の確率が 0.1, 0.2, 0.7 で、答えは順に「いいえ」「いいえ」「はい」だった、と読むのです。実際に起こったほうの確率は 0.9, 0.8, 0.7 なので、損失は三つの二値交差エントロピー誤差の平均になります。最後に表示した値が、ここでの問いの答えです。サンプルは 1 行、つまり**一つだけ**で、クラス 0, 1, 2 のうちのクラス 2 が正解です。
#
# 損失を計算するときは、1 行が何を表すか、行の中の数が何を表すか、平均を取るのかどうかを、まず確かめましょう。

# %% [markdown] lang="en"
# **Exercise 2.5.** Now `p` and `t` are arrays with one sample a row, and the loss is the *mean* of
# the cross-entropies of the rows, in nats. Write its gradient in `p`: an array of the same shape.
# (`len(p)` is the number of rows.)

# %% [markdown] lang="ja"
# **演習 2.5** 今度は、`p` と `t` が配列で、1 行が一つのサンプルです。損失は、各行の交差エントロピー誤差（ナット）の平均です。`p` に対する勾配を返す関数を書いてください。結果は `p` と同じ形状の配列です。（行の数は `len(p)` で分かります。）


# %%
def d_cross_entropy(p, t):
    return ...


check("2.5", d_cross_entropy)

# %% [markdown] lang="en" tags=["solution"]
# With the cherry alone it is $(0, 0, -1.4286)$; in a mean over $N$ rows each number is divided by
# $N$. The other classes have slope 0, as their $p$ is not in the loss. They are not free, though:
# the three add up to 1. Lesson 6 builds this in.

# %% [markdown] lang="ja" tags=["solution"]
# さくらんぼだけなら $(0, 0, -1.4286)$ です。$N$ 行の平均では、どの数も $N$ で割ります。ほかのクラスの傾きは 0 です。その $p$ は損失に入っていないからです。ただし、三つの確率の和は 1 なので、自由に動けるわけではありません。これは第 6 章で扱います。


# %% tags=["solution"]
def d_cross_entropy(p, t):
    return -t / p / len(p)


check("2.5", d_cross_entropy)

# %% [markdown] lang="en"
# ## From a number to a probability
#
# Where does $p$ come from? A model computes some number $z$, negative or positive, called a
# **logit**. The **sigmoid** function turns it into a probability:
#
# $$p = \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# It goes from 0 (far left) through $\sigma(0) = 0.5$ to 1 (far right).

# %% [markdown] lang="ja"
# ## 数から確率へ
#
# $p$ はどこから来るのでしょうか。モデルは、まず正にも負にもなる数 $z$ を計算します。これを**ロジット**と呼びます。ロジットを確率に変えるのが、**シグモイド関数**です。
#
# $$p = \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# 値は、左へ行くほど 0 に近づき、$\sigma(0) = 0.5$ を通って、右へ行くほど 1 に近づきます。


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


for z in [-5, -1, 0, 1, 5]:
    print(f"{z = :2}  {sigmoid(z) = :.4f}")

# %% [markdown] lang="en"
# **Exercise 2.6.** Write its derivative. The steps are $u = -z$, $v = e^u$, $s = 1 + v$ and
# $p = 1/s$. The product of the four local derivatives can be written with $p$ alone: try it on
# paper, with $1 - p = v/s$.

# %% [markdown] lang="ja"
# **演習 2.6** シグモイド関数の微分を書いてください。計算の段は $u = -z$、$v = e^u$、$s = 1 + v$、$p = 1/s$ の四つです。四つの局所的な微分の積は、$p$ だけで書けます。$1 - p = v/s$ を使って、紙の上で試してみましょう。


# %%
def d_sigmoid(z):
    return ...


check("2.6", d_sigmoid)

# %% [markdown] lang="en" tags=["solution"]
# The local derivatives are $-1$, $e^u = v$, $1$ and $-1/s^2$. Their product is
#
# $$(-1) \cdot v \cdot 1 \cdot \Bigl(-\frac{1}{s^2}\Bigr) = \frac{1}{s} \cdot \frac{v}{s} = p\,(1 - p) .$$
#
# At $z = 0$ it is $0.5 \cdot 0.5 = 0.25$, and nowhere larger.

# %% [markdown] lang="ja" tags=["solution"]
# 局所的な微分は $-1$、$e^u = v$、$1$、$-1/s^2$ です。積は
#
# $$(-1) \cdot v \cdot 1 \cdot \Bigl(-\frac{1}{s^2}\Bigr) = \frac{1}{s} \cdot \frac{v}{s} = p\,(1 - p)$$
#
# となります。$z = 0$ では $0.5 \cdot 0.5 = 0.25$ で、これが最大です。


# %% tags=["solution"]
def d_sigmoid(z):
    p = sigmoid(z)
    return p * (1 - p)


check("2.6", d_sigmoid)

# %% [markdown] lang="en"
# ## One neuron: there and back
#
# Now the whole chain. A **neuron** has a weight $w$ and a bias $b$, and turns an input $x$ into a
# probability:
#
# $$z = w x + b, \qquad p = \sigma(z), \qquad L = -t \log p - (1 - t) \log(1 - p)$$
#
# Let $x = 2$, $w = 0.5$, $b = -1.8473$ and $t = 1$. **There**: $z = -0.8473$, $p = 0.3$,
# $L = 1.2040$. How does the loss change with $w$? (We write $d$ and not $\partial$ as long as
# we follow one input.) Three slopes, of which the second is that of exercise 2.6:
#
# $$\frac{dL}{dw} = \frac{dL}{dp} \cdot \frac{dp}{dz} \cdot \frac{dz}{dw} = \Bigl(-\frac{1}{p}\Bigr) \cdot p\,(1 - p) \cdot x = -3.3333 \cdot 0.21 \cdot 2 = -1.4$$
#
# **Back**: we start at the loss and multiply on the way to $w$. After the first factor we have
# $dL/dp = -3.3333$, after the second $dL/dz = -3.3333 \cdot 0.21 = -0.7$, after the third
# $dL/dw = -1.4$. At each step a gradient **comes in** (it is often called $g$), is multiplied by
# the local derivative, and goes on. And $b$? It needs the same first two factors, and $dz/db = 1$:
# from $dL/dz = -0.7$ it is one step. The way there is called the **forward pass**, the way back the
# **backward pass**.

# %% [markdown] lang="ja"
# ## 一つのニューロン：行きと帰り
#
# では、全体をつなぎましょう。**ニューロン**は重み $w$ とバイアス $b$ をもち、入力 $x$ から確率を計算します。
#
# $$z = w x + b, \qquad p = \sigma(z), \qquad L = -t \log p - (1 - t) \log(1 - p)$$
#
# $x = 2$、$w = 0.5$、$b = -1.8473$、$t = 1$ とします。**行き**は、$z = -0.8473$、$p = 0.3$、$L = 1.2040$ です。$w$ を動かすと、損失はどう変わるでしょうか。（一つの入力だけをたどるあいだは、$\partial$ ではなく $d$ と書きます。）三つの傾きを掛けます。二つ目は演習 2.6 のものです。
#
# $$\frac{dL}{dw} = \frac{dL}{dp} \cdot \frac{dp}{dz} \cdot \frac{dz}{dw} = \Bigl(-\frac{1}{p}\Bigr) \cdot p\,(1 - p) \cdot x = -3.3333 \cdot 0.21 \cdot 2 = -1.4$$
#
# **帰り**は、損失から出発し、$w$ に向かって掛けていきます。一つ目の因子までで $dL/dp = -3.3333$、二つ目までで $dL/dz = -3.3333 \cdot 0.21 = -0.7$、三つ目までで $dL/dw = -1.4$ です。どの段でも、後ろの段から勾配を受け取り、局所的な微分を掛けて、前の段に渡します。受け取る勾配を**上流の勾配**と呼び、よく $g$ と書きます。では $b$ はどうでしょうか。初めの二つの因子は同じで、$dz/db = 1$ です。$dL/dz = -0.7$ まで来ていれば、あと一段です。行きを**順伝播**、帰りを**逆伝播**と呼びます。

# %%
x, w, b, t = 2.0, 0.5, -1.8473, 1

z = w * x + b
p = sigmoid(z)
L = binary_cross_entropy(p, t)
print(f"{z = :.4f}  {p = :.4f}  {L = :.4f}")

d_p = -t / p + (1 - t) / (1 - p)
d_z = d_p * p * (1 - p)
d_w = d_z * x
d_b = d_z * 1
print(f"{d_p = :.4f}  {d_z = :.4f}  {d_w = :.4f}  {d_b = :.4f}")


def loss(w):
    return binary_cross_entropy(sigmoid(w * x + b), t)


print(f"{slope(loss, w) = :.4f}")

# %% [markdown] lang="en"
# Three things to see here.
#
# - The way back uses numbers of the way there: $p$ twice, and $x$. So they must be **kept**. A
#   program that differentiates has to remember its intermediate values. That is what lesson 3
#   builds.
# - $dL/dz$ was computed once and used twice, for $w$ and for $b$. With a million weights behind it
#   this saves a lot. Lesson 4 counts it.
# - $dL/dz = -0.7$ is $p - t$. This is no accident:
#   on one denominator $-\frac{t}{p} + \frac{1 - t}{1 - p} = \frac{-t\,(1 - p) + (1 - t)\,p}{p\,(1 - p)} = \frac{p - t}{p\,(1 - p)}$,
#   and times $p\,(1 - p)$ it is $p - t$. Where the sigmoid is flat the logarithm is
#   steep, and the two cancel: $dL/dw = (p - t)\,x$. So a sure mistake still has a slope. Lesson 6
#   finds the same for several classes.

# %% [markdown] lang="ja"
# ここから、三つのことが分かります。
#
# - 帰りには、行きで計算した数が要ります。$p$ は 2 回、$x$ は 1 回使いました。ですから、それらを**取っておく**必要があります。微分をするプログラムは、途中の値を記憶しなければなりません。第 3 章では、そのようなプログラムを作ります。
# - $dL/dz$ は一度計算して、$w$ と $b$ の両方に使いました。その先に重みが百万個あれば、大きな節約になります。どれだけの節約かは、第 4 章で数えます。
# - $dL/dz = -0.7$ は $p - t$ に等しくなっています。偶然ではありません。通分すると $-\frac{t}{p} + \frac{1 - t}{1 - p} = \frac{-t\,(1 - p) + (1 - t)\,p}{p\,(1 - p)} = \frac{p - t}{p\,(1 - p)}$ となり、$p\,(1 - p)$ を掛けると $p - t$ になるからです。シグモイド関数が平らなところでは対数が急で、二つが打ち消し合い、$dL/dw = (p - t)\,x$ となります。そのため、自信をもって間違えたときにも、傾きは消えません。第 6 章では、クラスがいくつあっても同じ形になることを導きます。

# %% [markdown] lang="en"
# **Exercise 2.7.** Now with several samples: `x` and `t` are arrays, `w` and `b` numbers, and the
# loss is the *mean* of the binary cross-entropies. Write its slope in `w`. (As the loss is a mean,
# its slope is the mean of the slopes.)

# %% [markdown] lang="ja"
# **演習 2.7** 今度は、サンプルがいくつもある場合を考えます。`x` と `t` は配列、`w` と `b` は数で、損失は二値交差エントロピー誤差の平均です。`w` に対する傾きを返す関数を書いてください。（損失が平均なので、傾きも、サンプルごとの傾きの平均です。）


# %%
def d_weight(x, w, b, t):
    return ...


check("2.7", d_weight)

# %% [markdown] lang="en" tags=["solution"]
# For each sample the slope is $(p - t)\,x$, with its own $x$. The bias has the mean of $p - t$.
# With these two lines and the walk of lesson 1 one trains a model that is called *logistic
# regression*.

# %% [markdown] lang="ja" tags=["solution"]
# サンプルごとの傾きは、そのサンプルの $x$ を使って $(p - t)\,x$ です。バイアスについては、$p - t$ の平均になります。この二つと、第 1 章の勾配降下法があれば、**ロジスティック回帰**と呼ばれるモデルを学習できます。


# %% tags=["solution"]
def d_weight(x, w, b, t):
    p = sigmoid(w * x + b)
    return np.mean((p - t) * x)


check("2.7", d_weight)

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** The local derivatives of a chain of three steps are 2, -3 and 4. What is the slope of the
# whole?
#
# - "a": 3
# - "b": -24
# - "c": 4
#
# **b.** The third of three classes is true. The prediction changes from $(0.1, 0.2, 0.7)$ to
# $(0.2, 0.1, 0.7)$. The cross-entropy
#
# - "a": stays as it is.
# - "b": rises.
# - "c": falls.
#
# **c.** The way back comes to the step $p = \sigma(z)$. To multiply by its local derivative
# $p\,(1 - p)$, what does one need of the way there?
#
# - "a": The loss, as it is the loss that is differentiated.
# - "b": Nothing, as the formula is known.
# - "c": The value of $p$.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 三つの段がつながっていて、局所的な微分は順に 2, -3, 4 です。全体の傾きはいくつですか。
#
# - "a"：3
# - "b"：-24
# - "c"：4
#
# **b.** 三つのクラスのうち、三つ目が正解です。予測が $(0.1, 0.2, 0.7)$ から $(0.2, 0.1, 0.7)$ に変わりました。交差エントロピー誤差は、どうなりますか。
#
# - "a"：変わらない。
# - "b"：大きくなる。
# - "c"：小さくなる。
#
# **c.** 帰りに $p = \sigma(z)$ の段まで来ました。局所的な微分 $p\,(1 - p)$ を掛けるには、行きで計算した何が必要ですか。
#
# - "a"：損失の値。微分するのは損失だから。
# - "b"：何も要らない。式が分かっているから。
# - "c"：$p$ の値。

# %%
check("2 a", ...)
check("2 b", ...)
check("2 c", ...)

# %% tags=["solution"]
check("2 a", "b")
check("2 b", "a")
check("2 c", "c")

# %% [markdown] lang="en"
# ## Summary
#
# - Slopes of a chain multiply: one local derivative for each step, taken at the value that arrives
#   there.
# - Binary cross-entropy: $-t \log p - (1 - t) \log(1 - p)$, with the slope
#   $-\frac{t}{p} + \frac{1 - t}{1 - p}$. Cross-entropy of several classes: $-\sum_c t_c \log p_c$,
#   with the gradient $-t_c / p_c$.
# - Bits are nats divided by $\log 2$, and so are the slopes.
# - The same numbers can be one sample of three classes, or three samples of two.
# - The way back needs the values of the way there. For one neuron it ends in $(p - t)\,x$.
#
# **Read on.** In the gallery: [two losses by hand](../../README.md#two-losses-by-hand), and [the
# chain rule, step by step](../../README.md#the-chain-rule-step-by-step), with [a
# page](../../pictures/backprop_expression.html) that goes there and back through an expression
# (download it and open it in a browser). In the source:
# [`losses/classification.py`](../../../tinygrad_loss/losses/classification.py). Books: Goodfellow,
# Bengio and Courville, *Deep Learning* (2016), section 6.5; Nielsen, *Neural Networks and Deep
# Learning* (2015), chapter 3.

# %% [markdown] lang="ja"
# ## まとめ
#
# - つながった段の傾きは掛け合わせます。因子は段ごとに一つあり、そこに来た値を代入した局所的な微分です。
# - 二値交差エントロピー誤差は $-t \log p - (1 - t) \log(1 - p)$、その傾きは $-\frac{t}{p} + \frac{1 - t}{1 - p}$ です。クラスがいくつもあるときの交差エントロピー誤差は $-\sum_c t_c \log p_c$、その勾配は $-t_c / p_c$ です。
# - ビットは、ナットを $\log 2$ で割ったものです。傾きも同じです。
# - 同じ数の並びが、3 クラスの一つのサンプルにも、2 クラスの三つのサンプルにもなります。
# - 帰りには、行きの値が必要です。一つのニューロンでは、最後に傾き $(p - t)\,x$ が得られます。
#
# **次に読むもの** ギャラリーの[二つの損失を手で計算する](../../README.ja.md#二つの損失を手で計算する)と[連鎖律を一歩ずつ](../../README.ja.md#連鎖律を一歩ずつ)を読んでください。後者には、一つの式の行きと帰りをたどれる[ページ](../../pictures/backprop_expression.html)があります（ダウンロードして、ブラウザで開いてください）。ソースコードでは、[`losses/classification.py`](../../../tinygrad_loss/losses/classification.py) にこれらの損失があります。本では、Goodfellow, Bengio, Courville『深層学習』（2016、邦訳 2018）の 6.5 節、斎藤康毅『ゼロから作る Deep Learning』（2016）の第 5 章、Nielsen, Neural Networks and Deep Learning（2015）の第 3 章が参考になります。
