import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { defaultCacheDir } from "../../toolchain/cache.ts";
import { ensureChromium } from "../../toolchain/chromium.ts";
import { Feed } from "../feed.ts";
import { pageListener } from "../listener.ts";
import type { Snapshot, Trouble } from "../snapshot.ts";

/** A headless Chromium. As root, as in a container, it has no sandbox. */
export async function startBrowser(): Promise<Browser> {
  const context = { cacheDir: defaultCacheDir(), say: (line: string) => console.log(line) };
  const executablePath = await ensureChromium(context);
  return chromium.launch({ executablePath, chromiumSandbox: process.geteuid?.() !== 0 });
}

/** A page, and all that its console said of it. Ends with the test. */
export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const viewport = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport, locale: "en-US", ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, complaints };
}

/** The page before a feed that says what a test has it say. Ends with the test. */
export async function fed(token?: string) {
  let tell: ((seen: Snapshot | Trouble) => void) | undefined;
  let last: Snapshot | Trouble | undefined;
  const feed = new Feed((heard) => {
    tell = heard;
    // Again and again, as all sources do.
    const again = () => last !== undefined && heard(last);
    again();
    const timer = setInterval(again, 500);
    return () => {
      tell = undefined;
      clearInterval(timer);
    };
  });
  let server: Server | undefined;
  let port = 0;
  async function start(): Promise<void> {
    server = createServer(pageListener(feed, token));
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  }
  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server?.close(resolve));
    server?.closeAllConnections();
    await closed;
  }
  await start();
  onTestFinished(stop);
  return {
    url: `http://localhost:${port}/`,
    feed,
    start,
    stop,
    say(seen: Snapshot | Trouble) {
      last = seen;
      tell?.(seen);
    },
  };
}
