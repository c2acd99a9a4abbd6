# %% [markdown] lang="en"
# # 12. Reading the engine
#
# **You will be able to** follow `(x * w).sum().backward()` through three source files to `w.grad`,
# say what each part adds to the 50 lines of lesson 5 and why, write an operation of your own and
# check it, and look inside a network that does not learn.
#
# **You need** lessons 4 and 5, and of lesson 8 that gradients can be differentiated again (it is
# recapped).
#
# **Time**: 50 minutes, with [the source](../../../tinygrad_loss/engine/tensor.py) open beside this
# page.

# %% [markdown] lang="ja"
# # 第 12 章 エンジンを読む
#
# **できるようになること**：`(x * w).sum().backward()` から `w.grad` までを、三つのソースファイルの中でたどる。第 5 章の 50 行に、何が、なぜ加わったかを説明する。自分の演算を作り、勾配確認をする。学習しないネットワークの中を調べる。
#
# **前提知識**：第 4 章と第 5 章。第 8 章からは、勾配をもう一度微分できること（この章で復習します）。
#
# **所要時間**：50 分。[ソースコード](../../../tinygrad_loss/engine/tensor.py)を横に開いて読みましょう。

# %% [markdown] lang="en"
# ## One line, three files
#
# Since lesson 5 we have used the library as if it were our 50 lines. Now we open it. Its heart is
# three files of the folder `tinygrad_loss/engine`:
#
# | file | what it holds |
# |---|---|
# | [`tensor.py`](../../../tinygrad_loss/engine/tensor.py) | the class `Tensor`: operators and methods |
# | [`ops.py`](../../../tinygrad_loss/engine/ops.py) | the table of derivatives |
# | [`backprop.py`](../../../tinygrad_loss/engine/backprop.py) | the walk back |
#
# In the text below `backprop.propagate` means `propagate` in `backprop.py`, and so on. (A test
# looks up all these names, so that this page cannot fall behind the source. Three more files are
# named where we need them: `node.py`, `mode.py` and `transforms.py`.) Here is the line that
# we follow. By hand, $y = 1 \cdot 3 + 2 \cdot (-1) = 1$, and the gradient of $w$ is $x$.

# %% [markdown] lang="ja"
# ## 1 行の計算と三つのファイル
#
# 第 5 章からは、ライブラリを、あの 50 行と同じもののように使ってきました。ここで、その中を見てみましょう。エンジンの中心は、フォルダ `tinygrad_loss/engine` の三つのファイルです。
#
# | ファイル | 内容 |
# |---|---|
# | [`tensor.py`](../../../tinygrad_loss/engine/tensor.py) | クラス `Tensor`：演算子とメソッド |
# | [`ops.py`](../../../tinygrad_loss/engine/ops.py) | 微分の一覧表 |
# | [`backprop.py`](../../../tinygrad_loss/engine/backprop.py) | 逆向きにたどる部分 |
#
# 以下の本文で `backprop.propagate` と書けば、`backprop.py` の `propagate` のことです。ほかの名前も同様です。（これらの名前がソースコードにあることはテストで確かめているので、この章がソースコードの変更に取り残されることはありません。ほかに三つのファイル `node.py`、`mode.py`、`transforms.py` があり、必要になったところで触れます。）これからたどるのは、次の 1 行です。手計算では $y = 1 \cdot 3 + 2 \cdot (-1) = 1$ で、$w$ の勾配は $x$ です。

# %%
import inspect
import textwrap

import numpy as np
import tinygrad_loss as tl
from check import check
from course.figures import engine as figures
from tinygrad_loss.engine import backprop, ops


def show(part, first, count=1):
    lines = inspect.getsource(part).splitlines()
    start = next(i for i, line in enumerate(lines) if first in line)
    text = textwrap.dedent("\n".join(lines[start : start + count]))
    for line in text.split("\n"):
        print(textwrap.fill(line, 70, subsequent_indent=" " * 8))


x = tl.Tensor([1.0, 2.0], requires_grad=True, name="x")
w = tl.Tensor([3.0, -1.0], requires_grad=True, name="w")
y = (x * w).sum()
y.backward()
print(f"{y.item() = }  {w.grad = }")

# %% [markdown] lang="en"
# `show` prints lines of the source: of a file, class or function, `count` lines from the first one
# that contains some text (long lines are broken). `name` is a label for pictures and messages.
#
# **Step 1: the operator.** `x * w` calls `tensor.Tensor.__mul__`, which hands over to
# `ops.multiply`. Most methods of `Tensor` are such one-liners.

# %% [markdown] lang="ja"
# `show` は、ソースコードの一部を表示します。ファイル、クラス、関数の中で、指定した文字列を含む最初の行から `count` 行です（長い行は折り返します）。`name` は、図やエラーメッセージで使う名前です。
#
# **段階 1：演算子** `x * w` は `tensor.Tensor.__mul__` を呼び出します。その仕事は、`ops.multiply` に引き継ぐことだけです。`Tensor` の演算子やメソッドの多くは、このような 1 行です。

# %%
show(tl.Tensor, "def __mul__", 2)
show(tl.Tensor, "return ops.sum")

# %% [markdown] lang="en"
# **Step 2: the row of the table.** `ops.multiply` is a row in the table of derivatives. Here it is
# whole, and the head of two others:

# %% [markdown] lang="ja"
# **段階 2：表の 1 行** `ops.multiply` は、微分の一覧表の 1 行です。この 1 行の全体と、別の二つの行の先頭を見てみましょう。

# %%
show(ops, "forward=np.multiply)", 5)
show(ops, "forward=np.exp)", 2)
show(ops, "forward=np.log)", 2)

# %% [markdown] lang="en"
# A row has, in the decorator, one **rule** for each input, as in lesson 5, and the function that
# computes forward; below it the name, the formula, the derivative in words, and an example. A rule
# is given `g`, the output `y`, and the inputs. It is one expression, which you can read as a
# formula: $\partial L / \partial a = g\,b$.
#
# **Step 3: recording.** The decorator `ops.op` makes an object of class `ops.Op` of each row.
# Calling it runs `ops.Op.__call__`: take the arrays out of the Tensors, compute forward, and write
# into the new Tensor where it came from. That note is its `origin`:

# %% [markdown] lang="ja"
# デコレータには、第 5 章と同じく入力一つにつき一つの**規則**と、順伝播を計算する関数があります。その下は、名前、式、微分の説明、例です。規則の引数は、上流の勾配 `g`、出力 `y`、そして入力です。どの規則も一つの式で、$\partial L / \partial a = g\,b$ のような数式として読めます。
#
# **段階 3：記録** デコレータ `ops.op` は、それぞれの行から、クラス `ops.Op` のオブジェクトを作ります。これを呼び出すと、`ops.Op.__call__` が実行されます。Tensor から配列を取り出し、順伝播の値を計算して、その値がどこから来たかを新しい Tensor に書き込みます。それが `origin` です。

# %%
show(ops.Op.__call__, "recorded = ")
show(ops.Op.__call__, "output.origin = ")
product = y.origin[1][0]
print([node.origin[0].name for node in [y, product]])
print([node.name for node in product.origin[1]])
print(f"{x.origin = }")

# %% [markdown] lang="en"
# `inputs` are the Tensors and numbers as they were given, `arrays` the values that were computed
# with, `options` what is no input, such as `axis`. (Nothing is noted if no input requires a
# gradient, or recording is switched off.) The last lines read the graph by hand: `y` was made by
# `sum`, from a node that was made by `multiply`, from `x` and `w`. These have no origin: they are
# leaves. "That is all the recording there is", says the documentation of `ops.Op`: the graph is
# nothing but Tensors that point to the Tensors they came from.
#
# **Step 4: the walk back.** `y.backward()` calls `backprop.backward`. It starts with 1
# (`backprop.seed`), lets `backprop.propagate` walk, and adds the gradients that arrive at leaves to
# their `grad`. The middle of `backprop.propagate` is the loop of lesson 4:

