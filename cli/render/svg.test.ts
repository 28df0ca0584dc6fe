import fc from "fast-check";
import { expect, test } from "vitest";
import { hostileNames, samplePlan } from "../testing/rendered.ts";
import { svg } from "./svg.ts";

const tags = (text: string) => text.match(/<[^>]*>/g);

test("Whatever a name holds, it stays text.", () => {
  const harmless = tags(svg(samplePlan()));
  fc.assert(
    fc.property(hostileNames, (plan) => {
      const drawn = svg(plan);

      expect(tags(drawn)).toEqual(harmless);
      expect(drawn.replaceAll(/&#\d+;/g, "")).not.toContain("&");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to write them
      expect(drawn).not.toMatch(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/);
    }),
  );
});

test("Every container is there with its NPUs and port, in full where the box is too small.", () => {
  const plan = samplePlan();
  const containers = plan.containers.map((one) => ({
    ...one,
    name: `a-name-of-more-than-${one.role}`,
    npus: one.role === "prefill" ? [0, 1, 2, 4] : one.npus,
  }));

  const drawn = svg({ ...plan, containers });

  expect(drawn).toContain("<title>a-name-of-more-than-prefill, NPUs 0-2,4, port 8088</title>");
  expect(drawn).toContain(">NPUs 0-2,4</text>");
  expect(drawn).toContain(">a-name-of-more-than…</text>");
});

test("The scheduler's host is on top wherever the stack file puts it, and no two boxes overlap.", () => {
  const plan = samplePlan({ "scheduler.host": "host-b" });

  const drawn = svg(plan);

  expect(drawn.match(/>host-[ab]</g)).toEqual([">host-b<", ">host-a<"]);
  const boxes = [...drawn.matchAll(/<rect class="(?:scheduler|prefill|decode)" x="(\d+)" y="(\d+)"/g)];
  expect(boxes).toHaveLength(5);
  expect(new Set(boxes.map(([, x, y]) => `${x} ${y}`))).toHaveLength(5);
});

test("It fetches nothing and runs nothing, and has colours for dark pages.", () => {
  const drawn = svg(samplePlan());

  expect(drawn).not.toMatch(/<(script|image|use|foreignObject)|href|@import|url\((?!#)/);
  expect(drawn).toContain("@media (prefers-color-scheme:dark)");
});
