// The pod as an operator sees it: what runs, what comes back when it is killed, and what an agent cannot do to others.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import net from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stack, noStack, buildDir, readText } from './support/stack.mjs';
import { history, say } from './support/conversation.mjs';
import { curl } from './support/curl.mjs';
import { missing } from './support/modules.mjs';
import { descendants, output, processes } from './support/processes.mjs';
import { until } from './support/wait.mjs';
import { startWorkspace } from './support/workspace.mjs';
import { outputDir } from './support/output.mjs';

/** quickstart.sh names it when all agents are ready. */
const runDirOf = (log) => until('the run directory', () => /supervisorctl -c (\S+)\/supervisord\.conf/.exec(readText(log))?.[1]);
const control = async (runDir, ...words) =>
  output('supervisorctl', ['-c', path.join(runDir, 'supervisord.conf'), ...words]);

async function statusOf(port, target) {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${target}`, { signal: AbortSignal.timeout(5000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** Kills one program as the out-of-memory killer would; it must be back within so many milliseconds. */
async function killAndWait(runDir, program, isBack, within) {
  const pid = Number((await control(runDir, 'pid', program)).stdout);
  assert.ok(pid > 1, `${program} runs`);
  for (const each of [...descendants(pid).map((one) => one.pid), pid]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch { /* it went with its parent */ }
  }
  const killed = Date.now();
  await until(`another ${program}`, async () => {
    const now = Number((await control(runDir, 'pid', program)).stdout);
    return now > 1 && now !== pid;
  }, { within });
  await until(`${program} to answer`, isBack, { within });
  const seconds = ((Date.now() - killed) / 1000).toFixed(1);
  console.log(`# ${program} was back after ${seconds} s`);
}

/** The session cookie of somebody who signs in on this port. */
async function signIn(port, password) {
  const login = await curl(`http://127.0.0.1:${port}/_gateway/login`, {
    header: [`Origin: http://127.0.0.1:${port}`, 'Content-Type: application/x-www-form-urlencoded'],
    data: `next=%2F&password=${encodeURIComponent(password)}` }, { keep: false });
  const cookie = login.headers.get('set-cookie')?.split(';')[0];
  assert.ok(cookie, `signed in: ${login.status}`);
  return cookie;
}

async function controlPage(port, cookie) {
  const page = await curl(`http://127.0.0.1:${port}/`, { header: [`Cookie: ${cookie}`, 'Accept: text/html'] }, { keep: false });
  assert.equal(page.status, 200);
  return page.body;
}

function memoryOf(pids) {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      kilobytes += Number(/^Pss:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1]);
    } catch { /* it has ended */ }
  }
  return kilobytes / 1024;
}

async function everyAttemptIsRefused(runDir, agents, environment = {}) {
  const run = await output(path.join(buildDir, 'clawgate'), ['doctor', '--isolation', '--as', 'all', '--json', '--run-dir', runDir],
    { env: { PATH: process.env.PATH, ...environment }, within: 300_000 });
  assert.ok(run.stdout.startsWith('{'), run.stderr);
  const tried = JSON.parse(run.stdout);
  assert.equal(Object.keys(tried).length, agents);
  // What could not be tested, because something does not run or is not there, says nothing: here all of it is.
  const others = Object.entries(tried).flatMap(([as, list]) => list.filter((one) => one.outcome !== 'refused')
    .map((one) => `${as}: ${one.outcome}: ${one.what}: ${one.detail}`));
  assert.deepEqual(others, []);
  assert.equal(run.status, 0);
  return Object.values(tried).reduce((sum, list) => sum + list.length, 0);
}