# %% [markdown] lang="ja"
# `inputs` は渡されたままの Tensor や数、`arrays` は計算に使った値、`options` は `axis` のような入力以外の引数です。（勾配を求める入力が一つもないときや、記録が無効になっているときは、何も書き込みません。）最後の 3 行は、グラフを手でたどったものです。`y` は `sum` の出力で、その入力は `multiply` の出力、さらにその入力は `x` と `w` です。この二つには origin がありません。つまり葉です。記録はこれですべてです。計算グラフとは、元になった Tensor を指す Tensor の集まりにほかなりません（`ops.Op` の説明文にもそう書いてあります）。
#
# **段階 4：逆向きにたどる** `y.backward()` は `backprop.backward` を呼び出します。その仕事は、1 から始め（`backprop.seed`）、`backprop.propagate` にたどらせて、葉に届いた勾配を `grad` に足し込むことです。`backprop.propagate` の中心は、第 4 章の繰り返しです。

# %%
for line in [
    "_, _, node = heappop(waiting)",
    "op, inputs, arrays, options = node.origin",
    "g = gradient",
    "given = ",
    "for position, rule in enumerate",
    "x = inputs[position]",
    "if not (x._requires_grad",
    "part = rule(*given",
    "part = fitted(part",
]:
    show(backprop.propagate, line)
show(backprop.propagate, "if x in gradient:", 6)

# %% [markdown] lang="en"
# Line by line:
#
# - take the newest of the nodes that wait, and read its origin;
# - take its gradient `g` out of `gradient`, a dict from each node to the sum of what has arrived
#   there (it stays in only where somebody wants to keep it);
# - what the rules are `given` is arrays here: $g$, $y$ and the inputs (with `create_graph`, to which
#   we come later, Tensors);
# - go over the inputs `x`, each with its rule;
# - skip an input that does not require a gradient, has no rule (None, as the condition of `where`),
#   or is not asked for (`needed` holds the nodes on the way to what `tl.gradients` is asked for);
# - call the rule;
# - if need be, give the result the shape of the input: `backprop.fitted` calls
#   `backprop.unbroadcast`, which you know from lesson 5;
# - add it up where there was a part already; otherwise put the input on the list of those that
#   wait, unless it is a leaf: there the way ends. (What is put there is explained below.)
#
# This is the whole way of our line, with what is computed on the right:
#
#     x * w       Tensor.__mul__ -> ops.multiply     [3, -2]
#     .sum()      Tensor.sum -> ops.sum              1
#     .backward() Tensor.backward -> backprop.backward
#                   backprop.seed                    1
#                   backprop.propagate
#                     sum -> x * w                   [1, 1]
#                     multiply -> x                  g * w = [3, -1]
#                     multiply -> w                  g * x = [1, 2]
#
# In the first two lines `ops.Op.__call__` notes the origins. In the last two $g$ is $(1, 1)$, which
# `sum` has sent. At the end `backprop.backward` adds the gradients to `grad`: $(3, -1)$ to that of
# `x`, and $(1, 2)$ to that of `w`.
#
# So far nearly all is as in the 50 lines, under other names:
#
# | 50 lines | library |
# |---|---|
# | `parents`: pairs of parent and rule | `origin`: op, inputs, arrays, options |
# | rules inside the methods | rules in a table |
# | `topological_order` | `heappop`: the newest first |
# | `unbroadcast` | `backprop.unbroadcast` |
# | `grad` at all nodes | `grad` at the leaves |
#
# The last row saves memory: inside the graph a gradient is dropped once it has been passed on.
# The third row is another algorithm. Why?

# %% [markdown] lang="ja"
# 1 行ずつ見ていきましょう。
#
# - 順番を待つノードのうち最も新しいものを取り出し、その origin を読みます。
# - そのノードの勾配 `g` を、`gradient` から取り出します。`gradient` は、ノードごとに、届いた分の和を入れておく辞書です（残しておく必要のある勾配だけは、辞書に残します）。
# - 規則に渡すもの（`given`）は、ここでは配列で、$g$、$y$、入力です（後で述べる `create_graph` を指定すると、Tensor になります）。
# - 入力 `x` とその規則を、一つずつ順に見ていきます。
# - 勾配を求めない入力、規則のない入力（`where` の条件のように None のもの）、必要のない入力は飛ばします（`needed` は、`tl.gradients` で指定した Tensor に至る途中のノードです）。
# - 規則を呼び出します。
# - 必要なら、結果を入力の形状に合わせます。`backprop.fitted` が、第 5 章で作ったのと同じ働きの `backprop.unbroadcast` を呼び出します。
# - すでに届いた分があれば、足し込みます。なければ、その入力を、順番を待つノードの列に入れます。ただし、葉は入れません。そこで終わりだからです。（列に何を入れるかは、後で説明します。）
#
# いまの例の道筋を、初めから終わりまで書くと、次のようになります。右は計算された値です。
#
#     x * w       Tensor.__mul__ -> ops.multiply     [3, -2]
#     .sum()      Tensor.sum -> ops.sum              1
#     .backward() Tensor.backward -> backprop.backward
#                   backprop.seed                    1
#                   backprop.propagate
#                     sum -> x * w                   [1, 1]
#                     multiply -> x                  g * w = [3, -1]
#                     multiply -> w                  g * x = [1, 2]
#
# 初めの 2 行では、`ops.Op.__call__` が origin を書き込みます。終わりの 2 行の $g$ は、`sum` から届いた $(1, 1)$ です。最後に `backprop.backward` が、`grad` に勾配を足し込みます。`x` では $(3, -1)$、`w` では $(1, 2)$ です。
#
# ここまでは、名前が違うだけで、ほとんど 50 行のエンジンと同じです。
#
# | 50 行のエンジン | ライブラリ |
# |---|---|
# | `parents`：親と規則の組 | `origin`：演算、入力、配列、オプション |
# | 規則はメソッドの中 | 規則は一覧表の中 |
# | `topological_order` | `heappop`：新しいものから |
# | `unbroadcast` | `backprop.unbroadcast` |
# | `grad` はすべてのノードに | `grad` は葉に |
#
# 最後の行は、メモリの節約のためです。グラフの途中の勾配は、渡し終えると捨てられます。3 行目は、アルゴリズムそのものが違います。なぜでしょうか。

# %% [markdown] lang="en"
# ## The order, without recursion
#
# `topological_order` calls itself once for each node on the way down, and Python allows only about
# 1,000 calls inside of each other (a notebook some more). A sum of 5,000 terms in a loop, or a
# recurrent network over 5,000 time steps, is a chain as long as that. (`complaint` prints the kind
# of error that a call raises, and on request its message.)

# %% [markdown] lang="ja"
# ## 再帰を使わずに順番を守る
#
# `topological_order` は、グラフを一段下るたびに自分自身を呼び出します。ところが、Python で入れ子にできる呼び出しは、1,000 段ほどまでです（ノートブックではもう少し多くなります）。繰り返しの中で 5,000 個の項を足したり、再帰型ネットワークを 5,000 時刻にわたって計算したりすると、それと同じ長さの鎖ができます。（`complaint` は、呼び出しで起こった例外の種類を表示します。指定すれば、メッセージも表示します。）

# %%
from course.array_engine import Tensor as Short


def complaint(call, message=False):
    try:
        call()
    except Exception as error:
        print(type(error).__name__)
        if message:
            print(textwrap.fill(str(error), 70))


def chain(start, length):
    end = start
    for _ in range(length):
        end = end * 1.0
    return end


complaint(chain(Short(1.0), 5000).backward)

start = tl.Tensor(1.0, requires_grad=True)
chain(start, 100_000).backward()
print(f"{start.grad = }")

