/**
 * Does what a document says, in the order in which it says it: type-checks and runs its TypeScript, runs its JavaScript and its
 * shell commands, parses its JSON. Blocks of other languages are pictures of output.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { codeBlocks } from './code-blocks.mjs';

const TYPESCRIPT = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const COMPILER_OPTIONS = {
  target: 'ES2023',
  lib: ['ES2023', 'DOM'],
  module: 'NodeNext',
  strict: true,
  noUncheckedIndexedAccess: true,
  types: ['node'],
};

/**
 * @param {string} document path of a Markdown file
 * @param {string} project a folder with a `node_modules` that holds what the document imports, and the files that it reads
 * @param {{ checkLibraries?: boolean }} [options] whether the types of what is imported are checked too, all but TypeScript's own: slow
 * @returns how many blocks were run, and those that were not with the reason
 * @throws Error that names the block, and what it printed
 */
export function runDocument(document, project, { checkLibraries = false } = {}) {
  const blocks = codeBlocks(readFileSync(document, 'utf8'));
  const exempt = blocks.filter(({ exemption }) => exemption !== undefined);
  const steps = blocks.filter(
    (block) => block.exemption === undefined && RUNNERS[block.language] !== undefined,
  );
  for (const step of steps) {
    step.file = step.name ?? `block-${step.line}.${step.language}`;
    if (!['sh', 'console'].includes(step.language)) {
      mkdirSync(dirname(join(project, step.file)), { recursive: true });
      writeFileSync(join(project, step.file), `${step.code}\n`);
    }
  }
  const at = ({ line }) => `${basename(document)}, line ${line}`;
  const typescript = steps.filter(({ language }) => language === 'ts');
  if (typescript.length > 0) {
    const files = typescript.map(({ file }) => file);
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { ...COMPILER_OPTIONS, skipLibCheck: !checkLibraries, skipDefaultLibCheck: true },
        files,
      }),
    );
    execute(process.execPath, [TYPESCRIPT, '-p', '.'], project, `${document}: type check`);
  }
  for (const step of steps) RUNNERS[step.language](step, project, at(step));
  return { run: steps.length, exempt: exempt.map((block) => `${at(block)}: ${block.exemption}`) };
}

const runScript = ({ file }, project, what) =>
  execute(process.execPath, [file.replace(/ts$/, 'js')], project, what);

const RUNNERS = {
  ts: runScript,
  js: runScript,
  json: ({ code }, _project, what) => {
    try {
      JSON.parse(code);
    } catch (error) {
      throw new Error(`${what}: ${error.message}`);
    }
  },
  sh: ({ code }, project, what) => runShell(code, project, what),
  /** A session: the lines that start with a prompt. */
  console: ({ code }, project, what) => {
    const commands = code.split('\n').filter((line) => line.startsWith('$ '));
    runShell(commands.map((line) => line.slice(2)).join('\n'), project, what);
  },
};

function runShell(code, project, what) {
  execute('bash', ['-euo', 'pipefail', '-c', code], project, what);
}

function execute(program, args, cwd, what) {
  const PATH = `${join(cwd, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, PATH },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${what} ended with ${status}:\n${stdout}${stderr}`);
}
