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

const packages = ['playwright-core', 'ws', 'openai', 'ollama', '@anthropic-ai/sdk', 'ai', 'ai-sdk-ollama'];
const files = {
  openclaw: openclawProgram,
  chromium: chromiumProgram,
  ...Object.fromEntries(packages.map((name) => [name, path.join(packagesDir, 'node_modules', name)])),
};

/** For a test's `skip` option: false when everything is there, otherwise the reason. */
export function missing(...names) {
  const absent = names.filter((name) => !existsSync(files[name]));
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : false;
}
