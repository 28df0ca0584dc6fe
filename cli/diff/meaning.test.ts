import { expect, test } from "vitest";
import { differenceOf, fixture } from "../testing/previews.ts";
import { meaningOf } from "./meaning.ts";

const meaning = (name: string) => meaningOf(differenceOf(fixture(name)), (text) => text);

test("Nothing changes.", () => {
  expect(meaning("no-change")).toEqual({ headline: "no change", lines: [] });
});

test("A first deployment starts everything.", () => {
  expect(meaning("create-all")).toEqual({
    headline: "starts 2 instances and the scheduler",
    lines: [
      "starts prefill-0 on local (NPUs 4,5), decode-0 on local (NPUs 6,7); model load, at most 60 s",
      "starts the scheduler",
    ],
  });
});

test("Another port restarts its instance; the scheduler is told, and prefill is left alone.", () => {
  expect(meaning("changed-port")).toEqual({
    headline: "restarts 1 instance",
    lines: [
      "restarts decode-0 on local (NPUs 6,7) because --port changes; model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "decode-0 is the only decode instance: requests are answered 503 while it is replaced",
      "untouched: prefill",
    ],
  });
});

test("One more instance starts alone, and the scheduler is told.", () => {
  expect(meaning("added-instance")).toEqual({
    headline: "starts 1 instance",
    lines: [
      "starts prefill-1 on local (NPUs 2,3); model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "untouched: prefill, decode",
    ],
  });
});

test("One instance less frees its NPUs.", () => {
  expect(meaning("removed-instance")).toEqual({
    headline: "removes 1 instance",
    lines: [
      "removes prefill-1 on local (NPUs 2,3); these NPUs become free",
      "changes, without a restart, the scheduler",
      "untouched: prefill-0, decode",
    ],
  });
});

test("An instance of another name is replaced, and nobody else.", () => {
  expect(meaning("renamed-instance")).toEqual({
    headline: "restarts 1 instance",
    lines: [
      "restarts long on local (NPUs 6,7) because it was called decode-0; model load, at most 60 s",
      "changes, without a restart, the scheduler",
      "long is the only decode instance: requests are answered 503 while it is replaced",
      "untouched: prefill",
    ],
  });
});

test("Other NPUs are named, old and new.", () => {
  expect(meaning("moved-npus").lines[0]).toBe(
    "restarts decode-0 on local (NPUs 0,1) because its NPUs change from 6,7 to 0,1; model load, at most 60 s",
  );
});

test.each([
  ["changed-limit", "all instances restart because --max-model-len changes: "],
  ["changed-image", "all instances restart because image changes: "],
  ["changed-address", "all instances restart because its rank table changes: "],
])("%s: the one reason stands before the instances.", (name, start) => {
  expect(meaning(name).lines[0]).toContain(start);
});

test("Clients are told another endpoint.", () => {
  expect(meaning("changed-address").lines).toContain(
    "clients must use http://localhost:18702 instead of http://127.0.0.1:18702",
  );
});

test("The scheduler alone restarts for another routing policy.", () => {
  expect(meaning("changed-routing")).toEqual({
    headline: "restarts the scheduler",
    lines: [
      "restarts the scheduler because --prefill-routing-policy changes; it refuses requests until it is ready",
      "untouched: prefill, decode",
    ],
  });
});

test("A gate's longer patience restarts nothing.", () => {
  expect(meaning("changed-timeout")).toEqual({
    headline: "no instance restarts",
    lines: ["changes, without a restart, prefill-0, decode-0", "untouched: the scheduler"],
  });
});

test("Another Docker endpoint moves no container, which is said.", () => {
  expect(meaning("changed-endpoint").lines).toContain(
    "reaches local at another Docker endpoint: it must lead to the same machine, since containers do not move",
  );
});

test("A container that has stopped is started again.", () => {
  expect(meaning("drift-stopped")).toEqual({
    headline: "starts 1 stopped container again",
    lines: [
      "starts again what has stopped: decode-0 on local (NPUs 6,7)",
      "untouched: prefill, the scheduler",
    ],
  });
});

test("A container that is gone is made again.", () => {
  expect(meaning("drift-removed").lines).toEqual([
    "starts decode-0 on local (NPUs 6,7); minutes of model load",
    "untouched: prefill, the scheduler",
  ]);
});

test("A membership that comes to a container that stays starts nothing, and is no line of its own.", () => {
  const { steps } = fixture("create-all");
  const membership = steps.filter(({ urn }) => String(urn).endsWith("prefill-0-membership"));

  const difference = differenceOf({ steps: membership });

  expect(membership).toHaveLength(1);
  expect(meaningOf(difference, String)).toEqual({
    headline: "no instance restarts",
    lines: ["changes, without a restart, prefill-0"],
  });
});

test("Resources that are not ours are named.", () => {
  const urn = "urn:pulumi:pv::ascend-pd::aws:ec2:Vpc::main";

  const difference = differenceOf({ steps: [{ op: "create", urn, newState: { inputs: {} } }] });

  expect(meaningOf(difference, String)).toEqual({
    headline: "no instance restarts",
    lines: ["touches besides: aws:ec2:Vpc::main"],
  });
});

test("A destroy removes everything.", () => {
  const { headline, lines } = meaning("destroy");

  expect(headline).toBe("removes 3 instances and the scheduler");
  expect(lines).toContain("removes the scheduler: no request is served any more");
});
