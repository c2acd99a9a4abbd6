# %% [markdown] lang="en"
# # 9. Activations are not losses
#
# **You will be able to** tell an activation from a loss, prove that depth is of no use without
# activations, say from a slope why a gradient vanishes, choose the size of the first weights by hand,
# and find dead relus.
#
# **You need** lessons 3, 5 and 6, and from lesson 8 gradient descent with its learning rate.
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 9 章 活性化関数は損失関数ではない
#
# **できるようになること**：活性化関数と損失関数を区別する。活性化関数がなければ層を重ねる意味がないことを証明する。勾配が消える理由を、傾きから説明する。重みの初期値の大きさを手計算で決める。死んだ relu を見つける。
#
# **前提知識**：第 3 章、第 5 章、第 6 章。第 8 章の勾配降下法と学習率。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Two kinds of functions
#
# Sigmoid, relu, softmax, squared error, cross-entropy: all of them are functions in a network, and
# their lists stand side by side in many books. They do different things.
#
# | | activation | loss |
# |---|---|---|
# | goes in | one array $z$ | a prediction $y$ **and a target** $t$ |
# | comes out | an array of the same shape | **one number** |
# | stands | between layers, or after the last one | once, at the very end |
# | used | in training and in prediction | in training only |
# | on the way back | a gradient comes in, and is multiplied by the slope (softmax: by its Jacobian) | the gradient **starts** here, from 1 |
# | examples | sigmoid, tanh, relu, softmax | squared error, cross-entropy |
#
# To make a loss small is the aim. To make an activation small is not the aim of anything: it knows no
# target.

# %% [markdown] lang="ja"
# ## 二種類の関数
#
# シグモイド関数、relu、ソフトマックス、二乗誤差、交差エントロピー誤差。どれもネットワークの中で使う関数で、多くの本に並んで載っていますが、役割は違います。（この章では、シグモイド関数を短くシグモイドと書きます。）
#
# | | 活性化関数 | 損失関数 |
# |---|---|---|
# | 入力 | 一つの配列 $z$ | 予測 $y$ と、**教師データ** $t$ |
# | 出力 | 同じ形状の配列 | **一つの数** |
# | 場所 | 層と層の間、または最後の層の後 | いちばん最後に一度だけ |
# | 時期 | 学習のときも予測のときも | 学習のときだけ |
# | 逆伝播 | 上流の勾配に傾き（ソフトマックスではヤコビ行列）を掛ける | 勾配はここで 1 から**始まる** |
# | 例 | シグモイド、tanh、relu、ソフトマックス | 二乗誤差、交差エントロピー誤差 |
#
# 損失を小さくすることは、学習の目的です。活性化関数の値を小さくすることが、目的になることはありません。活性化関数は、教師データとは無関係だからです。

# %% [markdown] lang="en"
# Both in one small example, by hand. From $z = (-2, 0.5, 3)$ relu makes $h = (0, 0.5, 3)$. Against
# $t = (-1, 1, 2)$ the errors are $1$, $-0.5$ and $1$, so that the mean squared error is
# $(1 + 0.25 + 1) / 3 = 0.75$. Backward the loss starts, with
# $2 (h - t) / 3 = (0.667, -0.333, 0.667)$. The activation multiplies that by its slopes $(0, 1, 1)$.
# (`tl.relu` is the library's relu.)

# %% [markdown] lang="ja"
# 小さな例で、両方を手計算してみましょう。$z = (-2, 0.5, 3)$ を relu に通すと $h = (0, 0.5, 3)$ です。教師データ $t = (-1, 1, 2)$ との誤差は $1$、$-0.5$、$1$ なので、平均二乗誤差は $(1 + 0.25 + 1) / 3 = 0.75$ です。逆伝播は損失から始まり、勾配は $2 (h - t) / 3 = (0.667, -0.333, 0.667)$ です。活性化関数では、これに傾き $(0, 1, 1)$ が掛かります。（`tl.relu` は、このライブラリの relu です。）

# %%
import numpy as np
import tinygrad_loss as tl
from check import check
from course.figures import activations as figures

np.set_printoptions(precision=4, suppress=True)

z = tl.Tensor([-2.0, 0.5, 3.0], requires_grad=True)
h = tl.relu(z)
loss = tl.mean_squared_error(h, [-1.0, 1.0, 2.0])
loss.backward()
print(f"{h.data = }")
print(f"{loss.item() = :.4f}")
print(f"{z.grad = }")

# %% [markdown] lang="en"
# The first unit is wrong by as much as the third, and yet its $z$ gets no gradient: relu is flat
# there. The loss says what is wrong; the activations decide **how far back this news can go**. Much
# of this lesson is about that.
#
# After the last layer a function is sometimes needed that turns scores into what the target is. It
# belongs to the loss that follows, and libraries often compute both in one, as lesson 6 did:
#
# | target | after the last layer | loss |
# |---|---|---|
# | any number | nothing | squared error |
# | yes or no | sigmoid | binary cross-entropy |
# | one of $C$ classes | softmax | cross-entropy |
#
# Inside the network there are other needs, and other functions: relu and its relatives, or tanh.

# %% [markdown] lang="ja"
# 一つ目のユニットの誤差は、三つ目と同じ大きさです。それなのに、一つ目の $z$ には勾配が届きません。そこでは relu のグラフが水平だからです。どこがどれだけ間違っているかは、損失から分かります。その情報が**どこまで伝わるか**は、活性化関数で決まります。この章では、おもにこのことを調べます。
#
# 最後の層の後には、スコアを教師データと比べられる形に直す関数を置くことがあります。どの関数かは、続く損失で決まります。第 6 章のように、両方を一度に計算するライブラリも多くあります。
#
# | 教師データ | 最後の層の後 | 損失 |
# |---|---|---|
# | 任意の数 | 何も置かない | 二乗誤差 |
# | 「はい」か「いいえ」 | シグモイド | 二値交差エントロピー誤差 |
# | $C$ 個のクラスの一つ | ソフトマックス | 交差エントロピー誤差 |
#
# ネットワークの内部では、求められることが違い、使う関数も違います。relu とその仲間、あるいは tanh です。

# %% [markdown] lang="en"
# ## Without an activation, depth is one line
#
# Why have activations at all? Put two linear layers one after the other:
#
# $$y = (x W_1 + b_1) W_2 + b_2 = x\,(W_1 W_2) + (b_1 W_2 + b_2)$$
#
# The product $W_1 W_2$ is a matrix like any other, and $b_1 W_2 + b_2$ a bias like any other. So both
# layers are **one** linear layer, and so are a hundred. Three layers with 337 numbers against one
# with 3:

# %% [markdown] lang="ja"
# ## 活性化関数がなければ、何層あっても 1 層と同じ
#
# そもそも、なぜ活性化関数が要るのでしょうか。線形層を二つ続けると、次のようになります。
#
# $$y = (x W_1 + b_1) W_2 + b_2 = x\,(W_1 W_2) + (b_1 W_2 + b_2)$$
#
# 積 $W_1 W_2$ も一つの行列で、$b_1 W_2 + b_2$ も一つのバイアスです。つまり、二つの層は**一つの**線形層と同じです。100 層あっても変わりません。337 個の数からなる三つの層と、3 個の数からなる一つの層を比べます。

# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 2))
shapes = [(2, 16), (16, 16), (16, 1)]
W1, W2, W3 = [rng.normal(size=shape) for shape in shapes]
b1, b2, b3 = [rng.normal(size=n) for _, n in shapes]
three_layers = ((x @ W1 + b1) @ W2 + b2) @ W3 + b3

W = W1 @ W2 @ W3
b = (b1 @ W2 + b2) @ W3 + b3
difference = np.abs(three_layers - (x @ W + b)).max()
print(f"{W.shape = }  {b.shape = }")
print(f"{difference < 1e-12 = !s}")

# %% [markdown] lang="en"
# One bend between the layers changes this. Two units with relu and the weights $1$ and $-1$, added
# up, give $\mathrm{relu}(x) + \mathrm{relu}(-x)$, which is the absolute value of $x$. No straight
# line can do that: one that is 1 at $-1$ and at $1$ is also 1 at 0. More units make more bends, and
# with enough of them any continuous curve on an interval can be followed as closely as one likes.

# %% [markdown] lang="ja"
# 層の間に折れ曲がった関数を一つ挟むだけで、事情は変わります。重みが $1$ と $-1$ の、二つの relu のユニットを足すと $\mathrm{relu}(x) + \mathrm{relu}(-x)$ となり、これは $x$ の絶対値です。直線ではこうはいきません。$-1$ と $1$ で 1 になる直線は、0 でも 1 になるからです。ユニットを増やせば折れ曲がる点も増えます。十分に増やせば、区間上のどんな連続な曲線にも、いくらでも近づけられます。

# %%
points = np.array([-2.0, -1.0, 0.0, 1.0, 3.0])
hidden = np.maximum(points[:, None] @ np.array([[1.0, -1.0]]), 0)
print(hidden @ np.array([1.0, 1.0]))

# %% [markdown] lang="en"
# **Exercise 9.1.** Two layers of one unit each: $h = 2x + 3$, then $y = 4h - 5$. Together they are
# one line $y = ax + b$. Give the list of $a$ and $b$.

# %% [markdown] lang="ja"
# **演習 9.1** ユニットが一つだけの層を二つ続けます。$h = 2x + 3$、次に $y = 4h - 5$ です。合わせると一つの直線 $y = ax + b$ になります。$a$ と $b$ をリストで答えてください。

# %%
a_and_b = ...
check("9.1", a_and_b)

# %% [markdown] lang="en" tags=["solution"]
# $4 (2x + 3) - 5 = 8x + 12 - 5$. The first bias goes through the second weight, as in $b_1 W_2 + b_2$.

# %% [markdown] lang="ja" tags=["solution"]
# $4 (2x + 3) - 5 = 8x + 12 - 5$ です。$b_1 W_2 + b_2$ のとおり、一つ目のバイアスには二つ目の重みが掛かります。

# %% tags=["solution"]
a_and_b = [2 * 4, 3 * 4 - 5]
check("9.1", a_and_b)

# %% [markdown] lang="en"
# ## Five curves and their slopes
#
# - **sigmoid**: $\sigma(z) = 1 / (1 + e^{-z})$, with the slope $\sigma(z)\,(1 - \sigma(z))$.
# - **tanh**: $\tanh z$, with the slope $1 - \tanh^2 z$.
# - **relu**: $\max(z, 0)$, with the slope 1 where $z > 0$, else 0.
# - **leaky relu**: $z$ where $z > 0$, else $a z$, with the slope 1 or $a$.
# - **GELU**: $z\,\Phi(z)$, with the slope $\Phi(z) + z\,\varphi(z)$.
#
# (ReLU, as relu is often written, stands for rectified linear unit.) Leaky relu has a small positive
# slope $a$ on the left, often 0.01. GELU (Hendrycks and Gimpel 2016) is a relu without a corner:
# $\Phi(z)$ is the probability that a normal random number with mean 0 and standard deviation 1 is
# below $z$, and its derivative $\varphi(z) = e^{-z^2 / 2} / \sqrt{2 \pi}$ is the density of such
# numbers (lesson 7). The slope is the product rule. The library has all five. Each value depends on
# its own $z$ only, so that `backward` from the sum of the values gives all slopes at once. Printed
# are the values at $-3$, $-1$, 0.5 and 3, then the slopes there (leaky relu with $a = 0.1$, so that
# one sees it).

# %% [markdown] lang="ja"
# ## 五つの曲線と傾き
#
# - **シグモイド**：$\sigma(z) = 1 / (1 + e^{-z})$、傾きは $\sigma(z)\,(1 - \sigma(z))$。
# - **tanh**：$\tanh z$、傾きは $1 - \tanh^2 z$。
# - **relu**：$\max(z, 0)$、傾きは $z > 0$ なら 1、それ以外は 0。
# - **leaky relu**：$z > 0$ なら $z$、それ以外は $a z$、傾きは 1 または $a$。
# - **GELU**：$z\,\Phi(z)$、傾きは $\Phi(z) + z\,\varphi(z)$。
#
# （relu は ReLU とも書き、rectified linear unit の略です。）leaky relu では、左側に小さな正の傾き $a$ を付けます。よく使われるのは 0.01 です。GELU（Hendrycks, Gimpel 2016）は、角のない relu です。$\Phi(z)$ は、平均 0、標準偏差 1 の正規分布に従う乱数が $z$ より小さい確率です。その導関数 $\varphi(z) = e^{-z^2 / 2} / \sqrt{2 \pi}$ は、この分布の確率密度です（第 7 章）。傾きは積の微分の公式から得られます。ライブラリには五つともあります。どの値も、対応する $z$ だけで決まるので、値の総和の `backward` を呼べば、すべての傾きが一度に求まります。表示するのは、$-3$, $-1$, 0.5, 3 での値と、そこでの傾きです（leaky relu は、見やすいように $a = 0.1$ としました）。

# %%
functions = {
    "sigmoid": tl.sigmoid,
    "tanh": tl.tanh,
    "relu": tl.relu,
    "leaky": lambda z: tl.leaky_relu(z, slope=0.1),
    "gelu": tl.gelu,
}


def value_and_slope(f, z):
    z = tl.Tensor(z, requires_grad=True)
    y = f(z)
    y.sum().backward()
    return y.data, z.grad


at = np.array([-3.0, -1.0, 0.5, 3.0])
print(f"{'at':8}{at} {at}")
for name, f in functions.items():
    y, d_z = value_and_slope(f, at)
    print(f"{name:8}{y.round(3)} {d_z.round(3)}")

# %% [markdown] lang="en"
# In the picture the curves are blue, the slopes orange and dashed. The dotted lines are at the
# heights 1/4 and 1.

