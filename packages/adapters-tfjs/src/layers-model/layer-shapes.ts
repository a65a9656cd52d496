/** Shapes of the tensors of a LayersModel, batch first; undefined where the model leaves a size or the rank open. */
import { count, isObject, type Json, type JsonObject } from '../artifacts/json.js';
import { INPUT_LAYER, type LayerDef, type LayerGraph, parseLayerGraph, tensorName } from './layer-graph.js';

export type Shape = readonly (number | undefined)[];

/** Shapes by tensor name. A tensor that is missing has an unknown rank. */
export function inferShapes(graph: LayerGraph): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  // Layers may be listed in any order: go round until nothing new comes out.
  const settle = (find: (layer: LayerDef, inputs: readonly (Shape | undefined)[]) => Shape | undefined) => {
    for (let before = -1; before !== shapes.size; ) {
      before = shapes.size;
      for (const layer of graph.layers) {
        layer.calls.forEach(({ inputs }, call) => {
          const name = tensorName({ layer: layer.name, call, tensor: 0 });
          if (shapes.has(name)) return;
          const shape = find(
            layer,
            inputs.map((input) => shapes.get(tensorName(input))),
          );
          if (shape) shapes.set(name, shape);
        });
      }
    }
  };
  const exact = (layer: LayerDef, inputs: readonly (Shape | undefined)[]) =>
    inputs.includes(undefined) ? undefined : outputShape(layer, inputs as Shape[]);
  settle(exact);
  // Behind what is unknown, these layers still say how many axes there are.
  settle((layer, inputs) =>
    layer.className === 'Flatten' || /^Global.*Pooling/.test(layer.className)
      ? [undefined, undefined]
      : exact(layer, inputs),
  );
  return shapes;
}

/** Classes whose output has the shape of their input. */
const KEEPS_SHAPE = new Set(
  (
    'Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax Dropout SpatialDropout1D GaussianNoise ' +
    'GaussianDropout AlphaDropout BatchNormalization LayerNormalization Masking Rescaling ' +
    'Add Multiply Average Maximum Minimum'
  ).split(' '),
);

function outputShape({ className, config }: LayerDef, inputs: readonly Shape[]): Shape | undefined {
  if (className === INPUT_LAYER) return declared(config.batch_input_shape);
  const [input] = inputs;
  if (input === undefined) return undefined;
  if (KEEPS_SHAPE.has(className)) return input;
  const pooled = /^(Global)?(?:Max|Average)Pooling([123])D$/.exec(className);
  if (pooled) return pooledShape(config, input, pooled[1] !== undefined, Number(pooled[2]));
  switch (className) {
    case 'Dense':
      return [...input.slice(0, -1), count(config.units)];
    case 'Conv1D':
    case 'Conv2D':
    case 'Conv3D':
    case 'SeparableConv2D':
      return convolved(config, input, count(config.filters));
    case 'DepthwiseConv2D': {
      const multiplier = count(config.depth_multiplier) ?? 1;
      const channels = input.at(-1);
      return convolved(config, input, channels === undefined ? undefined : channels * multiplier);
    }
    case 'Flatten':
      return [input[0], product(input.slice(1))];
    case 'Reshape':
      return reshaped(config.target_shape, input);
    case 'RepeatVector':
      return [input[0], count(config.n), ...input.slice(1)];
    case 'Permute': {
      const dims = Array.isArray(config.dims) ? config.dims : [];
      return [input[0], ...dims.map((axis) => input[Number(axis)])];
    }
    case 'Embedding':
      return [...input, count(config.output_dim)];
    case 'Concatenate':
      return concatenated(inputs, typeof config.axis === 'number' ? config.axis : -1);
    case 'ZeroPadding2D':
      return paddedOrCropped(config, input, 'padding', 1);
    case 'Cropping2D':
      return paddedOrCropped(config, input, 'cropping', -1);
    case 'UpSampling2D': {
      const [rows, columns] = sizes(config.size, 2);
      return channelsLast(config)
        ? [input[0], times(input[1], rows), times(input[2], columns), input[3]]
        : undefined;
    }
    case 'LSTM':
    case 'GRU':
    case 'SimpleRNN':
    case 'RNN': {
      if (config.return_state === true) return undefined;
      const units = config.cell === undefined ? count(config.units) : unitsOfCell(config.cell);
      return config.return_sequences === true ? [input[0], input[1], units] : [input[0], units];
    }
    case 'TimeDistributed': {
      const inner = isObject(config.layer) ? config.layer : {};
      const className = String(inner.class_name);
      const step = outputShape(
        { name: '', className, config: isObject(inner.config) ? inner.config : {}, calls: [] },
        [[input[0], ...input.slice(2)]],
      );
      return step && [input[0], input[1], ...step.slice(1)];
    }
    case 'Bidirectional': {
      const inner = isObject(config.layer) ? config.layer : {};
      const layer = isObject(inner.config) ? inner.config : {};
      const way = outputShape(
        { name: '', className: String(inner.class_name), config: layer, calls: [] },
        inputs,
      );
      // Without a merge mode there are two outputs.
      if (way === undefined || config.merge_mode === null) return undefined;
      const wide = (config.merge_mode ?? 'concat') === 'concat';
      return [...way.slice(0, -1), wide ? times(way.at(-1), 2) : way.at(-1)];
    }
    case 'Sequential':
    case 'Model':
    case 'Functional': {
      const nested = parseLayerGraph({ class_name: className, config: config as Json });
      const [output] = nested.outputs;
      return nested.outputs.length === 1 ? inferShapes(nested).get(tensorName(output!)) : undefined;
    }
    default:
      return undefined;
  }
}

