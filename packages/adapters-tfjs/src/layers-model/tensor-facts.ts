/** What is known of the tensors of a LayersModel: their shapes, and where in them features lie. */
import { isObject, type JsonObject } from '../artifacts/json.js';
import type { OrderedCall } from './call-order.js';
import { callOrder } from './call-order.js';
import { classOf } from './classes/class-table.js';
import type { Place, Shape } from './classes/layer-class.js';
import { type LayerGraph, parseLayerGraph, tensorName } from './layer-graph.js';

/** By the name of a tensor. A tensor without a shape has an unknown rank. */
export interface TensorFacts {
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly places: ReadonlyMap<string, Place>;
}

/** Goes through all calls once. */
export function inferTensors(graph: LayerGraph): TensorFacts {
  const shapes = new Map<string, Shape>();
  const places = new Map<string, Place>();
  for (const call of callOrder(graph).calls) {
    const shape = shapeOf(call, shapes);
    if (shape !== undefined) shapes.set(call.output, shape);
    places.set(call.output, placeOf(call, shapes, places));
  }
  return { shapes, places };
}

function shapeOf({ def, inputs }: OrderedCall, shapes: ReadonlyMap<string, Shape>): Shape | undefined {
  const known = inputs.map((input) => shapes.get(tensorName(input)));
  if (!known.includes(undefined)) return shapeOfLayer(def.className, def.config, known as Shape[]);
  const rank = classOf(def.className)?.rank;
  return rank === undefined ? undefined : Array<undefined>(rank).fill(undefined);
}

function shapeOfLayer(className: string, config: JsonObject, inputs: readonly Shape[]): Shape | undefined {
  const known = classOf(className);
  if (known?.holds === 'model') {
    const nested = parseLayerGraph({ class_name: className, config });
    const [output, ...more] = nested.outputs;
    return output && more.length === 0 ? inferTensors(nested).shapes.get(tensorName(output)) : undefined;
  }
  return known?.shape?.(config, inputs, (layer, read) =>
    shapeOfLayer(String(layer.class_name), isObject(layer.config) ? layer.config : {}, read),
  );
}

function placeOf(
  { def, inputs, output }: OrderedCall,
  shapes: ReadonlyMap<string, Shape>,
  places: ReadonlyMap<string, Place>,
): Place {
  const rule = classOf(def.className)?.place;
  if (rule === undefined || inputs.length === 0) return 0;
  const input = tensorName(inputs[0]!);
  return rule({ def, input: shapes.get(input), output: shapes.get(output), before: places.get(input) });
}