# %% [markdown] lang="ja"
# 次の図では、値を青の実線、傾きを橙の破線で描きます。灰色の点線は、高さ 1/4 と 1 を示します。

# %%
grid = np.linspace(-4, 4, 401)
both = [value_and_slope(f, grid) for f in functions.values()]
figures.curves(grid, both)

# %% [markdown] lang="en"
# Three things to read off:
#
# - The slope of the **sigmoid** is at most 1/4, at 0: the product $p (1 - p)$ is largest at
#   $p = 1/2$. That of **tanh** reaches 1. Both go to 0 on both sides; one says that the unit is
#   **saturated** where it is nearly flat.
# - **relu** passes the whole gradient or nothing. **Leaky relu** always passes something.
# - The slope of **GELU** exceeds 1 (1.129 at $\sqrt{2}$) and is below 0 in places: the curve has a
#   shallow dip.
#
# All five work on each number **by itself**. Their Jacobian has numbers on the diagonal only. Softmax
# is different: each output depends on all inputs, and its Jacobian $p_i\,([i = j] - p_j)$ is full
# (lesson 6). That is why it takes an axis, and is no activation to put between layers without a
# reason. Its curve is that of the sigmoid: of two scores $z$ and 0 softmax makes $\sigma(z)$ and
# $1 - \sigma(z)$.

# %% [markdown] lang="ja"
# 図から読み取れることが三つあります。
#
# - **シグモイド**の傾きは、最大でも 1/4 です（0 のとき）。積 $p (1 - p)$ は $p = 1/2$ で最大になるからです。**tanh** の傾きは、最大で 1 です。どちらの傾きも、左右の端では 0 に近づきます。グラフがほぼ水平なところでは、ユニットが**飽和**していると言います。
# - **relu** は、勾配をそのまま通すか、まったく通さないかのどちらかです。**leaky relu** は、必ずいくらか通します。
# - **GELU** の傾きは 1 を超えるところがあり（$\sqrt{2}$ で 1.129）、負になるところもあります。曲線に浅いくぼみがあるからです。
#
# 五つの関数は、どれも**要素ごと**に計算します。ヤコビ行列の 0 でない要素は、対角線上にしかありません。ソフトマックスは違います。どの出力もすべての入力に依存し、ヤコビ行列 $p_i\,([i = j] - p_j)$ のどの要素も 0 ではありません（第 6 章）。そのため、ソフトマックスには軸の指定が必要です。層の間に、理由もなく置くものではありません。曲線はシグモイドと同じです。二つのスコア $z$ と 0 のソフトマックスは、$\sigma(z)$ と $1 - \sigma(z)$ になります。

# %% [markdown] lang="en"
# **Exercise 9.2.** What is the slope of the sigmoid at $z = \log 9$? By hand: first its value.

# %% [markdown] lang="ja"
# **演習 9.2** シグモイドの $z = \log 9$ での傾きを、手で計算してください。まず値を求めましょう。

# %%
d_sigmoid = ...
check("9.2", d_sigmoid)

# %% [markdown] lang="en" tags=["solution"]
# $e^{-z} = 1/9$, so the value is $1 / (1 + 1/9) = 0.9$ and the slope $0.9 \cdot 0.1 = 0.09$, much
# less than the 0.25 at 0.

# %% [markdown] lang="ja" tags=["solution"]
# $e^{-z} = 1/9$ なので、値は $1 / (1 + 1/9) = 0.9$、傾きは $0.9 \cdot 0.1 = 0.09$ です。0 での最大値 0.25 より、ずっと小さくなっています。

# %% tags=["solution"]
d_sigmoid = 0.9 * (1 - 0.9)
check("9.2", d_sigmoid)

# %% [markdown] lang="en"
# For what follows we need the sigmoid in NumPy:

# %% [markdown] lang="ja"
# 以下では、NumPy で書いたシグモイドを使います。


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# %% [markdown] lang="en"
# **Exercise 9.3.** tanh is a sigmoid, stretched and moved. Write it with `sigmoid` and no other
# function. (Think of the range first: a sigmoid goes from 0 to 1, tanh from $-1$ to 1. Then multiply
# numerator and denominator of $\tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}}$ by $e^{-z}$.)

# %% [markdown] lang="ja"
# **演習 9.3** tanh は、シグモイドを伸ばしてずらしたものです。`sigmoid` だけを使って書いてください。（まず値の範囲を考えましょう。シグモイドは 0 から 1 まで、tanh は $-1$ から 1 までです。次に、$\tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}}$ の分子と分母に $e^{-z}$ を掛けます。）


# %%
def tanh_by_sigmoid(z):
    return ...


check("9.3", tanh_by_sigmoid)

# %% [markdown] lang="en" tags=["solution"]
# $\tanh z = \frac{1 - e^{-2z}}{1 + e^{-2z}} = \frac{2}{1 + e^{-2z}} - 1 = 2\,\sigma(2z) - 1$. By the
# chain rule its slope is $2 \cdot 2\,\sigma'(2z)$, which at 0 is $4 \cdot 1/4 = 1$: the two factors
# of 2 are all that sets its slope apart.

# %% [markdown] lang="ja" tags=["solution"]
# $\tanh z = \frac{1 - e^{-2z}}{1 + e^{-2z}} = \frac{2}{1 + e^{-2z}} - 1 = 2\,\sigma(2z) - 1$ です。連鎖律から、傾きは $2 \cdot 2\,\sigma'(2z)$ で、0 では $4 \cdot 1/4 = 1$ になります。シグモイドと tanh の傾きの違いは、この二つの因子 2 だけです。


# %% tags=["solution"]
def tanh_by_sigmoid(z):
    return 2 * sigmoid(2 * z) - 1


check("9.3", tanh_by_sigmoid)

# %% [markdown] lang="en"
# **Exercise 9.4.** Write the backward rule of leaky relu: `z` went in, `g` comes in from above, `a` is
# the slope on the left. Arrays of any shape.

# %% [markdown] lang="ja"
# **演習 9.4** leaky relu の逆伝播の規則を書いてください。`z` は入力、`g` は上流の勾配、`a` は左側の傾きです。配列の形状は任意です。


# %%
def leaky_rule(z, g, a):
    return ...


check("9.4", leaky_rule)

# %% [markdown] lang="en" tags=["solution"]
# The slope depends on the sign of `z`, never on that of `g`.

# %% [markdown] lang="ja" tags=["solution"]
# 傾きを決めるのは `z` の符号です。`g` の符号は関係ありません。


# %% tags=["solution"]
def leaky_rule(z, g, a):
    return np.where(z > 0, g, a * g)


check("9.4", leaky_rule)