# %% [markdown] lang="en"
# The library does 100,000 in a row. It needs no search at all, because of a fact about time: **a
# node is newer than everything that it was computed from.** So each node gets a **stamp** when it
# is made, the next number of a counter (`node.now`). Going back from the newest to the oldest, one
# meets every child before its parents: the order of lesson 4.
#
# The nodes that have received a part wait in a **heap**, a list of the module `heapq` from which
# `heappop` always takes the smallest entry. The entries are `(-x.stamp, id(x), x)`: minus the stamp
# comes first, so that the smallest is the newest node. (`id(x)` sees to it that Tensors are never
# compared.) Here is the graph of lesson 4 again, $u = x^2$, $v = u + 1$, $y = u v$, with stamps
# counted from that of $x$.

# %% [markdown] lang="ja"
# ライブラリでは、100,000 個つないでも計算できます。グラフを探索して順番を決める必要がないからです。**ノードは、その計算に使われたどのノードよりも新しい**という性質を使います。ノードを作るたびに、カウンタ（`node.now`）の次の番号を**スタンプ**として付けます。新しいものから古いものへとたどれば、どの子も親より先に現れます。これは、第 4 章で必要だった順番です。
#
# 勾配の届いたノードは、**ヒープ**で順番を待ちます。ヒープは、モジュール `heapq` で扱うリストで、`heappop` はいつも最小の要素を取り出します。要素は `(-x.stamp, id(x), x)` です。先頭がスタンプにマイナスを付けた数なので、最小の要素が最も新しいノードです。（`id(x)` があるので、Tensor どうしが比較されることはありません。）第 4 章のグラフ $u = x^2$、$v = u + 1$、$y = u v$ を、もう一度見ましょう。スタンプは、$x$ のスタンプから数えて表示します。

# %%
x = tl.Tensor(3.0, requires_grad=True, name="x")
u = x**2
v = u + 1
y = u * v
y.backward()
print([node.stamp - x.stamp for node in [x, u, v, y]])
print(f"{x.grad = }")

# %% [markdown] lang="en"
# In the picture each node stands above its stamp. Blue: what was computed from what. Orange: the
# way back.

# %% [markdown] lang="ja"
# 図では、どのノードも、そのスタンプの上にあります。青は計算の流れ、橙は逆伝播です。

# %%
figures.walk_by_stamps({"x": x, "u": u, "v": v, "y": y})

# %% [markdown] lang="en"
# The arrow at the bottom is time, with the stamps. What is computed goes to the right, always. So
# the parts of gradients (on the dashed lines) go to the **left**, always; below each node, in bold,
# stands its gradient, the sum of the parts that arrive. The numbers in circles say whose turn it
# is. When $u$ is taken, third, all that lies to its right is done, so its $10 + 9 = 19$ is
# complete, and $6 \cdot 19 = 114$ goes to $x$. A leaf has no rule to call, and is not put on the
# heap.

# %% [markdown] lang="ja"
# いちばん下の矢印は時間の軸で、数はスタンプです。計算はいつも右へ進みます。したがって、破線の上の勾配は、いつも**左へ**進みます。ノードの下の太字の数は、届いた分を足し合わせた勾配です。丸の中の数は、取り出される順番です。3 番目に $u$ が取り出されるとき、右側の計算はすべて終わっています。したがって $10 + 9 = 19$ は出そろっていて、$x$ には $6 \cdot 19 = 114$ が渡ります。葉には呼び出す規則がないので、ヒープには入れません。

# %% [markdown] lang="en"
# **Exercise 12.1.** Six Tensors are made in this order, so that their stamps are 1 to 6:
#
#     x = tl.Tensor(3.0, requires_grad=True)
#     k = tl.Tensor(2.0)
#     u = x * k
#     v = u + 1
#     z = v * v
#     y = u * v
#
# Then `y.backward()` runs. Which stamps does `heappop` take, in which order? Without running it;
# answer with a list.

# %% [markdown] lang="ja"
# **演習 12.1** 六つの Tensor を次の順に作ったところ、スタンプは 1 から 6 になりました。
#
#     x = tl.Tensor(3.0, requires_grad=True)
#     k = tl.Tensor(2.0)
#     u = x * k
#     v = u + 1
#     z = v * v
#     y = u * v
#
# ここで `y.backward()` を実行すると、`heappop` は、どのスタンプをどの順に取り出しますか。実行せずに、リストで答えてください。

# %%
stamps = ...
check("12.1", stamps)

# %% [markdown] lang="en" tags=["solution"]
# First the output, 6. It sends parts to `u` and `v`; the newer, `v`, comes next, and sends the
# second part to `u`. Then `u` is complete. `z` is no input of anything on the way. `x` and `k` are
# leaves; `k` does not even receive a gradient.

# %% [markdown] lang="ja" tags=["solution"]
# 最初は出力の 6 です。`u` と `v` に勾配を渡します。次は新しいほうの `v` で、`u` に二つ目の分を渡し、これで `u` が出そろいます。`z` は、途中のどのノードの入力でもありません。`x` と `k` は葉です。`k` は勾配を受け取りもしません。

# %% tags=["solution"]
stamps = [6, 4, 3]
check("12.1", stamps)

# %% [markdown] lang="en"
# **Exercise 12.2.** Write the order yourself: return a list of all nodes that have an `origin`,
# from `output` on back, the newest first, each once. The inputs of a node are `node.origin[1]`;
# some of them are plain numbers (ask with `isinstance(a, tl.Tensor)`), and the `origin` of a leaf
# is None. (Use a set, `set()`, to remember the nodes that you have met. In a list, `in` compares
# the values of Tensors, and takes two nodes with equal values for one.)
#
# The check calls it with the graph above ("diamond"), one with more paths ("two paths"), and a
# "chain" of 5,000 nodes, so that recursion will not do. Where it prints what it got, it names
# each node by its age: how many stamps before the output it was made.

# %% [markdown] lang="ja"
# **演習 12.2** この順番を求める関数を書いてください。`output` からさかのぼり、`origin` のあるノードをすべて、新しいものから順に、一度ずつ並べたリストを返します。ノードの入力は `node.origin[1]` で、その中にはただの数もあります（`isinstance(a, tl.Tensor)` で調べられます）。葉の `origin` は None です。（調べたノードは、集合 `set()` に入れて覚えておきます。リストでは、`in` が Tensor の値を比べるので、値の等しい二つのノードが同じものとみなされます。）
#
# 採点では、上のグラフ（"diamond"）、経路がもっと多いグラフ（"two paths"）、5,000 個のノードがつながった鎖（"chain"）を渡すので、再帰は使えません。答えを表示するときは、それぞれのノードを、スタンプが出力よりいくつ前かという数で表します。


# %%
def newest_first(output):
    return ...


check("12.2", newest_first)

# %% [markdown] lang="en" tags=["solution"]
# Two steps do as well as a heap: collect, with a list of those that are still to be looked at in
# place of the recursion, and sort by stamp. (The engine has to take them one by one, as a gradient
# must be complete before the next part is known.)

# %% [markdown] lang="ja" tags=["solution"]
# ヒープがなくても、2 段階でできます。再帰の代わりに、まだ調べていないノードのリストを使って集め、スタンプの順に並べ替えます。（エンジンが一つずつ取り出すのは、勾配が出そろわないと、次に渡す分を計算できないからです。）


# %% tags=["solution"]
def newest_first(output):
    waiting, seen = [output], {output}
    while waiting:
        for a in waiting.pop().origin[1]:
            if isinstance(a, tl.Tensor) and a.origin and a not in seen:
                seen.add(a)
                waiting.append(a)
    return sorted(seen, key=lambda node: -node.stamp)


check("12.2", newest_first)

# %% [markdown] lang="en"
# ## What a rule relies on
#
# A rule is called long after the forward pass, and computes with the arrays of that time. What if
# somebody has changed them since? The short engine notices nothing. Here the value of $b^2$ is 9,
# and then $b$ becomes 2 in the same array:

# %% [markdown] lang="ja"
# ## 規則が前提とすること
#
# 規則が呼び出されるのは順伝播よりも後ですが、計算に使うのは順伝播のときの配列です。そのあいだに配列が書き換えられたら、どうなるでしょうか。短いエンジンは気づきません。次の例では、$b^2$ の値を 9 と計算した後で、同じ配列の中の $b$ を 2 に変えています。

