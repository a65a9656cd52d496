/** A model as it is written: weights in the form of the file, with the nodes that make floats of them. */
import { TensorProto_DataType as DataType, type ModelProto, type NodeProto } from 'onnx-buf';
import { copyMessage, makeNode } from '../proto/onnx-protos.js';
import { GraphEditor } from '../rewrite/graph-editor.js';
import { GraphIndex } from '../tensors/graph-index.js';
import { addNodes } from './left-out-zeros.js';
import type { StoredTensor, StoredTensors } from './stored-weights.js';

/** The same model where no tensor is stored in another form. */
export function packedModel(model: ModelProto, stored: StoredTensors): ModelProto {
  const tensors = storedIn(model, stored);
  if (tensors.length === 0) return model;
  const editor = new GraphEditor(new GraphIndex(model));
  for (const tensor of tensors) editor.computeInitializer(tensor.floats.name, nodesOf(editor, tensor));
  return editor.finish();
}

/** The tensors of a model whose form in the file is still valid, in its order. */
export function storedIn({ graph }: ModelProto, stored: StoredTensors): StoredTensor[] {
  if (stored.size === 0 || graph === undefined) return [];
  return graph.initializer.flatMap((tensor) => {
    const own = stored.get(tensor.name);
    return own?.floats === tensor ? [own] : [];
  });
}

/** Constants are folded when a model is loaded, also those that such nodes compute. */
function nodesOf(editor: GraphEditor, { floats, data, scales, type, others }: StoredTensor): NodeProto[] {
  const { name, dataType } = floats;
  const add = (tensor: typeof data, suffix: string): string =>
    editor.addInitializer(copyMessage(tensor, { name: editor.fresh(`${name}_${suffix}`) }));
  const nodes: NodeProto[] = [];
  const append = (opType: string, inputs: string[], last: boolean, to?: number): string => {
    const made = editor.fresh(`${name}_${opType.toLowerCase()}`);
    const output = last ? name : made;
    nodes.push(makeNode(opType, made, inputs, [output], to === undefined ? {} : { to }));
    return output;
  };
  const values =
    others === undefined
      ? add(data, type)
      : addNodes(editor, nodes, copyMessage(data, { name: `${name}_${type}` }), others);
  if (scales === undefined) {
    append('Cast', [values], true, dataType);
    return nodes;
  }
  const cast = append('Cast', [values], false, DataType.FLOAT);
  const plain = dataType === DataType.FLOAT;
  const product = append('Mul', [cast, add(scales, 'scale')], plain);
  if (!plain) append('Cast', [product], true, dataType);
  return nodes;
}
