/** Reading and writing files: shards of any number and type, what is kept, and what is refused. */
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, planFold } from '@spherize/core';
import type { io } from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, test } from 'vitest';
import { tfjsFormat, tfjsModel } from '../src/node.js';
import { artifactsOf, randomWeights, saveModel, temporaryFolder, tf, tfl } from './build-layers-model.js';
import { compressed, outputsOf } from './compressing.js';

const folder = await temporaryFolder();
afterAll(() => rm(folder, { recursive: true }));

const build = () =>
  randomWeights(
    tfl.sequential({
      layers: [
        tfl.layers.dense({ name: 'fc1', inputShape: [6], units: 16, activation: 'relu' }),
        tfl.layers.dense({ name: 'fc2', units: 3 }),
      ],
    }),
  );

/** A new folder with the model, in shards of 100 bytes. */
async function saved(name: string, change: (artifacts: io.ModelArtifacts) => io.ModelArtifacts = (a) => a) {
  const home = join(folder, name);
  await mkdir(home);
  return saveModel(change(await artifactsOf(build())), home, { shardBytes: 100 });
}

async function editJson(path: string, edit: (json: Manifest) => void): Promise<void> {
  const json = JSON.parse(await readFile(path, 'utf8'));
  edit(json);
  await writeFile(path, JSON.stringify(json));
}

interface Manifest {
  modelTopology: { class_name: string; config: { layers: { config: Record<string, unknown> }[] } };
  weightsManifest: { paths: string[] }[];
}

describe('what is kept', () => {
  test('all fields of the model.json, and the names and types of its weights', async () => {
    const metadata = {
      generatedBy: 'TensorFlow.js v1',
      convertedBy: 'a converter',
      signature: { inputs: {} },
      userDefinedMetadata: { labels: ['cat', 'dog'] },
      trainingConfig: {
        loss: 'meanSquaredError',
        metrics: [],
        optimizer_config: { class_name: 'SGD', config: {} },
      },
    };
    const path = await saved('metadata', (artifacts) => ({ ...artifacts, ...metadata }) as io.ModelArtifacts);
    const { model } = await tfjsFormat.read(path);
    await compressed(model, 0.5).write(path);
    const json = JSON.parse(await readFile(path, 'utf8'));
    expect(json).toMatchObject({ format: 'layers-model', ...metadata });
    const [shard] = json.weightsManifest[0].paths;
    // Named after what it holds, so that a model is whole at every moment.
    expect(shard).toMatch(/^[0-9a-z]{7}\.bin$/);
    // The input was the output: its old shards are gone.
    expect((await readdir(join(folder, 'metadata'))).sort()).toEqual([shard, 'model.json']);
  });

  test('shards that another model of the folder names', async () => {
    const path = await saved('neighbours');
    const home = join(folder, 'neighbours');
    await writeFile(join(home, 'copy.json'), await readFile(path));
    const { model, files = [] } = await tfjsFormat.read(path);
    await compressed(model, 0.5).write(path);
    expect(await readdir(home)).toEqual(expect.arrayContaining(files.map((file) => file.split('/').at(-1))));
    const { model: copy } = await tfjsFormat.read(join(home, 'copy.json'));
    expect(copy.weights('fc1')).toEqual(model.weights('fc1'));
  });

  test('shards of 4 MB, called after what they hold', async () => {
    const big = tfl.sequential({
      layers: [tfl.layers.dense({ inputShape: [1100], units: 1000, useBias: false })],
    });
    const model = await tfjsModel(await artifactsOf(big));
    const target = join(folder, 'big.json');
    await model.write(target);
    const { bytes, files = [] } = await tfjsFormat.read(target);
    expect(files.map((file) => file.split('/').at(-1))).toEqual([
      'big.json',
      expect.stringMatching(/^[0-9a-z]{7}-1of2\.bin$/),
      expect.stringMatching(/^[0-9a-z]{7}-2of2\.bin$/),
    ]);
    expect(bytes).toBeGreaterThan(4_400_000);
    expect((await readFile(files[1]!)).length).toBe(4 * 2 ** 20);
  });
});