# %% [markdown] lang="en"
# ## A product of many slopes
#
# In a chain $h_1 = f(w_1 x)$, $h_2 = f(w_2 h_1)$ and so on, the chain rule makes a product. With
# $z_k$ for what goes into the $k$-th $f$:
#
# $$\frac{\partial L}{\partial z_1} = \frac{\partial L}{\partial z_{20}} \cdot w_{20} f'(z_{19}) \cdots w_3 f'(z_2) \cdot w_2 f'(z_1)$$
#
# From the first to the last layer these are 19 slopes. With weights of 1 and sigmoids the product is
# at most $0.25^{19} = 3.6 \cdot 10^{-12}$. The first layer gets less than a hundred-billionth of the
# gradient of the last. This is the **vanishing gradient** (Hochreiter 1991).
#
# Now real layers: 20 of them, 64 units each. The input is 64 random samples. The weights are random
# with the mean 0 and the variance $c / n$, where $n = 64$ is the number of inputs of a unit (the next
# section says why). In place of a loss a random `g` comes in at the end.
#
# The function returns for each layer the norm of $\partial L / \partial z$ (the root of the sum of
# its squares), and the root of the mean square of the outputs.

# %% [markdown] lang="ja"
# ## 多くの傾きの積
#
# $h_1 = f(w_1 x)$、$h_2 = f(w_2 h_1)$ のように関数が次々に続くとき、連鎖律から、勾配は積になります。$k$ 番目の $f$ に入る値を $z_k$ とすると、
#
# $$\frac{\partial L}{\partial z_1} = \frac{\partial L}{\partial z_{20}} \cdot w_{20} f'(z_{19}) \cdots w_3 f'(z_2) \cdot w_2 f'(z_1)$$
#
# です。最初の層から最後の層までに、傾きが 19 個並びます。重みが 1 のシグモイドなら、積は大きくても $0.25^{19} = 3.6 \cdot 10^{-12}$ です。最初の層に届く勾配は、最後の層の勾配の 1,000 億分の 1 より小さくなります。これが**勾配消失**です（Hochreiter 1991）。
#
# 今度は、64 ユニットの層を 20 層重ねた、実際のネットワークで調べます。入力は、乱数で作った 64 個のサンプルです。重みは、平均 0、分散 $c / n$ の乱数です（理由は次の節で説明します）。$n = 64$ は、一つのユニットが受け取る入力の数です。損失の代わりに、最後の層に乱数の `g` を与えます。
#
# 関数は、層ごとに、$\partial L / \partial z$ のノルム（2 乗の和の平方根）と、出力の 2 乗の平均の平方根を返します。


# %%
def relu(z):
    return np.maximum(z, 0)


def slope_of_sigmoid(z):
    return sigmoid(z) * (1 - sigmoid(z))


def slope_of_tanh(z):
    return 1 - np.tanh(z) ** 2


def slope_of_relu(z):
    return np.where(z > 0, 1.0, 0.0)


pairs = {
    "sigmoid": (sigmoid, slope_of_sigmoid),
    "tanh": (np.tanh, slope_of_tanh),
    "relu": (relu, slope_of_relu),
}


def through_layers(name, c, seed, depth=20, n=64):
    f, slope = pairs[name]
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(n, n))
    layers, sizes, norms = [], [], []
    for _ in range(depth):
        W = rng.normal(size=(n, n)) * np.sqrt(c / n)
        z = h @ W
        h = f(z)
        layers.append((W, z))
        sizes.append(np.sqrt(np.mean(h**2)))
    g = rng.normal(size=h.shape)
    for W, z in reversed(layers):
        g = g * slope(z)
        norms.append(np.linalg.norm(g))
        g = g @ W.T
    return norms[::-1], sizes


variances = {"sigmoid": 1, "tanh": 1, "relu": 2}
norms = {
    name: [through_layers(name, c, seed)[0] for seed in range(5)]
    for name, c in variances.items()
}
for name, runs in norms.items():
    ratios = [run[0] / run[-1] for run in runs]
    print(f"{name:8} {min(ratios):8.1e} {max(ratios):8.1e}")

# %% [markdown] lang="en"
# This is the norm at the first layer divided by that at the last, the smallest and the largest of
# five seeds. Below, all layers and all seeds, on a logarithmic axis. Read from right to left, as the
# gradient goes, the sigmoid's lines fall straight: each layer costs a factor of a little more than 4.
# tanh loses a factor of about 5 in all, relu hardly anything.

# %% [markdown] lang="ja"
# 最初の層のノルムを、最後の層のノルムで割った値です。五つの乱数シードでの最小値と最大値を示しました。次の図は、すべての層とシードについて、縦軸を対数目盛りにして描いたものです。シグモイドの線は、逆伝播の進む向き、つまり右から左へ、まっすぐに下がります。層を一つ戻るごとに、勾配が 4 分の 1 より少し小さくなるからです。tanh では全体で 5 分の 1 ほどになるだけで、relu ではほとんど変わりません。

# %%
figures.norms_by_layer(norms)

# %% [markdown] lang="en"
# Across: the layers, 1 to 20; upward: the norm of the gradient there. Blue with solid lines: relu;
# green and dotted: tanh; orange and dashed: sigmoid. Note that tanh is an S-shaped curve like the
# sigmoid, and yet its gradient does not vanish. What counts is the slope near 0, where untrained
# units work: 1 against 1/4.

# %% [markdown] lang="ja"
# 横軸は 1 から 20 までの層、縦軸はその層での勾配のノルムです。青の実線が relu、緑の点線が tanh、橙の破線がシグモイドです。tanh は、シグモイドと同じ S 字形の曲線なのに、勾配が消えません。差を生むのは、学習前のユニットの値が集まる 0 付近の傾きです。tanh では 1、シグモイドでは 1/4 です。

# %% [markdown] lang="en"
# **Exercise 9.5.** In a chain of sigmoids with all weights equal to 1, each sigmoid gives the
# gradient a factor $f'$. How many sigmoids does it take at least, until the gradient is **surely**
# below $10^{-9}$ of what came in, whatever the $z$ are?

# %% [markdown] lang="ja"
# **演習 9.5** 重みがすべて 1 で、シグモイドが一列に続いています。勾配には、シグモイド一つごとに $f'$ が掛かります。$z$ がどんな値でも、勾配が**必ず**元の $10^{-9}$ 倍より小さくなるには、シグモイドが少なくともいくつ必要ですか。

# %%
how_many = ...
check("9.5", how_many)

# %% [markdown] lang="en" tags=["solution"]
# Surely means: even with the largest slope, 1/4. $4^5 = 1024$, so $4^{15} = 1024^3$ is a little more
# than $10^9$, and $4^{14}$ is not.

# %% [markdown] lang="ja" tags=["solution"]
# 必ず小さくなるというのは、傾きが最大値 1/4 のときでも、という意味です。$4^5 = 1024$ なので、$4^{15} = 1024^3$ は $10^9$ より少し大きく、$4^{14}$ では足りません。

# %% tags=["solution"]
how_many = 15
check("9.5", how_many)

