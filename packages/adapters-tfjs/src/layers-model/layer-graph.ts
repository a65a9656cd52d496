/** The topology of a LayersModel: its layers and who reads whom. A Sequential model is a chain with a name for its input. */
import { InputError } from '@spherize/core';
import { badModel } from '../artifacts/bad-model.js';
import { asArray, asObject, asText, count, isObject, type Json, type JsonObject } from '../artifacts/json.js';
import { classOf } from './classes/class-table.js';

/** Output `tensor` of call number `call` of a layer, among those that the model lists. */
export interface TensorRef {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;
}

/** One use of a layer. */
export interface LayerCall {
  readonly inputs: readonly TensorRef[];
  /** Arguments besides tensors, one set per input, as the file has them. */
  readonly options: readonly JsonObject[];
}

export interface LayerDef {
  readonly name: string;
  readonly className: string;
  readonly config: JsonObject;
  readonly calls: readonly LayerCall[];
}

export interface LayerGraph {
  readonly name: string;
  readonly sequential: boolean;
  /** Inputs are layers of class InputLayer with one call that reads nothing. */
  readonly layers: readonly LayerDef[];
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
}

export const INPUT_LAYER = 'InputLayer';

/** How a tensor is called: by the layer that makes it, with the number of call or output where that is not the first. */
export function tensorName({ layer, call, tensor }: TensorRef): string {
  return `${layer}${call > 0 ? `#${call + 1}` : ''}${tensor > 0 ? `:${tensor}` : ''}`;
}

export function sameTensor(a: TensorRef, b: TensorRef): boolean {
  return a.layer === b.layer && a.call === b.call && a.tensor === b.tensor;
}

/** The first output of the first call of a layer. */
export function outputOf(layer: string): TensorRef {
  return { layer, call: 0, tensor: 0 };
}

/**
 * @param topology the `modelTopology` of a LayersModel
 * @throws InputError `BAD_FILE` when it is none, `UNSUPPORTED` for what TensorFlow.js does not load
 */
export function parseLayerGraph(topology: JsonObject): LayerGraph {
  const root = asObject(topology.model_config ?? topology, 'model_config');
  const version = topology.keras_version ?? root.keras_version;
  const className = asText(root.class_name, 'class_name of the model');
  const list = isObject(root.config) ? root.config.layers : root.config;
  const layers = asArray(list, 'layers of the model').map((layer) => asObject(layer, 'a layer'));
  if (layers.some(isKeras3)) {
    throw new InputError(
      'UNSUPPORTED',
      `the model was saved by Keras ${typeof version === 'string' ? version : '3'} in a form that TensorFlow.js does not load: ` +
        'save it with tf_keras (Keras 2), or convert a SavedModel to a graph model',
    );
  }
  const name =
    isObject(root.config) && typeof root.config.name === 'string' ? root.config.name : 'sequential';
  if (className === 'Sequential') return parseSequential(name, layers);
  if (className !== 'Model' && className !== 'Functional') {
    throw new InputError(
      'UNSUPPORTED',
      `the model is of class ${className}: TensorFlow.js loads Sequential and functional models`,
    );
  }
  const config = asObject(root.config, 'config of the model');
  const parsed = layers.map(parseFunctionalLayer);
  const unlisted = new Map(parsed.map((def) => [def.name, unlistedCalls(def)]));
  const listed = (ref: TensorRef): TensorRef => ({
    ...ref,
    call: Math.max(0, ref.call - (unlisted.get(ref.layer) ?? 0)),
  });
  return {
    name,
    sequential: false,
    layers: parsed.map((def) => ({
      ...def,
      calls: def.calls.map((call) => ({ ...call, inputs: call.inputs.map(listed) })),
    })),
    inputs: parseRefs(config.input_layers, 'input_layers').map(listed),
    outputs: parseRefs(config.output_layers, 'output_layers').map(listed),
  };
}

/** Call 0 of a model that is a layer is its own making, which files do not list, but count. */
export function unlistedCalls({ className, config }: LayerDef): 0 | 1 {
  if (classOf(className)?.holds !== 'model') return 0;
  return className === 'Sequential' && firstShape(config.layers) === undefined ? 0 : 1;
}

