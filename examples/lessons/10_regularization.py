# %% [markdown] lang="en"
# # 10. Regularization
#
# **You will be able to** see overfitting in two numbers, add a penalty to a loss and to its gradient,
# derive why L1 makes weights exactly 0 and L2 does not, choose the strength $\lambda$ by validation,
# and say what dropout and early stopping have to do with it.
#
# **You need** lessons 1 to 6 and gradient descent from lesson 8. (Lesson 7 derives the same penalties
# from probabilities.)
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 10 章 正則化
#
# **できるようになること**：過学習を二つの数から見分ける。損失にペナルティを加え、その勾配を求める。L1 では重みがちょうど 0 になるのに、L2 ではならない理由を導く。ペナルティの強さ $\lambda$ を検証データで選ぶ。ドロップアウトと早期終了が正則化とどう関係するかを説明する。
#
# **前提知識**：第 1 章から第 6 章の内容と、第 8 章の勾配降下法。（同じペナルティを、第 7 章では確率から導いています。）
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Twelve points, twelve weights
#
# All lessons so far made a loss small. Is smaller always better? Take twelve points of the curve
# $\sin 3x$ with noise, and fit polynomials $y = w_0 + w_1 x + w_2 x^2 + \dots$ to them. The powers of
# $x$ are columns of a matrix, the weights enter linearly, and `np.linalg.lstsq` finds those of the
# smallest mean squared error. Then measure the loss on 200 **new** points of the same kind, which the
# fit has not seen: the **validation loss**. `top` is the size of the largest weight.

# %% [markdown] lang="ja"
# ## 12 個の点と 12 個の重み
#
# これまでの章では、いつも損失を小さくしてきました。損失は小さいほどよいのでしょうか。曲線 $\sin 3x$ にノイズを加えた 12 個の点に、多項式 $y = w_0 + w_1 x + w_2 x^2 + \dots$ を当てはめてみます。$x$ のべき乗を行列の列に並べると、予測は重みの 1 次式になるので、平均二乗誤差が最小になる重みは `np.linalg.lstsq` で求まります。次に、同じ方法で作った**新しい**点 200 個で損失を測ります。当てはめには使わなかった点です。この損失を**検証損失**と呼びます。`top` は、重みの大きさの最大値です。

# %%
import numpy as np
import tinygrad_loss as tl
from check import check
from course.figures import regularization as figures


def powers(x, degree):
    return x[:, None] ** np.arange(degree + 1)


def points(seed):
    rng = np.random.default_rng(seed)
    x, x_val = np.linspace(-1, 1, 12), np.linspace(-0.95, 0.95, 200)
    t = np.sin(3 * x) + 0.3 * rng.standard_normal(12)
    t_val = np.sin(3 * x_val) + 0.3 * rng.standard_normal(200)
    return x, t, x_val, t_val


x, t, x_val, t_val = points(2)
for degree in [1, 3, 5, 11]:
    A = powers(x, degree)
    w = np.linalg.lstsq(A, t, rcond=None)[0]
    train = np.mean((A @ w - t) ** 2)
    val = np.mean((powers(x_val, degree) @ w - t_val) ** 2)
    top = np.abs(w).max()
    print(f"{degree = :<3} {train = :.4f}  {val = :.4f}  {top = :.1f}")

# %% [markdown] lang="en"
# The training loss falls from line to line; with twelve weights for twelve points it is 0. The
# validation loss falls, and then rises: the last polynomial has learned the noise of these twelve
# points by heart. That is **overfitting**, and it shows only in two numbers, side by side. (The noise
# alone has a mean square of $0.3^2 = 0.09$, so no model can get far below that on new points.)
#
# Is this one unlucky draw? Five draws, with the validation loss for degree 3 and degree 11:

# %% [markdown] lang="ja"
# 訓練データでの損失（訓練損失）は、次数を上げるほど小さくなり、12 個の点に 12 個の重みを使うと 0 になります。検証損失は、いったん小さくなってから、また大きくなります。最後の多項式は、12 個の点のノイズまで覚え込んでしまったのです。これが**過学習**で、二つの損失を並べて初めて分かります。（ノイズの 2 乗の平均だけで $0.3^2 = 0.09$ なので、どんなモデルでも、新しい点での損失がこれを大きく下回ることはありません。）
#
# この 12 個の点が、たまたま悪かっただけでしょうか。点を 5 回作り直して、3 次と 11 次の検証損失を比べます。

# %%
for seed in range(5):
    x, t, x_val, t_val = points(seed)
    val = []
    for degree in [3, 11]:
        w = np.linalg.lstsq(powers(x, degree), t, rcond=None)[0]
        val.append(np.mean((powers(x_val, degree) @ w - t_val) ** 2))
    print(f"{seed = }  val_3 = {val[0]:.3f}  val_11 = {val[1]:.3f}")

# %% [markdown] lang="en"
# In all five degree 11 is worse, by a factor between 1.8 and 37. The first table also shows a
# symptom: the largest weight is near 3 for degree 3 and 759 for degree 11. To hit each point, the
# polynomial has to play high powers against each other, with large weights. This suggests a cure that
# keeps the degree: **make large weights cost something.**

# %% [markdown] lang="ja"
# 検証損失は 5 回とも 11 次のほうが大きく、3 次の 1.8 倍から 37 倍です。最初の表には、過学習の兆候がもう一つ現れています。重みの大きさの最大値が、3 次では 3 ほどなのに、11 次では 759 もあります。すべての点を通るために、高次の項が大きな重みをもち、互いに打ち消し合っているのです。そこで、次数はそのままにして、**大きな重みに代償を払わせる**ことを考えます。

# %% [markdown] lang="en"
# ## A penalty on the weights
#
# Add to the loss $L$ the squares of the weights, times a number $\lambda \ge 0$ that you choose:
#
# $$L_\lambda(w) = L(w) + \lambda \sum_j w_j^2, \qquad \frac{\partial L_\lambda}{\partial w_j} = \frac{\partial L}{\partial w_j} + 2 \lambda w_j$$
#
# This is **L2 regularization**, and with a mean squared error **ridge regression**. (Lesson 7
# found the same term as a normal prior on the weights.) The term that was added is the **penalty**.
# Its gradient needs no new idea, as gradients add up. The step of gradient descent becomes
#
# $$w - \eta \left( \frac{\partial L}{\partial w} + 2 \lambda w \right) = (1 - 2 \eta \lambda)\, w - \eta\, \frac{\partial L}{\partial w}$$
#
# On the right one reads: first the weight shrinks by a fixed factor, then comes the usual step. Hence
# the other name, **weight decay**.

# %% [markdown] lang="ja"
# ## 重みへのペナルティ
#
# 重みの 2 乗の和に、自分で選んだ数 $\lambda \ge 0$ を掛けて、損失 $L$ に加えます。
#
# $$L_\lambda(w) = L(w) + \lambda \sum_j w_j^2, \qquad \frac{\partial L_\lambda}{\partial w_j} = \frac{\partial L}{\partial w_j} + 2 \lambda w_j$$
#
# これを **L2 正則化**と呼びます。損失が平均二乗誤差なら**リッジ回帰**です。（第 7 章では、重みの事前分布を正規分布とすると、同じ項が現れました。）加えた項を**ペナルティ**と呼びます。和の勾配は勾配の和なので、新しい考え方は要りません。勾配降下法の 1 ステップは、次のようになります。
#
# $$w - \eta \left( \frac{\partial L}{\partial w} + 2 \lambda w \right) = (1 - 2 \eta \lambda)\, w - \eta\, \frac{\partial L}{\partial w}$$
#
# 右辺は、重みを一定の割合で縮めてから、いつもの 1 ステップを進む、と読めます。このため、**重み減衰**とも呼ばれます。

