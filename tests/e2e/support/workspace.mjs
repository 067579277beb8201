// One quickstart for all tests: two real agents, the demo model, ports and folders that collide with nothing.
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { repository, readText } from './stack.mjs';
import { outputDir } from './output.mjs';
import { freePorts } from './ports.mjs';
import { descendants, environOf, processes, start, stop } from './processes.mjs';
import { until } from './wait.mjs';

const ownHost = 'agents.example.test';
const publicIp = '127.0.0.5'; // any that leads here

async function layOutPorts(numAgents) {
  const base = await freePorts(numAgents + 2);
  // Each OpenClaw takes its port and, on demand, some after it.
  const backends = [];
  for (let n = 0; n < numAgents; n++) backends.push(await freePorts(20));
  return { base, control: base + numAgents, modelApi: base + numAgents + 1, backends, ollama: await freePorts(1),
    outside: await freePorts(1) };
}

function environmentFor(ports, workspace, password, numAgents) {
  const passed = ['PATH', 'HOME', 'LANG', 'XDG_CACHE_HOME', 'npm_config_cache', 'NODE_EXTRA_CA_CERTS'];
  return {
    ...Object.fromEntries(passed.filter((name) => process.env[name]).map((name) => [name, process.env[name]])),
    OPENCLAW_WEB_PASSWORD: password,
    OPENCLAW_NUM_AGENTS: String(numAgents),
    OPENCLAW_BASE_PORT: String(ports.base),
    OPENCLAW_AGENT_2_TEMPERATURE: '0.2', // settings of its own, at a model that both share
    OPENCLAW_AGENT_2_ELEVATED_DEFAULT: 'off',
    OPENCLAW_AGENT_2_VERBOSE_DEFAULT: 'on',
    OLLAMA_HOST: '127.0.0.1',
    OLLAMA_PORT: String(ports.modelApi),
    CLAWGATE_WORKSPACE: workspace,
    CLAWGATE_BIND: '127.0.0.1',
    CLAWGATE_CONTROL_PORT: String(ports.control),
    CLAWGATE_AGENT_BACKENDS: ports.backends.map((port) => `http://127.0.0.1:${port}`).join(','),
    CLAWGATE_OLLAMA_URL: `http://127.0.0.1:${ports.ollama}`,
    CLAWGATE_TRUSTED_PROXIES: '127.0.0.1/32,100.64.0.0/10',
    CLAWGATE_ALLOWED_ORIGINS: `https://${ownHost},http://${ownHost}:${ports.base}`,
    RUNPOD_POD_ID: 'testpod',
    RUNPOD_PUBLIC_IP: publicIp,
    [`RUNPOD_TCP_PORT_${ports.base}`]: String(ports.outside),
  };
}

function statusOf(port, target) {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path: target, agent: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('timeout', function late() { this.destroy(new Error('no answer')); }).on('error', reject);
  });
}

/**
 * Starts it and waits until all agents are ready. `file` describes it to the test files. `name` makes its run directory
 * another one than that of a workspace that runs beside it. `beforeStart` is called with the ports that it will have.
 */
export async function startWorkspace({ agents: numAgents = 2, name = 'e2e', arguments: more = [], within = 240_000,
  beforeStart = () => {} } = {}) {
  const directory = mkdtempSync(path.join(os.tmpdir(), `clawgate-${name}-`));
  chmodSync(directory, 0o711); // agents run as users of their own
  const workspace = path.join(directory, 'workspace');
  mkdirSync(workspace);
  const ports = await layOutPorts(numAgents);
  await beforeStart(ports);
  const password = `Pw-${randomBytes(15).toString('base64url')}`;
  const quickstartLog = path.join(directory, 'quickstart.log');
  const keepLogs = (folder) => {
    const to = path.join(folder, 'logs');
    mkdirSync(to, { recursive: true });
    if (existsSync(path.join(workspace, 'logs'))) cpSync(path.join(workspace, 'logs'), to, { recursive: true });
    cpSync(quickstartLog, path.join(to, 'quickstart.log'));
  };
  const remove = () => {
    const output = readText(quickstartLog);
    rmSync(directory, { recursive: true, force: true });
    // What is lost with the container lies elsewhere, secrets among it; quickstart.sh says where.
    const runDir = /supervisorctl -c (\S+)\/supervisord\.conf/.exec(output)?.[1];
    if (runDir?.includes('clawgate')) rmSync(runDir, { recursive: true, force: true });
  };

  const child = start('bash', [path.join(repository, 'deploy', 'quickstart.sh'), '--no-build', '--demo', ...more,
    ...(process.env.CLAWGATE_E2E_PREFIX ? ['--prefix', process.env.CLAWGATE_E2E_PREFIX] : [])],
    { env: environmentFor(ports, workspace, password, numAgents), log: quickstartLog, cwd: repository });

  const stopAll = async () => {
    // Those of agents that left their group and their parents are no descendants any more.
    const ofAgents = () => processes().filter((one) => environOf(one.pid).includes(`HOME=${workspace}/agents/`));
    const before = [...descendants(child.pid), ...ofAgents()];
    const left = [];
    if (!(await stop(child, 60_000))) left.push('quickstart.sh did not end on SIGTERM');
    const alive = () => processes().filter((now) => now.cmdline !== ''
      && before.some((then) => then.pid === now.pid && then.cmdline === now.cmdline));
    await until('the programs to end', () => alive().length === 0, { within: 15_000 }).catch(() => {
      for (const each of alive()) {
        left.push(`still running: ${each.cmdline.replaceAll('\0', ' ')}`);
        process.kill(each.pid, 'SIGKILL');
      }
    });
    return left;
  };

  try {
    await until('all agents to be ready', async () => {
      if (child.how) return true;
      for (let n = 0; n < numAgents; n++)
        if ((await statusOf(ports.base + n, '/_gateway/readyz')) !== 200) return false;
      return true;
    }, { within, every: 500 });
    if (child.how) throw new Error(`quickstart.sh ended: ${JSON.stringify(child.how)}`);
  } catch (error) {
    await stopAll();
    keepLogs(outputDir);
    const end = (file, lines) => readText(file).split('\n').slice(-lines).join('\n');
    const text = `${end(quickstartLog, 40)}\n${end(path.join(workspace, 'logs', 'gateway.log'), 20)}`;
    remove();
    throw new Error(`${error.message}\n${text}`, { cause: error.cause });
  }

  const stack = {
    directory, workspace, password, quickstartLog, ownHost, podId: 'testpod', quickstartPid: child.pid,
    controlPort: ports.control, modelApiPort: ports.modelApi, publicIp, outsidePort: ports.outside,
    gatewayLog: path.join(workspace, 'logs', 'gateway.log'),
    secretsFile: path.join(directory, 'secrets.jsonl'),
    agents: ports.backends.map((backendPort, index) => ({ number: index + 1, name: `agent_${index + 1}`,
      port: ports.base + index, backendPort })),
  };
  const file = path.join(directory, 'stack.json');
  writeFileSync(file, JSON.stringify(stack), { mode: 0o600 });

  return { directory, file, pid: child.pid, workspace, password, quickstartLog, controlPort: ports.control,
    stop: stopAll, keepLogs, remove };
}
