/** The page: from files to a smaller model, one step after the other. */
import { InputError } from '@spherize/core';
import type {
  CompressRequest,
  CompressResult,
  Curve,
  ModelFacts,
  Place,
  Requests,
  Step,
  TryRequest,
} from '../protocol.js';
import { droppedFiles, sampleFiles } from './chosen-files.js';
import { choose, element } from './element.js';
import { Cancelled, ModelWorker, WrongInput } from './model-worker.js';
import { picturePlanes } from './picture.js';
import { Plot, type Point } from './plot.js';
import { commandLine } from './recipe.js';
import { chosenSettings, offerSettings, type Settings } from './settings.js';
import { showAnswers, showFacts, showResult } from './show.js';
import { bytes, count, percent } from './text.js';

const form = element<HTMLFormElement>('form');
const slider = element<HTMLInputElement>('slider');
const download = element<HTMLAnchorElement>('download');
const plot = new Plot(element('plot'));

/** What was chosen, in order; what comes later belongs to what came before. */
let files: readonly File[] = [];
let facts: ModelFacts | undefined;
let measured: { readonly curve: Curve; readonly settings: Settings } | undefined;
let made: Point[] = [];
let names: TryRequest['names'];
let picture: File | undefined;
/** Whether somebody has said how weights are stored; before, what the command would choose is. */
let isStorageSaid = false;

let worker = new ModelWorker();
/** Whether the worker holds the model of `files`. */
let isOpen = false;
let busy = false;

/** What a step says when it is done, and where one goes on. */
interface Done {
  readonly said: string;
  readonly next: string;
}

/** Runs one step, with its progress on the page; another one cannot begin meanwhile. */
async function during(what: string, run: () => Promise<Done>): Promise<void> {
  if (busy) return;
  const focused = document.activeElement as HTMLElement | null;
  setBusy(what);
  let said = '';
  let wrong = '';
  let next: HTMLElement | null = focused;
  try {
    const done = await run();
    said = done.said;
    next = element(done.next);
  } catch (error) {
    if (error instanceof Cancelled) said = error.message;
    else if (error instanceof WrongInput || error instanceof InputError) wrong = error.message;
    else {
      wrong = `Something went wrong: ${error instanceof Error ? error.message : String(error)}`;
      restart();
    }
  }
  setBusy(undefined);
  element('status').textContent = said;
  element('error').textContent = wrong;
  next?.focus();
}

function setBusy(what: string | undefined): void {
  busy = what !== undefined;
  element('busy').hidden = !busy;
  for (const id of ['choose', 'settings', 'result']) element(id).inert = busy;
  if (what === undefined) return;
  for (const id of ['status', 'error', 'busy-detail']) element(id).textContent = '';
  element('busy-text').textContent = what;
  element<HTMLProgressElement>('busy-bar').removeAttribute('value');
  element('cancel').focus();
}

function onStep({ phase, share, layer }: Step): void {
  const bar = element<HTMLProgressElement>('busy-bar');
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
  // Read out when it changes, which the rest does all the time.
  if (element('busy-text').textContent !== phase) element('busy-text').textContent = phase;
  element('busy-detail').textContent =
    `${layer ?? ''} ${share === undefined ? '' : percent(Math.floor(100 * share) / 100)}`;
}

/** Asks the worker, which reads the model first if it does not hold it. */
async function ask<Name extends keyof Requests>(
  request: Requests[Name]['request'] & { readonly type: Name },
): Promise<Requests[Name]['result']> {
  if (!isOpen && request.type !== 'open') await worker.request({ type: 'open', files }, onStep);
  isOpen = true;
  return worker.request<Name>(request, onStep);
}

/** Ends what the worker does, and begins with another one. */
function restart(): void {
  isOpen = false;
  const ended = worker;
  worker = new ModelWorker();
  ended.cancel();
}

element('cancel').addEventListener('click', restart);

async function open(chosen: readonly File[]): Promise<void> {
  if (chosen.length === 0) return;
  await during('Reading …', async () => {
    for (const id of ['model', 'settings', 'result']) element(id).hidden = true;
    files = chosen;
    isOpen = false;
    facts = undefined;
    made = [];
    names = undefined;
    picture = undefined;
    isStorageSaid = false;
    choose('weights', '');
    element('names-chosen').textContent = '';
    forgetCurve();
    facts = await ask({ type: 'open', files });
    showFacts(facts);
    offerSettings(facts);
    showWhatNext();
    for (const id of ['model', 'settings']) element(id).hidden = false;
    return { said: `${facts.name} is read.`, next: 'model' };
  });
}

/** The curve belongs to what is reduced and the inputs; the storage only moves it. */
function forgetCurve(): void {
  measured = undefined;
  element('place').hidden = true;
}

function showWhatNext(): void {
  const none = element<HTMLInputElement>('reduce').querySelector<HTMLInputElement>("[value='none']")!.checked;
  element('measuring').hidden = none || measured !== undefined;
  element('compress').hidden = !none && measured === undefined;
}

