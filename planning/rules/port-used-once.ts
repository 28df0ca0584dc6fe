import { repeated } from "../../problems/repeated.ts";
import { freePort, listeners } from "./ports.ts";
import type { Rule } from "./rule.ts";

export const portUsedOnce: Rule = {
  code: "PD110",
  severity: "error",
  title: "a port of a host belongs to one instance",
  why: "Containers share their host's network, so a second listener on a port cannot start.",
  source: "the manual, steps two to four, `--port`: instances on one machine need different ports",
  check: (topology) => {
    const free = freePort(topology);
    return repeated(listeners(topology), ({ host, port }) => `${host} ${port}`).map(
      ([{ path, host, port }, { owner }]) => ({
        path,
        message: `port ${port} on ${host} is already taken by ${owner}`,
        fix: free(port),
      }),
    );
  },
};
