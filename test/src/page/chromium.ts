/** Pages in a real browser, from their files. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const folders = (process.env.PATH ?? '').split(delimiter);

/** Path of Chromium, or null. */
const chromium =
  folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync) ?? null;

/** Whether there is a browser; otherwise says that `tests` are skipped. */
export function hasBrowser(tests: number): boolean {
  if (chromium !== null) return true;
  console.log(`SKIPPED ${tests}: there is no Chromium (Debian package chromium)`);
  return false;
}

export interface Opened {
  page: Page;
  /** Requests beyond the file itself, errors, and dialogs: what no page may have. */
  faults: string[];
}

let browser: Promise<Browser> | null = null;

/** Opens a page from file://, `width` pixels wide. */
export async function openPage(path: string, width = 1280, hash = ''): Promise<Opened> {
  const { chromium: driver } = await import('playwright-core');
  browser ??= driver.launch({ executablePath: chromium ?? '', args: ['--no-sandbox'] });
  const page = await (await browser).newPage({ viewport: { width, height: 800 } });
  page.setDefaultTimeout(10_000);
  const faults: string[] = [];
  const url = pathToFileURL(path).href;
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`request: ${request.url().slice(0, 80)}`);
  });
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('dialog', async (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await page.goto(url + hash);
  await page.waitForSelector('header h1');
  return { page, faults };
}

/** Test files share a process: the next one that wants a browser starts another. */
export async function closeBrowser(): Promise<void> {
  const open = browser;
  browser = null;
  await (await open)?.close();
}