form.addEventListener('change', ({ target }) => {
  if ((target as HTMLInputElement).name === 'weights') isStorageSaid = true;
  else forgetCurve();
  showWhatNext();
  if (measured !== undefined) showCurve();
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void during('Measuring …', async () => {
    const settings = chosenSettings();
    const { reduce, samples, mean, std } = settings;
    if (reduce === 'none') return { said: '', next: 'compress' };
    const curve = await ask({ type: 'measure', reduce, samples, mean, std });
    measured = { curve, settings };
    if (!isStorageSaid) choose('weights', curve.storage ?? '');
    slider.max = String(curve.places.length - 1);
    slider.value = String(curve.start);
    element('place').hidden = false;
    showWhatNext();
    showCurve();
    return { said: 'Measured. Choose a place on the curve.', next: 'slider' };
  });
});

function pointOf({ bytes: stored, loss }: Place): Point {
  return { bytes: stored[chosenSettings().storage ?? 'kept']!, error: loss };
}

function showCurve(): void {
  const points = measured!.curve.places.map(pointOf);
  plot.show(points, made);
  const [least, most] = [points[0]!, points.at(-1)!];
  element('plot').setAttribute(
    'aria-label',
    `Output error over size: ${percent(least.error)} at ${bytes(least.bytes)}, ${percent(most.error)} at ${bytes(most.bytes)}.`,
  );
  showPlace();
}

function chosenPlace(): Place {
  return measured!.curve.places[Number(slider.value)]!;
}

function showPlace(): void {
  const place = chosenPlace();
  const point = pointOf(place);
  plot.choose(point);
  const text = `about ${bytes(point.bytes)} (${percent(point.bytes / facts!.bytes)}), ${count(place.parameters)} parameters, output error about ${percent(place.loss)}`;
  element('expected').textContent = text;
  slider.setAttribute('aria-valuetext', text);
}

slider.addEventListener('input', showPlace);

element('compress').addEventListener('click', () =>
  during('Making it smaller …', async () => {
    const { reduce, storage, samples, mean, std } = chosenSettings();
    const ratios = reduce === 'none' ? [] : chosenPlace().ratios;
    if (reduce !== 'none' && ratios.length === 0)
      throw new InputError('BAD_ARGUMENT', 'here the model stays as it is: move the slider towards smaller');
    const recipe: CompressRequest = { type: 'compress', reduce, ratios, storage, samples, mean, std };
    const result = await ask(recipe);
    showResult(facts!, result);
    element('recipe').textContent = commandLine(facts!, recipe);
    offerDownload(result);
    element('try').hidden = facts!.image === undefined;
    element('answers').hidden = true;
    element('result').hidden = false;
    if (result.outputError !== null && measured !== undefined) {
      made = [...made, { bytes: result.after.bytes, error: result.outputError }];
      showCurve();
    }
    return { said: `Done: ${element('sentence').textContent}`, next: 'result' };
  }),
);

function offerDownload({ file }: CompressResult): void {
  URL.revokeObjectURL(download.href);
  download.href = URL.createObjectURL(new Blob([file.bytes]));
  download.download = file.name;
  download.textContent = `Download ${file.name} (${bytes(file.bytes.length)})`;
}

element('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(element('recipe').textContent);
  element('status').textContent = 'Copied.';
});

async function tryPicture(file: File | undefined, next: string): Promise<void> {
  if (file === undefined) return;
  picture = file;
  await during('Running both models …', async () => {
    const { mean, std } = chosenSettings();
    const planes = await picturePlanes(file, facts!.image!, element<HTMLCanvasElement>('canvas')).catch(
      () => {
        throw new InputError(
          'BAD_FILE',
          `${file.name} is no picture that this browser reads: choose a JPEG or PNG`,
        );
      },
    );
    showAnswers(await ask({ type: 'try', planes, names, mean, std }));
    return { said: '', next };
  });
}

/** Names of classes, which the next picture is answered by, and the one that is there already. */
async function nameClasses(file: File | undefined): Promise<void> {
  if (file === undefined) return;
  names = { source: file.name, text: await file.text() };
  element('names-chosen').textContent = file.name;
  await tryPicture(picture, 'pick-names');
}

/** A button that opens a file dialog, which has no look of its own. */
function opens(button: string, input: string, use: (files: File[]) => Promise<void>): void {
  const field = element<HTMLInputElement>(input);
  element(button).addEventListener('click', () => field.click());
  field.addEventListener('change', () => {
    const chosen = [...field.files!];
    // So that the same file can be chosen again.
    field.value = '';
    void use(chosen);
  });
}
opens('pick-files', 'files', open);
opens('pick-folder', 'folder', open);
opens('pick-picture', 'picture', ([file]) => tryPicture(file, 'pick-picture'));
opens('pick-names', 'names', ([file]) => nameClasses(file));

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-sample]'))
  button.addEventListener('click', async () => {
    const sample = await sampleFiles(button.dataset.sample!).catch((error: Error) => error);
    if (sample instanceof Error) element('error').textContent = sample.message;
    else await open(sample);
  });

const drop = element('drop');
addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
addEventListener('dragleave', () => drop.classList.remove('over'));
addEventListener('drop', async (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  if (event.dataTransfer !== null) await open(await droppedFiles(event.dataTransfer));
});
