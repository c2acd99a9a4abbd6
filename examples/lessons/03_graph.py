# %% [markdown] lang="en"
# # 3. A computation graph, forward and back
#
# **You will be able to** draw a formula as a graph, send gradients back through it by hand, and write
# the 30 lines of Python that do so for any formula, up to a neural network.
#
# **You need** [lesson 1](01_slope.ipynb) (slopes), [lesson 2](02_chain_rule.ipynb) (the chain rule)
# and Python's classes.
#
# **Time**: 50 minutes.

# %% [markdown] lang="ja"
# # 第 3 章 計算グラフ：順伝播と逆伝播
#
# **できるようになること**：式を計算グラフで表す。勾配を手計算で逆向きに伝える。ニューラルネットワークを含むどんな式でもそれを行う、30 行の Python プログラムを書く。
#
# **前提知識**：[第 1 章](01_slope.ipynb)（傾き）、[第 2 章](02_chain_rule.ipynb)（連鎖律）、Python のクラス。
#
# **所要時間**：50 分。

# %% [markdown] lang="en"
# ## One operation at a time
#
# On paper, each new formula needs a new derivation. A program can do without, as all formulas are
# made of the same few operations, whose derivatives are known. So take the formula apart until each
# step is **one** operation. The apples of lesson 1 take two multiplications, with a name for what is
# in between:
#
# $$s = p\,c, \qquad L = s\,r$$
#
# Here $p$ is the price, $c$ the count, $s$ the subtotal and $r$ the tax factor. Drawn with a box for
# each number and a line for each use of a number, this is a **computation graph**. The boxes are its
# **nodes**. What a node was computed from are its **parents**: those of $L$ are $s$ and $r$.

# %% [markdown] lang="ja"
# ## 演算を一つずつ
#
# 紙の上では、式が変わるたびに微分をやり直さなければなりません。しかし、プログラムならその必要はありません。どんな式も限られた種類の演算の組み合わせで、それぞれの演算の微分は分かっているからです。そこで、一段が**一つ**の演算になるまで式を分解します。第 1 章のりんごの式は、途中の値に名前を付けると、二つの掛け算に分かれます。
#
# $$s = p\,c, \qquad L = s\,r$$
#
# $p$ は値段、$c$ は個数、$s$ は小計、$r$ は税の倍率です。それぞれの数を箱で描き、その数が使われる先へ線を引くと、**計算グラフ**になります。箱を**ノード**と呼び、あるノードの計算に使われたノードを、そのノードの**親**と呼びます。$L$ の親は $s$ と $r$ です。

# %%
from check import check
from course.figures import graph as figures

price, count, tax = 100.0, 2.0, 1.1
subtotal = price * count
total = subtotal * tax
print(f"{subtotal = :.0f}")
print(f"{total = :.0f}")

# %% [markdown] lang="en"
# Computing the values from the inputs to the output is the **forward pass**. Now back. Each operation
# has a **local derivative** for each of its parents: how its own result changes with this parent,
# whatever the rest of the formula may be. For a product it is the other factor:
#
# $$\frac{\partial L}{\partial s} = r = 1.1, \quad \frac{\partial L}{\partial r} = s = 200, \quad
# \frac{\partial s}{\partial p} = c = 2, \quad \frac{\partial s}{\partial c} = p = 100$$
#
# The chain rule multiplies them along the way. The **gradient of a node** is the slope of the output in
# this node's value, $\partial L / \partial s$ for $s$. Begin at the output with
# $\partial L / \partial L = 1$. At each node, take its gradient $g$ (it came in from the side of the
# output), multiply it by a local derivative, and hand the product to that parent:
#
# $$g_{\text{parent}} = \text{local} \cdot g$$
#
# By hand: $s$ receives $1.1 \cdot 1 = 1.1$ and $r$ receives $200 \cdot 1 = 200$. Then $s$ hands on:
# $p$ receives $2 \cdot 1.1 = 2.2$ and $c$ receives $100 \cdot 1.1 = 110$. This is the **backward
# pass**.

# %% [markdown] lang="ja"
# 入力から出力に向かって値を計算することを、**順伝播**と呼びます。次は、逆向きに進みます。どの演算にも、親ごとに一つずつ**局所的な微分**があります。その親を動かしたとき、演算の結果がどれだけ変わるかを表すもので、式のほかの部分には関係しません。掛け算では、もう一方の因子になります。
#
# $$\frac{\partial L}{\partial s} = r = 1.1, \quad \frac{\partial L}{\partial r} = s = 200, \quad
# \frac{\partial s}{\partial p} = c = 2, \quad \frac{\partial s}{\partial c} = p = 100$$
#
# 第 2 章の連鎖律のとおり、これらを経路に沿って掛け合わせます。ノードの値に対する出力の傾き、たとえば $s$ なら $\partial L / \partial s$ を、**ノードの勾配**と呼びます。出発点は、出力での $\partial L / \partial L = 1$ です。各ノードでは、出力の側から届いた勾配、つまり**上流の勾配** $g$ に局所的な微分を掛け、その積を親に渡します。
#
# $$g_{\text{親}} = \text{局所的な微分} \cdot g$$
#
# 手計算では、まず $s$ が $1.1 \cdot 1 = 1.1$ を、$r$ が $200 \cdot 1 = 200$ を受け取ります。次に $s$ から、$p$ が $2 \cdot 1.1 = 2.2$ を、$c$ が $100 \cdot 1.1 = 110$ を受け取ります。これが**逆伝播**です。

