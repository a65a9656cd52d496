/** What a machine has for the work: each finding says what is there, and how to get what is not. */
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { onnxRuntimeEngine } from '@spherize/adapters-onnx/node';
import { denseMatrix } from '@spherize/core';
import { embeddedFile } from '../embedded/embedded-files.js';
import { cacheFolder } from '../embedded/embedded-model.js';
import { megabytes } from '../terminal/output.js';
import { installedVersion } from '../versions.js';

export interface Finding {
  readonly name: string;
  /** `missing` keeps commands from working; `optional` is only worth having. */
  readonly status: 'ok' | 'optional' | 'missing';
  readonly detail: string;
  /** How to get it. */
  readonly remedy?: string;
}

const NODE = [20, 19] as const;
/** What unpacking the example model takes. */
const CACHE_BYTES = 300e6;

export async function findings(): Promise<Finding[]> {
  return [
    node(),
    processor(),
    memory(),
    await onnxRuntime(),
    await imageDecoder(),
    ...(await tensorFlow()),
    await exampleModel(),
    await cache(),
  ];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  const detail = `${process.versions.node}, ${process.platform} ${process.arch}`;
  if (recent) return { name: 'Node.js', status: 'ok', detail };
  return { name: 'Node.js', status: 'missing', detail, remedy: `install Node.js ${NODE.join('.')} or newer` };
}

function processor(): Finding {
  const threads = availableParallelism();
  return {
    name: 'threads',
    status: 'ok',
    detail: `${threads} of ${cpus().length}, ${cpus()[0]?.model.trim() ?? 'unknown'}`,
  };
}

function memory(): Finding {
  // A container may allow less than the machine has.
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return {
    name: 'memory',
    status: 'ok',
    detail: `${megabytes(Math.min(freemem(), total))} free of ${megabytes(total)}`,
  };
}

async function onnxRuntime(): Promise<Finding> {
  const name = 'onnxruntime-node';
  const version = installedVersion(name, '@spherize/adapters-onnx') ?? 'not found';
  const engine = onnxRuntimeEngine();
  try {
    const two = denseMatrix(1, 1, Float32Array.of(2));
    const { data } = await engine.multiply(two, two);
    if (data[0] !== 4) throw new Error(`2 · 2 gave ${data[0]}`);
    return { name, status: 'ok', detail: `${version}, runs on the cpu` };
  } catch (error) {
    const remedy =
      'install spherize again on Linux (x64, arm64; glibc), Windows (x64, arm64) or macOS (arm64)';
    return { name, status: 'missing', detail: `${version}: ${messageOf(error)}`, remedy };
  } finally {
    await engine.release();
  }
}

async function imageDecoder(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp');
    return {
      name: 'sharp',
      status: 'ok',
      detail: `${sharp.versions.sharp}, decodes images for folder: data`,
    };
  } catch (error) {
    return {
      name: 'sharp',
      status: 'missing',
      detail: messageOf(error),
      remedy: 'npm install --include=optional spherize',
    };
  }
}

/** The backends of TensorFlow.js, fastest first: which runs models, and why a faster one does not. */
async function tensorFlow(): Promise<Finding[]> {
  const { passedOverBackends, startNodeBackend } = await import('@spherize/adapters-tfjs/node');
  const chosen = await startNodeBackend();
  const reasons = new Map((await passedOverBackends()).map(({ backend, reason }) => [backend, reason]));
  const finding = (name: string, backend: 'tensorflow' | 'wasm', source: string): Finding => {
    const version = installedVersion(source, '@spherize/adapters-tfjs');
    const reason = reasons.get(backend);
    if (reason === undefined) {
      const use = chosen.startsWith(backend) ? `runs models as ${chosen}` : `not used: ${chosen} is faster`;
      return { name, status: 'ok', detail: `${version}, ${use}` };
    }
    const detail =
      version === undefined
        ? reason
        : `${version}, installed but not used, models run on ${chosen}: ${firstLine(reason)}`;
    const remedy =
      version === undefined
        ? `npm install ${source}`
        : `npm rebuild ${source}, or install a version for Node ${process.versions.node}`;
    return { name, status: 'optional', detail, remedy };
  };
  return [
    finding('TensorFlow.js, native backend', 'tensorflow', '@tensorflow/tfjs-node'),
    finding('TensorFlow.js, wasm backend', 'wasm', '@tensorflow/tfjs-backend-wasm'),
  ];
}

async function exampleModel(): Promise<Finding> {
  const name = 'alexnet-fashion';
  try {
    await access(embeddedFile('alexnet-fashion.onnx.spz'), constants.R_OK);
    return { name, status: 'ok', detail: 'the example model and its data' };
  } catch (error) {
    return {
      name,
      status: 'missing',
      detail: messageOf(error),
      remedy: 'npm install @spherize/alexnet-fashion',
    };
  }
}

async function cache(): Promise<Finding> {
  const folder = cacheFolder();
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    const detail = `${folder}, ${megabytes(bavail * bsize)} free`;
    if (bavail * bsize >= CACHE_BYTES) return { name: 'cache', status: 'ok', detail };
    return {
      name: 'cache',
      status: 'missing',
      detail,
      remedy: `free ${megabytes(CACHE_BYTES)}, or set SPHERIZE_CACHE`,
    };
  } catch (error) {
    return {
      name: 'cache',
      status: 'missing',
      detail: messageOf(error),
      remedy: 'set SPHERIZE_CACHE to a folder that may be written to',
    };
  }
}

function messageOf(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

function firstLine(text: string): string {
  return text.split('\n')[0]!;
}
