/** How features move through operators that are a whole attention: values leave per head, queries and keys in pairs. */
import type { FeatureFlow } from '@spherize/core';
import type { NodeProto } from 'onnx-buf';
import {
  attribute,
  floatAttribute,
  intAttribute,
  intsAttribute,
  type Shape,
} from '../../proto/onnx-protos.js';
import { dimsOf } from '../../proto/tensor-values.js';
import { EACH, other, weighs } from './flow-products.js';
import type { FlowRule, FlowStep } from './flow-rules.js';

const ONE_SIZE = 'keeps keys and values of earlier positions, which have one size';

export const attendsCached: FlowRule = () => other(ONE_SIZE);

/** Heads of queries, and of keys and values. */
interface Heads {
  readonly queries: number;
  readonly values: number;
}

/** A tensor `[samples, positions, features]`. */
interface Part {
  readonly tensor: string;
  readonly shape: Shape;
}

/** onnxruntime's attention, which makes queries, keys and values of one product. */
export const attends: FlowRule = (node, context) => {
  const heads = intAttribute(node, 'num_heads', 0);
  const input = context.shapes.shape(node.input[0]!);
  const weights = context.index.constantSource(node.input[1] ?? '');
  if (input?.length !== 3 || weights === undefined || heads < 1) return undefined;
  if (node.input[4] || node.output[1]) return other(ONE_SIZE);
  if (intAttribute(node, 'do_rotary', 0) === 1) return other('turns pairs of features by their position');
  const all = dimsOf(weights.tensor).at(-1)!;
  const lengths = intsAttribute(node, 'qkv_hidden_sizes') ?? [all / 3, all / 3, all / 3];
  const made = `${node.output[0]}#made`;
  const flow = weighs(node, context, 'product', 'inputs first');
  if (flow.type !== 'weights') return flow;
  const parts = partsOf(node, input, lengths);
  return [
    { flow, inputs: [node.input[0]!], outputs: [made] },
    cutInto(made, parts, lengths),
    ...attention(node, parts, { queries: heads, values: heads }),
  ];
};

/** The same of queries, keys and values that others make. */
export const attendsApart: FlowRule = (node, context) => {
  const heads = intAttribute(node, 'num_heads', 0);
  const shapes = node.input.slice(0, 3).map((name) => context.shapes.shape(name));
  if (shapes.length < 3 || shapes.some((shape) => shape?.length !== 3) || heads < 1) return undefined;
  if (node.input[6] || node.output[1]) return other(ONE_SIZE);
  const given = shapes.map((shape, i): Part => ({ tensor: node.input[i]!, shape: shape! }));
  const both = { queries: heads, values: heads };
  const bias = node.input[3] ? context.index.constantSource(node.input[3]) : undefined;
  if (node.input[3] === '' || node.input[3] === undefined) return attention(node, given, both);
  const lengths = shapes.map((shape) => shape!.at(-1));
  if (bias === undefined || lengths.some((length) => length === undefined)) return undefined;
  const [all, shifted] = [`${node.output[0]}#all`, `${node.output[0]}#shifted`];
  const parts = partsOf(node, shapes[0]!, lengths as number[]).map((part, i) => ({
    ...part,
    shape: shapes[i]!,
  }));
  return [
    { flow: { type: 'concat', axis: -1 }, inputs: given.map(({ tensor }) => tensor), outputs: [all] },
    {
      flow: { type: 'elementwise', constants: [{ slot: 3, shape: dimsOf(bias.tensor) }] },
      outputs: [shifted],
    },
    cutInto(shifted, parts, lengths as number[]),
    ...attention(node, parts, both),
  ];
};