# %%
b = Short([3.0])
square = b * b
b.data -= 1
square.backward()
print(f"{square.data = }  {b.grad = }")

b = tl.Tensor([3.0], requires_grad=True, name="b")
square = (b * b).sum()
b.data -= 1
complaint(square.backward, message=True)
read_only = not square.data.flags.writeable
print(f"{read_only = }")

# %% [markdown] lang="en"
# The short engine reports the value at 3 with the slope at 2: no error, and wrong. In the library
# the stamps find it. Assigning `data` gives a leaf a **new stamp**. If an input is newer than
# what was computed from it, it has been changed since, and `backprop.propagate` refuses. Values
# that ops computed cannot be changed at all: their arrays are read-only. That is needed all the
# more as some of them are **views**: `t.reshape(3, 2)` shows the numbers of `t` in another shape
# without copying them. (A write into a single element of a leaf, `b.data[0] = 5`, is not seen:
# to find it, one would have to compare all numbers.
# [`node.py`](../../../tinygrad_loss/engine/node.py) says so, the file of what a node holds.)

# %% [markdown] lang="ja"
# 短いエンジンでは、値は 3 でのもの、傾きは 2 でのものです。エラーも出ないまま、間違った結果になっています。ライブラリでは、先ほどのスタンプから、これが分かります。`data` に代入すると、葉に**新しいスタンプ**が付きます。入力のほうが、そこから計算されたものよりも新しければ、後から変更されたと分かるので、`backprop.propagate` は計算をやめて例外を発生させます。演算の結果のほうは、まったく変更できません。配列が読み取り専用だからです。結果の中には**ビュー**もあるので、これは大切なことです。たとえば `t.reshape(3, 2)` は、`t` の数をコピーせず、別の形状で見せるだけです。（葉の一つの要素への書き込み `b.data[0] = 5` は検出されません。検出するには、すべての数を比べなければならないからです。ノードがもつ情報を決めているファイル [`node.py`](../../../tinygrad_loss/engine/node.py) にも、そう書いてあります。）

# %% [markdown] lang="en"
# **Dtypes.** The short engine makes float64 of everything. The library keeps the dtype that it is
# given, since float32 takes half the memory and often half the time. Two principles suffice.
# Forward, NumPy decides: a mixed operation gives the wider dtype (a Python number, such as `2.0`,
# does not widen). Backward, **a gradient has the shape and the dtype of its Tensor**:
# `backprop.fitted` converts what a rule returns.

# %% [markdown] lang="ja"
# **dtype** 短いエンジンは、何でも float64 に変換します。ライブラリは、与えられた dtype を保ちます。float32 なら、メモリは半分で済み、計算時間も半分ほどになることが多いからです。原則は二つだけです。順伝播では NumPy に従います。dtype の違う配列の演算は、精度の高いほうの dtype になります（`2.0` のような Python の数では変わりません）。逆伝播では、**勾配の形状と dtype は、その Tensor と同じ**です。規則の返した値は、`backprop.fitted` が変換します。

# %%
a = tl.Tensor(np.ones(3, np.float32), requires_grad=True)
c = tl.Tensor(np.ones(3), requires_grad=True)
print(Short(np.ones(3, np.float32)).data.dtype, (2.0 * a).dtype)
mixed = (a * c).sum()
mixed.backward()
print(mixed.dtype, a.grad.dtype, c.grad.dtype)

# %% [markdown] lang="en"
# **Errors that teach.** A mistake is reported where it was made, with the op, the shapes and the
# names. Here the inner sizes of a product do not fit, and a backward pass starts from a node that
# is no scalar:

# %% [markdown] lang="ja"
# **原因の分かるエラーメッセージ** 間違いがあれば、その場で、演算、形状、名前を添えて報告します。次の二つは、積の内側の大きさが合わない場合と、スカラーでないノードから逆伝播を始めた場合です。

# %%
W = tl.Tensor(np.ones((2, 3)), requires_grad=True, name="W")
complaint(lambda: np.ones((4, 3)) @ W, message=True)
complaint((2.0 * a).backward, message=True)

# %% [markdown] lang="en"
# **Exercise 12.3.** `x` has dtype float16 (2 bytes an element), `w` float32 (4 bytes), and the
# plain array `c` float64 (8 bytes). All have shape (3,), and `y = (x * w * c).sum()`. After
# `y.backward()`, how many bytes has an element of `x.grad`, of `w.grad` and of `y.data`? Answer
# with a list of three numbers.

# %% [markdown] lang="ja"
# **演習 12.3** `x` の dtype は float16（1 要素が 2 バイト）、`w` は float32（4 バイト）、ふつうの配列 `c` は float64（8 バイト）です。どれも形状は (3,) で、`y = (x * w * c).sum()` とします。`y.backward()` の後、`x.grad`、`w.grad`、`y.data` の要素は、それぞれ何バイトですか。三つの数のリストで答えてください。

# %%
sizes = ...
check("12.3", sizes)

# %% [markdown] lang="en" tags=["solution"]
# A gradient has the dtype of its Tensor, whatever came in between: 2 and 4. The value goes the way
# of NumPy: float16 times float32 is float32, times float64 is float64, 8 bytes.

# %% [markdown] lang="ja" tags=["solution"]
# 途中の dtype が何であっても、勾配の dtype はその Tensor と同じなので、2 と 4 です。値は NumPy に従います。float16 と float32 の積は float32、それと float64 の積は float64 で、8 バイトです。

# %% tags=["solution"]
sizes = [2, 4, 8]
check("12.3", sizes)

# %% [markdown] lang="en"
# ## An op of your own
#
# The table has no cube root. `tl.Op` (it is `ops.Op`) takes the forward function and a rule for
# each input. From $y = x^{1/3}$, $y' = \frac{1}{3}\, x^{-2/3} = \frac{1}{3 y^2}$: a rule may use
# the value $y$, which saves a power. By hand at 8: $y = 2$, and the slope is $1 / 12 = 0.0833$.
#
# `tl.check_gradients` compares with differences, as `largest_error` did in lesson 5: random weights
# at the outputs, steps to both sides along random directions. It is silent if all is right, and
# raises if not.

# %% [markdown] lang="ja"
# ## 自分の演算を作る
#
# 一覧表には立方根がありません。`tl.Op`（`ops.Op` と同じものです）に、順伝播の関数と、入力ごとの規則を渡します。$y = x^{1/3}$ なので、$y' = \frac{1}{3}\, x^{-2/3} = \frac{1}{3 y^2}$ です。規則で値 $y$ を使えば、べき乗を計算せずに済みます。手計算では、8 で $y = 2$、傾きは $1 / 12 = 0.0833$ です。
#
# `tl.check_gradients` は、第 5 章の `largest_error` と同じように、数値微分と比べます。出力に乱数の重みを掛け、入力をランダムな方向に沿って両側に動かします。正しければ何も起こらず、間違っていれば例外が発生します。

# %%
cbrt = tl.Op(np.cbrt, lambda g, y, x: g / (3 * y * y), name="cbrt")
a = tl.Tensor(8.0, requires_grad=True, name="a")
cbrt(a).backward()
print(f"{a.grad = :.4f}")

places = np.array([1.0, -2.0, 8.0])
tl.check_gradients(cbrt, places)
wrong = tl.Op(np.cbrt, lambda g, y, x: g / (3 * y), name="cbrt")
complaint(lambda: tl.check_gradients(wrong, places))

# %% [markdown] lang="en"
# For your own programs this is all. Another op, `arcsinh`, shall go into the library. It is the
# inverse of sinh: from $x = \sinh y$ follows $dx/dy = \cosh y$, and the slope is $1 / \cosh y$.
# (It is also $1 / \sqrt{1 + x^2}$, but the square overflows: in float16 from $x = 256$ on.)

