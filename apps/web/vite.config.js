import { defineConfig } from 'vite';

/**
 * What the page may load: its own files alone. Wasm is compiled, pictures of one's own and downloads are blobs, and so is the worker, which
 * takes this policy over from the page: one that came by its address would have none.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** First in the head, so that nothing comes before it. Not while developing, as vite puts styles into the page then. */
const policy = {
  name: 'content-security-policy',
  apply: 'build',
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
      injectTo: 'head-prepend',
    },
  ],
};

/** Runtimes lie in chunks of their own: they are the most of what is loaded, and of what formats are loaded for. */
const chunks = {
  codeSplitting: {
    groups: [
      // Loaded where there is WebGPU alone.
      { name: 'onnxruntime-webgpu', test: /onnxruntime-web[\\/]dist[\\/]ort\.jspi/, priority: 1 },
      { name: 'onnxruntime', test: /node_modules[\\/].*onnxruntime-web/ },
      { name: 'tfjs', test: /node_modules[\\/].*@tensorflow/ },
    ],
  },
};

export default defineConfig({
  base: './',
  plugins: [policy],
  build: {
    target: 'es2023',
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    assetsInlineLimit: 0,
  },
  worker: { format: 'es', rolldownOptions: { output: chunks } },
});
