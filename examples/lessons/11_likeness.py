# %% [markdown] lang="en"
# # 11. Similar and dissimilar, real and fake
#
# **You will be able to** train a network on pairs and on triplets instead of classes, say why most
# triplets teach nothing and what a collapse is, let two networks play against each other, choose
# between two losses of a generator by their gradients, and differentiate a penalty on a slope.
#
# **You need** binary cross-entropy (lesson 2), its gradient at a logit (lesson 6), densities
# (lesson 7), `create_graph` (lesson 8) and `nn.MLP` (lesson 9).
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 11 章 似ているか、本物か
#
# **できるようになること**：クラスの代わりに、組や三つ組を使ってネットワークを学習させる。ほとんどの三つ組からは何も学べない理由と、崩壊とは何かを説明する。二つのネットワークを競わせる。生成器の二つの損失のどちらを使うかを、勾配を見て決める。傾きに対するペナルティを微分する。
#
# **前提知識**：二値交差エントロピー誤差（第 2 章）、ロジットに対する勾配（第 6 章）、確率密度（第 7 章）、`create_graph`（第 8 章）、`nn.MLP`（第 9 章）。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Distance as likeness
#
# So far each sample had a target: a number or a class. Often one knows less. Are these two
# signatures by the same hand? Are these two photographs of one person? There are far too many
# people for one class each, and tomorrow there will be new ones. What is known is only: these two
# are **alike**, those two are not.
#
# Then let the network compute from each sample a point, its **embedding**, and let the *distance*
# of two points say how alike the samples are. In the plane, all the points together are a **map**
# of the samples. No single point is right or wrong. So the loss needs at least two points.

# %% [markdown] lang="ja"
# ## 似ている度合いを距離で表す
#
# これまでは、どのサンプルにも、数やクラスという教師データがありました。しかし、そこまで分からないこともよくあります。この二つの署名は同じ人のものか。この 2 枚の写真に写っているのは同じ人か。人ごとにクラスを作るには人数が多すぎますし、明日には新しい人も加わります。分かっているのは、この二つは**似ている**、あの二つは似ていない、ということだけです。
#
# そこで、ネットワークには、サンプルごとに一つの点を計算させます。この点を**埋め込み**と呼び、二つのサンプルがどれだけ似ているかを、点どうしの距離で表します。平面上に並べた点の全体は、サンプルの**地図**と考えられます。一つの点だけを見ても、正しいとも間違いとも言えません。したがって、損失を決めるには、少なくとも 2 点が必要です。

# %% [markdown] lang="en"
# ## Pull and push
#
# The **contrastive loss** (Hadsell, Chopra and LeCun 2006) takes a pair of embeddings $a$ and $b$
# with the distance $d = |a - b|$. A pair of the same kind costs more the farther apart it is, a
# pair of different kinds costs something only while it is nearer than a **margin** $m$:
#
# - same kind: $L = \frac{1}{2} d^2$
# - different kinds: $L = \frac{1}{2} \max(0,\ m - d)^2$
#
# > **Recap: the derivative of a distance.** In the plane,
# > $d = \sqrt{(a_1 - b_1)^2 + (a_2 - b_2)^2}$, and so
# > $\partial d / \partial a_1 = (a_1 - b_1) / d$, likewise for $a_2$. Together:
# > $\partial d / \partial a = (a - b) / d$. This is a vector of length 1 that points from $b$ to
# > $a$: nothing makes the distance grow faster than to move $a$ straight away from $b$. For $b$ it
# > is the opposite, $-(a - b) / d$.
#
# The chain rule gives the gradient at $a$, first for the same kind, then for different kinds with
# $d < m$:
#
# $$\frac{\partial L}{\partial a} = d \cdot \frac{a - b}{d} = a - b, \qquad \frac{\partial L}{\partial a} = -(m - d)\,\frac{a - b}{d}$$
#
# Both are springs. A step goes against the gradient, so that a pair of the same kind is **pulled**
# together with the force $d$, and a pair of different kinds is **pushed** apart with the force
# $m - d$. Beyond the margin nothing pushes.
#
# By hand: $a = (0.32, 0.26)$ and $b = (0.2, 0.1)$ differ by $(0.12, 0.16)$, and $d = 0.2$. If they
# are of the same kind, the loss is 0.02 and the gradient $(0.12, 0.16)$. If they are not, and
# $m = 1$, the loss is $0.8^2 / 2 = 0.32$ and the gradient $-0.8 \cdot (0.6, 0.8) = (-0.48, -0.64)$.

# %% [markdown] lang="ja"
# ## 引き寄せる力、押し離す力
#
# 二つの埋め込み $a$ と $b$ の組に対する損失として、**対照損失**があります（contrastive loss、Hadsell, Chopra, LeCun 2006）。距離を $d = |a - b|$ とします。同じ種類の組では、離れているほど損失が大きくなります。違う種類の組では、**マージン** $m$ より近いときにだけ、損失が生じます。
#
# - 同じ種類：$L = \frac{1}{2} d^2$
# - 違う種類：$L = \frac{1}{2} \max(0,\ m - d)^2$
#
# > **復習：距離の微分** 平面上では $d = \sqrt{(a_1 - b_1)^2 + (a_2 - b_2)^2}$ なので、$\partial d / \partial a_1 = (a_1 - b_1) / d$ です。$a_2$ についても同じです。まとめると $\partial d / \partial a = (a - b) / d$ となります。これは $b$ から $a$ へ向かう長さ 1 のベクトルです。距離が最も速く増えるのは、$a$ を $b$ からまっすぐ遠ざけるときだからです。$b$ については、逆向きの $-(a - b) / d$ です。
#
# 連鎖律から、$a$ に対する勾配は次のようになります。左が同じ種類の組、右が違う種類で $d < m$ の組です。
#
# $$\frac{\partial L}{\partial a} = d \cdot \frac{a - b}{d} = a - b, \qquad \frac{\partial L}{\partial a} = -(m - d)\,\frac{a - b}{d}$$
#
# どちらも、ばねと同じです。進むのは勾配と逆の向きなので、同じ種類の組は大きさ $d$ の力で**引き寄せられ**、違う種類の組は大きさ $m - d$ の力で**押し離されます**。マージンより離れていれば、力は働きません。
#
# 手計算では、$a = (0.32, 0.26)$ と $b = (0.2, 0.1)$ の差は $(0.12, 0.16)$ で、$d = 0.2$ です。同じ種類なら、損失は 0.02、勾配は $(0.12, 0.16)$ です。違う種類で $m = 1$ なら、損失は $0.8^2 / 2 = 0.32$、勾配は $-0.8 \cdot (0.6, 0.8) = (-0.48, -0.64)$ です。

# %%
import numpy as np
import tinygrad_loss as tl
from check import check
from course.figures import likeness as figures

np.set_printoptions(precision=4, suppress=True)

first = tl.Tensor([[0.32, 0.26]], requires_grad=True)
second = tl.Tensor([[0.2, 0.1]], requires_grad=True)
for same in [1, 0]:
    first.grad = second.grad = None
    loss = tl.contrastive(first, second, [same], margin=1.0)
    loss.backward()
    print(f"{same = }  {loss.item() = :.2f}")
    print(f"{first.grad[0] = }")
    print(f"{second.grad[0] = }")

# %% [markdown] lang="en"
# In `tl.contrastive` a row is an embedding, and 1 means "the same kind"; the result is the mean
# over the pairs. Both ends of a spring feel the same force in opposite directions: the two
# gradients sum to 0.

