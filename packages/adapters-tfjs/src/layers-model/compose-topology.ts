/** Writes a layer graph as the topology of a model.json. */
import { isObject, type Json, type JsonObject } from '../artifacts/json.js';
import {
  INPUT_LAYER,
  type LayerGraph,
  outputOf,
  sameTensor,
  type TensorRef,
  unlistedCalls,
} from './layer-graph.js';

/**
 * @param original the topology that the graph comes from: what it says besides the layers is kept
 */
export function composeTopology(original: JsonObject, graph: LayerGraph): JsonObject {
  const wrapped = isObject(original.model_config);
  const root = wrapped ? (original.model_config as JsonObject) : original;
  const model = isChain(graph) ? sequential(root, graph) : functional(root, graph);
  return wrapped ? { ...original, model_config: model } : model;
}

/** Whether every layer reads the one before it and nothing else, as a Sequential model has to be written. */
function isChain({ sequential, layers, outputs }: LayerGraph): boolean {
  return (
    sequential &&
    outputs.length === 1 &&
    sameTensor(outputs[0]!, outputOf(layers.at(-1)!.name)) &&
    layers.every(({ calls }, i) => {
      const [call] = calls;
      if (calls.length !== 1 || call === undefined) return false;
      if (i === 0) return call.inputs.length === 0;
      return call.inputs.length === 1 && sameTensor(call.inputs[0]!, outputOf(layers[i - 1]!.name));
    })
  );
}

function sequential(root: JsonObject, { layers }: LayerGraph): JsonObject {
  const [input, first] = layers;
  // The input stays unnamed where the first layer says its shape.
  const unnamed = input!.name === `${first?.name}_input` && first?.config.batch_input_shape !== undefined;
  const list = (unnamed ? layers.slice(1) : layers).map(({ className, config }) => ({
    class_name: className,
    config,
  }));
  const config: Json = isObject(root.config) ? { ...root.config, layers: list } : list;
  return { ...root, class_name: 'Sequential', config };
}

function functional(root: JsonObject, graph: LayerGraph): JsonObject {
  const unlisted = new Map(graph.layers.map((def) => [def.name, unlistedCalls(def)]));
  const ref = ({ layer, call, tensor }: TensorRef): [string, number, number] => [
    layer,
    call + (unlisted.get(layer) ?? 0),
    tensor,
  ];
  const layers = graph.layers.map(({ name, className, config, calls }) => ({
    name,
    class_name: className,
    config,
    inbound_nodes:
      className === INPUT_LAYER
        ? []
        : calls.map(({ inputs, options }) => inputs.map((input, i) => [...ref(input), options[i] ?? {}])),
  }));
  const own = isObject(root.config) && !graph.sequential ? root.config : {};
  return {
    ...root,
    class_name: graph.sequential ? 'Model' : (root.class_name as Json),
    config: {
      ...own,
      name: graph.name,
      layers,
      input_layers: graph.inputs.map(ref),
      output_layers: graph.outputs.map(ref),
    },
  };
}
