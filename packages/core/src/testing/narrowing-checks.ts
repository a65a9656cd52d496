/** What a model format that describes features has to do when some leave. */
import { spherical } from '../clustering/spherical.js';
import type { Model, Tensor } from '../format/model-format.js';
import { otherWeights } from '../format/model-narrowing.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import { portableEngine } from '../matrix/portable-engine.js';
import { cutBefore, tensorsAcross } from '../neurons/layer-reads.js';
import { reduceNeurons } from '../neurons/reduce-neurons.js';
import { findWidths, type Width } from '../widths/find-widths.js';
import { requireFeatures } from '../widths/require-features.js';
import { ensure, ensureClose, ensureEqual, FLOAT32_SUMS } from './contract-check.js';

/** A check on one model, whether two models compute the same, and what a model gives, of the sample's inputs or of others. */
export type NarrowingCheck = readonly [
  name: string,
  check: (
    model: Model,
    same: (actual: Model, expected: Model, what: string) => Promise<void>,
    run: (model: Model, known?: Readonly<Record<string, Tensor>>) => Promise<Record<string, Tensor>>,
  ) => Promise<void>,
];

/** Models without features pass: their format makes no widths narrower. */
export const NARROWING_CHECKS: readonly NarrowingCheck[] = [
  [
    'describes layers of features, with weights of their shapes',
    async (model) => {
      if (model.features === undefined) return;
      const { graph } = model;
      for (const { name, outputs, inputs, span, groups, bias } of graph.layers) {
        const found = model.features.weights(name);
        const { rows, cols } = found.weights;
        ensureEqual([rows, cols], [outputs * span, inputs / groups], `${name}: shape of its weights`);
        ensureEqual([found.bias?.length ?? 0], [bias ? outputs : 0], `${name}: length of its bias`);
      }
      ensure(model.graph === graph, 'the graph is another one when it is asked for twice');
    },
  ],
  [
    'computes the same when no feature leaves',
    async (model, same) => {
      const { model: narrower } = await narrowed(model, 0);
      await same(narrower, model, 'nothing removed');
    },
  ],
  ...[0.3, 0.5].map(
    (share): NarrowingCheck => [
      `computes with ${share} of all features gone what the original does with zeros for them`,
      async (model, same) => {
        const { model: narrower, masked } = await narrowed(model, share);
        await same(narrower, masked(), `${share} of the features removed`);
        const fewer = offered(model).some(({ blocks }) => blocks[0]!.length > 1);
        ensure(!fewer || narrower.parameters < model.parameters, 'no parameters are gone');
      },
    ],
  ),
  [
    'makes every width narrower by itself',
    async (model, same) => {
      for (const { name } of offered(model)) {
        const { model: narrower, masked } = await narrowed(model, 0.5, [name]);
        await same(narrower, masked(), `width ${name}`);
      }
    },
  ],
  [
    'gives the tensors that are observed, as they are within the model',
    async (model, same) => {
      if (model.features === undefined) return;
      const names = model.graph.outputs;
      const seen = model.features.observe(names);
      const given = seen.outputs.map(({ name }) => name);
      ensure(String(given) === String(names), `expected the outputs ${names}, got ${given}`);
      await same(seen, model, 'observed outputs');
    },
  ],
  [
    'gives what layers make before anything else is done to it: twice as much by weights of twice the size',
    async (model, _, run) => {
      const { features, graph } = model;
      if (features === undefined) return;
      const shared = new Set(graph.layers.flatMap((layer) => (layer.shared ? [layer.name] : [])));
      for (const { flow, outputs } of graph.operations) {
        if (flow.type !== 'layer' || shared.has(flow.layer)) continue;
        const { weights, bias } = features.weights(flow.layer);
        const twice = (values: Float32Array): Float32Array => values.map((value) => 2 * value);
        const doubled = {
          weights: denseMatrix(weights.rows, weights.cols, twice(weights.data)),
          bias: bias && twice(bias),
        };
        const larger = requireFeatures(features.narrow(otherWeights(new Map([[flow.layer, doubled]]))));
        const made = outputs[0]!;
        const [before, after] = [await run(features.observe([made])), await run(larger.observe([made]))];
        const expected = before[made]!.data.map((value) => 2 * value);
        ensureClose(after[made]!.data, expected, FLOAT32_SUMS, `what ${flow.layer} makes`);
      }
    },
  ],
  [
    'holds means and variances of features that there are',
    async (model, _, run) => {
      const { features } = model;
      for (const { tensor, axis, mean, variance } of features?.statistics ?? []) {
        if (model.inputs.some(({ name }) => name === tensor)) continue;
        const { shape } = (await run(features!.observe([tensor])))[tensor]!;
        const width = shape[shape.length + axis] ?? 0;
        ensure(axis < 0 && width > 0, `${tensor}: no axis ${axis}, counted from the end, of [${shape}]`);
        ensureEqual([mean.length, variance.length], [width, width], `${tensor}: means and variances`);
      }
    },
  ],
  [
    'goes on from tensors that are given, wherever it can be cut',
    async (model, _, run) => {
      const { features, graph } = model;
      if (!features?.resumes) return;
      const asked = (from: number): string[] =>
        graph.operations
          .slice(from)
          .flatMap(({ flow, partOf, outputs }) =>
            partOf === undefined || flow.type === 'layer' ? outputs : [],
          );
      const inputs = new Set(model.inputs.map(({ name }) => name));
      const whole = await run(features.observe(asked(0)));
      for (const at of graph.operations.keys()) {
        if (at === 0 || cutBefore(graph, at) !== at) continue;
        const across = tensorsAcross(graph, at);
        const crossing = across.filter((name) => !inputs.has(name));
        const wanted = [...asked(at), ...crossing];
        const head = await run(features.observe(crossing));
        const part = features.observe(wanted, across);
        for (const { name } of part.inputs)
          ensure(across.includes(name) || inputs.has(name), `${name} is asked for, which nothing makes`);
        const found = await run(part, head);
        for (const name of wanted) {
          const what = `${name}, from before ${graph.operations[at]!.name}`;
          ensureClose(found[name]?.data ?? [], whole[name]?.data ?? [], FLOAT32_SUMS, what);
        }
      }
    },
  ],
  [
    'goes on from what layers make within operations, where it says so',
    async (model, _, run) => {
      const { features, graph } = model;
      for (const { outputs: given, partOf } of graph.operations) {
        const [tensor] = given;
        if (partOf === undefined || !features?.resumesWithin?.(tensor!)) continue;
        const behind = graph.operations.find(({ inputs }) => inputs.includes(tensor!))!.outputs[0]!;
        const whole = await run(features.observe([tensor!, behind]));
        const found = await run(features.observe([behind], [tensor!]), whole);
        ensureClose(found[behind]!.data, whole[behind]!.data, FLOAT32_SUMS, `${behind}, from ${tensor} on`);
      }
    },
  ],
];

function offered({ features, graph }: Model): readonly Width[] {
  return features === undefined ? [] : findWidths(graph).widths.filter(({ reason }) => reason === undefined);
}

async function narrowed(
  model: Model,
  share: number,
  names: readonly string[] = offered(model).map(({ name }) => name),
): Promise<{ model: Model; masked: () => Model }> {
  if (names.length === 0) return { model, masked: () => model };
  const ratios = new Map(names.map((name) => [name, share]));
  return reduceNeurons(model, ratios, { engine: portableEngine, clusterer: spherical });
}
