import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // Many of them start processes; the limits are for hangs, not for slow machines.
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["node_modules", "test/*.test.ts", "test/!(reliability)/**", "**/*.machine.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // Those beside their code that need more than Node: the toolchain, a Docker Engine, or root.
        test: {
          name: "machine",
          include: ["**/*.machine.test.ts"],
          exclude: ["node_modules", "test"],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // One engine, one Docker Engine: these tests share both, so they run one file at a time, and not beside the rest.
        test: {
          name: "e2e",
          include: ["test/**/*.test.ts"],
          exclude: ["test/reliability"],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
});
