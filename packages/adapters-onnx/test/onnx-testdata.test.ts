/**
 * ONNX's own test models, of Debian's package libonnx-testdata: whatever holds a fully connected layer computes the same after
 * a rewrite that merges nothing, or is reported with its reason; and nothing fails in any other way than by an InputError.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  compressModel,
  InputError,
  type Model,
  portableEngine,
  spherical,
  type Tensor,
} from '@spherize/core';
import { ModelProtoSchema, type TensorProto, TensorProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { TensorShapes } from '../src/graph/tensor-shapes.js';
import { onnxModel } from '../src/node.js';
import { copyMessage, makeValueInfo } from '../src/proto/onnx-protos.js';
import {
  dimsOf,
  floatValues,
  integerValues,
  isFloatType,
  isIntegerType,
} from '../src/proto/tensor-values.js';
import { GraphIndex } from '../src/tensors/graph-index.js';
import { expectClose, run } from './running.js';

const DATA = '/usr/share/libonnx-testdata/data';
const INSTALLED = existsSync(DATA);
/** Rewriting divides and multiplies by alpha, and other kernels sum in another order. */
const REWRITTEN = 1e-5;

function modelFiles(): string[] {
  return readdirSync(DATA, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => join(DATA, name))
    .sort();
}

/** The tensors of a file's first data set, by position. */
function dataSet(file: string, kind: 'input' | 'output'): TensorProto[] {
  const folder = join(dirname(file), 'test_data_set_0');
  const path = (i: number) => join(folder, `${kind}_${i}.pb`);
  const tensors: TensorProto[] = [];
  for (let i = 0; existsSync(path(i)); i++)
    tensors.push(fromBinary(TensorProtoSchema, readFileSync(path(i))));
  return tensors;
}

function asTensor(tensor: TensorProto): Tensor {
  const data = isFloatType(tensor.dataType) ? floatValues(tensor) : Float32Array.from(integerValues(tensor));
  return { shape: dimsOf(tensor), data };
}

/** A model whose inputs after the first are constants, with the values of its data set. */
function withConstantOperands(file: string): Uint8Array {
  const model = fromBinary(ModelProtoSchema, readFileSync(file));
  const graph = model.graph!;
  const [first, ...others] = graph.input;
  const values = dataSet(file, 'input');
  const initializer = others.map(({ name }, i) => copyMessage(values[i + 1]!, { name }));
  return toBinary(
    ModelProtoSchema,
    copyMessage(model, { graph: copyMessage(graph, { input: [first!], initializer }) }),
  );
}

