// The npm packages lie in caches outside the tree; run.sh names the folders.
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import path from 'node:path';

const packagesDir = process.env.CLAWGATE_E2E_PACKAGES ?? path.join(import.meta.dirname, '..');
const openclawDir = process.env.CLAWGATE_E2E_OPENCLAW ?? packagesDir;
const requireFromCache = createRequire(path.join(packagesDir, 'package.json'));

export function load(name) {
  return requireFromCache(name);
}

export const openclawProgram = path.join(openclawDir, 'node_modules', 'openclaw', 'openclaw.mjs');
export const chromiumProgram = process.env.CLAWGATE_E2E_CHROMIUM ?? '/usr/bin/chromium';

const files = {
  openclaw: openclawProgram,
  'playwright-core': path.join(packagesDir, 'node_modules', 'playwright-core'),
  ws: path.join(packagesDir, 'node_modules', 'ws'),
  chromium: chromiumProgram,
};

/** For a test's `skip` option: false when everything is there, otherwise the reason. */
export function missing(...names) {
  const absent = names.filter((name) => !existsSync(files[name]));
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : false;
}
