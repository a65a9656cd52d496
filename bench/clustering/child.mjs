// Runs every measurement in a process of its own, so that peak memory is that of one contender.
//
// The parent must stay small: on Linux a child's peak starts at the memory that its parent held when it was started.
// So the parent never holds vectors; even writing and scoring them is done by children.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const PYTHON = process.env.PYTHON ?? '/usr/bin/python3';

/**
 * @param script file in this folder, `.mjs` or `.py`
 * @param limit seconds after which the child is stopped
 * @returns what it answered, or `{ timedOut: limit }`
 */
export async function runChild(script, job, limit) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const [command, flags] = script.endsWith('.py') ? [PYTHON, []] : [process.execPath, ['--no-warnings']];
  const child = spawn(command, [...flags, file, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGKILL');
  // An interrupted run leaves no process behind.
  process.on('exit', stop);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  let timedOut = false;
  const timer =
    limit === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop();
        }, limit * 1000);
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  }).finally(() => {
    clearTimeout(timer);
    process.off('exit', stop);
  });
  if (timedOut) return { timedOut: limit };
  if (code !== 0) throw new Error(`${script} failed for ${JSON.stringify(job)}\n${errors}`);
  return JSON.parse(output.trim().split('\n').at(-1));
}