# %% [markdown] lang="en"
# ## How large should the first weights be?
#
# The product through twenty layers also contains the weights. If they are too small, signals and
# gradients vanish with any activation; if they are too large, they explode, or the units saturate.
#
# > **Recap: variance.** The variance of a random number $w$ with the mean 0 is the mean of $w^2$: we
# > write $E[w^2]$. Its root is the standard deviation. Means add up, and if two numbers are
# > independent, the mean of the product is the product of the means.
#
# Take one unit, $z = w_1 x_1 + \dots + w_n x_n$, where the weights have mean 0 and are independent of
# each other and of the inputs. Square it. The mixed terms such as $w_1 x_1 w_2 x_2$ have the mean
# $E[w_1]\,E[w_2]\,E[x_1 x_2] = 0$. What is left are the $n$ squares:
#
# $$E[z^2] = n \cdot E[w^2] \cdot E[x^2]$$
#
# (For inputs with the mean 0 this reads $\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,\mathrm{Var}(x)$.) By
# hand, with $n = 64$ inputs of mean square 1: weights of variance 1 give $E[z^2] = 64$, a typical $z$
# of 8, where tanh has the slope $4.5 \cdot 10^{-7}$. To keep the size, choose
# $\mathrm{Var}(w) = 1 / n$. This is the idea of **Xavier** initialization (Glorot and Bengio 2010),
# for tanh. On the way back a sum runs over the outputs of the layer, whose number may differ from
# $n$; the paper's compromise is $2 / (n_1 + n_2)$, with the numbers of inputs and outputs.

# %% [markdown] lang="ja"
# ## 重みの初期値はどのくらいの大きさにするか
#
# 20 層を通る積には、重みも含まれます。重みが小さすぎると、どの活性化関数でも、信号と勾配が消えます。大きすぎると、信号と勾配が爆発するか、ユニットが飽和します。
#
# > **復習：分散** 平均が 0 の確率変数 $w$ の分散は、$w^2$ の平均で、これを $E[w^2]$ と書きます。その平方根が標準偏差です。和の平均は平均の和です。二つの確率変数が独立なら、積の平均は平均の積です。
#
# 一つのユニット $z = w_1 x_1 + \dots + w_n x_n$ を考えます。重みは互いに独立で、入力とも独立で、平均は 0 とします。これを 2 乗しましょう。$w_1 x_1 w_2 x_2$ のような項の平均は $E[w_1]\,E[w_2]\,E[x_1 x_2] = 0$ です。残るのは、$n$ 個の 2 乗の項です。
#
# $$E[z^2] = n \cdot E[w^2] \cdot E[x^2]$$
#
# （入力の平均が 0 なら、$\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,\mathrm{Var}(x)$ と書けます。）手計算では、入力が $n = 64$ 個で、2 乗の平均が 1 のとき、重みの分散を 1 とすると $E[z^2] = 64$ です。$z$ の大きさは 8 程度になり、そこでの tanh の傾きは $4.5 \cdot 10^{-7}$ しかありません。大きさを保つには、$\mathrm{Var}(w) = 1 / n$ とします。これが、tanh のための **Xavier** の初期値の考え方です（Glorot, Bengio 2010）。逆伝播では、層の出力についての和になりますが、出力の数は $n$ と違うことがあります。論文では、両方の折り合いをつけて、入力の数と出力の数から $2 / (n_1 + n_2)$ としています。

# %% [markdown] lang="en"
# **Where He's 2 comes from.** With relu, half is lost. A weight $w$ is as probable as $-w$, so $z$
# and $-z$ are equally probable. relu keeps the $z^2$ of the positive half and makes 0 of the other half:
#
# $$E[\mathrm{relu}(z)^2] = \tfrac{1}{2} E[z^2] = \tfrac{1}{2}\, n\,\mathrm{Var}(w)\,E[x^2]$$
#
# To keep the size, set the factor $\tfrac{1}{2}\, n\,\mathrm{Var}(w)$ to 1: $\mathrm{Var}(w) = 2 / n$
# (He et al. 2015). On the way back relu lets half of the gradients pass, with the same factor and the
# same remedy. With $1 / n$ the mean square would halve in each layer; after 20 layers its root is
# $2^{-10} \approx 10^{-3}$. Now try the variance $c / n$ for several $c$. Printed are: $c$, the size
# of the outputs of layer 20, and the norm of the gradient at layer 1 against that at layer 20, each
# as the smallest and the largest of five seeds.

# %% [markdown] lang="ja"
# **He の 2 はどこから来るのか。** relu では、半分が失われます。重みが $w$ になる確率と $-w$ になる確率は等しいので、$z$ と $-z$ は同じ確率で現れます。relu は、正の半分については $z^2$ を残し、もう半分を 0 にします。
#
# $$E[\mathrm{relu}(z)^2] = \tfrac{1}{2} E[z^2] = \tfrac{1}{2}\, n\,\mathrm{Var}(w)\,E[x^2]$$
#
# 大きさを保つには、因子 $\tfrac{1}{2}\, n\,\mathrm{Var}(w)$ を 1 にします。つまり $\mathrm{Var}(w) = 2 / n$ です（He ほか 2015）。逆伝播でも、relu を通れる勾配は半分なので、因子も対策も同じです。$1 / n$ では、2 乗の平均が層ごとに半分になり、20 層の後には、その平方根が $2^{-10} \approx 10^{-3}$ になります。では、分散を $c / n$ として、いろいろな $c$ を試しましょう。表示するのは、$c$、第 20 層の出力の大きさ、第 1 層の勾配のノルムを第 20 層のノルムで割った値です。後の二つは、五つのシードでの最小値と最大値です。

# %%
print("name        c   outputs           ratios")
for name in ["relu", "tanh", "sigmoid"]:
    for c in [0.25, 1, 2, 16]:
        runs = [through_layers(name, c, seed) for seed in range(5)]
        outputs = [sizes[-1] for _, sizes in runs]
        ratios = [norms[0] / norms[-1] for norms, _ in runs]
        print(
            f"{name:8}{c:5}   {min(outputs):.1e} {max(outputs):.1e}"
            f"   {min(ratios):.1e} {max(ratios):.1e}"
        )

# %% [markdown] lang="en"
# For relu it is as computed: 1 loses a factor of a thousand, 2 keeps both sizes of the order of 1,
# and 16 explodes, with $\sqrt{16 / 2}^{\,20} = 8^{10} \approx 10^9$. For tanh, 1 would be exact if
# its slope were 1 everywhere. It is a little less, so that outputs and gradients shrink slowly; with
# 2 the gradients grow slowly. The best lies between (try 1.5), and 1 is what can be derived. With
# $c = 16$ the outputs of tanh cannot explode, they are saturated near $\pm 1$; but the *gradient* grows
# several thousand times, as the large weights outweigh the small slopes. With the sigmoid the
# gradient vanishes for each $c$ tried here.
#
# One thing must not be done: start all weights at the same number, such as 0. Then all units of a
# layer compute the same, get the same gradient, and stay the same forever. (The single layer of
# lesson 6 could start at 0: each of its outputs has a target of its own. It is hidden units that stay
# alike.)

