import { request } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { shown } from "../test/testing/shown.ts";
import type { InstanceView, Snapshot } from "./snapshot.ts";
import { fed, open, startBrowser } from "./testing/browser.ts";
import { instance, snapshot } from "./testing/snapshots.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

const until = (met: () => boolean | Promise<boolean>) => vi.waitUntil(met, { timeout: 50_000 });

/** The same with an instance as it is not any more. */
function changed(before: Snapshot, name: string, more: Partial<InstanceView>): Snapshot {
  const instances = before.instances.map((one) => (one.name === name ? { ...one, ...more } : one));
  return { ...before, at: before.at + 1000, instances };
}

test("What a real scheduler does shows: handoffs on their wires, and an instance that is drained.", async () => {
  const deployment = await shown({ prefill: [18], decode: [18, 19], npus: 2 });
  onTestFinished(() => deployment.close());
  deployment.load(3, 20);
  const { page, complaints } = await open(browser, deployment.pageUrl);

  await page.locator(".wires .flow").nth(1).waitFor({ state: "attached" });
  await page.getByText("2 of 2 get requests").waitFor();
  await page.getByLabel("NPU 0: prefill-0, NPU 1: prefill-0").waitFor();
  await drain(deployment.socket, "decode-1");
  await page.getByText("1 of 2 get requests").waitFor();
  await page.locator(".instance.decode", { hasText: "decode-1" }).getByText("drain").waitFor();

  const told = page.locator("[aria-live=polite]");
  await until(async () => (await told.textContent())?.startsWith("decode-1 is drain") === true);
  await page.locator(".event", { hasText: "decode-1" }).getByText("draining").waitFor();
  expect(complaints).toEqual([]);
});

function drain(socketPath: string, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const call = request({ socketPath, path: "/drain", method: "POST", headers }, (answer) => {
      answer.resume().on("end", resolve);
    });
    call.on("error", reject).end(JSON.stringify({ instance: name }));
  });
}

test("Hostile strings stay text wherever they come, and no script of theirs runs.", async () => {
  const hostile = (of: string) =>
    `${of}<img src=x onerror=alert(1)><script>alert(2)</script>"'&lt;</style>javascript:alert(3)\u202e\u0000`;
  const one = instance("prefill", 0, hostile("host"), {
    name: hostile("name"),
    address: hostile("address"),
  });
  const evil = snapshot(0, {
    version: hostile("version"),
    stack: hostile("stack"),
    models: [hostile("model")],
    policy: hostile("policy"),
    handoff: hostile("handoff"),
    hosts: [{ address: hostile("host"), name: hostile("alias"), npus: [0, 1] }],
    instances: [one, { ...one, role: "decode", name: hostile("taker") }],
    edges: [[0, 1, 3]],
    events: [
      { at: 1, instances: [hostile("name")], what: hostile("what"), detail: hostile("detail"), isBad: true },
      { at: 1, instances: ["__proto__"], what: "__proto__", detail: "constructor", isBad: false },
    ],
  });
  const { url, say } = await fed();
  say(evil);
  const { page, complaints } = await open(browser, url);

  await page.locator(".instance").first().waitFor();
  for (const head of await page.locator(".head").all()) await head.click();
  say({ what: hostile("trouble"), fix: hostile("fix") });
  await page.getByText("trouble<img").waitFor();

  const { text, title, foreign } = await page.evaluate(() => ({
    text: document.body.textContent ?? "",
    title: document.title,
    foreign: document.querySelectorAll("img, body script, a, iframe, object, [onerror]").length,
  }));
  for (const of of ["name", "taker", "address", "alias", "version", "stack", "model", "policy", "handoff"])
    expect(text).toContain(`${of}<img src=x onerror=alert(1)><script>`);
  for (const of of ["what", "detail", "trouble", "fix"]) expect(text).toContain(`${of}<img src=x`);
  expect(title).toContain("stack<img");
  expect(foreign).toBe(0);
  expect(complaints).toEqual([]);
});

test("The page's own policy refuses scripts, markup and connections elsewhere.", async () => {
  const { url, say } = await fed();
  say(snapshot(1));
  const { page } = await open(browser, url);

  const refused = await page.evaluate(async () => {
    const blocked: string[] = [];
    addEventListener("securitypolicyviolation", ({ effectiveDirective }) => blocked.push(effectiveDirective));
    try {
      document.body.innerHTML = "<b>markup</b>";
    } catch (error) {
      blocked.push((error as Error).name);
    }
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.head.append(style);
    await fetch("http://127.0.0.1:1/").catch(() => {});
    while (blocked.length < 4) await new Promise((resolve) => setTimeout(resolve, 10));
    return { blocked, display: getComputedStyle(document.body).display };
  });

  expect(refused.display).not.toBe("none");
  expect(refused.blocked).toEqual(
    expect.arrayContaining(["TypeError", "require-trusted-types-for", "style-src-elem", "connect-src"]),
  );
});

