"""What is said of a judged log: whole sentences with named fields, all in this file.

`telling` chooses among them and fills them in; none is put together from parts.
"""

from mocolib.logs.advice import CHAPTER

# names that stand in fields
AXES = {"step": "step", "sample": "sample", "epoch": "epoch", "row": "row"}
MANY = {"step": "steps", "sample": "samples", "epoch": "epochs", "row": "rows"}
LOSS, GRADIENT, NOWHERE = "the loss", "the gradient of {layer}", "no column"

READ = (
    "{title}: {rows} readings along {along}, {first} to {last}; accuracy from "
    "{accuracy}, loss from {loss}, learning rate from {rate}, gradient norms from "
    "{norms}."
)
READ_MANY = (
    "{title}: {rows} readings along {along}, {first} to {last}; accuracy from "
    "{accuracy}, loss from {loss}, learning rate from {rate}, gradient norms from "
    "{count} columns, {begin} to {end}."
)
OTHERS = (
    "Not read: {names}. Another column can be chosen as axis, accuracy, loss or norm."
)
MANY_OTHERS = (
    "Not read: {names} and {count} more columns. Another can be chosen as axis, "
    "accuracy, loss or norm."
)
NOTES = {
    "restarts": "It goes back {count} times, as a run does that is started again: of "
    "what was written twice the last writing is kept.",
    "shuffled": "Its rows are in no order: they were sorted.",
    "twice": "{count} readings were written again at the same place: the last writing "
    "is kept.",
    "carried": "{count} rows do not say where they stand: they are taken to stand "
    "where the row before them does.",
    "end_to_end": "Its steps begin anew in each epoch: epochs were put end to end.",
    "spread": "It has many rows an epoch and no steps: they were spread evenly over "
    "it.",
    "zeros": "{count} readings of accuracy are exactly 0, as where none was taken: "
    "they are left out.",
    "mixed": "Its accuracy changes from shares to percent: each reading up to 1 was "
    "taken for a share.",
    "means": "Its numbers are means over steps or runs, as a chart was exported: "
    "single spikes are flattened.",
    "medians": "Its numbers are medians over twenty steps, as DINO's code writes them: "
    "a spike of a few steps cannot be seen.",
}
ONE_NOTE = {
    "restarts": "The log goes back once, as a run does that is started again: of what "
    "was written twice the last writing is kept.",
    "twice": "One reading was written again at the same place: the last writing is "
    "kept.",
    "carried": "One row does not say where it stands: it is taken to stand where the "
    "row before it does.",
}

NO_ACCURACY = (
    "No dips: no column holds the accuracy of features. One is needed, such as knn, "
    "probe, val_acc or top1, read every few tens of steps; the ten lines that log it "
    f"are in {CHAPTER}, *First look densely*."
)
ONE_READING = "One reading of accuracy tells no fall from noise; {least} are least."
FEW_READINGS = (
    "{readings} readings of accuracy are too few to tell a fall from noise; {least} "
    "are least."
)
EVERY_ONE = "Accuracy is read at every {axis}: what lasts less cannot be seen."
EVERY = "Accuracy is read every {every} {axes}: what lasts less cannot be seen."
MISSED = (
    "A monitor read {readings} times a run overlooks {share} % of the {falls} falls in "
    "{runs} recorded runs, and {depth} % of their depth."
)
NO_FALL = (
    "No fall: no reading lies more than a point, and more than five times the curve's "
    "own noise of {noise} points, below the level that was reached before it."
)
CHANCE = (
    "By chance: noise of that size alone, read {readings} times, falls so {chance} "
    "times on average; the curve's own noise is {noise} points."
)
DIP = (
    "A dip of {depth} points, made good: from {axis} {start} on, lowest at {low}, back "
    "near its level at {end}."
)
LASTING = (
    "A lasting fall of {depth} points: from {axis} {start} on, lowest at {low}; it "
    "never comes back near its level."
)
LATE = (
    "A lasting fall of {depth} points: from {axis} {start} on, lowest at {low}, and "
    "back near its level only at {end}, more than a fifth of the run later."
)
ONE_MORE = "One more fall is less deep."
MORE = "{count} more falls are less deep."
PHASES = {
    "warmup": "At {axis} {start} the rate was still warming up.",
    "peak": "At {axis} {start} the rate was at its peak, or within a tenth of it.",
    "decay": "At {axis} {start} the rate was already coming down.",
}
WITH = "A spike of {what} came with the fall at {axis} {start}."
COLLAPSED = (
    "It has collapsed: at its end, {end} %, more than half of what it had gained is "
    "lost again, counted from its first reading, {first} % at {axis} {at}, which "
    "stands for the untrained network here."
)
BELOW = (
    "It has collapsed: it ends at {end} %, below its first reading, {first} % at "
    "{axis} {at}, which stands for the untrained network here."
)
HELD = (
    "No collapse: it ends at {end} %; its first reading, {first} % at {axis} {at}, "
    "stands for the untrained network here."
)
NOT_RISEN = (
    "It has not risen: no level lies more than a point, and more than five times the "
    "curve's own noise, above its first reading, {first} % at {axis} {at}, which "
    "stands for the untrained network here; it ends at {end} %."
)
NO_START = (
    "Whether it has collapsed cannot be said: no reading is early enough to stand for "
    "the untrained network."
)
JITTER = "Jitter, how far readings lie from their own running median: {jitter} points."

