/** What the page and its worker say to each other. */
import type { ImageLayout, Reduction, WeightType } from '@spherize/core';
import type { ComparedLatency } from '@spherize/core/evaluation';

/** What becomes smaller; see `compressModel`. */
export type Reduce = Reduction | 'none';

/** How inputs are made up, and how pixels become numbers: `(pixel − mean)/std`, pixels in [0, 1]. */
export interface InputSettings {
  /** Inputs for the refit; 0 for none. */
  readonly samples: number;
  readonly mean: readonly number[] | undefined;
  readonly std: readonly number[] | undefined;
}

/** What is known of a model once it is read. */
export interface ModelFacts {
  /** The name of its file. */
  readonly name: string;
  readonly format: 'ONNX' | 'TensorFlow.js';
  readonly bytes: number;
  readonly parameters: number;
  readonly macs: number | null;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Widths, those of them that can become narrower, and layers whose columns can be clustered. */
  readonly widths: number;
  readonly narrower: number;
  readonly layers: number;
  /** Whether there are layers of one product per sample with columns to cluster, and widths that those do not read. */
  readonly both: boolean;
  /** What becomes smaller where nobody chooses. */
  readonly reduce: Exclude<Reduce, 'none'>;
  /** In which types its weights can be stored; none where its format has one only. */
  readonly types: readonly WeightType[];
  /** Where its input is an image. */
  readonly image: ImageLayout | undefined;
  /** Inputs that a refit takes by default; 0 where none can be made up. */
  readonly samples: number;
  /** What measuring and compressing may take, about, in bytes. */
  readonly memory: number;
  readonly notes: readonly string[];
}

/** A place between the model as it is and the smallest that it can become. */
export interface Place {
  /** By width and by layer. */
  readonly ratios: readonly (readonly [string, number])[];
  /** Relative error of the outputs, as far as those of single widths or layers add up. */
  readonly loss: number;
  readonly parameters: number;
  readonly bytes: StoredBytes;
}

/** Bytes of a model's files by the type in which its weights are stored, and with all as the original had them. */
export type StoredBytes = { readonly kept: number } & Readonly<Partial<Record<WeightType, number>>>;

export interface Curve {
  /** The smallest model first. */
  readonly places: readonly Place[];
  /** The place where the command would go by default. */
  readonly start: number;
  /** How it would store the weights; undefined as they are. */
  readonly storage: WeightType | undefined;
}

export interface MeasureRequest extends InputSettings {
  readonly type: 'measure';
  readonly reduce: Exclude<Reduce, 'none'>;
}

export interface CompressRequest extends InputSettings {
  readonly type: 'compress';
  readonly reduce: Reduce;
  readonly ratios: Place['ratios'];
  readonly storage: WeightType | undefined;
}

/** Figures of one model. */
export interface Figures {
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly parameters: number;
  readonly macs: number | null;
}

export interface CompressResult {
  readonly before: Figures;
  readonly after: Figures;
  readonly latency: ComparedLatency | undefined;
  /** On WebGPU, where the browser and the format's runtime have it. */
  readonly webGpu: ComparedLatency | undefined;
  readonly outputError: number | null;
  readonly agreement: number | null;
  /** On so many inputs that no refit has seen. */
  readonly samples: number;
  readonly reductions: readonly {
    readonly width: string;
    readonly from: number;
    readonly to: number;
    readonly kind: string;
  }[];
  /** Why the result is not proved, where it is not. */
  readonly unproved: string | undefined;
  /** Threads that run an ONNX model. */
  readonly threads: number;
  /** What is downloaded: the model, or a zip of its files. */
  readonly file: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> };
}

export interface TryRequest extends Pick<InputSettings, 'mean' | 'std'> {
  readonly type: 'try';
  /** A plane of bytes per channel, as the model's image layout has it. */
  readonly planes: readonly Uint8ClampedArray[];
  /** The classes by name, one a line, and the file that says so. */
  readonly names: { readonly source: string; readonly text: string } | undefined;
}

/** The largest scores that a model gives a picture, or the range of its first output where it has no scores. */
export interface Answer {
  readonly scores: readonly (readonly [label: string, score: number])[];
  readonly milliseconds: number;
}

export interface TryResult {
  readonly before: Answer;
  readonly after: Answer;
}

/** What the worker is asked, and what it answers. */
export interface Requests {
  open: { request: { readonly type: 'open'; readonly files: readonly File[] }; result: ModelFacts };
  measure: { request: MeasureRequest; result: Curve };
  compress: { request: CompressRequest; result: CompressResult };
  try: { request: TryRequest; result: TryResult };
}

export type Request = Requests[keyof Requests]['request'];

/** How far a request is. */
export interface Step {
  readonly phase: string;
  /** In [0, 1], where it is known. */
  readonly share: number | undefined;
  readonly layer: string | undefined;
}

export type Answered = { readonly id: number } & (
  | { readonly step: Step }
  | { readonly result: Requests[keyof Requests]['result'] }
  /** `wrong`: what was handed in, as opposed to the program. */
  | { readonly error: string; readonly wrong: boolean }
);
