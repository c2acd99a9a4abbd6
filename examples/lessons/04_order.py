# %% [markdown] lang="en"
# # 4. Why backward, why add, why the order
#
# **You will be able to** count what forward and backward differentiation cost, derive why the gradients
# of several paths add up, tell a right order of the nodes from a wrong one, and say what a second call of
# `backward` does.
#
# **You need** lesson 3 (a graph of nodes that hold local derivatives).
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 4 章 なぜ逆向きか、なぜ足し込むか、なぜ順番か
#
# **できるようになること**：前向きの微分と逆向きの微分で、計算の回数を比べる。いくつもの経路の勾配を足し込む理由を導く。ノードの順番が正しいかどうかを見分ける。`backward` を 2 回呼び出すと何が起こるかを説明する。
#
# **前提知識**：第 3 章（局所的な微分をもつノードの計算グラフ）。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## Three decisions
#
# The whole of backpropagation was this loop:
#
#     for node in reversed(topological_order(self, [], set())):
#         for parent, local in node.parents:
#             parent.grad += local * node.grad
#
# Three things in it were said and not proved: that one walks **backward** (`reversed`), that one **adds**
# (`+=`), and that one keeps to this **order** (`topological_order`). We now try the other way in each case,
# and see what goes wrong. `Value` below is the engine of lesson 3, unchanged.

# %% [markdown] lang="ja"
# ## 三つの決めごと
#
# 誤差逆伝播法の本体は、次の繰り返しだけでした。
#
#     for node in reversed(topological_order(self, [], set())):
#         for parent, local in node.parents:
#             parent.grad += local * node.grad
#
# この中に、まだ証明していないことが三つあります。**逆向き**に進むこと（`reversed`）、**足し込む**こと（`+=`）、この**順番**を守ること（`topological_order`）です。この章では、それぞれについて別のやり方を試し、何がうまくいかないのかを見ます。下の `Value` は、第 3 章のエンジンそのままです。

# %%
from check import check
from course.figures import order as figures
from course.scalar_engine import Value, topological_order


def small(a, b, c):
    return (a * b) * (b + c)


a, b, c = Value(2.0), Value(3.0), Value(4.0)
y = small(a, b, c)
print(f"{y.data = }")

# %% [markdown] lang="en"
# ## Why backward: forward works, too
#
# With $u = a b = 6$ and $v = b + c = 7$ the output is $y = u v = 42$. How does it change with $b$?
# The chain rule can be followed in the direction of the computation. Ask at each node how fast it moves
# when $b$ moves: $b$ itself moves with slope 1, and $a$ and $c$ stand still. Then
#
# $$\frac{\partial u}{\partial b} = b \cdot 0 + a \cdot 1 = 2, \qquad
# \frac{\partial v}{\partial b} = 1 \cdot 1 + 1 \cdot 0 = 1, \qquad
# \frac{\partial y}{\partial b} = v \cdot 2 + u \cdot 1 = 14 + 6 = 20 .$$
#
# This is **forward mode**. A node's slope is the sum over its parents of local derivative times the parent's
# slope. It needs the same nodes and the same local derivatives as backpropagation, in the order in which
# they were computed.

# %% [markdown] lang="ja"
# ## なぜ逆向きか：前向きでも求まる
#
# $u = a b = 6$、$v = b + c = 7$ とおくと、出力は $y = u v = 42$ です。$b$ が動くと、出力はどう変わるでしょうか。連鎖律は、計算と同じ向きにたどることもできます。$b$ が動くとき、各ノードがどれだけの速さで動くかを順に調べます。$b$ 自身の傾きは 1 で、動かない $a$ と $c$ の傾きは 0 です。すると、
#
# $$\frac{\partial u}{\partial b} = b \cdot 0 + a \cdot 1 = 2, \qquad
# \frac{\partial v}{\partial b} = 1 \cdot 1 + 1 \cdot 0 = 1, \qquad
# \frac{\partial y}{\partial b} = v \cdot 2 + u \cdot 1 = 14 + 6 = 20$$
#
# となります。これが**フォワードモード**で、前向きの自動微分とも呼びます。ノードの傾きは、局所的な微分と親の傾きの積を、すべての親について足したものです。使うノードも局所的な微分も誤差逆伝播法と同じで、違うのは、計算したときと同じ順番にたどることだけです。


# %%
def forward(output, x):
    slope = {}
    for node in topological_order(output, [], set()):
        slope[node] = 1.0 if node is x else 0.0
        for parent, local in node.parents:
            slope[node] += local * slope[parent]
    return slope[output]


y.backward()
h = 1e-4
measured = (small(2, 3 + h, 4) - small(2, 3 - h, 4)) / (2 * h)
print(f"{measured = :.4f}  {forward(y, b) = :.4f}  {b.grad = :.4f}")
print(f"{forward(y, a) = :.4f}  {a.grad = :.4f}")
print(f"{forward(y, c) = :.4f}  {c.grad = :.4f}")

# %% [markdown] lang="en"
# Both directions give the same slopes, and numerical differentiation agrees. Call one walk through the
# whole graph a *sweep*. The difference is what **one sweep** finds. Forward starts with a 1 at one *input*, and ends with the slope of the output in this input:
# for three inputs three sweeps. Backward starts with a 1 at the *output*, and ends at all the inputs.
#
# The heading of each graph says what the numbers beside its nodes are: put a node in place of the dot. So
# the 2 beside $u$ under $\partial\,\cdot/\partial b$ is $\partial u / \partial b$. The numbers on the lines are the local derivatives, the same in all four. Blue: the three
# forward sweeps, for $a$, $b$ and $c$; beside each node its slope (along the gray lines goes a 0).
# Orange: the one backward sweep; beside each node its gradient.

