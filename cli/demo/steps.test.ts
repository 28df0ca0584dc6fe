import { expect, test } from "vitest";
import { describeStep } from "./steps.ts";

const image = "docker:index/remoteImage:RemoteImage";
const container = "docker:index/container:Container";
const command = "command:local:Command";

test.each([
  [image, "simulator-on-local", "create", "started", "building image simulator-on-local"],
  [image, "simulator-on-local", "create", "done", "image simulator-on-local is built"],
  [image, "simulator-on-local", "delete", "done", "image simulator-on-local is removed"],
  [container, "s-prefill-0", "create", "done", "s-prefill-0 is started"],
  [container, "s-prefill-0", "create-replacement", "done", "s-prefill-0 is started"],
  [container, "s-prefill-0", "delete", "done", "s-prefill-0 is stopped and removed"],
  [container, "s-prefill-0", "delete-replaced", "done", "s-prefill-0 is stopped and removed"],
  [command, "s-prefill-0-ready", "create", "done", "s-prefill-0 answers"],
  [command, "s-ready-decode-0-ready", "create", "done", "s-ready-decode-0 answers"],
  [
    command,
    "s-scheduler-first-completion",
    "create",
    "done",
    "a first completion came back through the scheduler",
  ],
  [command, "node-on-host-a", "create", "done", "host-a has Node to build on"],
  [command, "vllm-on-host-a", "create", "done", "host-a has vLLM's image"],
  [command, "s-prefill-0-ready", "create", "failed", "failed: s-prefill-0-ready"],
  ["ascend-pd:index:Host", "local", "create", "failed", "failed: local"],
] as const)("%s %s, %s %s: %s.", (type, name, op, state, line) => {
  expect(describeStep({ type, name, op, state })).toBe(line);
});

test.each([
  ["a container that stays as it is", container, "same", "done"],
  ["a container whose creation has begun", container, "create", "started"],
  ["a container whose removal has begun", container, "delete", "started"],
  ["a container that is read again", container, "refresh", "done"],
  ["the replacement of which deletion and creation are parts", container, "replace", "done"],
  ["a claim on NPUs", command, "create", "done"],
  ["a gate that goes with its container", command, "delete", "done"],
  ["a component", "ascend-pd:index:Host", "create", "done"],
] as const)("About %s nothing is said.", (_, type, op, state) => {
  expect(describeStep({ type, name: "s-prefill-0-npus", op, state })).toBeUndefined();
});
