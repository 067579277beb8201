// A conversation with an agent, in the session that its dashboard opens with.
import assert from 'node:assert/strict';
import { curl, json } from './curl.mjs';
import { call } from './native_client.mjs';

/** Says it to the agent on this port, and resolves to the answer's text. */
export async function say(port, password, content) {
  const answer = await curl(`http://127.0.0.1:${port}/v1/chat/completions`, { user: `:${password}`,
    header: ['Content-Type: application/json', 'x-openclaw-session-key: agent:main:main'],
    data: JSON.stringify({ model: 'openclaw', messages: [{ role: 'user', content }] }) }, { keep: false, within: 120_000 });
  assert.equal(answer.status, 200, answer.body);
  return json(answer).choices[0].message.content;
}

/** OpenClaw's own account of the conversation, with the session's settings. */
export async function history(port, password) {
  const { result, error } = await call(`ws://127.0.0.1:${port}/`, { auth: { password }, method: 'chat.history',
    params: { sessionKey: 'main' } });
  assert.equal(result?.ok, true, JSON.stringify(result ?? error));
  return result.payload;
}
