import { spawn } from "node:child_process";
import { type Context, defaultCacheDir, ToolchainError } from "../toolchain/context.ts";
import { ensureToolchain } from "../toolchain/toolchain.ts";

// `npm test`: gets the tools that the end-to-end tests need, then runs all tests with them. All of them together take
// minutes anyhow, so ten times as many random deployments are tried then.
const context: Context = { cacheDir: defaultCacheDir(), say: (line) => console.log(`  ${line}`) };
try {
  const args = process.argv.slice(2);
  const slow = args.length === 0 ? { PROPERTY_RUNS: "10000" } : {};
  const { env } = await ensureToolchain(context, { engine: true });
  const vitest = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...args], {
    env: { ...slow, ...process.env, ...env },
    stdio: "inherit",
  });
  vitest.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
} catch (error) {
  if (!(error instanceof ToolchainError)) throw error;
  console.error(`${error.message}\nfix: ${error.fix}`);
  process.exitCode = 1;
}
