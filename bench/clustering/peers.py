"""Child process: faiss and scikit-learn. JSON in the first argument, JSON on standard output.

The clock runs from the vectors in memory to centroids and assignments. Cosine variants get unit vectors; to make them
is timed.
"""

import json
import resource
import sys
import time

import numpy as np


def versions():
    found = {"python": sys.version.split()[0], "numpy": np.__version__}
    for name in ("faiss", "sklearn"):
        try:
            found[name] = __import__(name).__version__
        except ImportError:
            found[name] = None
    return found


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def run_faiss(vectors, k, clusterer, job):
    import faiss

    def run():
        cosine = clusterer == "spherical"
        points = unit(vectors) if cosine else vectors
        kmeans = faiss.Kmeans(points.shape[1], k, niter=job["iterations"], spherical=cosine)
        kmeans.train(points)
        # Searches an index of the final centroids.
        _, nearest = kmeans.assign(points)
        return nearest, job["iterations"]

    return run


def run_sklearn(vectors, k, clusterer, job):
    from sklearn.cluster import KMeans

    def run():
        points = unit(vectors) if clusterer == "spherical" else vectors
        kmeans = KMeans(n_clusters=k, init="k-means++", n_init=1, random_state=job["seed"]).fit(points)
        return kmeans.labels_, int(kmeans.n_iter_)

    return run


def main():
    job = json.loads(sys.argv[1])
    if job.get("versions"):
        return versions()
    vectors = np.fromfile(job["vectors"], dtype=np.float32).reshape(job["n"], job["m"])
    prepare = {"faiss": run_faiss, "scikit-learn": run_sklearn}[job["peer"]]
    run = prepare(vectors, job["k"], job["clusterer"], job)
    start = time.perf_counter()
    assignment, iterations = run()
    seconds = time.perf_counter() - start
    # Kilobytes on Linux, bytes on macOS.
    unit_of_peak = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_of_peak
    np.asarray(assignment, dtype=np.int32).tofile(job["path"])
    return {"seconds": seconds, "peak": peak, "iterations": iterations}


print(json.dumps(main()))
