/**
 * What must hold of a topology before TensorFlow.js gets it: every layer has a name of its own and reads what another one makes,
 * without a circle. TensorFlow.js looks for the missing end of a circle for ever.
 */
import { badModel } from '../artifacts/bad-model.js';
import { isObject } from '../artifacts/json.js';
import { INPUT_LAYER, type LayerGraph, parseLayerGraph, type TensorRef } from './layer-graph.js';

type GraphLayer = LayerGraph['layers'][number];

const MODELS = new Set(['Model', 'Functional', 'Sequential']);

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
  checkOrder(graph.layers, layers);
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
  else if (callOf(found, ref) >= found.calls.length)
    fail(`${who} reads call ${ref.call} of layer '${ref.layer}', which has ${found.calls.length}`);
}

/** Call 0 of a model that is a layer is its own making, which the file does not list. */
function callOf({ className }: GraphLayer, { call }: TensorRef): number {
  return MODELS.has(className) ? Math.max(0, call - 1) : call;
}

/** Takes calls away whose inputs are there, until none is left. */
function checkOrder(layers: readonly GraphLayer[], byName: ReadonlyMap<string, GraphLayer>): void {
  const key = (layer: string, call: number) => JSON.stringify([layer, call]);
  const waiting = new Map<string, number>();
  const readers = new Map<string, string[]>();
  const ready: string[] = [];
  for (const { name, calls } of layers) {
    for (const [call, { inputs }] of calls.entries()) {
      const own = key(name, call);
      waiting.set(own, inputs.length);
      if (inputs.length === 0) ready.push(own);
      for (const ref of inputs) {
        const read = key(ref.layer, callOf(byName.get(ref.layer)!, ref));
        readers.set(read, [...(readers.get(read) ?? []), own]);
      }
    }
  }
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    waiting.delete(next);
    for (const reader of readers.get(next) ?? []) {
      const left = waiting.get(reader)! - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  const [stuck] = waiting.keys();
  if (stuck !== undefined)
    fail(`layer '${JSON.parse(stuck)[0]}' reads what it makes itself: the layers form a circle`);
}

/** Models that are layers, or inside the config of a layer. */
function checkInner(config: unknown): void {
  const open = [config];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (isObject(value) && typeof value.class_name === 'string' && MODELS.has(value.class_name)) {
      checkLayerGraph(parseLayerGraph(value));
    } else if (typeof value === 'object' && value !== null) {
      open.push(...Object.values(value).filter((inner) => inner !== undefined));
    }
  }
}

function fail(what: string): never {
  throw badModel(what);
}
