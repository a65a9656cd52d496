/** Where in a graph layers read, and how many of their rows are taken. */
import { columnsRead, type LayerReading } from '../calibration/layer-rows.js';
import type { FeatureGraph, FeatureLayer } from '../format/feature-flow.js';

/** Rows for each column that a layer reads: with more of them the weights hardly change. */
const ROWS_PER_COLUMN = 12;
/** More are taken where they cost next to nothing: up to so many, and so many products of two columns. */
const CHEAP_ROWS = 16_384;
const CHEAP_PRODUCTS = 2 ** 32;
/** Numbers in the rows of one layer. */
const MOST_VALUES = 2 ** 26;

export interface LayerRead extends LayerReading {
  readonly layer: FeatureLayer;
  readonly tensor: string;
  /** The place of its operation in the graph. */
  readonly at: number;
  /** Whether its rows hold all that an output depends on: those of a product, and of convolutions whose filters can be laid out. */
  readonly whole: boolean;
  /** Columns of its rows, in each group. */
  readonly columns: number;
  /** Rows that are taken of all inputs. */
  readonly wanted: number;
}

/** @throws RangeError for a layer that no operation is */
export function layerRead(graph: FeatureGraph, layer: FeatureLayer): LayerRead {
  for (const [at, { flow, inputs }] of graph.operations.entries()) {
    if (flow.type !== 'layer' || flow.layer !== layer.name) continue;
    const reading = { axis: flow.reads, window: layer.window };
    const columns = columnsRead(layer.inputs / layer.groups, reading);
    const wanted = Math.min(
      Math.max(ROWS_PER_COLUMN * columns, Math.min(CHEAP_ROWS, Math.ceil(CHEAP_PRODUCTS / columns ** 2))),
      Math.ceil(MOST_VALUES / (columns * layer.groups)),
    );
    const whole = layer.span === 1 || layer.window !== undefined;
    return { ...reading, layer, tensor: inputs[0]!, at, whole, columns, wanted };
  }
  throw new RangeError(`no operation is layer ${layer.name}`);
}

/** Tensors that are made before an operation, or given to the model, and read from there on. */
export function tensorsAcross({ operations, outputs }: FeatureGraph, at: number): readonly string[] {
  const made = new Set(operations.slice(at).flatMap((operation) => operation.outputs));
  const read = [...operations.slice(at).flatMap(({ inputs }) => inputs), ...outputs];
  return [...new Set(read.filter((tensor) => !made.has(tensor)))];
}

/** The last operation, no later than `at`, in front of which a graph can be cut: nothing that crosses lies within one operation of the model. */
export function cutBefore(graph: FeatureGraph, at: number): number {
  const within = new Set(
    graph.operations.flatMap(({ partOf, outputs }) => (partOf === undefined ? [] : outputs)),
  );
  for (let cut = at; cut > 0; cut--)
    if (!tensorsAcross(graph, cut).some((tensor) => within.has(tensor))) return cut;
  return 0;
}
