/** What a model format that stores weights in several types has to do. */

import type { Model } from '../format/model-format.js';
import { type RoundedWeights, WEIGHT_TYPES } from '../format/weight-storage.js';
import { denseMatrix } from '../matrix/dense-matrix.js';
import { MOST_STEPS, roundRows, rowScales, rowValues } from '../storage/rounded-rows.js';
import { ensure, ensureEqual } from './contract-check.js';

/** What the checks need of the format. */
export interface StorageTools {
  /** Whether two models compute the same. */
  readonly same: (actual: Model, expected: Model, what: string) => Promise<void>;
  /** Writes a model and reads it again. */
  readonly readAgain: (model: Model) => Promise<Model>;
}

/** Models without a choice pass: their format stores weights in one way only. */
export const STORAGE_CHECKS: readonly (readonly [
  name: string,
  check: (model: Model, tools: StorageTools) => Promise<void>,
])[] = [
  [
    'stores weights in every type such that the model computes what they are read as',
    async (model, { same }) => {
      for (const type of WEIGHT_TYPES) {
        const stored = model.storage?.store(type);
        if (stored === undefined) return;
        const { report, floats } = stored;
        ensure(report.type === type, `expected ${type}, got ${report.type}`);
        ensure(report.form.length > 0, `${type}: no word for how it is stored`);
        ensure(report.error >= 0 && report.error < 1, `${type}: an error of ${report.error}`);
        ensureSameWeights(stored.model, floats, type);
        await same(stored.model, floats, `weights as ${type}`);
      }
    },
  ],
  [
    'reads stored weights as what they stand for, and stores them so again',
    async (model, { same, readAgain }) => {
      for (const type of WEIGHT_TYPES) {
        const stored = model.storage?.store(type);
        if (stored === undefined) return;
        const again = await readAgain(stored.model);
        ensureSameWeights(again, stored.floats, type);
        await same(again, stored.floats, `weights as ${type}, read again`);
        const twice = again.storage!.store(type);
        ensure(twice.report.error === 0, `${type}: stored weights change by ${twice.report.error}`);
        ensureSameWeights(twice.model, stored.floats, `${type}, stored twice`);
      }
    },
  ],
  [
    'takes whole numbers that are chosen already',
    async (model) => {
      const { storage, features, graph } = model;
      const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
      for (const name of storage?.rowLayers ?? []) {
        const { outputs } = layers.get(name)!;
        const { rows, cols, data } = features!.weights(name).weights;
        const form = { rows: outputs, inner: data.length / outputs };
        const scales = rowScales(data, form, MOST_STEPS.int8);
        // Others than the nearest, and no worse than a type may be.
        const steps = roundRows(data, form, scales, MOST_STEPS.int8).map((step, i) =>
          i % 3 === 0 ? step - Math.sign(step) : step,
        ) as Int8Array;
        const rounded = new Map<string, RoundedWeights>([[name, { steps, scales }]]);
        const { floats } = storage!.store('int8', rounded);
        const expected = rowValues(steps, form, scales);
        const found = floats.features!.weights(name).weights;
        ensureEqual(found.data, denseMatrix(rows, cols, expected).data, `${name}: chosen weights`);
      }
    },
  ],
];

function ensureSameWeights(actual: Model, expected: Model, what: string): void {
  for (const { name } of expected.layers)
    ensureEqual(actual.weights(name).data, expected.weights(name).data, `${what}: weights of ${name}`);
}