# %%
d_total = 1.0
d_subtotal = tax * d_total
d_tax = subtotal * d_total
d_price = count * d_subtotal
d_count = price * d_subtotal
print(f"{d_price = :.1f}")
print(f"{d_count = :.1f}")
print(f"{d_tax = :.1f}")

# %% [markdown] lang="en"
# The same three numbers that lesson 1 measured, without any step $h$. In the picture the values go
# from left to right, in blue above the solid lines, and the gradients from right to left, in orange
# below the dashed lines: the local derivative, times what comes in.

# %% [markdown] lang="ja"
# 第 1 章で測ったのと同じ三つの数が、$h$ を使わずに求まりました。下の図では、値が左から右へ（実線の上の青い数）、勾配が右から左へ（破線の下の橙の式）流れます。橙の式は、局所的な微分と上流の勾配の積です。

# %%
values = (price, count, tax, subtotal, total)
gradients = (d_price, d_count, d_tax, d_subtotal, d_total)
figures.apple(values, gradients)

# %% [markdown] lang="en"
# What does a node need for its part? Its parents, and the local derivatives. They are
# **numbers**, and known already in the forward pass: when $s = 100 \cdot 2$ is computed, the factors
# 2 and 100 are at hand. No node sees the whole formula. Five operations are enough for this lesson
# (`n` is a plain number, `log` the natural logarithm):
#
# | operation | value | local derivatives |
# |---|---|---|
# | sum | `a + b` | `1` and `1` |
# | product | `a * b` | `b` and `a` |
# | power | `a**n` | `n * a ** (n - 1)` |
# | logarithm | `log(a)` | `1 / a` |
# | exponential | `exp(a)` | `exp(a)` |
#
# A sum hands the gradient on as it is, to both parents. A product hands each parent the gradient
# times the *other* factor.

# %% [markdown] lang="ja"
# 一つのノードに必要なのは、親と局所的な微分だけです。局所的な微分は**ただの数**で、順伝播のときにもう分かっています。$s = 100 \cdot 2$ を計算するとき、因子の 2 と 100 は手元にあるからです。どのノードも、式の全体を知る必要はありません。この章では、次の五つの演算で足ります（`n` はふつうの数、`log` は自然対数です）。
#
# | 演算 | 値 | 局所的な微分 |
# |---|---|---|
# | 和 | `a + b` | `1` と `1` |
# | 積 | `a * b` | `b` と `a` |
# | べき乗 | `a**n` | `n * a ** (n - 1)` |
# | 対数 | `log(a)` | `1 / a` |
# | 指数関数 | `exp(a)` | `exp(a)` |
#
# 和は、勾配をそのまま両方の親に渡します。積は、勾配に**もう一方の**因子を掛けて、それぞれの親に渡します。

# %% [markdown] lang="en"
# **Exercise 3.1.** Let $u = x\,w$, $v = u + b$ and $L = v^2$, at $x = 3$, $w = 2$, $b = -3$. Draw the
# graph, write the values on it, then the gradients. Give $\partial L / \partial w$,
# $\partial L / \partial x$ and $\partial L / \partial b$ as a list.

# %% [markdown] lang="ja"
# **演習 3.1** $u = x\,w$、$v = u + b$、$L = v^2$ とします。$x = 3$、$w = 2$、$b = -3$ のとき、計算グラフを描いて値を書き込み、続けて勾配を書き込んでください。$\partial L / \partial w$、$\partial L / \partial x$、$\partial L / \partial b$ をこの順に並べたリストで答えます。

# %%
gradients = ...
check("3.1", gradients)

# %% [markdown] lang="en" tags=["solution"]
# Forward: $u = 6$, $v = 3$, $L = 9$. Back: $v$ receives $2v \cdot 1 = 6$. The sum hands 6 to $u$ and
# 6 to $b$. The product hands $x \cdot 6 = 18$ to $w$ and $w \cdot 6 = 12$ to $x$.

# %% [markdown] lang="ja" tags=["solution"]
# 順伝播では $u = 6$、$v = 3$、$L = 9$ です。逆伝播では、$v$ が $2v \cdot 1 = 6$ を受け取ります。和は、$u$ と $b$ に 6 をそのまま渡します。積は、$w$ に $x \cdot 6 = 18$ を、$x$ に $w \cdot 6 = 12$ を渡します。

# %% tags=["solution"]
gradients = [18, 12, 6]
check("3.1", gradients)

# %% [markdown] lang="en"
# **Exercise 3.2.** Division is missing from the table. Write the local derivatives of $a / b$, that
# at $a$ and that at $b$, as a tuple.

# %% [markdown] lang="ja"
# **演習 3.2** 先ほどの表には割り算がありません。$a / b$ の局所的な微分を、$a$ についての微分、$b$ についての微分の順に、タプルで返してください。


# %%
def division(a, b):
    return ...


check("3.2", division)

# %% [markdown] lang="en" tags=["solution"]
# In $a$, the quotient is $a$ times the constant $1 / b$. In $b$, it is $a\,b^{-1}$, and the table's
# row for powers gives $-a\,b^{-2}$. This is why the engine of the lesson needs no division of its own: it is
# a product and a power.

