// What deploy/quickstart.sh leaves running: two real OpenClaw dashboards.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statSync } from 'node:fs';
import path from 'node:path';
import { repository, stack, noStack, readText } from './support/stack.mjs';
import { curl, json } from './support/curl.mjs';
import { call } from './support/native_client.mjs';
import { missing } from './support/modules.mjs';
import { environOf, output } from './support/processes.mjs';
import { until } from './support/wait.mjs';

describe('Quickstart', { skip: noStack || missing('openclaw', 'ws') }, () => {
  test('PrintsTheAddressOfEveryAgent', async () => {
    await until('the addresses', () => stack.agents.every((each) =>
      readText(stack.quickstartLog).includes(`https://${stack.podId}-${each.port}.proxy.runpod.net`)));
  });

  test('ServesARealDashboardOnEveryPort', async () => {
    for (const each of stack.agents) {
      const page = await curl(`http://127.0.0.1:${each.port}/overview`, { user: `:${stack.password}`, header: 'Accept: text/html' });
      assert.equal(page.status, 200);
      assert.match(page.body, /OpenClaw/);
      const { hello } = await call(`ws://127.0.0.1:${each.port}/`, { auth: { password: stack.password } });
      assert.equal(hello.server.version, '2026.9.6');
    }
  });

  test('AnswersHealthWithoutAPassword', async () => {
    for (const port of [...stack.agents.map((each) => each.port), stack.controlPort])
      for (const target of ['/_gateway/healthz', '/_gateway/readyz', '/ping'])
        assert.equal((await curl(`http://127.0.0.1:${port}${target}`)).status, 200, `${port}${target}`);
  });

  test('KeepsTokensForTheirOwnersOnly', () => {
    const seen = new Set();
    for (const each of stack.agents) {
      const file = path.join(stack.workspace, 'agents', each.name, '.openclaw', 'token');
      assert.equal(statSync(file).mode & 0o777, 0o600);
      seen.add(readText(file).trim());
    }
    assert.equal(seen.size, stack.agents.length, 'every agent has a token of its own');
    assert.equal(statSync(path.join(stack.workspace, '.clawgate')).mode & 0o777, 0o700);
  });

  test('SaysThatItRunsAlreadyAndWithWhichDifference', async () => {
    const given = Object.fromEntries(environOf(stack.quickstartPid).split('\0').filter(Boolean)
      .map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]));
    const again = (more) => output('bash', [path.join(repository, 'deploy', 'quickstart.sh'), '--no-build'],
      { env: { ...given, ...more } });
    const same = await again({});
    assert.equal(same.status, 0, same.stderr);
    assert.match(same.stdout, /It runs already[^]*Ready/);
    const other = await again({ OPENCLAW_NUM_AGENTS: '5' });
    assert.equal(other.status, 75, other.stderr);
    assert.match(other.stdout, /OTHER SETTINGS[^]*--stop/);
    assert.doesNotMatch(other.stdout, /Ready/);
  });

  test('AnAgentsTokenOpensNothingFromOutside', async () => {
    const token = readText(path.join(stack.workspace, 'agents', 'agent_1', '.openclaw', 'token')).trim();
    const answer = await curl(`http://127.0.0.1:${stack.agents[0].port}/control-ui-config.json`, { header: [
      `Authorization: Bearer ${token}`, 'CF-Connecting-IP: 198.51.100.77', 'X-Forwarded-For: 198.51.100.77'] });
    assert.equal(answer.status, 401);
    assert.equal(typeof json(answer).error.code, 'string');
  });
});
