import { expect, test } from "vitest";
import { assembledImage } from "../../planning/engines/vllm.ts";
import { vllmImageName } from "../../toolchain/vllm/assemble.ts";

test("The image that a Plan names is the one that is assembled: another content has another name.", () => {
  expect(assembledImage).toBe(vllmImageName());
});