# %% [markdown] lang="ja" tags=["solution"]
# $a$ の関数としては、$a$ に定数 $1 / b$ を掛けたものです。$b$ の関数としては $a\,b^{-1}$ なので、表のべき乗の行から、微分は $-a\,b^{-2}$ となります。このように割り算は積とべき乗で書けるので、この章のエンジンには割り算の規則がありません。


# %% tags=["solution"]
def division(a, b):
    return 1 / b, -a / b**2


check("3.2", division)

# %% [markdown] lang="en"
# ## The engine
#
# Now let the program write the graph down while it computes. A number becomes an object of a class
# `Value`, a node, which stores three things:
#
# - `data`: its value, a number;
# - `parents`: a list of pairs, each a parent and the local derivative for it;
# - `grad`: the gradient, 0 until the backward pass brings it.
#
# When Python meets `a * b`, it calls `a.__mul__(b)`. Our `__mul__` makes a new node with the product,
# and beside it the parents: `[(self, other.data), (other, self.data)]`, the table's row for the
# product. The other operations do the same with their rows. If `other` is a plain number, it is made
# a node first.
#
# `backward` starts with the gradient 1 at the output and visits the nodes from there to the inputs.
# Each hands `local * node.grad` to each of its parents. Two details have reasons that lesson 4
# proves:
#
# - **`+=`, not `=`.** A number that is used in two places changes the output in two ways. What comes
#   back from the two places adds up: in `x * x` with `x` at 3 it is 3 and 3, together 6, as $2x$
#   says.
# - **The order.** A node may hand on its gradient only when it is complete, that is, after all nodes
#   that used it have handed on theirs. `topological_order` lists every node after its parents: for
#   the apples $p$, $c$, $s$, $r$, $L$. The reversed list begins with $L$, and $s$ hands on only
#   after $L$ has handed to it.

# %% [markdown] lang="ja"
# ## エンジン
#
# 計算と同時に、計算グラフもプログラムに記録させましょう。数を `Value` というクラスのオブジェクトにします。これがノードで、次の三つを記憶します。
#
# - `data`：値を表す一つの数です。
# - `parents`：親と、その親についての局所的な微分の組を並べたリストです。
# - `grad`：勾配です。逆伝播で届くまでは 0 です。
#
# Python は、`a * b` という式に出会うと `a.__mul__(b)` を呼び出します。ここで定義する `__mul__` は、積を値とする新しいノードを作り、親のリスト `[(self, other.data), (other, self.data)]` を添えます。これは、表の積の行そのものです。ほかの演算でも、表のそれぞれの行のとおりにします。`other` がふつうの数なら、先にノードに変えます。
#
# `backward` は、出力の勾配を 1 とし、そこから入力に向かってノードをたどります。各ノードでは、`local * node.grad` をそれぞれの親に渡します。大切な点が二つあります。なぜそうしなければならないかは、第 4 章で証明します。
#
# - **`=` ではなく `+=`** 2 か所で使われた数は、二つの経路で出力に影響します。そこで、それぞれから戻ってきた勾配を足し込みます。たとえば `x * x` では、`x` が 3 のとき 3 と 3 が戻り、合わせて 6 です。公式の $2x$ とも一致します。
# - **順番** ノードが勾配を渡してよいのは、自分の勾配が出そろってから、つまり、そのノードを使ったノードがすべて渡し終えてからです。`topological_order` では、どのノードも親より後に並びます。りんごの例では $p$, $c$, $s$, $r$, $L$ の順です。逆順にすると $L$ から始まり、$s$ が勾配を渡すのは、$L$ から受け取った後になります。

# %%
import math


class Value:
    def __init__(self, data, parents=()):
        self.data = data
        self.parents = parents
        self.grad = 0.0

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def __pow__(self, n):
        return Value(self.data**n, [(self, n * self.data ** (n - 1))])

    def log(self):
        return Value(math.log(self.data), [(self, 1 / self.data)])

    def exp(self):
        return Value(math.exp(self.data), [(self, math.exp(self.data))])

    def backward(self):
        self.grad = 1.0
        for node in reversed(topological_order(self, [], set())):
            for parent, local in node.parents:
                parent.grad += local * node.grad


def topological_order(node, order, seen):
    if node not in seen:
        seen.add(node)
        for parent, _ in node.parents:
            topological_order(parent, order, seen)
        order.append(node)
    return order


# %% [markdown] lang="en"
# That is the whole engine. `topological_order` follows the parents as far as they go, and appends a node
# when all of its parents are in the list; `seen` keeps a node from being listed twice.
#
# What is left are other spellings, made of the five operations: `a - b` is $a + b \cdot (-1)$, and
# `a / b` is $a \cdot b^{-1}$. They need no derivatives of their own. The names with an r (`__radd__`)
# are for a plain number on the left: in `2 + a` Python asks the number first, which does not know
# nodes, and then calls `a.__radd__(2)`.

# %% [markdown] lang="ja"
# エンジンはこれですべてです。`topological_order` は、親をたどれるところまでたどり、親がすべてリストに入ってから、そのノードを加えます。`seen` は、同じノードを二度並べないためのものです。
#
# 残りの書き方は、どれも五つの演算に直せます。`a - b` は $a + b \cdot (-1)$、`a / b` は $a \cdot b^{-1}$ なので、新しい微分は要りません。`__radd__` のように名前に r の付くものは、左側がふつうの数のときに使われます。`2 + a` では、Python はまず数のほうのメソッドを試しますが、数はノードとの足し算を知りません。そこで、次に `a.__radd__(2)` を呼び出します。

