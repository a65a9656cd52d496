/** What models need of the place where they run: Node, a browser, or nothing but memory. */
import type { MatrixEngine, ModelSession } from '@spherize/core';
import type { ModelProto } from 'onnx-buf';

/** A model as it is held in memory. */
export interface HeldModel {
  readonly proto: ModelProto;
  /** The encoded model, when it is at hand. */
  readonly bytes?: Uint8Array | undefined;
  /** Whether its values lay in files of their own, as they will again when it is written to files. */
  readonly external?: boolean | undefined;
}

export interface SessionChoice {
  /**
   * Whether products lay out their weights anew for speed: copies of all of them. Not worth it for a single run. Default yes.
   */
  readonly prepack?: boolean;
}

export interface OnnxHost {
  /**
   * Starts the runtime on a model.
   *
   * @throws InputError `UNSUPPORTED` where there is no runtime, `BAD_FILE` when the runtime refuses the model
   */
  start(model: HeldModel, choice?: SessionChoice): Promise<ModelSession>;
  /** Matrix products on that runtime, or the portable ones where there is none. */
  engine(): Promise<MatrixEngine>;
  /** Writes a model, and returns all bytes written. */
  write(model: HeldModel, target: string): Promise<number>;
}
