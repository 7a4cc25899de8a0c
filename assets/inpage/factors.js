/* The numbers of the update, from the hyperparameters: mocolib.export.inputs.factors.

   JavaScript counts in doubles; the graph takes float32, so that it can run on WebGPU. A
   difference from 1 is therefore taken here and rounded when it is whole. */
export function factors({
  lr,
  weight_decay,
  temperature,
  momentum,
  beta1,
  beta2,
  eps,
  step,
  projection_step,
  freeze,
}) {
  return {
    lr,
    weight_decay,
    kept: 1 - lr * weight_decay,
    temperature,
    rest_momentum: 1 - momentum,
    rest1: 1 - beta1,
    beta2,
    rest2: 1 - beta2,
    eps,
    start1: 1 - beta1 ** step,
    root2: Math.sqrt(1 - beta2 ** step),
    projection_start1: 1 - beta1 ** projection_step,
    projection_root2: Math.sqrt(1 - beta2 ** projection_step),
    freeze: Number(freeze),
  };
}
