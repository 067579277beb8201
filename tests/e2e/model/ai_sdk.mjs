// The AI SDK, with its Ollama provider, against the model API.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { load, missing } from '../support/modules.mjs';
import { aiSdkProvider, cannedAnswer } from '../support/model_clients.mjs';
import { chatModel, embeddingModel, startModelStack } from '../support/model_gateway.mjs';

const skip = missing('ai', 'ai-sdk-ollama');

describe('AiSdk', { skip }, () => {
  let stack, provider;
  const { generateText, streamText, embed, embedMany, tool, jsonSchema, stepCountIs, Output } = skip ? {} : load('ai');
  before(async () => {
    stack = await startModelStack();
    provider = aiSdkProvider(stack.gateway.url, stack.gateway.tokens[0]);
  });
  after(async () => assert.equal(await stack?.stop(), true, 'the gateway ends by itself on SIGTERM'));

  const ask = (prompt, more = {}) => ({ model: provider(chatModel), prompt, maxRetries: 0, ...more });
  const city = jsonSchema({ type: 'object', properties: { city: { type: 'string' } }, required: ['city'] });

  test('GeneratesText', async () => {
    const { text, finishReason, usage } = await generateText(ask('Olá, ação 🙂'));
    assert.equal(text, cannedAnswer('Olá, ação 🙂'));
    assert.equal(finishReason, 'stop');
    assert.ok(usage.inputTokens > 0);
    assert.ok(usage.outputTokens > 0);
  });

  test('StreamsText', async () => {
    const result = streamText(ask('Olá, ação 🙂'));
    const pieces = [];
    for await (const piece of result.textStream) if (piece) pieces.push(piece);
    assert.ok(pieces.length > 5, 'word by word');
    assert.equal(pieces.join(''), cannedAnswer('Olá, ação 🙂'));
    assert.equal(await result.finishReason, 'stop');
    assert.ok((await result.usage).outputTokens >= pieces.length);
  });

  test('AToolIsCalledAndItsResultAccepted', async () => {
    const asked = [];
    const weather = tool({ description: 'The weather of a city', inputSchema: city,
      execute: async (given) => (asked.push(given.city), { celsius: 21 }) });
    const { steps } = await generateText(ask('tool:weather {"city":"São Paulo"}', { tools: { weather }, stopWhen: stepCountIs(2) }));
    assert.equal(steps.length, 2, 'the second call took the result');
    assert.equal(steps[0].finishReason, 'tool-calls');
    assert.deepEqual(steps[0].toolCalls.map((call) => [call.toolName, call.input]), [['weather', { city: 'São Paulo' }]]);
    assert.equal(asked[0], 'São Paulo');

    const streamed = streamText(ask('tool:weather {"city":"Recife"}', { tools: { weather } }));
    await streamed.consumeStream();
    assert.deepEqual((await streamed.toolCalls).map((call) => call.input), [{ city: 'Recife' }]);
  });

  test('GeneratesAnObjectOfASchema', async () => {
    const { output } = await generateText(ask('Where?', { output: Output.object({ schema: city }) }));
    assert.deepEqual(Object.keys(output), ['city']);
  });

  test('Embeds', async () => {
    const model = provider.embeddingModel(embeddingModel);
    const { embedding } = await embed({ model, value: 'one text', maxRetries: 0 });
    assert.equal(embedding.length, 768);
    const { embeddings } = await embedMany({ model, values: ['one text', 'another'], maxRetries: 0 });
    assert.deepEqual(embeddings[0], embedding);
  });

  test('ErrorsHaveTheirStatus', async () => {
    const refused = (status) => (error) => error.cause?.status_code === status;
    const stranger = aiSdkProvider(stack.gateway.url, 'not-the-password');
    await assert.rejects(generateText({ ...ask('Hello'), model: stranger(chatModel) }), refused(401));
    await assert.rejects(generateText({ ...ask('Hello'), model: provider('no-such-model') }), refused(404));
    await assert.rejects(generateText(ask('fault:error-first')), refused(500));
  });
});