# %% [markdown] lang="en"
# By hand, with one weight: $L(w) = (w - 3)^2$, $\lambda = 0.5$, $\eta = 0.1$, from $w = 4$. The loss
# is $1 + 0.5 \cdot 16 = 9$, its gradient $2 \cdot (4 - 3) + 2 \cdot 0.5 \cdot 4 = 2 + 4 = 6$, and the
# step leads to $4 - 0.1 \cdot 6 = 3.4$. Where does the walk end? Where both slopes cancel:
# $2 (w - 3) + 2 \lambda w = 0$, so $w = 3 / (1 + \lambda) = 2$. In the library the penalty is
# `tl.l2(w, strength)`, a node like any other, and `tl.l1` is the same with absolute values.

# %% [markdown] lang="ja"
# 重みが一つの場合を手で計算します。$L(w) = (w - 3)^2$、$\lambda = 0.5$、$\eta = 0.1$ とし、$w = 4$ から始めます。損失は $1 + 0.5 \cdot 16 = 9$、勾配は $2 \cdot (4 - 3) + 2 \cdot 0.5 \cdot 4 = 2 + 4 = 6$ で、1 ステップ進むと $4 - 0.1 \cdot 6 = 3.4$ になります。最後はどこに落ち着くでしょうか。損失の傾きとペナルティの傾きが打ち消し合うところです。$2 (w - 3) + 2 \lambda w = 0$ から、$w = 3 / (1 + \lambda) = 2$ となります。ライブラリのペナルティは `tl.l2(w, strength)` で、ほかの演算と同じく、計算グラフのノードになります。`tl.l1` では、2 乗の代わりに絶対値を使います。

# %%
w = tl.Tensor(4.0, requires_grad=True)
for _ in range(5):
    w.grad = None
    loss = (w - 3) ** 2 + tl.l2(w, 0.5)
    loss.backward()
    print(f"{w.item() = :.4f}  {loss.item() = :.4f}  {w.grad = :.4f}")
    w.data -= 0.1 * w.grad

# %% [markdown] lang="en"
# **What is not penalized: the bias.** Add 100 to all targets, and the best prediction should rise by
# 100, no more and no less. A bias does that for free, unless a penalty pulls it toward 0. Only the
# weights that multiply inputs make a model bend.
#
# **Exercise 10.1.** Write the gradient of $L(w) + \lambda \sum_j w_j^2$ in all weights for
# $L = \frac{1}{N} \sum_i (y_i - t_i)^2$, `y = X @ w`. The first column of `X` is all 1, so that
# `w[0]` is the bias: leave it out of the penalty.

# %% [markdown] lang="ja"
# **バイアスにはペナルティを課しません。** すべての教師データに 100 を足したら、最もよい予測も、ちょうど 100 だけ増えるはずです。それにはバイアスを 100 増やせばよいのですが、ペナルティがあると 0 のほうへ引き戻されてしまいます。モデルを複雑な形にするのは、入力に掛かる重みだけです。
#
# **演習 10.1** $L = \frac{1}{N} \sum_i (y_i - t_i)^2$、`y = X @ w` とします。すべての重みに対する $L(w) + \lambda \sum_j w_j^2$ の勾配を返す関数を書いてください。`X` の最初の列はすべて 1 なので、`w[0]` がバイアスです。バイアスにはペナルティを課しません。


# %%
def penalized_gradient(w, X, t, lam):
    return ...


check("10.1", penalized_gradient)

# %% [markdown] lang="en" tags=["solution"]
# The gradient of the mean squared error is $\frac{2}{N} X^T (X w - t)$, by lesson 5. The penalty adds
# $2 \lambda w_j$, once and not once for each sample, and nothing for the bias.

# %% [markdown] lang="ja" tags=["solution"]
# 平均二乗誤差の勾配は、第 5 章のとおり $\frac{2}{N} X^T (X w - t)$ です。ペナルティからは $2 \lambda w_j$ が加わります。サンプルごとにではなく、一度だけです。バイアスには何も加わりません。


# %% tags=["solution"]
def penalized_gradient(w, X, t, lam):
    decay = 2 * lam * w
    decay[0] = 0
    return 2 * X.T @ (X @ w - t) / len(X) + decay


check("10.1", penalized_gradient)

# %% [markdown] lang="en"
# ## Without a single step
#
# For squares the end of the walk is a formula. If each input column and the targets have the mean 0,
# the best bias is 0, and one can leave it out. Set the gradient to 0 and divide by 2:
#
# $$\frac{1}{N} X^T (X w - t) + \lambda w = 0 \quad\Longrightarrow\quad \left( \frac{1}{N} X^T X + \lambda I \right) w = \frac{1}{N} X^T t$$
#
# $I$ is the matrix with ones on the diagonal and zeros elsewhere. For our polynomial of degree 11,
# with the points of the first table:

# %% [markdown] lang="ja"
# ## 1 ステップも進まずに解く
#
# 二乗誤差では、落ち着く先が式で求まります。入力の各列の平均と教師データの平均がどれも 0 なら、最もよいバイアスは 0 なので、バイアスは省いてかまいません。勾配を 0 とおいて、2 で割ります。
#
# $$\frac{1}{N} X^T (X w - t) + \lambda w = 0 \quad\Longrightarrow\quad \left( \frac{1}{N} X^T X + \lambda I \right) w = \frac{1}{N} X^T t$$
#
# $I$ は単位行列（対角成分が 1、ほかの成分が 0 の行列）です。最初の表と同じ点に、11 次の多項式を当てはめます。


# %%
def ridge(X, t, lam):
    N, d = X.shape
    return np.linalg.solve(X.T @ X / N + lam * np.eye(d), X.T @ t / N)


x, t, x_val, t_val = points(2)
A, A_val = powers(x, 11)[:, 1:], powers(x_val, 11)[:, 1:]
middle, b = A.mean(axis=0), t.mean()
for lam in [1e-12, 1e-6, 1e-3, 1e-1, 10, 1e4]:
    w = ridge(A - middle, t - b, lam)
    train = np.mean(((A - middle) @ w + b - t) ** 2)
    val = np.mean(((A_val - middle) @ w + b - t_val) ** 2)
    print(f"{lam = :<6g} {train = :.4f}  {val = :.4f}  {w @ w = :.2g}")

print(f"{np.var(t) = :.4f}")

# %% [markdown] lang="en"
# The larger $\lambda$, the smaller the sum of squares `w @ w` and the larger the training loss: that
# is always so. The validation loss makes a **U**. On its left side the model is too free, on its
# right too stiff. At the far right all weights are nearly 0, only the bias is left, and it predicts
# the mean of the targets; the training loss is then their **variance**, printed last. The share of
# the variance that a model explains is called $R^2 = 1 - L / \text{var}(t)$: 1 for perfect
# predictions, 0 for the mean, negative for worse.

# %% [markdown] lang="ja"
# $\lambda$ を大きくするほど、重みの 2 乗の和 `w @ w` は小さくなり、訓練損失は大きくなります。これはいつでも成り立ちます。検証損失は **U 字形**を描きます。左側ではモデルが自由すぎ、右側では硬すぎるのです。右端では、重みはどれもほぼ 0 です。残るのはバイアスだけで、予測は教師データの平均になります。このとき訓練損失は、最後に表示した教師データの**分散**に等しくなります。分散のうち、モデルで説明できる割合を表すのが、決定係数 $R^2 = 1 - L / \text{var}(t)$ です。予測が完全なら 1、平均を答えるだけなら 0 で、それより悪ければ負になります。

# %% [markdown] lang="en"
# **Exercise 10.2.** Ridge regression with one weight and no bias: $y_i = w x_i$. Derive the $w$ that
# minimizes $\frac{1}{N} \sum_i (w x_i - t_i)^2 + \lambda w^2$, and write it as a function of the
# arrays `x`, `t` and of `lam`.

# %% [markdown] lang="ja"
# **演習 10.2** 重みが一つで、バイアスのないリッジ回帰 $y_i = w x_i$ を考えます。$\frac{1}{N} \sum_i (w x_i - t_i)^2 + \lambda w^2$ を最小にする $w$ を導き、配列 `x`, `t` と数 `lam` の関数として書いてください。


# %%
def ridge_slope(x, t, lam):
    return ...


check("10.2", ridge_slope)

