# %% [markdown] lang="en"
# # 7. Losses are likelihoods
#
# **You will be able to** derive a loss from a distribution of the noise, say which noise the squared,
# the absolute and Huber's loss believe in, choose a loss for labels and for counts, let a model say how
# sure it is, and read L2 and L1 penalties as beliefs about the weights.
#
# **You need** the logarithm and the binary cross-entropy (lesson 2), $p - t$ (lesson 6), and what a
# probability is. Densities are recapped below.
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 7 章 損失は尤度である
#
# **できるようになること**：ノイズの分布から損失を導く。二乗誤差、絶対誤差、Huber 損失が、それぞれどのようなノイズを想定しているかを説明する。ラベルや個数を予測する問題で損失を選ぶ。予測の確かさもモデルに答えさせる。L2 と L1 のペナルティを、重みについての想定として読み解く。
#
# **前提知識**：対数と二値交差エントロピー誤差（第 2 章）、$p - t$（第 6 章）、確率の意味。確率密度は、この章で復習します。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Why this loss and no other?
#
# Lesson 1 took the squares of the errors, since errors themselves cancel. But absolute values do not
# cancel either. Lesson 2 took $-\log p$, and $1 - p$ would also be 0 for a sure and right answer. There
# is one question that leads to all of these losses: **how probable are the data, if the model is
# right?**
#
# Take a coin that shows heads with an unknown probability $p$. Ten tosses gave 7 heads (1) and 3 tails
# (0). The tosses are independent, so that their probabilities multiply:
#
# $$P(p) = p^7 (1 - p)^3$$
#
# This is the probability of the ten results in their order. (That of 7 heads in any order is 120 times
# as large; a factor without $p$ does not move the maximum.) The data are fixed here, and $p$ is what
# may vary. Seen this way, the probability of the data is called the **likelihood** of $p$. The $p$ with
# the largest likelihood is the **maximum-likelihood estimate**.

# %% [markdown] lang="ja"
# ## なぜその損失なのか
#
# 第 1 章では、誤差のままでは打ち消し合うので、2 乗しました。しかし、打ち消し合わないのは絶対値でも同じです。第 2 章では $-\log p$ を使いましたが、$1 - p$ でも、自信をもって正解すれば 0 になります。こうした損失は、すべて一つの問いから導けます。**モデルが正しいとしたら、このデータはどれくらい起こりやすいか**、という問いです。
#
# 表の出る確率 $p$ が分からないコインを考えます。10 回投げると、表（1）が 7 回、裏（0）が 3 回出ました。1 回ごとの結果は独立なので、確率は掛け合わせられます。
#
# $$P(p) = p^7 (1 - p)^3$$
#
# これは、10 回の結果がこの順に出る確率です。（順序を問わずに表が 7 回出る確率は、この 120 倍です。$p$ を含まない因子を掛けても、最大になる場所は変わりません。）ここではデータは決まっていて、動かすのは $p$ のほうです。このように見たデータの確率を、$p$ の**尤度**と呼びます（「ゆうど」と読みます）。尤度が最大になる $p$ を**最尤推定値**、それを求めることを**最尤推定**と呼びます。

# %%
import numpy as np
from check import check
from course.figures import likelihoods as figures

np.set_printoptions(precision=4, suppress=True)
tosses = np.array([1, 1, 0, 1, 1, 1, 0, 1, 0, 1])


def likelihood(p):
    return np.prod(np.where(tosses == 1, p, 1 - p))


def nll(p):
    return -np.sum(tosses * np.log(p) + (1 - tosses) * np.log(1 - p))


for p in [0.5, 0.6, 0.7, 0.8]:
    print(f"{p = }  {likelihood(p) = :.6f}  {nll(p) = :.4f}")
print(f"{0.5**10_000 = }")
print(f"{-10_000 * np.log(0.5) = :.1f}")

# %% [markdown] lang="en"
# (`np.where` takes $p$ for heads and $1 - p$ for tails, and `np.prod` multiplies all.) A product of
# many probabilities is tiny: for 10,000 tosses even a float cannot hold it. So take the logarithm,
# which makes a sum of the product, and the minus sign, as we want to minimize. This is the **negative
# log-likelihood**, `nll`:
#
# $$L(p) = -\log P(p) = -7 \log p - 3 \log (1 - p)$$
#
# The logarithm rises, so that the place of the maximum of $P$ is the place of the minimum of $L$. There
# the slope is 0:
#
# $$\frac{dL}{dp} = -\frac{7}{p} + \frac{3}{1 - p} = 0, \qquad 7 (1 - p) = 3 p, \qquad p = 0.7$$
#
# Seven of ten, as one would have guessed. And $L$ is known: it is the **sum of the binary
# cross-entropies** of the ten tosses. That is where the logarithm of lesson 2 comes from.

# %% [markdown] lang="ja"
# （`np.where` は、表なら $p$、裏なら $1 - p$ を選びます。`np.prod` は、すべてを掛け合わせます。）多くの確率を掛けると、積はとても小さくなります。10,000 回も投げると、浮動小数点数では表せません。そこで対数を取り、積を和に直します。さらに、最小化の問題にするために、マイナスを付けます。これが**負の対数尤度**で、コードでは `nll` です。
#
# $$L(p) = -\log P(p) = -7 \log p - 3 \log (1 - p)$$
#
# 対数は増加関数なので、$P$ が最大になる場所で $L$ は最小になります。そこでは傾きが 0 です。
#
# $$\frac{dL}{dp} = -\frac{7}{p} + \frac{3}{1 - p} = 0, \qquad 7 (1 - p) = 3 p, \qquad p = 0.7$$
#
# 予想どおり、10 回のうち 7 回という割合です。この $L$ には見覚えがあります。10 回分の**二値交差エントロピー誤差の和**です。第 2 章の対数は、ここから来ています。

# %% [markdown] lang="en"
# **Exercise 7.1.** Another coin showed 3 heads in 12 tosses. What is the slope of its negative
# log-likelihood (the sum over the tosses) at $p = 0.6$? Think of the sign first: is 0.6 too large or
# too small?

# %% [markdown] lang="ja"
# **演習 7.1** 別のコインを 12 回投げると、表が 3 回出ました。$p = 0.6$ での、負の対数尤度（12 回分の和）の傾きを求めてください。まず符号を考えましょう。0.6 は大きすぎるでしょうか、小さすぎるでしょうか。

# %%
d_p = ...
check("7.1", d_p)

# %% [markdown] lang="en" tags=["solution"]
# $-3 / 0.6 + 9 / 0.4 = -5 + 22.5 = 17.5$. It is positive: a smaller $p$ makes the data more probable.
# The best one is $3 / 12 = 0.25$.

# %% [markdown] lang="ja" tags=["solution"]
# $-3 / 0.6 + 9 / 0.4 = -5 + 22.5 = 17.5$ です。正なので、$p$ を小さくすると、データは起こりやすくなります。最も良いのは $3 / 12 = 0.25$ です。

# %% tags=["solution"]
d_p = -3 / 0.6 + 9 / 0.4
check("7.1", d_p)