describe('what is read as it lies', () => {
  const weightsAt = async (path: string) => (await tfjsFormat.read(path)).model.weights('fc1');

  test('links, as caches of downloads lay them; writing replaces the links', async () => {
    const path = await saved('cache');
    const expected = await weightsAt(path);
    const [home, blobs] = [join(folder, 'cache'), join(folder, 'cache-blobs')];
    await mkdir(blobs);
    const names = await readdir(home);
    for (const name of names) {
      await rename(join(home, name), join(blobs, `hash-of-${name}`));
      await symlink(`../cache-blobs/hash-of-${name}`, join(home, name));
    }
    const before = await Promise.all(names.map((name) => readFile(join(blobs, `hash-of-${name}`))));
    const { model } = await tfjsFormat.read(path);
    expect(model.weights('fc1')).toEqual(expected);
    await compressed(model, 0.5).write(path);
    for (const name of await readdir(home))
      expect((await lstat(join(home, name))).isSymbolicLink()).toBe(false);
    expect((await readdir(blobs)).sort()).toEqual(names.map((name) => `hash-of-${name}`).sort());
    expect(await Promise.all(names.map((name) => readFile(join(blobs, `hash-of-${name}`))))).toEqual(before);
  });

  test.each([
    ['colon', 'model-shard1.bin', 'w:1.bin', 'w:1.bin'],
    ['decoded', 'model-shard1.bin', 'model shard-1.bin', 'model%20shard%2D1.bin'],
    ['undecoded', 'model-shard1.bin', 'model%2Dshard1.bin', 'model%2Dshard1.bin'],
    ['percent', 'model-shard1.bin', '100%.bin', '100%.bin'],
  ])('shards by their names, percent-encoded or not: %s', async (name, from, to, written) => {
    const path = await saved(`name-${name}`);
    const expected = await weightsAt(path);
    await rename(join(folder, `name-${name}`, from), join(folder, `name-${name}`, to));
    // Not this one.
    if (name === 'undecoded') await writeFile(join(folder, `name-${name}`, from), new Uint8Array(100));
    await editJson(path, ({ weightsManifest }) => {
      weightsManifest[0]!.paths[0] = written;
    });
    expect(await weightsAt(path)).toEqual(expected);
  });

  test('a byte order mark at the head of the model.json', async () => {
    const path = await saved('mark');
    const expected = await weightsAt(path);
    const { bytes } = await tfjsFormat.read(path);
    await writeFile(path, `\uFEFF${await readFile(path, 'utf8')}`);
    const { model, bytes: withMark } = await tfjsFormat.read(path);
    expect(model.weights('fc1')).toEqual(expected);
    expect(withMark).toBe(bytes + 3);
    // And its shards are known when it is replaced.
    await compressed(model, 0.5).write(path);
    expect((await readdir(join(folder, 'mark'))).filter((name) => name.startsWith('model-shard'))).toEqual(
      [],
    );
  });

  test.each([`${'n'.repeat(250)}.json`, `${'圧'.repeat(66)}.json`, 'a#b?c%20d.json'])(
    'a model of any name that the file system takes: %s',
    async (name) => {
      const model = await tfjsModel(await artifactsOf(build()));
      const home = await mkdtemp(join(folder, 'long-'));
      await model.write(join(home, name));
      expect((await tfjsFormat.read(join(home, name))).model.weights('fc1')).toEqual(model.weights('fc1'));
      const names = await readdir(home);
      expect(names).toHaveLength(2);
      const shard = names.find((file) => file.endsWith('.bin'))!;
      // A URL of its own, relative to that of the model.
      expect(new URL(shard, 'https://example.org/').pathname).toBe(`/${encodeURIComponent(shard)}`);
    },
  );
});

describe('quantised shards', () => {
  /** How a value of each type is stored, and the largest difference that makes. */
  const types = {
    float16: { error: 2e-3, store: (value: number) => new Uint8Array(new Uint16Array([half(value)]).buffer) },
    uint16: {
      error: 1e-4,
      store: (value: number) => new Uint8Array(new Uint16Array([steps(value, 2 ** 16)]).buffer),
    },
    uint8: { error: 2e-2, store: (value: number) => Uint8Array.of(steps(value, 2 ** 8)) },
  };
  const [MIN, MAX] = [-4, 4];
  const steps = (value: number, count: number) => Math.round(((value - MIN) / (MAX - MIN)) * (count - 1));

  test.each(Object.keys(types) as (keyof typeof types)[])('%s', async (type) => {
    const { error, store } = types[type];
    const original = await artifactsOf(build());
    const before = await tfjsModel(original);
    const bytes = new Float32Array([original.weightData!].flat()[0] as ArrayBuffer);
    const scale = (MAX - MIN) / (2 ** (type === 'uint8' ? 8 : 16) - 1);
    const quantization = type === 'float16' ? { dtype: type } : { dtype: type, min: MIN, scale };
    const path = await saved(type, (artifacts) => ({
      ...artifacts,
      weightSpecs: artifacts.weightSpecs!.map((spec) => ({ ...spec, quantization })),
      weightData: Uint8Array.from([...bytes].flatMap((value) => [...store(value)])).buffer,
    }));
    const { model } = await tfjsFormat.read(path);
    for (const { name } of before.layers) {
      const [found, exact] = [model.weights(name).data, before.weights(name).data];
      for (const [i, value] of found.entries()) expect(Math.abs(value - exact[i]!)).toBeLessThan(error);
    }
    // What is rewritten stays in its type too, and equal values keep their bytes.
    const target = join(folder, `${type}.json`);
    const smaller = model.rewrite({
      layers: [{ layer: 'fc2', weights: model.weights('fc2'), bias: model.bias('fc2')!, input: null }],
      features: [],
    });
    await smaller.write(target);
    const { weights } = JSON.parse(await readFile(target, 'utf8')).weightsManifest[0];
    expect(weights.map((spec: io.WeightsManifestEntry) => spec.quantization?.dtype)).toEqual([
      type,
      type,
      type,
      type,
    ]);
    expect(await outputsOf((await tfjsFormat.read(target)).model)).toEqual(await outputsOf(model));
  });
});