# %% [markdown] lang="ja"
# `tl.contrastive` では、行が一つの埋め込みで、1 が「同じ種類」を表します。結果は、組についての平均です。ばねの両端には、同じ大きさで逆向きの力が働くので、二つの勾配の和は 0 です。

# %% [markdown] lang="en"
# **Exercise 11.1.** $a = (4, 1)$ and $b = (1, 5)$ are of different kinds, and the margin is 8. What
# is $\partial L / \partial a$? By hand; answer with an array. (Which way should $a$ move? The
# gradient points the other way.)

# %% [markdown] lang="ja"
# **演習 11.1** $a = (4, 1)$ と $b = (1, 5)$ は違う種類で、マージンは 8 です。$\partial L / \partial a$ を手で計算し、配列で答えてください。（$a$ はどちらへ動くべきでしょうか。勾配はその逆を向きます。）

# %%
d_first = ...
check("11.1", d_first)

# %% [markdown] lang="en" tags=["solution"]
# The difference $(3, -4)$ has the length $d = 5$, and the force is $m - d = 3$. So the gradient is
# $-3 \cdot (0.6, -0.8)$.

# %% [markdown] lang="ja" tags=["solution"]
# 差 $(3, -4)$ の長さは $d = 5$ で、力の大きさは $m - d = 3$ です。したがって、勾配は $-3 \cdot (0.6, -0.8)$ です。

# %% tags=["solution"]
d_first = -(8 - 5) * np.array([3, -4]) / 5
check("11.1", d_first)

# %% [markdown] lang="en"
# Someone has written the gradient for many pairs at once, one pair in each row. (It is the gradient
# of the sum of the losses; `same` holds 1 and 0.) Two pairs of different kinds are given to it, at
# the distances 0.2 and 5, with the margin 1.

# %% [markdown] lang="ja"
# 次の関数は、多くの組の勾配をまとめて求めようとしたものです。1 行が一つの組です。（損失の和の勾配です。`same` には 1 と 0 が入ります。）距離が 0.2 と 5 の、違う種類の二つの組に、マージンを 1 として使ってみます。


# %%
def slipped_gradient(a, b, same, margin):
    d = np.linalg.norm(a - b, axis=1, keepdims=True)
    push = -(margin - d) * (a - b)
    return np.where(same[:, None] == 1, a - b, push)


ends = np.array([[0.12, 0.16], [3.0, 4.0]])
d_near, d_far = slipped_gradient(ends, 0 * ends, np.zeros(2), 1.0)
print(f"{d_near = }")
print(f"{d_far = }")

# %% [markdown] lang="en"
# **Exercise 11.2.** There are two slips in it. `d_near` should be $(-0.48, -0.64)$; and what should
# happen to a pair at the distance 5, if the margin is 1? Write it right.

# %% [markdown] lang="ja"
# **演習 11.2** この関数には、間違いが二つあります。`d_near` は $(-0.48, -0.64)$ になるはずです。また、マージンが 1 のとき、距離 5 の組はどうなるべきでしょうか。正しく書き直してください。


# %%
def gradient_of_pairs(a, b, same, margin):
    return ...


check("11.2", gradient_of_pairs)

# %% [markdown] lang="en" tags=["solution"]
# The direction has to have length 1, so that `a - b` is divided by `d`. And beyond the margin
# `margin - d` is negative: the slipped function pulls different kinds together there. The maximum
# with 0 keeps it from that.

# %% [markdown] lang="ja" tags=["solution"]
# 向きは長さ 1 でなければならないので、`a - b` を `d` で割ります。また、マージンより離れると `margin - d` は負になり、元の関数は、違う種類の組を引き寄せてしまいます。0 との大きいほうを取れば、それを防げます。


# %% tags=["solution"]
def gradient_of_pairs(a, b, same, margin):
    d = np.linalg.norm(a - b, axis=1, keepdims=True)
    push = -np.maximum(margin - d, 0) * (a - b) / d
    return np.where(same[:, None] == 1, a - b, push)


check("11.2", gradient_of_pairs)

# %% [markdown] lang="en"
# ## Why not pull alone?
#
# With pairs of the same kind only, there is a perfect answer that says nothing: put **all** samples
# on one point. Every distance is 0, and so is the loss. This is called **collapse**. Each step
# shrinks a difference,
#
# $$(a - b) - \eta\,(a - b) + \eta\,(b - a) = (1 - 2\,\eta)\,(a - b) ,$$
#
# and nothing holds against it. The push is what keeps the map open. (It keeps open; it cannot open:
# where all points are one, every pair of different kinds costs $m^2 / 2$, but no direction is
# better than another, and the gradient is 0.)

# %% [markdown] lang="ja"
# ## なぜ引き寄せるだけではいけないのか
#
# 同じ種類の組だけで学習すると、完璧なのに何の役にも立たない答えが見つかります。**すべての**サンプルを一つの点に置くのです。距離はどれも 0 で、損失も 0 です。これを**崩壊**と呼びます。1 ステップごとに、差は
#
# $$(a - b) - \eta\,(a - b) + \eta\,(b - a) = (1 - 2\,\eta)\,(a - b)$$
#
# と縮んでいき、それを止めるものがありません。地図がつぶれるのを防ぐのは、押し離す力です。（ただし、つぶれた地図を広げることはできません。すべての点が一つに重なると、違う種類の組のそれぞれに損失 $m^2 / 2$ が生じますが、どの向きに動いても同じなので、勾配は 0 です。）

# %% [markdown] lang="en"
# ## Nearer to this than to that
#
# The contrastive loss wants all samples of one kind on a single point. The **triplet loss**
# (Weinberger and Saul 2009; Schroff and others 2015, for faces) asks for less: an **anchor** $a$
# has to be nearer to a **positive** $p$ of its kind than to a **negative** $n$ of another kind, by
# a margin:
#
# $$L = \max(0,\ |a - p| - |a - n| + m)$$
#
# (Both papers square the distances. Without squares, each of the two acts with the force 1.) Let
# $u$ be the vector of length 1 that points from the anchor to the positive, and $v$ that from the
# anchor to the negative. Where $L > 0$, the gradients are
#
# $$\frac{\partial L}{\partial p} = u, \qquad \frac{\partial L}{\partial n} = -v, \qquad \frac{\partial L}{\partial a} = v - u$$
#
# The anchor stands in both distances, so that two paths add up. And the three **sum to 0**: if all
# three points move alike, no distance changes, and neither does the loss. By hand: $a = (0, 0)$,
# $p = (0.8, 0.6)$, $n = (0, 1.5)$ and $m = 1$ give $L = 1 - 1.5 + 1 = 0.5$, $u = (0.8, 0.6)$,
# $v = (0, 1)$.

# %% [markdown] lang="ja"
# ## あちらよりこちらに近く
#
# 対照損失は、同じ種類のサンプルをすべて 1 点に集めようとします。**トリプレット損失**の要求は、もっと緩やかです（triplet loss、Weinberger, Saul 2009、顔認識では Schroff ほか 2015）。**アンカー** $a$ が、違う種類の**負例** $n$ よりも、同じ種類の**正例** $p$ に、マージンの分だけ近ければよいのです。
#
# $$L = \max(0,\ |a - p| - |a - n| + m)$$
#
# （二つの論文では、距離を 2 乗しています。2 乗しなければ、二つの距離のどちらからも、大きさ 1 の力が働きます。）アンカーから正例へ向かう長さ 1 のベクトルを $u$、アンカーから負例へ向かう長さ 1 のベクトルを $v$ とします。$L > 0$ のとき、勾配は
#
# $$\frac{\partial L}{\partial p} = u, \qquad \frac{\partial L}{\partial n} = -v, \qquad \frac{\partial L}{\partial a} = v - u$$
#
# です。アンカーは二つの距離の両方に入っているので、二つの経路の分を足し合わせます。三つの勾配の**和は 0** です。3 点を同じだけ動かしても、距離は変わらず、損失も変わらないからです。手計算では、$a = (0, 0)$、$p = (0.8, 0.6)$、$n = (0, 1.5)$、$m = 1$ のとき、$L = 1 - 1.5 + 1 = 0.5$、$u = (0.8, 0.6)$、$v = (0, 1)$ です。

