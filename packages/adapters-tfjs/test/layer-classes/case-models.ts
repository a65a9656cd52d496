/** Models of the cases: built from layers as files list them, and run. */
import type { Model, Tensor } from '@spherize/core';
import { LAYER_CLASSES } from '../../src/layers-model/classes/class-table.js';
import { tfjsModel } from '../../src/node.js';
import { randomValues } from '../build-graph-model.js';
import { artifactsOf, randomWeights, tf, tfl } from '../build-layers-model.js';
import { type Case, casesOf, FEATURES, type LayerJson } from './class-cases.js';

/** Sums in another order, behind functions that make a small difference larger. */
const TOLERANCE = 1e-4;
export const SAMPLES = 2;

/** Activations of Keras that TensorFlow.js does not have, or does not find by the name in a file. */
export const UNREGISTERED: Readonly<Record<string, (x: tf.Tensor) => tf.Tensor>> = {
  silu: (x) => tf.mul(x, tf.sigmoid(x)),
  exponential: (x) => tf.exp(x),
  geluNew: (x) => tf.mul(x, tf.sigmoid(tf.mul(1.6, tf.add(x, tf.mul(0.045, tf.pow(x, 3)))))),
};
for (const [name, apply] of Object.entries(UNREGISTERED)) {
  const activation = class extends tf.serialization.Serializable {
    static className = name;
    apply = apply;
    override getConfig = () => ({});
  };
  tf.serialization.registerClass(activation);
}

/** Every case by the name of its class and what it tries. */
export const CASES: readonly (readonly [string, Case])[] = LAYER_CLASSES.flatMap((known) =>
  Object.entries(casesOf(known)).map(([what, own]) => [`${known.name} ${what}`, own] as const),
);

/** The layers as a functional model, each behind the one before it or those that it says it reads. */
function topology(layers: readonly LayerJson[]): object {
  const classes = new Map<string, string>();
  let last = '';
  const listed = layers.map(({ class_name, config, reads = [last] }, i) => {
    const name = typeof config.name === 'string' ? config.name : `tried${i}`;
    const input = class_name === 'InputLayer';
    // A model that is a layer counts its own making as its first call.
    const calls = reads.map((read) => [read, Number(MODELS.has(classes.get(read)!)), 0, {}]);
    classes.set(name, class_name);
    last = name;
    return { name, class_name, config: { ...config, name }, inbound_nodes: input ? [] : [calls] };
  });
  const [first] = listed;
  const config = {
    name: 'model',
    layers: listed,
    input_layers: [[first!.name, 0, 0]],
    output_layers: [[last, Number(MODELS.has(classes.get(last)!)), 0]],
  };
  return { class_name: 'Functional', config, keras_version: '2.15.0', backend: 'tensorflow' };
}
const MODELS = new Set(['Model', 'Functional', 'Sequential']);
export const input = (name: string, sizes: readonly number[], features: number): LayerJson => ({
  class_name: 'InputLayer',
  config: { name, batch_input_shape: [null, ...sizes, features], dtype: 'float32' },
});

/** A model with random weights, which may be changed, opened from the topology as it is here. */
export async function build(
  layers: readonly LayerJson[],
  change: (model: tfl.LayersModel) => void = () => {},
): Promise<Model> {
  const modelTopology = topology(layers);
  const built = (await tfl.models.modelFromJSON(
    structuredClone(modelTopology) as Parameters<typeof tfl.models.modelFromJSON>[0],
  )) as tfl.LayersModel;
  randomWeights(built);
  change(built);
  return tfjsModel({ ...(await artifactsOf(built)), modelTopology });
}

/** The layers of a case between two fully connected ones, `h` and `target`. */
export function between({ sizes, layers }: Case, outputs: number): LayerJson[] {
  return [
    input('x', sizes, 6),
    { class_name: 'Dense', config: { name: 'h', units: FEATURES } },
    ...layers,
    { class_name: 'Dense', config: { name: 'target', units: outputs } },
  ];
}

/** What the wasm backend computes otherwise every time. */
const ON_CPU = new Set(['Conv3DTranspose volumes']);

export async function run(model: Model, x: Tensor, what = ''): Promise<Tensor> {
  const session = await model.session();
  const backend = tf.getBackend();
  try {
    if (ON_CPU.has(what)) await tf.setBackend('cpu');
    const [result] = Object.values(await session.run({ [model.inputs[0]!.name]: x }));
    return result!;
  } finally {
    await session.release();
    await tf.setBackend(backend);
  }
}
export function tensor(shape: readonly number[], seed: number, factor = 1): Tensor {
  const values = randomValues(
    shape.reduce((product, size) => product * size, 1),
    seed,
  );
  return { shape, data: values.map((value) => factor * value) };
}
export function isClose(actual: Tensor, expected: Tensor): boolean {
  const largest = Math.max(1e-6, ...[...expected.data].map(Math.abs));
  return (
    actual.shape.join() === expected.shape.join() &&
    expected.data.every((value, i) => Math.abs(value - actual.data[i]!) <= TOLERANCE * largest)
  );
}
