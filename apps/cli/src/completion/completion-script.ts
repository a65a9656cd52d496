/** Scripts that complete commands, flags, their values, layers and file names, made from the commands themselves. */
import type { Command } from 'commander';
import { bash } from './bash.js';
import { fish } from './fish.js';
import { powershell } from './powershell.js';
import type { Shell } from './values.js';
import { zsh } from './zsh.js';

export function completionScript(program: Command, shell: Shell): string {
  return { bash, zsh, fish, powershell }[shell](program);
}