# %% [markdown] lang="ja"
# relu は計算のとおりです。1 では 1,000 分の 1 になり、2 ではどちらの大きさも 1 程度に保たれ、16 では $\sqrt{16 / 2}^{\,20} = 8^{10} \approx 10^9$ と爆発します。tanh では、傾きがどこでも 1 なら、1 がちょうどよい値です。実際の傾きは 1 より少し小さいので、出力も勾配もゆっくり小さくなります。2 では、逆に勾配がゆっくり大きくなります。最も良い値はその間にあり（1.5 を試してみましょう）、計算で導けるのが 1 です。$c = 16$ でも、tanh の出力は $\pm 1$ の近くで飽和するので、爆発することはありません。ところが、**勾配**のほうは数千倍になります。小さな傾きより、大きな重みの影響が勝るからです。シグモイドの勾配は、ここで試したどの $c$ でも消えます。
#
# してはならないことが一つあります。すべての重みを、0 のような同じ数から始めることです。層のどのユニットも同じ計算をして、同じ勾配を受け取り、いつまでも同じままです。（第 6 章の一つの層を 0 から始められたのは、出力ごとに教師データが違うからです。同じままになるのは、中間層のユニットです。）

# %% [markdown] lang="en"
# **Exercise 9.6.** Which **standard deviation** of the weights keeps the mean square through layers
# of leaky relu with the slope `a`? Write it as a function of the number of inputs `n` and of `a`.
# First: what is left of $E[z^2]$, when the negative half is multiplied by $a$ and not by 0?

# %% [markdown] lang="ja"
# **演習 9.6** 左側の傾きが `a` の leaky relu の層を通っても 2 乗の平均が保たれるようにするには、重みの**標準偏差**をいくつにすればよいですか。入力の数 `n` と `a` の関数として書いてください。まず、負の半分に 0 ではなく $a$ を掛けると、$E[z^2]$ のどれだけが残るかを考えましょう。


# %%
def leaky_std(n, a):
    return ...


check("9.6", leaky_std)

# %% [markdown] lang="en" tags=["solution"]
# The positive half leaves $\tfrac{1}{2} E[z^2]$, the negative half $\tfrac{1}{2} a^2 E[z^2]$. So
# $\tfrac{1}{2} (1 + a^2)\, n\,\mathrm{Var}(w) = 1$. For $a = 0$ this is He's $2 / n$; for $a = 1$,
# which is no activation at all, it is $1 / n$.

# %% [markdown] lang="ja" tags=["solution"]
# 正の半分から $\tfrac{1}{2} E[z^2]$、負の半分から $\tfrac{1}{2} a^2 E[z^2]$ が残ります。したがって $\tfrac{1}{2} (1 + a^2)\, n\,\mathrm{Var}(w) = 1$ です。$a = 0$ なら He の $2 / n$ になり、$a = 1$、つまり活性化関数がないときは $1 / n$ になります。


# %% tags=["solution"]
def leaky_std(n, a):
    return np.sqrt(2 / ((1 + a**2) * n))


check("9.6", leaky_std)

# %% [markdown] lang="en"
# ## Dead relus
#
# A relu passes no gradient where $z \le 0$. If $z \le 0$ **for every sample**, its weights get no
# gradient from any of them. They never change again, and the unit stays off: it is **dead**. One step
# that is too long suffices. (Only in a deeper layer may it come back, if the layers before it change
# its inputs.)
#
# By hand: a model $y = \mathrm{relu}(w x)$ on $x = t = (1, 2, 3)$, started at $w = 1.5$. All $z$ are
# positive, and the slope of the mean squared error is
# $2 (w - 1)\,(1 + 4 + 9) / 3 = 2 \cdot 0.5 \cdot 14 / 3 = 4.6667$. With $\eta = 0.5$ the step leads
# to $w = 1.5 - 0.5 \cdot 4.6667 = -0.8333$. Now every $z$ is negative. Let 40 more steps follow with
# the harmless $\eta = 0.1$, with `a = 0` (relu) and `a = 0.1` (leaky relu):

# %% [markdown] lang="ja"
# ## 死んだ relu
#
# relu は、$z \le 0$ のとき勾配を通しません。**どのサンプルでも** $z \le 0$ なら、そのユニットの重みには、どのサンプルからも勾配が届きません。重みは二度と変わらず、ユニットの出力は 0 のままです。これを**死んだ relu** と呼びます。そうなるには、大きすぎるステップが一度あれば十分です。（生き返る可能性があるのは、手前の層の学習によって入力が変わるとき、つまり第 2 層以降だけです。）
#
# 手で計算してみましょう。モデルを $y = \mathrm{relu}(w x)$、データを $x = t = (1, 2, 3)$ とし、$w = 1.5$ から始めます。$z$ はどれも正なので、平均二乗誤差の傾きは $2 (w - 1)\,(1 + 4 + 9) / 3 = 2 \cdot 0.5 \cdot 14 / 3 = 4.6667$ です。$\eta = 0.5$ なら、1 ステップで $w = 1.5 - 0.5 \cdot 4.6667 = -0.8333$ になります。これで $z$ はすべて負です。続けて、無難な $\eta = 0.1$ で 40 ステップ進みます。`a = 0` は relu、`a = 0.1` は leaky relu です。

# %%
inputs = np.array([1.0, 2.0, 3.0])
targets = inputs


def gradient_of_w(w, a):
    z = w * inputs
    y = np.where(z > 0, z, a * z)
    g = 2 * (y - targets) / len(targets)
    return np.sum(np.where(z > 0, g, a * g) * inputs)


for a in [0, 0.1]:
    w = 1.5
    print(f"{a = :<3}  {w = :7.4f}  {gradient_of_w(w, a) = :7.4f}")
    w = w - 0.5 * gradient_of_w(w, a)
    print(f"{a = :<3}  {w = :7.4f}  {gradient_of_w(w, a) = :7.4f}")
    for _ in range(40):
        w = w - 0.1 * gradient_of_w(w, a)
    print(f"{a = :<3}  {w = :7.4f}  {gradient_of_w(w, a) = :7.4f}")

# %% [markdown] lang="en"
# The relu is wrong by far and has the gradient 0. The leaky relu lets a tenth of the gradient pass,
# and comes back to $w = 1$.
#
# In a network one **counts**: the share of units of a layer whose output is 0 for all samples.

# %% [markdown] lang="ja"
# relu のほうは、大きく外れているのに勾配が 0 です。leaky relu では、勾配の 10 分の 1 が通り、$w = 1$ に戻ってきます。
#
# ネットワークでは、すべてのサンプルで出力が 0 になるユニットを**数え**、層の中での割合を求めます。

# %% [markdown] lang="en"
# **Exercise 9.7.** Write a function that returns the share of dead units (between 0 and 1) in the layer
# `relu(X @ W + b)`, where each row of `X` is a sample.

