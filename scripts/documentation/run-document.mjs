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
  // Each block is a module of its own, whatever else is checked with it.
  moduleDetection: 'force',
  types: ['node'],
};

/**
 * Reads a document and writes the files that its blocks are.
 *
 * @param {string} document path of a Markdown file
 * @param {string} folder for the document alone, in a project: the folder above has a `node_modules` that holds what the document
 *     imports; the files that the document reads lie in it
 */
export function writeBlocks(document, folder) {
  const blocks = codeBlocks(readFileSync(document, 'utf8'));
  const exempt = blocks.filter(({ exemption }) => exemption !== undefined);
  const steps = blocks.filter(
    (block) => block.exemption === undefined && RUNNERS[block.language] !== undefined,
  );
  for (const step of steps) {
    step.file = step.name ?? `block-${step.line}.${step.language}`;
    if (!['sh', 'console'].includes(step.language)) {
      mkdirSync(dirname(join(folder, step.file)), { recursive: true });
      writeFileSync(join(folder, step.file), `${step.code}\n`);
    }
  }
  return { document, folder, steps, exempt };
}

/**
 * Type-checks the TypeScript of documents of one project, all at once, and compiles it.
 *
 * @param {ReturnType<typeof writeBlocks>[]} documents
 * @param {{ checkLibraries?: boolean }} [options] whether the types of what is imported are checked too, all but TypeScript's own: slow
 * @throws Error with the files, each in the folder of its document, and what is wrong there
 */
export function checkTypes(documents, { checkLibraries = false } = {}) {
  const files = documents.flatMap(({ folder, steps }) =>
    steps.filter(({ language }) => language === 'ts').map(({ file }) => join(folder, file)),
  );
  if (files.length === 0) return;
  const project = dirname(documents[0].folder);
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...COMPILER_OPTIONS, skipLibCheck: !checkLibraries, skipDefaultLibCheck: true },
      files,
    }),
  );
  execute(process.execPath, [TYPESCRIPT, '-p', 'tsconfig.json'], project, 'type check');
}

/**
 * Runs the blocks of a document whose types are checked.
 *
 * @param {ReturnType<typeof writeBlocks>} written
 * @returns how many blocks were run, and those that were not with the reason
 * @throws Error that names the block, and what it printed
 */
export function runBlocks({ document, folder, steps, exempt }) {
  const at = ({ line }) => `${basename(document)}, line ${line}`;
  for (const step of steps) RUNNERS[step.language](step, folder, at(step));
  return { run: steps.length, exempt: exempt.map((block) => `${at(block)}: ${block.exemption}`) };
}

const runScript = ({ file }, folder, what) =>
  execute(process.execPath, [file.replace(/ts$/, 'js')], folder, what);

const RUNNERS = {
  ts: runScript,
  js: runScript,
  json: ({ code }, _folder, what) => {
    try {
      JSON.parse(code);
    } catch (error) {
      throw new Error(`${what}: ${error.message}`);
    }
  },
  sh: ({ code }, folder, what) => runShell(code, folder, what),
  /** A session: the lines that start with a prompt. */
  console: ({ code }, folder, what) => {
    const commands = code.split('\n').filter((line) => line.startsWith('$ '));
    runShell(commands.map((line) => line.slice(2)).join('\n'), folder, what);
  },
};

function runShell(code, folder, what) {
  execute('bash', ['-euo', 'pipefail', '-c', code], folder, what);
}

function execute(program, args, cwd, what) {
  const PATH = `${join(cwd, '../node_modules/.bin')}${delimiter}${process.env.PATH}`;
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, PATH },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${what} ended with ${status}:\n${stdout}${stderr}`);
}
