"""The same tiny work for mocolib and what one would otherwise pick: make bench-peers

Width 64, 4 blocks, 2 heads, patch 8, images of 32 x 32, batch 256, fp32, one thread,
augmentation included, no loader processes. Blur is off for all, as none of these
images is large enough for it. Peers come from the package registry, in .venv-peers.
"""

BATCH = 256
SIDE, PATCH, WIDTH, DEPTH, HEADS = 32, 8, 64, 4, 2
HIDDEN, DIM = 256, 64  # of the MLP heads
TEMPERATURE, MOMENTUM, RATE, DECAY = 0.2, 0.99, 1e-3, 0.1
PARTS = ("augmentation", "forward", "backward", "update", "rest")
CASES = {
    "mocolib": "its own step, all measures of the monitor included but kNN",
    "plain": "timm's ViT, torchvision's transforms, a DataLoader",
    "lightly": "lightly 1.6.0: its transforms, heads, NT-Xent loss and momentum "
    "update on timm's ViT",
    "solo-learn": "solo-learn 1.0.2, the newest on the registry, has no MoCo v3 and "
    "does not import beside today's Lightning and timm: its transforms, data set, "
    "loader and momentum update from their own files, the rest as in plain",
}
