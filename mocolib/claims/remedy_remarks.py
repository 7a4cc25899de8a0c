"""Remarks on the remedies and on what makes a spike.

As in `remarks`, of which they are a part.
"""

from mocolib.claims.remark import Remark

# what may cost accuracy where nothing shakes, by the beginning of its effect's key
PRICED = {
    "slow": "a fifth of the rate for the projection",
    "light": "a clip of the projection at 1e-3",
    "all": "a clip of the whole gradient at .1",
    "batch": "BatchNorm on the projection",
    "weight": "weight norm on the projection",
}
PRICES = {
    f"C12.{key} price": Remark(
        holds=f"At the calm rate {remedy} costs less than half a point.",
        open=f"Whether {remedy} costs half a point at the calm rate is open.",
        opposite=f"At the calm rate {remedy} costs more than half a point.",
    )
    for key, remedy in PRICED.items()
}
REMEDY_REMARKS = {
    **PRICES,
    "C7.jitter": Remark(
        holds="Jitter goes the same way: {size} points less with the projection fixed.",
        open="Jitter differs by {less} points, which is open.",
        opposite="Jitter went opposite: {size} points more with the projection fixed.",
    ),
    "C7.calm": Remark(
        holds="At the calm rate, where there is nothing to cure, the fixed projection "
        "ends {size} points higher all the same.",
        open="At the calm rate, where there is nothing to cure, the fixed projection "
        "differs from the learned one by {mean} points, which is open.",
        opposite="Where nothing shakes it has a price: at the calm rate the fixed "
        "projection ends {size} points lower.",
    ),
    "C7.grows": Remark(
        holds="So the gain grows with the rate, as the paper says.",
        open="Whether the gain grows with the rate is open.",
        opposite="So the gain shrinks with the rate, against the paper.",
    ),
    "C8.free": Remark(
        open="Our seeds cannot tell a price of half a point from none.",
    ),
    "C8.wide": Remark(
        holds="With twice that room it costs less than half a point too.",
        open="With twice that room the same is open.",
        opposite="With twice that room it costs more than half a point.",
    ),
    "C8.narrow": Remark(
        holds="Where a token has room for a third of the patch only, it costs {size} "
        "points more: what the matrix drops is gone.",
        open="Where a token has room for a third of the patch only, the cost differs "
        "by {mean} points, which is open. A third of a patch's numbers holds most of a"
        " picture, since neighbouring pixels say nearly the same.",
        opposite="Where a token has room for a third of the patch only, it costs "
        "{size} points *less*, against what the dropped directions suggest.",
    ),
    "C8.condition": Remark(
        holds="An orthogonal fixed matrix of the same shape, which stretches no "
        "direction, ends {size} points above the random one: part of the price is bad "
        "conditioning.",
        open="An orthogonal fixed matrix of the same shape, which stretches no "
        "direction, differs from the random one by {mean} points, which is open.",
        opposite="An orthogonal fixed matrix of the same shape, which stretches no "
        "direction, ends {size} points below the random one, so bad conditioning is "
        "not what a random one pays for.",
    ),
    "C9.jitter": Remark(
        holds="Jitter grows by {size} points on the way.",
        open="Jitter changes by {mean} points, which is open.",
        opposite="Jitter shrinks by {size} points.",
    ),
    "C9.spikes": Remark(
        holds="And the first layer that still learns, the first block's, takes over: "
        "it has {size} spikes a run more at the largest rate than at the calm one.",
        open="Whether the first layer that still learns spikes more often is open "
        "({mean} spikes a run).",
        opposite="The first layer that still learns spikes less often, by {size} a "
        "run.",
    ),
    "C11.simclr fall": Remark(
        holds="SimCLR's deepest fall is smaller by {size} points.",
        open="SimCLR's deepest fall differs by {less} points, which is open.",
        opposite="SimCLR falls {size} points deeper.",
    ),
    "C11.byol fall": Remark(
        holds="BYOL's is smaller by {size} points.",
        open="BYOL's differs by {less} points, which is open.",
        opposite="BYOL falls {size} points deeper.",
    ),
    "C12.clip": Remark(
        open="What the paper says of clipping, that it helps only where it freezes, "
        "can neither be confirmed nor denied with seeds that scatter so much.",
        opposite="That is against the paper, and AdamW explains it: a gradient clipped"
        " to almost nothing leaves weight decay alone with the matrix, which withers.",
    ),
    "C12.light": Remark(
        holds="Against no clipping at all, a clip at 1e-3 takes {size} points off the "
        "deepest fall.",
        open="Against no clipping at all, a clip at 1e-3 changes the deepest fall by "
        "{less} points, which is open.",
        opposite="Against no clipping at all, a clip at 1e-3 adds {size} points to the"
        " deepest fall.",
    ),
    "C12.slow": Remark(
        holds="In our runs a fifth of the rate for the projection took {size} points "
        "off the deepest fall.",
        open="In our runs a fifth of the rate for the projection changed the deepest "
        "fall by {less} points, which is open.",
        opposite="In our runs a fifth of the rate for the projection added {size} "
        "points to the deepest fall.",
    ),
    "C12.batch": Remark(
        holds="BatchNorm behind the projection takes {size} points off it, although "
        "the paper found no help in it.",
        open="BatchNorm behind the projection changes it by {less} points, open; the "
        "paper found no help in it.",
        opposite="BatchNorm behind the projection adds {size} points to it.",
    ),
    "C12.weight": Remark(
        holds="Weight norm takes {size} points off it.",
        open="Weight norm changes it by {less} points, open.",
        opposite="Weight norm adds {size} points to it.",
    ),
    "C12.all": Remark(
        holds="Clipping the whole gradient at .1 takes {size} points off it.",
        open="Clipping the whole gradient at .1 changes it by {less} points, open.",
        opposite="Clipping the whole gradient at .1 adds {size} points to it.",
    ),
    "C14.spike": Remark(
        holds="Before a spike of the *gradient* it is the first story: the memory was "
        "of quieter times, and the next step was too long.",
        open="Before a spike of the *gradient* neither story wins: it may grow out of a"
        " forecast that was right until the step before.",
        opposite="Before a spike of the *gradient* it is the second story: the memory "
        "was of larger gradients and is falling behind.",
    ),
    "C14.loss": Remark(
        holds="Before a spike of the *loss*, of which the first story speaks, √(g²/v) "
        "stood at {times} times its typical value: the forecast was too low, as that "
        "story has it.",
        open="Before a spike of the *loss*, of which the first story speaks, √(g²/v) "
        "stood at {times} times its typical value, which is open as well.",
        opposite="Before a spike of the *loss*, of which the first story speaks, "
        "√(g²/v) stood at {times} times its typical value: the forecast was too high, "
        "against that story.",
    ),
    "C14.edge": Remark(
        holds="The sharpness lies near its limit, calm or not. So the network lives at"
        " the edge, and the edge alone does not say when it falls.",
        open="Whether the sharpness settles near its limit is open.",
        opposite="The sharpness does not settle at its limit here.",
    ),
    "C14.sharp": Remark(
        holds="Just before a spike it is {times} times what it is in calm, as the "
        "second story wants it.",
        open="Just before a spike it is {times} times what it is in calm, and that is "
        "open: a single batch is a noisy look at a curvature.",
        opposite="Just before a spike it is {times} times what it is in calm: lower, "
        "against the second story.",
    ),
    "C14b.cosine": Remark(
        holds="And before a dip the step points elsewhere than usual: its cosine with "
        "the way downhill is {size} lower.",
        open="Before a dip the step points where it always points: its cosine with the"
        " way downhill differs by {less}, which is open.",
        opposite="One prediction went opposite. A step that is too long in some "
        "entries should point elsewhere than downhill; before a dip its cosine with "
        "the way downhill was {size} *higher* than usual. So what fails there is the "
        "length of a step, hardly its direction: several gradients in a row agree, and"
        " Adam follows them too far.",
    ),
    "C14b.beta2": Remark(
        holds="So with β₂ = .95 one number buys more than half of what a frozen layer "
        "buys, and the layer goes on learning.",
        open="By the mean, β₂ = .95 lies {mean} points from half of what freezing "
        "takes off; the seeds of a shaking run are too far apart to settle it.",
        opposite="So a shorter memory is no substitute for freezing here.",
    ),
    "C14b.stable": Remark(
        holds="Clipping the update (StableAdamW) took {size} points off the deepest "
        "fall.",
        open="Clipping the update (StableAdamW) changed the deepest fall by {less} "
        "points, which is open.",
        opposite="Clipping the update (StableAdamW) added {size} points to the deepest"
        " fall.",
    ),
    "C14b.qk accuracy": Remark(
        holds="With qk-norm the shaking run ends {size} points higher.",
        open="What qk-norm does to accuracy at the end is open ({mean} points).",
        opposite="With qk-norm the shaking run ends {size} points lower.",
    ),
    "C14b.stem": Remark(
        holds="A convolutional stem took {size} points off the deepest fall.",
        open="A convolutional stem changed it by {less} points, which is open.",
        opposite="A convolutional stem went opposite: the run falls {size} points "
        "*deeper*. Its source tested it in supervised training and wider; ours begins "
        "with eight channels, so each patch goes through a narrow gate of four layers "
        "that all learn at the shaking rate.",
    ),
    "C14b.stem lead": Remark(
        holds="Without the one large projection the lead of the first layer is "
        "smaller, by {size} standard deviations of chance.",
        open="Whether the first layer leads less without the one large projection is "
        "open.",
        opposite="Without the one large projection the first layer leads even more, by"
        " {size} standard deviations of chance.",
    ),
    "C15.fixed": Remark(
        holds="So a fixed projection does more than lead the run elsewhere. Other "
        "images are PaLM's remedy in small, an earlier state and other batches, and "
        "with them {second} % of the spikes stay away, with the projection {first} %: "
        "much of what makes such a spike is in the state already, ten steps ahead.",
        open="Other images are PaLM's remedy in small, an earlier state and other "
        "batches. With them {second} % of the spikes stay away, with the fixed "
        "projection {first} %, which so few spikes cannot tell apart. To be led "
        "elsewhere, by whatever change, may be all that keeps such a spike away.",
        opposite="Other images are PaLM's remedy in small, an earlier state and other "
        "batches. Here they do better than the fixed projection, {second} % against "
        "{first} %: it takes the batch as well as the state to make such a spike.",
    ),
    "C15.half": Remark(
        holds="Half the rate keeps {first} % of the spikes away, more than other "
        "images do.",
        open="With half the rate {first} % stay away, which cannot be told from other "
        "images either.",
        opposite="With half the rate only {first} % stay away.",
    ),
    "C15.clipped": Remark(
        holds="A clipped projection does better than other images too, with {first} %.",
        open="A clipped projection, with {first} %, cannot be told from other images.",
        opposite="A clipped projection does worse than other images: {first} %.",
    ),
    "C15.beta2": Remark(
        holds="A shorter memory, with {first} %, does better as well.",
        open="A shorter memory, with {first} %, cannot be told from other images: what"
        " is about to happen within ten steps is in the weights already, and a memory "
        "that changes over fourteen comes too late.",
        opposite="A shorter memory does worse, with {first} %.",
    ),
}