# %% [markdown] lang="en"
# > **Recap: densities.** A coin has two outcomes, a measured number has infinitely many, and each
# > single one has probability 0. Only intervals have a probability: it is the area under a curve, the
# > **density** $f$. The whole area is 1. The density itself is no probability and may exceed 1: spread
# > evenly over an interval of length 0.5, it is 2 there. Two densities around a center $y$:
# >
# > - normal: $f(t) = \frac{1}{\sqrt{2 \pi}\,\sigma}\, e^{-(t - y)^2 / (2 \sigma^2)}$, with standard
# >   deviation $\sigma$ and variance $\sigma^2$ (no sigmoid here: that is always written $\sigma(z)$);
# > - Laplace: $f(t) = \frac{1}{2 b}\, e^{-|t - y| / b}$, with width $b$ (no bias here).
# >
# > The densities of independent samples multiply, like probabilities. The likelihood is then this
# > product, and its logarithm a sum.

# %% [markdown] lang="ja"
# > **復習：確率密度** コインの結果は 2 通りですが、測定値のとりうる値は無数にあり、一つ一つの値の確率は 0 です。確率が決まるのは区間に対してで、ある曲線の下の面積として表されます。この曲線 $f$ を**確率密度**、または単に密度と呼びます。全体の面積は 1 です。密度そのものは確率ではなく、1 を超えることもあります。たとえば、長さ 0.5 の区間に一様に広がる分布の密度は、そこで 2 です。$y$ を中心とする密度を二つ挙げます。
# >
# > - 正規分布：$f(t) = \frac{1}{\sqrt{2 \pi}\,\sigma}\, e^{-(t - y)^2 / (2 \sigma^2)}$。$\sigma$ は標準偏差、$\sigma^2$ は分散です（ここではシグモイド関数ではありません。そちらは、いつも $\sigma(z)$ のように書きます）。
# > - ラプラス分布：$f(t) = \frac{1}{2 b}\, e^{-|t - y| / b}$。$b$ は広がりです（ここではバイアスではありません）。
# >
# > 独立なサンプルの密度は、確率と同じように掛け合わせられます。この場合の尤度は密度の積で、その対数は和になります。

# %% [markdown] lang="en"
# ## Normal noise: squares
#
# Suppose that each target is the prediction $y$ plus normal noise with standard deviation $\sigma$.
# Then the negative log-likelihood of one sample is, by the rules for logarithms,
#
# $$-\log f(t) = \frac{(t - y)^2}{2 \sigma^2} + \log \sigma + \frac{1}{2} \log (2 \pi)$$
#
# Only the first term contains $y$: **it is the squared error**, up to a factor. For the three numbers
# 2, 3 and 7, one $y$ for all and $\sigma = 1$:
#
# $$L(y) = \frac{1}{2} \sum_i (t_i - y)^2 + \frac{3}{2} \log (2 \pi), \qquad \frac{dL}{dy} = \sum_i (y - t_i) = 3 y - 12$$
#
# The slope is 0 at $y = 4$, the **mean**. By hand: the squares there are 4, 1 and 9, half of their sum
# is 7, and with the constant $2.7568$ the loss is $9.7568$.

# %% [markdown] lang="ja"
# ## 正規分布のノイズ：二乗誤差
#
# どの教師データも、予測 $y$ に、標準偏差 $\sigma$ の正規分布に従うノイズが加わったものだとします。サンプル一つの負の対数尤度は、対数の性質から、次のようになります。
#
# $$-\log f(t) = \frac{(t - y)^2}{2 \sigma^2} + \log \sigma + \frac{1}{2} \log (2 \pi)$$
#
# $y$ を含むのは第 1 項だけで、定数倍を除けば**二乗誤差**そのものです。三つの数 2, 3, 7 を、同じ一つの $y$ で予測してみましょう。$\sigma = 1$ とすると、
#
# $$L(y) = \frac{1}{2} \sum_i (t_i - y)^2 + \frac{3}{2} \log (2 \pi), \qquad \frac{dL}{dy} = \sum_i (y - t_i) = 3 y - 12$$
#
# となり、傾きが 0 になるのは $y = 4$、つまり**平均**です。手計算では、そこでの誤差の 2 乗は 4, 1, 9 で、和の半分は 7 です。定数 $2.7568$ を加えて、損失は $9.7568$ となります。

# %%
from scipy import stats

numbers = np.array([2.0, 3.0, 7.0])
for y in [2, 3, 4, 5]:
    half_sum = np.sum((numbers - y) ** 2) / 2
    cost = -np.sum(stats.norm.logpdf(numbers, loc=y, scale=1))
    rest = cost - half_sum
    print(f"{y = }  {half_sum = :4.1f}  {cost = :7.4f}  {rest = :.4f}")

# %% [markdown] lang="en"
# (`stats.norm.logpdf` is SciPy's logarithm of the normal density: `loc` is $y$, `scale` is $\sigma$.)
# The `rest` is the same in every row. So maximum likelihood with normal noise **is** least squares. The
# half of the sum, which lesson 1 met in a book, has its 2 from the density. The same holds if $y$ comes
# from a line or a network, and whatever $\sigma$ is, as long as all samples share it: a factor and a
# constant do not move the minimum. The mean of squares, the MSE, has its minimum there, too.

# %% [markdown] lang="ja"
# （`stats.norm.logpdf` は、SciPy にある、正規分布の密度の対数です。`loc` が $y$、`scale` が $\sigma$ です。）残りの `rest` はどの行でも同じです。つまり、正規分布のノイズを想定した最尤推定は、**最小二乗法**にほかなりません。第 1 章で見た「和の半分」の 2 は、この密度から来ています。$y$ が直線やネットワークの出力であっても、同じことが成り立ちます。$\sigma$ は、すべてのサンプルに共通でさえあれば、いくつでもかまいません。定数倍しても定数を加えても、最小になる場所は動かないからです。2 乗の平均（MSE）も、同じ場所で最小になります。

# %% [markdown] lang="en"
# **Exercise 7.2.** With normal noise of standard deviation $\sigma = 5$, by how much is the negative
# log-likelihood of an error of 9 larger than that of an error of 2?

# %% [markdown] lang="ja"
# **演習 7.2** ノイズが標準偏差 $\sigma = 5$ の正規分布に従うとき、誤差が 9 のサンプルの負の対数尤度は、誤差が 2 のサンプルよりいくら大きいですか。

# %%
extra = ...
check("7.2", extra)

# %% [markdown] lang="en" tags=["solution"]
# The constants are the same and drop out. What is left is $\frac{81 - 4}{2 \cdot 25} = 1.54$: an error
# of 2 is $e^{1.54} = 4.7$ times as probable as one of 9 (in intervals of the same small length).

# %% [markdown] lang="ja" tags=["solution"]
# 定数は共通なので消えます。残りは $\frac{81 - 4}{2 \cdot 25} = 1.54$ です。誤差 2 の起こりやすさは、誤差 9 の $e^{1.54} = 4.7$ 倍です（同じ長さの短い区間で比べた場合）。

# %% tags=["solution"]
extra = (9**2 - 2**2) / (2 * 5**2)
check("7.2", extra)

# %% [markdown] lang="en"
# ## Laplace noise: absolute values
#
# With the Laplace density the same step gives
#
# $$-\log f(t) = \frac{|t - y|}{b} + \log (2 b)$$
#
# **This is the absolute error**; its mean over the samples is the MAE. The two densities differ by the
# largest factor in their tails, far from the center. For an error of 5 and $\sigma = b = 1$ (`pdf` is
# the density):

