/** The worker as the page sees it: requests that end with a result, an error, or when they are cancelled. */
import type { Answered, Requests, Step } from '../protocol.js';
import address from '../worker/worker.ts?worker&url';

/** A request that ended because it was cancelled. */
export class Cancelled extends Error {}

/** Something that was handed in is wrong; the message says what, and what to do. */
export class WrongInput extends Error {}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onStep: (step: Step) => void;
}

export class ModelWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor() {
    // From a blob, so that it takes over the page's policy: one that came by its address would be free to connect.
    const source = `import ${JSON.stringify(new URL(address, location.href).href)};`;
    const blob = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    this.#worker = new Worker(blob, { type: 'module', name: location.search });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<Answered>) => this.#answered(data));
    this.#worker.addEventListener('error', ({ message }) =>
      this.#end(new Error(message || 'the worker ended, most likely because this tab has no memory left')),
    );
  }

  request<Name extends keyof Requests>(
    request: Requests[Name]['request'] & { readonly type: Name },
    onStep: (step: Step) => void,
  ): Promise<Requests[Name]['result']> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onStep });
      this.#worker.postMessage({ id, ...request });
    });
  }

  /** Ends it at once, whatever it does. */
  cancel(): void {
    this.#worker.terminate();
    this.#end(new Cancelled('Cancelled.'));
  }

  #answered(answered: Answered): void {
    const waiting = this.#waiting.get(answered.id)!;
    if ('step' in answered) {
      waiting.onStep(answered.step);
      return;
    }
    this.#waiting.delete(answered.id);
    if ('result' in answered) waiting.resolve(answered.result as never);
    else waiting.reject(new (answered.wrong ? WrongInput : Error)(answered.error));
  }

  #end(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