export function channelsLast(config: JsonObject): boolean {
  return config.data_format !== 'channels_first';
}

function declared(shape: Json | undefined): Shape | undefined {
  return Array.isArray(shape) ? shape.map((size) => count(size)) : undefined;
}

export function product(shape: Shape): number | undefined {
  return shape.reduce((result, size) => times(result, size), 1);
}

function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b;
}

/** One number for all axes, or one each. */
function sizes(value: Json | undefined, axes: number, missing = 1): (number | undefined)[] {
  if (Array.isArray(value)) return Array.from({ length: axes }, (_, i) => count(value[i]));
  return Array<number | undefined>(axes).fill(count(value) ?? missing);
}

function slid(
  size: number | undefined,
  window: number | undefined,
  stride: number | undefined,
  dilation: number | undefined,
  padding: Json | undefined,
): number | undefined {
  if (size === undefined || window === undefined || stride === undefined) return undefined;
  const reach = padding === 'same' || padding === 'causal' ? 0 : (window - 1) * (dilation ?? 1);
  return Math.ceil((size - reach) / stride);
}

function convolved(config: JsonObject, input: Shape, filters: number | undefined): Shape | undefined {
  const axes = input.length - 2;
  if (!channelsLast(config) || axes < 1) return undefined;
  const windows = sizes(config.kernel_size, axes);
  const strides = sizes(config.strides, axes);
  const dilations = sizes(config.dilation_rate, axes);
  const spatial = windows.map((window, i) =>
    slid(input[i + 1], window, strides[i], dilations[i], config.padding),
  );
  return [input[0], ...spatial, filters];
}

function pooledShape(config: JsonObject, input: Shape, global: boolean, axes: number): Shape | undefined {
  if (!channelsLast(config) || input.length !== axes + 2) return undefined;
  if (global) return [input[0], input.at(-1)];
  const windows = sizes(config.pool_size, axes, 2);
  const strides =
    config.strides === null || config.strides === undefined ? windows : sizes(config.strides, axes);
  const spatial = windows.map((window, i) => slid(input[i + 1], window, strides[i], 1, config.padding));
  return [input[0], ...spatial, input.at(-1)];
}

function reshaped(target: Json | undefined, input: Shape): Shape | undefined {
  if (!Array.isArray(target)) return undefined;
  const dims = target.map((size) => (typeof size === 'number' && size >= 0 ? size : undefined));
  const free = dims.filter((size) => size === undefined).length;
  const total = product(input.slice(1));
  const known = dims.reduce<number>((result, size) => result * (size ?? 1), 1);
  const filled = free === 1 && total !== undefined && known > 0 ? total / known : undefined;
  return [input[0], ...dims.map((size) => size ?? filled)];
}

function concatenated(inputs: readonly Shape[], axis: number): Shape | undefined {
  const [first] = inputs;
  if (first === undefined || inputs.some(({ length }) => length !== first.length)) return undefined;
  const place = (axis + first.length) % first.length;
  return first.map((size, i) =>
    i === place
      ? inputs.reduce<number | undefined>((sum, shape) => {
          const width = shape[place];
          return sum === undefined || width === undefined ? undefined : sum + width;
        }, 0)
      : size,
  );
}

function paddedOrCropped(config: JsonObject, input: Shape, key: string, sign: number): Shape | undefined {
  if (!channelsLast(config) || input.length !== 4) return undefined;
  const value = config[key];
  const pairs = Array.isArray(value) ? value : [value, value];
  const change = (i: number): number => {
    const pair = pairs[i];
    if (Array.isArray(pair)) return (count(pair[0]) ?? 0) + (count(pair[1]) ?? 0);
    return 2 * (count(pair) ?? 0);
  };
  const along = (i: number) => (input[i] === undefined ? undefined : input[i] + sign * change(i - 1));
  return [input[0], along(1), along(2), input[3]];
}

/** Whether the configuration holds other layers: a nested model or a wrapper. */
export function holdsLayers(config: JsonObject): boolean {
  return Array.isArray(config.layers) || isObject(config.layer);
}

/** The outputs of a recurrent cell; those of the last one of a stack. */
function unitsOfCell(cell: Json): number | undefined {
  const config = isObject(cell) && isObject(cell.config) ? cell.config : {};
  const last = Array.isArray(config.cells) ? config.cells.at(-1) : undefined;
  return last === undefined ? count(config.units) : unitsOfCell(last);
}