# %%
rows = [[0.0, 0.0], [0.8, 0.6], [0.0, 1.5]]
for points in [rows, [[0.3, 0.3]] * 3]:
    points = tl.Tensor(points, requires_grad=True)
    loss = tl.triplet(points[0], points[1], points[2], margin=1.0)
    loss.backward()
    print(f"{loss.item() = :.4f}")
    print(points.grad)
    print(f"{points.grad.sum(axis=0) = }")

# %% [markdown] lang="en"
# The second triplet has collapsed: three equal points. Its loss is the margin, and no gradient
# leads out. A triplet loss that **stays at the margin** is the sign of a collapsed map.

# %% [markdown] lang="ja"
# 二つ目の三つ組は崩壊していて、3 点が重なっています。損失はマージンと等しく、そこから抜け出す勾配もありません。トリプレット損失が**マージンの値から動かない**のは、地図が崩壊したしるしです。

# %% [markdown] lang="en"
# **Exercise 11.3.** Anchor $(1, 1)$, positive $(4, 5)$, negative $(-3.8, 4.6)$, margin 3. What are
# the three gradients? By hand; answer with an array of three rows: anchor, positive, negative. (The
# distances are whole numbers.)

# %% [markdown] lang="ja"
# **演習 11.3** アンカーは $(1, 1)$、正例は $(4, 5)$、負例は $(-3.8, 4.6)$、マージンは 3 です。三つの勾配を手で計算してください。アンカー、正例、負例の順に 3 行の配列で答えます。（距離は整数になります。）

# %%
d_points = ...
check("11.3", d_points)

# %% [markdown] lang="en" tags=["solution"]
# The distances are 5 and 6, so that the loss is $5 - 6 + 3 = 2 > 0$: the negative is farther away
# than the positive, but not by the margin. $u = (3, 4) / 5$ and $v = (-4.8, 3.6) / 6$. The rows sum
# to 0.

# %% [markdown] lang="ja" tags=["solution"]
# 距離は 5 と 6 なので、損失は $5 - 6 + 3 = 2 > 0$ です。負例は正例より遠くにありますが、マージンの分だけ遠くはありません。$u = (3, 4) / 5$、$v = (-4.8, 3.6) / 6$ で、3 行の和は 0 です。

# %% tags=["solution"]
u = np.array([3, 4]) / 5
v = np.array([-4.8, 3.6]) / 6
d_points = np.array([v - u, u, -v])
check("11.3", d_points)

# %% [markdown] lang="en"
# ## A map of four digits
#
# Now to real images: 3, 5, 8 and 9 of scikit-learn's digits, which are easily mixed up. For each,
# 120 images are for training and 50 for the test. A network with 32 hidden units makes two numbers
# of 64 pixels. (`nn.MLP` is that of lesson 9. `optim.Adam` is gradient descent with a step size of
# its own for each weight, which adapts on the way.)
#
# The first axis of `X` is the digit (counted 0 to 3), the second the image. `k` holds 64 random
# digits, and `other` a different one for each. The network is never told the digits themselves, it
# gets only pairs or triplets drawn with them. With `reduction="none"` the library returns the
# losses of a batch one by one, so that those that are 0 can be counted. The margin is 1, the
# default.

# %% [markdown] lang="ja"
# ## 四つの数字の地図
#
# 次は本物の画像です。scikit-learn の手書き数字のうち、混同しやすい 3, 5, 8, 9 を使います。それぞれ 120 枚を学習に、50 枚をテストに使います。中間層のユニットが 32 個のネットワークで、64 個の画素から二つの数を計算します。（`nn.MLP` は第 9 章で使ったものです。`optim.Adam` は、重みごとに歩幅を調整しながら進む勾配降下法です。）
#
# `X` の最初の軸は数字（0 から 3 の番号で表します）、次の軸は画像です。`k` は乱数で選んだ 64 個の数字で、`other` はそれぞれと異なる数字です。ネットワークに与えるのは、これらを使って選んだ画像の組や三つ組だけで、どの数字かは教えません。`reduction="none"` とすると、平均を取らずに一つ一つの損失を返すので、0 になったものを数えられます。マージンは既定値の 1 です。

# %%
from sklearn.datasets import load_digits
from tinygrad_loss import nn, optim

images, labels = load_digits(return_X_y=True)
digits = [3, 5, 8, 9]
chosen = [images[labels == digit][:170] / 16 for digit in digits]
groups = np.array(chosen)
X, X_test = groups[:, :120], groups[:, 120:]
each = {"reduction": "none"}


def learn(kind, seed):
    rng = np.random.default_rng(seed)
    net = nn.MLP([64, 32, 2], activation="tanh", rng=rng)
    adam = optim.Adam(net.parameters(), lr=0.01)
    zeros = []

    def draw(k):
        return net(X[k, rng.integers(120, size=64)])

    for _ in range(300):
        k = rng.integers(4, size=64)
        other = (k + rng.integers(1, 4, size=64)) % 4
        if kind == "contrastive":
            same = rng.integers(2, size=64)
            second = draw(np.where(same == 1, k, other))
            losses = tl.contrastive(draw(k), second, same, **each)
        else:
            losses = tl.triplet(draw(k), draw(k), draw(other), **each)
        zeros.append(np.mean(losses.data == 0))
        adam.zero_grad()
        losses.mean().backward()
        adam.step()
    return net, np.array(zeros)


def share_right(points, points_test):
    means = points.mean(axis=1)
    differences = points_test[:, :, None] - means
    nearest = np.linalg.norm(differences, axis=3).argmin(axis=2)
    return np.mean(nearest == np.arange(4)[:, None])


nets = {}
print(f"{share_right(X, X_test) = :.3f}")
for kind in ["contrastive", "triplet"]:
    shares = []
    for seed in range(5):
        net, zeros = learn(kind, seed)
        nets.setdefault(kind, net)
        shares.append(share_right(net(X).data, net(X_test).data))
    print(f"{kind:<11}  {min(shares):.3f} {max(shares):.3f}")

# %% [markdown] lang="en"
# `share_right` gives each test image the digit whose mean is nearest, and counts how often that is
# right. On the 64 pixels this is right in 88 % of the cases; with two numbers instead of 64 it is
# right in 94 to 96 % after training on pairs, and in 91 to 96 % after training on triplets (the
# least and the most of five seeds). The maps of the first seed, with the test images only:

# %% [markdown] lang="ja"
# `share_right` は、各テスト画像を、平均が最も近い数字に分類し、正解の割合を求めます。64 個の画素のままでは 88 % です。64 個の数の代わりに二つの数だけを使っても、組で学習すると 94 から 96 %、三つ組で学習すると 91 から 96 % になりました（五つのシードでの最小と最大）。一つ目のシードの地図に、テスト画像だけを描きます。

# %%
maps = [nets[kind](X_test).data for kind in nets]
figures.maps(*maps, digits)

# %% [markdown] lang="en"
# Each test image is drawn as the digit that it shows, left after contrastive training and right
# after triplets. The bar has the length 1, the margin. Left, each digit is gathered in a small
# heap, and neighboring heaps lie about a margin apart. Right, only the order counts, and the map
# has grown: on its scale the bar is short.
#
# Now to the share of triplets whose loss is 0, over the 300 steps of the last seed:

