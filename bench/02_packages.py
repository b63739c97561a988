"""Package descriptions, 58 sections, a random fifth held out; the peer from texts in memory."""

from sklearn.pipeline import FeatureUnion
from sklearn.feature_extraction.text import TfidfVectorizer

from common import connect, linear_svc, load_packages, ratio, row, train_model, value, words

db = connect()
train, test = load_packages(db)


def measure(what, options, vectorizer, c, must):
    fit = train_model(db, "sections", "packages_train", "section", "description", options)
    accuracy = value(db, "SELECT aiaas_accuracy(section, aiaas_classify('sections', description))"
                         " FROM packages_test")
    size = value(db, "SELECT pg_table_size('sections')") / 1e6
    peer_fit, _, peer_accuracy = min(linear_svc(train, test, vectorizer, c) for _ in range(2))
    row(f"packages, {what}: table to deployed model (accuracy; size)",
        f"{fit * 1000:.0f} ms ({accuracy:.4f}; {size:.1f} MB)",
        f"LinearSVC {peer_fit * 1000:.0f} ms ({peer_accuracy:.4f})", ratio(fit, peer_fit), must)


measure("words", '{"holdout": 0}', words((1, 2)), 1, "0.787, 10x, 8 MB")
measure("words and characters", '{"holdout": 0, "char_ngrams": [2, 5]}', FeatureUnion([
    ("words", words((1, 2))),
    ("characters", TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2))]),
    0.5, "0.800, 20x, 4.5 MB (aim)")
