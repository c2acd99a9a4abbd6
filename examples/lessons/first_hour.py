# %% [markdown] lang="en"
# # The first hour: twelve everyday tasks
#
# You know what training is, and want to do it with `tinygrad_loss`. Each section below is one task
# from start to end: what to write, and what comes out. A section needs no other one. Copy its
# cells, and they run. Or walk through all twelve, in about an hour.
#
# The cells need what the course needs. Pictures of graphs need Graphviz, which the extra `draw`
# brings along:
#
#     pip install -e '.[lessons,draw]' jupyterlab

# %% [markdown] lang="ja"
# # 最初の 1 時間：よく使う 12 の手順
#
# 学習とは何かは知っていて、それを `tinygrad_loss` で行いたい人のためのページです。どの節も一つの作業を取り上げ、最初から最後まで、何を書き、何が出てくるかを示します。ほかの節は必要ありません。その節のセルをコピーすれば動きます。12 の節を順にたどると、およそ 1 時間です。
#
# セルを動かすには、講座と同じパッケージが要ります。計算グラフの図には Graphviz が必要で、`draw` を付けると一緒に入ります。
#
#     pip install -e '.[lessons,draw]' jupyterlab

# %% [markdown] lang="en"
# ## 1. Train on real data, and plot the loss
#
# 1,797 handwritten digits of 8 x 8 pixels, a network with one hidden layer, and the four lines of
# every training step: clear the gradients, compute the loss, go backward, step. `cross_entropy`
# takes the network's outputs as they are, without a softmax, and the digits as integers.

# %% [markdown] lang="ja"
# ## 1. 実際のデータで学習し、損失をグラフにする
#
# データは 8 x 8 画素の手書き数字 1,797 枚、モデルは中間層が一つのネットワークです。学習の 1 ステップは、いつも 4 行です。勾配を消し、損失を計算し、逆伝播し、更新します。`cross_entropy` には、ソフトマックスを通さない出力と、整数のままの数字を渡します。

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)