function isKeras3(layer: JsonObject): boolean {
  const nodes = Array.isArray(layer.inbound_nodes) ? layer.inbound_nodes : [];
  const config = isObject(layer.config) ? layer.config : {};
  return (
    nodes.some(isObject) || ('batch_shape' in config && !('batch_input_shape' in config)) || 'module' in layer
  );
}

function parseSequential(name: string, list: readonly JsonObject[]): LayerGraph {
  const layers: LayerDef[] = [];
  for (const layer of list) {
    const className = asText(layer.class_name, 'class_name of a layer');
    const config = asObject(layer.config, `config of a ${className}`);
    const own = asText(config.name, `name of a ${className}`);
    const before = layers.at(-1);
    if (before === undefined && className !== INPUT_LAYER) layers.push(inputLayerFor(own, className, config));
    const previous = layers.at(-1);
    layers.push({
      name: own,
      className,
      config,
      calls: [previous ? { inputs: [outputOf(previous.name)], options: [{}] } : { inputs: [], options: [] }],
    });
  }
  const [first] = layers;
  const last = layers.at(-1);
  if (first === undefined || last === undefined || first === last) {
    throw badModel('the Sequential model has no layers');
  }
  return { name, sequential: true, layers, inputs: [outputOf(first.name)], outputs: [outputOf(last.name)] };
}

/** The input that a Sequential model has without naming it. */
function inputLayerFor(name: string, className: string, config: JsonObject): LayerDef {
  const nested =
    isObject(config.layers) || Array.isArray(config.layers) ? firstShape(config.layers) : undefined;
  const shape = config.batch_input_shape ?? nested;
  if (!Array.isArray(shape)) {
    throw new InputError(
      'UNSUPPORTED',
      `layer ${name} (${className}) comes first but has no batch_input_shape: save the model after it was built`,
    );
  }
  const dtype =
    typeof config.dtype === 'string' && classOf(className)?.weights !== 'table' ? config.dtype : 'float32';
  const own = `${name}_input`;
  return {
    name: own,
    className: INPUT_LAYER,
    config: { batch_input_shape: shape, dtype, sparse: false, name: own },
    calls: [{ inputs: [], options: [] }],
  };
}

function firstShape(layers: Json | undefined): Json | undefined {
  const [first] = Array.isArray(layers) ? layers : [];
  return isObject(first) && isObject(first.config) ? first.config.batch_input_shape : undefined;
}

function parseFunctionalLayer(layer: JsonObject): LayerDef {
  const className = asText(layer.class_name, 'class_name of a layer');
  const config = asObject(layer.config, `config of a ${className}`);
  const name = asText(layer.name, `name of a ${className}`);
  const nodes = asArray(layer.inbound_nodes, `inbound_nodes of ${name}`);
  const calls = nodes.map((node): LayerCall => {
    const list = asArray(node, `a node of ${name}`);
    const entries =
      typeof list[0] === 'string' ? [list] : list.map((entry) => asArray(entry, `a node of ${name}`));
    return {
      inputs: entries.map((entry) => parseRef(entry, `a node of ${name}`)),
      options: entries.map((entry) => (isObject(entry[3]) ? entry[3] : {})),
    };
  });
  return { name, className, config, calls: calls.length > 0 ? calls : [{ inputs: [], options: [] }] };
}

function parseRefs(value: unknown, what: string): TensorRef[] {
  const list = asArray(value, what);
  if (typeof list[0] === 'string') return [parseRef(list, what)];
  return list.map((entry) => parseRef(asArray(entry, what), what));
}

function parseRef(entry: readonly Json[], what: string): TensorRef {
  const [layer, call, tensor] = entry;
  const number = (value: Json | undefined, of: string): number => {
    const found = count(value);
    if (found === undefined) {
      throw badModel(`${of} in ${what} is ${JSON.stringify(value)}, expected a number`);
    }
    return found;
  };
  return {
    layer: asText(layer, `layer in ${what}`),
    call: number(call, 'call'),
    tensor: number(tensor, 'tensor'),
  };
}