test("64 instances are shown a line each, and a snapshot makes no node anew that is there.", async () => {
  const many = snapshot(32, {
    edges: Array.from({ length: 1024 }, (_, at) => [at % 32, 32 + (at >> 5), 1 + (at % 7)] as const),
  });
  const { url, say } = await fed();
  say(many);
  const { page, complaints } = await open(browser, url);
  await page.locator(".instance").nth(63).waitFor();
  const wires = await page.locator(".wires .flow").count();
  await page.evaluate(() => {
    const counter = window as unknown as { changes: number };
    counter.changes = 0;
    const topology = document.querySelector(".topology");
    new MutationObserver((records) => {
      for (const { addedNodes } of records)
        counter.changes += [...addedNodes].filter((node) => node instanceof Element).length;
    }).observe(topology ?? document.body, { childList: true, subtree: true });
  });

  for (let second = 1; second <= 5; second++)
    say({
      ...many,
      at: many.at + second * 1000,
      instances: many.instances.map((one) => ({
        ...one,
        running: second,
        kvUsage: second / 10,
        ttftMs: second,
      })),
    });
  await page.locator(".instance").nth(63).getByText("50%").waitFor();

  expect(await page.evaluate(() => (window as unknown as { changes: number }).changes)).toBe(0);
  expect(wires).toBeLessThanOrEqual(48);
  expect(await page.locator(".topology.is-tight").count()).toBe(1);
  expect(complaints).toEqual([]);
});

test("Instances that come and go, and other names, show as they are.", async () => {
  const { url, say } = await fed();
  const before = snapshot(2);
  say(before);
  const { page } = await open(browser, url);
  await page.locator(".instance").nth(3).waitFor();

  say(changed(before, "decode-1", { name: "long" }));
  await page.getByRole("button", { name: "long" }).waitFor();
  say({ ...before, instances: before.instances.filter(({ name }) => name !== "decode-0") });
  await page.getByText("1 of 1 get requests").waitFor();

  const names = await page.locator(".instance .name").allTextContents();
  expect(names).toEqual(["prefill-0", "prefill-1", "decode-1"]);
});

test("A connection that is lost is told, and made again.", async () => {
  const { url, say, stop, start } = await fed();
  const before = snapshot(1);
  say(before);
  const { page } = await open(browser, url);
  await page.getByText("live", { exact: true }).waitFor();

  await stop();
  await page.getByRole("alert").getByText("The connection is lost").waitFor();
  await page.getByText("no news for").waitFor();
  await start();
  say(changed(before, "decode-0", { states: ["stalled"] }));

  await page.locator(".instance.decode").getByText("stalled").waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await page.locator(".trouble").waitFor({ state: "hidden" });
});

