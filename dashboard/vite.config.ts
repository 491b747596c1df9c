import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// `npm run dev` takes its configuration from a hosting emulator, as the built page does.
const hosting = process.env['TACHOGRAPH_HOSTING'] ?? 'http://127.0.0.1:5000';

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { re2js: fileURLToPath(new URL('./src/lib/no-re2.ts', import.meta.url)) } },
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 600 },
  server: { proxy: { '/__/': hosting } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
