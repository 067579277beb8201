// The one workspace that all test files share: run.mjs starts it and describes it in a file that only this user
// may read.
import { readFileSync, appendFileSync, existsSync } from 'node:fs';
import path from 'node:path';

export const repository = path.join(import.meta.dirname, '..', '..', '..');
export const buildDir = process.env.CLAWGATE_BUILD_DIR ?? path.join(repository, 'build', 'release');

const file = process.env.CLAWGATE_E2E_STACK;

/** Description of the running workspace, or null when it could not be started. */
export const stack = file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;

export const noStack = stack ? false : 'the workspace is not running';

/** A value that must appear nowhere: the search at the end looks for it. */
export function rememberSecret(name, value) {
  if (!value || value.length < 8) return;
  appendFileSync(stack.secretsFile, `${JSON.stringify({ name, value })}\n`, { mode: 0o600 });
}

export function agent(number) {
  return stack.agents.find((each) => each.number === number);
}

export const readText = (name) => (existsSync(name) ? readFileSync(name, 'utf8') : '');
