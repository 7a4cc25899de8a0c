"""What to make of an effect, by its outcome: a sentence or two each, for the chapters.

The findings say what was seen (`wordings`); these say what follows, what went opposite
and why that may be. Fields as there. A remark with nothing to say is left out.
"""

from mocolib.claims.remark import Remark
from mocolib.claims.remedy_remarks import REMEDY_REMARKS

REMARKS = {
    "C1.accuracy": Remark(
        holds="Accuracy goes the same way: batch 512 ended {size} points below batch "
        "64.",
        open="Accuracy at the end differed by {less} points, batch 512 against 64, and "
        "the seeds lie too far apart to call it: a run that plunges late has not "
        "climbed back when it ends.",
        opposite="And yet batch 512 ended {size} points above batch 64: it falls, but "
        "it climbs back.",
    ),
    "C1.steps": Remark(
        holds="Nor is it that a large batch makes fewer steps: with 400 steps for each "
        "batch the deepest fall grows as well, by {size} points.",
        open="A large batch also makes fewer steps. With 400 steps for each batch the "
        "growth is {mean} points, which is open.",
        opposite="With 400 steps for each batch it is the other way round: there the "
        "small batch falls deeper, by {size} points. So part of the growth was the "
        "smaller number of steps.",
    ),
    "C2.loss": Remark(
        holds="Within one batch size the loss at the end tells the rates apart less "
        "well than accuracy does, as the paper warns.",
        open="Within one batch size, whether the loss at the end or the accuracy tells "
        "the rates apart better is open.",
        opposite="One thing went opposite. The paper warns that a loss hardly shows "
        "what shaking costs; within one batch size our loss at the end tells the rates "
        "apart *better* than accuracy does, by {size} standard deviations between "
        "seeds. Our large rates ruin a run, and a ruined run has a "
        "high loss; the paper's rates differ by a factor of three and cost a point or "
        "two. So the warning about losses is, here, one about losses of different "
        "batches and temperatures, which start elsewhere.",
    ),
    "C3.batch": Remark(
        holds="End to end gains too, by {size} points from 16 negatives to 255.",
        open="End to end, 255 negatives against 16 differ by {mean} points, which is "
        "open.",
        opposite="End to end even loses, by {size} points from 16 negatives to 255.",
    ),
    "C3.bank": Remark(
        holds="The bank gains {size} points from 16 to 8192.",
        open="For the bank 8192 against 16 is open ({mean} points).",
        opposite="The bank loses {size} points from 16 to 8192.",
    ),
    "C3.age": Remark(
        holds="At equal numbers, fresh keys with a gradient beat the queue's, by "
        "{size} points.",
        open="At equal numbers, fresh keys against the queue's are open ({mean} "
        "points).",
        opposite="At equal numbers, the queue's keys from a slow encoder beat fresh "
        "ones with a gradient, by {size} points: MoCo's case for the momentum encoder.",
    ),
    "C3.queue": Remark(
        open="Why so little? Among a few thousand pictures of ten classes, every "
        "hundred negatives contain ten of the query's own class. More negatives then "
        "mean more wrong ones among them, and a task of ten classes does not need "
        "thousands. ImageNet has a thousand.",
        opposite="Why less? Among a few thousand pictures of ten classes, every "
        "hundred negatives contain ten of the query's own class, and the more there "
        "are, the more of these are pushed away. ImageNet has a thousand classes.",
    ),
    "C3-bn.accuracy": Remark(
        holds="Accuracy falls with it, by {size} points: what the marks explain need "
        "not be learned from the pictures.",
        open="Accuracy hardly minds ({less} points, open): the cheat takes something "
        "off the loss and, at this length, nothing that we could measure off "
        "the features.",
        opposite="And accuracy rose, by {size} points, against the paper: statistics "
        "of eight images are noisy, and noise can act as one more augmentation.",
    ),
    "C3-bn.repair": Remark(
        holds="With keys shuffled a linear layer reads {size} points more off them.",
        open="What shuffling changes in accuracy is open ({mean} points).",
        opposite="Shuffling costs {size} points here.",
    ),
    "C3-bn.closed": Remark(
        holds="With shuffled keys the loss is {size} higher again: the marks no longer "
        "match.",
        open="Whether shuffling closes the leak is open, by the loss ({mean}).",
        opposite="With shuffled keys the loss is lower still, by {size}.",
    ),
    "C4.arch": Remark(
        holds="The arch has its left side too: the best rate ends {size} points above "
        "the smallest.",
        open="Of the paper's arch we have the right side only: on this grid no rate "
        "ends surely above the smallest ({mean} points, open). 400 steps are enough "
        "for it.",
        opposite="Of the paper's arch we have the right side only: the smallest rate "
        "of the grid ends highest.",
    ),
    "C5.fall": Remark(
        holds="The deepest fall grew less with LAMB, by {size} points.",
        open="How the deepest fall grows is open between the two ({mean} points).",
        opposite="The deepest fall, though, grew *more* with LAMB than with AdamW, by "
        "{size} points, against what smooth curves promise.",
    ),
    "C6.last": Remark(
        holds="It leads the last layer as well, by {size} standard deviations of "
        "chance.",
        open="Against the last layer the lead is open ({mean} standard deviations of "
        "chance).",
        opposite="Against the last layer it lags, by {size} standard deviations of "
        "chance.",
    ),
    "C10.fall": Remark(
        open="A dip of more than {high} points behind the step would have shown.",
    ),
    "C10.ramp": Remark(
        holds="Taken slowly, the same change falls less, by {size} points.",
        open="Taken slowly, the same change differs by {less} points, which is open.",
        opposite="Taken slowly, the same change falls more, by {size} points.",
    ),
    "C10.learned": Remark(
        holds="A learned temperature makes the curve rougher, by {size} points of "
        "jitter.",
        open="A learned temperature leaves jitter where it was ({mean} points, open).",
        opposite="A learned temperature makes the curve smoother, by {size} points of "
        "jitter.",
    ),
    "C10.warmup": Remark(
        holds="A warmup of the temperature, as DINO's teacher has it, adds {size} "
        "points of accuracy.",
        open="A warmup of the temperature, as DINO's teacher has it, changes accuracy "
        "by {mean} points, which is open.",
        opposite="A warmup of the temperature, as DINO's teacher has it, costs {size} "
        "points of accuracy at this length.",
    ),
    "C13.m = .9": Remark(
        opposite="The quicker teacher wins, against the paper, and the table of "
        "half-lives says why: in 400 steps a teacher with m = .99 has followed the "
        "query encoder for a few half-lives only, one with m = .9 for sixty.",
    ),
    "C13.m = .999": Remark(
        holds="The slowest, m = .999, loses {size} points: at the end two thirds of it "
        "are still the random start.",
    ),
    "C13.no BatchNorm in the heads": Remark(
        holds="BatchNorm in the heads is worth {size} points.",
        open="BatchNorm in the heads is open ({mean} points).",
        opposite="Without BatchNorm in the heads accuracy is {size} points *higher*.",
    ),
    "C13.no positions": Remark(
        holds="Positions are worth {size} points, though there are only sixteen.",
        open="What positions are worth is open ({mean} points): there are only "
        "sixteen.",
        opposite="Without positions accuracy is {size} points *higher*: there are only "
        "sixteen, and a boot lies where a boot lies.",
    ),
    "C13.positions learned": Remark(
        holds="Fixed sin-cos codes beat learned ones by {size} points.",
        open="Fixed sin-cos codes against learned ones are open ({mean} points).",
        opposite="Learned codes beat fixed ones by {size} points.",
    ),
    "C16.rank": Remark(
        holds="So shaking is not only a matter of curves. It leaves the layer that all "
        "patches go through with fewer directions to tell them apart in, and what this "
        "layer drops no later layer can bring back.",
        open="So by this measure the layer has kept its directions, whatever the "
        "curve did.",
        opposite="So the layer has gained directions: shaking did not narrow it.",
    ),
    **REMEDY_REMARKS,
}