# %%
Value.__radd__ = Value.__add__
Value.__rmul__ = Value.__mul__
Value.__neg__ = lambda self: self * -1
Value.__sub__ = lambda self, other: self + other * -1
Value.__rsub__ = lambda self, other: self * -1 + other
Value.__truediv__ = lambda self, other: self * other**-1.0
Value.__rtruediv__ = lambda self, other: self**-1.0 * other

# %% [markdown] lang="en"
# The apples once more, now with nodes. The formula is written as always; the graph comes into being
# by itself, and one call of `backward` fills in all gradients.

# %% [markdown] lang="ja"
# もう一度りんごの式を、今度はノードで計算します。式はいつもどおりに書くだけで、計算グラフが自動的にできあがります。`backward` を 1 回呼び出すと、すべての勾配が求まります。

# %%
price, count, tax = Value(100.0), Value(2.0), Value(1.1)
total = price * count * tax
total.backward()
print(f"{total.data = :.0f}")
print(f"{price.grad = :.1f}")
print(f"{count.grad = :.1f}")
print(f"{tax.grad = :.1f}")
locals_of_total = [local for _, local in total.parents]
print(f"{locals_of_total = }")

# %% [markdown] lang="en"
# The last line shows what the node `total` has stored: 1.1 for the subtotal and 200 for the tax, the
# two numbers of the picture.

# %% [markdown] lang="ja"
# 最後の行は、ノード `total` が記憶している局所的な微分です。小計については 1.1、税率については 200 で、図の中の二つの数と同じです。

# %% [markdown] lang="en"
# **Exercise 3.3.** Write `gradient(f, numbers)`: it makes a node of each number, calls `f` with these
# nodes, and returns the list of the gradients. For `f` the total, `gradient(f, [100.0, 2.0, 1.1])` is
# `[2.2, 110.0, 200.0]`. (`f(*nodes)` calls `f` with the list's elements as arguments.)

# %% [markdown] lang="ja"
# **演習 3.3** 関数 `gradient(f, numbers)` を書いてください。それぞれの数をノードに変え、そのノードを渡して `f` を呼び出し、勾配のリストを返します。`f` が合計の式なら、`gradient(f, [100.0, 2.0, 1.1])` は `[2.2, 110.0, 200.0]` です。（`f(*nodes)` と書くと、リストの要素を引数として `f` を呼び出します。）


# %%
def gradient(f, numbers):
    return ...


check("3.3", gradient)

# %% [markdown] lang="en" tags=["solution"]
# The nodes need names of their own, since the gradients are to be read from them afterwards. The
# library JAX goes one step further: its `grad(f)` is the function that computes the gradient.

# %% [markdown] lang="ja" tags=["solution"]
# 後で勾配を読み出すので、ノードを変数に取っておきます。JAX というライブラリの `grad(f)` は、さらに一歩進んで、勾配を計算する関数を返します。


# %% tags=["solution"]
def gradient(f, numbers):
    nodes = [Value(x) for x in numbers]
    f(*nodes).backward()
    return [node.grad for node in nodes]


check("3.3", gradient)

# %% [markdown] lang="en"
# ## An operation of your own
#
# The neuron of lesson 2 put a sigmoid around $w x + b$. Such a function that is no straight line is called an
# *activation function*; without one, a neuron behind a neuron would make another straight line only. Three
# are common:
#
# $$\mathrm{relu}(z) = \max(z, 0), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad
# \tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}}$$
#
# The engine lacks them, and there are two ways to add one. Either **compose** it of operations that
# are there: then its derivative comes by itself. Or give **value and local derivative**, side by
# side, in a line. The slope of `relu` is 1 where $z > 0$ and 0 where $z < 0$ (at 0 there is a corner;
# one takes 0). The slope of $\tanh z$ is $1 - \tanh^2 z$, by the quotient rule.

# %% [markdown] lang="ja"
# ## 自分で作る演算
#
# 第 2 章のニューロンでは、$w x + b$ をシグモイド関数に通しました。このような直線でない関数を**活性化関数**と呼びます。活性化関数がないと、ニューロンをいくつつないでも、一つの直線にしかなりません。よく使われるのは、次の三つです。
#
# $$\mathrm{relu}(z) = \max(z, 0), \qquad \sigma(z) = \frac{1}{1 + e^{-z}}, \qquad
# \tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}}$$
#
# エンジンにはまだありませんが、加える方法は二つあります。一つは、すでにある演算を**組み合わせる**方法で、微分は自動的に求まります。もう一つは、**値と局所的な微分**を、1 行に並べて書く方法です。`relu` の傾きは、$z > 0$ では 1、$z < 0$ では 0 です（微分できない 0 では、傾きを 0 と決めておきます）。$\tanh z$ の傾きは、商の微分の公式から $1 - \tanh^2 z$ です。


# %%
def relu(z):
    return Value(max(z.data, 0.0), [(z, float(z.data > 0))])


def tanh(z):
    return Value(math.tanh(z.data), [(z, 1 - math.tanh(z.data) ** 2)])


def sigmoid(z):
    return 1 / (1 + (-z).exp())