# %% [markdown] lang="ja"
# 自分のプログラムで使うだけなら、これで終わりです。次は、sinh の逆関数 `arcsinh` をライブラリに加えましょう。$x = \sinh y$ から $dx/dy = \cosh y$ なので、傾きは $1 / \cosh y$ です。（$1 / \sqrt{1 + x^2}$ とも書けますが、2 乗がオーバーフローします。float16 では $x = 256$ からです。）

# %%
arcsinh = tl.Op(np.arcsinh, lambda g, y, x: g / np.cosh(y))
tl.check_gradients(arcsinh, places)
print(f"{arcsinh(1.0).item() = :.8f}")

# %% [markdown] lang="en"
# The rule is right. Five steps put the op into the table:
#
# 1. In [`ops.py`](../../../tinygrad_loss/engine/ops.py), the row, after that of `arctan` (of this
#    section of the file the sheet of step 5 draws the curves). Its docstring has the formula, the
#    derivative behind the word "Derivative", and an example whose value stands behind `#`:
#
#        @op(lambda g, y, x: g / np.cosh(y), forward=np.arcsinh)
#        def arcsinh(x: Array) -> Tensor:
#            """Inverse of sinh. Derivative: the slope is 1 / cosh(y).
#            >>> arcsinh([0, 1])  # [0, 0.88137359]
#            """
#
# 2. In `ops.__all__`, its name. Now there is `tl.arcsinh`, and `np.arcsinh` takes Tensors, as it
#    has the same name.
# 3. In [`tests/op_cases.py`](../../../tests/op_cases.py), a case: the op, the same in PyTorch, and
#    which inputs it is tried on (`real` draws any numbers, `positive` only such). From it come the
#    checks of value, dtype and derivatives.
#
#        "arcsinh": (ops.arcsinh,
#            lambda torch, x: torch.arcsinh(x), real),
#
# 4. For the page of `draw` (below), which computes in the browser, `np.arcsinh` in `FUNCTIONS` of
#    [`record.py`](../../../tinygrad_loss/inspection/graph/record.py), and in
#    [`runtime.js`](../../../tinygrad_loss/inspection/graph/runtime.js) the same function in
#    JavaScript: `arcsinh: elementwise(Math.asinh)`.
# 5. `python examples/derivatives.py` writes the sheet of all derivatives anew.
#
# Tests fail as long as one of the five is missing, or the example does not hold:
#
#     pip install -e '.[test]'
#     python -m pytest tests/engine/test_ops.py \
#         tests/engine/test_table.py tests/inspection/graph \
#         tests/test_derivatives_sheet.py
#
# (They take minutes, as those of `runtime.js` start a browser. Without Chromium and chromedriver
# these are skipped, and without PyTorch, which is installed apart, the comparison with it. One test
# elsewhere will fail, too: that of this page, which says that there is no `arcsinh` yet.)
#
# Look at how `arctan` stands in these places. Its slope $1 / (1 + x^2)$ is computed by a helper,
# `_arctan_slope`, in which no square overflows. For two inputs look at `logaddexp`: it has two rules,
# and a pair of kinds in its case. (In `divide` each of the two derivatives has its sentence.) And
# where a function has no derivative, choose one and say so, as `absolute` does at 0.

# %% [markdown] lang="ja"
# 規則が正しいことは確かめられました。一覧表に加えるには、五つの手順が要ります。
#
# 1. [`ops.py`](../../../tinygrad_loss/engine/ops.py) の `arctan` の次に、表の行を書きます（ソースコードのこの節の演算は、手順 5 の表に曲線も描かれます）。docstring には、式、「Derivative」に続く微分の説明、そして `#` の後に値を添えた例を書きます。
#
#        @op(lambda g, y, x: g / np.cosh(y), forward=np.arcsinh)
#        def arcsinh(x: Array) -> Tensor:
#            """Inverse of sinh. Derivative: the slope is 1 / cosh(y).
#            >>> arcsinh([0, 1])  # [0, 0.88137359]
#            """
#
# 2. `ops.__all__` に、名前を加えます。これで `tl.arcsinh` が使えます。同じ名前の `np.arcsinh` も、Tensor を受け取れるようになります。
# 3. [`tests/op_cases.py`](../../../tests/op_cases.py) に、テストの例を加えます。演算、PyTorch での同じ計算、試す入力の範囲（`real` は任意の数、`positive` は正の数）です。これをもとに、値、dtype、微分が確かめられます。
#
#        "arcsinh": (ops.arcsinh,
#            lambda torch, x: torch.arcsinh(x), real),
#
# 4. 後で見る `draw` のページは、ブラウザの中で計算します。そのために、[`record.py`](../../../tinygrad_loss/inspection/graph/record.py) の `FUNCTIONS` に `np.arcsinh` を加え、[`runtime.js`](../../../tinygrad_loss/inspection/graph/runtime.js) に、JavaScript での同じ関数 `arcsinh: elementwise(Math.asinh)` を書きます。
# 5. `python examples/derivatives.py` を実行して、すべての微分を一枚にまとめた表を作り直します。
#
# 五つのうち一つでも欠けていたり、例の値が違っていたりすると、次のテストが失敗します。
#
#     pip install -e '.[test]'
#     python -m pytest tests/engine/test_ops.py \
#         tests/engine/test_table.py tests/inspection/graph \
#         tests/test_derivatives_sheet.py
#
# （`runtime.js` のテストではブラウザを起動するので、数分かかります。Chromium と chromedriver がなければ、このテストは省略されます。PyTorch は別にインストールする必要があり、なければ、PyTorch との比較が省略されます。このほかに、この章のテストも一つ失敗します。`arcsinh` はまだないと書いてあるからです。）
#
# これらの場所で、`arctan` がどう書かれているかを見てみましょう。傾き $1 / (1 + x^2)$ を計算するのは、補助関数 `_arctan_slope` です。2 乗がオーバーフローしないように書かれています。入力が二つの場合は、`logaddexp` を見てください。規則が二つあり、テストの例では入力の範囲を組で指定しています。（二つの微分を別々に説明する書き方は、`divide` にあります。）微分できない点では、値を一つ選び、そのことを書いておきます。`absolute` の 0 がその例です。

# %% [markdown] lang="en"
# **Exercise 12.4.** The function $y = x\,\lvert x \rvert$ is a square that keeps the sign of $x$.
# Write its rule, for arrays of any shape, also with negative numbers.

# %% [markdown] lang="ja"
# **演習 12.4** 関数 $y = x\,\lvert x \rvert$ は、$x$ の符号を保った 2 乗です。その規則を書いてください。配列の形状は任意で、負の数も含みます。


# %%
def rule(g, y, x):
    return ...


check("12.4", rule)

# %% [markdown] lang="en" tags=["solution"]
# By the product rule $\lvert x \rvert + x \cdot \text{sign}(x) = 2 \lvert x \rvert$. It is never
# negative: the function rises everywhere.

# %% [markdown] lang="ja" tags=["solution"]
# 積の微分から $\lvert x \rvert + x \cdot \text{sign}(x) = 2 \lvert x \rvert$ です。負になることはなく、この関数はいたるところで増加します。


# %% tags=["solution"]
def rule(g, y, x):
    return g * 2 * abs(x)


check("12.4", rule)

# %% [markdown] lang="en"
# ## Rules are made of ops: create_graph
#
# A rule such as `g / (3 * y * y)` is an expression. Called with arrays it computes arrays. Called
# with **Tensors**, its `*` and `/` are the ops of the table, and they record, as ops do. This is
# the whole secret of gradients of gradients.
#
# > **Recap: `tl.gradients`.** `tl.gradients(y, [a])` returns the gradient of `y` for each Tensor of
# > the list, and leaves `grad` alone. The results are Tensors. With `create_graph=True` they have
# > an origin, so that they can be part of a loss, or be differentiated again.
#
# The following rule tells what it is given, first by `backward`, then by `tl.gradients`:

