/**
 * Whatever is handed in wrong: exit code 2, one line on stderr that says what, where and what to do, nothing on stdout,
 * and not a file more than before. `npx vitest run apps/cli/test/commands/bad-input.test.ts -u` writes `docs/bad-input.md` anew.
 */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Case, GROUPS } from './input-cases.js';
import { writeInputFiles } from './input-files.js';
import { type Run, spherize, temporaryFolder } from './spawn-spherize.js';

const folder = temporaryFolder();
writeInputFiles(folder);
const files = () => readdirSync(folder, { recursive: true }).sort();

/** Spaces separate arguments, `@` stands for a space inside one. */
function wordsOf(args: string): string[] {
  return args
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => word.replaceAll('@', ' '));
}

/** `*` in a line stands for a number that the machine decides. */
function expectLine({ code, stdout, stderr }: Run, line: string): void {
  const shown = line.includes('*') ? stderr.replace(/[\d.]+(?= GB is free)/, '*') : stderr;
  expect({ code, stdout, stderr: shown }).toEqual({
    code: 2,
    stdout: '',
    stderr: `spherize: ${line.replace('<cwd>', folder)}\n`,
  });
}

async function expectRefusal(args: string, line: string): Promise<void> {
  const before = files();
  expectLine(await spherize(folder, ...wordsOf(args)), line);
  expect(files()).toEqual(before);
}

describe.each(GROUPS.map(({ title, ...group }) => [title, group] as const))('%s', (_, { command, cases }) => {
  test.each(cases)('%s', (args, line) => expectRefusal(command(args), line));
});

describe('a wrong model, whatever is asked of it', () => {
  const models = GROUPS.find(({ title }) => title === 'Models')!.cases;
  test.each(models)('compress %s', (args, line) =>
    expectRefusal(`compress ${args} --ratio 0.5 -o out.onnx`, line),
  );
  test.each(models)('evaluate %s', (args, line) =>
    expectRefusal(`evaluate ${args} --data npy:X.npy,Y.npy`, line),
  );
  test('--json changes nothing about it', () =>
    expectRefusal('inspect missing.onnx --json', models.find(([args]) => args === 'missing.onnx')![1]));
});

test('docs/bad-input.md has every case', async () => {
  await expect(document()).toMatchFileSnapshot('../../../../docs/bad-input.md');
});

function document(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const sections = GROUPS.map(({ title, command, cases }) => {
    const rows = cases.map(
      ([args, line]: Case) =>
        `| ${code(cell(`spherize ${command(args)}`.replaceAll('@', '␣').trim()))} | ${code(cell(line))} |`,
    );
    return [`## ${title}`, '', '| command | message |', '| --- | --- |', ...rows].join('\n');
  });
  return `${[INTRODUCTION, ...sections].join('\n\n')}\n`;
}

/** Text in backticks, also where it has some. */
function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

const INTRODUCTION = `# Wrong input, and what the command says

Made from the tests by \`npx vitest run apps/cli/test/commands/bad-input.test.ts -u\`: each line was seen on stderr, after
\`spherize: \`, with exit code 2, nothing on stdout and no file written. The files are called after what is wrong with them;
\`apps/cli/test/commands/input-files.ts\` writes them. \`␣\` stands for a space inside an argument, \`<cwd>\` for the working
folder, \`*\` for what is free on the machine.`;
