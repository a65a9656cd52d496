/** From what was dropped or chosen to the files of one model. */
import { InputError } from '@spherize/core';
import { type UnzipFileInfo, unzipSync } from 'fflate';

/** What an array holds at most in every browser, and more than a tab has memory for. */
const MOST_BYTES = 2 ** 31 - 1;

/** The files of one model: an ONNX file with those beside it, or a model.json with its shards. */
export interface Gathered {
  readonly format: 'ONNX' | 'TensorFlow.js';
  readonly model: File;
  readonly others: readonly File[];
}

/**
 * @throws InputError `UNSUPPORTED` for files that are together too large for a page, before any of them is read; `NOT_FOUND` where no model is
 * among them, `BAD_ARGUMENT` where several are, `BAD_FILE` for a damaged zip
 */
export async function gatherFiles(given: readonly File[]): Promise<Gathered> {
  const bytes = given.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES)
    throw new InputError(
      'UNSUPPORTED',
      `the files are ${(bytes / 2 ** 30).toFixed(1)} GiB, and a page can take 2 GiB at most: use the command, spherize compress`,
    );
  const files = (await Promise.all(given.map(expanded))).flat();
  const onnx = files.filter(({ name }) => /\.onnx$/i.test(name));
  const found = onnx.length > 0 ? onnx : await topologies(files);
  const [model, second] = found;
  if (model === undefined)
    throw new InputError(
      'NOT_FOUND',
      'there is no .onnx file and no model.json among the files: choose a model with all of its files',
    );
  if (second !== undefined)
    throw new InputError(
      'BAD_ARGUMENT',
      `there are ${found.length} models among the files (${found.map(({ name }) => name).join(', ')}): choose one`,
    );
  return {
    format: onnx.length > 0 ? 'ONNX' : 'TensorFlow.js',
    model,
    others: files.filter((file) => file !== model),
  };
}

/** JSON files that are models; where only one is there it is taken for one, so that what is wrong with it is said. */
async function topologies(files: readonly File[]): Promise<File[]> {
  const candidates = files.filter(({ name }) => /\.json$/i.test(name));
  if (candidates.length < 2) return candidates;
  const named = candidates.filter(({ name }) => /(^|\/)model\.json$/i.test(name));
  if (named.length > 0) return named;
  const texts = await Promise.all(candidates.map((file) => file.text()));
  return candidates.filter((_, i) => texts[i]!.includes('"modelTopology"'));
}

/** The files in a zip, or the file itself. */
async function expanded(file: File): Promise<File[]> {
  if (!/\.zip$/i.test(file.name)) return [file];
  let bytes = 0;
  const filter = ({ name, originalSize }: UnzipFileInfo): boolean => {
    bytes += originalSize;
    return bytes <= MOST_BYTES && !/\/$|(^|\/)(__MACOSX|\.)/.test(name);
  };
  let contents: Record<string, Uint8Array<ArrayBuffer>>;
  try {
    contents = unzipSync(new Uint8Array(await file.arrayBuffer()), { filter }) as typeof contents;
  } catch (cause) {
    throw new InputError(
      'BAD_FILE',
      `${file.name} is not read: it is no zip, or damaged; pack or fetch it again`,
      {
        cause,
      },
    );
  }
  if (bytes > MOST_BYTES)
    throw new InputError(
      'UNSUPPORTED',
      `${file.name} holds more than 2 GiB, which a page cannot take: use the command`,
    );
  return Object.entries(contents).map(([path, data]) => new File([data], path));
}
