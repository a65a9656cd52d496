/** What an IO handler of TensorFlow.js loads, as far as a model needs it: an `io.ModelArtifacts` is one. */
export interface LoadedArtifacts {
  /** Of a LayersModel the configuration of its layers, of a GraphModel its nodes. */
  readonly modelTopology?: object | ArrayBuffer;
  /** Names, shapes and types of the weights, in the order of their bytes. */
  readonly weightSpecs?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: string;
    readonly quantization?: {
      readonly dtype: string;
      readonly scale?: number | undefined;
      readonly min?: number | undefined;
    };
  }[];
  /** All bytes, in one piece or several. */
  readonly weightData?: ArrayBuffer | readonly ArrayBuffer[];
  /** `layers-model` or `graph-model`. */
  readonly format?: string;
  readonly generatedBy?: string;
  readonly convertedBy?: string | null;
  readonly signature?: object;
  readonly userDefinedMetadata?: object;
  readonly trainingConfig?: object;
  readonly modelInitializer?: object;
  readonly initializerSignature?: object;
}