# %% [markdown] lang="ja"
# ## 規則は演算でできている：create_graph
#
# `g / (3 * y * y)` のような規則は、ただの式です。配列を渡して呼び出せば、配列を計算します。**Tensor** を渡して呼び出せば、`*` や `/` は一覧表の演算となり、いつもどおり記録を残します。勾配の勾配を求めるしくみは、これだけです。
#
# > **復習：`tl.gradients`** `tl.gradients(y, [a])` は、リストの中の Tensor ごとに `y` の勾配を返し、`grad` は変えません。結果は Tensor です。`create_graph=True` とすると、結果にも origin が付くので、損失に入れたり、もう一度微分したりできます。
#
# 次の規則は、何を渡されたかを表示します。最初は `backward` から、次は `tl.gradients` から呼び出されます。


# %%
def telling(g, y, x):
    print(type(g).__name__, type(y).__name__)
    return g / (3 * y * y)


root = tl.Op(np.cbrt, telling, name="cbrt")(a)
root.backward()
(d,) = tl.gradients(root, [a], create_graph=True)
print(f"{d.item() = :.4f}  {d.origin[0].name = }")
show(backprop.propagate, "given = ")

# %% [markdown] lang="en"
# So in the walk `create_graph` changes one line: what the rules are given. What they compute is then
# recorded; the numbers are the same. (Besides, `backprop.seed` makes a Tensor of the 1, and
# `tl.gradients`, in [`transforms.py`](../../../tinygrad_loss/engine/transforms.py), leaves recording
# on.) Nobody wrote a second derivative
# of `cbrt`, and yet they are all there. On paper $y'' = -\frac{2}{9}\, x^{-5/3}$ and
# $y''' = \frac{10}{27}\, x^{-8/3}$. At 8 these are $-\frac{2}{9 \cdot 32} = -0.0069$ and
# $\frac{10}{27 \cdot 256} = 0.0014$. (`order=3` checks the first three derivatives.)

# %% [markdown] lang="ja"
# つまり、逆向きにたどるときに `create_graph` で変わるのは、規則に何を渡すかという、この 1 行だけです。その結果、規則の計算が記録されます。求まる数は変わりません。（これに合わせて、`backprop.seed` は 1 を Tensor にし、[`transforms.py`](../../../tinygrad_loss/engine/transforms.py) の `tl.gradients` は記録を有効のままにします。）`cbrt` の 2 階微分は誰も書いていませんが、何階でも求まります。手で微分すると $y'' = -\frac{2}{9}\, x^{-5/3}$、$y''' = \frac{10}{27}\, x^{-8/3}$ です。8 での値は、$-\frac{2}{9 \cdot 32} = -0.0069$ と $\frac{10}{27 \cdot 256} = 0.0014$ になります。（`order=3` とすると、3 階微分まで確かめます。）

# %%
derivative = cbrt(a)
for order in [1, 2, 3]:
    (derivative,) = tl.gradients(derivative, [a], create_graph=True)
    print(f"{order = }  {derivative.item() = :.4f}")
tl.check_gradients(cbrt, places, order=3)

# %% [markdown] lang="en"
# There is one condition: a rule must be made of operators, ops of the library, and those NumPy
# functions that the library has as well, such as `np.exp` and `np.sqrt`, or that have no slope but 0,
# such as `np.sign`. It has no `np.cbrt`. A rule
# that calls it works with arrays, but not with Tensors:

# %% [markdown] lang="ja"
# 条件が一つあります。規則に使えるのは、演算子、ライブラリの演算、そして NumPy の関数のうち、`np.exp` や `np.sqrt` のようにライブラリにもあるものと、`np.sign` のように傾きが 0 のものだけです。`np.cbrt` は、ライブラリにありません。これを呼び出す規則は、配列ではうまくいきますが、Tensor では次のようになります。


# %%
def with_numpy(g, y, x):
    return g / (3 * np.cbrt(x) ** 2)


once = tl.Op(np.cbrt, with_numpy, name="cbrt")
tl.check_gradients(once, places)
complaint(lambda: tl.check_gradients(once, places, order=2), True)

# %% [markdown] lang="en"
# **Exercise 12.5.** The rule below is right for $y = 2^x$, but only once: the library has no
# `np.exp2`, so that the second derivative fails. Mend the rule. (`check` compares the first and the
# second derivative.)
#
#     lambda g, y, x: g * np.exp2(x) * np.log(2)

# %% [markdown] lang="ja"
# **演習 12.5** 次の規則は $y = 2^x$ の規則として正しいのですが、微分できるのは一度だけです。ライブラリが `np.exp2` に対応していないため、2 階微分は求まりません。規則を直してください。（`check` は、1 階微分と 2 階微分を調べます。）
#
#     lambda g, y, x: g * np.exp2(x) * np.log(2)


# %%
def rule_of_exp2(g, y, x):
    return ...


check("12.5", rule_of_exp2)

# %% [markdown] lang="en" tags=["solution"]
# The value is there already: $2^x$ is `y`. With Tensors `y` is the node itself, so that its own
# rule is used when the rule is differentiated. (`2**x` would do, too; it computes the power again.)

# %% [markdown] lang="ja" tags=["solution"]
# 値はすでにあります。$2^x$ は `y` です。Tensor を渡されたときの `y` はノードそのものなので、規則を微分するときには、`y` 自身の規則が使われます。（`2**x` でもかまいませんが、べき乗をもう一度計算することになります。）


# %% tags=["solution"]
def rule_of_exp2(g, y, x):
    return g * y * np.log(2)


check("12.5", rule_of_exp2)

# %% [markdown] lang="en"
# **Exercise 12.6.** A loss with a penalty on a slope, as in lesson 11:
#
#     y = a * a * a
#     (d,) = tl.gradients(y, [a], create_graph=True)
#     (y + d * d).backward()
#
# What is `a.grad` for $a = 3$? By hand. (Think also: what would it be without
# `create_graph=True`? The solution says it.)

# %% [markdown] lang="ja"
# **演習 12.6** 第 11 章のような、傾きにペナルティを付けた損失です。
#
#     y = a * a * a
#     (d,) = tl.gradients(y, [a], create_graph=True)
#     (y + d * d).backward()
#
# $a = 3$ のとき、`a.grad` はいくつになりますか。手で計算してください。（`create_graph=True` がなければどうなるかも、考えてみましょう。答えは解答例にあります。）

# %%
d_a = ...
check("12.6", d_a)

# %% [markdown] lang="en" tags=["solution"]
# $d = 3 a^2 = 27$ and $d' = 6 a = 18$. The loss has the slope
# $3 a^2 + 2 d\, d' = 27 + 2 \cdot 27 \cdot 18 = 999$. Without `create_graph` the Tensor `d` has no
# origin, and counts as a constant: there is no error, and the gradient is 27. The penalty shows in
# the loss, and does nothing.

# %% [markdown] lang="ja" tags=["solution"]
# $d = 3 a^2 = 27$、$d' = 6 a = 18$ です。損失の傾きは $3 a^2 + 2 d\, d' = 27 + 2 \cdot 27 \cdot 18 = 999$ になります。`create_graph` を指定しないと、`d` には origin がなく、定数として扱われます。エラーは起こらず、勾配は 27 です。ペナルティは損失の値には入っていますが、学習には何の影響も与えません。

# %% tags=["solution"]
d_a = 3 * 3**2 + 2 * (3 * 3**2) * (6 * 3)
check("12.6", d_a)

# %% [markdown] lang="en"
# ## See it: draw and unroll
#
# Since a graph is data, one can print it. `tl.draw` makes a picture (with Graphviz) or a page;
# printed, it is a table: a line for each node, with the op that made it, its shape, its value and
# its gradient. (A leaf that requires a gradient is called a parameter. `draw` walks back by itself, and
# leaves `grad` alone.)

# %% [markdown] lang="ja"
# ## 目で見る：draw と unroll
#
# 計算グラフはデータなので、表示できます。`tl.draw` は、図（Graphviz を使います）やページを作ります。文字で表示すると表になり、ノードごとに 1 行で、作った演算（made by）、形状（shape）、値（value）、勾配（gradient）が並びます。（勾配を求める葉は parameter と表示されます。`draw` は自分で逆伝播を計算し、`grad` は変えません。）

