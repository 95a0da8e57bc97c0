import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const LICENCES = 'licenses.txt';

/**
 * Puts the theme on <html> before the first paint. It must block, so it is a classic
 * script in its own hashed file: the page's policy allows no inline script.
 */
function themeBoot(): Plugin {
  const source = readFileSync(new URL('./src/theme-boot.js', import.meta.url), 'utf8');
  let build = false;
  const hash = createHash('sha256').update(source).digest('base64url').slice(0, 8);
  return {
    name: 'stockade-theme-boot',
    configResolved(config) {
      build = config.command === 'build';
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: `assets/theme-${hash}.js`, source });
    },
    transformIndexHtml() {
      const src = build ? `/assets/theme-${hash}.js` : '/src/theme-boot.js';
      return [{ tag: 'script', attrs: { src }, injectTo: 'head-prepend' }];
    },
  };
}

/** The bundler lists the licences of the code; those of the fonts are added here. */
function fontLicences(): Plugin {
  let out = 'dist';
  return {
    name: 'stockade-font-licences',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir;
    },
    writeBundle: {
      sequential: true,
      handler() {
        for (const font of ['inter', 'jetbrains-mono']) {
          const text = readFileSync(new URL(`./node_modules/@fontsource-variable/${font}/LICENSE`, import.meta.url), 'utf8');
          appendFileSync(join(out, LICENCES), `\n## @fontsource-variable/${font}\n\n${text}`);
        }
      },
    },
  };
}

/** Writes a .br beside every text asset, so that the server compresses nothing at run time. */
function brotli(): Plugin {
  let out = 'dist';
  return {
    name: 'stockade-brotli',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir;
    },
    writeBundle: {
      sequential: true,
      order: 'post',
      handler() {
        const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
        for (const file of files.filter((name) => /\.(?:js|css|html|svg|json|txt)$/.test(name))) {
          const path = join(out, file);
          const bytes = readFileSync(path);
          if (bytes.length < 512) continue;
          const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
          writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
        }
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), themeBoot(), fontLicences(), brotli()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: LICENCES },
  },
  server: { proxy: { '/api': 'https://localhost:8443', '/openapi.json': 'https://localhost:8443' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