NO_SPIKE = (
    "No spike of {what} in {judged} judged readings; noise alone has about {chance}."
)
ONE_SPIKE = (
    "One spike of {what} in {judged} judged readings, at {axis} {places}; noise alone "
    "has about {chance}."
)
SPIKES = (
    "{count} spikes of {what} in {judged} judged readings, at {axis} {places}; noise "
    "alone has about {chance}."
)
MANY_SPIKES = (
    "{count} spikes of {what} in {judged} judged readings, the first at {axis} "
    "{places}; noise alone has about {chance}."
)
OTHER_SPIKES = (
    "Spikes of the other gradients, {layers} of them, together: {count}; noise alone "
    "has about {chance}."
)
SMOOTHED = (
    "The numbers of {what} are smoothed: their own noise cannot be told, and spikes "
    "are counted too often or not at all."
)
NO_NORMS = (
    "Who leads is not said: for that the gradient norms of two layers are needed, of "
    "{least} steps at least."
)
LEADS = (
    "The gradient of {first} is ahead of that of {last}, by {ahead} sd of what chance "
    "gives over {steps} readings; that is no alarm by itself."
)
TRAILS = (
    "The gradient of {first} is behind that of {last}, by {ahead} sd of what chance "
    "gives over {steps} readings."
)
LEVEL = (
    "Neither the gradient of {first} nor that of {last} is ahead by more than chance "
    "gives: {ahead} sd over {steps} readings."
)
DIVERGED = "From {axis} {at} on its loss is NaN or infinite."

ADVICE = {
    "no_number": "What to do: look for the cause in the precision first.",
    "collapse_in_warmup": "What to do: it collapsed while the rate was rising; lower "
    "the peak rate first, then lengthen the warmup.",
    "collapse": "What to do: this is a collapse and no dip; lower the rate.",
    "lasting_at_peak": "What to do: the fall came at the peak of the rate; lower that.",
    "lasting_fall": "What to do: a fall that lasts asks for a lower rate first.",
    "not_risen": "What to do: this is no dip; look for why nothing is learned.",
    "one_layer_jumps": "What to do: most spikes of the loss come with a jump of the "
    "same layer, {layer}; slow that layer, clip it, or hold it fixed.",
    "layers_jump": "What to do: most spikes of the loss come with jumps of several "
    "layers, so no single one is to be blamed; lower the rate or clip the whole.",
    "spikes_without_norms": "What to do: log each layer's gradient, to see whether one "
    "layer jumps when the loss does.",
    "spikes_alone": "What to do: most spikes of the loss come without a jump of a "
    "logged layer's gradient; look for what moves a loss by arithmetic, such as a "
    "temperature, or at the data.",
    "dip_with_spike": "What to do: dips that come with spikes and are made good cost "
    "little; if you change something, lower the rate first.",
    "dip_without_spike": "What to do: a dip without a spike of the loss is what the "
    "loss does not tell; lower the rate, and go on reading accuracy.",
    "dip_alone": "What to do: log the loss and the gradients at every step, to see "
    "what comes before the dip.",
    "no_accuracy": "What to do: read the accuracy of features while you train.",
    "too_sparse": "What to do: read accuracy more often, some {dense} times a run.",
    "fine": "What to do: nothing; no fall and no spike beyond chance is in this log.",
}
WHERE = "See {chapter}, #{anchor}."
EVIDENCE = "See {chapter}, #{anchor}; what speaks for it: `mocolib claims`, {claims}."