# %%
x = tl.Tensor([1.0, 2.0], requires_grad=True, name="x")
w = tl.Tensor([3.0, -1.0], requires_grad=True, name="w")
print(tl.draw((x * w).sum()))

# %% [markdown] lang="en"
# The page of the same steps through both passes: [download
# one](../../pictures/backprop_expression.html) and open it in a browser.
#
# `tl.unroll` goes further. It runs a function and the engine's backward pass once, notes every
# NumPy call, and writes them down as a program **without an engine**. Here it does so for the XOR
# net of lesson 5. `wrt` lists the Tensors whose gradients are wanted, and we print the function
# `step` only.

# %% [markdown] lang="ja"
# 順伝播と逆伝播を一段ずつ見られるページもあります。例を一つ[ダウンロード](../../pictures/backprop_expression.html)してブラウザで開いてください。
#
# `tl.unroll` を使えば、さらに先へ進めます。関数とエンジンの逆伝播を一度実行して、NumPy の呼び出しをすべて書き留め、**エンジンのない**プログラムとして書き出すのです。第 5 章の XOR のネットワークで試しましょう。`wrt` には、勾配を求める Tensor を並べます。ここでは、関数 `step` だけを表示します。

# %%
rng = np.random.default_rng(0)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
T = np.array([[0], [1], [1], [0.0]])
shapes = {"W1": (2, 4), "b1": (4,), "W2": (4, 1), "b2": (1,)}
W1, b1, W2, b2 = weights = [
    tl.Tensor(rng.normal(size=shape), requires_grad=True, name=name)
    for name, shape in shapes.items()
]


def loss_of(x, t):
    y = tl.tanh(x @ W1 + b1) @ W2 + b2
    return tl.mean_squared_error(y, t)


step = tl.unroll(loss_of, X, T, wrt=weights, comments=False)
print(step.source.split("\n\n\n")[1])

# %% [markdown] lang="en"
# It is the program that you would have written. (`a.dot(b, out=c)` is `c = a @ b` into an array
# that exists already; the arrays are made once, above the function.) The names are its own: `h1`
# and `h2` are what the two layers give, `a1` is the tanh of `h1`, and `d_` marks a gradient. Find
# in it
#
# - $g\,W^T$: `d_h2.dot(W2.T, out=d_a1)`, and $x^T g$: `a1_T.dot(d_h2, out=d_W2)`;
# - the sum over the rows for a bias: `ones_4.dot(d_h2, out=d_b2)`, a row of four ones times $g$;
# - $1 - y^2$ of the tanh, in three lines;
# - $2 (y - t) / N$ of the loss, where `half` is $2/4$, computed beforehand.
#
# Does it give what the engine gives?

# %% [markdown] lang="ja"
# 手で書いたかのようなプログラムです。（`a.dot(b, out=c)` は `c = a @ b` の結果を既存の配列に書き込みます。配列は、関数の前で一度だけ作られています。）名前は自動的に付いたものです。`h1` と `h2` は二つの層の値、`a1` は `h1` の tanh で、`d_` は勾配を表します。次のものを探してみましょう。
#
# - $g\,W^T$ は `d_h2.dot(W2.T, out=d_a1)`、$x^T g$ は `a1_T.dot(d_h2, out=d_W2)`。
# - バイアスの勾配に要る、行についての和は `ones_4.dot(d_h2, out=d_b2)`。1 を 4 個並べた行と $g$ の積です。
# - tanh の $1 - y^2$ は、3 行にわたる計算。
# - 損失の $2 (y - t) / N$ に使う `half` は、前もって計算した $2/4$。
#
# エンジンと同じ結果になるでしょうか。

# %%
value, gradients = step(X, T)
loss = loss_of(X, T)
loss.backward()
print(f"{abs(value - loss.item()) < 1e-12 = !s}")
for weight, gradient in zip(weights, gradients, strict=True):
    print(weight.name, np.abs(weight.grad - gradient).max() < 1e-12)

# %% [markdown] lang="en"
# **Exercise 12.7.** The `step` above has 2 matrix products forward, and 3 backward (counting
# neither the sums with `ones_4` nor that of the squares, `diff_flat.dot(diff_flat)`). How many are
# there *backward* for a network of 4 layers instead of 2, built the same way?

# %% [markdown] lang="ja"
# **演習 12.7** 上の `step` では、行列の積が順伝播に 2 個、逆伝播に 3 個あります（`ones_4` による和と、2 乗の和 `diff_flat.dot(diff_flat)` は数えません）。同じ作り方で、2 層ではなく 4 層のネットワークにすると、逆伝播の行列の積は何個になりますか。

# %%
count = ...
check("12.7", count)

# %% [markdown] lang="en" tags=["solution"]
# Each layer needs $x^T g$ for its weights, and each but the first $g\,W^T$ for the layer before:
# $4 + 3 = 7$. The first has only data in front of it, whose gradient nobody wants; the engine does
# not compute it (`backprop.propagate` skips inputs that do not require grad). So a backward pass
# costs nearly twice a forward pass.

# %% [markdown] lang="ja" tags=["solution"]
# どの層でも、重みのために $x^T g$ が要ります。また、最初の層以外では、手前の層のために $g\,W^T$ が要ります。合わせて $4 + 3 = 7$ 個です。最初の層の手前にあるのはデータだけで、その勾配は必要ないので、エンジンも計算しません（`backprop.propagate` は、勾配を求めない入力を飛ばします）。したがって、逆伝播の手間は、順伝播の 2 倍近くになります。

# %% tags=["solution"]
count = 4 + (4 - 1)
check("12.7", count)

# %% [markdown] lang="en"
# ## A sick network: watch
#
# How do `draw`, `unroll` and the next tool see what happens? The engine tells them. In
# `ops.Op.__call__`, after each value, and in `backprop.propagate`, after each rule, there are two
# lines that call whoever is listening. Who listens is set for a `with` block, by `mode.set_mode`.

# %% [markdown] lang="ja"
# ## 学習しないネットワークを調べる：watch
#
# `draw` や `unroll`、そして次の道具は、どうやって計算の様子を知るのでしょうか。エンジンが知らせているのです。`ops.Op.__call__` では値を計算するたびに、`backprop.propagate` では規則を呼び出すたびに、聞いている相手に知らせます。どちらも 2 行のコードです。誰が聞くかは、`mode.set_mode` を使って、`with` ブロックごとに決めます。

# %%
show(ops.Op.__call__, "for observer in", 2)
show(backprop.propagate, "for observer in", 2)

# %% [markdown] lang="en"
# `nn.MLP` of lesson 9 makes a network of three layers, with relu between them. We make it sick: the
# biases of the second layer become -5, as after a step that was too large. Then none of its units
# is positive for any of the four samples. (`layers` counts the relus as well, so that the second
# layer of weights is `layers.2`.) `tl.watch` listens to one forward and one backward pass. Each
# line shows a layer, its kind, the norm of the gradient at its output (the root of the sum of its
# squares) and, of a relu, the share of units that are 0 for all samples.

# %% [markdown] lang="ja"
# 第 9 章の `nn.MLP` で、層の間に relu のある 3 層のネットワークを作り、わざと学習しない状態にしましょう。大きすぎるステップの後のように、2 番目の層のバイアスをすべて -5 にします。すると、4 個のサンプルのどれに対しても、この層のユニットは正の値になりません。（`layers` では relu も数えるので、重みをもつ 2 番目の層は `layers.2` です。）`tl.watch` で、順伝播と逆伝播を 1 回ずつ観察します。各行は、層の名前、種類、出力での勾配のノルム（2 乗の和の平方根）です。relu では、どのサンプルに対しても 0 になるユニットの割合が続きます。

# %%
from tinygrad_loss import nn