# %% [markdown] lang="ja"
# どちらの向きでも同じ傾きになり、数値微分とも一致します。グラフ全体を一通りたどることを、**掃引**と呼びましょう。違うのは、**1 回の掃引**で何が求まるかです。前向きでは、一つの入力に 1 を置いて始めると、その入力に対する出力の傾きが求まります。入力が三つなら、3 回の掃引が必要です。逆向きでは、出力に 1 を置いて始めると、すべての入力の勾配が一度に求まります。
#
# 下の図の見出しは、ノードの横の数の意味を表します。見出しの点のところに、そのノードが入ります。たとえば、$\partial\,\cdot/\partial b$ の図で $u$ の横にある 2 は、$\partial u / \partial b$ です。線の上の数は局所的な微分で、四つとも同じです。青は前向きの掃引です。$a$、$b$、$c$ について 1 回ずつ、合わせて 3 回あり、ノードの横の数は傾きです（灰色の線には 0 が流れます）。橙は逆向きの掃引です。こちらは 1 回だけで、ノードの横の数は勾配です。

# %%
figures.forward_and_backward([a, b, c], y)

# %% [markdown] lang="en"
# ## Count
#
# In both directions a sweep makes one multiplication for each **edge**, that is, for each entry
# of a node's `parents` (`x * x` has two, both for `x`). The
# graph above has 6 edges: three forward sweeps need 18 multiplications, the backward sweep 6.
#
# Now larger graphs. `product` multiplies $n$ inputs, $x_1 x_2 \cdots x_n$. `net` is a network with $n$
# inputs, $n$ hidden units and one output; the slopes in its $n^2 + n$ weights are wanted. Of each pair
# the first number is the count for forward mode, the second that for backward. (Python's `sum` starts at 0, and this addition has two edges as well.)

# %% [markdown] lang="ja"
# ## 回数を数える
#
# ノードの `parents` の要素一つ一つを、**辺**と呼びます（`x * x` には、`x` への辺が 2 本あります）。どちらの向きでも、1 回の掃引では、辺 1 本につき 1 回の掛け算をします。上のグラフの辺は 6 本なので、前向きの 3 回の掃引では 18 回、逆向きの掃引では 6 回の掛け算になります。
#
# もっと大きなグラフで数えましょう。`product` は、$n$ 個の入力の積 $x_1 x_2 \cdots x_n$ です。`net` は、入力が $n$ 個、中間層のユニットが $n$ 個、出力が一つのネットワークで、$n^2 + n$ 個の重みについて微分します。表示する組の一つ目が前向き、二つ目が逆向きの回数です。（Python の `sum` は 0 から足し始めるので、その足し算の 2 本の辺も数に入っています。）


# %%
def edges(*outputs):
    order, seen = [], set()
    for output in outputs:
        topological_order(output, order, seen)
    return sum(len(node.parents) for node in order)


def counts(inputs, outputs):
    forward = len(inputs) * edges(*outputs)
    backward = sum(edges(output) for output in outputs)
    return forward, backward


def product(n):
    xs = [Value(1.5) for _ in range(n)]
    y = xs[0]
    for x in xs[1:]:
        y = y * x
    return xs, [y]


def net(n):
    first = [[Value(0.1) for _ in range(n)] for _ in range(n)]
    second = [Value(0.1) for _ in range(n)]
    hidden = [sum(w * 1.5 for w in row).exp() for row in first]
    y = sum(w * unit for w, unit in zip(second, hidden, strict=True))
    return [w for row in [*first, second] for w in row], [y]


for n in [2, 4, 8, 16]:
    print(f"{n = :>2}  {counts(*product(n)) = }")
for n in [2, 4, 8, 16]:
    print(f"{n = :>2}  {counts(*net(n)) = }")

# %% [markdown] lang="en"
# The product has $n - 1$ operations, and so $2 (n - 1)$ edges. Backward needs that many multiplications,
# forward $2 n (n - 1)$, which is $n$ times as many. (One could leave out the zeros; in this graph about $n^2 / 2$
# multiplications would remain.) In the net it is the number of weights that counts. By hand, for $n = 2$:
# each hidden unit has 2 products, 2 additions and an exponential, which are 9 edges, and the output has
# 2 products and 2 additions, 8 edges: together $2 \cdot 9 + 8 = 26$, and for 6 weights forward $6 \cdot 26 = 156$. With
# 272 weights forward is 272 times as expensive. Numerical differentiation is no better: it computes the whole graph twice for each
# input.

# %% [markdown] lang="ja"
# 積には演算が $n - 1$ 個、辺が $2 (n - 1)$ 本あります。逆向きなら掛け算は辺の数だけで済みますが、前向きではその $n$ 倍の $2 n (n - 1)$ 回になります。（0 の掛け算を省いても、このグラフでは約 $n^2 / 2$ 回が残ります。）ネットワークでは、重みの数がそのまま倍率になります。$n = 2$ のときを手で数えてみましょう。中間層のユニットには、それぞれ積が二つ、足し算が二つ、指数関数が一つあり、辺は 9 本です。出力には積が二つと足し算が二つあり、辺は 8 本です。合わせて $2 \cdot 9 + 8 = 26$ 本なので、6 個の重みについての前向きの計算は $6 \cdot 26 = 156$ 回です。重みが 272 個なら、前向きの計算は逆向きの 272 倍です。数値微分でも事情は変わりません。入力一つにつき、グラフ全体を 2 回計算します。

# %% [markdown] lang="en"
# The other way round, backward is the expensive one. Take one input and many outputs: $x, x^2, \ldots, x^n$,
# each from the one before. Forward finds the slopes of all of them in one sweep, and backward needs a sweep
# for each output.

# %% [markdown] lang="ja"
# 反対に、逆向きのほうが、計算が多くなる場合もあります。入力が一つで出力が多い場合です。たとえば、$x, x^2, \ldots, x^n$ を、それぞれ一つ前のものから計算するとします。前向きなら 1 回の掃引ですべての出力の傾きが求まりますが、逆向きでは出力ごとに 1 回の掃引が必要です。


# %%
def powers(n):
    x = Value(1.5)
    ys = [x]
    for _ in range(n - 1):
        ys.append(ys[-1] * x)
    return [x], ys