# %% [markdown] lang="en" tags=["solution"]
# The derivative $\frac{2}{N} \sum_i x_i (w x_i - t_i) + 2 \lambda w$ is 0 where
# $w \left( \frac{1}{N} \sum_i x_i^2 + \lambda \right) = \frac{1}{N} \sum_i x_i t_i$.

# %% [markdown] lang="ja" tags=["solution"]
# 微分 $\frac{2}{N} \sum_i x_i (w x_i - t_i) + 2 \lambda w$ が 0 になるのは、$w \left( \frac{1}{N} \sum_i x_i^2 + \lambda \right) = \frac{1}{N} \sum_i x_i t_i$ のときです。


# %% tags=["solution"]
def ridge_slope(x, t, lam):
    return np.mean(x * t) / (np.mean(x**2) + lam)


check("10.2", ridge_slope)

# %% [markdown] lang="en"
# ## L1: exactly zero
#
# Now absolute values instead of squares: $L(w) + \lambda \sum_j |w_j|$, **L1 regularization**, with a
# squared error the **lasso**. Again one weight first; without the penalty $a$ would be best:
#
# $$f(w) = (w - a)^2 + \lambda |w|$$
#
# $|w|$ has slope 1 on the right of 0, slope $-1$ on the left, and a kink between. So go by cases.
#
# - A minimum at $w > 0$: $2 (w - a) + \lambda = 0$, so $w = a - \lambda / 2$. It is positive only if
#   $a > \lambda / 2$.
# - A minimum at $w < 0$: $2 (w - a) - \lambda = 0$, so $w = a + \lambda / 2$. It is negative only if
#   $a < -\lambda / 2$.
# - Otherwise, for $|a| \le \lambda / 2$: the slope right of 0 is at least $-2a + \lambda \ge 0$,
#   and left of 0 at most $-2a - \lambda \le 0$. The function falls up to 0 and rises from there.
#   The minimum is **exactly 0**.
#
# In words: move $a$ toward 0 by $\lambda / 2$, and stop at 0. This is the **soft threshold**. (In
# exercise 7.6 the square had a factor $1/2$, and one moved by $\lambda$.) Under L2, by contrast,
# $(w - a)^2 + \lambda w^2$ is smallest at $a / (1 + \lambda)$, which is 0 only if $a$ is.

# %% [markdown] lang="ja"
# ## L1：ちょうど 0 になる
#
# 今度は、2 乗の代わりに絶対値を使います。$L(w) + \lambda \sum_j |w_j|$ とするのが **L1 正則化**で、損失が二乗誤差なら**ラッソ**と呼びます。ここでも重みが一つの場合から始めます。ペナルティがないときに最もよい値を $a$ として、次の関数を考えます。
#
# $$f(w) = (w - a)^2 + \lambda |w|$$
#
# $|w|$ は 0 では微分できず、傾きは、0 より右では 1、左では $-1$ です。そこで場合分けをします。
#
# - $w > 0$ で最小になるなら、$2 (w - a) + \lambda = 0$ から $w = a - \lambda / 2$ です。これが正になるのは、$a > \lambda / 2$ のときだけです。
# - $w < 0$ で最小になるなら、$2 (w - a) - \lambda = 0$ から $w = a + \lambda / 2$ です。これが負になるのは、$a < -\lambda / 2$ のときだけです。
# - 残りは $|a| \le \lambda / 2$ の場合です。傾きは、0 の右側では小さくても $-2a + \lambda \ge 0$、左側では大きくても $-2a - \lambda \le 0$ です。関数の値は、0 までは減り、0 からは増えるので、**ちょうど 0** で最小になります。
#
# まとめると、$a$ を 0 に向かって $\lambda / 2$ だけ動かし、0 に届いたら止めればよいのです。これを**軟しきい値処理**と呼びます。（演習 7.6 では、2 乗に係数 $1/2$ が付いていたので、動かす量は $\lambda$ でした。）一方、L2 の $(w - a)^2 + \lambda w^2$ は $a / (1 + \lambda)$ で最小になります。この値は、$a$ が 0 でないかぎり 0 になりません。

# %%
figures.valleys(1.2, [0, 1, 2, 4])

# %% [markdown] lang="en"
# Left L2, right L1, both for $a = 1.2$ and $\lambda$ = 0, 1, 2, 4 (darker is larger); the dots are
# the minima. Under L2 they move toward 0 and slow down, since the pull $2 \lambda w$ fades with $w$.
# Under L1 the pull is $\lambda$ however small $w$ is. At $\lambda = 4$ the kink itself is the lowest
# point.

# %% [markdown] lang="ja"
# 左が L2、右が L1 です。どちらも $a = 1.2$ で、$\lambda$ = 0, 1, 2, 4 の順に色が濃くなります。点は、関数が最小になるところです。L2 では、点が 0 に近づくにつれて、動きが鈍ります。引く力 $2 \lambda w$ が、$w$ とともに弱まるからです。L1 では、$w$ がどれだけ小さくても、引く力は $\lambda$ のままです。$\lambda = 4$ では、微分できない点がそのまま最も低い点になっています。

# %% [markdown] lang="en"
# **Exercise 10.3.** Write the soft threshold: move each number of the array `a` toward 0 by `s`, and
# stop at 0. No loop is needed; `np.sign`, `np.abs` and `np.maximum` help.

# %% [markdown] lang="ja"
# **演習 10.3** 軟しきい値処理の関数を書いてください。配列 `a` の要素をそれぞれ 0 に向かって `s` だけ動かし、0 に届いたら止めます。繰り返しは要りません。`np.sign`, `np.abs`, `np.maximum` が役に立ちます。


# %%
def soft(a, s):
    return ...


check("10.3", soft)


# %% tags=["solution"]
def soft(a, s):
    return np.sign(a) * np.maximum(np.abs(a) - s, 0)


check("10.3", soft)

# %% [markdown] lang="en"
# ## A step that can land on 0
#
# In a real model one makes steps. Plain gradient descent with the slope $\lambda\, \text{sign}(w)$ of
# the penalty does not arrive: near 0 the pull is as strong as ever, and the weight jumps from side to
# side. The **proximal step** treats loss and penalty differently: a gradient step on the loss alone
# leads to $u$, and then the soft threshold moves $u$ toward 0 by $\eta \lambda$, the length of the
# penalty's step, but never beyond:
#
# $$u = w - \eta\, \frac{\partial L}{\partial w}, \qquad w_{\text{new}} = \text{sign}(u) \max(|u| - \eta \lambda,\ 0)$$
#
# For $(w - 0.3)^2 + |w|$ the answer is 0, since $0.3 \le 1 / 2$. Below, `plain` jumps across 0, and
# `prox` is exactly 0 from step 5 on. So is `library`: the optimizer of lesson 8 makes the proximal
# step if it is given `l1`.

# %% [markdown] lang="ja"
# ## 0 で止まれるステップ
#
# 実際のモデルでは、1 ステップずつ進みます。ペナルティの傾き $\lambda\, \text{sign}(w)$ をそのまま使う勾配降下法は、0 に収束しません。0 の近くでも引く力が弱まらず、重みが 0 の両側を行き来するからです。**近接勾配法**では、損失とペナルティを別々に扱います。まず、損失だけの勾配で 1 ステップ進んだところを $u$ とします。次に、軟しきい値処理で、ペナルティの歩幅 $\eta \lambda$ だけ $u$ を 0 に近づけます。0 を越えることはありません。
#
# $$u = w - \eta\, \frac{\partial L}{\partial w}, \qquad w_{\text{new}} = \text{sign}(u) \max(|u| - \eta \lambda,\ 0)$$
#
# $(w - 0.3)^2 + |w|$ では、$0.3 \le 1 / 2$ なので、答えは 0 です。次の計算で、`plain` は 0 を飛び越えますが、`prox` は 5 ステップ目からちょうど 0 になります。`library` も同じです。第 8 章のオプティマイザは、`l1` を指定すると近接勾配法で進みます。

# %%
from tinygrad_loss import optim


def soft_threshold(a, s):
    return np.sign(a) * np.maximum(np.abs(a) - s, 0)