def measured(f, x, h=1e-4):
    return (f(Value(x + h)).data - f(Value(x - h)).data) / (2 * h)


for f in (relu, tanh, sigmoid):
    z = Value(0.5)
    y = f(z)
    y.backward()
    slope = measured(f, 0.5)
    print(f"{f.__name__:8} {y.data:.6f}  {z.grad:.6f}  {slope:.6f}")

# %% [markdown] lang="en"
# The columns are the value at 0.5, the gradient by `backward`, and the slope by numerical
# differentiation. To compare the last two is called a **gradient check**. Do it for each operation
# that you write: a wrong derivative raises no error, the network only learns badly.
#
# The sigmoid is composed of five operations: a product with $-1$, an exponential, a sum, and a power
# and a product for the division. Its slope is known as a formula, too, from exercise 2.6: $\sigma(z)\,(1 - \sigma(z))$.
# With $\sigma(0.5) = 0.622459$ this is $0.622459 \cdot 0.377541 = 0.235004$, as in the last row.

# %% [markdown] lang="ja"
# 左から順に、0.5 での値、`backward` で求めた勾配、数値微分で測った傾きです。後の二つを比べることを、**勾配確認**と呼びます。演算を自分で書いたら、必ず勾配確認をしましょう。微分が間違っていてもエラーにはならず、ネットワークがうまく学習しないだけだからです。
#
# シグモイド関数は、演算を五つ組み合わせて書きました。$-1$ との積、指数関数、和、そして割り算のためのべき乗と積です。その傾きには、演習 2.6 で求めた $\sigma(z)\,(1 - \sigma(z))$ という公式もあります。$\sigma(0.5) = 0.622459$ なので $0.622459 \cdot 0.377541 = 0.235004$ となり、最後の行と一致します。

# %% [markdown] lang="en"
# **Exercise 3.4.** Write an operation of your own: $\mathrm{softplus}(z) = \log(1 + e^z)$, a relu with
# its corner rounded. Return one `Value` with its local derivative; `math.log` and `math.exp` compute
# the numbers. (`check` compares the value and the gradient at `z`.)

# %% [markdown] lang="ja"
# **演習 3.4** 自分の演算を書いてみましょう。$\mathrm{softplus}(z) = \log(1 + e^z)$ は、relu の角を滑らかにした関数です。局所的な微分をもつ `Value` を一つ返してください。数の計算には `math.log` と `math.exp` を使います。（`check` では、値と `z` の勾配を調べます。）


# %%
def softplus(z):
    return ...


check("3.4", softplus)

# %% [markdown] lang="en" tags=["solution"]
# By the chain rule the slope is $\frac{1}{1 + e^z} \cdot e^z = \frac{1}{1 + e^{-z}}$: the slope of
# softplus is the sigmoid. Composed it would be `(1 + z.exp()).log()`, with three operations in place
# of one.

# %% [markdown] lang="ja" tags=["solution"]
# 連鎖律から、傾きは $\frac{1}{1 + e^z} \cdot e^z = \frac{1}{1 + e^{-z}}$ です。softplus の傾きは、シグモイド関数なのです。組み合わせて `(1 + z.exp()).log()` と書くこともできますが、一つで済む演算が三つになります。


# %% tags=["solution"]
def softplus(z):
    local = 1 / (1 + math.exp(-z.data))
    return Value(math.log(1 + math.exp(z.data)), [(z, local)])


check("3.4", softplus)

# %% [markdown] lang="en"
# Here is an operation with two parents, written in a hurry, and its gradient check at 2 and 5.

# %% [markdown] lang="ja"
# 次は、親が二つある演算を、急いで書いたものです。2 と 5 で勾配確認をしてみます。


# %%
def maximum(a, b):
    return Value(max(a.data, b.data), [(a, 1.0), (b, 1.0)])


a, b = Value(2.0), Value(5.0)
maximum(a, b).backward()
slope_a = measured(lambda a: maximum(a, Value(5.0)), 2.0)
slope_b = measured(lambda b: maximum(Value(2.0), b), 5.0)
print(f"{a.grad = }  {slope_a = :.1f}")
print(f"{b.grad = }  {slope_b = :.1f}")

# %% [markdown] lang="en"
# **Exercise 3.5.** The value is right and a gradient is not. Find the slip and mend `maximum`.
# (`check` compares the value and both gradients, with either one the larger; never mind a tie.)

# %% [markdown] lang="ja"
# **演習 3.5** 値は正しいのに、勾配の一つが間違っています。間違いを見つけて、`maximum` を直してください。（`check` では、どちらが大きい場合についても、値と二つの勾配を調べます。等しい場合は考えなくてかまいません。）


# %%
def maximum(a, b):
    return ...


check("3.5", maximum)

# %% [markdown] lang="en" tags=["solution"]
# The smaller one could be changed a little without any effect on the maximum, so that its local
# derivative is 0. The whole gradient goes to the larger one, as in a switch. With 0 for `b` this is
# relu.

# %% [markdown] lang="ja" tags=["solution"]
# 小さいほうは、少し動かしても最大値に影響しないので、局所的な微分は 0 です。勾配は、スイッチのように、大きいほうにだけ流れます。`b` を 0 とすると relu になります。


# %% tags=["solution"]
def maximum(a, b):
    first = float(a.data > b.data)
    return Value(max(a.data, b.data), [(a, first), (b, 1 - first)])


check("3.5", maximum)

