// Starts one workspace for all test files with deploy/quickstart.sh, runs them one after another, stops the
// workspace, and prints the sum. Exit status 1 when anything failed.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import path from 'node:path';
import { missing } from './support/modules.mjs';
import { outputDir } from './support/output.mjs';
import { startWorkspace } from './support/workspace.mjs';

// The search for secrets comes last: it reads what the others left.
const order = ['quickstart', 'browser', 'cli', 'model', 'curl', 'pod', 'secrets'];
const chosen = process.argv.slice(2).filter((name) => !name.startsWith('-'));
const files = order.filter((name) => chosen.length === 0 || chosen.includes(name))
  .map((name) => path.join(import.meta.dirname, `${name}.test.mjs`));

const count = { passed: 0, failed: 0, skipped: 0 };
function report(ok, sentence, detail = '') {
  count[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? '✔' : '✖'} ${sentence}${detail && `\n  ${detail.replaceAll('\n', '\n  ')}`}`);
}

let workspace;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    interrupted = true;
    await workspace?.stop();
    process.exit(1);
  });

const absent = missing('openclaw');
if (process.env.CLAWGATE_E2E_STACK) {
  console.log(`using the workspace that ${process.env.CLAWGATE_E2E_STACK} describes`);
} else if (absent) {
  console.log(`WARNING: ${absent}. Everything that needs the real OpenClaw is skipped.`);
} else {
  try {
    workspace = await startWorkspace();
    process.env.CLAWGATE_E2E_STACK = workspace.file;
    report(true, 'Quickstart.BringsUpTheWorkspace');
  } catch (error) {
    report(false, 'Quickstart.BringsUpTheWorkspace', `${error.message}\n${error.cause?.message ?? ''}`);
  }
}

if (!interrupted) {
  const tests = run({ files, concurrency: false, timeout: 900_000, inspectPort: 0 });
  tests.on('test:pass', (each) => {
    if (each.details.type === 'suite') {
      // A suite that is skipped as a whole reports none of its tests.
      if (each.skip !== undefined) count.skipped++;
    } else if (each.skip !== undefined || each.todo !== undefined) count.skipped++;
    else count.passed++;
  });
  // Of a failed suite its failed tests count, and the suite itself only when a hook of its failed.
  tests.on('test:fail', (each) => {
    if (each.details.type !== 'suite' || each.details.error?.failureType === 'hookFailed') count.failed++;
  });
  const printed = tests.compose(spec);
  printed.pipe(process.stdout, { end: false });
  await new Promise((resolve) => printed.once('end', resolve));
}

if (workspace) {
  const rest = await workspace.stop();
  report(rest.length === 0, 'Quickstart.StopsEverythingOnSigterm', rest.join('\n'));
  workspace.keepLogs(outputDir);
  if (count.failed === 0) workspace.remove();
  else console.log(`the workspace stays for a look: ${workspace.directory}`);
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed > 0 ? 1 : 0);
