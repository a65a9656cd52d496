/** Shapes of what layers make, as TensorFlow.js computes them. */
import { count, isObject, type Json, type JsonObject } from '../../artifacts/json.js';
import type { Shape, ShapeRule } from './layer-class.js';

type Size = number | undefined;

export function channelsLast(config: JsonObject): boolean {
  return config.data_format !== 'channels_first';
}

export function times(a: Size, b: Size): Size {
  return a === undefined || b === undefined ? undefined : a * b;
}

export function product(sizes: readonly Size[]): Size {
  return sizes.reduce((result, size) => times(result, size), 1);
}

/** One number for all axes, or one each. */
function sizesOf(value: Json | undefined, axes: number, missing: Size): Size[] {
  if (Array.isArray(value)) return Array.from({ length: axes }, (_, i) => count(value[i]));
  return Array<Size>(axes).fill(value === undefined || value === null ? missing : count(value));
}

/** Changes the axes of positions, and the number of channels. */
function alongPositions(
  input: Shape,
  last: boolean,
  axes: number,
  along: (size: Size, axis: number) => Size,
  channels: (before: Size) => Size = (before) => before,
): Shape | undefined {
  if (input.length !== axes + 2) return undefined;
  const first = last ? 1 : 2;
  const positions = input.slice(first, first + axes).map(along);
  const depth = channels(last ? input.at(-1) : input[1]);
  return last ? [input[0], ...positions, depth] : [input[0], depth, ...positions];
}

function slid(size: Size, window: Size, stride: Size, dilation: Size, padding: Json | undefined): Size {
  if (size === undefined || window === undefined || stride === undefined) return undefined;
  const reach = padding === 'same' || padding === 'causal' ? 0 : (window - 1) * (dilation ?? 1);
  return Math.ceil((size - reach) / stride);
}

export const same: ShapeRule = (_, [input]) => input;

export const declared: ShapeRule = ({ batch_input_shape: shape }) =>
  Array.isArray(shape) ? shape.map((size) => count(size)) : undefined;

/** The last axis holds as many as the named entry says. */
export function makes(entry: string): ShapeRule {
  return (config, [input]) => input && [...input.slice(0, -1), count(config[entry])];
}

export function convolved(axes: number): ShapeRule {
  return (config, [input]) =>
    input && windowed(config, input, axes, config.dilation_rate, () => count(config.filters));
}

/** TensorFlow.js leaves out the dilation. */
export const convolvedEach: ShapeRule = (config, [input]) =>
  input &&
  windowed(config, input, 2, undefined, (channels) => times(channels, count(config.depth_multiplier ?? 1)));

function windowed(
  config: JsonObject,
  input: Shape,
  axes: number,
  dilation: Json | undefined,
  channels: (before: Size) => Size,
): Shape | undefined {
  const windows = sizesOf(config.kernel_size, axes, undefined);
  const strides = sizesOf(config.strides, axes, 1);
  const dilations = sizesOf(dilation, axes, 1);
  const along = (size: Size, i: number) => slid(size, windows[i], strides[i], dilations[i], config.padding);
  return alongPositions(input, channelsLast(config), axes, along, channels);
}

export function convolvedBack(axes: number): ShapeRule {
  return (config, [input]) => {
    const windows = sizesOf(config.kernel_size, axes, undefined);
    const strides = sizesOf(config.strides, axes, 1);
    const along = (size: Size, i: number): Size => {
      const [window, stride] = [windows[i], strides[i]];
      if (size === undefined || window === undefined || stride === undefined) return undefined;
      return size * stride + (config.padding === 'same' ? 0 : Math.max(window - stride, 0));
    };
    return input && alongPositions(input, channelsLast(config), axes, along, () => count(config.filters));
  };
}

/** Pooling along one axis is always channels-last. */
export function pooled(axes: number): ShapeRule {
  return (config, [input]) => {
    const windows = sizesOf(config.pool_size, axes, 2);
    const strides = config.strides == null ? windows : sizesOf(config.strides, axes, 1);
    const along = (size: Size, i: number) => slid(size, windows[i], strides[i], 1, config.padding);
    return input && alongPositions(input, axes === 1 || channelsLast(config), axes, along);
  };
}

export function pooledWhole(axes: number): ShapeRule {
  return (config, [input]) => {
    if (input?.length !== axes + 2) return undefined;
    return [input[0], axes === 1 || channelsLast(config) ? input.at(-1) : input[1]];
  };
}

/** @param sign 1 where the entry says what is added, −1 where it is cut off */
export function bordered(entry: string, sign: 1 | -1): ShapeRule {
  return (config, [input]) => {
    const value = config[entry] ?? (sign === 1 ? 1 : 0);
    const pairs = Array.isArray(value) ? value : [value, value];
    const along = (size: Size, i: number): Size => {
      const pair = pairs[i];
      const both = Array.isArray(pair)
        ? (count(pair[0]) ?? 0) + (count(pair[1]) ?? 0)
        : 2 * (count(pair) ?? 0);
      return size === undefined ? undefined : size + sign * both;
    };
    return input && alongPositions(input, channelsLast(config), 2, along);
  };
}