for n in [2, 4, 8, 16]:
    print(f"{n = :>2}  {counts(*powers(n)) = }")

# %% [markdown] lang="en"
# So the rule is: **forward needs one sweep for each input, backward one for each output.** A loss is *one*
# number, and a model has thousands or billions of weights. That is why one trains backward.
#
# Backward has a price of another kind: memory. It begins at the end, so that all local derivatives of the
# computation must be kept until then (here in `parents`). A forward sweep can go along with the computation
# and forget what lies behind it.

# %% [markdown] lang="ja"
# 規則はこうなります。**前向きでは入力の数だけ、逆向きでは出力の数だけ掃引が必要です。** 損失は一つの数ですが、モデルの重みは何千個、あるいは何十億個もあります。学習で逆向きに計算するのは、このためです。
#
# ただし、逆向きの計算には、その分メモリが必要です。出力から始めるので、途中の局所的な微分を、計算が終わるまですべて（ここでは `parents` に）取っておかなければなりません。前向きの掃引なら、計算と同時に進められるので、通り過ぎたところは忘れてかまいません。

# %% [markdown] lang="en"
# **Exercise 4.1.** $L = (w_1 x_1 + w_2 x_2 + b - t)^2$. Each $+$, $-$ and $\cdot$ has two edges, the square
# has one. How many multiplications does forward mode need for the slopes in $w_1$, $w_2$ and $b$, if it leaves
# out no edge?

# %% [markdown] lang="ja"
# **演習 4.1** $L = (w_1 x_1 + w_2 x_2 + b - t)^2$ を考えます。$+$、$-$、$\cdot$ には辺が 2 本ずつ、2 乗には 1 本あります。$w_1$、$w_2$、$b$ に対する傾きをフォワードモードで求めると、掛け算は何回になりますか。どの辺も省かないものとします。

# %%
multiplications = ...
check("4.1", multiplications)

# %% [markdown] lang="en" tags=["solution"]
# Two products, two sums and a difference have $5 \cdot 2 = 10$ edges, the square one more: 11. Three slopes
# are wanted, so three sweeps: 33. Backward needs 11, and finds the slopes in $x_1$, $x_2$ and $t$ besides.

# %% [markdown] lang="ja" tags=["solution"]
# 積が二つ、和が二つ、差が一つで辺は $5 \cdot 2 = 10$ 本、2 乗の 1 本を加えて 11 本です。求める傾きは三つなので、3 回の掃引で 33 回になります。逆向きなら 11 回で、$x_1$、$x_2$、$t$ に対する傾きまで求まります。

# %% tags=["solution"]
multiplications = 3 * (5 * 2 + 1)
check("4.1", multiplications)

# %% [markdown] lang="en"
# **Exercise 4.2.** Forward mode needs no graph at all. Let every number carry its slope along, as a pair:
# `x` with `dx`, and `y` with `dy`, where `dx` and `dy` are the slopes in one and the same input. (Such pairs
# are called *dual numbers*.) For a sum the new slope is `dx + dy`. What is it for the product of `x` and `y`?

# %% [markdown] lang="ja"
# **演習 4.2** フォワードモードには、計算グラフさえ要りません。どの数も、その傾きと組にしておきます。`x` は `dx` と、`y` は `dy` と組にします。`dx` と `dy` は、どちらも同じ一つの入力に対する傾きです。（このような組を**二重数**と呼びます。）和の傾きは `dx + dy` です。`x` と `y` の積の傾きはどうなりますか。


# %%
def product_slope(x, dx, y, dy):
    return ...


check("4.2", product_slope)

# %% [markdown] lang="en" tags=["solution"]
# A product has the local derivatives $y$ (for $x$) and $x$ (for $y$). Each is multiplied by the slope of its
# parent, and the two are added: the product rule of school.

# %% [markdown] lang="ja" tags=["solution"]
# 積の局所的な微分は、$x$ については $y$、$y$ については $x$ です。それぞれに親の傾きを掛けて足すと、高校で習う積の微分の公式になります。


# %% tags=["solution"]
def product_slope(x, dx, y, dy):
    return dx * y + x * dy


check("4.2", product_slope)

# %% [markdown] lang="en"
# ## Why add: two paths
#
# Let $x$ reach $f$ on two paths, through $u$ and through $v$: $f(u(x), v(x))$. Move $x$ by a small $h$. Then
# $u$ moves by about $u' h$ and $v$ by about $v' h$. Go there in two steps, first $u$, then $v$:
#
# $$f(u + u' h,\; v + v' h) - f(u, v) = \bigl[f(u + u' h,\; v) - f(u, v)\bigr]
# + \bigl[f(u + u' h,\; v + v' h) - f(u + u' h,\; v)\bigr]$$
#
# The first bracket is about $\frac{\partial f}{\partial u} u' h$. The second is about
# $\frac{\partial f}{\partial v} v' h$; its slope is taken a little to the side, at $u + u' h$, and that makes a
# difference of the size of $h^2$ only. Divide by $h$ and let it go to 0:
#
# $$\frac{df}{dx} = \frac{\partial f}{\partial u}\, u' + \frac{\partial f}{\partial v}\, v'$$
#
# This is the **total derivative**. Changes that arrive on different paths add up, because one can make
# them one after the other.

# %% [markdown] lang="ja"
# ## なぜ足し込むか：二つの経路
#
# $x$ が、$u$ を通る経路と $v$ を通る経路の二つで $f$ に届くとします。つまり $f(u(x), v(x))$ です。$x$ を小さな $h$ だけ動かすと、$u$ はおよそ $u' h$、$v$ はおよそ $v' h$ だけ動きます。この変化を、先に $u$、次に $v$ と、2 段階に分けて考えます。
#
# $$f(u + u' h,\; v + v' h) - f(u, v) = \bigl[f(u + u' h,\; v) - f(u, v)\bigr]
# + \bigl[f(u + u' h,\; v + v' h) - f(u + u' h,\; v)\bigr]$$
#
# 一つ目の括弧は、およそ $\frac{\partial f}{\partial u} u' h$ です。二つ目は、およそ $\frac{\partial f}{\partial v} v' h$ です。傾きを測る場所が $u + u' h$ へ少しずれていますが、その違いは $h^2$ の程度にすぎません。$h$ で割って、0 に近づけると、
#
# $$\frac{df}{dx} = \frac{\partial f}{\partial u}\, u' + \frac{\partial f}{\partial v}\, v'$$
#
# となります。これが**全微分の公式**で、多変数の連鎖律とも呼びます。別々の経路で届く変化は、一つずつ順に起こしてもよいので、全体の変化はその和になるのです。

