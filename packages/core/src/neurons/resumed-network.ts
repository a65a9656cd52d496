/** Runs the network as it is by now, from where nothing changes any more: what stands before the width at hand runs once. */
import type { CalibrationInputs } from '../calibration/calibration-inputs.js';
import type { FeatureGraph } from '../format/feature-flow.js';
import type { Tensor } from '../format/model-format.js';
import { cutBefore, tensorsAcross } from './layer-reads.js';
import type { NarrowedNetwork } from './narrowed-network.js';

type Feeds = Readonly<Record<string, Tensor>>;

export class ResumedNetwork {
  readonly #network: NarrowedNetwork;
  readonly #graph: FeatureGraph;
  readonly #inputs: CalibrationInputs;
  readonly #memory: number;
  readonly #signal: AbortSignal | undefined;
  /** What crosses the last cut, batch by batch; undefined at the beginning of the model. */
  #kept: { readonly at: number; readonly tensors: readonly string[]; readonly batches: Feeds[] } | undefined;

  /** @param memory bytes that may be kept */
  constructor(
    network: NarrowedNetwork,
    graph: FeatureGraph,
    inputs: CalibrationInputs,
    { memory, signal }: { memory: number; signal?: AbortSignal | undefined },
  ) {
    this.#network = network;
    this.#graph = graph;
    this.#inputs = inputs;
    this.#memory = memory;
    this.#signal = signal;
  }

  /**
   * Tensors of the network as it is, batch by batch.
   *
   * @param from place of an operation before which nothing is going to change: later calls begin there
   */
  async *run(tensors: readonly string[], from: number): AsyncGenerator<Feeds> {
    const model = this.#network.model();
    const given = new Set(model.inputs.map(({ name }) => name));
    const before = this.#kept;
    const at = model.features!.resumes ? cutBefore(this.#graph, from) : 0;
    const across = at > (before?.at ?? 0) ? tensorsAcross(this.#graph, at).filter(readIn(model.graph)) : [];
    const observed = [...new Set([...tensors, ...across])].filter(
      (name) => !given.has(name) && !before?.tensors.includes(name),
    );
    const part = observed.length > 0 ? model.features!.observe(observed, before?.tensors ?? []) : undefined;
    const session = await part?.session();
    let keeps = across.length > 0;
    let bytes = 0;
    const batches: Feeds[] = [];
    try {
      for await (const feeds of this.#feeds()) {
        this.#signal?.throwIfAborted();
        const found: Feeds = { ...feeds, ...(session && (await session.run(feeds))) };
        if (keeps) {
          // Inputs as well, and first: they tell the number of samples, and operations may read lengths of which the graph says nothing.
          const own = Object.fromEntries([...given, ...across].map((name) => [name, found[name]!]));
          for (const tensor of Object.values(own))
            bytes += tensor?.data.byteLength ?? Number.POSITIVE_INFINITY;
          keeps = bytes <= this.#memory;
          if (keeps) batches.push(own);
          else batches.length = 0;
        }
        yield found;
      }
    } finally {
      await session?.release();
    }
    if (keeps) this.#kept = { at, tensors: across, batches };
  }

  async *#feeds(): AsyncGenerator<Feeds> {
    if (this.#kept !== undefined) yield* this.#kept.batches;
    else yield* this.#inputs.batches(this.#signal);
  }
}

/** Lengths that the whole network computed may be constants of the narrower one, which then lacks what nothing reads any more. */
function readIn({ operations, outputs }: FeatureGraph): (tensor: string) => boolean {
  const read = new Set([...operations.flatMap(({ inputs }) => inputs), ...outputs]);
  return (tensor) => read.has(tensor);
}
