// People with a browser in front of the real dashboards.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { stack, noStack, agent, readText, rememberSecret } from './support/stack.mjs';
import { missing } from './support/modules.mjs';
import { restartGatewayWith } from './support/gateway_settings.mjs';
import { startRunpodFront } from './support/runpod_front.mjs';
import { startTcpForwarder } from './support/tcp_forwarder.mjs';
import { until } from './support/wait.mjs';
import * as at from './support/browser.mjs';

const skip = noStack || missing('playwright-core', 'chromium', 'openclaw');
const visitorAddress = '198.51.100.23';

describe('Browser', { skip }, () => {
  let front, browser, visitor;

  before(async () => {
    front = await startRunpodFront({ podId: stack.podId, visitor: visitorAddress, defaultPort: agent(1).port });
    browser = await at.startChromium([
      `*.proxy.runpod.net:443 127.0.0.1:${front.port}`,
      `${stack.ownHost}:443 127.0.0.1:${front.port}`,
      `${stack.ownHost} 127.0.0.1`,
      '203.0.113.80 127.0.0.1',
    ]);
  });
  after(async () => {
    await browser?.close();
    await front?.close();
  });
  afterEach(async (t) => {
    if (t.error) for (const [index, page] of (visitor?.pages() ?? []).entries()) await at.shot(page, `failed-${t.name}-${index + 1}`);
    await visitor?.close();
    visitor = undefined;
  });

  const newPage = async (options) => {
    visitor = await at.newVisitor(browser, options);
    return visitor.newPage();
  };

  async function wholeVisit(page, origin, name) {
    await page.goto(`${origin}/overview`);
    await at.assertLoginPage(page);
    assert.equal(new URL(page.url()).searchParams.get('next'), '/overview');
    assert.match(await at.visibleText(page), /agent_1/);
    await at.shot(page, `${name}-1-login`);

    const refused = await at.typePassword(page, 'not-the-password');
    assert.equal(refused.status(), 401);
    await page.getByRole('alert').waitFor();
    await at.shot(page, `${name}-2-wrong-password`);

    const accepted = await at.typePassword(page, stack.password);
    assert.equal(accepted.status(), 303);
    assert.equal(accepted.headers().location, '/overview');
    await at.waitConnected(page);
    await at.rememberCookies(page.context());
    await at.shot(page, `${name}-3-connected`);

    const word = await at.chatTurn(page);
    assert.match(await at.visibleText(page), new RegExp(word));
    await at.shot(page, `${name}-4-answered`);

    await page.reload();
    await at.waitConnected(page);
  }

  test('AVisitorOfOverviewLogsInChatsAndStaysConnectedOverPlainHttp', async () => {
    const page = await newPage();
    await wholeVisit(page, `http://127.0.0.1:${agent(1).port}`, 'http');
    const [cookie, ...others] = await page.context().cookies();
    assert.deepEqual(others, []);
    assert.equal(cookie.name, `clawgate-${agent(1).port}`);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.secure, false);
    assert.equal(cookie.sameSite, 'Lax');
  });

  test('TheSameWorksThroughAFrontLikeRunPods', async () => {
    const page = await newPage();
    await wholeVisit(page, front.origin(agent(1).port), 'runpod');
    const [cookie, ...others] = await page.context().cookies();
    assert.deepEqual(others, []);
    assert.equal(cookie.name, `__Host-clawgate-${agent(1).port}`);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.secure, true);
    assert.equal(cookie.sameSite, 'Lax');
    await until('the access log to name the visitor', () =>
      readText(stack.gatewayLog).split('\n').some((line) => line.includes(visitorAddress) && line.includes('/overview')));
  });

  // The loopback address and RunPod's have their whole visits above.
  const origins = {
    Localhost: () => `http://localhost:${agent(1).port}`,
    AnAddressLiteralThatIsAlsoTheHost: () => `http://203.0.113.80:${agent(1).port}`,
    AConfiguredOriginOverHttp: () => `http://${stack.ownHost}:${agent(1).port}`,
    AConfiguredOriginOverHttps: () => `https://${stack.ownHost}`,
  };
  for (const [name, origin] of Object.entries(origins)) {
    test(`TheDashboardConnectsUnder${name}`, async () => {
      const page = await newPage();
      await at.logIn(page, `${origin()}/overview`);
      assert.equal(new URL(page.url()).origin, origin());
      await at.shot(page, `origin-${name}`);
    });
  }

  test('TheDashboardConnectsUnderThePublicAddressOfAnExposedTcpPort', async () => {
    const exposed = { address: stack.publicIp, port: stack.outsidePort, to: agent(1).port };
    const forwarder = await startTcpForwarder(exposed);
    try {
      const page = await newPage();
      await at.logIn(page, `http://${exposed.address}:${exposed.port}/overview`);
      assert.equal(new URL(page.url()).host, `${exposed.address}:${exposed.port}`);
      await at.chatTurn(page);
      await at.shot(page, 'origin-ExposedTcpPort');
    } finally {
      await forwarder.close();
    }
  });

  test('APortugueseReaderIsAskedInPortuguese', async () => {
    const page = await newPage({ locale: 'pt-BR' });
    await page.goto(`http://127.0.0.1:${agent(1).port}/overview`);
    await page.getByLabel('Senha (não é armazenada)', { exact: true }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'pt-BR');
    await at.shot(page, 'login-pt-BR');
  });

  test('TheLoginWorksWithoutJavaScript', async () => {
    const page = await newPage({ javaScriptEnabled: false });
    await page.goto(`http://127.0.0.1:${agent(1).port}/overview`);
    await at.assertLoginPage(page);
    assert.equal((await at.typePassword(page, stack.password)).status(), 303);
    await page.waitForURL((url) => url.pathname === '/overview');
    await at.rememberCookies(page.context());
  });

  test('TheSecondAgentHasASessionOfItsOwn', async () => {
    const page = await newPage();
    await at.logIn(page, `http://127.0.0.1:${agent(1).port}/overview`);

    const second = await visitor.newPage();
    await second.goto(`http://127.0.0.1:${agent(2).port}/overview`);
    await at.assertLoginPage(second);
    assert.match(await at.visibleText(second), /agent_2/);

    // The first agent's cookie under the second one's name opens nothing.
    const [cookie] = await visitor.cookies();
    await visitor.addCookies([{ name: `clawgate-${agent(2).port}`, value: cookie.value, url: `http://127.0.0.1:${agent(2).port}`,
      httpOnly: true, sameSite: 'Lax' }]);
    await second.goto(`http://127.0.0.1:${agent(2).port}/overview`);
    await at.assertLoginPage(second);

    assert.equal((await at.typePassword(second, stack.password)).status(), 303);
    await at.waitConnected(second);
    await at.rememberCookies(visitor);
    await at.shot(second, 'agent-2-connected');
    await at.chatTurn(second);

    await at.logOut(second);
    await second.goto(`http://127.0.0.1:${agent(2).port}/overview`);
    await at.assertLoginPage(second);
    await page.reload();
    await at.waitConnected(page);
  });

  test('LoggingOutElsewhereShowsOpenClawsSignInAndALoginBringsThePageBack', async () => {
    const page = await newPage();
    await at.logIn(page, `http://127.0.0.1:${agent(1).port}/overview`);
    const other = await visitor.newPage();
    await other.goto(`http://127.0.0.1:${agent(1).port}/overview`);
    await at.waitConnected(other);
    await at.logOut(other);
    await other.close();

    await at.waitSignInDialog(page);
    await at.shot(page, 'ended-1-sign-in');
    await at.signInAgain(page, stack.password);
    await at.waitConnected(page);
    await at.shot(page, 'ended-2-back');
    await at.chatTurn(page);
  });

  test('ALostCookieShowsOpenClawsSignInWhileTheConversationStaysOpen', async () => {
    const page = await newPage();
    await at.logIn(page, `${front.origin(agent(1).port)}/overview`);
    await page.waitForFunction(() => navigator.serviceWorker?.controller);
    await visitor.clearCookies();
    // The page may have noticed by itself: then the dialog lies over the link.
    await page.getByRole('link', { name: 'Plugins', exact: true }).click({ timeout: 5000 }).catch(() => {});
    await at.waitSignInDialog(page);
    await at.shot(page, 'lost-cookie-1-sign-in');
    await at.signInAgain(page, stack.password);
    await page.goto(`${front.origin(agent(1).port)}/overview`);
    await at.waitConnected(page);
    await at.shot(page, 'lost-cookie-2-back');
  });

  test('AnExpiredSessionShowsOpenClawsSignInAndALoginBringsThePageBack', async () => {
    const back = await restartGatewayWith('CLAWGATE_SESSION_HOURS=0.01'); // 36 s
    try {
      const page = await newPage();
      visitor.setDefaultTimeout(60_000);
      await at.logIn(page, `http://127.0.0.1:${agent(1).port}/overview`);
      await at.waitSignInDialog(page);
      await at.shot(page, 'expired-1-sign-in');
      await at.signInAgain(page, stack.password);
      await at.chatTurn(page);
      await at.shot(page, 'expired-2-back');
    } finally {
      await back();
    }
  });

  const controlPages = {
    OverPlainHttp: { address: (port) => `http://127.0.0.1:${port}`, name: 'control-http' },
    ThroughAFrontLikeRunPods: { address: (port) => front.origin(port), name: 'control-runpod' },
  };
  for (const [how, { address, name }] of Object.entries(controlPages)) {
    test(`TheControlPageOpensAnAgentWithOneClick${how}`, async () => {
      const page = await newPage();
      await page.goto(`${address(stack.controlPort)}/`);
      await at.assertLoginPage(page);
      assert.equal((await at.typePassword(page, stack.password)).status(), 303);
      await at.rememberCookies(visitor);
      for (const each of stack.agents) {
        const row = page.getByRole('row').filter({ hasText: each.name });
        await row.filter({ hasText: 'Ready' }).waitFor();
        assert.match(await row.innerText(), new RegExp(`${address(each.port).replaceAll('.', '\\.')}`));
      }
      await at.shot(page, `${name}-1-agents`);

      const tickets = [];
      visitor.on('request', (request) => {
        const url = new URL(request.url());
        if (url.pathname === '/_gateway/ticket') tickets.push(url);
      });
      const [tab] = await Promise.all([
        visitor.waitForEvent('page'),
        page.getByRole('button', { name: 'Open agent_2', exact: true }).click(),
      ]);
      await at.waitConnected(tab);
      await at.rememberCookies(visitor);
      assert.equal(new URL(tab.url()).origin, address(agent(2).port));
      await at.shot(tab, `${name}-2-opened`);

      // A ticket works once.
      assert.equal(tickets.length, 1);
      rememberSecret('ticket', [...tickets[0].searchParams.values()].at(-1));
      const stranger = await at.newVisitor(browser);
      const again = await stranger.newPage();
      await again.goto(tickets[0].href);
      assert.deepEqual(await stranger.cookies(), []);
      await stranger.close();
    });
  }
});