# %% [markdown] lang="ja"
# **演習 9.7** 層 `relu(X @ W + b)` で死んでいるユニットの割合（0 から 1 まで）を返す関数を書いてください。`X` の各行が一つのサンプルです。


# %%
def share_of_dead(X, W, b):
    return ...


check("9.7", share_of_dead)

# %% [markdown] lang="en" tags=["solution"]
# Samples are rows, units are columns. A unit is dead if **all** numbers of its column are 0; the mean of
# True and False is the share. Single zeros do no harm: they are what relu is for.

# %% [markdown] lang="ja" tags=["solution"]
# サンプルは行に、ユニットは列に対応します。死んでいるのは、列の数が**すべて** 0 のユニットです。True と False の平均を取れば、割合になります。ところどころが 0 になるのは問題ではなく、それが relu の働きです。


# %% tags=["solution"]
def share_of_dead(X, W, b):
    h = np.maximum(X @ W + b, 0)
    return np.mean(np.all(h == 0, axis=0))


check("9.7", share_of_dead)

# %% [markdown] lang="en"
# Now a network with two layers of 32 units learns 200 handwritten digits. `nn.MLP` makes it from its
# sizes, with He's weights for relu and leaky relu and biases of 0. `optim.SGD` takes the steps of
# gradient descent for all of its parameters (`zero_grad` sets their gradients back to 0 before each).
# Printed are the activation, the learning rate, then after 50 steps the shares of units in the first
# layer with $z \le 0$ for all samples (five seeds), and the last losses.

# %% [markdown] lang="ja"
# 今度は、32 ユニットの層を二つもつネットワークで、200 枚の手書き数字を学習します。`nn.MLP` は、層の大きさからネットワークを作ります。重みは、relu と leaky relu なら He の初期値、バイアスは 0 から始めます。`optim.SGD` は、すべてのパラメータについて勾配降下法のステップを進めます（`zero_grad` は、ステップの前に毎回、勾配を 0 に戻します）。表示するのは、活性化関数、学習率、50 ステップ後の第 1 層で、どのサンプルでも $z \le 0$ となるユニットの割合（五つのシード）、そして最後の損失です。

# %%
from sklearn.datasets import load_digits
from tinygrad_loss import nn, optim

images, digits = load_digits(return_X_y=True)
images, digits = images[:200] / 16, digits[:200]


def train(sizes, activation, lr, seed, steps, goal=0.0):
    rng = np.random.default_rng(seed)
    net = nn.MLP(sizes, activation=activation, rng=rng)
    optimizer = optim.SGD(net.parameters(), lr)
    for step in range(steps):
        optimizer.zero_grad()
        loss = tl.cross_entropy(net(images), digits)
        if loss.item() < goal:
            return net, loss.item(), step
        loss.backward()
        optimizer.step()
    return net, loss.item(), steps


def dead_in_first_layer(net):
    z = net.layers[0](images).data
    return np.mean(np.all(z <= 0, axis=0))


sizes = [64, 32, 32, 10]
tries = [("relu", lr) for lr in [0.01, 0.3, 1, 3]]
tries.append(("leaky_relu", 1))
for name, lr in tries:
    runs = [train(sizes, name, lr, seed, 50) for seed in range(5)]
    shares = np.array([dead_in_first_layer(net) for net, _, _ in runs])
    losses = np.array([loss for _, loss, _ in runs])
    print(f"{name:11}{lr:<5}{shares.round(2)} {losses.round(2)}")

# %% [markdown] lang="en"
# At 0.01 the network has hardly moved: these units were off from the start. (Pixels are never
# negative, so that a unit whose weights are mostly negative may be off for every image.) At 0.3 there
# are few more. At 1 it is about half of the layer or more. At 3 it is nearly all, and the loss stays
# at $\log 10 = 2.30$, that of a fair guess: the network does not see its input any more. (A bias far
# below 0 does the same without a single step: it lowers $z$ for all samples at once.)
#
# The slope of leaky relu, here 0.01 on the left, is never 0, so that no unit is lost for good. But at
# the rate 1 as many units are below 0 for all samples, and the losses are in the same range: it is no
# cure for steps that are too long. What helps is first of all a smaller learning rate, then He's
# weights and biases of 0. (`tl.watch` counts the dead for you, in lesson 12.)

# %% [markdown] lang="ja"
# 学習率 0.01 では、ネットワークはまだほとんど変わっていません。これらのユニットは、初めから死んでいたのです。（画素の値は負にならないので、重みの多くが負のユニットは、どの画像でも 0 になりえます。）0.3 では、わずかに増えるだけです。1 では、層の約半分かそれ以上が死にます。3 ではほとんどすべてが死に、損失は、どのクラスにも同じ確率を割り当てたときの $\log 10 = 2.30$ のままです。入力が、もう出力に届いていません。（バイアスが 0 よりずっと小さいと、1 ステップも進まないうちに同じことが起こります。すべてのサンプルの $z$ が、一斉に小さくなるからです。）
#
# leaky relu の左側の傾きは、ここでは 0.01 です。0 にはならないので、永久に失われるユニットはありません。しかし、学習率 1 では、どのサンプルでも負になるユニットは同じくらい多く、損失の範囲も relu と変わりません。大きすぎるステップの対策にはならないのです。対策は、まず学習率を小さくすること、次に He の初期値を使い、バイアスを 0 から始めることです。（第 12 章の `tl.watch` は、死んだユニットを数えてくれます。）

# %% [markdown] lang="en"
# ## Which one learns faster?
#
# One reads that relu learns faster. Measure it: the same digits, networks of 2, 4 and 8 layers with
# 32 units, and the steps until the loss is below 0.5, at most 200. To be fair, each activation has
# weights that suit it (He's for relu, Xavier's for the others), and each network its best learning
# rate. All of 0.1, 0.3, 1 and 3 were tried, and the best stand in `rates`. (Where the best is at an
# end of the list, the next one beyond that end, 0.05 or 5, is no better.) The numbers: depth, rate,
# and the fewest and the most steps of five seeds (200: not reached).

# %% [markdown] lang="ja"
# ## どれが速く学習するか
#
# relu は学習が速い、とよく言われます。測ってみましょう。同じ手書き数字を使い、32 ユニットの 2, 4, 8 層のネットワークで、損失が 0.5 より小さくなるまでのステップ数を数えます。上限は 200 ステップです。公平に比べるために、重みはそれぞれに合わせて初期化し（relu には He、ほかには Xavier の初期値）、学習率もネットワークごとに最も良いものを使います。0.1, 0.3, 1, 3 をすべて試し、最も良かったものを `rates` に入れました。（それが候補の端の値だった場合は、その外側の 0.05 や 5 も試しましたが、速くはなりませんでした。）表示するのは、層の数、学習率、五つのシードでの最小と最大のステップ数です（200 は、到達しなかったことを表します）。

# %%
rates = {
    "sigmoid": {2: 3, 4: 3, 8: 3},
    "tanh": {2: 1, 4: 0.3, 8: 0.3},
    "relu": {2: 1, 4: 0.3, 8: 0.1},
}


