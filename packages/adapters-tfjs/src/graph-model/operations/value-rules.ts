/** Values of small tensors that graphs compute from shapes: lengths, targets of Reshape, numbers of repetitions. */
import { isObject } from '../../artifacts/json.js';
import { elementType, integer } from '../nodes/node-def.js';
import { fromFront, fullShape, range, type ValueRule } from './known-tensor.js';
import { splitLengths } from './shape-rules.js';
import { stridedCuts } from './strided-slice.js';

export const handsOn: ValueRule = ({ input }, known) => [known.values(input[0])];

export const shapeItself: ValueRule = ({ input }, known) => [fullShape(known.shape(input[0]))];

export const sizeItself: ValueRule = ({ input }, known) => {
  const shape = fullShape(known.shape(input[0]));
  return [shape && [shape.reduce((product, size) => product * size, 1)]];
};

export const rankItself: ValueRule = ({ input }, known) => {
  const rank = known.shape(input[0])?.length;
  return [rank === undefined ? undefined : [rank]];
};

export function computes(value: (own: number) => number): ValueRule {
  return ({ input }, known) => [known.values(input[0])?.map(value)];
}

/** Whole numbers lose what is behind the point. */
export const casts: ValueRule = (node, known) => {
  const whole = !['float32', 'other'].includes(
    elementType(isObject(node.attr.DstT) ? node.attr.DstT.type : undefined),
  );
  return [known.values(node.input[0])?.map((value) => (whole ? Math.trunc(value) : value))];
};

/** Two operands of which one may be a single value. */
export function combines(value: (left: number, right: number) => number): ValueRule {
  return ({ input }, known) => {
    const [left, right] = [known.values(input[0]), known.values(input[1])];
    if (left === undefined || right === undefined) return [];
    if (left.length !== right.length && left.length !== 1 && right.length !== 1) return [];
    return [
      range(0, Math.max(left.length, right.length)).map((i) =>
        value(left[left.length === 1 ? 0 : i]!, right[right.length === 1 ? 0 : i]!),
      ),
    ];
  };
}

/** Of a list, all of it. */
export function reducesTo(value: (left: number, right: number) => number): ValueRule {
  return ({ input }, known) => {
    const values = known.values(input[0]);
    const rank = known.shape(input[0])?.length;
    if (values === undefined || rank !== 1 || known.values(input[1]) === undefined || values.length === 0)
      return [];
    return [[values.reduce(value)]];
  };
}

export const joins: ValueRule = ({ input }, known) => {
  const data = input.filter((name) => !name.startsWith('^')).slice(0, -1);
  const parts = data.map((name) => ((known.shape(name)?.length ?? 2) === 1 ? known.values(name) : undefined));
  return parts.includes(undefined) ? [] : [parts.flatMap((part) => part!)];
};

export const stacks: ValueRule = ({ input }, known) => {
  const data = input.filter((name) => !name.startsWith('^'));
  const parts = data.map((name) => (known.shape(name)?.length === 0 ? known.values(name) : undefined));
  return parts.includes(undefined) ? [] : [parts.flatMap((part) => part!)];
};

/** Of lists alone. */
export const cutsInSteps: ValueRule = (node, known) => {
  const values = known.values(node.input[0]);
  const cuts = known.shape(node.input[0])?.length === 1 ? stridedCuts(node, known)?.cuts : undefined;
  if (values === undefined || cuts === undefined) return [];
  const [cut] = cuts;
  return [cut ? range(0, cut.length).map((i) => values[cut.start + i * cut.step]!) : values];
};

export const cuts: ValueRule = ({ input }, known) => {
  const [values, begin, size] = [0, 1, 2].map((slot) => known.values(input[slot]));
  if (values === undefined || begin?.length !== 1 || size?.length !== 1) return [];
  return [values.slice(begin[0], size[0] === -1 ? undefined : begin[0]! + size[0]!)];
};

export const picks: ValueRule = ({ input }, known) => {
  const [values, places] = [known.values(input[0]), known.values(input[1])];
  if (values === undefined || places === undefined || known.shape(input[0])?.length !== 1) return [];
  return [fromFront(places, values.length).map((place) => values[place]!)];
};

export const takesApart: ValueRule = ({ input }, known) =>
  known.shape(input[0])?.length === 1 ? (known.values(input[0])?.map((value) => [value]) ?? []) : [];

export const splits: ValueRule = (node, known) => {
  const values = known.values(node.input[1]);
  const parts = integer(node, 'num_split') ?? 1;
  if (values === undefined || known.shape(node.input[1])?.length !== 1) return [];
  const length = values.length / parts;
  return range(0, parts).map((part) => values.slice(part * length, (part + 1) * length));
};

export const splitsAt: ValueRule = (node, known) => {
  const [values, lengths] = [known.values(node.input[0]), known.values(node.input[1])];
  if (values === undefined || lengths === undefined || known.shape(node.input[0])?.length !== 1) return [];
  const parts: (readonly number[])[] = [];
  let start = 0;
  for (const length of splitLengths(lengths, values.length)) {
    parts.push(values.slice(start, start + length!));
    start += length!;
  }
  return parts;
};

export const fills: ValueRule = ({ input }, known) => {
  const [sizes, value] = [known.values(input[0]), known.values(input[1])];
  const total = sizes?.reduce((product, size) => product * size, 1);
  if (total === undefined || total > MOST_VALUES || value === undefined) return [];
  return [Array<number>(total).fill(value[0]!)];
};

export const counts: ValueRule = ({ input }, known) => {
  const [start, limit, delta] = input.map((name) => known.values(name)?.[0]);
  if (start === undefined || limit === undefined || delta === undefined) return [];
  const length = Math.ceil((limit - start) / delta);
  return length > MOST_VALUES ? [] : [range(0, length).map((i) => start + i * delta)];
};

/** Tensors with more values are data, not shapes. */
export const MOST_VALUES = 256;