plain = prox = 0.3
w = tl.Tensor(0.3, requires_grad=True)
optimizer = optim.SGD([w], lr=0.1, l1=1.0)
for step in range(1, 9):
    plain = plain - 0.1 * (2 * (plain - 0.3) + np.sign(plain))
    prox = soft_threshold(prox - 0.1 * 2 * (prox - 0.3), 0.1)
    optimizer.zero_grad()
    ((w - 0.3) ** 2).backward()
    optimizer.step()
    library = w.item()
    print(f"{step = } {plain = :7.4f} {prox = :.4f} {library = :.4f}")

# %% [markdown] lang="en"
# ## The path of ten weights
#
# Real data: 442 patients with diabetes, ten inputs (age, sex, body mass index, blood pressure, six
# blood values), and how far the disease has progressed a year later. **Standardize** the inputs
# first: subtract the mean of each column and divide by its standard deviation. Otherwise a penalty
# would depend on units: an input in grams has a weight a thousand times smaller than the same input
# in kilograms, and would hardly pay. Both methods for a few $\lambda$; `zeros` counts the weights
# that are exactly 0.

# %% [markdown] lang="ja"
# ## 10 個の重みはどう変わるか
#
# 実際のデータを使います。糖尿病患者 442 人の 10 個の入力（年齢、性別、BMI、血圧、6 種類の血液検査値）から、1 年後に病気がどれだけ進んだかを予測します。まず入力を**標準化**します。つまり、列ごとに平均を引き、標準偏差で割ります。標準化しないと、ペナルティが単位に左右されます。グラムで測った入力の重みは、キログラムで測ったときの 1,000 分の 1 になり、ペナルティがほとんどかからないからです。いくつかの $\lambda$ について、L2 と L1 の両方で解きます。`zeros` は、ちょうど 0 になった重みの数です。

# %%
from sklearn.datasets import load_diabetes

