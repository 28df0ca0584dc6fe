import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { BrowserContextOptions } from "playwright-core";
import { startBrowser } from "../page/testing/browser.ts";
import { type Shape, shown } from "./testing/shown.ts";

// Takes the pictures of the page that docs/ has: a real scheduler before simulated instances, asked by clients for a while.
// Usage: npm run toolchain -- --no-engine exec node test/photograph-page.ts [SECONDS] [FOLDER]

const [seconds = "125", folder = "docs"] = process.argv.slice(2);
const two: Shape = { prefill: [18, 19], decode: [18, 19], npus: 2 };
const many: Shape = {
  prefill: Array.from({ length: 32 }, (_, at) => 18 + (at >> 2)),
  decode: Array.from({ length: 32 }, (_, at) => 26 + (at >> 2)),
  npus: 2,
};
const desk = { width: 1280, height: 700 };

await photograph(two, 14, [
  ["page-light", { viewport: desk }],
  ["page-dark", { viewport: desk, colorScheme: "dark" }],
  ["page-zh", { viewport: desk, locale: "zh-CN" }],
]);
if (folder !== "docs") await photograph(many, 60, [["page-64", { viewport: { width: 1280, height: 1420 } }]]);

async function photograph(
  shape: Shape,
  clients: number,
  pictures: readonly (readonly [name: string, options: BrowserContextOptions])[],
): Promise<void> {
  const deployment = await shown(shape);
  const browser = await startBrowser();
  try {
    deployment.load(clients);
    const pages = pictures.map(async ([name, options]) => {
      const context = await browser.newContext({ locale: "en-US", deviceScaleFactor: 1.5, ...options });
      const page = await context.newPage();
      await page.goto(deployment.pageUrl);
      return [name, page] as const;
    });
    const opened = await Promise.all(pages);
    await sleep(Number(seconds) * 1000);
    for (const [name, page] of opened) {
      await page.bringToFront();
      await page.screenshot({ path: join(folder, `${name}.png`) });
      console.log(join(folder, `${name}.png`));
    }
  } finally {
    await browser.close();
    await deployment.close();
  }
}
