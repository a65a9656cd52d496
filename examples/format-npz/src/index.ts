/**
 * NumPy weight archives as a model format: a `.npz` with `NAME.weight` [outputs, inputs] and, if there is one, `NAME.bias` for each
 * layer, in the order of the network, with a Relu between two layers. What a rewritten layer does to its input is kept in
 * `NAME.gather`, `NAME.multiply` and `NAME.groups` [groups, 2], and the width of a sample in `width`.
 */
import { readFile } from 'node:fs/promises';
import {
  denseMatrix,
  InputError,
  type ModelFormat,
  reluActivation,
  type SequentialLayer,
  SequentialModel,
} from '@spherize/core';
import { replaceFile } from '@spherize/files';
import { unzipSync, zipSync } from 'fflate';
import { dump, parse } from 'npyjs';

const npzFormat: ModelFormat = {
  name: 'npz',
  matches: (source) => source.endsWith('.npz'),
  async read(source) {
    const file = await readFile(source).catch((cause) => {
      throw new InputError('NOT_FOUND', `${source}: cannot be read`, { cause });
    });
    try {
      return { model: readModel(file), bytes: file.length };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new InputError('BAD_FILE', `${source}: no archive of fully connected layers: ${why}`, { cause });
    }
  },
};
export default npzFormat;

function readModel(file: Uint8Array): SequentialModel {
  const files = unzipSync(file);
  const array = (name: string, type: string, axes: number) => {
    const bytes = files[`${name}.npy`];
    if (!bytes) return undefined;
    const { data, shape, dtype, fortranOrder } = parse(bytes.slice().buffer);
    const fits = dtype === type && shape.length === axes && (axes < 2 || !fortranOrder);
    if (!fits) throw new Error(`${name} must be ${type} with ${axes} axes in C order`);
    return { shape, data };
  };
  const floats = (name: string) => (array(name, 'f4', 1)?.data as Float32Array | undefined) ?? null;
  const names = Object.keys(files).flatMap((name) => /^(.+)\.weight\.npy$/.exec(name)?.[1] ?? []);
  if (names.length === 0) throw new Error('it holds no NAME.weight');
  const layers = names.map((name): SequentialLayer => {
    const { shape, data } = array(`${name}.weight`, 'f4', 2)!;
    const flat = array(`${name}.groups`, 'i4', 2)?.data as Int32Array | undefined;
    const groups = Array.from({ length: (flat?.length ?? 0) / 2 }, (_, i) => ({
      size: flat![2 * i]!,
      count: flat![2 * i + 1]!,
    }));
    const gather = (array(`${name}.gather`, 'i4', 1)?.data as Int32Array | undefined) ?? null;
    return {
      type: 'fully-connected',
      name,
      weights: denseMatrix(shape[0]!, shape[1]!, data as Float32Array),
      bias: floats(`${name}.bias`),
      input: flat ? { gather, multiply: floats(`${name}.multiply`), groups } : null,
    };
  });
  layers.forEach(({ name, weights, input, bias }, i) => {
    const columns = input ? weights.cols : (layers[i - 1]?.weights.rows ?? weights.cols);
    if (weights.cols !== columns)
      throw new Error(`${name}.weight needs ${columns} columns, has ${weights.cols}`);
    if (bias && bias.length !== weights.rows) throw new Error(`${name}.bias needs ${weights.rows} values`);
  });
  const operations = layers.flatMap((layer, i) =>
    i === 0 ? [layer] : [reluActivation(`${layer.name}.relu`), layer],
  );
  const width = (array('width', 'i4', 1)?.data as Int32Array | undefined)?.[0];
  return new SequentialModel(operations, width ?? layers[0]!.weights.cols, writeModel);
}

async function writeModel({ operations, inputs }: SequentialModel, target: string): Promise<number> {
  const files: Record<string, Uint8Array> = {};
  const width = Int32Array.of(inputs[0]!.shape[1]!);
  files['width.npy'] = new Uint8Array(dump(width, [1]));
  for (const operation of operations) {
    if (operation.type === 'activation') continue;
    const { name, weights, bias, input } = operation;
    const put = (what: string, data: Float32Array | Int32Array | null | undefined, shape?: number[]) => {
      if (data) files[`${name}.${what}.npy`] = new Uint8Array(dump(data, shape ?? [data.length]));
    };
    put('weight', weights.data, [weights.rows, weights.cols]);
    put('bias', bias);
    put('gather', input?.gather);
    put('multiply', input?.multiply);
    const groups = input?.groups.flatMap(({ size, count }) => [size, count]);
    put('groups', groups && Int32Array.from(groups), [groups ? groups.length / 2 : 0, 2]);
  }
  // Without times: the same model gives the same bytes.
  const archive = zipSync(files, { level: 0, mtime: '1980-01-01' });
  return replaceFile(target, archive);
}
