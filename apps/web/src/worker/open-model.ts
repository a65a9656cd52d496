/** A model of either format with all that the page needs of its format. */
import { InputError, type MatrixEngine, type Model, portableEngine } from '@spherize/core';
import { zipSync } from 'fflate';
import { type Gathered, gatherFiles } from './gather-files.js';

/** A file of a model. */
export interface NamedFile {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

export interface OpenModel {
  readonly format: Gathered['format'];
  /** The name of the model's file. */
  readonly name: string;
  /** Its files as they came. */
  readonly files: readonly File[];
  readonly model: Model;
  /** The files of this model or of one that was made of it. */
  filesOf(model: Model): readonly NamedFile[];
  /** Large products; its user releases it. */
  engine(): Promise<MatrixEngine>;
  threads(): number;
}

/** `?engine=portable`: products in plain JavaScript, whose bits do not depend on the machine. */
const portable = new URLSearchParams(self.name).get('engine') === 'portable';

/** @throws InputError as `gatherFiles` and the formats do */
export async function openModel(given: readonly File[]): Promise<OpenModel> {
  const gathered = await gatherFiles(given);
  const opened = await (gathered.format === 'ONNX' ? openOnnx(gathered) : openTfjs(gathered));
  const { model, others } = gathered;
  return {
    format: gathered.format,
    name: baseOf(model.name),
    files: [model, ...others],
    ...opened,
    engine: async () => (portable ? portableEngine : ((await opened.model.engine?.()) ?? portableEngine)),
  };
}

type Opened = Pick<OpenModel, 'model' | 'filesOf' | 'threads'>;

async function openOnnx({ model: file, others }: Gathered): Promise<Opened> {
  const [{ onnxModel }, { onnxBytes }, { env }] = await Promise.all([
    import('@spherize/adapters-onnx/web'),
    import('@spherize/adapters-onnx'),
    import('onnxruntime-web/wasm'),
  ]);
  const folder = pathOf(file).slice(0, -baseOf(file.name).length);
  const external: Record<string, Uint8Array> = {};
  for (const other of others) {
    const bytes = await bytesOf(other);
    external[baseOf(other.name)] = bytes;
    if (pathOf(other).startsWith(folder)) external[pathOf(other).slice(folder.length)] = bytes;
  }
  const model = onnxModel(await bytesOf(file), { external, source: baseOf(file.name) });
  return {
    model,
    filesOf: (made) => [{ name: baseOf(file.name), pieces: [onnxBytes(made)] }],
    // Set once the runtime has started.
    threads: () => env.wasm.numThreads ?? 1,
  };
}

async function openTfjs({ model: file, others }: Gathered): Promise<Opened> {
  const [{ modelFromFiles, tfjsFiles }] = await Promise.all([
    import('@spherize/adapters-tfjs'),
    import('./tfjs-wasm.js'),
  ]);
  const plain = [file, ...others].map((one) => new File([one], baseOf(one.name)));
  const model = await modelFromFiles(plain);
  return { model, filesOf: (made) => tfjsFiles(made, baseOf(file.name)), threads: () => 1 };
}

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new InputError(
      'UNSUPPORTED',
      `${file.name} is not read: it has changed since it was chosen, or is larger than this tab can hold`,
      { cause },
    );
  }
}

/** Where a file lies in the folder that was chosen. */
function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** One file to download: the model's own, or a zip of its files. */
export function downloadOf(
  name: string,
  files: readonly NamedFile[],
): { name: string; bytes: Uint8Array<ArrayBuffer> } {
  const stem = name.replace(/\.[^.]*$/, '');
  if (files.length === 1) return { name: `${stem}.small.onnx`, bytes: joined(files[0]!) };
  const contents = Object.fromEntries(files.map((file) => [file.name, joined(file)]));
  // Weights hardly become smaller; the same model gives the same zip.
  const bytes = zipSync(contents, { level: 0, mtime: '1980-01-01T00:00:00' });
  return { name: `${stem}.small.zip`, bytes: bytes as Uint8Array<ArrayBuffer> };
}

function joined({ pieces }: NamedFile): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