export const enlarged: ShapeRule = (config, [input]) => {
  const factors = sizesOf(config.size, 2, 2);
  return input && alongPositions(input, channelsLast(config), 2, (size, i) => times(size, factors[i]));
};

/** Images of a height and a width that the configuration says. */
export const resized: ShapeRule = ({ height, width }, [input]) =>
  input && alongPositions(input, true, 2, (_, i) => count(i === 0 ? height : width));

export const flattened: ShapeRule = (_, [input]) => input && [input[0], product(input.slice(1))];

export const reshaped: ShapeRule = ({ target_shape: target }, [input]) => {
  if (input === undefined || !Array.isArray(target)) return undefined;
  const sizes = target.map((size) => count(size));
  const free = sizes.filter((size) => size === undefined).length;
  const total = product(input.slice(1));
  const known = sizes.reduce<number>((result, size) => result * (size ?? 1), 1);
  const filled = free === 1 && total !== undefined && known > 0 ? total / known : undefined;
  return [input[0], ...sizes.map((size) => size ?? filled)];
};

export const repeated: ShapeRule = ({ n }, [input]) => input && [input[0], count(n), ...input.slice(1)];

export const permuted: ShapeRule = ({ dims }, [input]) =>
  input && [input[0], ...(Array.isArray(dims) ? dims : []).map((axis) => input[Number(axis)])];

export const looked: ShapeRule = ({ output_dim }, [input]) => input && [...input, count(output_dim)];

export const encoded: ShapeRule = ({ num_tokens, output_mode: mode }, [input]) => {
  if (input === undefined) return undefined;
  const places = mode === 'one_hot' || mode === 'oneHot';
  return [...(places && input.at(-1) !== 1 ? input : input.slice(0, -1)), count(num_tokens)];
};

/** Values one by one; an axis of size 1 goes with all of another input, as one that is missing behind the batch does. */
export const merged: ShapeRule = (_, inputs) =>
  inputs.reduce((left, right) => {
    const axes = Math.max(left.length, right.length);
    const sizeOf = (shape: Shape, axis: number): Size => {
      const own = axis - (axes - shape.length);
      return axis === 0 ? shape[0] : own > 0 ? shape[own] : 1;
    };
    return Array.from({ length: axes }, (_, axis) => {
      const [a, b] = [sizeOf(left, axis), sizeOf(right, axis)];
      return a === 1 && axis > 0 ? b : b === 1 && axis > 0 ? a : (a ?? b);
    });
  });

export const concatenated: ShapeRule = ({ axis }, inputs) => {
  const [first] = inputs;
  if (first === undefined || inputs.some(({ length }) => length !== first.length)) return undefined;
  const place = ((typeof axis === 'number' ? axis : -1) + first.length) % first.length;
  return first.map((size, i) => {
    if (i !== place) return size;
    const widths = inputs.map((shape) => shape[place]);
    return widths.reduce((sum, width) =>
      sum === undefined || width === undefined ? undefined : sum + width,
    );
  });
};

/** What is left of two inputs without the axes that are summed over. */
export const dotted: ShapeRule = ({ axes }, [left, right]) => {
  if (left === undefined || right === undefined) return undefined;
  const [a, b] = Array.isArray(axes) ? axes : [axes, axes];
  const without = (shape: Shape, axis: Json | undefined) => {
    const place = (Number(axis) + shape.length) % shape.length;
    return shape.filter((_, i) => i !== place);
  };
  const rest = [...without(left, a), ...without(right, b).slice(1)];
  return rest.length === 1 ? [...rest, 1] : rest;
};

export const recurrent: ShapeRule = (config, [input]) => {
  if (input === undefined) return undefined;
  const units = config.cell === undefined ? count(config.units) : unitsOfCell(config.cell);
  return config.return_sequences === true ? [input[0], input[1], units] : [input[0], units];
};

/** The outputs of a recurrent cell; those of the last one of a stack. */
function unitsOfCell(cell: Json): Size {
  const config = isObject(cell) && isObject(cell.config) ? cell.config : {};
  const last = Array.isArray(config.cells) ? config.cells.at(-1) : undefined;
  return last === undefined ? count(config.units) : unitsOfCell(last);
}

export const recurrentImages: ShapeRule = (config, [input], held) => {
  if (input === undefined) return undefined;
  const image = convolved(2)(config, [[input[0], ...input.slice(2)]], held);
  return image && (config.return_sequences === true ? [input[0], input[1], ...image.slice(1)] : image);
};

export const stepwise: ShapeRule = ({ layer }, [input], held) => {
  if (input === undefined || !isObject(layer)) return undefined;
  const step = held(layer, [[input[0], ...input.slice(2)]]);
  return step && [input[0], input[1], ...step.slice(1)];
};

/** Without a merge mode there are two outputs, each of one way. */
export const bothWays: ShapeRule = ({ layer, merge_mode: mode = 'concat' }, inputs, held) => {
  const way = isObject(layer) ? held(layer, inputs) : undefined;
  return way && [...way.slice(0, -1), mode === 'concat' ? times(way.at(-1), 2) : way.at(-1)];
};