# %% [markdown] lang="ja"
# 各テスト画像を、写っている数字で描きました。左は対照損失、右はトリプレット損失で学習した結果です。黒い線の長さは 1、つまりマージンです。左では、数字ごとに小さなかたまりができ、隣り合うかたまりはマージンくらい離れています。右では、大切なのは順序だけなので、地図が大きく広がりました。そのため、縮尺が変わり、同じ長さ 1 の線が短く見えます。
#
# 次に、損失が 0 の三つ組の割合を見ます。最後のシードの、300 ステップの記録です。

# %%
for start in range(0, 300, 50):
    share = zeros[start : start + 50].mean()
    print(f"{start = :<4} {share = :.2f}")

# %% [markdown] lang="en"
# In the first 50 steps 78 % of the triplets already cost nothing, in the last 50 it is 97 % (in
# this run). A loss of 0 has a gradient of 0: of the 64 triplets of a batch, about two still teach
# something. That is why the choice of triplets (**mining**) matters more than the formula: take
# negatives that are **near** the anchor.

# %% [markdown] lang="ja"
# この実行では、最初の 50 ステップですでに三つ組の 78 % は損失が 0 で、最後の 50 ステップでは 97 % になりました。損失が 0 なら、勾配も 0 です。バッチの 64 個の三つ組のうち、学習の役に立つのは、もう 2 個ほどしかありません。そのため、損失の式よりも、三つ組の選び方のほうが重要です。三つ組を選び出すことを**マイニング**と呼びます。選ぶのは、アンカーの**近くにある**負例です。

# %% [markdown] lang="en"
# **Exercise 11.4.** `distances[i, j]` is the distance of anchor `i` from image `j`; `anchor_labels`
# and `labels` are their digits. Write a function that returns for each anchor the number `j` of its
# hardest negative: the nearest image of *another* digit. (`np.where` can put `np.inf` where an
# image must not be chosen.)

# %% [markdown] lang="ja"
# **演習 11.4** `distances[i, j]` はアンカー `i` と画像 `j` の距離、`anchor_labels` と `labels` はそれぞれの数字です。アンカーごとに、最も難しい負例、つまり違う数字の画像のうち最も近いものの番号 `j` を返す関数を書いてください。（`np.where` を使えば、選んではいけない画像のところに `np.inf` を入れられます。）


# %%
def hardest(distances, anchor_labels, labels):
    return ...


check("11.4", hardest)

# %% [markdown] lang="en" tags=["solution"]
# With a column of the anchors' digits against a row of the images' digits, broadcasting makes a
# table of "same digit". (Taking the hardest of all from the start may collapse the map, and an
# image with a wrong label would be chosen again and again. FaceNet, the network for faces, takes
# hard ones that are still farther than the positive.)

# %% [markdown] lang="ja" tags=["solution"]
# アンカーの数字を列に、画像の数字を行にして比べると、ブロードキャストによって「同じ数字」の表ができます。（初めから最も難しい負例だけを使うと、地図が崩壊することがあります。また、ラベルの間違った画像があると、何度もそれが選ばれてしまいます。顔認識の FaceNet では、難しい負例のうち、正例よりは遠いものを使います。）


# %% tags=["solution"]
def hardest(distances, anchor_labels, labels):
    same = anchor_labels[:, None] == labels[None, :]
    return np.where(same, np.inf, distances).argmin(axis=1)


check("11.4", hardest)

# %% [markdown] lang="en"
# ## Two players
#
# Pairs replaced the targets by something simpler. One can go further, and let a second network be
# the loss. In a **generative adversarial network** (GAN; Goodfellow and others 2014) two networks
# are trained in turn.
#
# - The **generator** makes samples of random numbers $z$. They should look like the real ones.
# - The **discriminator** sees a sample and gives a logit $f(x)$. Its sigmoid $D(x) = \sigma(f(x))$
#   is the probability that the sample is real.
#
# The discriminator has a task with two classes: a real sample $x$ has the target 1, a fake one
# $\tilde{x}$ the target 0. Its loss is the binary cross-entropy of lesson 2,
#
# $$L_D = -\log D(x) - \log\left(1 - D(\tilde{x})\right)$$
#
# as a mean over each batch, and its gradient at the logits is the $p - t$ of lesson 6:
# $\sigma(f) - 1$ on real samples and $\sigma(f)$ on fake ones.
#
# What is the **best** discriminator? Let the real samples have the density $p(x)$ (lesson 7), the
# fake ones $q(x)$. At one $x$, the choice of $D$ costs $-p \log D - q \log (1 - D)$. The derivative
# in $D$ is 0 at
#
# $$-\frac{p}{D} + \frac{q}{1 - D} = 0 \quad\Rightarrow\quad D = \frac{p}{p + q}, \qquad f = \log \frac{D}{1 - D} = \log \frac{p}{q}$$
#
# Where the fakes are as frequent as the real ones everywhere, $p = q$, the best it can do is
# $D = 1/2$, and the loss is $\log 2 + \log 2 = 1.3863$. With this loss a discriminator does **no
# better** than one that answers 1/2 to all. It may be that the fakes are perfect; it may also be
# that the discriminator has not learned yet, or is too weak.
#
# Below, the losses of one that answers $f = 0$ to all, and of one that answers 2 to a real sample
# and -1 to a fake.

# %% [markdown] lang="ja"
# ## 二人のプレイヤー
#
# ここまでは、教師データの代わりに、もっと簡単に得られる組を使いました。さらに進んで、もう一つのネットワークを損失として使うこともできます。**敵対的生成ネットワーク**では、二つのネットワークを交互に学習させます（GAN、Goodfellow ほか 2014）。
#
# - **生成器**は、乱数 $z$ からサンプルを作ります。本物そっくりになることを目指します。
# - **識別器**は、サンプルを見てロジット $f(x)$ を出力します。シグモイド関数に通した $D(x) = \sigma(f(x))$ が、サンプルが本物である確率です。
#
# 識別器の課題は二値分類で、教師データは、本物のサンプル $x$ では 1、偽物 $\tilde{x}$ では 0 です。損失は、第 2 章の二値交差エントロピー誤差
#
# $$L_D = -\log D(x) - \log\left(1 - D(\tilde{x})\right)$$
#
# を、それぞれのバッチで平均したものです。ロジットに対する勾配は、第 6 章の $p - t$ です。本物のサンプルでは $\sigma(f) - 1$、偽物では $\sigma(f)$ となります。
#
# **最良の**識別器は、どのようなものでしょうか。本物のサンプルの確率密度（第 7 章）を $p(x)$、偽物の確率密度を $q(x)$ とします。ある $x$ で $D$ を選ぶと、その損失は $-p \log D - q \log (1 - D)$ です。これを $D$ で微分して 0 とおくと、
#
# $$-\frac{p}{D} + \frac{q}{1 - D} = 0 \quad\Rightarrow\quad D = \frac{p}{p + q}, \qquad f = \log \frac{D}{1 - D} = \log \frac{p}{q}$$
#
# となります。偽物が本物とまったく同じ分布なら、つまり $p = q$ なら、最良でも $D = 1/2$ で、損失は $\log 2 + \log 2 = 1.3863$ です。損失がこの値の識別器は、何に対しても 1/2 と答える識別器より**優れてはいません**。偽物が完璧なのかもしれません。しかし、識別器がまだ学習していないのかもしれませんし、力が足りないのかもしれません。
#
# 次に、何に対しても $f = 0$ と答える識別器の損失と、本物に 2、偽物に -1 と答える識別器の損失を計算します。

