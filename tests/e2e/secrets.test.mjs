// Runs last: nothing that the others left, and nothing that everybody may read, tells a secret.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { stack, noStack, readText } from './support/stack.mjs';
import { missing } from './support/modules.mjs';
import { descendants, environOf } from './support/processes.mjs';
import { needles, searchCommandLines, searchEnvironments, searchTree } from './support/search.mjs';
import { outputDir } from './support/output.mjs';
import { curl } from './support/curl.mjs';
import { until } from './support/wait.mjs';

function secretsOfTheWorkspace() {
  const secrets = [{ name: 'the web password', value: stack.password }];
  for (const each of stack.agents)
    for (const file of [path.join(stack.workspace, 'agents', each.name, '.openclaw', 'token'),
      path.join(stack.workspace, '.clawgate', 'tokens', each.name)])
      secrets.push({ name: `the token of ${each.name}`, value: readText(file).trim() });
  const key = readFileSync(path.join(stack.workspace, '.clawgate', 'session.key'));
  secrets.push({ name: 'the session key', value: key.toString('latin1').trim() },
    { name: 'the session key', value: key.toString('base64url') }, { name: 'the session key', value: key.toString('hex') });
  for (const line of readText(stack.secretsFile).split('\n').filter(Boolean)) secrets.push(JSON.parse(line));
  for (const { name, value } of secrets) assert.ok(value.length >= 8, `${name} is there`);
  return secrets;
}

describe('Secrets', { skip: noStack || missing('openclaw') }, () => {
  const sought = noStack ? [] : needles(secretsOfTheWorkspace());
  const agentProcesses = () => descendants(stack.quickstartPid).filter((each) =>
    stack.agents.some((agent) => environOf(each.pid).includes(`agents/${agent.name}/`)));

  test('TheSearchFindsAPlantedSecretEverywhereItLooks', async () => {
    const value = `planted-${randomBytes(9).toString('base64url')}`;
    const planted = needles([{ name: 'planted', value }]);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'clawgate-planted-'));
    const child = spawn('sleep', ['60'], { argv0: `sleep-${value}`, env: { PLANTED: value } });
    try {
      writeFileSync(path.join(folder, 'a.log'), `Authorization: Basic ${Buffer.from(`:${value}`).toString('base64')}`);
      assert.equal(searchTree(folder, planted).length, 1);
      await until('the planted process', () => searchCommandLines(planted).length > 0);
      assert.equal(searchEnvironments([child.pid], planted).length, 1);
    } finally {
      child.kill();
      rmSync(folder, { recursive: true });
    }
  });

  test('NoPageAndNoErrorTellsASecret', async () => {
    for (const port of [...stack.agents.map((each) => each.port), stack.controlPort])
      for (const target of ['/', '/overview', '/_gateway/login', '/_gateway/nothing', '/_gateway/healthz', '/_gateway/readyz',
        '/ping', '/assets/x', '/control-ui-config.json', '/%00', '/v1/models'])
        for (const options of [{}, { user: `:${stack.password}` }, { header: ['Accept: text/html', 'Accept-Language: pt-BR'] },
          { user: `:${stack.password}`, header: 'Origin: https://evil.example', data: '{}' }])
          await curl(`http://127.0.0.1:${port}${target}`, options);
    const navigation = { header: ['Accept: text/html', 'Sec-Fetch-Mode: navigate'] };
    for (const { port } of stack.agents) {
      // Here the address itself tells it, so what is seen is not kept; NoLogTellsASecret looks for it in the log.
      const query = `token=${encodeURIComponent(stack.password)}`;
      const page = await curl(`http://127.0.0.1:${port}/overview?${query}`, navigation, { keep: false });
      assert.equal(page.headers.get('location'), '/_gateway/login?next=%2Foverview');
      const next = encodeURIComponent(`/overview?${query}`);
      await curl(`http://127.0.0.1:${port}/_gateway/login?next=${next}`, navigation, { keep: false });
    }
    const count = { files: 0 };
    assert.deepEqual(searchTree(outputDir, sought, { count }), []);
    assert.ok(count.files >= 2, 'there was something to search');
  });

  test('NoLogTellsASecret', () => {
    const logs = path.join(stack.workspace, 'logs');
    for (const name of ['gateway.log', ...stack.agents.map((each) => `${each.name}.log`)])
      assert.ok(existsSync(path.join(logs, name)), `${name} is there`);
    assert.ok(readdirSync(logs).length >= 3);
    assert.deepEqual(searchTree(logs, sought), []);
    assert.deepEqual(needles([{ name: 'the web password', value: stack.password }])
      .filter(([, form]) => readText(stack.quickstartLog).includes(form)).map(([name]) => name), []);
  });

  test('NoCommandLineTellsASecret', () => {
    assert.deepEqual(searchCommandLines(sought), []);
  });

  test('NoAgentHasASecretInItsEnvironment', () => {
    const agents = agentProcesses();
    assert.ok(agents.length >= stack.agents.length, 'the agents were found');
    assert.deepEqual(searchEnvironments(agents.map((each) => each.pid), sought), []);
    for (const each of agents)
      assert.doesNotMatch(environOf(each.pid), /OPENCLAW_WEB_PASSWORD|RUNPOD_API_KEY|PASSWORD_HASH/);
  });
});