# %% [markdown] lang="en"
# By hand: the slope of $x \cdot x + x$ at $x = 3$. Three paths lead from $x$ to the output. Each factor of the product is
# one (the other factor, 3, is its local derivative), and the bare $x$ is the third: $3 + 3 + 1 = 7$. The rule of school
# gives $2x + 1 = 7$, too. A step $h$ = 0.1 leads from 12 to $3.1 \cdot 3.1 + 3.1 = 12.71$. Of the 0.71 the three paths bring
# 0.3, 0.3 and 0.1, and the 0.01 left over is $h^2$.
#
# Now the sweep with `=` in place of `+=`:

# %% [markdown] lang="ja"
# $x = 3$ での $x \cdot x + x$ の傾きを、手で計算しましょう。$x$ から出力への経路は三つあります。積の二つの因子がそれぞれ一つの経路で（局所的な微分は、もう一方の因子の 3）、残りの $x$ が三つ目です。合わせて $3 + 3 + 1 = 7$ で、公式から求めた $2x + 1 = 7$ と一致します。$h$ = 0.1 だけ動かすと、12 から $3.1 \cdot 3.1 + 3.1 = 12.71$ に変わります。変化 0.71 のうち、三つの経路の分は 0.3 と 0.3 と 0.1 で、残りの 0.01 は $h^2$ です。
#
# では、`+=` を `=` に変えて掃引してみます。


# %%
def overwriting_sweep(output):
    output.grad = 1.0
    for node in reversed(topological_order(output, [], set())):
        for parent, local in node.parents:
            parent.grad = local * node.grad


x = Value(3.0)
y = x * x + x
overwriting_sweep(y)
print(f"{x.grad = }")
x = Value(3.0)
y = x * x + x
y.backward()
print(f"{x.grad = }")

# %% [markdown] lang="en"
# It is 3: the path that came last has overwritten the two others. No error, no warning, and for any graph in
# which each node is used once even the right number. That is why one tests an engine with graphs that use
# a node twice.

# %% [markdown] lang="ja"
# 結果は 3 です。最後に届いた経路の分が、ほかの二つを上書きしてしまいました。エラーも警告も出ません。しかも、どのノードも一度しか使われないグラフなら、正しい値になってしまいます。ですから、エンジンは、一つのノードを二度使うグラフでテストしなければなりません。

# %% [markdown] lang="en"
# **Exercise 4.3.** A weight that is used twice: $u = w x$ and $y = w u + u$, with
# $w = 3$ and $x = 2$. What is $\partial y / \partial w$? Find all paths from $w$ to $y$, and add what they bring.

# %% [markdown] lang="ja"
# **演習 4.3** 一つの重みを二度使います。$u = w x$、$y = w u + u$ で、$w = 3$、$x = 2$ のとき、$\partial y / \partial w$ はいくつですか。$w$ から $y$ への経路をすべて見つけ、それぞれの分を足してください。

# %%
d_w = ...
check("4.3", d_w)

# %% [markdown] lang="en" tags=["solution"]
# Three paths. Straight into the product $w u$: $u = 6$. Through $u$ and the product: $x \cdot w = 2 \cdot 3 = 6$.
# Through $u$ and the sum: $x \cdot 1 = 2$. Together 14. (Check: $y = w^2 x + w x$, and $2 w x + x = 14$.)

# %% [markdown] lang="ja" tags=["solution"]
# 経路は三つあります。積 $w u$ に直接入る経路で $u = 6$、$u$ と積を通る経路で $x \cdot w = 2 \cdot 3 = 6$、$u$ と和を通る経路で $x \cdot 1 = 2$ です。合わせて 14 です。（検算：$y = w^2 x + w x$ なので、$2 w x + x = 14$ です。）

# %% tags=["solution"]
w, x = 3, 2
u = w * x
d_w = u + x * w + x * 1
check("4.3", d_w)

# %% [markdown] lang="en"
# ## Many paths, few edges
#
# Taken to its end, this gives another way to say what a gradient is: **the sum over all paths from the input
# to the output of the product of the local derivatives along the path.** It can be turned into code that
# walks every path by itself. `along_paths` takes the product so far along, as $g$, and returns how often
# it has visited a node.

# %% [markdown] lang="ja"
# ## 経路は多く、辺は少ない
#
# この考えを進めると、勾配を次のように言い表せます。勾配とは、**入力から出力までの経路ごとに局所的な微分の積を求め、すべての経路について足し合わせたもの**です。このとおりに、経路を 1 本ずつ別々にたどるコードを書くこともできます。`along_paths` は、それまでの積を $g$ として受け取り、訪れたノードの延べ数を返します。


# %%
def along_paths(node, g):
    node.grad += g
    visits = 1
    for parent, local in node.parents:
        visits += along_paths(parent, local * g)
    return visits


a, b, c = Value(2.0), Value(3.0), Value(4.0)
y = small(a, b, c)
visits = along_paths(y, 1.0)
print(f"{a.grad = }  {b.grad = }  {c.grad = }  {visits = }")

# %% [markdown] lang="en"
# Again 21, 20 and 6, and 20 is the sum of two paths: $a \cdot v = 2 \cdot 7$ and $1 \cdot u = 1 \cdot 6$. So why not do it
# like this? Double a number $n$ times, $u + u$ each time. Each doubling has two edges, and a path takes one
# of them: $2 \cdot 2 \cdots 2 = 2^n$ paths, on $2n$ edges.

