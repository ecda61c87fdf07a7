import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `--mode preview` builds the development preview with the mock host. It goes to its own
// folder so that nothing of it can reach `dist`, the folder that ships.
export default defineConfig(({ mode }) => ({
  base: './',
  plugins: [svelte()],
  resolve: {
    alias: { $lib: new URL('./src/lib', import.meta.url).pathname },
    ...(process.env['VITEST'] ? { conditions: ['browser'] } : {}),
  },
  // The pages for merchants' phones are tested here and lie beside this folder.
  server: { fs: { allow: ['.', '../assets/guest'] } },
  build: {
    outDir: mode === 'preview' ? 'preview-dist' : 'dist',
    emptyOutDir: true,
    target: ['es2022', 'safari16.4'],
    modulePreload: { polyfill: false },
    // Inlined assets would be data: addresses, which the content policy refuses.
    assetsInlineLimit: 0,
    rollupOptions: mode === 'preview' ? { input: 'preview.html' } : {},
    reportCompressedSize: true,
  },
  test: {
    environment: 'happy-dom',
    css: true,
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    env: { TZ: 'America/New_York' },
  },
}));
