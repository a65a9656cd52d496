/**
 * What must hold of a topology before TensorFlow.js gets it: every layer has a name of its own and reads what another one makes,
 * without a circle. TensorFlow.js looks for the missing end of a circle for ever.
 */
import { badModel } from '../artifacts/bad-model.js';
import { isObject } from '../artifacts/json.js';
import { callOrder } from './call-order.js';
import { classOf } from './classes/class-table.js';
import { INPUT_LAYER, type LayerGraph, parseLayerGraph, type TensorRef } from './layer-graph.js';

type GraphLayer = LayerGraph['layers'][number];

/** @throws InputError `BAD_FILE` that names the layer which is wrong, also inside models that are layers */
export function checkLayerGraph(graph: LayerGraph): void {
  checkNames(graph);
  const layers = new Map(graph.layers.map((layer) => [layer.name, layer]));
  for (const ref of [...graph.inputs, ...graph.outputs]) requireCall(layers, ref, 'the model');
  for (const { name, className, calls: own } of graph.layers) {
    for (const { inputs } of own) {
      if (inputs.length === 0 && className !== INPUT_LAYER) fail(`layer '${name}' reads nothing`);
      for (const ref of inputs) requireCall(layers, ref, `layer '${name}'`);
    }
  }
  const { circle } = callOrder(graph);
  if (circle !== undefined) fail(`layer '${circle}' reads what it makes itself: the layers form a circle`);
  for (const { config } of graph.layers) checkInner(config);
}

function checkNames({ layers }: LayerGraph): void {
  const names = new Set<string>();
  for (const { name, config } of layers) {
    if (names.has(name)) fail(`two layers are called '${name}'`);
    names.add(name);
    // TensorFlow.js keeps layers in a plain object.
    if (name in {}) fail(`a layer is called '${name}', which TensorFlow.js does not load`);
    if (config.name !== undefined && config.name !== name) {
      fail(`layer '${name}' is called '${config.name}' in its config`);
    }
  }
}

function requireCall(layers: ReadonlyMap<string, GraphLayer>, ref: TensorRef, who: string): void {
  const found = layers.get(ref.layer);
  if (found === undefined) fail(`${who} reads layer '${ref.layer}', which there is not`);
  else if (ref.call >= found.calls.length)
    fail(`${who} reads call ${ref.call} of layer '${ref.layer}', which has ${found.calls.length}`);
}

/** Models that are layers, or inside the config of a layer. */
function checkInner(config: unknown): void {
  const open = [config];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (isObject(value) && typeof value.class_name === 'string' && holdsModel(value.class_name)) {
      checkLayerGraph(parseLayerGraph(value));
    } else if (typeof value === 'object' && value !== null) {
      open.push(...Object.values(value).filter((inner) => inner !== undefined));
    }
  }
}

function holdsModel(className: string): boolean {
  return classOf(className)?.holds === 'model';
}

function fail(what: string): never {
  throw badModel(what);
}