rng = np.random.default_rng(0)
model = nn.MLP([2, 8, 8, 1], activation="relu", rng=rng)
dict(model.named_parameters())["layers.2.bias"].data = np.full(8, -5.0)
with tl.watch(model) as watched:
    tl.mean_squared_error(model(X), T).backward()
for layer in watched.layers:
    print(layer.name, layer.kind, f"{layer.gradient:.2f}", layer.dead)
print(textwrap.fill(watched.problems[0], 70))

# %% [markdown] lang="en"
# Read it from the bottom, the way the gradient goes. `layers.4`, the last, has a gradient.
# `layers.3`, a relu, receives one as well, but all its units are off for all four samples (the 1.0
# at the end of the line), and the rule of relu lets nothing through. All layers before it get 0,
# and will not change, however long one trains on these samples. (That a quarter of `layers.1` is
# off as well is harmless: the other units would pass the gradient on.) The last sentence printed
# says the same, and what to do (`leaky_relu` is that of lesson 9). `print(watched)` shows the whole
# table.

# %% [markdown] lang="ja"
# 勾配の進む順に、下から読みます。最後の `layers.4` には勾配があります。relu の `layers.3` にも勾配が届きます。しかし、4 個のサンプルのどれに対しても、すべてのユニットの出力が 0 なので（行末の 1.0）、relu の規則は何も通しません。それより前の層では勾配がすべて 0 なので、このサンプルでいくら学習を続けても、重みは変わりません。（`layers.1` でも 4 分の 1 のユニットが 0 ですが、こちらは問題ありません。残りのユニットが勾配を伝えるはずだからです。）最後に表示した文にも、同じことと、その対策が書かれています（`leaky_relu` は第 9 章のものです）。`print(watched)` とすると、表の全体が表示されます。

# %% [markdown] lang="en"
# ## Check
#
# Answer with a letter, without looking back.
#
# **a.** A bias of shape (3,) is added to an array of shape (8, 3). Where is its gradient summed
# over the rows?
#
# - "a": In the rule of the addition, in `ops.py`.
# - "b": In `backprop.py`, for all ops in one place.
# - "c": In `Tensor.__add__`, in `tensor.py`.
#
# **b.** What does `create_graph=True` change in the backward pass?
#
# - "a": The graph is walked twice.
# - "b": Other, more exact numbers come out.
# - "c": The rules are called with Tensors instead of arrays, so that their ops are recorded.
#
# **c.** `y = w * w`, and then `w.data -= 0.1`. Now `y.backward()` raises an error. Why is that
# good?
#
# - "a": The value of `y` is from before, the gradient would be from after: they would not belong
#   together.
# - "b": The gradient would be right, but of the new value of `y`, which has been updated by itself.
# - "c": It is not; the library could have computed `y` anew.

# %% [markdown] lang="ja"
# ## 確認テスト
#
# 本文を見返さずに、記号で答えてください。
#
# **a.** 形状 (3,) のバイアスを、形状 (8, 3) の配列に足します。その勾配を行について足し合わせるのは、どこですか。
#
# - "a"：`ops.py` にある、足し算の規則の中。
# - "b"：`backprop.py` の一か所。どの演算にも共通。
# - "c"：`tensor.py` の `Tensor.__add__` の中。
#
# **b.** `create_graph=True` とすると、逆伝播の何が変わりますか。
#
# - "a"：グラフを 2 回たどる。
# - "b"：求まる数が、より正確になる。
# - "c"：規則に配列ではなく Tensor が渡されるので、その中の演算が記録される。
#
# **c.** `y = w * w` の後に `w.data -= 0.1` とすると、`y.backward()` で例外が発生します。なぜそのほうがよいのでしょうか。
#
# - "a"：`y` の値は変更前のデータから、勾配は変更後のデータから計算されることになり、対応しないから。
# - "b"：勾配は正しいが、自動的に更新された `y` の新しい値に対するものになるから。
# - "c"：よいとは言えない。ライブラリが `y` を計算し直せば済む。

# %%
check("12 a", ...)
check("12 b", ...)
check("12 c", ...)

# %% tags=["solution"]
check("12 a", "b")
check("12 b", "c")
check("12 c", "a")

# %% [markdown] lang="en"
# ## Summary
#
# - `Tensor` hands over to an op; the op computes and notes the origin; `backward` walks the origins
#   back and calls the rules.
# - Stamps replace the search for an order: the newest first. They also betray data that was
#   changed.
# - A gradient has the shape and the dtype of its Tensor, and one place takes care of both.
# - An op is a forward function and a rule for each input. Check it, with `order=2` as well. In the
#   library it is a row of the table, a name in `__all__`, a case, a function of the page, and then a
#   row of the sheet.
# - Rules are made of ops, so gradients have gradients: `create_graph` calls them with Tensors.
# - `draw`, `unroll` and `watch` listen to the engine, which does not know them.
#
# You have now read the heart of the engine, and it is the loop of lesson 3: a node takes its
# gradient, multiplies by local derivatives, and hands on; paths add up.
#
# **Read on.** [All derivatives](../../derivatives.md) of the table are on one sheet, each with its
# rule, made from `ops.py` itself. Two more files of the engine are
# [`mode.py`](../../../tinygrad_loss/engine/mode.py) (who listens) and
# [`functions.py`](../../../tinygrad_loss/engine/functions.py) (what needs no rule). In the gallery:
# [backprop by hand](../../README.md#backprop-by-hand), with the program of a whole training step,
# and [the same network in PyTorch](../../README.md#the-same-network-in-pytorch), whose engine has
# the same parts. A book: Griewank and Walther, *Evaluating Derivatives* (2008), chapters 3 and 4.
# Other small engines are micrograd (Karpathy 2020), on numbers, and Autograd (Maclaurin, Duvenaud
# and Johnson 2015), on NumPy arrays.

# %% [markdown] lang="ja"
# ## まとめ
#
# - `Tensor` は演算に仕事を渡します。演算は値を計算し、origin を書き込みます。`backward` は origin をさかのぼり、規則を呼び出します。
# - 順番は、探索ではなくスタンプで決まります。新しいものが先です。スタンプからは、データが変更されたことも分かります。
# - 勾配の形状と dtype は、その Tensor と同じです。どちらも一か所で合わせます。
# - 演算は、順伝播の関数と、入力ごとの規則でできています。作ったら、`order=2` も含めて確かめます。ライブラリに加えるには、表の行、`__all__` の名前、テストの例、ページで使う関数を書き、最後に一覧の表を作り直します。
# - 規則は演算でできているので、勾配の勾配も求まります。`create_graph` を指定すると、規則に Tensor が渡ります。
# - `draw`、`unroll`、`watch` は、エンジンの知らせを聞いて働きます。エンジンのほうは、聞いている相手が何なのかを知りません。
#
# これで、エンジンの心臓部を読み終えました。中身は、第 3 章の繰り返しと同じです。ノードは勾配を受け取り、局所的な微分を掛けて渡し、経路の分は足し合わされます。
#
# **次に読むもの** 一覧表の微分はすべて、規則とともに[一枚の表](../../derivatives.md)にまとまっています（`ops.py` から作ったものです）。エンジンのほかのファイルには、[`mode.py`](../../../tinygrad_loss/engine/mode.py)（誰が聞いているか）と [`functions.py`](../../../tinygrad_loss/engine/functions.py)（規則の要らない関数）があります。ギャラリーでは、学習の 1 ステップを丸ごと書き下した[手で書いたような誤差逆伝播](../../README.ja.md#手で書いたような誤差逆伝播)と、[PyTorch で作った同じネットワーク](../../README.ja.md#同じネットワークを-pytorch-で)を見てください。PyTorch のエンジンも、同じ部品でできています。本では、Griewank, Walther, Evaluating Derivatives（2008）の第 3 章と第 4 章が参考になります。ほかの小さなエンジンには、数を扱う micrograd（Karpathy 2020）と、NumPy の配列を扱う Autograd（Maclaurin, Duvenaud, Johnson 2015）があります。
