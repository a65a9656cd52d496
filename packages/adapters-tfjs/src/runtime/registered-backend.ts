/** The backend of a page or worker: the best of those that it registered, or plain JavaScript. */

/** Makes it ready and returns its name. */
export async function startRegisteredBackend(): Promise<string> {
  const tf = await import('@tensorflow/tfjs-core');
  if (tf.engine().backendNames().length === 0) await import('@tensorflow/tfjs-backend-cpu');
  await tf.ready();
  return tf.getBackend();
}
