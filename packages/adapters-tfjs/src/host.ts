/** What models need of the place where they run: Node or a browser. */
import type { MatrixEngine } from '@spherize/core';
import type { Artifacts } from './artifacts/artifacts.js';

export interface Host {
  /** Makes a TensorFlow.js backend ready. */
  start(): Promise<void>;
  /** Matrix products on that backend. */
  engine(): Promise<MatrixEngine>;
  /** Writes a model, and returns all bytes written. */
  write(artifacts: Artifacts, target: string): Promise<number>;
}