/** Reads a model; undefined when it is refused as bad input. */
function read(bytes: Uint8Array): Model | undefined {
  try {
    return onnxModel(bytes);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

async function expectSameOutputs(model: Model, file: string): Promise<void> {
  const { model: rewritten, layers } = await compressModel(model, {
    clusterer: spherical,
    engine: portableEngine,
    ratio: 0,
  });
  expect(layers.map(({ name }) => name)).toEqual(model.layers.map(({ name }) => name));
  const values = dataSet(file, 'input');
  const inputs = Object.fromEntries(model.inputs.map(({ name }, i) => [name, asTensor(values[i]!)]));
  const before = await run(model, inputs);
  const after = await run(rewritten, inputs);
  for (const { name } of model.outputs) expectClose(after[name], before[name], REWRITTEN);
  const [expected] = dataSet(file, 'output');
  // What ONNX itself expects of the model, so that the comparison is not one of two wrong runs.
  if (expected !== undefined) expectClose(after[model.outputs[0]!.name], asTensor(expected), 1e-3);
}

/** Whether all that is known of some numbers is so. */
function agrees(found: readonly unknown[], right: readonly number[]): boolean {
  return (
    found.length === right.length &&
    found.every((value, i) => typeof value !== 'number' || value === right[i])
  );
}

/** What is found out about a model whose outputs are not declared and whose small integers are constants. */
function shapesOf(file: string, inputs: readonly TensorProto[], free: boolean): TensorShapes {
  const model = fromBinary(ModelProtoSchema, readFileSync(file));
  const graph = model.graph!;
  const isConstant = (tensor: TensorProto | undefined) =>
    tensor !== undefined && isIntegerType(tensor.dataType) && dimsOf(tensor).length < 2;
  const input = graph.input.flatMap((info, i) => {
    const tensor = inputs[i];
    if (tensor === undefined || isConstant(tensor)) return tensor === undefined ? [info] : [];
    const dims = dimsOf(tensor).map((dim, axis) => (free && axis === 0 ? undefined : dim));
    return [makeValueInfo(info.name, tensor.dataType, dims)];
  });
  const initializer = graph.input.flatMap(({ name }, i) =>
    isConstant(inputs[i]) ? [copyMessage(inputs[i]!, { name })] : [],
  );
  const output = graph.output.map(({ name }) => create(ValueInfoProtoSchema, { name }));
  const bare = copyMessage(graph, {
    input,
    output,
    valueInfo: [],
    initializer: [...graph.initializer, ...initializer],
  });
  return new TensorShapes(new GraphIndex(copyMessage(model, { graph: bare })));
}

describe.skipIf(!INSTALLED)('libonnx-testdata', () => {
  const files = INSTALLED ? modelFiles() : [];
  const models = files.map((file) => ({ file, model: read(readFileSync(file)) }));
  const withLayers = models.filter(({ model }) => model !== undefined && model.layers.length > 0);

  test('is read, or refused as bad input; and every product with a constant is a layer or has a reason', () => {
    expect(models.length).toBeGreaterThan(1000);
    expect(models.filter(({ model }) => model === undefined).map(({ file }) => file)).toEqual([]);
    for (const { model } of models) {
      for (const { name, reason } of model!.skipped) {
        expect(name).not.toBe('');
        expect(reason).not.toBe('');
      }
    }
    expect(
      models.filter(({ model }) => model!.skipped.length > 0).length + withLayers.length,
    ).toBeGreaterThan(0);
  });

  test
    .skipIf(withLayers.length === 0)
    .each(withLayers.map(({ file, model }) => [file.slice(DATA.length + 1), model!, file] as const))(
    '%s computes the same',
    async (_, model, file) => expectSameOutputs(model, file),
  );

  test.each([
    ['of its own size', false, 850],
    ['of any size', true, 100],
  ])('shapes and integers are found as its data have them, with a first axis %s', (_, free, least) => {
    const wrong: unknown[] = [];
    let known = 0;
    for (const file of files) {
      const [inputs, expected] = [dataSet(file, 'input'), dataSet(file, 'output')];
      const { output } = fromBinary(ModelProtoSchema, readFileSync(file)).graph!;
      if (inputs.length === 0 || expected.length !== output.length) continue;
      const shapes = shapesOf(file, inputs, free);
      for (const [i, { name, type }] of output.entries()) {
        // Sequences and optional values are no tensors.
        if (type?.value.case !== 'tensorType') continue;
        const [found, dims] = [shapes.shape(name), dimsOf(expected[i]!)];
        if (found?.every((size) => size !== undefined)) known++;
        if (found && !agrees(found, dims)) wrong.push([file, name, found, dims]);
        const integers = shapes.integers(name)?.values;
        if (integers === undefined) continue;
        const right = isIntegerType(expected[i]!.dataType) ? integerValues(expected[i]!) : [];
        if (!agrees(integers, right)) wrong.push([file, name, integers, right]);
      }
    }
    expect(wrong).toEqual([]);
    expect(known).toBeGreaterThan(least);
  });

  // Nearly all of these models take their weights as inputs: as constants they make layers.
  const products = files.filter((file) => {
    const { node, initializer } = fromBinary(ModelProtoSchema, readFileSync(file)).graph!;
    return initializer.length === 0 && node.some(({ opType }) => opType === 'Gemm' || opType === 'MatMul');
  });
  const forms = products.map((file) => ({ file, model: onnxModel(withConstantOperands(file)) }));

  test('has products with inputs, most of them layers once their weights are constants', () => {
    expect(forms.filter(({ model }) => model.layers.length > 0).length).toBeGreaterThan(10);
  });

  test.each(forms.map(({ file, model }) => [file.slice(DATA.length + 1), model, file] as const))(
    '%s with constant weights computes the same, or has a reason',
    async (_, model, file) => {
      if (model.layers.length > 0) await expectSameOutputs(model, file);
      else expect(model.skipped).not.toEqual([]);
      for (const { reason } of model.skipped) expect(reason).toMatch(/^(its|operator set|an operand of) /);
    },
  );
});
