// A second gateway, in front of backends that a test controls to the byte: 1 is fake_agent, 2 is a server of the
// test itself, 3 is nobody until the test starts somebody there.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { buildDir, readText } from './stack.mjs';
import { freePorts } from './ports.mjs';
import { start, stop } from './processes.mjs';
import { outputDir } from './output.mjs';
import { until } from './wait.mjs';

const listening = (server, port) => new Promise((resolve, reject) =>
  server.listen(port, '127.0.0.1', resolve).once('error', reject));

export async function startPlainGateway({ onRequest }) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'clawgate-plain-'));
  const workspace = path.join(directory, 'workspace');
  const tokens = path.join(workspace, '.clawgate', 'tokens');
  mkdirSync(tokens, { recursive: true, mode: 0o700 });
  for (const n of [1, 2, 3])
    writeFileSync(path.join(tokens, `agent_${n}`), randomBytes(32).toString('base64url'), { mode: 0o600 });

  const base = await freePorts(5);
  const backends = [await freePorts(1), await freePorts(1), await freePorts(1)];
  const password = `Pw-${randomBytes(12).toString('base64url')}`;
  const log = path.join(outputDir, 'plain-gateway.log');

  const fakeAgent = start(path.join(buildDir, 'fake_agent'),
    ['--port', String(backends[0]), '--secret-file', path.join(tokens, 'agent_1')],
    { env: {}, log: path.join(outputDir, 'fake-agent.log') });
  const own = http.createServer((request, response) => {
    if (['/healthz', '/readyz', '/startupz'].includes(request.url)) response.end('{}');
    else onRequest(request, response);
  });
  await listening(own, backends[1]);

  const gateway = start(path.join(buildDir, 'clawgate'), ['serve'], {
    log,
    env: {
      PATH: process.env.PATH,
      OPENCLAW_WEB_PASSWORD: password,
      OPENCLAW_NUM_AGENTS: '3',
      OPENCLAW_BASE_PORT: String(base),
      OLLAMA_HOST: '127.0.0.1',
      OLLAMA_PORT: String(base + 4),
      CLAWGATE_OLLAMA_URL: `http://127.0.0.1:${await freePorts(1)}`,
      CLAWGATE_WORKSPACE: workspace,
      CLAWGATE_BIND: '127.0.0.1',
      CLAWGATE_CONTROL_PORT: String(base + 3),
      CLAWGATE_AGENT_BACKENDS: backends.map((port) => `http://127.0.0.1:${port}`).join(','),
    },
  });
  const stopAll = async () => {
    const orderly = await stop(gateway, 15_000);
    await stop(fakeAgent, 5_000);
    own.closeAllConnections();
    own.close();
    rmSync(directory, { recursive: true, force: true });
    return orderly;
  };
  try {
    await until('the second gateway', async () => {
      if (gateway.how) throw new Error(`it ended: ${JSON.stringify(gateway.how)}\n${readText(log)}`);
      return (await fetch(`http://127.0.0.1:${base}/_gateway/readyz`)).ok
        && (await fetch(`http://127.0.0.1:${base + 1}/_gateway/readyz`)).ok;
    }, { within: 20_000 });
  } catch (error) {
    await stopAll();
    throw error;
  }
  return { base, backends, password, log, pid: gateway.pid, stop: stopAll,
    url: (n, target) => `http://127.0.0.1:${base + n - 1}${target}` };
}
