// One turn of the real OpenClaw with a model behind an address of the test's choice: its agent alone, without its
// dashboard and without a workspace of ours.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openclawProgram } from './modules.mjs';
import { chatModel } from './model_gateway.mjs';
import { output } from './processes.mjs';

function configuration(home, { baseUrl, apiKey, params }) {
  return {
    update: { checkOnStart: false, auto: { enabled: false } },
    telemetry: { enabled: false },
    discovery: { mdns: { mode: 'off' } },
    memory: { search: { enabled: false } },
    agents: { defaults: { workspace: path.join(home, 'work'), skipBootstrap: true, thinkingDefault: 'off',
      model: { primary: `ollama/${chatModel}` }, contextPruning: { mode: 'off' } } },
    models: { mode: 'replace', catalogRefresh: { enabled: false }, providers: { ollama: { baseUrl, apiKey, api: 'ollama',
      timeoutSeconds: 600, models: [{ id: chatModel, name: chatModel, reasoning: true, input: ['text'], contextWindow: 131072,
        maxTokens: 4096, params }] } } },
  };
}

/** `params` are OpenClaw's own, which it sends with each request. Resolves to the text of the answer. */
export async function openclawTurn({ baseUrl, apiKey, message, params = {}, within = 180_000 }) {
  const home = mkdtempSync(path.join(os.tmpdir(), 'clawgate-openclaw-'));
  try {
    mkdirSync(path.join(home, 'work'));
    const file = path.join(home, 'openclaw.json');
    writeFileSync(file, JSON.stringify(configuration(home, { baseUrl, apiKey, params })), { mode: 0o600 });
    const args = ['agent', '--local', '--json', '--session-id', 'test', '--message', message];
    const run = await output(process.execPath, [openclawProgram, ...args], {
      cwd: home,
      env: { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: home, TMPDIR: home, NO_COLOR: '1', DO_NOT_TRACK: '1',
        OPENCLAW_STATE_DIR: path.join(home, 'state'), OPENCLAW_CONFIG_PATH: file,
        OPENCLAW_NO_RESPAWN: '1', OPENCLAW_NO_AUTO_UPDATE: '1', OPENCLAW_DISABLE_BONJOUR: '1' },
      within,
    });
    const start = run.stdout.indexOf('{');
    if (start < 0) throw new Error(`OpenClaw said nothing (${run.status}): ${run.stderr.slice(-2000)}`);
    const { payloads } = JSON.parse(run.stdout.slice(start));
    if (payloads.some((each) => each.isError))
      throw new Error(`OpenClaw failed: ${JSON.stringify(payloads)} ${run.stderr.slice(-2000)}`);
    return payloads.map((each) => each.text).join('\n');
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}