# %% [markdown] lang="ja"
# ## ラプラス分布のノイズ：絶対誤差
#
# ラプラス分布の密度からは、同じようにして、次の式が得られます。
#
# $$-\log f(t) = \frac{|t - y|}{b} + \log (2 b)$$
#
# 今度は**絶対誤差**です。サンプルについて平均を取れば、平均絶対誤差（MAE）になります。二つの密度の比は、中心から遠い「裾」で最も大きくなります。$\sigma = b = 1$ として、誤差 5 で比べましょう（`pdf` は密度です）。

# %%
print(f"{stats.norm.pdf(5) = :.7f}")
print(f"{stats.laplace.pdf(5) = :.7f}")
print(f"{-stats.norm.logpdf(5) = :.4f}")
print(f"{-stats.laplace.logpdf(5) = :.4f}")

# %% [markdown] lang="en"
# Under normal noise such an error is nearly impossible, and the fit moves far to avoid it. Under
# Laplace noise it is only rare. So an **outlier** (a value far from all others) pulls the squared
# error, and hardly the absolute error.
#
# The slopes show it, too. For one $y$ for all, the slope of $\sum_i |t_i - y|$ is the number of targets
# below $y$ minus the number of targets above $y$. It is 0, or changes its sign, where as many targets
# lie below as above: at the **median**. How far away a target lies does not matter.
#
# **Huber's loss** stands between them. With the error $e = y - t$ and a limit $\delta$ it is
#
# - $e^2 / 2$ where $|e| \le \delta$: normal in the middle;
# - $\delta\,(|e| - \delta / 2)$ beyond: Laplace in the tails.
#
# Its slope is the error, cut off at $-\delta$ and $\delta$. With `cut` for the error cut off, both
# cases are `cut * (e - cut / 2)`. We look for the best constant prediction of 1, 2, 3, 4 and 100 by
# trying 10,101 values of it:

# %% [markdown] lang="ja"
# 正規分布のノイズを想定すると、このような誤差はまず起こりません。そのため、学習では、これを避けようとして予測が大きく動きます。ラプラス分布のノイズなら、まれではあっても、起こりうる誤差です。したがって、ほかの値からかけ離れた**外れ値**があると、二乗誤差は大きく引きずられますが、絶対誤差はほとんど引きずられません。
#
# このことは傾きからも分かります。すべてを同じ $y$ で予測するとき、$\sum_i |t_i - y|$ の傾きは、$y$ より小さい教師データの個数から、$y$ より大きい教師データの個数を引いたものです。両方が同数になるところ、つまり**中央値**で 0 になります（または、そこで符号が変わります）。どれだけ離れているかは関係ありません。
#
# **Huber 損失**は、両者の中間にあります。誤差を $e = y - t$、境目を $\delta$ として、次のように定めます。
#
# - $|e| \le \delta$ なら $e^2 / 2$。中央では正規分布にあたります。
# - その外側では $\delta\,(|e| - \delta / 2)$。裾ではラプラス分布にあたります。
#
# 傾きは、誤差を $-\delta$ と $\delta$ で打ち切ったものです。打ち切った誤差を `cut` とすると、どちらの場合も `cut * (e - cut / 2)` と書けます。1, 2, 3, 4, 100 を一つの定数で予測するとき、最も良い値はいくつでしょうか。10,101 通りの値を試して探します。

# %%
wild = np.array([1.0, 2.0, 3.0, 4.0, 100.0])
candidates = np.linspace(0, 101, 10_101)
e = candidates[:, None] - wild
cut = np.clip(e, -1, 1)
for name, cost in [
    ("squared", e**2),
    ("absolute", np.abs(e)),
    ("huber", cut * (e - cut / 2)),
]:
    lowest = cost.sum(axis=1).argmin()
    print(f"{name:<8} {candidates[lowest]:6.2f}")

# %% [markdown] lang="en"
# (`np.clip` cuts off; `e` has a row for each candidate and a column for each number; `argmin` gives the
# place of the smallest sum.) The mean, 22, is near none of the numbers. If the 100 is a typing error, 3
# is the better answer; if it is the day on which all the money was earned, 22 is. Some remove outliers
# from the data beforehand. That is a decision with a sharp limit, made by hand; Huber's loss limits
# their pull instead, and keeps them.

# %% [markdown] lang="ja"
# （`np.clip` は、範囲の外の値を打ち切ります。`e` の各行が候補の値に、各列が五つの数に対応します。`argmin` は、和が最小になる位置です。）平均の 22 は、どの数からも離れています。100 が入力の間違いなら、3 のほうが良い答えですが、売り上げをすべて稼いだ日の値なら、22 のほうが良い答えです。外れ値を前もってデータから取り除くこともありますが、それでは、どこからが外れ値かを人が決め、そこで線を引くことになります。Huber 損失なら、外れ値をデータに残したまま、その引く力だけを抑えられます。

# %% [markdown] lang="en"
# **Exercise 7.3.** Which constant minimizes Huber's loss with $\delta = 1$ for the four numbers 0, 0.5,
# 1 and 9? Work it out by hand: write down the four slopes at a $y$ between 0 and 1.

# %% [markdown] lang="ja"
# **演習 7.3** 四つの数 0, 0.5, 1, 9 に対して、$\delta = 1$ の Huber 損失を最小にする定数を求めてください。0 と 1 の間の $y$ での四つの傾きを書き出して、手で計算します。

# %%
best = ...
check("7.3", best)

# %% [markdown] lang="en" tags=["solution"]
# The first three errors are at most 1 in size, so that their slopes are $y$, $y - 0.5$ and $y - 1$. The
# error of the 9 is below $-1$ and cut off there. The sum $3 y - 1.5 - 1$ is 0 at
# $y = 2.5 / 3 = 0.8333$. The 9 could as well be 9,000.

# %% [markdown] lang="ja" tags=["solution"]
# 初めの三つは、誤差の大きさが 1 以下なので、傾きは $y$, $y - 0.5$, $y - 1$ です。9 に対する誤差は $-1$ より小さいので、そこで打ち切られます。和 $3 y - 1.5 - 1$ が 0 になるのは $y = 2.5 / 3 = 0.8333$ です。9 が 9,000 でも、答えは変わりません。

# %% tags=["solution"]
best = (0 + 0.5 + 1 + 1) / 3
check("7.3", best)

# %% [markdown] lang="en"
# ## Labels and counts
#
# The recipe: take a distribution that suits the *kind* of target, let the model give its parameter, and
# use the negative log-likelihood as the loss.
#
# - **Yes or no** ($t$ is 1 or 0): the Bernoulli distribution, a coin for each sample. Its probability
#   is $p$ or $1 - p$; the loss is the binary cross-entropy.
# - **One of $C$ classes**: the categorical distribution, a die with $C$ faces. The probability of the
#   true class $c$ is $p_c$; the loss is the cross-entropy $-\log p_c$ of lesson 6.
# - **A count** ($t = 0, 1, 2, \dots$: calls in an hour, photons, goals): the **Poisson distribution**
#   with the expected count $\mu$,
#
# $$P(t) = \frac{\mu^t e^{-\mu}}{t!}$$
#
# It describes events that happen independently of each other, at a constant rate. The expected count
# must be positive, so the model gives its logarithm $z = \log \mu$, which may be any number. Then
#
# $$-\log P(t) = e^z - t z + \log t!$$
#
# By hand: with $\mu = 2$ expected, 3 events have the probability $8\,e^{-2} / 6 = 0.1804$ and cost
# $-\log 0.1804 = 1.7123$.
#
# Now the losses of the library, which are means over the samples, against the distributions of SciPy.
# For the normal and the Laplace density with $\sigma = b = 1$ the constants have to be added. In the
# code `z` is the logit of a label and the $\log \mu$ of a count.

