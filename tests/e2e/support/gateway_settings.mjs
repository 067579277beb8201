// The running gateway with other settings for a while: it is restarted as an operator would restart it.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { agent, readText, stack } from './stack.mjs';
import { until } from './wait.mjs';

async function restart(runDir) {
  await promisify(execFile)('supervisorctl', ['-c', `${runDir}/supervisord.conf`, 'restart', 'gateway']);
  await until('the gateway to be back', async () =>
    (await fetch(`http://127.0.0.1:${agent(1).port}/_gateway/readyz`)).status === 200);
}

/** `lines`: NAME=value. Resolves to a function that brings the old settings back. */
export async function restartGatewayWith(...lines) {
  const [, runDir] = /supervisorctl -c (\S+)\/supervisord\.conf/.exec(readText(stack.quickstartLog));
  const file = `${runDir}/gateway.env`;
  const before = readFileSync(file, 'utf8');
  const back = async () => {
    writeFileSync(file, before);
    await restart(runDir);
  };
  writeFileSync(file, `${before}\n${lines.join('\n')}\n`); // the last line of a name wins
  try {
    await restart(runDir);
  } catch (error) {
    await back();
    throw error;
  }
  return back;
}
