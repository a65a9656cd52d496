/** Reads models in browsers: from chosen files and from URLs. */
import { InputError } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { parseModelJson, requireWholeShards, toArtifacts } from './model-json.js';

/** @throws InputError `NOT_FOUND` when the model.json or a shard is missing, `BAD_FILE` when sizes do not agree */
export async function readBrowserFiles(files: readonly File[]): Promise<io.ModelArtifacts> {
  const model = files.find(({ name }) => /\.json$/i.test(name));
  if (model === undefined) {
    throw new InputError('NOT_FOUND', 'there is no model.json among the files: choose it with its shards');
  }
  const { json, groups } = parseModelJson(await model.text(), model.name);
  const shardAt = (path: string): File => {
    const called = (wanted: string) =>
      files.find(({ name }) => name === wanted.slice(wanted.lastIndexOf('/') + 1));
    const found = called(path) ?? called(decoded(path));
    if (found) return found;
    throw new InputError('NOT_FOUND', `${model.name}: its shard '${path}' is not among the files`);
  };
  const shards = groups.flatMap((group) => {
    const own = group.paths.map(shardAt);
    requireWholeShards(group, own, model.name);
    return own;
  });
  return toArtifacts(json, groups, await new Blob(shards).arrayBuffer());
}

/** The path that is meant by a part of a URL. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // A percent sign of its own.
    return path;
  }
}

/** @throws InputError `NOT_FOUND` when something cannot be fetched, `BAD_FILE` when it is no model */
export async function readUrl(url: string): Promise<io.ModelArtifacts> {
  const tf = await import('@tensorflow/tfjs-core');
  try {
    return await tf.io.http(url).load!();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [line] = message.split('\n', 1);
    const code = /parse|JSON|contains neither/i.test(message) ? 'BAD_FILE' : 'NOT_FOUND';
    throw new InputError(code, `${url} is not read: ${line}`, { cause: error });
  }
}
