// A real browser, and how people use it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import jsQR from 'jsqr';
import { chromium } from 'playwright-core';

import { code, step } from '../sdk/totp.js';

const { URL: address, EMAIL: email, PASSWORD: password, MAIL_DIR: mailDir, SCREENSHOTS: screenshots = 'screenshots' } = process.env;
assert.ok(address && email && password && mailDir, 'URL, EMAIL, PASSWORD and MAIL_DIR say what to test');

export { mailDir };
export const url = `${address}/`;
/** The account that all tests share; a test that changes the password says so here. */
export const account = { email, password };

const options = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root has no sandbox to give.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
};

let browser;

/** A browser of somebody's own: cookies, storage and windows of nobody else. */
export async function person(settings = {}) {
  browser ??= await chromium.launch(options);
  const context = await browser.newContext(settings);
  context.setDefaultTimeout(60_000);
  return context;
}

/** A browser whose owner blocks cookies, and a way to be rid of it. */
export async function withoutCookies() {
  const profile = await mkdtemp(join(tmpdir(), 'no-cookies-'));
  await mkdir(join(profile, 'Default'));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, options);
  context.setDefaultTimeout(60_000);
  return { context, end: async () => { await context.close(); await rm(profile, { recursive: true, force: true }); } };
}

export const closeBrowser = () => browser?.close();

/** A tab that fails the test when the page's script breaks or its policy is broken. */
export async function tab(context, at = url) {
  const page = await context.newPage();
  const broken = [];
  page.on('pageerror', (error) => broken.push(error.stack));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) broken.push(message.text());
  });
  page.broken = broken;
  await page.goto(at);
  return page;
}

export const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });
export const button = (place, name) => place.getByRole('button', { name, exact: true });
export const label = (place, name) => place.getByLabel(name, { exact: true });
/** What has the focus, as it is called; or what it says. */
export const focused = (page) => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.textContent);
export const view = async (page, name) => {
  await page.getByRole('link', { name, exact: true }).click();
  await heading(page, name).waitFor();
};

/** Types address and password, and sends them with Enter. */
export async function type(page, secret = account.password, of = account.email) {
  await label(page, 'E-mail address').fill(of);
  await label(page, 'Password').fill(secret);
  await label(page, 'Password').press('Enter');
}

/** A tab in which somebody tries to sign in; what comes of it is up to the test. */
export async function signInAs(context, { email, password }, at = url) {
  const page = await tab(context, at);
  await heading(page, 'Sign in').waitFor();
  await type(page, password, email);
  return page;
}

/** Sets up a second factor in the view that offers it; gives its secret and the recovery codes. */
export async function setUpFactor(context, page, secret = account.password, then = async () => {}) {
  const now = await step();
  const factor = page.locator('#second-factor');
  await label(factor, 'Password').fill(secret);
  await button(factor, 'Set up').click();
  const picture = factor.getByRole('img', { name: /QR code/ });
  await picture.waitFor();
  await then();
  const key = new URL(await scan(context, picture)).searchParams.get('secret');
  await label(factor, 'One-time code').fill(code(key, now - 1));
  await label(factor, 'One-time code').press('Enter');
  await factor.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  return { key, codes: await factor.locator('.codes code').allTextContents() };
}

/** One request to the routes, without a browser: gives the parsed answer, which must be a good one. */
export async function ask(method, path, body, token) {
  const headers = { ...(body ? { 'Content-Type': 'application/json' } : {}), ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text).data : null;
}

export const tokenOf = async ({ email, password }) => (await ask('POST', 'auth/login', { email, password })).access_token;

export async function signIn(context, at = url) {
  const page = await tab(context, at);
  await heading(page, 'Sign in').waitFor();
  await type(page);
  await heading(page, 'Overview').waitFor();
  return page;
}

/** What the picture of an element says, by a scanner that sees nothing but pixels. */
export async function scan(context, element) {
  const png = (await element.screenshot({ scale: 'css' })).toString('base64');
  const eyes = await context.newPage();
  const { width, height, pixels } = await eyes.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    return { width: image.width, height: image.height, pixels: [...canvas.getImageData(0, 0, image.width, image.height).data] };
  }, png);
  await eyes.close();
  const code = jsQR(Uint8ClampedArray.from(pixels), width, height);
  assert.ok(code, 'a scanner sees no code in the picture');
  return code.data;
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong for people who do not see the page, or see it badly; and a picture of it for those who look at tests. */
export async function inspect(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  const found = violations.map((one) => `${one.id}: ${one.help}\n  ${one.nodes.map((node) => node.html).join('\n  ')}`);
  assert.deepEqual(found, [], `${name} is hard to use for some`);
  assert.deepEqual(page.broken ?? [], [], name);
}
