import fc from "fast-check";
import { expect, test } from "vitest";
import { logSignatures } from "./index.ts";
import { lineReader, type Written } from "./lines.ts";
import { search } from "./search.ts";

const time = (second: number) => `2026-11-29T01:02:${String(second).padStart(2, "0")}.000000000Z`;
const fault = "Mooncake transfer failed, ret: -1";

function read(pieces: readonly (Partial<Written> & { text: string })[]) {
  const searched = search(logSignatures);
  let text = "";
  let longest = 0;
  const lines = lineReader((batch) => {
    text += batch;
    longest = Math.max(longest, batch.length);
    searched.add(batch);
  });
  for (const piece of pieces) lines.add({ stream: 1, begins: true, ...piece });
  lines.end();
  return { text, longest, hits: searched.hits() };
}

test("A line that Docker cut in parts, each with a time, is one line again.", () => {
  const { text } = read([
    { text: `${time(1)} Mooncake trans` },
    { text: `${time(2)} fer failed, ret: -1\n` },
    { text: `${time(3)} next\n` },
  ]);

  expect(text).toBe(`${time(1)} ${fault}\n${time(3)} next\n`);
});

test("The time of a further part is known however it is cut by the connection.", () => {
  const { text } = read([
    { text: `${time(1)} Mooncake trans` },
    { text: time(2).slice(0, 9) },
    { text: `${time(2).slice(9)} fer`, begins: false },
    { text: " failed, ret: -1\n", begins: false },
  ]);

  expect(text).toBe(`${time(1)} ${fault}\n`);
});

test("Both streams of a container are read apart, and a last line needs no end.", () => {
  const { text } = read([
    { text: `${time(1)} out`, stream: 1 },
    { text: `${time(2)} ${fault}\n`, stream: 2 },
    { text: `${time(3)} put`, stream: 1 },
  ]);

  expect(text).toBe(`${time(2)} ${fault}\n${time(1)} output\n`);
});

test("Colours, titles and NULs of a terminal are no part of a line.", () => {
  const { text } = read([
    {
      text: `${time(1)} \u001b[1;36m(Worker)\u001b[0;0m \u001b]0;title\u0007Moon\u001b[31mcake\u0000 transfer failed\n`,
    },
  ]);

  expect(text).toBe(`${time(1)} (Worker) Mooncake transfer failed\n`);
});

test("What a progress bar writes over itself are lines of one time.", () => {
  const { text } = read([{ text: `${time(1)} Loading:  0%\rLoading: 50%\rLoading: 100%\r\n` }]);

  expect(text.trimEnd().split("\n")).toEqual(
    ["Loading:  0%", "Loading: 50%", "Loading: 100%", ""].map((one) => `${time(1)} ${one}`.trimEnd()),
  );
});

test("A fault is found wherever it stands in a line of mebibytes, once, and little of the line is held.", () => {
  const filler = "x".repeat(64 * 1024);
  const parts = Array.from({ length: 64 }, (_, index) => ({
    text: index === 0 ? `${time(1)} ${filler}` : filler,
    begins: index === 0,
  }));

  const { hits, longest } = read([...parts, { text: `${fault}${filler}\n`, begins: false }]);

  expect(hits).toMatchObject([{ signature: { code: "LS701" }, count: 1, first: time(1), quotes: [fault] }]);
  expect(longest).toBeLessThan(256 * 1024);
});

test("Nothing behind a client's words in a line is looked at, however far.", () => {
  const filler = "x".repeat(64 * 1024);
  const prompt = [
    { text: `${time(1)} Received request cmpl-1: prompt: '${filler}` },
    { text: `${filler}${fault}${filler}`, begins: false },
    { text: `${fault}'\n`, begins: false },
  ];

  const { hits, text } = read([...prompt, { text: `${time(2)} ${fault}\n` }]);

  expect(hits).toMatchObject([{ count: 1, first: time(2) }]);
  expect(text.length).toBeLessThan(filler.length);
});

test("Whatever bytes come, in whatever pieces, faults in lines of their own are found.", () => {
  const noise = fc
    .string({ unit: "binary", maxLength: 60 })
    .map((text) => Buffer.from(text).toString("latin1"));
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 20 }), (lines, cuts) => {
      const all = `${[...lines.map((line) => `${time(1)} ${line.replaceAll("\n", "")}`), `${time(2)} ${fault}`, ""].join("\n")}`;
      const pieces: string[] = [];
      let rest = all;
      for (const cut of cuts) {
        pieces.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }

      const { hits } = read([...pieces, rest].map((text) => ({ text, begins: false })));

      expect(hits.some(({ signature: { code }, last }) => code === "LS701" && last === time(2))).toBe(true);
    }),
  );
});

test("Lines without a time are counted all the same.", () => {
  const { hits } = read([{ text: `${fault}\n${fault}\n` }]);

  expect(hits).toMatchObject([{ count: 2, first: "", last: "" }]);
});