# %% [markdown] lang="ja"
# ## ラベルと個数
#
# 手順は決まっています。教師データの**種類**に合った分布を選び、そのパラメータをモデルに出力させ、負の対数尤度を損失とします。
#
# - **二値のラベル**：$t$ は 1（「はい」）か 0（「いいえ」）です。ベルヌーイ分布を使います。サンプルごとに 1 枚のコインを投げると考えます。確率は $p$ か $1 - p$ で、損失は二値交差エントロピー誤差です。
# - **$C$ 個のクラスの一つ**：カテゴリカル分布を使います。$C$ 個の面をもつさいころを振ると考えます。正解のクラス $c$ の確率は $p_c$ で、損失は第 6 章の交差エントロピー誤差 $-\log p_c$ です。
# - **個数**：$t = 0, 1, 2, \dots$ です（1 時間にかかってくる電話の本数、光子の数、得点など）。期待される個数を $\mu$ とする**ポアソン分布**を使います。
#
# $$P(t) = \frac{\mu^t e^{-\mu}}{t!}$$
#
# 互いに独立に、一定の割合で起こる事象の回数を表す分布です。期待される個数は正でなければならないので、モデルには、どんな値でもよい $z = \log \mu$ を出力させます。すると、次のようになります。
#
# $$-\log P(t) = e^z - t z + \log t!$$
#
# 手計算では、$\mu = 2$ のとき、3 回起こる確率は $8\,e^{-2} / 6 = 0.1804$ で、損失は $-\log 0.1804 = 1.7123$ です。
#
# ライブラリの損失（サンプルについての平均）を、SciPy の分布と比べましょう。$\sigma = b = 1$ の正規分布とラプラス分布では、定数を加えて比べます。コードの `z` は、ラベルではロジット、個数では $\log \mu$ です。

# %%
import tinygrad_loss as tl
from scipy.special import expit, softmax

rng = np.random.default_rng(0)
y, t, z = rng.normal(size=(3, 5))
scores = rng.normal(size=(5, 3))
labels = np.array([1, 0, 0, 1, 1])
classes = np.array([0, 2, 1, 1, 0])
counts = np.array([0, 2, 1, 5, 3])
p, P = expit(z), softmax(scores, axis=1)

normal = tl.mean_squared_error(y, t) / 2 + np.log(2 * np.pi) / 2
laplace = tl.mean_absolute_error(y, t) + np.log(2)
bernoulli = tl.binary_cross_entropy(p, labels)
categorical = tl.cross_entropy(scores, classes)
poisson = tl.poisson_nll(z, counts)
rows = np.eye(3)[classes]
for loss, logs in [
    (normal, stats.norm.logpdf(t, loc=y)),
    (laplace, stats.laplace.logpdf(t, loc=y)),
    (bernoulli, stats.bernoulli.logpmf(labels, p)),
    (categorical, stats.multinomial.logpmf(rows, n=1, p=P)),
    (poisson, stats.poisson.logpmf(counts, np.exp(z))),
]:
    difference = float(abs(loss.item() + np.mean(logs)))
    print(f"loss = {loss.item():.4f}  {difference < 1e-12 = }")
print(f"{stats.poisson.pmf(3, mu=2) = :.4f}")
print(f"{-stats.poisson.logpmf(3, mu=2) = :.4f}")

# %% [markdown] lang="en"
# (`expit` is SciPy's sigmoid. `pmf` is the probability of a count or a class, as `pdf` is a density,
# and `logpmf` its logarithm. A die thrown once is the multinomial distribution with `n=1`. `.item()` is
# the number in a Tensor. The last two lines are the count by hand.) All five agree to twelve decimal
# places: these losses are negative log-likelihoods.
#
# Next to each other they show something else. Differentiate in what the model gives: $y$ for normal
# noise with $\sigma = 1$, the logit for labels, the scores for classes, $z = \log \mu$ for counts. The
# first gives $y - t$, the next two $p - t$ (lesson 6), and the last $e^z - t = \mu - t$. **In all four
# the gradient is the expected value minus the target.** The next cell asks the engine;
# `binary_cross_entropy_with_logits` takes logits, and with `reduction="sum"` the loss is the sum over
# the samples, so that no 1/N stands before the gradient.

# %% [markdown] lang="ja"
# （`expit` は SciPy のシグモイド関数です。`pdf` が密度なのに対し、`pmf` は個数やクラスの確率で、`logpmf` はその対数です。さいころを 1 回振る場合は、多項分布で `n=1` としたものです。`.item()` は、Tensor の中の数を返します。最後の 2 行は、手計算した個数の例です。）五つとも、小数点以下 12 桁まで一致しました。これらの損失は、負の対数尤度そのものです。
#
# 並べてみると、もう一つ分かることがあります。モデルの出力、つまり $\sigma = 1$ の正規分布では $y$、ラベルではロジット、クラスではスコア、個数では $z = \log \mu$ について微分します。一つ目は $y - t$、次の二つは $p - t$（第 6 章）、最後は $e^z - t = \mu - t$ です。**四つとも、勾配は、期待値から教師データを引いたもの**になります。次のセルでは、エンジンに計算させます。`binary_cross_entropy_with_logits` はロジットを受け取る損失関数です。`reduction="sum"` とすると、損失がサンプルについての和になり、勾配に 1/N が付きません。

# %%
node = tl.Tensor(z, requires_grad=True)
loss = tl.poisson_nll(node, counts, reduction="sum")
loss.backward()
print(node.grad)
print(np.exp(z) - counts)

node = tl.Tensor(z, requires_grad=True)
bce = tl.binary_cross_entropy_with_logits
loss = bce(node, labels, reduction="sum")
loss.backward()
print(node.grad)
print(expit(z) - labels)

# %% [markdown] lang="en"
# The gradients of the engine stand above, the formulas below, and they are equal. This is why a model
# for labels ends in a sigmoid or softmax, and one for counts in `exp`: with another function a factor
# would be left over, as with the squares after a sigmoid in lesson 6. The picture puts likelihoods and
# losses together.

# %% [markdown] lang="ja"
# それぞれ、上の行がエンジンの勾配、下の行が公式の値で、一致しています。ラベルを予測するモデルの最後にシグモイド関数やソフトマックスを、個数を予測するモデルの最後に `exp` を置くのは、このためです。ほかの関数では、第 6 章で見たシグモイド関数と二乗誤差の組のように、余分な因子が残ります。尤度と損失を、図にまとめて見ましょう。

# %%
figures.likelihoods_and_losses()

# %% [markdown] lang="en"
# Above: likelihoods. Below: their negative logarithms in the same colors, which are the losses.
#
# - **Left**, as a function of the error: the normal density (blue), the Laplace density (orange), and
#   the density that belongs to Huber's loss with $\delta = 1$ (black, dashed). Above, the tails are
#   hard to tell apart. Below (constants left out, so that all begin at 0) they are a parabola, two
#   straight lines, and a parabola that goes over into straight lines.
# - **Middle**, as a function of the logit: the probability of $t = 1$ (blue) and of $t = 0$ (orange),
#   and below the two halves of the binary cross-entropy.
# - **Right**, as a function of $z = \log \mu$: the Poisson probability of the counts $t = 0$ (orange)
#   and $t = 3$ (blue). The loss for 3 is least at $z = \log 3$ (dot), where $\mu = t$.

