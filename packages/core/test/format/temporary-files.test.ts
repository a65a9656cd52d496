import { expect, test } from 'vitest';
import { isOnHost, temporaryFileName, temporaryFileOwner } from '../../src/index.js';

test.each(['out.onnx', 'a.b-c d', '.hidden', 'x.7-h-y.spherize'])(
  'the owner of %s is found again',
  (name) => {
    const file = temporaryFileName(name, 123, 'node-7.example.org');
    expect(file.startsWith(`.${name}.`)).toBe(true);
    const owner = temporaryFileOwner(file)!;
    expect(owner.pid).toBe(123);
    expect(isOnHost(owner, 'node-7.example.org')).toBe(true);
    expect(isOnHost(owner, 'node-8.example.org')).toBe(false);
    expect(temporaryFileName(name, 123, 'h')).not.toBe(temporaryFileName(name, 123, 'h'));
  },
);

test.each(['out.onnx', '.out.onnx.tmp', '.out.onnx.1-h-2.spherize', 'out.1-h-x.spherize', ''])(
  '%j is nobody’s temporary file',
  (name) => {
    expect(temporaryFileOwner(name)).toBeUndefined();
  },
);
