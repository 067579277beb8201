// The npm packages lie in a cache outside the tree; run.sh names its folder.
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import path from 'node:path';

export const packagesDir = process.env.CLAWGATE_E2E_PACKAGES
  ?? path.join(import.meta.dirname, '..');

const requireFromCache = createRequire(path.join(packagesDir, 'package.json'));

export function load(name) {
  return requireFromCache(name);
}

export const openclawProgram = path.join(packagesDir, 'node_modules', 'openclaw', 'openclaw.mjs');
export const chromiumProgram = process.env.CLAWGATE_E2E_CHROMIUM ?? '/usr/bin/chromium';

const present = {
  openclaw: () => existsSync(openclawProgram),
  'playwright-core': () => existsSync(path.join(packagesDir, 'node_modules', 'playwright-core')),
  ws: () => existsSync(path.join(packagesDir, 'node_modules', 'ws')),
  chromium: () => existsSync(chromiumProgram),
};

/** For a test's `skip` option: false when everything is there, otherwise the reason. */
export function missing(...names) {
  const absent = names.filter((name) => !present[name]());
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : false;
}