describe('Pod', { skip: noStack || missing('openclaw') }, () => {
  let runDir;
  const [first] = noStack ? [] : stack.agents;
  before(async () => { runDir = await runDirOf(stack.quickstartLog); });

  test('SupervisorctlShowsAndTailsEveryProgram', async () => {
    const status = await control(runDir, 'status');
    for (const name of ['ollama', 'openclaw-agent_1', 'openclaw-agent_2', 'gateway'])
      assert.match(status.stdout, new RegExp(`^${name} +RUNNING`, 'm'));
    const tail = await control(runDir, 'tail', '-20000', 'openclaw-agent_1');
    assert.match(tail.stdout, /\[gateway\]/, tail.stderr);
  });

  test('EveryAttemptOfAnAgentAgainstTheOthersIsRefused', async () => {
    const attempts = await everyAttemptIsRefused(runDir, 2, { CLAWGATE_WORKSPACE: stack.workspace });
    console.log(`# ${attempts} attempts, all refused`);
  });

  test('WhatIsKilledComesBackAndThePageSaysSo', async () => {
    const cookie = await signIn(first.port, stack.password);
    const ofControl = await signIn(stack.controlPort, stack.password);

    await killAndWait(runDir, 'gateway', async () => (await statusOf(first.port, '/_gateway/healthz')) === 200, 5_000);
    const page = await curl(`http://127.0.0.1:${first.port}/overview`, { header: [`Cookie: ${cookie}`, 'Accept: text/html'] },
      { keep: false });
    assert.equal(page.status, 200, 'the session survived the gateway');

    await killAndWait(runDir, 'ollama', async () => (await curl(`http://127.0.0.1:${stack.modelApiPort}/api/version`,
      { user: `:${stack.password}` })).status === 200, 5_000);

    await say(first.port, stack.password, 'Remember ultramarine-7193.');
    const marker = path.join(stack.workspace, 'agents', 'agent_1', '.openclaw');
    const before = readdirSync(marker).sort();
    const away = killAndWait(runDir, 'openclaw-agent_1', async () => (await statusOf(first.port, '/_gateway/readyz')) === 200,
      60_000);
    const meanwhile = await until('the page that waits', async () => {
      const answer = await curl(`http://127.0.0.1:${first.port}/overview`, { user: `:${stack.password}`, header: 'Accept: text/html' });
      return answer.status === 503 && answer.body;
    }, { every: 50 });
    assert.match(meanwhile, /agent_1 is (re)?starting/);
    await away;
    for (const name of before.filter((one) => !one.includes('lock') && !one.includes('-wal') && !one.includes('-shm')))
      assert.ok(readdirSync(marker).includes(name), `${name} is still there`);
    assert.match(JSON.stringify((await history(first.port, stack.password)).messages), /ultramarine-7193/);

    const [, second] = stack.agents;
    await killAndWait(runDir, 'openclaw-agent_2', async () => (await statusOf(second.port, '/_gateway/readyz')) === 200, 60_000);

    await until('the events', async () => {
      const page = await controlPage(stack.controlPort, ofControl);
      return ['openclaw-agent_1', 'ollama'].every((name) => page.includes(`${name} ended and was started again`));
    }, { within: 30_000 });
  });

  test('WhatAnAgentLeavesBehindEndsWhenItStartsAgain', async () => {
    const left = () => processes().filter((one) => one.cmdline.replaceAll('\0', ' ').startsWith('sleep 71937'));
    await say(first.port, stack.password, 'tool:exec {"command":"setsid -f sleep 71937 >/dev/null 2>&1 </dev/null"}');
    assert.equal(left().length, 1, 'it left its process group');
    await control(runDir, 'restart', 'openclaw-agent_1');
    await until('the agent', async () => (await statusOf(first.port, '/_gateway/readyz')) === 200, { within: 60_000 });
    assert.deepEqual(left(), []);
    // One more, for the end of the pod: quickstart.test.mjs sees that nothing is left.
    await say(first.port, stack.password, 'tool:exec {"command":"setsid -f sleep 71938 >/dev/null 2>&1 </dev/null"}');
  });

  test('TenAgentsStartOnOneMachineAndEachRefusesTheOtherNine', async () => {
    const began = Date.now();
    const pod = await startWorkspace({ agents: 10, name: 'ten', within: 480_000 });
    try {
      const seconds = Math.round((Date.now() - began) / 1000);
      const dir = await runDirOf(pod.quickstartLog);
      const pids = descendants(pod.pid).map((one) => one.pid);
      console.log(`# ten agents were ready after ${seconds} s, with ${Math.round(memoryOf(pids))} MiB in all`);
      const attempts = await everyAttemptIsRefused(dir, 10, { CLAWGATE_WORKSPACE: pod.workspace });
      console.log(`# ${attempts} attempts of ten agents, all refused`);
    } finally {
      const left = await pod.stop();
      pod.keepLogs(path.join(outputDir, 'ten'));
      pod.remove();
      assert.deepEqual(left, []);
    }
  });

  test('AGatewayThatCannotStartEndsTheStartAndSaysWhy', async () => {
    const other = net.createServer();
    try {
      await assert.rejects(startWorkspace({ agents: 2, name: 'taken', within: 120_000,
        beforeStart: ({ base }) => new Promise((resolve) => { other.listen(base, '127.0.0.1', resolve); }) }),
      /"code":71[^]*in use[^]*The gateway does not start/);
    } finally {
      other.close();
    }
  });

  test('WithoutUsersLandlockKeepsTheAgentsApart', async (t) => {
    const pod = await startWorkspace({ agents: 2, name: 'one-user', arguments: ['--single-user'], within: 240_000 });
    try {
      assert.match(readText(pod.quickstartLog), /every program runs as one user/, 'it is said at the start');
      const dir = await runDirOf(pod.quickstartLog);
      const facts = JSON.parse(readText(path.join(dir, 'pod.json')));
      assert.equal(facts.separate_users, false);
      if (facts.landlock < 6) return t.skip(`Landlock ${facts.landlock}: this kernel cannot do it`);
      await everyAttemptIsRefused(dir, 2, { CLAWGATE_WORKSPACE: pod.workspace });
      assert.match(await controlPage(pod.controlPort, await signIn(pod.controlPort, pod.password)), /All programs run as one user/);
    } finally {
      const left = await pod.stop();
      pod.keepLogs(path.join(outputDir, 'one-user'));
      pod.remove();
      assert.deepEqual(left, []);
    }
  });
});
