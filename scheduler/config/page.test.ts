import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

const ENV = {
  GLOBAL_RANK_TABLE_FILE_PATH: new URL("../testing/global.json", import.meta.url).pathname,
  NODE_PORTS: "8088,8089",
};
const TOKEN = "0123456789abcdef";

/** What becomes of the page, or why not. */
function page(args: readonly string[], token?: string) {
  const reading = readConfig(args, { ...ENV, ...(token !== undefined && { ASCEND_PD_PAGE_TOKEN: token }) });
  if (reading.kind === "help") throw new Error("no help was asked for");
  return reading.kind === "config" ? reading.config.page : reading.problems.map(({ message }) => message);
}

test("There is a page where a port is given for it, on the loopback unless another address is given.", () => {
  expect(page([])).toBeUndefined();
  expect(page(["--page-port=0"])).toEqual({ host: "127.0.0.1", port: 0, token: undefined });
});

test.each(["0.0.0.0", "10.0.0.18", "::", "127.0.0.1.example"])("On %s the page needs a token.", (host) => {
  const args = ["--page-port=9002", `--page-host=${host}`];

  expect(page(args)).toEqual([expect.stringContaining("ASCEND_PD_PAGE_TOKEN is not set")]);
  expect(page(args, "")).toEqual([expect.stringContaining("ASCEND_PD_PAGE_TOKEN is not set")]);
  expect(page(args, TOKEN)).toEqual({ host, port: 9002, token: TOKEN });
});

test.each(["localhost", "::1", "127.1.2.3"])("On %s it does not, and has one that is given.", (host) => {
  const args = ["--page-port=9002", `--page-host=${host}`];

  expect(page(args)).toEqual({ host, port: 9002, token: undefined });
  expect(page(args, TOKEN)).toMatchObject({ token: TOKEN });
});

test.each(["short", "with a space in between it", "é".repeat(20)])("%s is no token.", (token) => {
  expect(page(["--page-port=9002"], token)).toEqual([expect.stringContaining("is no token")]);
});
