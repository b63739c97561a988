"""Support vector machines on numbers: linear and with a kernel, beside scikit-learn."""

import time

import numpy as np
from sklearn.svm import SVC, LinearSVC

from common import best, connect, ratio, row, value
from tables import export, fit, make_numbers, train

db = connect()
make_numbers(db, "labels", 100000, "label")
X, y = export(db, "labels", "(label = 'yes')::int::float8")
ours = train(db, "labels_svm", "labels", "label", "svm", '{"holdout": 0, "standardize": false}', 15)
# The same objective; the primal solver is the faster one here.
peer, model = min((fit(lambda d=dual: LinearSVC(dual=d, C=1), X, y) for dual in (False, True)), key=lambda p: p[0])
row("linear SVM, squared hinge, 100 k x 20", f"{ours * 1000:.0f} ms", f"LinearSVC {peer * 1000:.0f} ms",
    ratio(ours, peer), "8x")
accuracy = value(db, "SELECT aiaas_accuracy(label, aiaas_classify('labels_svm', l)) FROM labels l")
print(f"  accuracy on the rows: {accuracy:.4f}, LinearSVC {model.score(X, y):.4f}")

make_numbers(db, "ring", 25000, "ring")
db.execute("CREATE TABLE ring_train AS SELECT * FROM ring LIMIT 20000")
db.execute("CREATE TABLE ring_test AS SELECT * FROM ring OFFSET 20000")
db.execute("VACUUM ANALYZE ring_train, ring_test")
X, y = export(db, "ring_train", "(label = 'out')::int::float8")
Z, z = export(db, "ring_test", "(label = 'out')::int::float8")
mean, scale = X.mean(0), X.std(0)
X, Z = (X - mean) / scale, (Z - mean) / scale
ours = train(db, "ring_svm", "ring_train", "label", "svm", '{"holdout": 0, "kernel": "rbf"}', 3)
peer, model = fit(lambda: SVC(cache_size=1000), X, y, times=2)
row("RBF SVM, 20 k x 20: fit", f"{ours * 1000:.0f} ms", f"SVC {peer * 1000:.0f} ms", ratio(ours, peer), "5x")
predict = best(lambda: db.execute("SELECT count(aiaas_classify('ring_svm', r)) FROM ring_test r"))
start = time.perf_counter()
predicted = model.predict(Z)
peer = time.perf_counter() - start
row("RBF SVM: predict 5,000 rows", f"{predict * 1000:.0f} ms", f"SVC {peer * 1000:.0f} ms", ratio(predict, peer), "15x")
accuracy = value(db, "SELECT aiaas_accuracy(label, aiaas_classify('ring_svm', r)) FROM ring_test r")
print(f"  accuracy on the test rows: {accuracy:.4f}, SVC {np.mean(predicted == z):.4f}")