# %% [markdown] lang="en"
# ## A published number
#
# Does this hold for tangled formulas? The README of
# [micrograd](https://github.com/karpathy/micrograd), a famous small engine (Karpathy 2020), prints an
# expression that uses `a` and `b` over and over, and its results at $a = -4$, $b = 2$: the value
# 24.7041 and the gradients 138.8338 and 645.5773. (`c += c + 1` makes a new node, as
# `c = c + (c + 1)` does; the old one stays in the graph.)

# %% [markdown] lang="ja"
# ## 公表されている値と比べる
#
# 込み入った式でも、勾配は正しく求まるでしょうか。小さなエンジンとして有名な [micrograd](https://github.com/karpathy/micrograd)（Karpathy 2020）の README には、`a` と `b` を何度も使う式と、$a = -4$、$b = 2$ での結果が載っています。値は 24.7041、勾配は 138.8338 と 645.5773 です。（`c += c + 1` は、`c = c + (c + 1)` と同じように新しいノードを作ります。古いノードも、計算グラフに残ります。）


# %%
def expression(a, b):
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + relu(b + a)
    d += 3 * d + relu(b - a)
    e = c - d
    f = e**2
    g = f / 2
    g += 10 / f
    return g


a, b = Value(-4.0), Value(2.0)
g = expression(a, b)
g.backward()
print(f"{g.data = :.4f}")
print(f"{a.grad = :.4f}")
print(f"{b.grad = :.4f}")
print(f"{len(topological_order(g, [], set())) = }")

# %% [markdown] lang="en"
# All four decimals agree. The last line counts the nodes of the graph, constants included; nobody
# would want to derive this on paper.

# %% [markdown] lang="ja"
# 小数第 4 位まで、すべて一致しました。最後の行は、定数も含めたノードの個数です。この式を紙の上で微分するのは、とても大変です。

# %% [markdown] lang="en"
# ## A layer in four lines
#
# A **unit** (a neuron) multiplies each input by a **weight**, adds a **bias**, and applies an
# activation function $f$, for instance $\sigma$:
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + b, \qquad y = f(z)$$
#
# A **layer** is several units that see the
# same inputs, each with weights of its own. What it gives can be the input of another layer; a layer
# between the inputs and the output is a **hidden layer**. (In the code,
# `sum(..., b)` starts to add at `b`; with `strict=True`, `zip` insists on equal lengths.)

# %% [markdown] lang="ja"
# ## 4 行で書く層
#
# **ユニット**はニューロンとも呼ばれ、次の計算をします。それぞれの入力に**重み**を掛けて足し合わせ、**バイアス**を足し、活性化関数 $f$（たとえば $\sigma$）に通します。
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + b, \qquad y = f(z)$$
#
# 同じ入力を受け取り、それぞれが自分の重みをもつユニットを並べたものが**層**です。ある層の出力を、次の層の入力にすることもできます。入力と出力の間にある層が**中間層**です。（コードの `sum(..., b)` は `b` から足し始めます。`strict=True` を付けると、`zip` は長さが等しいことを確かめます。）


# %%
def unit(w, b, x, f):
    return f(sum((w_i * x_i for w_i, x_i in zip(w, x, strict=True)), b))


def layer(W, b, x, f):
    return [unit(w, b_i, x, f) for w, b_i in zip(W, b, strict=True)]


w, b = [Value(0.5), Value(-1.0)], Value(1.0)
y = unit(w, b, [3.0, 2.0], sigmoid)
y.backward()
print(f"{y.data = :.4f}")
print(f"{w[0].grad = :.4f}")
print(f"{w[1].grad = :.4f}")
print(f"{b.grad = :.4f}")

# %% [markdown] lang="en"
# By hand: $z = 0.5 \cdot 3 - 1 \cdot 2 + 1 = 0.5$. The slope of the sigmoid there is 0.235004, as
# above. It arrives at the bias as it is, at the weights times their inputs, 3 and 2.

# %% [markdown] lang="ja"
# 手計算では $z = 0.5 \cdot 3 - 1 \cdot 2 + 1 = 0.5$ です。そこでのシグモイド関数の傾きは、先ほど求めた 0.235004 です。これがバイアスにはそのまま届き、重みには、それぞれの入力である 3 と 2 を掛けたものが届きます。

# %% [markdown] lang="en"
# **Exercise 3.6.** A unit with one input: $z = w x + b$, $y = \sigma(z)$,
# $L = \frac{1}{2} (y - t)^2$, at $x = 3$, $w = 0.5$, $b = -1.5$, $t = 1$. Compute
# $\partial L / \partial w$ by hand, from $L$ back to $w$.

# %% [markdown] lang="ja"
# **演習 3.6** 入力が一つのユニット $z = w x + b$、$y = \sigma(z)$、$L = \frac{1}{2} (y - t)^2$ を考えます。$x = 3$、$w = 0.5$、$b = -1.5$、$t = 1$ のとき、$L$ から $w$ へ逆にたどって、$\partial L / \partial w$ を手で計算してください。

# %%
d_w = ...
check("3.6", d_w)

# %% [markdown] lang="en" tags=["solution"]
# Forward: $z = 0$, $y = 0.5$. Back: $y$ receives $y - t = -0.5$, then $z$ receives
# $y (1 - y) \cdot (-0.5) = 0.25 \cdot (-0.5) = -0.125$, and $w$ receives $x \cdot (-0.125) = -0.375$.