def steps_to_goal(name, depth, lr, seed):
    sizes = [64] + [32] * (depth - 1) + [10]
    return train(sizes, name, lr, seed, 200, goal=0.5)[2]


seeds = range(5, 10)
print("name    depth   lr   low  high")
for name, by_depth in rates.items():
    for depth, lr in by_depth.items():
        steps = [steps_to_goal(name, depth, lr, s) for s in seeds]
        low, high = min(steps), max(steps)
        print(f"{name:8}{depth:5}{lr:5}{low:6}{high:6}")

# %% [markdown] lang="en"
# The sigmoid is slower at each depth, and with 8 layers no seed gets there in 200 steps: the
# vanishing gradient, seen in training. But relu does not win here: **tanh is faster at each depth**.
# Is the claim wrong, then? Its best-known source (Krizhevsky et al. 2012) compares a network of
# convolutions, which reached the goal six times faster with relu than with tanh. Speed depends on the
# task, the weights and the rate. What holds in general are the reasons: a slope of 1 does not shrink
# in a product, nothing saturates to the right, and a comparison is cheaper than an exponential.
#
# Inside large networks relu and GELU are the usual choice today. In a small one, measure.

# %% [markdown] lang="ja"
# シグモイドは、どの深さでも遅く、8 層では、どのシードでも 200 ステップで到達しません。学習に現れた勾配消失です。しかし、relu が一番というわけでもありません。ここでは、**どの深さでも tanh のほうが速い**のです。では、relu は速いという主張は誤りでしょうか。最もよく知られた出典（Krizhevsky ほか 2012）は畳み込みネットワークを比べたもので、relu では tanh の 6 倍の速さで目標に達しました。速さは、課題、重み、学習率によって変わります。一般に言えるのは、速いとされる理由のほうです。傾き 1 は何度掛けても小さくならず、右側では飽和せず、大小の比較は指数関数より速く計算できます。
#
# 現在、大きなネットワークの内部では、relu か GELU を使うのが普通です。小さなネットワークでは、測って決めましょう。

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** Where does the backward pass of a classifier of digits start?
#
# - "a": At the softmax, since it gives the probabilities.
# - "b": At the cross-entropy, the one number that compares with the target.
# - "c": At the last relu that is not 0, since there the gradient passes.
#
# **b.** Twenty layers of relu get weights of the variance $1 / n$ in place of $2 / n$. What becomes
# of the mean square of the outputs, from layer to layer?
#
# - "a": It stays, since $n \cdot 1/n = 1$.
# - "b": It is 0 from some layer on, since all units die.
# - "c": It is halved.
#
# **c.** Why does the gradient survive twenty layers of tanh, and not twenty layers of sigmoids?
#
# - "a": The slope of tanh near 0 is 1, that of a sigmoid 1/4.
# - "b": tanh does not saturate.
# - "c": tanh takes negative values, so that the gradient keeps its sign.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 手書き数字の分類器で、逆伝播はどこから始まりますか。
#
# - "a"：確率を出力するソフトマックス。
# - "b"：教師データと比べて一つの数を出す、交差エントロピー誤差。
# - "c"：0 でない最後の relu。勾配が通るのはそこだから。
#
# **b.** 20 層の relu で、重みの分散を $2 / n$ ではなく $1 / n$ としました。出力の 2 乗の平均は、層ごとにどう変わりますか。
#
# - "a"：変わらない。$n \cdot 1/n = 1$ だから。
# - "b"：途中の層から 0 になる。すべてのユニットが死ぬから。
# - "c"：半分になる。
#
# **c.** 20 層の tanh では勾配が残り、20 層のシグモイドでは残らないのはなぜですか。
#
# - "a"：0 付近の傾きが、tanh では 1、シグモイドでは 1/4 だから。
# - "b"：tanh は飽和しないから。
# - "c"：tanh は負の値もとり、勾配の符号が保たれるから。

# %%
check("9 a", ...)
check("9 b", ...)
check("9 c", ...)

# %% tags=["solution"]
check("9 a", "b")
check("9 b", "c")
check("9 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - A loss compares with a target, returns one number, and starts the gradients. An activation maps an
#   array to an array, and multiplies the gradient that comes in by its slope.
# - Linear layers one after the other are one linear layer. Activations make depth worth something.
# - Gradients through depth are products. Sigmoids contribute 1/4 at most; tanh and relu can
#   contribute 1.
# - $E[z^2] = n\,\mathrm{Var}(w)\,E[x^2]$: variance $1 / n$ for tanh, and $2 / n$ for relu, which
#   halves the mean square.
# - A relu that is off for all samples is dead: count them, and lower the learning rate.
# - Sigmoids inside learn slowly. Between tanh and relu, measure.
#
# **Read on.** In the gallery: [depth needs activations, sigmoids lose the gradient, ReLUs
# die](../../README.md#depth-needs-activations-sigmoids-lose-the-gradient-relus-die), with `watch`. On
# [the page that steps through backprop](../../pictures/backprop_expression.html) (download it and
# open it in a browser), see slopes multiplied one by one. In the source:
# [`nn/__init__.py`](../../../tinygrad_loss/nn/__init__.py) has the layers and their initialization.
# Papers: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural
# networks* (2010); He et al., *Delving deep into rectifiers* (2015).

# %% [markdown] lang="ja"
# ## まとめ
#
# - 損失関数は、予測を教師データと比べて一つの数を返し、勾配の出発点になります。活性化関数は、配列を受け取って配列を返し、逆伝播では上流の勾配に傾きを掛けます。
# - 線形層は、いくつ続けても一つの線形層です。活性化関数があるから、層を重ねる意味があります。
# - 多くの層を通る勾配は、積になります。シグモイドの因子は最大でも 1/4 ですが、tanh と relu では 1 になりえます。
# - $E[z^2] = n\,\mathrm{Var}(w)\,E[x^2]$ から、重みの分散は、tanh なら $1 / n$、2 乗の平均が半分になる relu なら $2 / n$ です。
# - どのサンプルでも出力が 0 の relu は、死んでいます。その数を調べ、学習率を下げましょう。
# - シグモイドを内部に使うと、学習が遅くなります。tanh と relu のどちらが良いかは、測って決めます。
#
# **次に読むもの** ギャラリーの[活性化関数がなければ深さに意味はない。シグモイドでは勾配が消え、ReLU は死ぬ](../../README.ja.md#活性化関数がなければ深さに意味はないシグモイドでは勾配が消えrelu-は死ぬ)では、`watch` も使っています。[逆伝播をたどるページ](../../pictures/backprop_expression.html)（ダウンロードしてブラウザで開いてください）では、傾きが一つずつ掛けられていく様子が見られます。ソースコードでは、[`nn/__init__.py`](../../../tinygrad_loss/nn/__init__.py) に、層とその初期化があります。論文では、Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks（2010）と、He ほか, Delving deep into rectifiers（2015）が参考になります。