X, target = load_diabetes(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
t = target - target.mean()


def lasso(X, t, lam, lr=0.12, steps=1000):
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        u = w - lr * 2 * X.T @ (X @ w - t) / len(X)
        w = soft_threshold(u, lr * lam)
    return w


for lam in [0.1, 1, 10]:
    w = ridge(X, t, lam)
    print(f"L2  {lam = :<4} {w @ w = :.0f}  zeros = {np.sum(w == 0)}")
    print(w.round(1) + 0.0)

for lam in [2, 10, 50]:
    w = lasso(X, t, lam)
    print(f"L1  {lam = :<4} {w @ w = :.0f}  zeros = {np.sum(w == 0)}")
    print(w.round(1) + 0.0)

# %% [markdown] lang="en"
# Under L2 the sum of squares `w @ w` falls, and no weight is exactly 0 (one is rounded to 0 here).
# A single weight may grow on the way, as the first does with $\lambda$ from 0.1 to 1. L1
# **selects**: at $\lambda = 10$ five inputs are left, at 50 two (the third and the ninth: body mass
# index and `s5`, a blood value). Is that right? Scikit-learn has both, with other factors in front:
# its `Ridge(alpha)` takes the sum of squares, so that $\alpha = N \lambda$, and its lasso half of
# the mean, so that $\alpha = \lambda / 2$.

# %% [markdown] lang="ja"
# L2 では、2 乗の和 `w @ w` は小さくなりますが、ちょうど 0 になる重みはありません（0 と表示されている重みは、丸めたものです）。途中で大きくなる重みもあります。一つ目の重みは、$\lambda$ が 0.1 から 1 になると大きくなります。L1 は入力を**選びます**。残る入力は、$\lambda = 10$ では五つ、50 では二つ（三つ目の BMI と、九つ目の血液検査値 `s5`）です。この結果は正しいでしょうか。scikit-learn にも両方がありますが、係数の付け方が違います。`Ridge(alpha)` は二乗誤差の和を使うので $\alpha = N \lambda$、ラッソは平均の半分を使うので $\alpha = \lambda / 2$ にあたります。

# %%
from sklearn.linear_model import Ridge, lasso_path

lams = np.geomspace(100, 1, 25)
l2_path = np.array([ridge(X, t, lam) for lam in lams])
l1_path = np.array([lasso(X, t, lam) for lam in lams])
models = [Ridge(alpha=len(X) * lam).fit(X, t) for lam in lams]
l2_error = np.abs(l2_path - [model.coef_ for model in models]).max()
_, path, _ = lasso_path(X, t, alphas=lams / 2, tol=1e-10)
l1_error = np.abs(l1_path - path.T).max()
print(f"{bool(l2_error < 1e-10) = }")
print(f"{bool(l1_error < 1e-3) = }")

# %% [markdown] lang="en"
# They agree. The strength from which on all weights are 0 is known without a step. At $w = 0$ the
# penalty can hold a weight in place as long as the slope of the loss there is not steeper than
# $\lambda$: as in the third case above, where the slope of $(w - a)^2$ at 0 is $-2a$ and the condition
# was $|2a| \le \lambda$. So **all weights are 0 if $\lambda$ is at least the largest
# $|\partial L / \partial w_j|$ at $w = 0$.** Here it is 90.3:

# %% [markdown] lang="ja"
# どちらも一致しました。どの強さから重みがすべて 0 になるかは、1 ステップも進まずに分かります。$w = 0$ での損失の傾きが $\lambda$ より急でなければ、重みはペナルティに引き止められ、0 から動きません。先ほどの三つ目の場合と同じです。$(w - a)^2$ の 0 での傾きは $-2a$ で、条件は $|2a| \le \lambda$ でした。したがって、**$w = 0$ での $|\partial L / \partial w_j|$ の最大値が $\lambda$ 以下なら、重みはすべて 0 になります。** このデータでは 90.3 が境目です。

# %%
at_zero = 2 * X.T @ (0 - t) / len(X)
print(f"{np.abs(at_zero).max() = :.4f}")
for lam in [90.3, 90.4]:
    print(f"{lam = }  zeros = {np.sum(lasso(X, t, lam) == 0)}")

# %% [markdown] lang="en"
# **Exercise 10.4.** A model has three weights. At $w = 0$ the gradient of its loss, without a
# penalty, is $(-5.2,\ 4.1,\ 1.3)$. What is the smallest $\lambda$ with which all three remain 0 under
# L1? (Afterwards think: and under L2? The solution says.)

# %% [markdown] lang="ja"
# **演習 10.4** 重みが三つのモデルがあります。ペナルティのない損失の、$w = 0$ での勾配は $(-5.2,\ 4.1,\ 1.3)$ です。L1 で三つとも 0 のままになる $\lambda$ のうち、最小の値はいくつですか。（L2 ではどうなるかも、あとで考えてみましょう。解答例で説明しています。）

# %%
smallest_lam = ...
check("10.4", smallest_lam)

# %% [markdown] lang="en" tags=["solution"]
# The first weight has the steepest slope, 5.2 in size; its sign only says to which side the weight
# would go. Under L2 there is no such $\lambda$: the slope of $\lambda w^2$ at 0 is 0 and holds
# nothing back.

# %% [markdown] lang="ja" tags=["solution"]
# 傾きが最も急なのは一つ目の重みで、大きさは 5.2 です。符号は、重みがどちらへ動こうとするかを示すだけです。L2 には、そのような $\lambda$ はありません。$\lambda w^2$ の 0 での傾きは 0 なので、重みを引き止める力がないからです。

# %% tags=["solution"]
smallest_lam = 5.2
check("10.4", smallest_lam)

# %% [markdown] lang="en"
# ## Which lambda? Ask data that the fit has not seen
#
# The training loss cannot choose $\lambda$: it is always smallest at $\lambda = 0$. So hold data
# back. To waste little of it, cut the data into five **folds**; hold out one of them, fit on the
# other four, and do this five times, so that each sample is held out once. The mean of the five
# validation losses is the measure (**cross-validation**). The means and standard deviations to
# standardize with come from the training part alone, or the held-out part would leak in.
#
# With ten inputs and 442 patients there is little to overfit. So add all 55 products of two
# inputs (squares too): 65 weights.

# %% [markdown] lang="ja"
# ## λ をどう選ぶか：学習に使っていないデータで決める
#
# 訓練損失では $\lambda$ を選べません。いつでも $\lambda = 0$ で最小になるからです。そこで、データの一部を取っておきます。無駄を少なくするために、データを五つに分け、一つを検証用に取っておき、残りの四つで学習します。取っておく部分を替えて 5 回繰り返すと、どのサンプルもちょうど一度ずつ検証に使われます。五つの検証損失の平均を基準にするこの方法を、**交差検証**と呼びます。標準化に使う平均と標準偏差は、学習に使う部分だけから計算します。そうしないと、検証用の部分の情報が学習に漏れてしまいます。
#
# 入力が 10 個で患者が 442 人なら、過学習はほとんど起こりません。そこで、二つの入力の積（2 乗も含みます）55 個をすべて加えて、重みを 65 個にします。

# %%
strengths = np.geomspace(1e-4, 1e3, 22)
first, second = np.triu_indices(10)


def standardized(A, kept):
    return (A - A[kept].mean(axis=0)) / A[kept].std(axis=0)


def with_products(A):
    return np.hstack([A, A[:, first] * A[:, second]])


def curves(seed):
    order = np.random.default_rng(seed).permutation(len(X))
    train, val = np.zeros((2, 5, len(strengths)))
    for k, held_out in enumerate(np.array_split(order, 5)):
        kept = np.setdiff1d(order, held_out)
        b = target[kept].mean()
        Z = standardized(with_products(standardized(X, kept)), kept)
        for i, lam in enumerate(strengths):
            w = ridge(Z[kept], target[kept] - b, lam)
            squares = (Z @ w + b - target) ** 2
            train[k, i] = squares[kept].mean()
            val[k, i] = squares[held_out].mean()
    return train.mean(axis=0), val.mean(axis=0)


for seed in range(5):
    train, val = curves(seed)
    best = val.argmin()
    r2 = 1 - val[[0, best, -1]] / np.var(target)
    best, r2 = strengths[best], r2.round(2) + 0.0
    print(f"{seed = }  {best = :.2f}  {r2 = !s}")

# %% [markdown] lang="en"
# (`np.triu_indices` gives the pairs of inputs, `np.array_split` the five folds, `np.setdiff1d` what
# is left.) Five ways of cutting the data agree: of the 22 strengths 0.22 is the best each time, and
# $R^2$ is better there than for hardly any penalty ($\lambda = 10^{-4}$, first number) and far better
# than for too much ($\lambda = 10^3$, last number, where it is nearly 0: the model predicts the mean).

# %% [markdown] lang="ja"
# （`np.triu_indices` は入力の組を挙げ、`np.array_split` は五つに分け、`np.setdiff1d` は残りを求めます。）データの分け方を 5 通り試しましたが、結果はそろっています。22 個の強さのうち、どの分け方でも 0.22 が最もよい値です。そこでの $R^2$ は、ペナルティがほとんどない場合（$\lambda = 10^{-4}$、最初の数）より大きく、強すぎる場合（$\lambda = 10^3$、最後の数）よりはるかに大きくなっています。強すぎるとモデルは平均を答えるだけになり、値はほぼ 0 です。

# %%
wide = np.geomspace(1e-3, 1e3, 60)
l2 = wide, np.array([ridge(X, t, lam) for lam in wide])
l1 = lams, l1_path
figures.paths_and_validation(l2, l1, strengths, *curves(0))

# %% [markdown] lang="en"
# The picture to remember. Left: the ten weights under L2 as $\lambda$ grows; on the whole they
# shrink, some pass through 0, and even at the right end none is exactly 0. Middle: under L1 they
# end, one after the other, on the line 0; the blue line is the body mass index, the orange one
# (dashed) `s5`, the last two to go. Right, with all 65 weights: the training loss (dashed) can only
# rise with $\lambda$, the validation loss (solid) makes a U; the dot is its minimum, and the dotted
# line the variance of the targets, where both end.

# %% [markdown] lang="ja"
# この図を覚えておきましょう。左は L2 です。$\lambda$ が大きくなると、10 個の重みは全体として縮んでいきます。0 を横切る重みもありますが、右端でもちょうど 0 になる重みはありません。中央は L1 です。重みは一つずつ 0 の線に達し、そこで止まります。青の線が BMI、橙の破線が `s5` で、この二つが最後まで残ります。右は、重みが 65 個のときの損失です。訓練損失（破線）は $\lambda$ とともに大きくなるばかりですが、検証損失（実線）は U 字形を描き、点のところで最小になります。点線は教師データの分散で、二つの損失はどちらもそこに行き着きます。

# %% [markdown] lang="en"
# **Exercise 10.5.** Three folds, four strengths; all losses are means over samples. Which $\lambda$ do
# you choose?
#
# | $\lambda$ | 0.01 | 0.1 | 1 | 10 |
# |---|---|---|---|---|
# | training loss, mean of three | 12 | 15 | 19 | 36 |
# | validation loss, fold 1 | 31 | 26 | 28 | 40 |
# | validation loss, fold 2 | 22 | 20 | 21 | 38 |
# | validation loss, fold 3 | 40 | 34 | 25 | 44 |

# %% [markdown] lang="ja"
# **演習 10.5** データを三つに分け、四つの強さを試しました。損失はどれもサンプルについての平均です。どの $\lambda$ を選びますか。
#
# | $\lambda$ | 0.01 | 0.1 | 1 | 10 |
# |---|---|---|---|---|
# | 訓練損失（3 回の平均） | 12 | 15 | 19 | 36 |
# | 検証損失（1 回目） | 31 | 26 | 28 | 40 |
# | 検証損失（2 回目） | 22 | 20 | 21 | 38 |
# | 検証損失（3 回目） | 40 | 34 | 25 | 44 |

# %%
chosen_lam = ...
check("10.5", chosen_lam)

# %% [markdown] lang="en" tags=["solution"]
# The means over the folds are 31, 26.67, 24.67 and 40.67. No single fold decides, nor do most folds:
# in two of three 0.1 is a little better, in the third much worse. The training loss does not decide
# either, nor the gap between the two: at $\lambda = 10$ it is smallest, since the model is about
# equally bad on both.

# %% [markdown] lang="ja" tags=["solution"]
# 検証損失の平均は 31, 26.67, 24.67, 40.67 です。1 回の検証だけで決めるのでも、多数決でもありません。0.1 のほうが 2 回は少しよいのですが、残りの 1 回ではずっと悪くなっています。訓練損失でも、二つの損失の差でも決めません。差は $\lambda = 10$ で最小になりますが、これは、モデルがどちらのデータでも同じくらい悪いからです。

# %% tags=["solution"]
chosen_lam = 1
check("10.5", chosen_lam)

# %% [markdown] lang="en"
# ## Two inputs that say the same
#
# Suppose two inputs are equal, and the model needs $w_1 + w_2 = 3$. Under L2 an equal split costs
# $1.5^2 + 1.5^2 = 4.5$, and all on one $3^2 + 0^2 = 9$: **L2 shares.** Under L1 both cost 3, as does
# every split without a change of sign: L1 does not care, so that a bit of noise decides. The
# **elastic net** has both penalties, $\lambda_1 \sum_j |w_j| + \lambda_2 \sum_j w_j^2$.
#
# Below, two inputs are the same number with a little noise (correlation about 0.99), and the target
# is 3 times this number with much noise; five draws. `none` is without a penalty.

# %% [markdown] lang="ja"
# ## 同じ情報をもつ二つの入力
#
# 二つの入力が等しく、モデルには $w_1 + w_2 = 3$ が必要だとします。L2 のペナルティは、半分ずつにすると $1.5^2 + 1.5^2 = 4.5$、一方だけに寄せると $3^2 + 0^2 = 9$ です。つまり **L2 では分け合います**。L1 のペナルティはどちらも 3 で、符号が同じであるかぎり、どう分けても変わりません。そのため、わずかなノイズで分け方が決まります。**エラスティックネット**では、両方のペナルティ $\lambda_1 \sum_j |w_j| + \lambda_2 \sum_j w_j^2$ を使います。
#
# 次の計算では、一つの数に別々の小さなノイズを加えたものを二つの入力とし（相関係数は約 0.99）、その数の 3 倍に大きなノイズを加えたものを教師データとします。データを 5 回作ります。`none` はペナルティがない場合です。


# %%
def elastic_net(X, t, l1, l2, lr=0.2, steps=3000):
    w = np.zeros(X.shape[1])
    for _ in range(steps):
        d_w = 2 * X.T @ (X @ w - t) / len(X) + 2 * l2 * w
        w = soft_threshold(w - lr * d_w, lr * l1)
    return w


for seed in range(5):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(100)
    twins = z[:, None] + 0.1 * rng.standard_normal((100, 2))
    twins = (twins - twins.mean(axis=0)) / twins.std(axis=0)
    sums = 3 * z + 3 * rng.standard_normal(100)
    none, l2, l1, both = (
        elastic_net(twins, sums - sums.mean(), *strength).round(1)
        for strength in [(0, 0), (0, 0.3), (1, 0), (0.5, 0.25)]
    )
    print(f"{none = !s:11} {l2 = !s:9} {l1 = !s:9} {both = !s}")

# %% [markdown] lang="en"
# Without a penalty three draws of five give opposite signs. L2 and the elastic net share about evenly
# in all five. L1 dropped one input in three draws, and kept both in two. So "L1 has set this weight to
# 0" does **not** say that the input does not matter; its twin may have taken its place. With a weaker
# L2 part the elastic net shares less, and its weights can become 0, too.

# %% [markdown] lang="ja"
# ペナルティがないと、5 回のうち 3 回は、二つの重みの符号が逆になります。L2 とエラスティックネットでは、5 回ともほぼ均等に分け合います。L1 では、3 回は一方の重みが 0 になり、2 回は両方が残りました。したがって、L1 で重みが 0 になったからといって、その入力が重要でないとは**言えません**。よく似た別の入力が、代わりを務めているのかもしれないからです。エラスティックネットでも、L2 の部分を弱くすると、分け方が偏り、重みがちょうど 0 になることもあります。

# %% [markdown] lang="en"
# **Exercise 10.6.** The elastic net in one dimension: write the $w$ that minimizes
# $(w - a)^2 + \lambda_1 |w| + \lambda_2 w^2$ for each number of the array `a`. Go by cases as above.
# (You may use `soft_threshold`.)

# %% [markdown] lang="ja"
# **演習 10.6** 1 次元のエラスティックネットです。配列 `a` の要素ごとに、$(w - a)^2 + \lambda_1 |w| + \lambda_2 w^2$ を最小にする $w$ を返す関数を書いてください。前と同じように場合分けをします。（`soft_threshold` を使ってもかまいません。）


# %%
def elastic(a, l1, l2):
    return ...


check("10.6", elastic)

# %% [markdown] lang="en" tags=["solution"]
# For $w > 0$: $2 (w - a) + \lambda_1 + 2 \lambda_2 w = 0$, so
# $w (1 + \lambda_2) = a - \lambda_1 / 2$. The other side mirrors it. The square has slope 0 at 0, so
# that the case of 0 is as before, $|a| \le \lambda_1 / 2$. First the threshold, then the factor.

# %% [markdown] lang="ja" tags=["solution"]
# $w > 0$ なら $2 (w - a) + \lambda_1 + 2 \lambda_2 w = 0$ から、$w (1 + \lambda_2) = a - \lambda_1 / 2$ です。負の側も同様です。2 乗の項の 0 での傾きは 0 なので、0 になる条件は前と同じ $|a| \le \lambda_1 / 2$ です。先に軟しきい値処理をし、それから縮めます。


# %% tags=["solution"]
def elastic(a, l1, l2):
    return soft_threshold(a, l1 / 2) / (1 + l2)


check("10.6", elastic)

# %% [markdown] lang="en"
# ## Does L2 make weights easier to interpret?
#
# So it is often said. Test it: draw 442 of the 442 patients with repetition (some come twice or
# more, some not at all; this is the **bootstrap**), fit, and see how much a weight changes from
# draw to draw. In these data the blood values `s1` and `s2` have a correlation of 0.9. Below are
# the weights of `s1` and of the body mass index (the fifth and the third): mean and standard
# deviation over 500 draws.

# %% [markdown] lang="ja"
# ## L2 を使うと重みは解釈しやすくなるか
#
# よくそう言われます。確かめてみましょう。442 人の患者から、重複を許して 442 人を選びます（2 回以上選ばれる人も、1 回も選ばれない人もいます）。この方法を**ブートストラップ**と呼びます。選んだデータで学習し、選ぶたびに重みがどれだけ変わるかを見ます。このデータでは、血液検査値 `s1` と `s2` の相関係数が 0.9 です。`s1` と BMI の重み（五つ目と三つ目）について、500 回の平均と標準偏差を表示します。

# %%
rng = np.random.default_rng(0)
draws = rng.integers(0, len(X), (500, len(X)))
for lam in [0, 0.1, 1, 10]:
    found = []
    for i in draws:
        Z = X[i] - X[i].mean(axis=0)
        found.append(ridge(Z, t[i] - t[i].mean(), lam)[[4, 2]])
    (s1, bmi), (s1_std, bmi_std) = np.mean(found, 0), np.std(found, 0)
    print(f"{lam = :<3} {s1 = :5.1f} {s1_std = :4.1f}", end="   ")
    print(f"{bmi = :4.1f} {bmi_std = :.1f}")

# %% [markdown] lang="en"
# Half of the claim holds: a little L2 makes the weight of `s1` about nine times as steady. The other
# half does not. What `s1` is said to do depends on $\lambda$: its weight is strongly negative, weakly
# negative, then positive. A steady number is not a true one; with a huge $\lambda$ all weights are
# perfectly steady, at 0. Read a weight as "what this model does with this input, at this $\lambda$,
# beside these other inputs", and no more.

# %% [markdown] lang="ja"
# この主張の半分は正しいと言えます。L2 を少し使うだけで、`s1` の重みのばらつきは 9 分の 1 ほどになりました。もう半分は正しくありません。`s1` にどんな効果があると言えるかは、$\lambda$ しだいです。重みは、絶対値の大きな負の値から、絶対値の小さな負の値を経て、正の値になります。安定した値が正しい値とは限りません。$\lambda$ をとても大きくすれば、重みはどれも 0 で安定します。重みから読み取れるのは、「この $\lambda$ で、ほかの入力とともに使ったとき、このモデルがこの入力をどう扱うか」ということまでです。

# %% [markdown] lang="en"
# ## Dropout: noise as a penalty
#
# In deep networks another regularizer is common. **Dropout** sets each number of a layer to 0 with
# probability $p$ while it trains, anew in each step, and multiplies those that remain by
# $1 / (1 - p)$. In the mean nothing changes: a number $x$ becomes $x / (1 - p)$ with probability
# $1 - p$, and $(1 - p) \cdot x / (1 - p) = x$. So after training one leaves dropout out, with no
# further change.
#
# What does the noise do to a loss? One sample, $x = (1, 2)$, $w = (3, 1)$, so that $y = 5$; the
# target is 4, and $p = 0.5$. The factors 0 or 2 of both inputs are called a **mask**; there are four,
# equally probable:
#
# | mask | prediction | squared error |
# |---|---|---|
# | 0, 0 | 0 | 16 |
# | 2, 0 | 6 | 4 |
# | 0, 2 | 4 | 0 |
# | 2, 2 | 10 | 36 |
#
# The mean of the predictions is 5, as it should be. The mean of the squared errors is 14, while
# without dropout it is 1. The additional 13 is the variance of the prediction (a mean of squares is
# the square of the mean plus the variance). For a linear model there is a formula. A factor $m$ has
# mean 1, and its square the mean $(1 - p) \cdot 1 / (1 - p)^2 = 1 / (1 - p)$, so that its variance is
# $1 / (1 - p) - 1 = p / (1 - p)$. The variance of the term $w_j x_j m_j$ is $w_j^2 x_j^2$ times as
# large, and since the factors are independent, the variances of the terms add up:
#
# $$\frac{p}{1 - p} \sum_j w_j^2 x_j^2 = 1 \cdot (9 \cdot 1 + 1 \cdot 4) = 13$$
#
# It is a penalty on $w_j^2$: in expectation, **dropout on the inputs of a linear model is L2**. Its
# strength is $\lambda = p / (1 - p)$ for standardized inputs, where the mean of $x_j^2$ is 1.

# %% [markdown] lang="ja"
# ## ドロップアウト：ペナルティとして働くノイズ
#
# 深いネットワークでは、別の正則化もよく使われます。**ドロップアウト**では、学習中、層の出力を一つずつ確率 $p$ で 0 にし、残ったものを $1 / (1 - p)$ 倍します。どれを 0 にするかは、ステップごとに選び直します。平均は変わりません。$x$ は確率 $1 - p$ で $x / (1 - p)$ になり、$(1 - p) \cdot x / (1 - p) = x$ だからです。そのため、学習が終わったらドロップアウトを外すだけでよく、ほかの調整は要りません。
#
# ノイズがあると、損失はどう変わるでしょうか。サンプルは一つで、$x = (1, 2)$、$w = (3, 1)$ とすると $y = 5$ です。教師データは 4、$p = 0.5$ とします。二つの入力に掛ける 0 か 2 の組を**マスク**と呼びます。4 通りあり、どれも同じ確率です。
#
# | マスク | 予測 | 二乗誤差 |
# |---|---|---|
# | 0, 0 | 0 | 16 |
# | 2, 0 | 6 | 4 |
# | 0, 2 | 4 | 0 |
# | 2, 2 | 10 | 36 |
#
# 予測の平均は 5 で、たしかに変わりません。二乗誤差の平均は 14 ですが、ドロップアウトがなければ 1 です。増えた 13 は、予測の分散です（2 乗の平均は、平均の 2 乗と分散の和に等しいからです）。線形モデルなら、公式があります。マスクの一つの数 $m$ の平均は 1 で、その 2 乗の平均は $(1 - p) \cdot 1 / (1 - p)^2 = 1 / (1 - p)$ なので、分散は $1 / (1 - p) - 1 = p / (1 - p)$ です。項 $w_j x_j m_j$ の分散はその $w_j^2 x_j^2$ 倍で、マスクの数は互いに独立なので、項の分散を足し合わせればよいことになります。
#
# $$\frac{p}{1 - p} \sum_j w_j^2 x_j^2 = 1 \cdot (9 \cdot 1 + 1 \cdot 4) = 13$$
#
# これは $w_j^2$ に対するペナルティです。つまり、**線形モデルの入力にかけたドロップアウトは、期待値で見れば L2 と同じ**です。標準化した入力では、$x_j^2$ の平均が 1 なので、強さは $\lambda = p / (1 - p)$ になります。

# %%
sample, weights, p = np.array([1.0, 2.0]), np.array([3.0, 1.0]), 0.5
rng = np.random.default_rng(0)
masks = (rng.random((100_000, 2)) >= p) / (1 - p)
predictions = (sample * masks) @ weights
print(f"{predictions.mean() = :.2f}")
print(f"{np.mean((predictions - 4) ** 2) = :.1f}")
print(f"{tl.dropout(np.ones(6), p, rng=rng) = }")

# %% [markdown] lang="en"
# The numbers of 100,000 random masks are near 5 and 14; `tl.dropout` draws a mask and applies it,
# here to six ones.
#
# **Exercise 10.7.** One sample $x = (2, 1)$ with target 3, weights $w = (1, -3)$, dropout on the
# inputs with $p = 0.2$. What is the mean of the squared error over all masks? (They are not equally
# probable now. The formula is the short way.)

# %% [markdown] lang="ja"
# マスクを乱数で 100,000 個作ると、たしかに 5 と 14 に近い値になります。`tl.dropout` は、マスクを作って掛ける関数です。ここでは、六つの 1 に掛けました。
#
# **演習 10.7** サンプルは一つで、$x = (2, 1)$、教師データは 3、重みは $w = (1, -3)$ です。入力に $p = 0.2$ のドロップアウトをかけます。すべてのマスクについて二乗誤差を平均すると、いくつになりますか。（今度は、マスクの確率が等しくありません。公式を使うのが近道です。）

# %%
mean_error = ...
check("10.7", mean_error)

# %% [markdown] lang="en" tags=["solution"]
# Without dropout the prediction is $2 - 3 = -1$ and the squared error 16. The penalty is
# $\frac{0.2}{0.8} (1 \cdot 4 + 9 \cdot 1) = 0.25 \cdot 13 = 3.25$.

# %% [markdown] lang="ja" tags=["solution"]
# ドロップアウトがなければ、予測は $2 - 3 = -1$、二乗誤差は 16 です。ペナルティは $\frac{0.2}{0.8} (1 \cdot 4 + 9 \cdot 1) = 0.25 \cdot 13 = 3.25$ です。

# %% tags=["solution"]
mean_error = (2 * 1 - 3 * 1 - 3) ** 2 + 0.2 / 0.8 * (1 * 4 + 9 * 1)
check("10.7", mean_error)

# %% [markdown] lang="en"
# ## The loss turns, the metric hardly moves
#
# A **metric** is what one really wants, for instance the share of right answers; a loss is what has a
# useful slope. They need not agree. Breast tumors, benign or malignant, with 30 inputs: logistic
# regression (lesson 6: a sigmoid and binary cross-entropy) learns from only 40 patients, and 529
# validate. Gradient descent without a penalty; validation loss and share of right answers after 100
# and 3,000 steps, for five choices of the 40:

# %% [markdown] lang="ja"
# ## 損失は悪化しても、評価指標はほとんど変わらない
#
# **評価指標**は、正解の割合（正解率）のように、本当に良くしたい量です。損失は、学習に役立つ傾きをもつ量です。二つが同じように動くとは限りません。例として、乳房の腫瘍が良性か悪性かを、30 個の入力から判定します。モデルはロジスティック回帰（第 6 章のシグモイド関数と二値交差エントロピー誤差）です。わずか 40 人のデータで学習し、529 人で検証します。ペナルティのない勾配降下法で 100 ステップと 3,000 ステップ学習し、それぞれの検証損失と正解率を表示します。40 人の選び方を 5 通り試します。

# %%
from sklearn.datasets import load_breast_cancer

inputs, labels = load_breast_cancer(return_X_y=True)
for seed in range(5):
    order = np.random.default_rng(seed).permutation(len(inputs))
    kept = order[:40]
    Z = (inputs - inputs[kept].mean(axis=0)) / inputs[kept].std(axis=0)
    w, b, losses, shares = np.zeros(30), 0.0, [], []
    for step in range(3001):
        if step in (100, 3000):
            z, c = Z[order[40:]] @ w + b, labels[order[40:]]
            losses.append(np.mean(np.logaddexp(0, z) - c * z))
            shares.append(np.mean((z > 0) == c))
        g = (1 / (1 + np.exp(-Z[kept] @ w - b)) - labels[kept]) / 40
        w, b = w - 0.5 * Z[kept].T @ g, b - 0.5 * g.sum()
    losses, shares = np.round(losses, 3), np.round(shares, 3)
    print(f"{seed = }  {losses = !s:13}  {shares = !s}")

# %% [markdown] lang="en"
# (`np.logaddexp(0, z)` is $\log (1 + e^z)$ without overflow, so that `losses` are those of lesson 6.)
# In all five the validation loss rises, in four by half or more. The share of right answers changes
# by 1.5 percentage points at most, down in four and up in one. Most answers stay as they are; but the
# weights grow, the probabilities go to 0 and 1, and the few that are wrong become **confidently**
# wrong, for which the logarithm charges more and more. So look at three curves: training loss,
# validation loss, and the metric.
#
# **Early stopping** keeps the weights of the step with the lowest validation loss. Why does that
# regularize? Weights that start at 0 have not grown far yet. For $L = (w - 3)^2$, $\eta = 0.1$ and
# $w_0 = 0$ each step multiplies the distance from 3 by $1 - 2 \eta = 0.8$, so that
# $w_k = 3 (1 - 0.8^k)$. Ridge ends at $3 / (1 + \lambda)$. The two are equal if
# $\lambda = 0.8^k / (1 - 0.8^k)$. That is 4 after one step, 1.05 after three, 0.12 after ten: fewer
# steps, stronger penalty. (With many weights this holds for each direction by itself, not with one
# common $\lambda$.)

# %% [markdown] lang="ja"
# （`np.logaddexp(0, z)` は、オーバーフローを避けて $\log (1 + e^z)$ を計算します。`losses` は第 6 章の損失と同じものです。）検証損失は 5 通りとも大きくなり、そのうち 4 通りでは 5 割以上増えています。正解率の変化は最大でも 1.5 ポイントで、4 通りでは下がり、1 通りでは上がりました。ほとんどの答えは変わりません。しかし、重みが大きくなって確率が 0 や 1 に近づくと、数少ない間違いが、**自信をもった**間違いになり、対数のために損失がどんどん大きくなるのです。そこで、訓練損失、検証損失、評価指標の三つの曲線を見るようにしましょう。
#
# **早期終了**では、検証損失が最小になったステップの重みを使います。なぜこれが正則化になるのでしょうか。0 から始めた重みは、まだそれほど大きくなっていないからです。$L = (w - 3)^2$、$\eta = 0.1$、$w_0 = 0$ なら、1 ステップごとに 3 までの距離が $1 - 2 \eta = 0.8$ 倍になるので、$w_k = 3 (1 - 0.8^k)$ です。一方、リッジ回帰では $3 / (1 + \lambda)$ に落ち着きます。二つが等しくなるのは、$\lambda = 0.8^k / (1 - 0.8^k)$ のときです。この値は、1 ステップでは 4、3 ステップでは 1.05、10 ステップでは 0.12 です。ステップが少ないほど、ペナルティを強くするのと同じことになります。（重みが多いときは、この関係が方向ごとに成り立ち、一つの共通な $\lambda$ では表せません。）

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** In ridge regression $\lambda$ is raised from 0.1 to 1. What is sure?
#
# - "a": The validation loss falls.
# - "b": The mean squared error on the training data does not fall.
# - "c": Some weights become exactly 0.
#
# **b.** Why does L1 make weights exactly 0?
#
# - "a": Its pull is as strong near 0 as far away.
# - "b": Its pull gets stronger near 0.
# - "c": Small weights are rounded to 0 after training.
#
# **c.** The validation loss has doubled, the share of right answers on the same data is the same.
# What has happened?
#
# - "a": One of the two is computed wrongly: they measure the same.
# - "b": The learning rate is too large, and the training diverges.
# - "c": About as many answers are wrong as before, with more confidence.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** リッジ回帰で、$\lambda$ を 0.1 から 1 に上げました。必ず言えることはどれですか。
#
# - "a"：検証損失が小さくなる。
# - "b"：訓練データの平均二乗誤差は小さくならない。
# - "c"：いくつかの重みがちょうど 0 になる。
#
# **b.** L1 で重みがちょうど 0 になるのはなぜですか。
#
# - "a"：0 の近くでも、引く力が弱まらないから。
# - "b"：0 に近づくほど、引く力が強くなるから。
# - "c"：学習のあとで、小さな重みを 0 に丸めるから。
#
# **c.** 検証損失が 2 倍になったのに、同じデータでの正解率は変わりません。何が起こったのでしょうか。
#
# - "a"：同じことを測る二つの量なので、どちらかの計算が間違っている。
# - "b"：学習率が大きすぎて、学習が発散した。
# - "c"：間違いの数は前とほぼ同じだが、より自信をもって間違えている。

# %%
check("10 a", ...)
check("10 b", ...)
check("10 c", ...)

# %% tags=["solution"]
check("10 a", "b")
check("10 b", "a")
check("10 c", "c")

# %% [markdown] lang="en"
# ## Summary
#
# - Overfitting is a small training loss beside a large validation loss. Only data that the fit has
#   not seen show it.
# - L2 adds $2 \lambda w$ to the gradient: the weights shrink as a whole, and none becomes
#   exactly 0. The bias is left out.
# - L1 pulls with the force $\lambda$ however small $w$ is; the soft threshold gives exact zeros. Of
#   inputs that say the same it may keep any one; L2 and the elastic net share.
# - $\lambda$ is chosen on held-out data. Its curve is a U; too large a $\lambda$ ends at the mean,
#   $R^2 = 0$.
# - Dropout is L2 in expectation for a linear model; early stopping acts like L2, too.
# - L2 makes weights steadier, not truer. A smaller loss is not a better metric.
#
# **Read on.** In the gallery:
# [L2 shrinks, L1 selects](../../README.md#l2-shrinks-l1-selects-the-elastic-net-keeps-groups),
# [dropout is ridge regression](../../README.md#dropout-is-ridge-regression-in-expectation),
# [weight decay under Adam](../../README.md#weight-decay-is-l2-under-plain-sgd-and-something-else-under-adam),
# and
# [a smaller loss is not a better metric](../../README.md#a-smaller-loss-is-not-a-better-metric). To
# step through backpropagation, download [the page](../../pictures/backprop_expression.html) and
# open it in a browser. In the source: [`regularizers.py`](../../../tinygrad_loss/regularizers.py),
# with the factors of other libraries. Books and papers: Hastie, Tibshirani and Friedman, *The
# Elements of Statistical Learning* (2009), chapter 3; Tibshirani, "Regression Shrinkage and
# Selection via the Lasso" (1996); Srivastava and others, "Dropout" (2014).

# %% [markdown] lang="ja"
# ## まとめ
#
# - 過学習では、訓練損失が小さいのに、検証損失が大きくなります。学習に使っていないデータで測らなければ分かりません。
# - L2 では、勾配に $2 \lambda w$ が加わります。重みは全体として縮みますが、ちょうど 0 になる重みはありません。バイアスにはペナルティを課しません。
# - L1 では、$w$ がどれだけ小さくても、引く力は $\lambda$ です。軟しきい値処理によって、重みがちょうど 0 になります。同じ情報をもつ入力のうち、どれが残るかは分かりません。L2 とエラスティックネットでは、重みを分け合います。
# - $\lambda$ は、取っておいたデータで選びます。検証損失は U 字形を描き、$\lambda$ が大きすぎると平均を答えるだけになって、$R^2 = 0$ です。
# - 線形モデルへのドロップアウトは、期待値で見れば L2 です。早期終了も、L2 に似た働きをします。
# - L2 で重みは安定しますが、正しくなるわけではありません。また、損失が小さいほど評価指標がよいとは限りません。
#
# **次に読むもの** ギャラリーの [L2 は縮め、L1 は選ぶ](../../README.ja.md#l2-は縮めl1-は選びエラスティックネットは仲間ごと残す)、[ドロップアウトはリッジ回帰](../../README.ja.md#ドロップアウトは期待値で見ればリッジ回帰である)、[Adam での重み減衰](../../README.ja.md#重み減衰はふつうの-sgd-では-l2-と同じでadam-では別のもの)、[損失が小さいほどよいとは限らない](../../README.ja.md#損失が小さいほど評価指標もよいとは限らない過学習)を見てください。逆伝播を一段ずつたどるには、[このページ](../../pictures/backprop_expression.html)をダウンロードしてブラウザで開いてください。ソースコードでは、[`regularizers.py`](../../../tinygrad_loss/regularizers.py) に、ほかのライブラリとの係数の違いも書かれています。本と論文では、Hastie, Tibshirani, Friedman, The Elements of Statistical Learning（2009、邦訳『統計的学習の基礎』）の第 3 章、Tibshirani, "Regression Shrinkage and Selection via the Lasso"（1996）、Srivastava ほか, "Dropout"（2014）が参考になります。