# %% [markdown] lang="ja" tags=["solution"]
# 順伝播では $z = 0$、$y = 0.5$ です。逆伝播では、まず $y$ が $y - t = -0.5$ を、次に $z$ が $y (1 - y) \cdot (-0.5) = 0.25 \cdot (-0.5) = -0.125$ を、最後に $w$ が $x \cdot (-0.125) = -0.375$ を受け取ります。

# %% tags=["solution"]
d_w = 3 * 0.25 * (0.5 - 1)
check("3.6", d_w)

# %% [markdown] lang="en"
# ## A network that you can check by hand
#
# Mazur's [step by step
# example](https://mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example/) (2015) computes
# one step of training on paper: two inputs, a hidden layer of two units, two outputs, all with the
# sigmoid. The weights $w_1$ to $w_4$ belong to the hidden layer, $w_5$ to $w_8$ to the outputs; the
# biases 0.35 and 0.6 stay as they are. The loss is half the sum of squares.

# %% [markdown] lang="ja"
# ## 手で検算できるネットワーク
#
# Mazur の[解説](https://mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example/)（2015）では、学習の 1 ステップを手で計算しています。入力が二つ、中間層のユニットが二つ、出力が二つで、活性化関数はすべてシグモイド関数です。$w_1$ から $w_4$ は中間層の重み、$w_5$ から $w_8$ は出力層の重みです。バイアス 0.35 と 0.6 は変えません。損失は、二乗和誤差の半分です。

# %%
x, t = [0.05, 0.10], [0.01, 0.99]


def loss(w):
    h = layer([w[0:2], w[2:4]], [0.35, 0.35], x, sigmoid)
    y = layer([w[4:6], w[6:8]], [0.6, 0.6], h, sigmoid)
    return 0.5 * sum((y_k - t_k) ** 2 for y_k, t_k in zip(y, t, strict=True))


start = [0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55]
w = [Value(number) for number in start]
L = loss(w)
L.backward()
print(f"{L.data = :.9f}")
print(f"{w[4].grad = :.9f}")

# %% [markdown] lang="en"
# Published are 0.298371109 and, for $\partial L / \partial w_5$ (here `w[4]`, as Python counts from
# 0), 0.082167041. Now a gradient check of all eight: beside each gradient the slope by numerical
# differentiation.

# %% [markdown] lang="ja"
# 公表されている値は、損失が 0.298371109、$\partial L / \partial w_5$（Python では 0 から数えるので `w[4]`）が 0.082167041 です。次に、8 個の重みすべてについて勾配確認をします。勾配の隣に並ぶのは、数値微分で測った傾きです。


# %%
def nudged(i, h):
    nudged_w = [Value(start[j] + h * (i == j)) for j in range(8)]
    return loss(nudged_w).data


h = 1e-4
for i in range(8):
    slope = (nudged(i, h) - nudged(i, -h)) / (2 * h)
    print(f"w_{i + 1}  {w[i].grad:9.6f}  {slope:9.6f}")

# %% [markdown] lang="en"
# Numerical differentiation computed the loss 16 times for these eight; `backward` went over the graph
# once.
#
# Now a step of gradient descent with $\eta = 0.5$, as in lesson 1: each weight minus $\eta$ times its
# gradient. For $w_5$ by hand: $0.4 - 0.5 \cdot 0.082167041 = 0.35891648$.

# %% [markdown] lang="ja"
# 数値微分では、8 個の傾きを求めるために、損失を 16 回計算しました。`backward` は、計算グラフを 1 回たどっただけです。
#
# それでは、第 1 章と同じ勾配降下法で、1 ステップ進みましょう。学習率は $\eta = 0.5$ です。それぞれの重みから、勾配の $\eta$ 倍を引きます。手計算では、$w_5$ は $0.4 - 0.5 \cdot 0.082167041 = 0.35891648$ になります。

# %%
lr = 0.5
new_w = [Value(node.data - lr * node.grad) for node in w]
print(f"{new_w[0].data = :.9f}")
print(f"{new_w[4].data = :.8f}")
print(f"{loss(new_w).data = :.9f}")

# %% [markdown] lang="en"
# The published weights are 0.149780716 and 0.35891648. For the new loss Mazur gives 0.291027924,
# which differs from ours in the seventh decimal; the weights that he prints, put into the formula,
# give 0.291027774 as well.
#
# The step makes **new** nodes. The old ones keep their gradients, and the new ones start with 0: what
# happens if one forgets that is part of lesson 4.

# %% [markdown] lang="ja"
# 公表されている重みは 0.149780716 と 0.35891648 です。新しい損失は、Mazur の解説では 0.291027924 で、小数第 7 位から違います。しかし、解説に書かれた重みを式に代入すると、やはり 0.291027774 になります。
#
# この 1 ステップでは、**新しい**ノードを作りました。古いノードには勾配が残っていますが、新しいノードの勾配は 0 から始まります。勾配を 0 から始めないとどうなるかは、第 4 章で扱います。

# %% [markdown] lang="en"
# **Exercise 3.7.** Write the training: from the list of numbers `numbers`, make `steps` steps with
# learning rate `lr` and return the list of the eight numbers (not nodes) where it ends. Afterwards
# let `w = [Value(x) for x in descend(start, 0.5, 1000)]`: how small is `loss(w).data`?