model = nn.MLP([64, 32, 10], activation="relu", rng=np.random.default_rng(0))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
for _ in range(100):
    optimizer.zero_grad()
    loss = tl.cross_entropy(model(X), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

with tl.no_grad():
    accuracy = np.mean(model(X_test).argmax(axis=1) == y_test)
print(f"{losses[0] = :.2f}  {losses[-1] = :.2f}  {accuracy = :.2f}")

figure, axes = plt.subplots(figsize=(6, 2.4), dpi=90, layout="constrained")
axes.plot(losses)
axes.set(xlabel="step", ylabel="loss")
plt.show()

# %% [markdown] lang="en"
# The loss starts near $\log 10 = 2.30$, where every digit is equally likely, and falls. The
# accuracy is that of digits the network has not seen. (`no_grad` is for computations without a
# backward pass: nothing is recorded.)
#
# **Append `loss.item()`, a number, not `loss`.** A Tensor holds the graph it was computed by, with
# all its arrays, and a list of Tensors keeps them all. How many megabytes are still in use after
# 20 steps?

# %% [markdown] lang="ja"
# 損失は、どの数字も同じ確率になる $\log 10 = 2.30$ の近くから始まり、減っていきます。正解率（accuracy）は、学習に使わなかった数字での値です。（`no_grad` は、逆伝播しない計算に使います。その中では、何も記録されません。）
#
# **損失を記録するときは、数値の `loss.item()` を加えてください。** `loss` をそのまま加えてはいけません。Tensor は、自分を計算した計算グラフを、途中の配列も含めてすべて保持しています。Tensor のリストを作ると、そのすべてがメモリに残ります。20 ステップの後に、何メガバイトが使われているでしょうか。

# %%
import tracemalloc


def megabytes(kept_of):
    kept = []
    tracemalloc.start()
    for _ in range(20):
        optimizer.zero_grad()
        loss = tl.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        kept.append(kept_of(loss))
    in_use, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return in_use / 1e6


tensors = megabytes(lambda loss: loss)
numbers = megabytes(lambda loss: loss.item())
print(f"{tensors = :.0f}  {numbers = :.0f}")

# %% [markdown] lang="en"
# With numbers, only the last step's graph is there. With Tensors, each step adds nearly one
# megabyte here: a thousand steps would take almost a gigabyte.

# %% [markdown] lang="ja"
# 数値なら、残るのは最後のステップの計算グラフだけです。Tensor では、ここでは 1 ステップごとに 1 メガバイト近く増えます。1,000 ステップなら、1 ギガバイト近くになります。

# %% [markdown] lang="en"
# ## 2. Data from a CSV file, with pandas
#
# So that there is a file to read, the cell first writes one: 442 patients, ten measurements each,
# and how far their diabetes went in a year (`target`).

# %% [markdown] lang="ja"
# ## 2. CSV ファイルのデータを pandas で読み込む
#
# 読み込むファイルを用意するために、まず CSV を書き出します。442 人の患者について、10 個の測定値と、1 年後の糖尿病の進行度（`target`）が並んでいます。

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

with TemporaryDirectory() as folder:
    path = Path(folder) / "diabetes.csv"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(path, index=False)
    table = pd.read_csv(path)
print(table.head(3).to_string())

# %% [markdown] lang="en"
# A quarter of the rows is kept for the test. All columns are scaled by the mean and the standard
# deviation of the training rows. The model and the loss take DataFrames as they are. Mind the
# double brackets: `train[["target"]]` has one column, as the model's output has. The Series
# `train["target"]` has none, and would be refused.

# %% [markdown] lang="ja"
# 行の 4 分の 1 は、テスト用に取っておきます。どの列も、訓練データの平均と標準偏差で標準化します。モデルにも損失関数にも、DataFrame をそのまま渡せます。角括弧が二重であることに注意してください。`train[["target"]]` には、モデルの出力と同じように列が一つあります。Series の `train["target"]` には列がないので、受け付けられません。

# %%
test = table.sample(frac=0.25, random_state=0)
train = table.drop(test.index)
mean, std = train.mean(), train.std()
train, test = (train - mean) / std, (test - mean) / std
X, t = train.drop(columns="target"), train[["target"]]
X_test, t_test = test.drop(columns="target"), test[["target"]]

model = nn.Linear(10, 1, rng=np.random.default_rng(0))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(200):
    optimizer.zero_grad()
    loss = tl.mean_squared_error(model(X), t)
    loss.backward()
    optimizer.step()

y_test = model(X_test)
r2 = 1 - tl.mean_squared_error(y_test, t_test).item() / t_test["target"].var(ddof=0)
error = std["target"] * tl.mean_absolute_error(y_test, t_test).item()
print(f"{loss.item() = :.2f}  {r2 = :.2f}  {error = :.0f}")
weights = pd.Series(model.weight.data[:, 0], index=X.columns)
print(weights.round(2).to_frame().T.to_string(index=False))
print(f"{X['s1'].corr(X['s2']) = :.2f}")

# %% [markdown] lang="en"
# On this split the model explains a share of 0.36 of the variance in the test rows (`r2`), and is
# wrong by 45 on average, in the units of `target`. As the columns are scaled, their weights can be
# compared: `s5` and `bmi` have the largest. But read none of two columns that are nearly the same,
# as `s1` and `s2` with their correlation of 0.89: the weight of one can make up for the other's.

# %% [markdown] lang="ja"
# この分け方では、モデルはテストデータの分散のうち 0.36 の割合を説明し（`r2`）、平均で 45 の誤差があります（`target` の単位）。列は標準化してあるので、重みを比べられます。最も大きいのは `s5` と `bmi` です。ただし、相関係数が 0.89 の `s1` と `s2` のように、ほとんど同じ列どうしの重みは、一つだけを見て判断しないでください。一方の重みが、もう一方の重みを打ち消すことがあるからです。

# %% [markdown] lang="en"
# ## 3. Minibatches
#
# `data.minibatches` deals the rows into batches, in a new order in each pass. Five epochs, each a
# pass over all 1,347 training digits: once with all rows in one batch, once with 64 at a time. Both
# see the same number of digits. The three numbers are the smallest, the median and the largest
# test accuracy over five seeds.

# %% [markdown] lang="ja"
# ## 3. ミニバッチで学習する
#
# `data.minibatches` は、行をバッチに分けます。順序は、1 巡ごとに新しくなります。1,347 枚の訓練データを 5 エポック、つまり 5 巡します。一方は全部を一つのバッチにし、もう一方は 64 枚ずつに分けます。見る枚数は、どちらも同じです。三つの数は、五つの乱数シードでのテストデータの正解率の、最小値、中央値、最大値です。

# %%
import math

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import tinygrad_loss as tl
from tinygrad_loss import data, nn, optim

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, random_state=0)


