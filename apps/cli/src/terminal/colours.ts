import pc from 'picocolors';

/** Whether colours are wanted: on a terminal that shows them, unless `NO_COLOR` says no (https://no-color.org). */
export function coloursWanted(
  isTerminal: boolean,
  { NO_COLOR, TERM }: NodeJS.ProcessEnv = process.env,
): boolean {
  return isTerminal && !NO_COLOR && TERM !== 'dumb';
}

/** Colours for what goes to stdout; plain text where none are wanted. */
export const colours: ReturnType<typeof pc.createColors> = pc.createColors(
  coloursWanted(process.stdout.isTTY === true),
);

/** The same for stderr. */
export const errorColours: ReturnType<typeof pc.createColors> = pc.createColors(
  coloursWanted(process.stderr.isTTY === true),
);