/** Attention of ONNX itself: heads on an axis of their own, or merged. */
export const attendsToHeads: FlowRule = (node, context) => {
  const shapes = node.input.slice(0, 3).map((name) => context.shapes.shape(name));
  if (node.input[4] || node.output.slice(1).some((name) => name !== '')) return other(ONE_SIZE);
  if (shapes.length < 3 || shapes.some((shape) => shape === undefined)) return undefined;
  const apart = shapes[0]!.length === 4;
  const number = (name: string, of: number) => (apart ? (shapes[of]![1] ?? 0) : intAttribute(node, name, 0));
  const heads = { queries: number('q_num_heads', 0), values: number('kv_num_heads', 2) };
  if (heads.queries < 1 || heads.values < 1) return undefined;
  const steps: FlowStep[] = [];
  const parts = shapes.map((shape, i): Part => {
    if (!apart) return { tensor: node.input[i]!, shape: shape! };
    const [samples, count, positions, size] = shape!;
    const [turned, merged] = [`${node.output[0]}#turned${i}`, `${node.output[0]}#merged${i}`];
    const flat = [samples, positions, count! * size!];
    steps.push(
      {
        flow: SWAPPED,
        inputs: [node.input[i]!],
        outputs: [turned],
        shapes: [[samples, positions, count, size]],
      },
      { flow: { type: 'reshape' }, outputs: [merged], shapes: [flat] },
    );
    return { tensor: merged, shape: flat };
  });
  return [...steps, ...attention(node, parts, heads, apart)];
};

const SWAPPED: FeatureFlow = { type: 'transpose', permutation: [0, 2, 1, 3] };

function partsOf(node: NodeProto, [samples, positions]: Shape, lengths: readonly number[]): Part[] {
  return lengths.map((length, i) => ({
    tensor: `${node.output[0]}#${['queries', 'keys', 'values'][i]}`,
    shape: [samples, positions, length],
  }));
}

function cutInto(tensor: string, parts: readonly Part[], lengths: readonly number[]): FlowStep {
  let start = 0;
  const cuts = lengths.map((length) => {
    start += length;
    return { start: start - length, length };
  });
  return {
    flow: { type: 'slice', axis: -1, parts: cuts },
    inputs: [tensor],
    outputs: parts.map((part) => part.tensor),
    shapes: parts.map((part) => part.shape),
  };
}

/** @param apart whether the heads of the result have an axis of their own */
function attention(
  node: NodeProto,
  [queries, keys, values]: readonly Part[],
  heads: Heads,
  apart = false,
): FlowStep[] {
  const output = node.output[0]!;
  const steps: FlowStep[] = [];
  const split = ({ tensor, shape }: Part, name: string, count: number): string => {
    const [samples, positions, features] = shape;
    const size = features === undefined ? undefined : features / count;
    const [own, one, all, made] = ['', '1', 'n', 'heads'].map((step) => `${output}#${name}${step}`) as [
      string,
      string,
      string,
      string,
    ];
    const repeats = heads.queries / count;
    const front = [samples, positions];
    const reshape = (outputs: string, shape: Shape, inputs?: string): void => {
      steps.push({
        flow: { type: 'reshape' },
        outputs: [outputs],
        shapes: [shape],
        ...(inputs !== undefined && { inputs: [inputs] }),
      });
    };
    reshape(own, [...front, count, size], tensor);
    if (repeats === 1) return own;
    reshape(one, [...front, count, 1, size]);
    steps.push({ flow: EACH, outputs: [all], shapes: [[...front, count, repeats, size]] });
    reshape(made, [...front, heads.queries, size]);
    return made;
  };
  const scale = attribute(node, 'scale') !== undefined && floatAttribute(node, 'scale', 0) !== 0;
  if (scale) {
    const [q, k] = [split(queries!, 'q', heads.queries), split(keys!, 'k', heads.values)];
    steps.push(
      { flow: SWAPPED, inputs: [q], outputs: [`${output}#left`] },
      {
        flow: { type: 'transpose', permutation: [0, 2, 3, 1] },
        inputs: [k],
        outputs: [`${output}#right`],
      },
      {
        flow: { type: 'contraction' },
        inputs: [`${output}#left`, `${output}#right`],
        outputs: [`${output}#scores`],
      },
    );
  } else {
    steps.push({
      flow: other('divides by the root of their number'),
      inputs: [queries!.tensor, keys!.tensor],
      outputs: [`${output}#scores`],
    });
  }
  const mixed = split(values!, 'v', heads.values);
  steps.push(
    apart
      ? { flow: SWAPPED, inputs: [mixed], outputs: [output] }
      : { flow: { type: 'reshape' }, inputs: [mixed], outputs: [output] },
  );
  return steps;
}
