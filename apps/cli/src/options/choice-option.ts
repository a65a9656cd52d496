import { Option } from 'commander';

/** An option whose value is one of some words, or a list of them: completion reads them here. */
export class ChoiceOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly words: readonly string[],
  ) {
    super(flags, description);
  }
}
