// Clients of OpenClaw's protocol that are not browsers: its own command line, and one of ours.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { stack, noStack, agent, readText } from './support/stack.mjs';
import { missing, openclawProgram } from './support/modules.mjs';
import { output } from './support/processes.mjs';
import { call } from './support/native_client.mjs';
import { startRunpodFront } from './support/runpod_front.mjs';
import { keepSeen } from './support/output.mjs';
import { until } from './support/wait.mjs';

describe('NativeClient', { skip: noStack || missing('openclaw', 'ws') }, () => {
  let home;
  before(() => { home = mkdtempSync(path.join(os.tmpdir(), 'clawgate-cli-')); });
  after(() => rmSync(home, { recursive: true, force: true }));

  const openclaw = (port, password) =>
    output(process.execPath, [openclawProgram, 'gateway', 'call', 'health', '--json', '--timeout', '20000'], {
      // Through the environment: an argument list is public.
      env: { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: home, TMPDIR: home, NO_COLOR: '1',
        OPENCLAW_GATEWAY_URL: `ws://127.0.0.1:${port}`, OPENCLAW_GATEWAY_PASSWORD: password,
        OPENCLAW_NO_AUTO_UPDATE: '1', DO_NOT_TRACK: '1' },
      within: 60_000,
    });

  test('OpenClawsOwnCommandLineConnectsWithTheWebPassword', async () => {
    const run = await openclaw(agent(1).port, stack.password);
    keepSeen('cli', `${run.stdout}\n${run.stderr}`);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout.slice(run.stdout.indexOf('{'))).ok, true);
  });

  test('OpenClawsOwnCommandLineIsRefusedWithAnother', async () => {
    const run = await openclaw(agent(1).port, 'not-the-password');
    keepSeen('cli', `${run.stdout}\n${run.stderr}`);
    assert.notEqual(run.status, 0);
  });

  test('ADeviceWithTheWebPasswordIsPairedAtOnceAndCalls', async () => {
    for (const each of stack.agents) {
      const { hello, result } = await call(`ws://127.0.0.1:${each.port}/`, { auth: { password: stack.password } });
      assert.equal(hello.type, 'hello-ok');
      assert.equal(result.ok, true);
    }
  });

  test('AStaleDeviceTokenBesideTheRightPasswordDoesNoHarm', async () => {
    const { result } = await call(`ws://127.0.0.1:${agent(1).port}/`,
      { auth: { password: stack.password, deviceToken: 'A'.repeat(43) } });
    assert.equal(result.ok, true);
  });

  test('WithoutOrWithAWrongPasswordItIsClosedBeforeTheAgentHearsOfIt', async () => {
    for (const auth of [{}, { password: 'not-the-password' }]) {
      const { hello, code } = await call(`ws://127.0.0.1:${agent(1).port}/`, { auth });
      assert.equal(hello, undefined);
      assert.equal(typeof code, 'number');
    }
  });

  test('TheFirstFrameAuthenticatesOnTheRootPathOnly', async () => {
    for (const target of ['/browser/screencast?token=x', '/ws', '/desktop/observe']) {
      const { status } = await call(`ws://127.0.0.1:${agent(1).port}${target}`, { auth: { password: stack.password } });
      assert.equal(status, 401, target);
    }
  });

  test('ItConnectsThroughAFrontLikeRunPodsToo', async () => {
    const visitor = '198.51.100.42';
    const front = await startRunpodFront({ podId: stack.podId, visitor, defaultPort: agent(1).port });
    try {
      const host = new URL(front.origin(agent(1).port)).host;
      const { result } = await call(`wss://127.0.0.1:${front.port}/`, {
        auth: { password: stack.password }, headers: { host }, options: { ca: front.ca, servername: host } });
      assert.equal(result.ok, true);
      await until('the tunnel in the access log', () => readText(stack.gatewayLog).split('\n')
        .some((line) => line.includes(visitor) && /tunnel/.test(line)));
    } finally {
      await front.close();
    }
  });
});
