/** What `spherize` alone shows at its end. */
const PROGRAM_EXAMPLES: readonly string[] = [
  'spherize model.onnx                    # what it is, and what can become smaller',
  'spherize compress model.onnx           # model.small.onnx beside it',
  'spherize bench model.onnx model.small.onnx',
];

/** What `--help` shows at its end: commands as people type them. */
export const HELP_EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  inspect: ['spherize inspect alexnet.onnx', 'spherize inspect alexnet-fashion --json'],
  compress: [
    'spherize compress alexnet.onnx',
    'spherize compress alexnet.onnx -o half.onnx --ratio 0.5',
    'spherize compress alexnet.onnx -o out.onnx --ratio classifier.1=0.7,classifier.4=0.5',
    'spherize compress alexnet.onnx -o third.onnx --target-size 0.33',
    'spherize compress alexnet.onnx --data folder:imagenet/val --report alexnet.html',
    'spherize compress --config half.recipe.json -o again.onnx',
  ],
  evaluate: [
    'spherize evaluate alexnet-fashion --data fashion-mnist --limit 1000',
    'spherize evaluate alexnet.onnx --data folder:imagenet/val --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225',
  ],
  bench: [
    'spherize bench alexnet.onnx half.onnx',
    'spherize bench alexnet.onnx half.onnx --batch 1 --seconds 10',
  ],
  scan: [
    'spherize scan alexnet-fashion --calibrate generated',
    'spherize scan alexnet-fashion --data fashion-mnist --limit 500 --layers fc6,fc7',
  ],
  sweep: [
    'spherize sweep alexnet-fashion --data fashion-mnist --limit 1000 --out results',
    'spherize sweep alexnet.onnx --data folder:imagenet/val --out results --ratios 0.5,0.7 --latency 1',
    'spherize sweep alexnet.onnx --data folder:imagenet/val --out part1 --shard 1/2',
  ],
  merge: ['spherize merge part1 part2 --out results'],
  report: ['spherize report results'],
  alexnet: ['spherize alexnet', 'spherize alexnet --out somewhere --threads 1'],
  doctor: ['spherize doctor', 'spherize doctor --json'],
  completion: [
    'source <(spherize completion bash)',
    'spherize completion fish > ~/.config/fish/completions/spherize.fish',
    'spherize completion powershell | Out-String | Invoke-Expression',
  ],
};

/** The examples of a command, or of the program, as the end of its help. */
export function examplesText(command?: string): string {
  const lines = command === undefined ? PROGRAM_EXAMPLES : (HELP_EXAMPLES[command] ?? []);
  return lines.length === 0 ? '' : `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