# %%
for logits in [(0.0, 0.0), (2.0, -1.0)]:
    real, fake = map(tl.Tensor, logits)
    print(f"{logits}  {tl.discriminator(real, fake).item() = :.4f}")

# %% [markdown] lang="en"
# **Exercise 11.5.** At some $x$ the density of the real samples is 0.6, and that of the fake ones
# 0.12. Which logit $f$ should the discriminator give there?

# %% [markdown] lang="ja"
# **演習 11.5** ある $x$ で、本物の確率密度は 0.6、偽物の確率密度は 0.12 です。識別器は、そこでどのようなロジット $f$ を出力するのが最良ですか。

# %%
best_logit = ...
check("11.5", best_logit)

# %% [markdown] lang="en" tags=["solution"]
# The logit is the logarithm of the ratio, $\log (0.6 / 0.12) = \log 5$. In probabilities:
# $D = 0.6 / 0.72 = 5 / 6$.

# %% [markdown] lang="ja" tags=["solution"]
# ロジットは比の対数なので、$\log (0.6 / 0.12) = \log 5$ です。確率では $D = 0.6 / 0.72 = 5 / 6$ です。

# %% tags=["solution"]
best_logit = np.log(0.6 / 0.12)
check("11.5", best_logit)

# %% [markdown] lang="en"
# ## Two losses for the generator
#
# What the discriminator wants to lower, the generator wants to raise. Only the second term of $L_D$
# depends on the fakes, and so the generator's loss could be minus that term, for each fake:
#
# $$L_s = \log(1 - \sigma(f))$$
#
# There is another loss with the same aim. Label the fakes as **real**, and take the cross-entropy
# of that:
#
# $$L_n = -\log \sigma(f)$$
#
# Both fall as $f$ rises. Their slopes follow from $\sigma' = \sigma\,(1 - \sigma)$:
#
# $$\frac{dL_s}{df} = \frac{-\sigma\,(1 - \sigma)}{1 - \sigma} = -\sigma(f), \qquad \frac{dL_n}{df} = \frac{-\sigma\,(1 - \sigma)}{\sigma} = \sigma(f) - 1$$
#
# At first every fake is poor, and the discriminator is sure of it: say $f = -10$. By hand,
# $\sigma(-10) = 1 / (1 + e^{10}) = 0.0000454$. The first slope is $-0.0000454$, the second
# $-0.9999546$.

# %% [markdown] lang="ja"
# ## 生成器の二つの損失
#
# 識別器が小さくしようとするものを、生成器は大きくしようとします。$L_D$ のうち、偽物に依存するのは第 2 項だけです。そこで、偽物ごとに、この項の符号を変えたものを、生成器の損失にできます。
#
# $$L_s = \log(1 - \sigma(f))$$
#
# 同じ目的の損失は、もう一つあります。偽物に**本物**というラベルを付けたときの、交差エントロピー誤差です。
#
# $$L_n = -\log \sigma(f)$$
#
# どちらも、$f$ が大きくなるほど小さくなります。傾きは、$\sigma' = \sigma\,(1 - \sigma)$ から求められます。
#
# $$\frac{dL_s}{df} = \frac{-\sigma\,(1 - \sigma)}{1 - \sigma} = -\sigma(f), \qquad \frac{dL_n}{df} = \frac{-\sigma\,(1 - \sigma)}{\sigma} = \sigma(f) - 1$$
#
# 学習の初めは、偽物はどれも出来が悪く、識別器は自信をもって見破ります。たとえば $f = -10$ としましょう。手計算では $\sigma(-10) = 1 / (1 + e^{10}) = 0.0000454$ です。一つ目の傾きは $-0.0000454$、二つ目の傾きは $-0.9999546$ となります。

# %%
for loss_of in [tl.generator_minimax, tl.generator_non_saturating]:
    f = tl.Tensor([-10.0, 0.0, 10.0], requires_grad=True)
    loss_of(f, **each).sum().backward()
    print(" ".join(f"{slope:10.7f}" for slope in f.grad))

# %% [markdown] lang="en"
# The slopes at $f = -10$, 0 and 10. The first loss, called the minimax loss, **saturates** where
# the generator is bad: it learns almost nothing when it has everything to learn, and much where the
# fake passes already. The other loss does the reverse. The directions are the same; the first slope
# is the second times $\sigma / (1 - \sigma) = e^f$, which at $f = -10$ is 1/22,026. It is the story
# of lesson 6 again: a loss has to cancel the factor that vanishes where one is surely wrong.

# %% [markdown] lang="ja"
# $f = -10$, 0, 10 での傾きです。一つ目の損失（ミニマックス損失と呼ばれます）は、生成器の出来が悪いところで**飽和します**。最も学ばなければならないときにほとんど学べず、偽物がすでに通用するところで大きな勾配になります。もう一方の損失は、その逆です。向きは同じです。一つ目の傾きは二つ目の傾きの $\sigma / (1 - \sigma) = e^f$ 倍で、$f = -10$ では 1/22,026 です。第 6 章と同じ話です。自信をもって間違えているところで消える因子は、損失のほうで打ち消さなければなりません。

# %% [markdown] lang="en"
# **Exercise 11.6.** The generator is $x = a + b z$, and the discriminator has the logit
# $f = w x + c$. For an array `z` of random numbers the loss is the mean of $-\log \sigma(f)$. Write
# its gradient in $a$ and in $b$: return `np.array([d_a, d_b])`. (`1 / (1 + np.exp(-f))` is
# $\sigma(f)$.)

# %% [markdown] lang="ja"
# **演習 11.6** 生成器は $x = a + b z$、識別器のロジットは $f = w x + c$ です。乱数の配列 `z` に対する損失は、$-\log \sigma(f)$ の平均です。$a$ と $b$ に対する勾配を求め、`np.array([d_a, d_b])` を返す関数を書いてください。（$\sigma(f)$ は `1 / (1 + np.exp(-f))` です。）


# %%
def d_ab(a, b, z, w, c):
    return ...


check("11.6", d_ab)

# %% [markdown] lang="en" tags=["solution"]
# Back through the chain: at $f$ it is $\sigma(f) - 1$, at $x$ this times $w$. Then
# $\partial x / \partial a = 1$ and $\partial x / \partial b = z$, sample by sample before the mean.
# The generator learns only through the slope $w$ of the discriminator: it never sees a real sample.

# %% [markdown] lang="ja" tags=["solution"]
# 連鎖を逆にたどります。$f$ では $\sigma(f) - 1$、$x$ ではそれに $w$ を掛けたものです。さらに $\partial x / \partial a = 1$、$\partial x / \partial b = z$ で、これらをサンプルごとに掛けてから平均します。生成器は、識別器の傾き $w$ を通してしか学びません。本物のサンプルを見ることは一度もありません。


# %% tags=["solution"]
def d_ab(a, b, z, w, c):
    f = w * (a + b * z) + c
    d_x = (1 / (1 + np.exp(-f)) - 1) * w
    return np.array([np.mean(d_x), np.mean(d_x * z)])


check("11.6", d_ab)

# %% [markdown] lang="en"
# ## The game is played
#
# The real samples are normal with mean 3 and standard deviation 0.5. The generator $x = a + b z$
# with normal $z$ starts at $a = 0$, $b = 1$; perfect would be $a = 3$, $b = 0.5$. What
# discriminator is needed? The logarithm of a normal density is quadratic in $x$ (lesson 7), and so
# is the best logit $\log p - \log q$. Three numbers suffice:
# $f(x) = c_0 + c_1 (x - 2) + c_2 (x - 2)^2$, a parabola. (With $x - 2$ the powers stay small, and
# one learning rate serves for all three.)
#
# Each step is one of gradient descent for each player. `fake.detach()` has the same numbers as
# `fake` without their graph: the discriminator's loss must not change the generator.

