// Chromium, the gateway's login page and OpenClaw's dashboard, as a person sees them.
import assert from 'node:assert/strict';
import path from 'node:path';
import { load, chromiumProgram } from './modules.mjs';
import { screenshotDir, keepSeen } from './output.mjs';
import { rememberSecret, stack } from './stack.mjs';
import { until } from './wait.mjs';

/** `hosts`: Chromium's --host-resolver-rules, so that public names lead to this machine. */
export async function startChromium(hosts = []) {
  const { chromium } = load('playwright-core');
  return chromium.launch({
    executablePath: chromiumProgram,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
      // For the front's own certificate; Playwright's option does not reach service workers.
      '--ignore-certificate-errors',
      ...(hosts.length > 0 ? [`--host-resolver-rules=${hosts.map((each) => `MAP ${each}`).join(', ')}`] : [])],
  });
}

/** A visitor: a browser profile of its own. */
export async function newVisitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ignoreHTTPSErrors: true,
    ...options });
  context.setDefaultTimeout(30_000);
  return context;
}

export async function shot(page, name) {
  await page.screenshot({ path: path.join(screenshotDir, `${name}.png`) });
  keepSeen(`page-${name}`, `${page.url().replace(/([?&](?:t|ticket)=)[^&]*/, '$1…')}\n${await page.content()}`);
}

const passwordField = (page) => page.getByLabel('Password (not stored)', { exact: true });

export async function assertLoginPage(page) {
  assert.equal(new URL(page.url()).pathname, '/_gateway/login');
  await passwordField(page).waitFor();
  assert.equal(await page.locator('input:not([type=hidden])').count(), 1, 'the login page has one field');
  assert.equal(await passwordField(page).getAttribute('type'), 'password');
}

/** Types the password and sends the form; the answer to the form's POST. */
export async function typePassword(page, password) {
  await passwordField(page).fill(password);
  const [answer] = await Promise.all([
    page.waitForResponse((each) => each.request().method() === 'POST' && each.url().endsWith('/_gateway/login')),
    page.getByRole('button', { name: 'Sign in', exact: true }).click(),
  ]);
  return answer;
}

export async function rememberCookies(context) {
  for (const cookie of await context.cookies()) rememberSecret(`cookie ${cookie.name}`, cookie.value);
}

/** Opens `address` as somebody without a session, logs in, and waits for the connected dashboard. */
export async function logIn(page, address) {
  await page.goto(address);
  await assertLoginPage(page);
  const answer = await typePassword(page, stack.password);
  assert.equal(answer.status(), 303);
  await waitConnected(page);
  await rememberCookies(page.context());
}

const connectedStatus = (page) => page.getByRole('status').filter({ hasText: /^\s*Connected\s*$/ });

/** The dashboard says "Connected", and asks for nothing: no secret, no pairing, no complaint about the origin. */
export async function waitConnected(page) {
  try {
    await connectedStatus(page).first().waitFor({ state: 'attached' });
  } catch (error) {
    await shot(page, `not-connected-${Date.now()}`);
    throw new Error(`the dashboard at ${page.url()} did not connect: ${await visibleText(page)}`, { cause: error });
  }
  await assertAsksForNothing(page);
}

export async function assertAsksForNothing(page) {
  assert.equal(await page.getByLabel('Gateway secret').count(), 0, 'no field for a secret');
  assert.equal(await page.locator('input[type=password]').count(), 0, 'no password field');
  const text = await visibleText(page);
  assert.doesNotMatch(text, /pairing required|not paired|origin not allowed|gateway secret|disconnected \(1008\)/i);
}

export async function visibleText(page) {
  return page.evaluate(() => document.body.innerText);
}

/** Sends a message that nobody sent before and waits for the demo model's answer below it. */
export async function chatTurn(page) {
  const word = `ping-${Math.random().toString(36).slice(2, 10)}`;
  const composer = page.getByRole('textbox', { name: 'Chat composer' });
  await composer.fill(`Please say something about ${word}.`);
  await composer.press('Enter');
  await page.waitForFunction((sent) => {
    const log = document.querySelector('[role=log]')?.innerText ?? '';
    const at = log.indexOf(sent);
    return at >= 0 && log.slice(at).includes('canned answer');
  }, word, { timeout: 60_000 });
  return word;
}

/** OpenClaw's own dialog for a session that ended while the page was open. Its buttons are slotted into it. */
const signInDialog = (page) =>
  page.locator('openclaw-modal-dialog').filter({ hasText: 'Sign in to continue loading content' });

export async function waitSignInDialog(page) {
  await signInDialog(page).getByRole('button', { name: 'Sign in', exact: true }).waitFor();
}

/** "Sign in" opens the dashboard's address in a new tab: there is our login page. Afterwards the old page works. */
export async function signInAgain(page, password) {
  const [tab] = await Promise.all([
    page.context().waitForEvent('page'),
    signInDialog(page).getByRole('button', { name: 'Sign in', exact: true }).click(),
  ]);
  await tab.waitForLoadState();
  await assertLoginPage(tab);
  assert.equal((await typePassword(tab, password)).status(), 303);
  await waitConnected(tab);
  await rememberCookies(page.context());
  await tab.close();
  await page.bringToFront();
  await connectedStatus(page).first().waitFor({ state: 'attached' });
  await until('the sign-in dialog to go', async () => {
    const again = signInDialog(page).getByRole('button', { name: 'Check again' });
    if (await again.isVisible() && await again.isEnabled()) await again.click();
    return (await signInDialog(page).count()) === 0;
  }, { every: 500 });
}

/** Logs out from inside a page of the gateway, as its own form does. */
export async function logOut(page) {
  const status = await page.evaluate(async () =>
    (await fetch('/_gateway/logout', { method: 'POST', redirect: 'manual' })).type);
  assert.equal(status, 'opaqueredirect');
}
