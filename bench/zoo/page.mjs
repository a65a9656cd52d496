import { REFIT } from './measure.mjs';
import { markdownOf } from './table.mjs';

/** The document of a run. No date: versions, machine and command say what it holds for. */
export function page(list, { machine, packages, command }, { seconds, quick, times }) {
  const medians = 'medians of alternating runs of both models at batch 1 (or the batch that a model fixes)';
  const latency =
    seconds > 0
      ? `Times are ${medians}, ${seconds} s for each setting.`
      : times === undefined
        ? 'No times were taken.'
        : `Times are ${medians}, of a run of its own in which nothing was refitted: narrower models of one shape take as long, whatever they compute.`;
  return `# A zoo of models

What people ship in npm packages, before and after neurons, channels and value dimensions have left (\`--reduce neurons\`), every width at the
same ratio, nothing trained. A uniform ratio on a network without slack is no way to use it: the table shows what can leave, what a model
then takes, and that it still computes what it should, not how far to go. [Choosing ratios](choosing-ratios.md) does.

${machine}. Models of ${packages.join(', ')}. Made by:

<!-- not run: takes an hour and fetches packages -->
\`\`\`sh
${command}
\`\`\`

- *In widths*: the share of a model's float parameters in rows, columns and constants that features which may leave take along, each
  counted once: a layer counts whole where all of its rows or all of its columns may leave. *In FC layers*: in the fully connected layers, whose
  columns may be merged. *In either*: both together.
- *MMAC*: million multiply-accumulates of a sample. Free axes of inputs were set as *inputs* says.
- *Refitted*: on how many generated inputs: as many as take ${REFIT.macs.toExponential(0).replace('e+', 'e')} multiply-accumulates, at most ${REFIT.most.toLocaleString('en-US')}. Where these would be fewer than ${REFIT.fewest}, and where
  inputs cannot be made up, weights stay as they are but for the ratios of norms that fold into the next layer; that loses far more.
- *Bytes* and *MAC*: of the written model, as a share of the original's.
- *Seconds*: compressing, refitting and the proof, beside whatever else the machine does; \`--workers\` runs several models at once.
- *Output error*: \`Σ‖y − ŷ‖² / Σ‖y − ȳ‖²\` over the model's outputs, on generated inputs that no refit has seen. *Agreement*: how often the largest score
  is the same one, where outputs look like the scores of classes.
- *Proof*: the largest deviation, relative to the largest output, from the original with zeros in place of what left.
- ${latency}${quick ? ' Nothing was refitted, and outputs were compared in the proof alone.' : ''}

${markdownOf(list)}
`;
}