# %% [markdown] lang="ja"
# ## 学習してみる
#
# 本物のサンプルは、平均 3、標準偏差 0.5 の正規分布に従います。生成器は、正規乱数 $z$ から $x = a + b z$ を作り、$a = 0$、$b = 1$ から始めます。$a = 3$、$b = 0.5$ になれば完璧です。どのような識別器が必要でしょうか。正規分布の密度の対数は $x$ の 2 次式なので（第 7 章）、最良のロジット $\log p - \log q$ も 2 次式です。三つの数があれば足ります。放物線 $f(x) = c_0 + c_1 (x - 2) + c_2 (x - 2)^2$ としましょう。（$x - 2$ とすれば、べき乗が大きくならず、三つに同じ学習率を使えます。）
#
# 1 ステップごとに、識別器と生成器が、勾配降下法で 1 回ずつ進みます。`fake.detach()` は、`fake` と同じ数をもち、計算グラフにはつながっていません。識別器の損失で生成器を変えてはいけないからです。

# %%
rng = np.random.default_rng(0)
a = tl.Tensor(0.0, requires_grad=True)
b = tl.Tensor(1.0, requires_grad=True)
c = tl.Tensor(np.zeros(3), requires_grad=True)
optimizer_f = optim.SGD([c], lr=0.5)
optimizer_x = optim.SGD([a, b], lr=0.02)


def logit(x):
    return c[0] + c[1] * (x - 2) + c[2] * (x - 2) ** 2


path = []
for _ in range(1501):
    real = rng.normal(3, 0.5, size=64)
    fake = a + b * rng.standard_normal(64)
    loss = tl.discriminator(logit(real), logit(fake.detach()))
    path.append((a.item(), b.item(), loss.item()))
    optimizer_f.zero_grad()
    loss.backward()
    optimizer_f.step()
    optimizer_x.zero_grad()
    tl.generator_non_saturating(logit(fake)).backward()
    optimizer_x.step()

for step in [0, 50, 100, 200, 300, 400, 500, 1500]:
    a_now, b_now, L_D = path[step]
    print(f"{step:<5} {a_now = :.2f}  {b_now = :.2f}  {L_D = :.2f}")

# %% [markdown] lang="en"
# In this run:
#
# - At once $a$ goes to 3, and beyond. On the way $b$ shrinks: the fakes that are farthest behind
#   have the lowest logits, so that their slopes $\sigma(f) - 1$ are nearest to $-1$, and they are
#   moved most.
# - Then the parabola has its top near 3 (from about step 90 on), and **all** fakes gather there:
#   $b$ is nearly 0. This is the **mode collapse** of GANs in its smallest form. Against a fixed
#   $f$, the generator can do no better.
# - The discriminator finds that too many samples lie there, and turns its parabola over. Away from
#   the bottom of it the fakes spread, and $b$ grows, too far.
# - So it goes on, in smaller and smaller rounds.
#
# At steps 100 and 400 $L_D$ is well above 1.3863, worse than with 1/2 for all: the generator has
# moved, and the discriminator still judges the fakes of before. At the end $L_D$ is where it began,
# at 1.39. It does not say how good the samples are.

# %% [markdown] lang="ja"
# この実行では、次のことが起こりました。
#
# - まず $a$ が 3 に近づき、行き過ぎます。その途中で $b$ は小さくなります。遅れている偽物ほどロジットが小さく、傾き $\sigma(f) - 1$ が $-1$ に近いので、大きく動くからです。
# - 次に、放物線の頂点が 3 の近くに来ると（90 ステップ目ごろから）、偽物が**すべて**そこに集まり、$b$ はほとんど 0 になります。GAN の**モード崩壊**の、最も小さな例です。$f$ が変わらないなら、生成器にとって、これより良い答えはありません。
# - 識別器は、そこにサンプルが多すぎることを学び、放物線の上下を逆にします。偽物は放物線の底から離れて広がり、$b$ は大きくなりすぎます。
# - これが繰り返され、経路の描く輪はだんだん小さくなります。
#
# 100 ステップ目と 400 ステップ目の $L_D$ は 1.3863 よりかなり大きく、何に対しても 1/2 と答える場合より悪い値です。生成器はもう動いたのに、識別器はまだ以前の偽物に合わせて判定しているからです。最後の $L_D$ は、最初と同じ 1.39 です。損失の値からは、サンプルの良し悪しは分かりません。

# %%
figures.game(path)

# %% [markdown] lang="en"
# Left, at the start: the density $p$ of the real samples (gray), $q$ of the fakes (orange), and the
# best discriminator $D = p / (p + q)$ (dashed). It rises toward the real samples, and this slope is
# what leads the generator. (Far right it falls again: $q$ is wider than $p$.) Right, the way of the
# generator, which comes in from $(0, 1)$ outside of the picture, with the number of steps at some
# points. It goes around the star, $(3, 0.5)$.

# %% [markdown] lang="ja"
# 左は学習前の様子です。本物の密度 $p$（灰色）、偽物の密度 $q$（橙）、最良の識別器 $D = p / (p + q)$（破線）を描きました。識別器の値は本物のほうへ向かって大きくなり、生成器はこの傾きに沿って動きます。（右端でまた小さくなるのは、$q$ のほうが $p$ より広がっているからです。）右は生成器の経路です。図の外の $(0, 1)$ から入り、星印の $(3, 0.5)$ のまわりを回ります。ところどころにステップ数を添えてあります。

# %% [markdown] lang="en"
# ## Why it circles
#
# A loss has a valley; a game need not have one. The smallest game has two numbers: one player holds
# $w$ and has the loss $w a$, the other holds $a$ and has the loss $-w a$. Their gradients are $a$
# and $-w$, and if both step at once,
#
# $$w' = w - \eta\,a, \qquad a' = a + \eta\,w, \qquad w'^2 + a'^2 = (1 + \eta^2)\,(w^2 + a^2) .$$
#
# (The mixed terms cancel: expand the squares.) Both would be content at $(0, 0)$, but each step
# leads **around** it, and a little away, however small the learning rate is. If they step in turn,
# they go around without end. In the game above the rounds got smaller because $L_D$ is no straight
# line in $c_0, c_1, c_2$, as $w a$ is in $w$: for each generator it has a valley of its own.

# %% [markdown] lang="ja"
# ## なぜ回るのか
#
# 損失には谷がありますが、ゲームに谷があるとは限りません。最も小さなゲームには、数が二つあります。一方のプレイヤーは $w$ を動かし、その損失は $w a$ です。もう一方は $a$ を動かし、その損失は $-w a$ です。勾配は $a$ と $-w$ なので、同時に 1 ステップ進むと、
#
# $$w' = w - \eta\,a, \qquad a' = a + \eta\,w, \qquad w'^2 + a'^2 = (1 + \eta^2)\,(w^2 + a^2)$$
#
# となります。（2 乗を展開すると、積の項は打ち消し合います。）$(0, 0)$ にいれば、どちらのプレイヤーにも動く理由がありません。しかし、1 ステップごとに、そのまわりを**回り**、少し遠ざかります。学習率をいくら小さくしても同じです。交互に進めば、いつまでも回り続けます。$w a$ は $w$ の 1 次式ですが、先ほどの $L_D$ は $c_0, c_1, c_2$ の 1 次式ではなく、どの生成器に対しても谷があります。先ほどの輪が小さくなったのは、そのためです。