# %% [markdown] lang="ja"
# **演習 3.7** 学習を関数にしてください。数のリスト `numbers` から始め、学習率 `lr` で `steps` 回進み、たどり着いた 8 個の値を、ノードではなく数のリストで返します。できたら `w = [Value(x) for x in descend(start, 0.5, 1000)]` としてください。`loss(w).data` はどこまで小さくなりますか。


# %%
def descend(numbers, lr, steps):
    return ...


check("3.7", descend)

# %% [markdown] lang="en" tags=["solution"]
# Each step: gradients at 0 (here by new nodes), forward, backward, update. Every training loop that you
# will meet has these four. A thousand steps bring the loss from 0.2984 down to 0.0011.

# %% [markdown] lang="ja" tags=["solution"]
# 1 ステップは、勾配を 0 にする（ここでは新しいノードを作る）、順伝播、逆伝播、更新の四つからなります。これから出会うどの学習のプログラムにも、この四つがあります。1,000 ステップで、損失は 0.2984 から 0.0011 まで小さくなります。


# %% tags=["solution"]
def descend(numbers, lr, steps):
    for _ in range(steps):
        w = [Value(number) for number in numbers]
        loss(w).backward()
        numbers = [node.data - lr * node.grad for node in w]
    return numbers


check("3.7", descend)
trained = [Value(number) for number in descend(start, 0.5, 1000)]
print(f"{loss(trained).data = :.6f}")

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** The local derivatives that a node stores are
#
# - "a": formulas, which `backward` evaluates;
# - "b": numbers, known when the node is made;
# - "c": numbers, known once the gradient of the output arrives.
#
# **b.** In `c = a + b` the gradient that comes in at `c` is 5. Then `a` receives
#
# - "a": 1, the local derivative;
# - "b": 2.5, as it is shared with `b`;
# - "c": 5, as does `b`.
#
# **c.** `x = Value(3.0)`, then `y = x**2`, then `x.data = 5.0`, then `y.backward()`. Now `x.grad` is
#
# - "a": 6;
# - "b": 10;
# - "c": 0.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** ノードが記憶している局所的な微分は、どのようなものですか。
#
# - "a"：式。値は `backward` のときに計算する。
# - "b"：数。ノードを作るときに分かる。
# - "c"：数。出力の勾配が届いて初めて分かる。
#
# **b.** `c = a + b` で、`c` に届いた上流の勾配は 5 です。`a` はいくつを受け取りますか。
#
# - "a"：局所的な微分の 1。
# - "b"：`b` と分け合うので 2.5。
# - "c"：`b` と同じく 5。
#
# **c.** `x = Value(3.0)`、`y = x**2`、`x.data = 5.0`、`y.backward()` の順に実行します。`x.grad` はいくつになりますか。
#
# - "a"：6。
# - "b"：10。
# - "c"：0。

# %%
check("3 a", ...)
check("3 b", ...)
check("3 c", ...)

# %% tags=["solution"]
check("3 a", "b")
check("3 b", "c")
check("3 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - A formula is a graph of operations. Values go forward, gradients go back.
# - A node stores its value, its gradient, and for each parent the local derivative: a number, known
#   in the forward pass.
# - Backward: each node hands its gradient times the local derivative to the parent, which adds it up.
# - A new operation is a value and a local derivative. A gradient check says whether they fit
#   together.
#
# **Read on.** In the gallery: [the chain rule, step by
# step](../../README.md#the-chain-rule-step-by-step) with micrograd's expression, and [backprop by
# hand](../../README.md#backprop-by-hand). To watch both passes op by op, download [this
# page](../../pictures/backprop_expression.html) and open it in a browser. In the source:
# [`ops.py`](../../../tinygrad_loss/engine/ops.py) is the library's table of operations with their
# derivatives. Books and papers: Saito, *Deep Learning from Scratch* (2016), chapter 5, has these
# apples, too; Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors",
# Nature 323 (1986).

# %% [markdown] lang="ja"
# ## まとめ
#
# - 式は、演算をつないだ計算グラフとして表せます。順伝播では値が、逆伝播では勾配が流れます。
# - ノードは、値、勾配、親ごとの局所的な微分を記憶します。局所的な微分は数で、順伝播のときに分かります。
# - 逆伝播では、どのノードも、自分の勾配に局所的な微分を掛けて親に渡し、親はそれを足し込みます。
# - 新しい演算は、値と局所的な微分を書けば作れます。二つが食い違っていないかどうかは、勾配確認で分かります。
#
# **次に読むもの** ギャラリーでは、micrograd の式を使った[連鎖律を一歩ずつ](../../README.ja.md#連鎖律を一歩ずつ)と、[手で書いたような誤差逆伝播](../../README.ja.md#手で書いたような誤差逆伝播)を読んでください。順伝播と逆伝播を演算ごとに見るには、[このページ](../../pictures/backprop_expression.html)をダウンロードして、ブラウザで開いてください。ソースコードでは、[`ops.py`](../../../tinygrad_loss/engine/ops.py) が、このライブラリの演算と微分の一覧です。本と論文では、斎藤康毅『ゼロから作る Deep Learning』（2016）の第 5 章（同じりんごの例があります）、Rumelhart, Hinton, Williams "Learning representations by back-propagating errors", Nature 323（1986）が参考になります。
