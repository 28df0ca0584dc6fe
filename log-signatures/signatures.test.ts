import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { faults, logSignatures, stateSignatures } from "./index.ts";
import { lineReader } from "./lines.ts";
import { search } from "./search.ts";
import { fixtures } from "./testing/fixtures.ts";
import { harmless } from "./testing/harmless.ts";

/** What is found in lines as Docker gives them, each with its time. */
function found(text: string) {
  const searched = search(logSignatures);
  const lines = lineReader(searched.add);
  const written = text
    .split("\n")
    .map((line, index) => `2026-11-29T01:02:03.${String(index).padStart(9, "0")}Z ${line}\n`);
  for (const one of written)
    lines.add({ stream: 1, text: Buffer.from(one).toString("latin1"), begins: true });
  lines.end();
  return searched.hits();
}

const codesIn = (text: string) => found(text).map(({ signature: { code } }) => code);

test.each(fixtures)("$code is found in its lines, and nothing else: $lines", ({ code, lines, also = [] }) => {
  expect(codesIn(lines)).toEqual([code, ...also].sort());
});

test.each(harmless)("Nothing is found in %s", (line) => {
  expect(found(line)).toEqual([]);
});

test("Nothing is found in what a real vLLM 0.32.0 writes when it starts and answers, as a prefill instance.", () => {
  const log = readFileSync(new URL("testing/vllm-0.32.0-start.log", import.meta.url), "utf8");

  expect(log).toContain("Application startup complete");
  expect(found(log)).toEqual([]);
});

test("Every signature has lines in which it was seen.", () => {
  const seen = new Set(fixtures.map(({ code }) => code));

  expect(logSignatures.filter(({ code }) => !seen.has(code))).toEqual([]);
});

test("There are sixty signatures at least; each has a code of its own, a cause, a fix and a source, in words.", () => {
  const codes = faults.map(({ code }) => code);

  expect(codes.length).toBeGreaterThan(60);
  expect(codes).toEqual([...new Set(codes)].sort());
  for (const { code, title, cause, fix, source } of faults) {
    expect(code).toMatch(/^LS\d{3}$/);
    expect([title, cause, fix].map((text) => text.length > 10)).toEqual([true, true, true]);
    expect(URL.canParse(source) && source.startsWith("https://"), source).toBe(true);
    expect(cause, code).toMatch(/\.$/);
    expect(fix, code).not.toMatch(/[.\n]$/);
  }
  expect(stateSignatures.length).toBeGreaterThan(5);
});

test("No pattern repeats anything without a bound, spans lines, or looks at more than a kilobyte.", () => {
  for (const { code, pattern } of logSignatures) {
    const bare = pattern.source.replaceAll(/\\./g, "e").replaceAll(/\[\^?(?:[^\]])*\]/g, "c");

    expect(bare, code).not.toMatch(/[*+.]/);
    expect(bare, code).not.toMatch(/\{\d+,\}/);
    expect(bare, code).not.toMatch(/\)\{/);
    expect(pattern.source, code).not.toContain("\\s");
    expect(pattern.source.match(/\[\^(?:\\.|[^\]\\])*\]/g) ?? [], code).toSatisfy((classes: string[]) =>
      classes.every((one) => one.includes("\\n")),
    );
    expect(pattern.flags.replace("i", ""), code).toBe("");
    const most = bare
      .split("|")
      .map((way) => [...way.matchAll(/\{\d+,(\d+)\}/g)].reduce((sum, [, n]) => sum + Number(n), way.length));
    expect(Math.max(...most), code).toBeLessThan(1000);
  }
});

test("What is quoted is what the signature is about, not what stands between.", () => {
  const [hit] = found(
    "ValueError: Free memory on device (secret) on startup is less than desired GPU memory utilization (0.9",
  );
  const [port] = found("Error: Address already in use (addr='tcp://10.0.0.19:20001') for 'a prompt'");

  expect(hit?.quotes).toEqual(["Free memory on device …is less than desired GPU memory utilization"]);
  expect(port?.quotes).toEqual(["Address already in use (addr='tcp://10.0.0.19:20001')"]);
});

test("Letters of any script come through in what is quoted.", () => {
  const [hit] = found("RuntimeError: Cannot find any model weights with `/数据/模型`");

  expect(hit?.quotes).toEqual(["Cannot find any model weights with `/数据/模型`"]);
});

test("Lines that tell the same are counted, with the first and last time and the first three things quoted.", () => {
  const lines = [1, 2, 3, 4, 4].map((port) => `OSError: Address already in use: 0.0.0.0:800${port}`);

  const [hit, ...others] = found(lines.join("\n"));

  expect(others).toEqual([]);
  expect(hit).toMatchObject({
    count: 5,
    first: "2026-11-29T01:02:03.000000000Z",
    last: "2026-11-29T01:02:03.000000004Z",
    quotes: [1, 2, 3].map((port) => `Address already in use: 0.0.0.0:800${port}`),
  });
});