# %%
for eta in [0.1, 0.01]:
    w, a = 1.0, 0.0
    for _ in range(round(20 / eta)):
        w, a = w - eta * a, a + eta * w
    print(f"{eta = :<5} {np.hypot(w, a) = :.4f}")

# %% [markdown] lang="en"
# Both walks start at the distance 1 from $(0, 0)$. The formula is for the square of the distance,
# so that each step multiplies the distance by $\sqrt{1 + \eta^2}$: after 200 steps it is
# $(1 + 0.1^2)^{100} = 2.7048$, after 2,000 small steps $(1 + 0.01^2)^{1000} = 1.1052$.

# %% [markdown] lang="ja"
# どちらも、$(0, 0)$ からの距離が 1 の点から始めます。先ほどの式は距離の 2 乗についてのものなので、1 ステップごとに距離は $\sqrt{1 + \eta^2}$ 倍になります。200 ステップ後には $(1 + 0.1^2)^{100} = 2.7048$、小さな歩幅で 2,000 ステップ進むと $(1 + 0.01^2)^{1000} = 1.1052$ です。

# %% [markdown] lang="en"
# ## A slope instead of a probability
#
# Where the discriminator is sure, $D$ is flat: near 0 around all fakes. The non-saturating loss
# gets around this, as it leads up the logit $f$ and not up $D$. The **Wasserstein critic**
# (Arjovsky, Chintala and Bottou 2017) goes further and has no sigmoid at all. It is a function $f$
# that should be high on real samples and low on fake ones:
#
# $$L_C = \frac{1}{N} \sum_i f(\tilde{x}_i) - \frac{1}{N} \sum_i f(x_i), \qquad L_G = -\frac{1}{N} \sum_i f(\tilde{x}_i)$$
#
# The gradient at the output for each sample is always $\pm 1/N$. But one thing is missing. With
# $f = w x$, real mean 3 and fake mean 0, the critic's loss is $-3 w$: a larger $w$ is always
# better, and the loss has no minimum. So its slope has to be held: with slopes of at most 1, here
# $w = 1$, minus the loss is 3, the way that the fakes have to go. (In general it is the *earth
# mover's distance*: how far, on average, the fake samples must be carried to become the real ones.)
#
# The **gradient penalty** (Gulrajani and others 2017) holds it, with a term on the slope of $f$ at
# points $\hat{x}_i$ (chosen below). It is 0 where this is 1 or -1 (for a vector $x$, where the
# gradient has the length 1):
#
# $$P = \frac{1}{N} \sum_i \left( |s_i| - 1 \right)^2, \qquad s_i = \frac{\partial f}{\partial x}(\hat{x}_i)$$
#
# To lower $P$ one needs its derivative in the weights. For one sample this is
# $2\,(|s| - 1)\,\frac{s}{|s|}\,\frac{\partial s}{\partial w}$ (the derivative of $|s|$ is the sign
# of $s$, $s / |s|$): a **gradient of a gradient**. By hand, $f = w x$ has $s = w$, and
# $P = (|w| - 1)^2$. At $w = -2.5$: $P = 1.5^2 = 2.25$, and $dP/dw = 2 \cdot 1.5 \cdot (-1) = -3$.

# %% [markdown] lang="ja"
# ## 確率の代わりに傾きを
#
# 識別器に自信があるところでは、$D$ は平らで、偽物のまわりではどこも 0 に近い値です。飽和しない損失は、$D$ ではなくロジット $f$ の坂を上るので、この問題を避けられます。**Wasserstein クリティック**ではさらに進んで、シグモイド関数をまったく使いません（Arjovsky, Chintala, Bottou 2017）。本物では大きく、偽物では小さい値になることを目指す関数 $f$ です。
#
# $$L_C = \frac{1}{N} \sum_i f(\tilde{x}_i) - \frac{1}{N} \sum_i f(x_i), \qquad L_G = -\frac{1}{N} \sum_i f(\tilde{x}_i)$$
#
# 各サンプルの出力に対する勾配は、いつも $\pm 1/N$ です。しかし、このままでは足りません。$f = w x$ とし、本物の平均を 3、偽物の平均を 0 とすると、クリティックの損失は $-3 w$ です。$w$ が大きいほど良いので、損失に最小値がありません。そこで、傾きを制限します。傾きの大きさを 1 以下とすると、ここでは $w = 1$ が最良で、損失の符号を変えた値は 3 です。この 3 は、偽物が進まなければならない道のりです。（一般には、**earth mover's distance** と呼ばれる距離になります。偽物のサンプルを本物に変えるために、平均してどれだけ運ばなければならないかを表します。）
#
# **勾配ペナルティ**は、傾きを制限するための項です（Gulrajani ほか 2017）。点 $\hat{x}_i$ での $f$ の傾きが 1 か -1 のときに 0 になります（$x$ がベクトルなら、勾配の長さが 1 のときです）。点の選び方は、後で述べます。
#
# $$P = \frac{1}{N} \sum_i \left( |s_i| - 1 \right)^2, \qquad s_i = \frac{\partial f}{\partial x}(\hat{x}_i)$$
#
# $P$ を小さくするには、重みに対する微分が必要です。一つのサンプルでは $2\,(|s| - 1)\,\frac{s}{|s|}\,\frac{\partial s}{\partial w}$ となります（$|s|$ の微分は $s$ の符号 $s / |s|$ です）。つまり、**勾配の勾配**です。手計算では、$f = w x$ なら $s = w$、$P = (|w| - 1)^2$ です。$w = -2.5$ では $P = 1.5^2 = 2.25$、$dP/dw = 2 \cdot 1.5 \cdot (-1) = -3$ です。

# %%
from course.judge import numerical_gradient

w = tl.Tensor([[-2.5]], requires_grad=True)


def critic(x):
    return x @ w


x = tl.Tensor([[1.0], [2.0], [4.0]], requires_grad=True)
(slopes,) = tl.gradients(critic(x).sum(), [x], create_graph=True)
penalty = ((abs(slopes) - 1) ** 2).mean()
penalty.backward()
print(f"{penalty.item() = :.4f}  {w.grad.item() = :.4f}")

w.grad = None
real, fake = np.full((3, 1), 3.0), np.zeros((3, 1))
again = tl.gradient_penalty(critic, real, fake, weight=1.0, rng=rng)
again.backward()
print(f"{again.item() = :.4f}  {w.grad.item() = :.4f}")

measured = numerical_gradient(lambda w: (abs(w[0]) - 1) ** 2, [-2.5])
print(f"{measured = }")

# %% [markdown] lang="en"
# `slopes` holds the three slopes of $f$: in the sum each $f(\hat{x}_i)$ depends on its own
# $\hat{x}_i$ only, so that the gradient of the sum has them all. With `create_graph=True`
# (lesson 8) the backward pass is recorded as a graph of its own, and `penalty.backward()` can go back
# through it to `w`. `tl.gradient_penalty` does the same in one call. Its $\hat{x}_i$ are random
# points between the real and the fake samples. (`weight` is a factor in front of $P$.) In the
# [example with a ring](../../README.md#which-gan-loss-finds-all-modes-the-wasserstein-critic-with-a-gradient-penalty)
# this is the loss that finds all eight modes in each of five runs.

# %% [markdown] lang="ja"
# `slopes` は $f$ の三つの傾きです。和の中で、それぞれの $f(\hat{x}_i)$ は対応する $\hat{x}_i$ にしか依存しないので、和の勾配に三つの傾きが並びます。`create_graph=True`（第 8 章）とすると、逆伝播そのものが計算グラフとして記録されます。そのため、`penalty.backward()` はそれをたどって `w` まで戻れます。`tl.gradient_penalty` は、同じことを 1 回の呼び出しで行います。点 $\hat{x}_i$ には、本物と偽物の間の点を乱数で選びます。（`weight` は $P$ に掛ける係数です。）[円周上に並んだ分布の例](../../README.ja.md#すべてのモードを見つける-gan-の損失はどれか勾配ペナルティ付きの-wasserstein-クリティック)では、5 回の実行のどれでも八つのモードをすべて見つけたのは、この損失でした。

