/**
 * Every operator of ONNX's own test models, of Debian's package libonnx-testdata, between two layers: where features may leave, the narrower
 * network computes what the whole one does with zeros; and nothing fails in any other way than by an InputError.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  findWidths,
  InputError,
  type Model,
  portableEngine,
  reduceNeurons,
  spherical,
  type Tensor,
} from '@spherize/core';
import {
  TensorProto_DataType as DataType,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
import { describe, expect, test } from 'vitest';
import { onnxModel } from '../src/node.js';
import { copyMessage } from '../src/proto/onnx-protos.js';
import { dimsOf, floatValues } from '../src/proto/tensor-values.js';
import { ModelBuilder, randomValues } from './build-model.js';
import { expectClose, run } from './running.js';

const DATA = '/usr/share/libonnx-testdata/data/node';
const INSTALLED = existsSync(DATA);

function dataSet(file: string, kind: 'input' | 'output'): TensorProto[] {
  const path = (i: number) => join(dirname(file), 'test_data_set_0', `${kind}_${i}.pb`);
  const tensors: TensorProto[] = [];
  for (let i = 0; existsSync(path(i)); i++)
    tensors.push(fromBinary(TensorProtoSchema, readFileSync(path(i))));
  return tensors;
}

/** Whether features lie on axis 1, as channels do, or on the last. */
type Side = 'channels' | 'last';

interface Sandwich {
  readonly model: Model;
  readonly input: Tensor;
}

/** A layer, the operator, and another layer; undefined where the operator takes or makes no such tensor. */
function sandwich(file: string, made: Side, read: Side): Sandwich | undefined {
  const own = fromBinary(ModelProtoSchema, readFileSync(file));
  const graph = own.graph!;
  const [given, results] = [dataSet(file, 'input'), dataSet(file, 'output')];
  const [first, result] = [given[0], results[0]];
  const [node] = graph.node;
  if (graph.node.length !== 1 || node === undefined || first === undefined || result === undefined)
    return undefined;
  const floats = first.dataType === DataType.FLOAT && result.dataType === DataType.FLOAT;
  const [shape, after] = [dimsOf(first), dimsOf(result)];
  const fits = (dims: readonly number[], side: Side) =>
    side === 'channels' ? dims.length >= 3 && dims.length <= 5 : dims.length >= 2;
  if (!floats || !fits(shape, made) || !fits(after, read) || given.length !== graph.input.length)
    return undefined;
  const tensors = graph.input.every(({ type }) => type?.value.case === 'tensorType');
  if (
    !tensors ||
    !node.output[0] ||
    [...shape, ...after].includes(0) ||
    node.input[0] !== graph.input[0]!.name
  )
    return undefined;
  const opset = Number(own.opsetImport.find(({ domain }) => domain === '')?.version ?? 13);
  const b = new ModelBuilder(Math.max(opset, 13), Number(own.irVersion));
  const x = b.input('given', shape);
  const layer = (
    from: string,
    name: string,
    dims: readonly number[],
    side: Side,
    outputs: number,
    to: string,
  ) => {
    const inputs = side === 'channels' ? dims[1]! : dims.at(-1)!;
    if (side === 'last') b.node('MatMul', [from, b.weight(`${name}.weight`, [inputs, outputs])], {}, [to]);
    else {
      const ones = dims.slice(2).map(() => 1);
      b.node('Conv', [from, b.weight(`${name}.weight`, [outputs, inputs, ...ones])], { kernel_shape: ones }, [
        to,
      ]);
    }
  };
  layer(x, 'made', shape, made, made === 'channels' ? shape[1]! : shape.at(-1)!, node.input[0]!);
  b.nodes.push(node);
  for (const [i, { name }] of graph.input.entries())
    if (i > 0) b.initializers.push(copyMessage(given[i]!, { name }));
  layer(node.output[0]!, 'read', after, read, 3, 'result');
  b.output('result');
  const model = fromBinary(ModelProtoSchema, b.build());
  const opsetImport = own.opsetImport;
  const size = shape.reduce((all, length) => all * length, 1);
  return {
    model: onnxModel(toBinary(ModelProtoSchema, copyMessage(model, { opsetImport }))),
    input: {
      shape,
      data: Float32Array.from(floatValues(first)).map((v, i) => v || randomValues(size, 3)[i]!),
    },
  };
}

/** Undefined where this runtime does not have the operator, or what comes out is not finite. */
async function outputOf(model: Model, input: Tensor): Promise<Tensor | undefined> {
  try {
    const { result } = await run(model, { given: input });
    return result?.data.every(Number.isFinite) ? result : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Whether features left, and the narrower network computes as the whole one does with zeros. */
async function narrows({ model, input }: Sandwich): Promise<boolean> {
  const offered = findWidths(model.graph).widths.filter(({ reason }) => reason === undefined);
  if (offered.length === 0 || (await outputOf(model, input)) === undefined) return false;
  const { model: narrower, masked } = await reduceNeurons(
    model,
    new Map(offered.map(({ name }) => [name, 0.6])),
    { engine: portableEngine, clusterer: spherical },
  );
  const expected = await outputOf(masked(), input);
  if (expected !== undefined) expectClose((await run(narrower, { given: input })).result, expected);
  return true;
}

describe.skipIf(!INSTALLED)('libonnx-testdata', () => {
  test('operators between two layers lose features as zeros do', async () => {
    const files = readdirSync(DATA).map((name) => join(DATA, name, 'model.onnx'));
    const failures: string[] = [];
    let narrowed = 0;
    for (const file of files.filter(existsSync).sort()) {
      for (const [made, read] of [
        ['channels', 'channels'],
        ['channels', 'last'],
        ['last', 'channels'],
        ['last', 'last'],
      ] as const) {
        try {
          const network = sandwich(file, made, read);
          if (network !== undefined && (await narrows(network))) narrowed++;
        } catch (error) {
          failures.push(`${file}, ${made} to ${read}: ${error}`);
        }
      }
    }
    expect(failures).toEqual([]);
    expect(narrowed).toBeGreaterThan(90);
  });
});
