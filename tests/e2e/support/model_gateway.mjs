// A gateway in front of a fake model server of its own, for tests of the model API. Nobody is behind its agents'
// ports: only their tokens count here.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildDir, readText, rememberSecret, stack } from './stack.mjs';
import { freePorts } from './ports.mjs';
import { start, stop } from './processes.mjs';
import { outputDir } from './output.mjs';
import { until } from './wait.mjs';

export const chatModel = 'glm-4.7-flash:latest';
export const embeddingModel = 'nomic-embed-text:latest';

/** `options` of fake_ollama, as { 'token-ms': 5 }. */
export async function startModelServer(options = {}) {
  const port = await freePorts(1);
  const log = path.join(outputDir, 'model-server.log');
  // Room for the embedding model, as the gateway's own configuration has it.
  const given = { parallel: 4, 'max-loaded-models': 2, 'keep-alive': -1, 'prefill-ms': 0, 'token-ms': 2, 'pull-ms': 1, ...options };
  const args = ['--port', String(port), '--control', ...Object.entries(given).map(([name, value]) => `--${name}=${value}`)];
  const url = `http://127.0.0.1:${port}`;
  let child;

  const launch = async () => {
    const fresh = start(path.join(buildDir, 'fake_ollama'), args, { env: {}, log });
    child = fresh;
    await until('the model server', async () => {
      if (fresh.how) throw new Error(`it ended: ${JSON.stringify(fresh.how)}\n${readText(log)}`);
      return (await fetch(`${url}/api/version`)).ok;
    }, { within: 10_000 });
  };
  await launch();
  return {
    url,
    port,
    state: async () => (await fetch(`${url}/fake/state`)).json(),
    fault: async (kind, count = 1) => {
      const answer = await fetch(`${url}/fake/fault?kind=${kind}&count=${count}`, { method: 'POST' });
      if (!answer.ok) throw new Error(await answer.text());
    },
    kill: () => child.kill('SIGKILL'),
    startAgain: async () => {
      await child.ended;
      await launch();
    },
    stop: () => stop(child, 5_000),
  };
}

/** `env`: further variables of `clawgate serve`. */
export async function startModelGateway(server, env = {}) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'clawgate-model-'));
  const workspace = path.join(directory, 'workspace');
  const folder = path.join(workspace, '.clawgate', 'tokens');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const tokens = [1, 2].map((n) => {
    const token = randomBytes(32).toString('base64url');
    writeFileSync(path.join(folder, `agent_${n}`), token, { mode: 0o600 });
    return token;
  });
  const base = await freePorts(6);
  const password = `Pw-${randomBytes(12).toString('base64url')}`;
  if (stack) for (const secret of [password, ...tokens]) rememberSecret('a key of the model API', secret);
  const log = path.join(outputDir, 'model-gateway.log');
  const child = start(path.join(buildDir, 'clawgate'), ['serve'], {
    log,
    env: {
      PATH: process.env.PATH,
      OPENCLAW_WEB_PASSWORD: password,
      OPENCLAW_NUM_AGENTS: '2',
      OPENCLAW_BASE_PORT: String(base),
      OLLAMA_HOST: '127.0.0.1',
      OLLAMA_PORT: String(base + 3),
      CLAWGATE_OLLAMA_URL: server.url,
      CLAWGATE_WORKSPACE: workspace,
      CLAWGATE_BIND: '127.0.0.1',
      CLAWGATE_CONTROL_PORT: String(base + 2),
      CLAWGATE_AGENT_BACKENDS: `http://127.0.0.1:${base + 4},http://127.0.0.1:${base + 5}`,
      ...env,
    },
  });
  const stopAll = async () => {
    const orderly = await stop(child, 15_000);
    rmSync(directory, { recursive: true, force: true });
    return orderly;
  };
  const url = `http://127.0.0.1:${base + 3}`;
  try {
    await until('the gateway and the model behind it', async () => {
      if (child.how) throw new Error(`it ended: ${JSON.stringify(child.how)}\n${readText(log)}`);
      return (await fetch(`${url}/api/version`, { headers: { authorization: `Bearer ${password}` } })).ok;
    }, { within: 20_000 });
  } catch (error) {
    await stopAll();
    throw error;
  }
  return { url, port: base + 3, controlUrl: `http://127.0.0.1:${base + 2}/ollama`, password, tokens, log, stop: stopAll };
}

/** Both, and one function that stops them. */
export async function startModelStack({ options = {}, env = {} } = {}) {
  const server = await startModelServer(options);
  try {
    const gateway = await startModelGateway(server, { OLLAMA_NUM_PARALLEL: String(options.parallel ?? 4), ...env });
    return { server, gateway, stop: async () => {
      const orderly = await gateway.stop();
      await server.stop();
      return orderly;
    } };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
