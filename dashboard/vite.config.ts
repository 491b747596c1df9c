import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// `npm run dev` takes its configuration from a hosting emulator, as the built page does.
const hosting = process.env['TACHOGRAPH_HOSTING'] ?? 'http://127.0.0.1:5000';

/** What the whole of it may weigh as it is sent: gzip of every file, the font's own compression. */
const MOST_KB = 250;

function bounded(): Plugin {
  return {
    name: 'bounded',
    apply: 'build',
    writeBundle(_, files) {
      const bytes = Object.values(files).map((f) => gzipSync(f.type === 'chunk' ? f.code : f.source, { level: 9 }).length);
      const kb = bytes.reduce((sum, n) => sum + n, 0) / 1000;
      this.info(`the whole bundle is ${kb.toFixed(1)} kB gzip of at most ${MOST_KB}`);
      if (kb > MOST_KB) this.error(`the bundle is ${kb.toFixed(1)} kB gzip; expected at most ${MOST_KB}`);
    },
  };
}

export default defineConfig({
  plugins: [svelte(), bounded()],
  resolve: { alias: { re2js: fileURLToPath(new URL('./src/lib/firestore/no-re2.ts', import.meta.url)) } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    // One file of styles, and one of what more than one page needs: many small ones are a tenth more in all, and a way more to fail.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] } } },
  },
  server: { proxy: { '/__/': hosting } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
