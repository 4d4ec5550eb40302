"""Writes the data set of the binary-classifier accuracy run: scikit-learn's make_classification, 1000 samples of 20 features.

Made with Python 3.11, numpy 2.4.6, scikit-learn 1.9.1: python test/golden/data/make_data.py
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

here = Path(__file__).parent
x, y = make_classification(n_samples=1000, n_features=20, n_informative=2, n_redundant=10, random_state=42)
np.save(here / "classification-x.npy", x.astype(np.float32))
np.save(here / "classification-y.npy", y.astype(np.int32))