# %% [markdown] lang="en"
# **Exercise 11.7.** The critic is $f = w x^2$. Write $dP / dw$ for a number `w` and an array `x`,
# where $P$ is the mean over `x`. (First the slope in $x$; then differentiate $P$ in $w$. `np.sign`
# gives signs.)

# %% [markdown] lang="ja"
# **演習 11.7** クリティックを $f = w x^2$ とします。数 `w` と配列 `x` から $dP / dw$ を求める関数を書いてください。$P$ は `x` についての平均です。（まず $x$ に対する傾きを求め、次に $P$ を $w$ で微分します。符号は `np.sign` で求められます。）


# %%
def d_penalty(w, x):
    return ...


check("11.7", d_penalty)

# %% [markdown] lang="en" tags=["solution"]
# The slope is $s = 2 w x$, one for each $x$, and $\partial s / \partial w = 2 x$. The chain rule
# gives $2\,(|s| - 1)\,\frac{s}{|s|} \cdot 2 x$.

# %% [markdown] lang="ja" tags=["solution"]
# 傾きは $x$ ごとに $s = 2 w x$ で、$\partial s / \partial w = 2 x$ です。連鎖律から $2\,(|s| - 1)\,\frac{s}{|s|} \cdot 2 x$ となります。


# %% tags=["solution"]
def d_penalty(w, x):
    s = 2 * w * x
    return np.mean(2 * (np.abs(s) - 1) * np.sign(s) * 2 * x)


check("11.7", d_penalty)

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** A triplet loss with margin 1 falls to 1.00 and stays there. What has most likely happened?
#
# - "a": Training is finished: all triplets keep the margin.
# - "b": The map has collapsed: all embeddings are one point.
# - "c": The margin is too large: no map can keep it.
#
# **b.** The discriminator is sure of each fake. A generator with the loss $\log(1 - \sigma(f))$ now
# learns
#
# - "a": fastest, as it has most to learn.
# - "b": with a slope near $-1$ at each logit.
# - "c": hardly at all.
#
# **c.** The loss of a discriminator is 1.386. What does that say?
#
# - "a": The discriminator does no better than one that answers 1/2 to all.
# - "b": The generator makes perfect samples.
# - "c": The discriminator is sure of itself.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** マージンを 1 としたトリプレット損失が、1.00 まで下がり、そこから動きません。最もありそうなのは、どれですか。
#
# - "a"：すべての三つ組がマージンを満たし、学習が終わった。
# - "b"：地図が崩壊し、すべての埋め込みが 1 点に重なった。
# - "c"：マージンが大きすぎて、どんな地図でも満たせない。
#
# **b.** 識別器が、どの偽物も自信をもって見破っています。損失 $\log(1 - \sigma(f))$ を使う生成器の学習は、どうなりますか。
#
# - "a"：学ぶことが多いので、最も速く進む。
# - "b"：各ロジットでの傾きが $-1$ に近く、順調に進む。
# - "c"：ほとんど進まない。
#
# **c.** 識別器の損失が 1.386 でした。ここから何が分かりますか。
#
# - "a"：この識別器は、何に対しても 1/2 と答える識別器より優れてはいない。
# - "b"：生成器が完璧なサンプルを作っている。
# - "c"：識別器が自信をもって判定している。

# %%
check("11 a", ...)
check("11 b", ...)
check("11 c", ...)

# %% tags=["solution"]
check("11 a", "b")
check("11 b", "c")
check("11 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - An embedding is a point; distance says how alike two samples are. A loss for it needs pairs or
#   triplets, no classes.
# - Contrastive: pull with the force $d$, push with $m - d$ up to the margin. Without a push the map
#   collapses.
# - Triplet: each of the two distances acts with the force 1, and the three gradients sum to 0. Most
#   random triplets have the loss 0 and teach nothing.
# - The best discriminator is $p / (p + q)$. One that answers 1/2 to all has the loss
#   $2 \log 2 = 1.3863$.
# - $\log(1 - \sigma(f))$ has the slope $-\sigma(f)$ and saturates; $-\log \sigma(f)$ has
#   $\sigma(f) - 1$ and does not.
# - A game circles where a loss descends. The gradient penalty holds a critic's slope near 1, by a
#   gradient of a gradient.
#
# **Read on.** In the gallery:
# [four maps of all ten digits](../../README.md#contrastive-and-triplet-losses-place-like-near-like)
# and
# [the saturating loss](../../README.md#the-saturating-loss-of-a-generator-has-no-gradient-when-the-discriminator-wins),
# with the number of steps that it costs. In the source:
# [`losses/similarity.py`](../../../tinygrad_loss/losses/similarity.py) and
# [`losses/adversarial.py`](../../../tinygrad_loss/losses/adversarial.py). To step through a
# backward pass, as `create_graph=True` records it, download
# [the page](../../pictures/backprop_expression.html) and open it in a browser. Papers: Hadsell and
# others 2006, "Dimensionality Reduction by Learning an Invariant Mapping"; Goodfellow and others
# 2014, "Generative Adversarial Nets"; Gulrajani and others 2017, "Improved Training of Wasserstein
# GANs".

# %% [markdown] lang="ja"
# ## まとめ
#
# - 埋め込みは点で、二つのサンプルがどれだけ似ているかを距離で表します。損失に必要なのは組や三つ組で、クラスは要りません。
# - 対照損失は、大きさ $d$ の力で引き寄せ、マージンまでは大きさ $m - d$ の力で押し離します。押し離さなければ、地図は崩壊します。
# - トリプレット損失では、二つの距離のどちらからも大きさ 1 の力が働き、三つの勾配の和は 0 です。乱数で選んだ三つ組の多くは損失が 0 で、そこからは何も学べません。
# - 最良の識別器は $p / (p + q)$ です。何に対しても 1/2 と答える識別器の損失は $2 \log 2 = 1.3863$ です。
# - $\log(1 - \sigma(f))$ の傾きは $-\sigma(f)$ で、飽和します。$-\log \sigma(f)$ の傾きは $\sigma(f) - 1$ で、飽和しません。
# - 損失では谷へ下りていきますが、ゲームでは同じところを回ることがあります。勾配ペナルティは、勾配の勾配を使って、クリティックの傾きを 1 の近くに保ちます。
#
# **次に読むもの** ギャラリーの[数字の四つの地図](../../README.ja.md#対照損失とトリプレット損失は似たものを近くに置く)では、10 個の数字すべてを使っています。[飽和する損失](../../README.ja.md#識別器が勝っているとき生成器の飽和する損失には勾配がない)では、余分にかかるステップ数が分かります。ソースコードでは、[`losses/similarity.py`](../../../tinygrad_loss/losses/similarity.py) と [`losses/adversarial.py`](../../../tinygrad_loss/losses/adversarial.py) を見てください。`create_graph=True` で記録されるような逆伝播を一段ずつたどるには、[このページ](../../pictures/backprop_expression.html)をダウンロードしてブラウザで開いてください。論文では、Hadsell ほか, Dimensionality Reduction by Learning an Invariant Mapping（2006）、Goodfellow ほか, Generative Adversarial Nets（2014）、Gulrajani ほか, Improved Training of Wasserstein GANs（2017）が参考になります。