# %% [markdown] lang="ja"
# やはり 21, 20, 6 になりました。20 は、二つの経路の分 $a \cdot v = 2 \cdot 7$ と $1 \cdot u = 1 \cdot 6$ の和です。では、なぜこの方法を使わないのでしょうか。$u + u$ によって数を 2 倍にする計算を、$n$ 回繰り返してみます。1 回ごとに辺は 2 本で、経路はそのうち 1 本を選びます。辺は $2n$ 本しかないのに、経路は $2 \cdot 2 \cdots 2 = 2^n$ 本になります。


# %%
def doubled(x, n):
    for _ in range(n):
        x = x + x
    return x


for n in [1, 2, 4, 8, 16]:
    x = Value(1.0)
    y = doubled(x, n)
    visits = along_paths(y, 1.0)
    print(f"{n = :>2}  {x.grad = :.0f}  {visits = }  {edges(y) = }")

# %% [markdown] lang="en"
# All local derivatives are 1 here, so that the gradient of `x` *is* the number of paths. The sweep gets it
# from $2n$ edges. It does so by the law $g_1 \cdot l + g_2 \cdot l = (g_1 + g_2) \cdot l$, read from left to right: what
# arrives at a node is added up first, and goes on **once**, as one number. From a unit of the first of ten
# layers with 100 units each, $100^8 = 10^{16}$ paths lead to a unit of the last one, and the whole net has $9 \cdot 100^2 = 90000$ connections.

# %% [markdown] lang="ja"
# ここでは局所的な微分がすべて 1 なので、`x` の勾配は経路の本数そのものです。掃引では、同じ値が $2n$ 本の辺だけで求まります。これができるのは、分配法則 $g_1 \cdot l + g_2 \cdot l = (g_1 + g_2) \cdot l$ を左から右へ使うからです。ノードに届いたものを先に足し合わせ、一つの数として**一度だけ**先へ渡します。ユニットが 100 個ずつの層が 10 層あると、最初の層の一つのユニットから最後の層の一つのユニットまで、経路は $100^8 = 10^{16}$ 本ありますが、ネットワーク全体でも、つながりは $9 \cdot 100^2 = 90000$ 本しかありません。

# %% [markdown] lang="en"
# **Exercise 4.4.** Layers of 3, 4, 4 and 1 units, each unit connected to all of the next layer. How many paths
# lead from the *first* input to the output?

# %% [markdown] lang="ja"
# **演習 4.4** ユニットが 3 個、4 個、4 個、1 個の層があり、どのユニットも次の層のすべてのユニットにつながっています。**一つ目**の入力から出力までの経路は何本ありますか。

# %%
path_count = ...
check("4.4", path_count)

# %% [markdown] lang="en" tags=["solution"]
# A path chooses one of 4 units, then one of 4 again, and then there is one output: $4 \cdot 4 \cdot 1 = 16$. The sweep
# touches $3 \cdot 4 + 4 \cdot 4 + 4 \cdot 1 = 32$ connections for all three inputs.

# %% [markdown] lang="ja" tags=["solution"]
# 経路を決めるには、4 個のユニットから一つ、次の 4 個からまた一つを選びます。出力は一つなので、$4 \cdot 4 \cdot 1 = 16$ 本になります。掃引なら、三つの入力すべての勾配を求めるのに、$3 \cdot 4 + 4 \cdot 4 + 4 \cdot 1 = 32$ 本のつながりをたどるだけで済みます。

# %% tags=["solution"]
path_count = 4 * 4 * 1
check("4.4", path_count)

# %% [markdown] lang="en"
# ## Why the order
#
# A gradient may go on once only, so it must be **complete** when it goes. That is what the order is for.
# Without it, one would hand a gradient on as soon as one meets a node, and go down from there. `eager` goes
# down each time it meets a node, `eager_once` only the first time:

# %% [markdown] lang="ja"
# ## なぜ順番か
#
# 勾配を渡せるのは一度だけです。ですから、渡すときには**出そろって**いなければなりません。そのために順番を守るのです。順番を決めずに、ノードに出会ったらすぐに勾配を渡し、そのまま先へ進むとどうなるでしょうか。`eager` は出会うたびに、`eager_once` は初めて出会ったときにだけ、先へ進みます。


# %%
def eager(node):
    for parent, local in node.parents:
        parent.grad += local * node.grad
        eager(parent)


def eager_once(node, seen):
    seen.add(node)
    for parent, local in node.parents:
        parent.grad += local * node.grad
        if parent not in seen:
            eager_once(parent, seen)


def shared():
    x = Value(3.0)
    u = x**2
    v = u + 1
    y = u * v
    y.grad = 1.0
    return x, u, v, y


x, u, v, y = shared()
eager(y)
print(f"{u.grad = }  {x.grad = }")
x, u, v, y = shared()
eager_once(y, set())
print(f"{u.grad = }  {x.grad = }")
x, u, v, y = shared()
y.backward()
print(f"{u.grad = }  {x.grad = }")

# %% [markdown] lang="en"
# Here $u = x^2 = 9$, $v = u + 1 = 10$ and $y = u v = 90$. On paper $y = x^4 + x^2$, with the slope
# $4 \cdot 27 + 2 \cdot 3 = 114$. The node $u$ is used twice, by $y$ and by $v$, and its gradient is $10 + 9 = 19$ (from
# $y$ it gets $v$, from $v$ it gets $u \cdot 1$). The local derivative of $u$ in $x$ is 6. By hand:
#
# 1. **Eager.** $y$ gives 10 to $u$. At once $u$ gives $6 \cdot 10 = 60$ to $x$. Then $y$ gives 9 to $v$, and $v$ gives 9 to
#    $u$. Now the gradient of $u$ is 19. As $u$ is met a second time, it gives $6 \cdot 19 = 114$ to $x$. Together 174: the first
#    10 went on twice.
# 2. **Eager, each node once.** The same until the gradient of $u$ is 19. But $u$ has had its turn, and the 9 that came
#    late stays behind: the gradient of $x$ is 60.
# 3. **In order.** $y$, then $v$, and only then $u$. Now the gradient of $u$ is 19, and it gives $6 \cdot 19 = 114$ to $x$.
#
# In both wrong cases the gradient of $u$ itself is right. (`along_paths` is an eager walk that gives right
# numbers, for it hands on only what is new. Its price was $2^n$.)

