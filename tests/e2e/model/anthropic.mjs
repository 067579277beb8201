// The client `@anthropic-ai/sdk` against the model API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { load, missing } from '../support/modules.mjs';
import { anthropicClient, cannedAnswer } from '../support/model_clients.mjs';
import { chatModel, startModelStack } from '../support/model_gateway.mjs';

describe('Anthropic', { skip: missing('@anthropic-ai/sdk') }, () => {
  let stack, client;
  const { Anthropic } = missing('@anthropic-ai/sdk') ? {} : load('@anthropic-ai/sdk');
  before(async () => {
    stack = await startModelStack();
    client = anthropicClient(stack.gateway.url, stack.gateway.tokens[0]);
  });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  const say = (content, more = {}) => ({ model: chatModel, max_tokens: 1000, messages: [{ role: 'user', content }], ...more });
  const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');

  test('AnswersAMessage', async () => {
    const message = await client.messages.create(say('Olá, ação 🙂', { system: 'Be kind.' }));
    assert.equal(message.type, 'message');
    assert.equal(message.role, 'assistant');
    assert.equal(message.model, chatModel);
    assert.equal(message.stop_reason, 'end_turn');
    assert.equal(textOf(message), cannedAnswer('Olá, ação 🙂'));
    assert.ok(message.usage.input_tokens > 0);
    assert.ok(message.usage.output_tokens > 0);
  });

  test('AnAnswerThatIsCutSaysMaxTokens', async () => {
    const message = await client.messages.create(say('Say a lot.', { max_tokens: 3 }));
    assert.equal(message.stop_reason, 'max_tokens');
    assert.equal(message.usage.output_tokens, 3);
  });

  test('StreamsTheSameMessage', async () => {
    const stream = client.messages.stream(say('Olá, ação 🙂'));
    const pieces = [];
    const types = new Set();
    stream.on('text', (piece) => pieces.push(piece));
    stream.on('streamEvent', (event) => types.add(event.type));
    const message = await stream.finalMessage();
    assert.ok(pieces.length > 5, 'word by word');
    assert.equal(pieces.join(''), cannedAnswer('Olá, ação 🙂'));
    assert.equal(textOf(message), pieces.join(''));
    assert.equal(message.stop_reason, 'end_turn');
    assert.ok(message.usage.output_tokens >= pieces.length);
    for (const type of ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop',
      'message_delta', 'message_stop'])
      assert.ok(types.has(type), type);
  });

  test('ThinkingIsABlockOfItsOwn', async () => {
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const { content } = await client.messages.create(say('Hello', { thinking, max_tokens: 2000 }));
    assert.deepEqual(content.map((block) => block.type), ['thinking', 'text']);
    const streamed = await client.messages.stream(say('Hello', { thinking, max_tokens: 2000 })).finalMessage();
    assert.equal(streamed.content[0].thinking, content[0].thinking);
    const without = await client.messages.create(say('Hello', { thinking: { type: 'disabled' } }));
    assert.deepEqual(without.content.map((block) => block.type), ['text']);
  });

  const tools = [{ name: 'weather', description: 'The weather of a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }];

  test('AToolIsUsedAndItsResultAccepted', async () => {
    const request = say('tool:weather {"city":"São Paulo"}', { tools });
    const first = await client.messages.create(request);
    assert.equal(first.stop_reason, 'tool_use');
    const use = first.content.find((block) => block.type === 'tool_use');
    assert.equal(use.name, 'weather');
    assert.deepEqual(use.input, { city: 'São Paulo' });
    const second = await client.messages.create({ ...request, messages: [...request.messages,
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '21 degrees' },
        { type: 'text', text: 'And now?' }] }] });
    assert.equal(second.stop_reason, 'end_turn');
    assert.equal(textOf(second), cannedAnswer('And now?'));

    const streamed = await client.messages.stream(request).finalMessage();
    assert.equal(streamed.stop_reason, 'tool_use');
    assert.deepEqual(streamed.content.find((block) => block.type === 'tool_use').input, { city: 'São Paulo' });
  });

  test('ErrorsAreTheClientsOwnClasses', async () => {
    await assert.rejects(anthropicClient(stack.gateway.url, 'not-the-password').messages.create(say('Hello')),
      Anthropic.AuthenticationError);
    const is = (Class, type, message) => (error) =>
      error instanceof Class && error.error.error.type === type && message.test(error.message);
    await assert.rejects(client.messages.create(say('Hello', { model: 'no-such-model' })),
      is(Anthropic.NotFoundError, 'not_found_error', /no-such-model/));
    await assert.rejects(client.messages.create(say('Hello', { tools, tool_choice: { type: 'any' } })),
      is(Anthropic.BadRequestError, 'invalid_request_error', /tool_choice/));
    await assert.rejects(client.messages.create(say('fault:error-first')), Anthropic.InternalServerError);
  });

  test('AFailureInMidStreamIsThrownByTheIterator', async () => {
    const events = [];
    await assert.rejects(async () => {
      for await (const event of await client.messages.create(say('fault:error-mid', { stream: true }))) events.push(event.type);
    }, (error) => error instanceof Anthropic.APIError && /unexpected EOF/.test(error.message));
    assert.ok(events.includes('content_block_delta'), 'something came before');
    assert.ok(!events.includes('message_stop'));
  });
});