# %% [markdown] lang="ja"
# 上が尤度、下がその対数にマイナスを付けたもの、つまり損失で、同じ色どうしが対応します。
#
# - **左**は誤差の関数です。青が正規分布、橙がラプラス分布、黒の破線が、$\delta = 1$ の Huber 損失に対応する密度です。上の図では裾の違いがほとんど分かりませんが、下の図でははっきりします（どれも 0 から始まるように、定数は除きました）。青は放物線、橙は 2 本の直線、黒は途中で直線に変わる放物線です。
# - **中央**はロジットの関数で、$t = 1$ となる確率（青）と $t = 0$ となる確率（橙）です。下の図は、二値交差エントロピー誤差の二つの場合です。
# - **右**は $z = \log \mu$ の関数で、ポアソン分布で個数が $t = 0$ となる確率（橙）と $t = 3$ となる確率（青）です。個数 3 の損失が最小になるのは $z = \log 3$ で（青い点）、そこでは $\mu = t$ です。

# %% [markdown] lang="en"
# **Exercise 7.4.** A model for counts has one weight, $z_i = w x_i$, and its loss is the mean of the
# Poisson losses over the samples. Write its slope in `w`; `x` and `t` are arrays.

# %% [markdown] lang="ja"
# **演習 7.4** 個数を予測する、重みが一つのモデル $z_i = w x_i$ を考えます。損失は、ポアソン分布の損失をサンプルについて平均したものです。`w` に対する傾きを返す関数を書いてください。`x` と `t` は配列です。


# %%
def poisson_slope(w, x, t):
    return ...


check("7.4", poisson_slope)

# %% [markdown] lang="en" tags=["solution"]
# The chain rule: $\partial L_i / \partial z_i = e^{z_i} - t_i$, and $\partial z_i / \partial w = x_i$.
# Then the mean over the samples.

# %% [markdown] lang="ja" tags=["solution"]
# 連鎖律を使います。$\partial L_i / \partial z_i = e^{z_i} - t_i$ で、$\partial z_i / \partial w = x_i$ です。最後にサンプルについて平均します。


# %% tags=["solution"]
def poisson_slope(w, x, t):
    return np.mean((np.exp(w * x) - t) * x)


check("7.4", poisson_slope)

# %% [markdown] lang="en"
# ## A prediction that says how sure it is
#
# So far $\sigma$ was the same for all samples, and the terms with $\sigma$ alone were dropped. Keep
# them, and let the model give two numbers for each sample: the mean $y$ and the logarithm of the
# variance, $s = \log \sigma^2$ (a logarithm may be any number, as with $\mu$ above). Then one sample
# costs
#
# $$L = \frac{(t - y)^2}{2\,e^s} + \frac{s}{2} + \frac{1}{2} \log (2 \pi)$$
#
# The two terms with $s$ pull in opposite directions. A large $s$ excuses large errors, and $s / 2$ is
# the price of the excuse. If $N$ samples share one $s$, the slope of their mean loss shows where the
# two balance:
#
# $$\frac{1}{N} \sum_i \frac{\partial L_i}{\partial s} = \frac{1}{N} \sum_i \left( \frac{1}{2} - \frac{(t_i - y_i)^2}{2\,e^s} \right) = 0, \qquad e^s = \frac{1}{N} \sum_i (t_i - y_i)^2$$
#
# The variance becomes the mean squared error: the model learns how wrong it is. Below, two instruments
# measure the same quantity four times each, one in each row. By hand: both means are 10, and the mean
# squared errors are $0.58 / 4 = 0.145$ and $80 / 4 = 20$. The library calls this loss `gaussian_nll`,
# and `optim.GD` is the step $w - \eta\,\partial L / \partial w$ for each tensor of a list. (The factor
# `ones` spreads a column over four samples, as the loss wants arrays of one shape.)

# %% [markdown] lang="ja"
# ## 確かさも答える予測
#
# ここまでは、$\sigma$ がどのサンプルでも同じだとして、$\sigma$ だけの項を省いてきました。今度はその項を残し、サンプルごとに二つの数、つまり平均 $y$ と、分散の対数 $s = \log \sigma^2$ をモデルに出力させます（対数にするのは、$\mu$ のときと同じで、どんな値でもよいようにするためです）。サンプル一つの損失は次の式です。
#
# $$L = \frac{(t - y)^2}{2\,e^s} + \frac{s}{2} + \frac{1}{2} \log (2 \pi)$$
#
# $s$ を含む二つの項は、逆の向きに働きます。$s$ を大きくすれば、大きな誤差も許されますが、その代わりに $s / 2$ を払います。$N$ 個のサンプルが一つの $s$ を共有するとき、二つが釣り合う場所は、損失の平均の傾きから分かります。
#
# $$\frac{1}{N} \sum_i \frac{\partial L_i}{\partial s} = \frac{1}{N} \sum_i \left( \frac{1}{2} - \frac{(t_i - y_i)^2}{2\,e^s} \right) = 0, \qquad e^s = \frac{1}{N} \sum_i (t_i - y_i)^2$$
#
# 分散は平均二乗誤差に等しくなります。自分がどれくらい外れるかを、モデルが学ぶのです。例として、二つの測定器で同じ量を 4 回ずつ測ります。1 行が 1 台の測定値です。手計算では、平均はどちらも 10 で、平均二乗誤差は $0.58 / 4 = 0.145$ と $80 / 4 = 20$ です。ライブラリでは、この損失の名前は `gaussian_nll` です。`optim.GD` は、リストの中の Tensor を、それぞれ $w - \eta\,\partial L / \partial w$ に更新します。（`ones` を掛けるのは、列を 4 個のサンプルに広げるためです。この損失関数には、同じ形状の配列を渡します。）

# %%
from tinygrad_loss import optim

measured = np.array([[9.5, 10.5, 9.8, 10.2], [4.0, 16.0, 8.0, 12.0]])
ones = np.ones((1, 4))
mean = tl.Tensor([[9.0], [9.0]], requires_grad=True)
s = tl.Tensor([[0.0], [0.0]], requires_grad=True)
optimizer = optim.GD([mean, s], lr=0.5)
for _ in range(1000):
    optimizer.zero_grad()
    loss = tl.gaussian_nll(mean * ones, s * ones, measured)
    loss.backward()
    optimizer.step()
variance = np.exp(s.data)
print(f"{mean.data.ravel() = }")
print(f"{variance.ravel() = }")

# %% [markdown] lang="en"
# (`zero_grad` forgets the gradients of the step before, which `backward` would add to.) Both numbers
# per instrument come out as by hand. Nobody told the model the variances: they are what makes the data
# most probable. In the gradient for $y$, $(y - t) / e^s$, each error is divided by the variance, so
# that a sample of which the model is unsure pulls less.
#
# As it comes from a density, this loss may be **negative**: where the density exceeds 1, its logarithm
# is positive.
#
# Somebody wrote the loss like this, with `s` for the logarithm of the variance:

# %% [markdown] lang="ja"
# （`zero_grad` は、前のステップの勾配を消します。消さなければ、`backward` がそこに足し込みます。）どちらの測定器でも、二つの数が手計算の値と一致しました。分散は教えていません。データが最も起こりやすくなる値を求めた結果です。$y$ に対する勾配は $(y - t) / e^s$ で、誤差が分散で割られています。そのため、モデルが自信をもてないサンプルほど、予測を引く力は弱くなります。
#
# この損失は密度から作ったものなので、**負**になることがあります。密度が 1 を超えれば、その対数は正だからです。
#
# この損失を、次のように書いた人がいます。`s` は分散の対数です。