test("A tab that nobody sees watches nothing, and goes on when it is seen.", async () => {
  const { url, say, feed } = await fed();
  say(snapshot(1));
  const { page } = await open(browser, url);
  await until(() => feed.viewers === 1);
  const turn = (state: string) =>
    page.evaluate((now) => {
      Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);

  await turn("hidden");
  await until(() => feed.viewers === 0);
  await turn("visible");
  await until(() => feed.viewers === 1);
});

test("A keyboard goes from instance to instance, and opens what is known of one.", async () => {
  const { url, say } = await fed();
  say(
    snapshot(2, {
      edges: [[1, 3, 2.5]],
      events: [{ at: 5, instances: ["decode-1"], what: "decode_timeout", detail: "no event", isBad: true }],
    }),
  );
  const { page } = await open(browser, url);
  const focused = () => page.evaluate(() => document.activeElement?.querySelector(".name")?.textContent);
  await page.locator(".instance").nth(3).waitFor();

  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("prefill-0");
  await page.keyboard.press("ArrowDown");
  expect(await focused()).toBe("prefill-1");
  await page.keyboard.press("ArrowRight");
  expect(await focused()).toBe("decode-1");
  await page.keyboard.press("Enter");

  const one = page.getByRole("button", { name: "decode-1" });
  expect(await one.getAttribute("aria-expanded")).toBe("true");
  const more = page.locator(".instance.decode", { hasText: "decode-1" }).locator(".more");
  await more.getByText("prefill-1 2.5/s").waitFor();
  await more.getByText("decode_timeout: no event").waitFor();
  await page.keyboard.press("Enter");
  await more.waitFor({ state: "hidden" });
});

test("A screen reader finds the parts, the instances and the handoffs by their roles and names.", async () => {
  const { url, say } = await fed();
  say(snapshot(1, { edges: [[0, 1, 2]] }));
  const { page } = await open(browser, url);
  await page.locator(".instance").first().waitFor();

  const tree = await page.locator("body").ariaSnapshot();

  for (const part of ['heading "ascend-pd" [level=1]', "main", 'region "Prefill', 'region "Decode'])
    expect(tree).toContain(part);
  for (const part of ['heading "Handoffs" [level=2]', "prefill-0 → decode-0 2/s", 'button "prefill-0'])
    expect(tree).toContain(part);
  expect(tree).toContain('img "NPU 0: decode-0"');
});

test("A Chinese browser is shown Chinese; who changes the language finds it again.", async () => {
  const { url, say } = await fed();
  say(changed(snapshot(1), "decode-0", { states: ["stalled"] }));
  const { page } = await open(browser, url, { locale: "zh-CN" });

  await page.locator(".instance.decode").getByText("停滞").waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe("zh-CN");
  await page.getByRole("button", { name: "English" }).click();
  await page.locator(".instance.decode").getByText("stalled").waitFor();
  await page.reload();
  await page.locator(".instance.decode").getByText("stalled").waitFor();
});

test.each([
  [1280, 1],
  [1280, 32],
  [900, 4],
  [390, 2],
  [390, 32],
  [320, 8],
])(
  "On a screen of %i pixels %i instances a role fit, in both languages, and none needs a scroll to the side.",
  async (width, count) => {
    const { url, say } = await fed();
    const busy = snapshot(count, { edges: [[0, count, 1]], stack: "a-stack-with-quite-a-long-name" });
    const instances = busy.instances.map((one) => ({
      ...one,
      running: 120,
      waiting: 1400,
      kvUsage: 1,
      ttftMs: 12_345,
    }));
    say({ ...busy, instances });
    for (const locale of ["en", "zh-CN"]) {
      const { page } = await open(browser, url, { locale, viewport: { width, height: 800 } });
      await page
        .locator(".instance")
        .nth(2 * count - 1)
        .waitFor();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

      expect(overflow).toBe(0);
      expect(await page.locator(".handoff").isVisible()).toBe(true);
      expect(await page.locator(".wires").isVisible()).toBe(width > 820);
    }
  },
);

test("Light and dark are the browser's, each with text that stands out, and motion is less where that is wished.", async () => {
  const { url, say } = await fed();
  say(snapshot(1, { edges: [[0, 1, 2]] }));
  const seen = [];
  for (const colorScheme of ["light", "dark"] as const) {
    const { page } = await open(browser, url, {
      colorScheme,
      reducedMotion: colorScheme === "dark" ? "reduce" : null,
    });
    await page.locator(".wires .flow").waitFor({ state: "attached" });
    seen.push(
      await page.evaluate(() => {
        const brightness = (color: string) => {
          const part = (color.match(/[\d.]+/g) ?? []).slice(0, 3).map((one) => {
            const share = Number(one) / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * (part[0] ?? 0) + 0.7152 * (part[1] ?? 0) + 0.0722 * (part[2] ?? 0);
        };
        const ground = brightness(getComputedStyle(document.body).backgroundColor);
        const texts = [...document.querySelectorAll(".soft, .word, h2, dt, .unit, footer, .where")];
        const contrasts = texts.map((node) => {
          const own = brightness(getComputedStyle(node).color);
          return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
        });
        const flow = document.querySelector(".wires .flow");
        const motion = flow === null ? "" : getComputedStyle(flow).animationName;
        return { isDark: ground < 0.2, least: Math.min(...contrasts), motion };
      }),
    );
  }

  expect(seen).toMatchObject([
    { isDark: false, motion: "flow" },
    { isDark: true, motion: "none" },
  ]);
  for (const { least } of seen) expect(least).toBeGreaterThan(4.5);
});

test("With a token a browser asks for it, and then has the page and its feed.", async () => {
  const token = "0123456789abcdef";
  const { url, say } = await fed(token);
  say(snapshot(1));

  const { page } = await open(browser, url, { httpCredentials: { username: "me", password: token } });
  await page.locator(".instance").first().waitFor();
  const stranger = await browser.newContext();
  onTestFinished(() => stranger.close());
  const answer = await (await stranger.newPage()).goto(url).catch(() => undefined);

  expect(answer?.status() ?? 401).toBe(401);
});
