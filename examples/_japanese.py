"""The words of the pictures in Japanese. # stands for a number, {0} for the first, {1} the next."""

WORDS = {
    # in several pictures
    "loss": "損失",
    "step": "ステップ",
    "epoch": "エポック",
    "gradient": "勾配",
    "learning rate": "学習率",
    "cross-entropy": "交差エントロピー誤差",
    "feature": "特徴量",
    "coefficient": "係数",
    # linear_regression.py
    "data": "データ",
    "after # steps": "{0} ステップ後",
    "The line comes to the points": "直線がデータに近づく",
    "MSE above its minimum": "平均二乗誤差（最小値からの差）",
    "The loss falls fast, then slowly": "損失は初めは速く、後はゆっくり下がる",
}
