#!/usr/bin/env python3
"""Writes Examples/Networks/Resources: iris.csv, and scikit-learn.csv with what scikit-learn finds in the data of the
examples. Its bars are these numbers.

    python3 -m venv .build/scikit && .build/scikit/bin/pip install scikit-learn==1.9.1
    .build/scikit/bin/python Utilities/example-scores.py
"""
import pathlib

import numpy as np
import sklearn
from sklearn import cluster, datasets, decomposition, linear_model, svm

folder = pathlib.Path(__file__).parent.parent / "Examples/Networks/Resources"
iris = datasets.load_iris()
held = np.arange(150) % 3 == 2
mean, deviation = iris.data[~held].mean(0), iris.data[~held].std(0)
x, species = (iris.data - mean) / deviation, iris.target

with open(folder / "iris.csv", "w") as file:
    file.write("sepal length,sepal width,petal length,petal width,species\n")
    for row, label in zip(iris.data, species):
        file.write(",".join(f"{value:.1f}" for value in row) + f",{iris.target_names[label]}\n")


def score(model, inputs, targets):
    return model.fit(inputs[~held], targets[~held]).score(inputs[held], targets[held])


digits = datasets.load_digits().data / 16
scores = {
    "linear": score(linear_model.LinearRegression(), x[:, :3], iris.data[:, 3]),
    "logistic": score(linear_model.LogisticRegression(), x, species == 2),
    "softmax": score(linear_model.LogisticRegression(), x, species),
    "support-vectors": score(svm.SVC(kernel="linear"), x, species == 2),
    "k-means": cluster.KMeans(10, n_init=10, random_state=0).fit(digits).inertia_,
    "pca": decomposition.PCA(8).fit(digits).explained_variance_ratio_.sum(),
}
with open(folder / "scikit-learn.csv", "w") as file:
    file.write("example,score,version\n")
    for name, value in scores.items():
        file.write(f"{name},{value:.6f},scikit-learn {sklearn.__version__}\n")