# %%
def slipped_nll(y, s, t):
    return np.mean((t - y) ** 2 / np.exp(s)) / 2


for log_variance in [0.0, 3.0, 10.0, 50.0]:
    slipped = slipped_nll(10, log_variance, measured)
    print(f"{log_variance = :<5} {slipped = :.2e}")

# %% [markdown] lang="en"
# **Exercise 7.5.** The loss falls as `s` grows, without end: the model excuses every error and pays
# nothing. Write it right, with all terms of the negative log-likelihood, as a mean over the samples.
# (`y`, `s` and `t` are arrays of one shape, or `s` is one number. The variance itself is `np.exp(s)`.)

# %% [markdown] lang="ja"
# **演習 7.5** これでは、`s` が大きくなるほど、損失がどこまでも小さくなります。どんな誤差も許され、しかも何も払わずに済むからです。負の対数尤度のすべての項を入れて、正しく書き直してください。サンプルについての平均を返します。（`y`, `s`, `t` は同じ形状の配列です。`s` は一つの数のこともあります。分散そのものは `np.exp(s)` です。）


# %%
def normal_nll(y, s, t):
    return ...


check("7.5", normal_nll)

# %% [markdown] lang="en" tags=["solution"]
# The density is divided by $\sqrt{2 \pi}\,\sigma$, and the slipped loss forgot this. Its negative
# logarithm is $\log \sigma + \frac{1}{2} \log (2 \pi)$, where $\log \sigma = s / 2$.

# %% [markdown] lang="ja" tags=["solution"]
# 密度の式には $\sqrt{2 \pi}\,\sigma$ で割るところがありますが、先の関数ではそれが抜けています。その分の負の対数は $\log \sigma + \frac{1}{2} \log (2 \pi)$ で、$\log \sigma = s / 2$ です。


# %% tags=["solution"]
def normal_nll(y, s, t):
    return np.mean((t - y) ** 2 / np.exp(s) + s + np.log(2 * np.pi)) / 2


check("7.5", normal_nll)

# %% [markdown] lang="en"
# ## A belief about the weights: L2 and L1
#
# Maximum likelihood believes only the data. That is risky where there are few: three heads in three
# tosses give $p = 1$, a coin that never shows tails. A network with many weights and few samples is no
# better off. What we hold probable before any data is called a **prior**, for example that weights are
# rather small.
#
# > **Recap: Bayes' rule.** After the data, the probability of $w$ is proportional to likelihood times
# > prior: $P(w \mid t) \propto P(t \mid w)\,P(w)$. Here $P(t \mid w)$ reads "the probability of $t$ if
# > $w$ holds", and $\propto$ means "up to a factor without $w$". The left-hand side is the
# > **posterior**; the $w$ where it is largest is the MAP estimate (maximum a posteriori).
#
# The negative logarithm makes a sum of the product: **the loss, plus a penalty** $-\log P(w)$. With
# normal noise, a normal prior of standard deviation $\tau$ (no temperature here) around 0 for each
# weight, the errors $e_i$, and without constants:
#
# $$\frac{1}{2 \sigma^2} \sum_i e_i^2 + \frac{1}{2 \tau^2} \sum_j w_j^2$$
#
# Multiply by $2 \sigma^2$, which does not move the minimum: $\sum_i e_i^2 + \alpha \sum_j w_j^2$ with
# $\alpha = \sigma^2 / \tau^2$. This is **ridge regression**. Divided by the number $n$ of samples it is
# the MSE plus an **L2 penalty** of strength $\lambda = \alpha / n$. Noisy data or a strong belief in
# small weights make $\lambda$ large; with more data it becomes smaller.
#
# A Laplace prior of width $b$ gives $|w_j| / b$ instead. Multiplied by $\sigma^2 / n$ the sum is
#
# $$\frac{1}{2 n} \sum_i e_i^2 + \lambda \sum_j |w_j|, \qquad \lambda = \frac{\sigma^2}{n\,b}$$
#
# the **lasso**: half of the MSE plus an **L1 penalty**.

# %% [markdown] lang="ja"
# ## 重みについての想定：L2 と L1
#
# 最尤推定では、データだけを信じます。データが少ないとき、これは危険です。3 回投げて 3 回とも表なら、最尤推定値は $p = 1$、つまり決して裏の出ないコインになります。重みが多くサンプルが少ないネットワークでも、事情は同じです。そこで、データを見る前に、どのような値がありそうだと考えているかを、分布で表します。たとえば、「重みはあまり大きくないだろう」という想定です。この分布を**事前分布**と呼びます。
#
# > **復習：ベイズの定理** データを見た後の $w$ の確率は、尤度と事前分布の積に比例します。式で書くと $P(w \mid t) \propto P(t \mid w)\,P(w)$ です。$P(t \mid w)$ は「$w$ のもとでの $t$ の確率」で、$\propto$ は「$w$ を含まない因子を除いて等しい」ことを表します。左辺を**事後分布**と呼び、それが最大になる $w$ を求めることを MAP 推定（最大事後確率推定）と呼びます。
#
# 負の対数を取ると、積は和になります。つまり、**損失にペナルティを加えたもの**になり、そのペナルティは $-\log P(w)$ です。ノイズが正規分布で、各重みの事前分布が、平均 0、標準偏差 $\tau$（ここでは温度ではありません）の正規分布なら、誤差を $e_i$ として、定数を除けば次のようになります。
#
# $$\frac{1}{2 \sigma^2} \sum_i e_i^2 + \frac{1}{2 \tau^2} \sum_j w_j^2$$
#
# $2 \sigma^2$ を掛けても最小になる場所は変わらないので、$\alpha = \sigma^2 / \tau^2$ とおけば $\sum_i e_i^2 + \alpha \sum_j w_j^2$ と書けます。これが**リッジ回帰**です。サンプルの数 $n$ で割れば、MSE に、強さ $\lambda = \alpha / n$ の **L2 ペナルティ**を加えたものになります。データのノイズが大きいほど、また、重みが小さいという想定が強いほど、$\lambda$ は大きくなり、データが増えるほど小さくなります。
#
# 事前分布が、広がりを $b$ とするラプラス分布なら、ペナルティは $|w_j| / b$ になります。全体に $\sigma^2 / n$ を掛けると、
#
# $$\frac{1}{2 n} \sum_i e_i^2 + \lambda \sum_j |w_j|, \qquad \lambda = \frac{\sigma^2}{n\,b}$$
#
# となります。これが**ラッソ**で、MSE の半分に **L1 ペナルティ**を加えたものです。

# %% [markdown] lang="en"
# For ridge regression the slope is linear in the weights, and can be set to 0 by solving equations:
# $2 X^T (X w - t) + 2 \alpha w = 0$, so $(X^T X + \alpha I)\,w = X^T t$ with the identity matrix $I$.
# Scikit-learn's diabetes data have 442 patients and ten inputs. We standardize each input (mean 0,
# standard deviation 1) and subtract the mean of the targets, so that no bias is needed. The noise has
# about $\sigma = 54$; a prior with $\tau = \sigma / \sqrt{10}$ makes $\alpha = 10$. In the code
# `cost` is the negative logarithm of likelihood times prior, with the densities of SciPy (`prior` is
# one with its width fixed, such as `stats.norm(scale=...)`). Each row of `moves` moves one weight by
# 0.1, up or down; `least_rise` is the smallest of the 20 changes of `cost`.

