/** A process that measures one model, so that what goes wrong with it takes nothing else along. */
import { measureModel } from './measure.mjs';

process.once('message', async ({ model, settings }) => {
  try {
    await measureModel(model, settings, (found) => process.send({ found }));
    process.send({ done: true });
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    process.send({ failed: text.split('\n')[0] });
  }
  process.disconnect();
});
