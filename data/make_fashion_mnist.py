"""Choose the images of data/fashion-mnist from the whole Fashion-MNIST.

    apt-get install dataset-fashion-mnist
    python data/make_fashion_mnist.py /usr/share/datasets/fashion-mnist

The argument is the folder with the four files of the whole set. The choice is the
same number of images from each of the ten classes, drawn with a fixed seed and kept
in the original order, so making the files again gives the same bytes. All test images
are taken: the fewer there are, the noisier is a reading of the kNN monitor.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parent / "fashion-mnist"
SEED = 0
PER_CLASS = {"train": 1000, "t10k": 1000}
IMAGES_MAGIC, LABELS_MAGIC = 0x0803, 0x0801  # idx: unsigned bytes, 3-D or 1-D


def read_idx(path: Path) -> np.ndarray:
    """The array in a gzipped idx file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    shape = np.frombuffer(raw, ">i4", count=dimensions, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path: Path, array: np.ndarray, magic: int) -> None:
    header = np.array([magic, *array.shape], ">i4").tobytes()
    # mtime=0: a gzip file normally carries the time it was made
    path.write_bytes(gzip.compress(header + array.tobytes(), 9, mtime=0))


def choose(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Sorted indices of `per_class` images of each class."""
    generator = np.random.default_rng(SEED)
    chosen = [
        generator.choice(np.flatnonzero(labels == label), per_class, replace=False)
        for label in range(10)
    ]
    return np.sort(np.concatenate(chosen))


def main(source: Path) -> None:
    TARGET.mkdir(exist_ok=True)
    for split, per_class in PER_CLASS.items():
        images_name = f"{split}-images-idx3-ubyte.gz"
        labels_name = f"{split}-labels-idx1-ubyte.gz"
        labels = read_idx(source / labels_name)
        index = choose(labels, per_class)
        images = read_idx(source / images_name)
        write_idx(TARGET / images_name, images[index], IMAGES_MAGIC)
        write_idx(TARGET / labels_name, labels[index], LABELS_MAGIC)
        print(f"{split}: {len(index)} of {len(labels)} images")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        message = "Give the folder with the four files of the whole Fashion-MNIST."
        print(message, file=sys.stderr)
        sys.exit(2)
    main(Path(sys.argv[1]))
