import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { inTemporaryFolder } from "./temporary-folder.ts";

/** Each test works in a folder of its own, with this project's stacks. */
export function inProjectFolder(): () => string {
  const root = process.cwd();
  const folder = inTemporaryFolder();
  beforeEach(() => {
    cpSync("stacks", join(folder(), "stacks"), { recursive: true });
    process.chdir(folder());
  });
  afterEach(() => process.chdir(root));
  return folder;
}

/** Keeps what a test prints from the terminal, for `printed`. */
export function keepConsole(): void {
  beforeEach(() => {
    vi.spyOn(console, "log").mockImplementation(() => {});
    vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
}

/** What it has printed there, piece by piece. */
export const pieces = (stream: "log" | "error"): string[] =>
  vi.mocked(console[stream]).mock.calls.map(String);

export const printed = (stream: "log" | "error"): string => pieces(stream).join("\n");
