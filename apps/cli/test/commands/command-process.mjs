/**
 * Runs command lines one after the other in one process, each as `main.js` would in a process of its own: in its folder, with its
 * words as the program's, and with what is to be written caught. Takes them as messages, and answers each with what it left.
 */
import { runCommand } from '../../dist/run-command.js';

const [node, program] = process.argv;
const streams = { stdout: process.stdout, stderr: process.stderr };
let last = Promise.resolve();

process.on('message', (line) => {
  last = last.then(() => run(line)).then((left) => process.send(left));
});

async function run({ folder, args, cache }) {
  const left = { code: 0, stdout: '', stderr: '' };
  const writers = Object.entries(streams).map(([name, stream]) => {
    const { write } = stream;
    stream.write = (chunk, encoding, done = encoding) => {
      left[name] += chunk;
      if (typeof done === 'function') process.nextTick(done);
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  process.chdir(folder);
  process.argv = [node, program, ...args];
  if (cache === undefined) delete process.env.SPHERIZE_CACHE;
  else process.env.SPHERIZE_CACHE = cache;
  process.exitCode = 0;
  await runCommand(args);
  left.code = process.exitCode;
  process.exitCode = 0;
  for (const putBack of writers) putBack();
  return left;
}
