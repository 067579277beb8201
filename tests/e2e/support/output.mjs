// What a run leaves behind: tests/e2e/output/. Everything in it is searched for secrets at the end.
import { mkdirSync, appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const outputDir = path.join(import.meta.dirname, '..', 'output');
export const screenshotDir = path.join(outputDir, 'screenshots');
export const seenDir = path.join(outputDir, 'seen');

mkdirSync(screenshotDir, { recursive: true });
mkdirSync(seenDir, { recursive: true });

/** Keeps what a client was shown: pages and bodies of answers. */
export function keepSeen(name, text) {
  const file = path.join(seenDir, `${name.replace(/[^A-Za-z0-9._-]+/g, '-')}.txt`);
  appendFileSync(file, `${text}\n`);
}

export function keep(name, text) {
  writeFileSync(path.join(outputDir, name), text);
}