def accuracy_after(epochs, batch_size, seed):
    rng = np.random.default_rng(seed)
    model = nn.MLP([64, 32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = data.minibatches(X, y, batch_size, rng=rng)
    for _ in range(epochs):
        for images, digits in batches:
            optimizer.zero_grad()
            tl.cross_entropy(model(images), digits).backward()
            optimizer.step()
    with tl.no_grad():
        return np.mean(model(X_test).argmax(axis=1) == y_test)


for batch_size in [1347, 64]:
    runs = [accuracy_after(5, batch_size, seed) for seed in range(5)]
    low, median, high = np.quantile(runs, [0, 0.5, 1])
    steps = 5 * math.ceil(len(X) / batch_size)
    print(f"{batch_size = :<4}  {steps = :<3}  {low:.2f}  {median:.2f}  {high:.2f}")

# %% [markdown] lang="en"
# The same work, but 110 steps instead of 5: in all five runs the small batches are far ahead. Why
# a noisy gradient is good enough is in [lesson 8](lessons/en/08_descent.ipynb).

# %% [markdown] lang="ja"
# 同じ手間で、5 ステップではなく 110 ステップ進めます。5 回とも、小さいバッチのほうがはるかに良い結果です。ノイズのある勾配でもよい理由は、[第 8 章](lessons/ja/08_descent.ipynb)にあります。

# %% [markdown] lang="en"
# ## 4. Draw the graph, before and after training
#
# In your own notebook the last line of a cell, `tl.draw(loss)`, shows the picture. GitHub's view of
# notebooks drops it, as it is SVG. So here it is saved as PNG, and shown from the file. (`.save`
# also takes names that end in `.svg`, `.pdf` and `.html`.) The model is a line, $y = w x + b$, at the
# single point $x = 2$, $t = 1$.

# %% [markdown] lang="ja"
# ## 4. 学習の前と後の計算グラフを描く
#
# 自分のノートブックでは、セルの最後に `tl.draw(loss)` と書くだけで図が出ます。この図は SVG なので、GitHub の表示では省かれてしまいます。そこで、ここでは PNG で保存し、そのファイルを表示します。（`.save` には、`.svg`、`.pdf`、`.html` で終わる名前も渡せます。）モデルは直線 $y = w x + b$ で、点は $x = 2$, $t = 1$ の一つだけです。

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from IPython.display import Image, display

import tinygrad_loss as tl
from tinygrad_loss import optim

w = tl.Tensor(1.0, requires_grad=True, name="w")
b = tl.Tensor(0.0, requires_grad=True, name="b")
loss = (2.0 * w + b - 1.0) ** 2
with TemporaryDirectory() as folder:
    display(Image(tl.draw(loss).save(Path(folder) / "before.png")))

# %% [markdown] lang="en"
# Boxes are Tensors, ellipses are ops. Values go from left to right. The number on an edge is the
# gradient that comes back along it, from right to left. The gradient of `w` is twice that of `b`,
# since it is multiplied by 2. `draw` runs the backward pass by itself, and leaves `.grad` alone.

# %% [markdown] lang="ja"
# 四角は Tensor、楕円は演算です。値は左から右へ流れます。辺の数は、そこを右から左へ戻る勾配です。2 が掛かっているので、`w` の勾配は `b` の勾配の 2 倍です。`draw` は自分で逆伝播を計算し、`.grad` は変えません。

# %%
optimizer = optim.GD([w, b], lr=0.1)
for _ in range(10):
    optimizer.zero_grad()
    loss = (2.0 * w + b - 1.0) ** 2
    loss.backward()
    optimizer.step()
loss = (2.0 * w + b - 1.0) ** 2
with TemporaryDirectory() as folder:
    display(Image(tl.draw(loss).save(Path(folder) / "after.png")))

# %% [markdown] lang="en"
# The error, `subtract1`, is 0 now, and so is every gradient before it. The loss is computed once
# more before it is drawn: the last step changed `w` and `b` after the loss of that step.

# %% [markdown] lang="ja"
# 誤差 `subtract1` は 0 になり、それより手前の勾配もすべて 0 です。描く前に損失をもう一度計算しているのは、最後の損失を計算した後に、そのステップで `w` と `b` が変わったからです。

# %% [markdown] lang="en"
# ## 5. Step through backprop on a page
#
# `.frame()` puts a page into the notebook that steps through the forward and the backward pass of
# your own computation: which op ran, what came in, what went on. Here it is the expression of
# micrograd's README.

# %% [markdown] lang="ja"
# ## 5. 逆伝播をページでたどる
#
# `.frame()` は、自分の計算の順伝播と逆伝播を一段ずつたどれるページを、ノートブックの中に表示します。どの演算が働き、何を受け取り、何を渡したかが分かります。ここでは、micrograd の README にある式を使います。

# %%
import tinygrad_loss as tl

a = tl.Tensor(-4.0, requires_grad=True, name="a")
b = tl.Tensor(2.0, requires_grad=True, name="b")
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + tl.relu(b + a)
d += 3 * d + tl.relu(b - a)
f = (c - d) ** 2
g = f / 2.0 + 10.0 / f
g.name = "g"
print(f"{g.item() = :.4f}")
tl.draw(g).frame()

# %% [markdown] lang="en"
# GitHub drops the page too, and leaves its name. In Jupyter it looks like this:
#
# ![The page near the end of the backward pass: the graph on the left, the parts of the gradient of a on the right](pictures/backprop_page.png)
#
# The numbers of `a` and `b` can be changed, and gradient descent takes steps. Without a notebook,
# `tl.draw(g).save("page.html")` writes the same page for any browser.
# [This one](pictures/backprop_expression.html) is in the repository: download it and open it.

# %% [markdown] lang="ja"
# GitHub ではページも省かれ、名前だけが残ります。Jupyter では、次のように表示されます。
#
# ![逆伝播の終わり近くのページ。左に計算グラフ、右に a の勾配の内訳](pictures/backprop_page.png)
#
# `a` と `b` の値を変えたり、勾配降下法で進めたりできます。ノートブックがなくても、`tl.draw(g).save("page.html")` とすれば、どのブラウザでも開ける同じページができます。[このページ](pictures/backprop_expression.html)はリポジトリにあるので、ダウンロードして開いてください。

# %% [markdown] lang="en"
# ## 6. Look into a network that does not learn
#
# Five hidden layers of sigmoids, and the loss stays where it was. `tl.watch(model)` around the loop
# keeps statistics of each layer in each step. Printed, it shows the last step, and below it what it
# takes to be a problem.

# %% [markdown] lang="ja"
# ## 6. 学習しないネットワークの中を調べる
#
# シグモイドの中間層を五つ重ねると、損失が減りません。学習のループを `tl.watch(model)` で囲むと、ステップごとに各層の統計が残ります。表示すると、最後のステップの統計と、その下に、問題と思われる点が示されます。

# %%
import numpy as np
from sklearn.datasets import load_digits

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X, y = load_digits(return_X_y=True)
X, y = X[:500] / 16, y[:500]


def watched_training(activation):
    rng = np.random.default_rng(0)
    model = nn.MLP([64, *[32] * 5, 10], activation=activation, rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with tl.watch(model) as watched:
        for _ in range(30):
            optimizer.zero_grad()
            loss = tl.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()
    return watched, loss.item()


watched, loss = watched_training("sigmoid")
print(f"{loss = :.2f}")
print(watched)
watched.plot()

# %% [markdown] lang="en"
# The loss stays near $\log 10 = 2.30$. Read the column `gradient` from below, the way the gradient
# goes: 4.2e-02 at the last layer, 3.8e-05 at the first, a thousandth. So a step changes the weights
# of the first layer by 5.9e-05 of their size (`update`). The plot shows the same for all steps: in
# the second panel the layers lie apart, the first at the bottom. Now tanh instead, which is steeper,
# with the same first weights:

# %% [markdown] lang="ja"
# 損失は、$\log 10 = 2.30$ の近くから動きません。`gradient` の列を、勾配の進む順に下から読んでください。最後の層では 4.2e-02、最初の層では 3.8e-05 で、1,000 分の 1 です。そのため、最初の層の重みは、1 ステップで自分の大きさの 5.9e-05 しか変わりません（`update`）。グラフは、同じことを全ステップについて示しています。2 番目のグラフでは、層ごとの線が離れて並び、最初の層が一番下にあります。今度は、シグモイドより傾きの大きい tanh を、同じ初期値の重みで使ってみます。

# %%
watched, loss = watched_training("tanh")
print(f"{loss = :.2f}  {watched.problems = }")

# %% [markdown] lang="en"
# It learns, and `watch` finds nothing to report. Why sigmoids shrink the gradient fourfold a layer,
# and what else helps, is in [lesson 9](lessons/en/09_activations.ipynb).

# %% [markdown] lang="ja"
# 今度は学習が進み、`watch` も問題を報告しません。シグモイドを通るたびに勾配がおよそ 4 分の 1 になる理由と、ほかの対策は、[第 9 章](lessons/ja/09_activations.ipynb)にあります。

# %% [markdown] lang="en"
# ## 7. Save model and optimizer, and go on later
#
# `nn.save` writes the weights, `optim.save` the rest of what the next step depends on: the learning
# rate, and the averages that Adam keeps. Both read into a model and an optimizer of the same kind.

# %% [markdown] lang="ja"
# ## 7. モデルとオプティマイザを保存し、続きから学習する
#
# `nn.save` は重みを、`optim.save` は、次のステップを決める残りのもの、つまり学習率と、Adam の場合は勾配の移動平均を書き出します。読み込むときは、同じ種類のモデルとオプティマイザを用意します。

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_digits

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X, y = load_digits(return_X_y=True)
X, y = X[:500] / 16, y[:500]


def new(seed):
    rng = np.random.default_rng(seed)
    model = nn.MLP([64, 32, 10], activation="relu", rng=rng)
    return model, optim.Adam(model.parameters(), lr=0.01)


def train(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = tl.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
    return loss.item()


model, optimizer = new(seed=0)
at_save = train(model, optimizer, 30)
with TemporaryDirectory() as folder:
    nn.save(Path(folder) / "model.npz", model)
    optim.save(Path(folder) / "optimizer.npz", optimizer)
    other, other_optimizer = new(seed=1)
    nn.load(Path(folder) / "model.npz", other)
    optim.load(Path(folder) / "optimizer.npz", other_optimizer)
    third, third_optimizer = new(seed=2)
    nn.load(Path(folder) / "model.npz", third)

went_on = train(model, optimizer, 30)
loaded = train(other, other_optimizer, 30)
weights_only = train(third, third_optimizer, 30)
print(f"{at_save = :.3f}  {went_on = :.3f}  {loaded = :.3f}")
print(f"{went_on == loaded = }  {weights_only = :.3f}")

# %% [markdown] lang="en"
# The loaded training goes on exactly: its loss equals the other to the last bit. With the weights
# alone it takes another way (here, as it happens, to a smaller loss). With minibatches, the order of
# the rows comes from the generator, so keep `rng.bit_generator.state` as well.

# %% [markdown] lang="ja"
# 読み込んだ学習は、そのまま正確に続きます。損失は、最後の 1 ビットまで同じです。重みだけを読み込んだ場合は、別の道をたどります（ここでは、たまたま損失がより小さくなりました）。ミニバッチを使うときは、行の順序が乱数で決まるので、`rng.bit_generator.state` も保存してください。

# %% [markdown] lang="en"
# ## 8. Stop early, and put the best weights back
#
# On 265 rows this network soon learns noise. After each step, look at the loss on 88 other rows,
# the validation loss. `state_dict()` returns copies of the weights: keep those of the best step.
# When there was no better one for `patience` steps, stop, and put them back.

# %% [markdown] lang="ja"
# ## 8. 早期終了し、最も良い重みに戻す
#
# 265 行しかないので、このネットワークはすぐにノイズまで覚え込みます。そこで、1 ステップごとに、別の 88 行で損失を測ります。これが検証損失です。`state_dict()` は重みのコピーを返すので、最も良かったステップの重みを取っておきます。`patience` ステップの間に良くならなければ、学習をやめ、その重みに戻します。

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

table, target = load_diabetes(return_X_y=True, scaled=False)
table = np.column_stack([table, target])


def train(patience, seed):
    rng = np.random.default_rng(seed)
    rows, valid, test = np.split(rng.permutation(442), [265, 353])
    scaled = (table - table[rows].mean(axis=0)) / table[rows].std(axis=0)
    model = nn.MLP([10, 32, 1], activation="tanh", rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def loss_on(rows):
        return tl.mean_squared_error(model(scaled[rows, :10]), scaled[rows, 10:])

    best, losses = np.inf, []
    for step in range(300):
        optimizer.zero_grad()
        loss_on(rows).backward()
        optimizer.step()
        losses.append(loss_on(valid).item())
        if losses[-1] < best:
            best, best_step, weights = losses[-1], step, model.state_dict()
        elif step - best_step == patience:
            break
    last = loss_on(test).item()
    model.load_state_dict(weights)
    return losses, best_step, loss_on(test).item(), last


for seed in range(5):
    losses, best_step, early, _ = train(patience=50, seed=seed)
    all_losses, *_, without = train(patience=300, seed=seed)
    steps = len(losses)
    print(f"{best_step = }  {steps = :<3}  {early = :.2f}  {without = :.2f}")

figure, axes = plt.subplots(figsize=(6, 2.4), dpi=90, layout="constrained")
axes.plot(all_losses, ":", color="0.5")
axes.plot(losses)
axes.plot(best_step, losses[best_step], "o")
axes.set(xlabel="step", ylabel="validation loss")
plt.show()

# %% [markdown] lang="en"
# Each line is a seed: the best step, the steps made, and the test loss with early stopping (`early`)
# and after 300 steps (`without`). Early stopping wins in all five. (The test rows had no say in
# when to stop, so they are a fair judge.) The plot is of the last seed: the dot is the best step, the dotted line is the
# training that goes on.

# %% [markdown] lang="ja"
# 1 行が一つの乱数シードです。順に、最も良かったステップ、実際に進んだステップ数、テストデータでの損失で、早期終了した場合（`early`）と、300 ステップ続けた場合（`without`）です。5 回とも、早期終了したほうが小さくなりました。（いつやめるかを決めるのにテストデータは使っていないので、公平に比べられます。）グラフは最後のシードのもので、丸が最も良かったステップ、点線が早期終了せずに続けた場合です。

# %% [markdown] lang="en"
# ## 9. A loss of your own
#
# A loss is a function made of operators and functions of `tl` (or NumPy's functions of the same
# names). It needs no derivative: that follows. Say that too high a prediction costs more than one
# that is as much too low. The loss $\text{mean}(e^z - z - 1)$ of the errors $z = y - t$ does that:
# it rises exponentially on one side, and linearly on the other.

# %% [markdown] lang="ja"
# ## 9. 損失関数を自作する
#
# 損失関数は、演算子と `tl` の関数（または同じ名前の NumPy の関数）で作った、ふつうの関数です。微分は書かなくても求まります。たとえば、高すぎる予測のほうが、同じだけ低すぎる予測より困るとしましょう。誤差を $z = y - t$ とすると、損失 $\text{mean}(e^z - z - 1)$ がこれに当たります。片側では指数関数的に、反対側では直線的に大きくなります。

# %%
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X, t = load_diabetes(return_X_y=True, scaled=False)
X, t = scale(X), scale(t)[:, None]


def cautious(y, t):
    z = y - t
    return (tl.exp(z) - z - 1).mean()


tl.check_gradients(lambda y: cautious(y, t), np.zeros_like(t), order=2)

# %% [markdown] lang="en"
# `check_gradients` compares with differences of the values, here also the second derivatives
# (`order=2`). That it says nothing means that they agree; otherwise it raises an error with both
# numbers. Now train a linear model with it, and one with squares:

# %% [markdown] lang="ja"
# `check_gradients` は、勾配を数値微分と比べます。ここでは、2 階微分も比べます（`order=2`）。何も表示されなければ、一致しています。違っていれば、両方の数を示した例外が発生します。では、この損失と二乗誤差で、線形モデルを学習させましょう。

# %%
for loss_of in [tl.mean_squared_error, cautious]:
    model = nn.Linear(10, 1, rng=np.random.default_rng(0))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(300):
        optimizer.zero_grad()
        loss_of(model(X), t).backward()
        optimizer.step()
    z = model(X).data - t
    share, largest, smallest = np.mean(z > 0), z.max(), z.min()
    print(f"{share = :.2f}  {largest = :.2f}  {smallest = :.2f}  {loss_of.__name__}")

# %% [markdown] lang="en"
# The share of predictions that are too high falls from 0.50 to 0.40, and the largest of these errors
# from 2.02 to 1.63. The price is paid on the other side: -2.29 instead of -1.97. (This loss is known
# as LINEX. A ready-made one for the same wish is `pinball`, which asks for a quantile.)

# %% [markdown] lang="ja"
# 高すぎる予測の割合は 0.50 から 0.40 に減り、その誤差の最大値も 2.02 から 1.63 に減りました。その代わり、低すぎるほうの誤差は -1.97 から -2.29 に広がっています。（これは LINEX と呼ばれる損失です。同じ目的には、分位数を予測する `pinball` も使えます。）

# %% [markdown] lang="en"
# ## 10. An op of your own
#
# What is not made of known functions needs an op: `tl.Op(forward, rule, ...)`, with one rule for
# each input. A rule gets `g`, the gradient at the output, then the output `y` and the inputs, and
# returns the gradient at its input: `g` times the derivative. SciPy has the logarithm of the
# gamma function, and its derivative, called digamma. If a rule is to be differentiated too, what it
# calls must be an op again, as `digamma` is here.

# %% [markdown] lang="ja"
# ## 10. 演算を自作する
#
# 既存の関数の組み合わせでは書けないものには、演算が必要です。`tl.Op(forward, rule, ...)` には、入力ごとに規則を一つずつ渡します。規則は、出力での勾配 `g`、出力 `y`、入力の順に受け取り、その入力での勾配、つまり `g` に微分を掛けたものを返します。SciPy には、ガンマ関数の対数と、その微分であるディガンマ関数があります。規則そのものも微分するなら、その中で呼び出す関数も、ここでの `digamma` のように演算でなければなりません。

# %%
from functools import partial

import numpy as np
from scipy import special, stats
from sklearn.datasets import load_diabetes

import tinygrad_loss as tl
from tinygrad_loss import optim

trigamma = partial(special.polygamma, 1)
digamma = tl.Op(special.digamma, lambda g, y, x: g * trigamma(x), name="digamma")
log_gamma = tl.Op(special.gammaln, lambda g, y, x: g * digamma(x), name="log_gamma")
tl.check_gradients(log_gamma, [0.5, 1.5, 20.0], order=2)

wrong = tl.Op(special.gammaln, lambda g, y, x: g * np.log(x), name="wrong")
try:
    tl.check_gradients(wrong, [0.5, 1.5, 20.0])
except AssertionError as error:
    print(str(error).rpartition(": ")[2])

# %% [markdown] lang="en"
# The right rule passes. The wrong one (for large $x$ it is nearly right) is caught. With the op, fit
# a gamma distribution to 442 positive numbers by gradient descent on its negative log-likelihood.
# `a` is its shape, `b` its rate; as exponentials they stay positive.

# %% [markdown] lang="ja"
# 正しい規則は通り、間違った規則（$x$ が大きければ、ほぼ正しい）は見つかります。この演算を使い、負の対数尤度を勾配降下法で小さくして、442 個の正の数にガンマ分布を当てはめてみましょう。`a` は形状パラメータ、`b` は尺度の逆数です。指数関数で表すので、いつも正になります。

# %%
t = load_diabetes(return_X_y=True)[1] / 100
logs = tl.Tensor([0.0, 0.0], requires_grad=True)
optimizer = optim.Adam([logs], lr=0.05)
for _ in range(400):
    optimizer.zero_grad()
    a, b = tl.exp(logs)
    log_density = a * tl.log(b) - log_gamma(a) + (a - 1) * np.log(t) - b * t
    loss = -log_density.mean()
    loss.backward()
    optimizer.step()
shape, _, inverse_rate = stats.gamma.fit(t, floc=0)
print(f"{a.item() = :.4f}  {b.item() = :.4f}")
print(f"{shape = :.4f}     {1 / inverse_rate = :.4f}")

# %% [markdown] lang="en"
# SciPy's own fit, on the second line, finds the same. An op of two inputs takes two rules, as in
# `tl.Op(np.hypot, lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y)`. More on rules is in
# [lesson 12](lessons/en/12_engine.ipynb).

# %% [markdown] lang="ja"
# 2 行目は SciPy の当てはめの結果で、同じ値です。入力が二つの演算には、`tl.Op(np.hypot, lambda g, y, a, b: g * a / y, lambda g, y, a, b: g * b / y)` のように、規則を二つ渡します。規則については、[第 12 章](lessons/ja/12_engine.ipynb)に詳しい説明があります。

# %% [markdown] lang="en"
# ## 11. A learning-rate schedule
#
# Assign `optimizer.lr` before each step. `optim.cosine_decay` gives the rate of each step: high at
# first, 0 at the end. The numbers are how far the loss on all rows ends above its minimum, which
# least squares give; smallest, median and largest of five seeds.

# %% [markdown] lang="ja"
# ## 11. 学習率スケジュール
#
# 毎回、ステップの前に `optimizer.lr` に代入します。`optim.cosine_decay` は、各ステップの学習率を返します。初めは大きく、終わりは 0 です。表示するのは、全データでの損失が、最小二乗法で求めた最小値をどれだけ上回って終わるかで、五つの乱数シードでの最小値、中央値、最大値です。

# %%
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

import tinygrad_loss as tl
from tinygrad_loss import nn, optim
from tinygrad_loss.data import minibatches

X, t = load_diabetes(return_X_y=True, scaled=False)
X, t = scale(X), scale(t)[:, None]
smallest = np.linalg.lstsq(X, t)[1].item() / len(t)


def excess(schedule, seed, epochs=10):
    rng = np.random.default_rng(seed)
    model = nn.Linear(10, 1, rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    batches = minibatches(X, t, 16, rng=rng)
    step, steps = 0, epochs * len(batches)
    for _ in range(epochs):
        for rows, targets in batches:
            optimizer.lr = schedule(step, steps, 0.1)
            optimizer.zero_grad()
            tl.mean_squared_error(model(rows), targets).backward()
            optimizer.step()
            step += 1
    return tl.mean_squared_error(model(X), t).item() - smallest


def constant(step, steps, start):
    return start


for schedule in [constant, optim.cosine_decay]:
    runs = [excess(schedule, seed) for seed in range(5)]
    low, median, high = np.quantile(runs, [0, 0.5, 1])
    print(f"{low:.4f}  {median:.4f}  {high:.4f}  {schedule.__name__}")

# %% [markdown] lang="en"
# With a constant rate the noise of the batches keeps the weights jittering around the minimum. With
# the cosine they settle: the worst of its five runs (0.0048) ends nearer than the best of the
# constant rate (0.0133). A schedule of your own is a function of the step, such as `constant` here;
# more of them are in [lesson 8](lessons/en/08_descent.ipynb).

# %% [markdown] lang="ja"
# 学習率が一定だと、バッチのノイズのために、重みは最小点のまわりを揺れ続けます。コサインでは、最小点に落ち着きます。5 回のうち最も悪い結果（0.0048）でも、一定の場合の最も良い結果（0.0133）より最小値に近くなりました。自分のスケジュールは、ここでの `constant` のように、ステップの関数として書きます。ほかのスケジュールは[第 8 章](lessons/ja/08_descent.ipynb)にあります。

# %% [markdown] lang="en"
# ## 12. Compare two optimizers
#
# A fair comparison tries more than one learning rate, and more than one seed. First, two rates, each
# with five networks. A line shows the rate, and the smallest, the median and the largest of
# the losses after 100 steps.

# %% [markdown] lang="ja"
# ## 12. 二つのオプティマイザを比べる
#
# 公平に比べるには、学習率も乱数シードも複数試します。まず、二つの学習率を、それぞれ五つのネットワークで試します。各行は、学習率と、100 ステップ後の損失の最小値、中央値、最大値です。

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

X, y = make_moons(200, noise=0.1, random_state=0)


def SGD(parameters, lr):
    return optim.SGD(parameters, lr=lr, momentum=0.9)


def train(kind, lr, seed):
    model = nn.MLP([2, 16, 2], activation="tanh", rng=np.random.default_rng(seed))
    optimizer = kind(model.parameters(), lr=lr)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = tl.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


runs = {}
for kind in [SGD, optim.Adam]:
    for lr in [0.3, 1.0]:
        runs[kind, lr] = np.array([train(kind, lr, seed) for seed in range(5)])
        low, median, high = np.quantile(runs[kind, lr][:, -1], [0, 0.5, 1])
        print(f"{lr:.1f}  {low:.4f}  {median:.4f}  {high:.4f}  {kind.__name__}")

# %% [markdown] lang="en"
# SGD, with momentum, does better at 1.0. Adam's median is better at 1.0 too, but one run of the five is
# stuck at 0.4612: a single seed would hardly have shown that. So take the rate whose worst run is
# better, 0.3 for Adam:

# %% [markdown] lang="ja"
# モーメンタム付きの SGD では、1.0 のほうが良い結果です。Adam も、中央値は 1.0 のほうが小さくなります。しかし、5 回のうち 1 回は 0.4612 で止まっています。シードを一つしか試さなければ、これにはなかなか気づきません。そこで、最も悪い回の結果が良いほうの学習率を選びます。Adam では 0.3 です。

# %%
figure, axes = plt.subplots(figsize=(6, 2.6), dpi=90, layout="constrained")
for kind, lr, style in [(SGD, 1.0, "C0-"), (optim.Adam, 0.3, "C1--")]:
    lines = axes.plot(runs[kind, lr].T, style, alpha=0.6)
    lines[0].set_label(f"{kind.__name__}, {lr = }")
axes.set(xlabel="step", ylabel="loss", yscale="log")
axes.legend()
plt.show()

# %% [markdown] lang="en"
# On this task, with these rates, all five runs of Adam (0.0026 to 0.0043) end below all five of SGD
# (0.0045 to 0.0074), if only just. Up to step 40 neither is ahead. On another task it may be the
# other way round: the two cells show which.
#
# **Read on.** Why all this works is in [the course](lessons/README.md). [The gallery](README.md) puts
# claims about losses to the test. [The README](../README.md) says which loss is for what, and
# what a stuck loss tells you.

# %% [markdown] lang="ja"
# この課題とこれらの学習率では、Adam の 5 回（0.0026 から 0.0043）は、わずかな差とはいえ、どれも SGD の 5 回（0.0045 から 0.0074）より小さな損失で終わりました。40 ステップまでは、どちらが先とも言えません。別の課題では、逆になるかもしれません。そのときも、この二つのセルで比べられます。
#
# **次に読むもの** なぜこれでうまくいくのかは、[講座](lessons/README.ja.md)で学べます。[ギャラリー](README.ja.md)では、損失関数についての主張を確かめています。[README](../README.md)（英語）には、どの損失をいつ使うか、損失が減らないときに何を調べるかが書いてあります。