# %% [markdown] lang="ja"
# ここでは $u = x^2 = 9$、$v = u + 1 = 10$、$y = u v = 90$ です。展開すると $y = x^4 + x^2$ なので、傾きは $4 \cdot 27 + 2 \cdot 3 = 114$ です。ノード $u$ は $y$ と $v$ の計算に使われていて、その勾配は $10 + 9 = 19$ です（$y$ からは $v$ を、$v$ からは $u \cdot 1$ を受け取ります）。$u$ の $x$ についての局所的な微分は 6 です。手で追ってみましょう。
#
# 1. **すぐに渡す場合** $y$ が $u$ に 10 を渡し、$u$ はすぐに $6 \cdot 10 = 60$ を $x$ に渡します。次に $y$ が $v$ に 9 を渡し、$v$ が $u$ に 9 を渡すので、$u$ の勾配は 19 になります。ここで再び $u$ に出会い、$6 \cdot 19 = 114$ を $x$ に渡します。合計は 174 です。最初の 10 を二度渡してしまいました。
# 2. **すぐに、ただし一度だけ渡す場合** $u$ の勾配が 19 になるまでは同じです。しかし $u$ の番はもう終わっていて、遅れて届いた 9 は取り残されます。$x$ の勾配は 60 です。
# 3. **順番を守る場合** $y$、$v$ の次に、ようやく $u$ の番になります。$u$ の勾配はすでに 19 になっていて、$6 \cdot 19 = 114$ を $x$ に渡します。
#
# 間違った二つでも、$u$ 自身の勾配は正しい値になっています。（`along_paths` も出会うたびに勾配を渡しますが、新しく届いた分だけを渡すので、正しい値になります。その代わり、$2^n$ もの手間がかかるのでした。）

# %% [markdown] lang="en"
# So the rule for the way back is: **a node comes after all its children** (the nodes that were computed from it). Then its
# gradient is complete when its turn comes: the gradient of a node is the sum of what its children give, and
# all of them have given. The output comes first; it has no children, and its gradient is 1.
#
# Where does the rule come from in the code? `topological_order` appends a node to the list only after it has
# gone through all its parents. So in `order` the same rule holds turned around, every parent stands before
# its children, and in `reversed(order)` every child before its parents. (A node cannot be its own ancestor, as its parents existed before it.)

# %% [markdown] lang="ja"
# 逆向きにたどるときの規則はこうです。**ノードの番は、すべての子（そのノードから計算されたノード）の番より後に来ます。** そうすれば、番が来たときには勾配が出そろっています。ノードの勾配は子から受け取るものの和で、子はすべて渡し終えているからです。最初は出力の番です。出力には子がなく、その勾配は 1 です。
#
# この規則は、コードのどこで守られているのでしょうか。`topological_order` は、すべての親を調べ終えてから、ノードをリストに加えます。したがって `order` では、どの親も子より前にあり、`reversed(order)` では、どの子も親より前にあります。（親はノードより先に存在していたので、ノードが自分自身の祖先になることはありません。）

# %%
names = {x: "x", u: "u", v: "v", y: "y"}
order = topological_order(y, [], set())
print([names.get(node, "1") for node in order])
print([names.get(node, "1") for node in reversed(order)])

# %% [markdown] lang="en"
# The "1" is the constant in $u + 1$. A graph has more than one right order: "1" could stand anywhere before
# "v".

# %% [markdown] lang="ja"
# "1" は、$u + 1$ の定数です。正しい順番は一つとは限りません。"1" は、"v" より前ならどこにあってもかまいません。

# %% [markdown] lang="en"
# **Exercise 4.5.** Write a function that says whether a list of nodes is in a right order, every parent
# before its children: True or False. (The parents of a node are the first entries of the pairs in
# `node.parents`. The check calls it with orders of the five nodes above.)

# %% [markdown] lang="ja"
# **演習 4.5** ノードのリストが正しい順番に並んでいるかどうか、つまり、どの親も子より前にあるかどうかを、True か False で返す関数を書いてください。（ノードの親は、`node.parents` にある組の一つ目の要素です。採点では、上の五つのノードをいろいろな順番に並べて渡します。）


# %%
def is_valid(order):
    return ...


check("4.5", is_valid)

# %% [markdown] lang="en" tags=["solution"]
# Walk through the list and remember what has been there. One parent that is missing is enough for False, and
# True can be said at the end only.

# %% [markdown] lang="ja" tags=["solution"]
# リストを順に見ながら、出てきたノードを覚えておきます。まだ出てきていない親が一つでもあれば False です。True と言えるのは、最後まで見てからです。


# %% tags=["solution"]
def is_valid(order):
    before = set()
    for node in order:
        for parent, _ in node.parents:
            if parent not in before:
                return False
        before.add(node)
    return True


check("4.5", is_valid)

# %% [markdown] lang="en"
# ## Backward twice
#
# What if one calls `backward` a second time, on the same graph?

# %% [markdown] lang="ja"
# ## 2 回呼び出すと
#
# 同じグラフで `backward` をもう一度呼び出すと、どうなるでしょうか。

# %%
x = Value(3.0)
u = x * x
y = u + x
y.backward()
print(f"{u.grad = }  {x.grad = }")
y.backward()
print(f"{u.grad = }  {x.grad = }")