/** A number in half precision, for numbers of ordinary size. */
function half(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const exponent = ((bits >>> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 1023);
}

describe('what is refused, in one line', () => {
  const refused = async (path: string, code: string, ...parts: string[]): Promise<void> => {
    const error = await tfjsFormat.read(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code });
    for (const part of parts) expect((error as InputError).message).toContain(part);
    expect((error as InputError).message).not.toContain('\n');
  };
  const withPath = async (name: string, path: string): Promise<string> => {
    const model = await saved(name);
    await editJson(model, ({ weightsManifest }) => {
      weightsManifest[0]!.paths[0] = path;
    });
    return model;
  };

  test.each([
    ['parent', '../weights.bin', 'UNSUPPORTED', "not below the model's folder"],
    ['encoded', '%2e%2e%2Fweights.bin', 'UNSUPPORTED', "not below the model's folder"],
    ['absolute', '/etc/passwd', 'UNSUPPORTED', "not below the model's folder"],
    ['url', 'https://example.org/weights.bin', 'UNSUPPORTED', 'nothing is fetched'],
    ['inside', 'a/../../weights.bin', 'UNSUPPORTED', "not below the model's folder"],
    ['folder', '.', 'BAD_FILE', 'which is no file'],
  ])('a shard outside: %s', async (name, path, code, why) => {
    await refused(await withPath(name, path), code, path, why);
  });

  test.each([
    ['link', '../outside.bin'],
    ['etc', '/etc/passwd'],
    ['directory', '..', 'link.bin/outside.bin'],
  ])('a shard that is a link out of the folder: %s', async (name, target, path = 'link.bin') => {
    const model = await withPath(`link-${name}`, path);
    await writeFile(join(folder, 'outside.bin'), new Uint8Array(100));
    await symlink(target, join(folder, `link-${name}/link.bin`));
    await refused(model, 'UNSUPPORTED', "leads out of the model's folder");
  });

  test('a shard that is missing, or cut short', async () => {
    await refused(
      await withPath('missing', 'none.bin'),
      'NOT_FOUND',
      'a shard is missing: there is no file none.bin',
    );
    const model = await saved('short');
    await truncate(join(folder, 'short/model-shard2.bin'), 7);
    await refused(model, 'BAD_FILE', 'its weights take 652 bytes', 'have 559');
  });

  test('sizes that nothing has', async () => {
    const model = await saved('huge');
    await editJson(model, (json) => {
      Object.assign(json.weightsManifest[0]!, {
        weights: [{ name: 'x/kernel', shape: [2 ** 40, 2 ** 40], dtype: 'float32' }],
      });
    });
    await refused(model, 'BAD_FILE', 'x/kernel');
  });

  test('what Keras 3 writes', async () => {
    const model = await saved('keras3');
    await editJson(model, ({ modelTopology }) => {
      const { config } = modelTopology.config.layers[0]!;
      config.batch_shape = config.batch_input_shape;
      delete config.batch_input_shape;
    });
    await refused(model, 'UNSUPPORTED', 'Keras', 'Keras 2');
  });

  test('text, and other JSON', async () => {
    await writeFile(join(folder, 'text.json'), 'hello');
    await refused(join(folder, 'text.json'), 'BAD_FILE', 'no JSON');
    await writeFile(join(folder, 'list.json'), '[]');
    await refused(join(folder, 'list.json'), 'BAD_FILE', 'modelTopology');
    await refused(folder, 'BAD_FILE', 'a folder');
  });

  test('a layer that TensorFlow.js does not know, once the model runs', async () => {
    const model = await saved('custom');
    await editJson(model, (json) => {
      json.modelTopology.config.layers.splice(1, 0, {
        class_name: 'MyLayer',
        config: { name: 'mine' },
      } as never);
    });
    const { model: read } = await tfjsFormat.read(model);
    expect(planFold(read.graph, read.layers[1]?.input ?? 'mine', 16).reason).toContain('is a custom layer');
    await expect(read.session()).rejects.toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/it has no layer class MyLayer; register the class with [^:]*$/),
      }),
    );
  });
});

test('weights are read as TensorFlow.js reads them', async () => {
  const built = build();
  const model = await tfjsModel(await artifactsOf(built));
  const [kernel] = built.getLayer('fc1').getWeights();
  expect(model.weights('fc1').data).toEqual(tf.transpose(kernel!).dataSync());
});