# %% [markdown] lang="ja"
# リッジ回帰では、傾きが重みの 1 次式なので、0 とおいた方程式を解けば重みが求まります。$2 X^T (X w - t) + 2 \alpha w = 0$ から、$I$ を単位行列として $(X^T X + \alpha I)\,w = X^T t$ です。データには、scikit-learn の糖尿病のデータ（患者 442 人、入力 10 個）を使います。各入力を標準化し（平均 0、標準偏差 1）、教師データからは平均を引いておきます。こうすればバイアスは要りません。ノイズはおよそ $\sigma = 54$ で、事前分布を $\tau = \sigma / \sqrt{10}$ とすると $\alpha = 10$ になります。コードの `cost` は、尤度と事前分布の積の負の対数で、SciPy の密度から計算します（`prior` は、`stats.norm(scale=...)` のように、広がりを固定した分布です）。`moves` の各行では、重みを一つだけ、0.1 増やすか減らします。`least_rise` は、こうした 20 通りの `cost` の変化のうち、最小のものです。

# %%
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso, Ridge

X, progress = load_diabetes(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
progress = progress - progress.mean()
sigma = 54.0


def cost(w, prior):
    noise = stats.norm.logpdf(progress, loc=X @ w, scale=sigma)
    return -np.sum(noise) - np.sum(prior.logpdf(w))


def least_rise(w, prior):
    moves = 0.1 * np.vstack([np.eye(10), -np.eye(10)])
    return min(cost(w + h, prior) for h in moves) - cost(w, prior)


solved = np.linalg.solve(X.T @ X + 10 * np.eye(10), X.T @ progress)
ridge = Ridge(alpha=10).fit(X, progress).coef_
difference = float(np.abs(solved - ridge).max())
prior = stats.norm(scale=sigma / np.sqrt(10))
print(ridge.round(1))
print(f"{difference < 1e-9 = }")
print(f"{least_rise(ridge, prior) = :.5f}")

# %% [markdown] lang="en"
# The equations give the weights of scikit-learn, and moving any of them makes `cost` larger: **the MAP
# estimate is ridge regression.** None of the weights is 0 (the first is -0.3): the quadratic penalty is
# flat at 0 and does not insist on it. To see what it does, take one weight by itself, with the loss
# $\frac{1}{2} (w - a)^2$, so that $a$ is its best value without a penalty. With $\lambda w^2$ added,
# the slope $w - a + 2 \lambda w$ is 0 at $w = a / (1 + 2 \lambda)$: **it shrinks by a factor, the same
# for every $a$.** (The inputs above are correlated; there one weight may even grow as another shrinks.)
# The absolute value does something else.

# %% [markdown] lang="ja"
# 方程式の解は scikit-learn の重みと一致し、どの重みを動かしても `cost` は大きくなります。**MAP 推定がリッジ回帰になる**ことが確かめられました。0 になった重みはありません（最初の重みも -0.3 です）。2 次式のペナルティは 0 の近くで平らなので、重みをちょうど 0 にする力がないからです。ペナルティの働きを、一つの重みだけで見てみましょう。損失が $\frac{1}{2} (w - a)^2$ で、ペナルティがなければ $a$ が最も良い値だとします。$\lambda w^2$ を加えると、傾き $w - a + 2 \lambda w$ が 0 になるのは $w = a / (1 + 2 \lambda)$ です。つまり、**$a$ がいくつでも、同じ割合で縮みます**。（先のデータでは入力どうしに相関があり、ある重みが縮むと別の重みが大きくなることもあります。）絶対値のペナルティでは、そうはなりません。

# %% [markdown] lang="en"
# **Exercise 7.6.** Which $w$ minimizes $\frac{1}{2} (w - a)^2 + \lambda |w|$? Write it as a function of
# `a`, an array with one number for each weight, and of `strength`, which is $\lambda$. (Look for a
# minimum with $w > 0$, then for one with $w < 0$. When does neither exist, and where is the minimum
# then? An `if` cannot ask a whole array; `np.where` asks each number.)

# %% [markdown] lang="ja"
# **演習 7.6** $\frac{1}{2} (w - a)^2 + \lambda |w|$ を最小にする $w$ を求める関数を書いてください。`a` は重みごとに一つの数をもつ配列で、`strength` が $\lambda$ です。（最小になる点を、$w > 0$ の範囲と $w < 0$ の範囲で、それぞれ探しましょう。どちらにもないのはどんなときで、そのときはどこで最小になりますか。`if` では配列の要素を一つずつ調べられませんが、`np.where` なら調べられます。）


# %%
def with_l1(a, strength):
    return ...


check("7.6", with_l1)

# %% [markdown] lang="en" tags=["solution"]
# For $w > 0$ the slope is $w - a + \lambda$, which is 0 at $w = a - \lambda$; this is positive only if
# $a > \lambda$. In the same way $w = a + \lambda$ if $a < -\lambda$. In between, the slope is positive
# to the right of 0 and negative to the left: the minimum is the kink itself, $w = 0$. All three cases
# in one line: the size shrinks by $\lambda$, not below 0, and the sign stays. This is called soft
# thresholding.

# %% [markdown] lang="ja" tags=["solution"]
# $w > 0$ では、傾き $w - a + \lambda$ が $w = a - \lambda$ で 0 になります。これが正になるのは $a > \lambda$ のときだけです。同じように、$a < -\lambda$ なら $w = a + \lambda$ です。その間では、傾きは 0 の右側で正、左側で負なので、微分できない点である $w = 0$ で最小になります。三つの場合は、「符号はそのままにして、大きさを $\lambda$ だけ減らす。ただし、0 より小さくはしない」と 1 行にまとめられます。これを軟しきい値処理と呼びます。


# %% tags=["solution"]
def with_l1(a, strength):
    return np.sign(a) * np.maximum(np.abs(a) - strength, 0)


check("7.6", with_l1)
print(with_l1(np.array([3.0, 0.5, -2.0]), 1.0))

# %% [markdown] lang="en"
# Every weight moves toward 0 by the same **amount**, and those that are near 0 become exactly 0. With
# many weights this is done after each step of gradient descent, by $\eta \lambda$ each time, since
# such a step goes by $\eta$ times the slope as well. `optim.SGD` (lesson 8; on all the data it steps
# as `optim.GD` does) does that with `l1=`. The lasso with $\lambda = 1$, whose prior has the width
# $b = \sigma^2 / (n \lambda)$:

# %% [markdown] lang="ja"
# どの重みも同じ**量**だけ 0 に近づき、もともと 0 に近い重みは、ちょうど 0 になります。重みがたくさんあるときは、勾配降下法の 1 ステップごとに、この処理をします。1 ステップで動くのは傾きの $\eta$ 倍なので、縮める量も毎回 $\eta \lambda$ とします。`optim.SGD` に `l1=` を指定すると、この処理が行われます（`optim.SGD` は第 8 章で説明します。全データを使うときは `optim.GD` と同じように進みます）。$\lambda = 1$ のラッソは次のとおりです。事前分布の広がりは $b = \sigma^2 / (n \lambda)$ です。

# %%
w = tl.Tensor(np.zeros(10), requires_grad=True)
optimizer = optim.SGD([w], lr=0.2, l1=1.0)
for _ in range(1000):
    optimizer.zero_grad()
    loss = tl.mean_squared_error(X @ w, progress) / 2
    loss.backward()
    optimizer.step()

model = Lasso(alpha=1.0, tol=1e-12, max_iter=100_000)
lasso = model.fit(X, progress).coef_
difference = float(np.abs(w.data - lasso).max())
prior = stats.laplace(scale=sigma**2 / len(X))
zeros = int(np.sum(w.data == 0))
print(w.data.round(1))
print(f"{zeros = }")
print(f"{difference < 1e-6 = }")
print(f"{least_rise(lasso, prior) = :.5f}")

# %% [markdown] lang="en"
# The same weights as scikit-learn's, and moving any of them makes `cost` larger: with a Laplace prior
# **the MAP estimate is the lasso.** Three of the ten weights are exactly 0. (That is a property of the
# *maximum* of the posterior. The Laplace prior has its peak at 0, yet a weight drawn from the posterior
# is never exactly 0.) Lesson 10 follows the weights while $\lambda$ grows.
#
# Not every loss is a likelihood: the losses of lesson 11, for things that are alike or not, start from
# distances. But if you wonder what a loss believes, take $e^{-L}$ and look whether it is a density, up
# to a factor.

# %% [markdown] lang="ja"
# scikit-learn と同じ重みになり、どの重みを動かしても、やはり `cost` は大きくなります。**事前分布がラプラス分布なら、MAP 推定はラッソです**。10 個の重みのうち 3 個がちょうど 0 です。（これは、事後分布が**最大になる点**の性質です。ラプラス分布は 0 で最も高くなりますが、事後分布からランダムに取り出した重みが、ちょうど 0 になることはありません。）$\lambda$ を大きくしていくと重みがどう変わるかは、第 10 章で見ます。
#
# すべての損失が尤度から来るわけではありません。第 11 章で扱う、似ているかどうかを学ぶ損失は、距離から出発します。それでも、ある損失が何を想定しているのかを知りたいときは、$e^{-L}$ を計算し、定数倍を除いて密度になっているかどうかを見るとよいでしょう。

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** A model that always predicts the same number is trained with the absolute error. Where does it
# end?
#
# - "a": At the median of the targets.
# - "b": At the mean of the targets.
# - "c": At the middle between the smallest and the largest target.
#
# **b.** `gaussian_nll` has fallen to -0.7. What does that say?
#
# - "a": Something is wrong, as the negative logarithm of a probability is never negative.
# - "b": On average, the densities at the targets exceed 1.
# - "c": The model is right in 70 % of the cases.
#
# **c.** In ridge regression the standard deviation $\sigma$ of the noise is twice as large as thought,
# and the prior is the same. How must $\alpha$ change?
#
# - "a": It stays, as it belongs to the prior.
# - "b": It becomes twice as large.
# - "c": It becomes four times as large.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** いつも同じ数を予測するモデルを、絶対誤差で学習させます。予測はどこに落ち着きますか。
#
# - "a"：教師データの中央値。
# - "b"：教師データの平均。
# - "c"：教師データの最小値と最大値のちょうど中間。
#
# **b.** `gaussian_nll` が -0.7 まで下がりました。ここから何が分かりますか。
#
# - "a"：確率の負の対数が負になることはないので、どこかが間違っている。
# - "b"：教師データの位置での密度が、平均的に見て 1 を超えている。
# - "c"：70 % の割合で正解している。
#
# **c.** リッジ回帰で、ノイズの標準偏差 $\sigma$ が、思っていた値の 2 倍でした。事前分布は同じです。$\alpha$ はどう変えればよいですか。
#
# - "a"：事前分布で決まるものなので、変えない。
# - "b"：2 倍にする。
# - "c"：4 倍にする。

# %%
check("7 a", ...)
check("7 b", ...)
check("7 c", ...)

# %% tags=["solution"]
check("7 a", "a")
check("7 b", "b")
check("7 c", "c")

# %% [markdown] lang="en"
# ## Summary
#
# - The likelihood is the probability (or density) of the data, as a function of the model. Its negative
#   logarithm is a loss, a sum over independent samples.
# - Normal noise gives squares and the mean, Laplace noise absolute values and the median; Huber's loss
#   is normal in the middle and Laplace in the tails.
# - Yes or no, classes, counts: binary cross-entropy, cross-entropy, $e^z - t z + \log t!$. The gradient
#   is the expected value minus the target.
# - With the variance as a second output a model learns how sure it may be.
# - A prior on the weights is a penalty: a normal prior L2 (ridge), a Laplace prior L1 (lasso, with
#   exact zeros).
#
# **Read on.** In the gallery:
# [outliers](../../README.md#outliers-pull-the-squared-error-and-hardly-move-the-absolute-error-or-hubers-loss),
# also in a regression, and [L2 shrinks, L1
# selects](../../README.md#l2-shrinks-l1-selects-the-elastic-net-keeps-groups). In the source:
# [`losses/regression.py`](../../../tinygrad_loss/losses/regression.py) has `huber`, `gaussian_nll`
# and `poisson_nll` with their gradients, [`regularizers.py`](../../../tinygrad_loss/regularizers.py)
# the penalties; [this page](../../pictures/backprop_expression.html) steps through backpropagation.
# Books: Bishop, *Pattern Recognition and Machine Learning* (2006), sections 1.2 and 3.1; McCullagh
# and Nelder, *Generalized Linear Models* (1989). Papers: Huber, *Robust estimation of a location
# parameter* (1964); Nix and Weigend (1994) on learned variances.

# %% [markdown] lang="ja"
# ## まとめ
#
# - 尤度とは、データの確率（または密度）を、モデルの関数として見たものです。その対数にマイナスを付けると損失になり、独立なサンプルについての和で書けます。
# - 正規分布のノイズからは二乗誤差と平均が、ラプラス分布のノイズからは絶対誤差と中央値が出てきます。Huber 損失は、中央では正規分布、裾ではラプラス分布にあたります。
# - 二値のラベル、クラス、個数の損失は、順に、二値交差エントロピー誤差、交差エントロピー誤差、$e^z - t z + \log t!$ です。勾配は、期待値から教師データを引いたものです。
# - 分散も出力させれば、予測がどれくらい確かなのかも学習できます。
# - 重みの事前分布は、ペナルティになります。正規分布からは L2（リッジ回帰）が、ラプラス分布からは L1（ラッソ）が得られ、ラッソではちょうど 0 の重みが現れます。
#
# **次に読むもの** ギャラリーの[外れ値の実験](../../README.ja.md#外れ値は二乗誤差を引きずるが絶対誤差と-huber-損失はほとんど動かない)では、回帰の場合も見られます。[L2 は縮め、L1 は選ぶ](../../README.ja.md#l2-は縮めl1-は選びエラスティックネットは仲間ごと残す)も見てください。ソースコードでは、[`losses/regression.py`](../../../tinygrad_loss/losses/regression.py) に `huber`, `gaussian_nll`, `poisson_nll` が勾配とともに、[`regularizers.py`](../../../tinygrad_loss/regularizers.py) にペナルティが書かれています。逆伝播は、[このページ](../../pictures/backprop_expression.html)で一段ずつたどれます。本では、Bishop, Pattern Recognition and Machine Learning（2006、邦訳『パターン認識と機械学習』）の 1.2 節と 3.1 節、McCullagh, Nelder, Generalized Linear Models（1989）、論文では、Huber, Robust estimation of a location parameter（1964）と、分散の学習についての Nix, Weigend（1994）が参考になります。