# %% [markdown] lang="en"
# First 7, as it should be, then 20. One may want 7 again, or 14, but nobody wants 20. By hand: the second sweep
# finds $u$ with the 1 of the first sweep, and adds its own 1 to it. So the gradient of $u$ is now 2, and it hands on $3 \cdot 2$ for each
# factor. To $x$ come $1 + 2 \cdot 3 \cdot 2 = 13$, and these are added to the 7: 20.
#
# The mistake is in the middle of the graph: $u$ hands on again what it has handed on before. That the *leaves*
# (the nodes without parents, as `x`) keep what they have is another thing, as we shall see.

# %% [markdown] lang="ja"
# 1 回目は正しく 7 でしたが、2 回目は 20 になりました。7 のままがよい、14 がよい、という考え方はあっても、20 でよいはずはありません。手で追ってみましょう。2 回目の掃引では、$u$ の勾配に 1 回目の 1 が残っていて、そこに 2 回目の 1 が足されます。$u$ の勾配は 2 になり、因子一つにつき $3 \cdot 2$ を渡します。$x$ に届くのは $1 + 2 \cdot 3 \cdot 2 = 13$ で、これが前の 7 に足されて 20 になります。
#
# 間違いはグラフの途中にあります。$u$ が、前に渡した分をもう一度渡しているのです。なお、`x` のように親のないノードを**葉**と呼びます。葉が前の値をもち続けるのは、これとは別のことで、すぐ後で扱います。

# %% [markdown] lang="en"
# **Exercise 4.6.** What is the gradient of `x` after a third call? By hand.

# %% [markdown] lang="ja"
# **演習 4.6** 3 回目の呼び出しの後、`x` の勾配はいくつですか。手で計算してください。

# %%
third = ...
check("4.6", third)

# %% [markdown] lang="en" tags=["solution"]
# Now the gradient of $u$ is 3, and $1 + 2 \cdot 3 \cdot 3 = 19$ are added to the 20: 39. It does not even grow evenly.

# %% [markdown] lang="ja" tags=["solution"]
# 今度は $u$ の勾配が 3 になっていて、$1 + 2 \cdot 3 \cdot 3 = 19$ が 20 に足され、39 になります。増え方さえ一定ではありません。

# %% tags=["solution"]
third = 20 + (1 + 2 * 3 * 3)
check("4.6", third)

# %% [markdown] lang="en"
# Three lines mend it: before the sweep, the gradients of all nodes that have parents start anew.

# %% [markdown] lang="ja"
# 直すには、3 行を加えるだけで足ります。掃引の前に、親のあるノードの勾配をすべて 0 に戻します。


# %%
def backward(output):
    order = topological_order(output, [], set())
    for node in order:
        if node.parents:
            node.grad = 0.0
    output.grad = 1.0
    for node in reversed(order):
        for parent, local in node.parents:
            parent.grad += local * node.grad


x = Value(3.0)
y = x * x + x
backward(y)
print(f"{x.grad = }")
backward(y)
print(f"{x.grad = }")

# %% [markdown] lang="en"
# Now 7, then 14, as in the library of lesson 5. (PyTorch gives up a graph after `backward`. There one has to
# ask for a second call with `retain_graph=True`, and finds 14, too.) The
# leaves still add up, and that is **on purpose**: the gradient of a sum of losses is the sum of their
# gradients. The samples that make one step are
# called a *batch*. One that does not fit into memory can be cut into parts: call `backward` for each part, and the weights collect the gradient of the whole.
#
# It also means that somebody has to empty the leaves before the next step. A weight outlives the graphs: each step
# of training makes a new graph, and the weight with its `grad` stays. Here is the walk of lesson 1,
# $L = 2.5\,(w - 2)^2$ from $w = 0$ with $\eta = 0.1$, with and without setting `w.grad` to 0:

# %% [markdown] lang="ja"
# 今度は 7、14 になりました。第 5 章で使うライブラリでもこうなります。（PyTorch は `backward` の後でグラフを捨てます。2 回呼び出すには `retain_graph=True` が必要で、やはり 14 になります。）葉には勾配が足し込まれていきますが、これは**意図して**そうしているのです。損失の和の勾配は、それぞれの損失の勾配の和だからです。1 ステップに使うサンプルの集まりを**バッチ**と呼びますが、メモリに収まらないバッチは、いくつかに分けて計算できます。部分ごとに `backward` を呼び出せば、重みに全体の勾配がたまります。
#
# その代わり、次のステップの前に、葉の勾配を 0 に戻さなければなりません。グラフは学習の 1 ステップごとに作り直しますが、重みとその `grad` は残るからです。第 1 章のように、$w = 0$ から始めて、$\eta = 0.1$ の勾配降下法で $L = 2.5\,(w - 2)^2$ を下ります。`w.grad` を 0 に戻す場合と戻さない場合を比べましょう。


# %%
def walk(zero_grad, steps=8):
    w = Value(0.0)
    ws = []
    for _ in range(steps):
        if zero_grad:
            w.grad = 0.0
        loss = (w - 2) ** 2 * 2.5
        backward(loss)
        w.data -= 0.1 * w.grad
        ws.append(round(w.data, 2))
    return ws


print(walk(zero_grad=True))
print(walk(zero_grad=False))

# %% [markdown] lang="en"
# With it, half the distance at each step, as before. Without it, each step uses the sum of all slopes so far: $w$
# runs past 2, and back, and never comes to rest, like a ball in a bowl without friction. Libraries therefore
# have a `zero_grad`, to be called once for each step.

# %% [markdown] lang="ja"
# 戻す場合は、第 1 章と同じように、1 ステップごとに 2 までの距離が半分になります。戻さない場合は、どのステップでも、それまでの傾きの合計を使ってしまいます。$w$ は 2 を通り過ぎては戻り、摩擦のないお椀の中の球のように、いつまでも止まりません。そのためライブラリには `zero_grad` があり、1 ステップごとに一度呼び出します。

# %% [markdown] lang="en"
# **Exercise 4.7.** Let the leaf collect. Return the gradient of the *mean* squared error of $y = w x$ at the
# number `w`, where `xs` and `ts` are lists: make one node of `w`, a graph for each sample by itself, and call `backward` on each.

