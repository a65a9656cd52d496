/** Counts what a run of a model takes, from the sizes of all that it computes: it runs once. */
import type { FeatureLayer, FlowOperation } from '../format/feature-flow.js';
import type { ModelWork } from '../format/latency-model.js';
import type { Model, Tensor } from '../format/model-format.js';
import { requireFeatures } from '../widths/require-features.js';

/**
 * The work of one run. Operations that only tell sizes or rename axes take none.
 *
 * @param feeds what the model's inputs take
 * @throws whatever the runtime throws where the model does not run on them
 */
export async function workOf(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<ModelWork> {
  const { graph } = model;
  const operations = graph.operations.filter(({ flow }) => flow.type !== 'sizes' && flow.type !== 'reshape');
  const sizes = await sizesOf(model, operations, feeds);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  const work = { multiplies: 0, depthwise: 0, weights: 0, values: 0, operations: 0, runs: 1 };
  for (const operation of operations) {
    const { flow } = operation;
    const made = operation.outputs.reduce((sum, tensor) => sum + valuesIn(sizes.get(tensor)), 0);
    work.values += made;
    // The steps of one operation are one.
    if (operation.partOf === undefined) work.operations++;
    if (flow.type === 'contraction')
      work.multiplies += contracted(operation.inputs, operation.outputs[0]!, sizes);
    if (flow.type !== 'layer' && flow.type !== 'depthwise') continue;
    const layer = layers.get(flow.layer)!;
    const perOutput = (layer.span * layer.inputs) / layer.groups;
    work[isDepthwise(layer) ? 'depthwise' : 'multiplies'] += made * perOutput;
    work.weights += layer.outputs * perOutput;
  }
  return work;
}

function isDepthwise({ groups, inputs }: FeatureLayer): boolean {
  return groups > 1 && groups === inputs;
}

/** `[…, i, k] · […, k, j]`: j products for every value of the first. */
function contracted(
  inputs: readonly string[],
  output: string,
  sizes: ReadonlyMap<string, readonly number[]>,
): number {
  return valuesIn(sizes.get(inputs[0]!)) * (sizes.get(output)?.at(-1) ?? 0);
}

async function sizesOf(
  model: Model,
  operations: readonly FlowOperation[],
  feeds: Readonly<Record<string, Tensor>>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const read = operations.flatMap(({ flow, inputs }) => (flow.type === 'contraction' ? inputs : []));
  const made = new Set([...operations.flatMap(({ outputs }) => outputs), ...read]);
  const given = new Set(model.inputs.map(({ name }) => name));
  const session = await requireFeatures(model)
    .observe([...made].filter((tensor) => !given.has(tensor)))
    .session();
  try {
    const found = { ...feeds, ...(await session.run(feeds)) };
    return new Map(Object.entries(found).map(([name, { shape }]) => [name, shape]));
  } finally {
    await session.release();
  }
}

function valuesIn(shape: readonly number[] | undefined): number {
  return shape === undefined ? 0 : shape.reduce((product, length) => product * length, 1);
}
