/** The data page as a person uses it. */
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hostile, plainPage, trainRows } from '../inspect/data.ts';
import { closeBrowser, hasBrowser, openPage } from './chromium.ts';
import { manyRows } from './many.ts';

if (hasBrowser(8)) {
  const path = await plainPage();
  const text = async (page: Page, selector: string) => (await page.textContent(selector)) ?? '';
  const listed = (count: number | string) => `.found:text-matches("^${count}[ ]")`;

  test('opens from a file, asks for nothing, and leads from the overview to the rows', async () => {
    const { page, faults } = await openPage(path);
    assert.match(
      await text(page, '.overview'),
      /An epoch reads 52 rows = 51 trained \+ 1 left out/,
    );
    assert.is(await page.getAttribute('[role=tab][data-view=overview]', 'aria-selected'), 'true');
    await page.click('.card:has-text("left out")');
    await page.waitForSelector(listed(1));
    assert.match(await text(page, '.head'), /Row 45.*Left out: nothing left to train/s);
    assert.ok(await page.isVisible('.text .cut'));
    assert.equal(faults, []);
    await page.close();
  });

  test('rows that are markup, scripts or controls are text', async () => {
    const { page, faults } = await openPage(path, 1280, '#rows');
    for (const [i, written] of hostile.entries()) {
      await page.fill('input[type=search]', `#${46 + i}`);
      await page.waitForSelector(`.head h2:text("Row ${46 + i}")`);
      const shown = await text(page, '.text');
      if (i < 4) assert.ok(shown.includes(written), shown);
      else assert.match(shown, /RLOgnihtynaPDF LRI␁␛\[31mPDI/);
      assert.not.match(shown ?? '', /[\u202a-\u202e\u2066-\u2069]/);
    }
    assert.is(await page.evaluate('window.hacked'), undefined);
    assert.is(await page.evaluate('document.querySelectorAll("img, svg").length'), 0);
    assert.equal(faults, []);
    await page.close();
  });

  test('its policy lets no other script run', async () => {
    const { page, faults } = await openPage(path);
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'window.hacked = 9';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.hacked = 8">');
    }`);
    await page.waitForTimeout(50);
    assert.is(await page.evaluate('window.hacked'), undefined);
    assert.ok(faults.some((fault) => fault.includes('Content Security Policy')));
    await page.close();
  });

  test('the keyboard alone: search, rows, tokens and their ids', async () => {
    const { page, faults } = await openPage(path);
    await page.keyboard.press('/');
    await page.keyboard.type('answer 1');
    await page.waitForSelector(listed(11));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.waitForSelector('.head h2:text("Row 10")');
    assert.is(await page.getAttribute('[role=option][aria-selected=true]', 'aria-posinset'), '2');
    await page.focus('.text');
    await page.keyboard.press('ArrowRight');
    assert.match(await text(page, '.token-line'), /^token 1id 264not trained"<\|user\|>"$/);
    await page.keyboard.press('End');
    assert.match(await text(page, '.token-line'), /id 263trained"<\|eos\|>"$/);
    assert.equal(faults, []);
    await page.close();
  });

  test('filters, groups, order, tokens by id and regular expressions', async () => {
    const { page } = await openPage(path, 1280, '#rows');
    await page.click('.chip:has-text("Leakage")');
    await page.waitForSelector(listed(3));
    assert.is(await page.locator('.entry b').allTextContents().then(String), '#40,#41,eval #1');
    await page.click('.chip:has-text("Leakage")');
    await page.selectOption('select[aria-label=Order]', 'longest');
    await page.waitForSelector('.entry >> nth=0 >> text=#45');
    await page.selectOption('select[aria-label=Source]', '1');
    await page.waitForSelector(listed(2));
    await page.selectOption('select[aria-label=Source]', '-1');
    await page.fill('input[type=search]', `/answer (7|8) is/`);
    await page.waitForSelector(listed(2));
    await page.fill('input[type=search]', 'id:258');
    await page.waitForSelector('.found:text-matches("^0 of")');
    await page.fill('input[type=search]', '/(/');
    await page.waitForSelector('.found:text-matches("regular expression")');
    await page.close();
  });

  test('390 pixels: nothing runs over, and a row takes the place of the list', async () => {
    const { page } = await openPage(path, 390);
    const width = () => page.evaluate('document.documentElement.scrollWidth');
    assert.is(await width(), 390);
    await page.click('[role=tab][data-view=rows]');
    await page.click('.entry >> nth=2');
    await page.waitForSelector('.head h2:text("Row 2")');
    assert.not.ok(await page.isVisible('.list'));
    assert.is(await width(), 390);
    await page.click('.back');
    assert.ok(await page.isVisible('.list'));
    await page.close();
  });

  test('100,000 rows: those in view alone are elements, and the last is a key away', async () => {
    const { page, faults } = await openPage(await manyRows(100_000), 1280, '#rows');
    await page.waitForSelector(listed('100,000'));
    await page.focus('.list');
    await page.keyboard.press('End');
    await page.waitForSelector('.head h2:text("Row 99999")');
    assert.ok((await page.locator('.entry').count()) < 40);
    await page.fill('input[type=search]', 'number 77777 ');
    await page.waitForSelector('.found:text-matches("^1 of 100,000")');
    assert.equal(faults, []);
    await page.close();
  });

  test('rows with the highest loss come first, and tokens are shaded by loss', async () => {
    const { page } = await openPage(await manyRows(300, true));
    await page.waitForSelector('.entry >> nth=0 >> text=loss 5.98');
    assert.is(await page.getAttribute('.detail', 'data-shade'), 'loss');
    assert.ok(await page.isVisible('.text .t.l5'));
    await page.hover('.text .t.l5');
    assert.match(await text(page, '.token-line'), /loss 6\.00/);
    await page.close();
  });

  test.after(closeBrowser);
}

assert.is(trainRows.length, 52);
test.run();