# %% [markdown] lang="ja"
# **演習 4.7** 葉に勾配をためる練習です。数 `w` での、$y = w x$ の**平均**二乗誤差の勾配を返してください。`xs` と `ts` はリストです。`w` のノードを一つ作り、サンプルごとに別々のグラフを作って、それぞれで `backward` を呼び出します。


# %%
def batch_gradient(w, xs, ts):
    return ...


check("4.7", batch_gradient)

# %% [markdown] lang="en" tags=["solution"]
# The mean has a 1/N, so each sample's loss gets it before `backward` is called. Whoever cuts a batch into parts in
# a real training loop has to think of it, too.

# %% [markdown] lang="ja" tags=["solution"]
# 平均なので、`backward` を呼び出す前に、サンプルごとの損失に 1/N を掛けておきます。実際の学習でバッチを分けるときも、これを忘れないようにしましょう。


# %% tags=["solution"]
def batch_gradient(w, xs, ts):
    w = Value(w)
    for x, t in zip(xs, ts, strict=True):
        loss = (w * x - t) ** 2 / len(xs)
        backward(loss)
    return w.grad


check("4.7", batch_gradient)

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** A simulation has 3 inputs and 1,000 outputs. You want the slopes of all outputs in all inputs. What is
# cheapest?
#
# - "a": backward; it is always the cheaper one.
# - "b": forward, with 3 sweeps.
# - "c": they cost the same, as each sweep touches each edge once.
#
# **b.** Two nodes were computed from $u$. What does $u$ hand on to its parents?
#
# - "a": once, the local derivative times the sum of what both gave.
# - "b": each time something arrives, the local derivative times what it holds by then.
# - "c": once, the local derivative times what arrived last.
#
# **c.** After two calls of the mended `backward` a leaf holds twice its gradient. Why?
#
# - "a": the mend is not complete; the leaves should start anew as well.
# - "b": the output holds 2 at the second call.
# - "c": leaves add up on purpose, so that the parts of a batch can be added.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 入力が 3 個、出力が 1,000 個のシミュレーションがあります。すべての入力に対するすべての出力の傾きを求めるとき、計算が最も少なくて済むのはどれですか。
#
# - "a"：逆向き。いつでも逆向きのほうが計算が少ない。
# - "b"：前向き。掃引は 3 回で済む。
# - "c"：どちらも同じ。1 回の掃引で、どの辺も一度ずつたどるから。
#
# **b.** $u$ から二つのノードが計算されました。$u$ は、親に何を渡しますか。
#
# - "a"：二つから受け取ったものの和に局所的な微分を掛けたものを、一度だけ渡す。
# - "b"：何かが届くたびに、そのときもっている値に局所的な微分を掛けて渡す。
# - "c"：最後に届いたものに局所的な微分を掛けたものを、一度だけ渡す。
#
# **c.** 直した後の `backward` を 2 回呼び出すと、葉にたまる値は勾配の 2 倍になります。なぜですか。
#
# - "a"：まだ直しきれていない。葉も 0 に戻すべきである。
# - "b"：2 回目には、出力の勾配が 2 になっている。
# - "c"：バッチの部分どうしを足せるように、葉には意図して足し込んでいる。

# %%
check("4 a", ...)
check("4 b", ...)
check("4 c", ...)

# %% tags=["solution"]
check("4 a", "b")
check("4 b", "a")
check("4 c", "c")

# %% [markdown] lang="en"
# ## Summary
#
# - Forward needs a sweep for each input, backward one for each output. A loss is one output.
# - A gradient is the sum over all paths of the product of the local derivatives. The paths may be $2^n$ on
#   $2n$ edges; the sweep adds up at each node, and touches each edge once.
# - For that a node must come after all its children: its gradient goes on once, and complete.
# - On a second call the gradients inside the graph start anew. The leaves add up, until `zero_grad`.
#
# **Read on.** The page [backprop step by step](../../pictures/backprop_expression.html) (download it and open it in
# a browser) walks the order node by node. In the gallery: [backprop by hand](../../README.md#backprop-by-hand). In the
# source, [`engine/backprop.py`](../../../tinygrad_loss/engine/backprop.py) keeps the same rule in another way: it always
# takes the newest node, and no child is older than its parents. A survey of both directions: Baydin, Pearlmutter,
# Radul and Siskind, *Automatic Differentiation in Machine Learning: a Survey* (2018), sections 3.1 and 3.2.

# %% [markdown] lang="ja"
# ## まとめ
#
# - 前向きでは入力の数だけ、逆向きでは出力の数だけ掃引が必要です。損失の計算では、出力は一つです。
# - 勾配とは、経路ごとに局所的な微分の積を求め、すべての経路について足し合わせたものです。辺が $2n$ 本でも、経路は $2^n$ 本になることがあります。掃引では、ノードごとに足し合わせるので、どの辺も一度しかたどりません。
# - そのためには、ノードの番がすべての子より後でなければなりません。勾配は、出そろってから一度だけ渡します。
# - 2 回目の呼び出しでは、グラフの途中の勾配を 0 から始めます。葉の勾配は、`zero_grad` を呼び出すまでたまっていきます。
#
# **次に読むもの** [逆伝播をたどるページ](../../pictures/backprop_expression.html)（ダウンロードしてブラウザで開いてください）では、ノードを正しい順番に一つずつ見られます。ギャラリーでは[手で書いたような誤差逆伝播](../../README.ja.md#手で書いたような誤差逆伝播)を見てください。ソースコードの [`engine/backprop.py`](../../../tinygrad_loss/engine/backprop.py) では、同じ規則を別のやり方で守っています。子が親より古いことはないので、いつも最も新しいノードを選べばよいのです。論文では、Baydin, Pearlmutter, Radul, Siskind, Automatic Differentiation in Machine Learning: a Survey（2018）の 3.1 節と 3.2 節に、両方の向きの解説があります。
