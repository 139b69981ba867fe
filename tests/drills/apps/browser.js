// Uses the applications as a person would, in a real browser. Arguments: port, chromium, folder for pictures, and as JSON
// what is to be done. Prints PASS and FAIL lines.
'use strict';
const fs = require('fs');
const path = require('path');
const { chromium } = require('playwright-core');

const [port, executablePath, pictures, wanted] = process.argv.slice(2);
const plan = JSON.parse(wanted);
const at = (name, rest = '/') => `http://${name}.localhost:${port}${rest}`;
let failed = 0;

function check(isRight, text) {
  console.log(`${isRight ? 'PASS' : 'FAIL'} ${text}`);
  failed += !isRight;
}

const scenes = {
  async vite(browser) {
    const page = await browser.newPage();
    const sockets = [];
    page.on('websocket', socket => sockets.push(socket.url()));
    // A change made before the page's socket stands is told to nobody: Vite's client says in the console when it does.
    const connected = page.waitForEvent('console', line => line.text().includes('[vite] connected'));
    await Promise.all([connected, page.goto(at('vite'))]);
    await page.waitForSelector('#word:has-text("before")');
    await page.evaluate(() => { window.isSamePage = true; });
    // The page accepts the new module itself: its word changes, and the page is not loaded again.
    for (const word of ['after', 'later']) {
      fs.writeFileSync(path.join(plan.vite, 'word.js'), `export const word = '${word}';\n`);
      await page.waitForSelector(`#word:has-text("${word}")`);
      // Vite's watcher drops a change that follows the last one within 50 ms, tunnel or not; a person saves less often.
      await page.waitForTimeout(1000);
    }
    const isSame = await page.evaluate(() => window.isSamePage === true);
    check(isSame && sockets.length === 1, `vite: two changes of a module arrived by hot reload, over ${sockets.length} WebSocket, on the page as it was`);
    await page.screenshot({ path: path.join(pictures, 'vite.png') });
  },

  async chat(browser) {
    for (const transport of ['', 'polling', 'websocket']) {
      const pages = [];
      for (let n = 0; n < 2; n++) {
        const page = await browser.newPage();
        await page.goto(at('chat', `/?transport=${transport}`));
        await page.waitForFunction(() => document.title === 'connected');
        pages.push(page);
      }
      if (!transport) await pages[0].waitForFunction(() => window.transport() === 'websocket');
      for (let n = 0; n < 20; n++) {
        await pages[n % 2].evaluate(text => window.say(text), `word ${n}`);
        await Promise.all(pages.map(page => page.waitForSelector(`#heard li:nth-child(${n + 1})`)));
      }
      const heard = await pages[0].$$eval('#heard li', items => items.map(item => item.textContent).join());
      const right = Array.from({ length: 20 }, (_, n) => `word ${n}`).join();
      const used = await pages[1].evaluate(() => window.transport());
      check(heard === right, `chat: 20 lines between two browsers, in order, over ${transport || 'polling and then websocket'} (${used} in the end)`);
      await pages[0].screenshot({ path: path.join(pictures, 'chat.png') });
      for (const page of pages) await page.close();
    }
  },

  async video(browser) {
    const page = await browser.newPage();
    const statuses = [];
    page.on('response', response => { if (response.url().endsWith('.webm')) statuses.push(response.status()); });
    await page.goto(at('video'));
    await page.waitForFunction(() => document.querySelector('video').readyState >= 2);
    const length = await page.evaluate(() => document.querySelector('video').duration);
    const times = [];
    for (const part of [0.9, 0.1, 0.6, 0.3]) {
      times.push(await page.evaluate(to => new Promise((done, fail) => {
        const video = document.querySelector('video');
        const since = performance.now();
        video.onseeked = () => done(performance.now() - since);
        video.onerror = () => fail(new Error(video.error.message));
        video.currentTime = to;
      }), length * part));
    }
    await page.evaluate(() => document.querySelector('video').play());
    const from = await page.evaluate(() => document.querySelector('video').currentTime);
    await page.waitForFunction(past => document.querySelector('video').currentTime > past + 1, from);
    const isRanges = statuses.length > 1 && statuses.every(status => status === 206);
    check(isRanges, `video: ${length.toFixed(0)} s, four seeks in ${times.map(time => time.toFixed(0)).join(', ')} ms with ${statuses.length} ranges, then it plays`);
    await page.screenshot({ path: path.join(pictures, 'video.png') });
  },

  async upload(browser) {
    const page = await browser.newPage();
    await page.goto(at('upload'));
    await page.setInputFiles('input', plan.upload.file);
    const since = Date.now();
    await Promise.all([
      page.waitForFunction(() => document.title === 'received', null, { timeout: plan.upload.seconds * 1000 }),
      page.click('button', { noWaitAfter: true }),
    ]);
    const got = await page.textContent('#got');
    check(got === plan.upload.expected, `upload: a form with a file of ${plan.upload.expected.split(' ')[1]} bytes in ${((Date.now() - since) / 1000).toFixed(1)} s, equal SHA-256`);
    await page.screenshot({ path: path.join(pictures, 'upload.png') });
  },

  async jupyter(browser) {
    const page = await browser.newPage();
    await page.goto(at('jupyter', '/notebooks/drill.ipynb'));
    await page.waitForSelector('.code_cell .CodeMirror');
    await page.waitForFunction(() => window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected());
    await page.click('.code_cell .CodeMirror');
    await page.keyboard.press('Shift+Enter');
    await page.waitForSelector('.output_stdout:has-text("the answer is 42")');
    check(true, 'jupyter: a notebook runs its cell');
    await page.screenshot({ path: path.join(pictures, 'jupyter.png') });
  },
};

(async () => {
  const browser = await chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--mute-audio',
      '--autoplay-policy=no-user-gesture-required', '--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND'],
  });
  for (const name of plan.scenes) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 700 } });
    context.setDefaultTimeout(60000);
    try {
      await scenes[name](context);
    } catch (error) {
      check(false, `${name}: ${String(error.message || error).split('\n')[0]}`);
      const page = context.pages()[0];
      if (page) await page.screenshot({ path: path.join(pictures, `${name}-failed.png`) }).catch(() => {});
    }
    await context.close();
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
})();
