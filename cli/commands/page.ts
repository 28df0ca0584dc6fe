import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { administered } from "../../hosts/administered.ts";
import { Feed } from "../../page/feed.ts";
import { pageListener } from "../../page/listener.ts";
import { type Command, oneOperand, parseOptions } from "../command.ts";
import { lookingAt } from "../page/source.ts";
import { dockerStack } from "../planned-stack.ts";
import { print } from "../print.ts";
import { UserError } from "../user-error.ts";

const OPTIONS = { port: { type: "string" } } as const;

export const page: Command = {
  summary: "show a running stack in a browser: hosts, NPUs, instances, what passes between them",
  usage: `usage: ascend-pd page STACK [--port PORT]

Serves a page on 127.0.0.1 of this machine, until it is interrupted, that shows the stack as it is now: hosts, NPUs,
instances, handoffs, queues, KV use, latencies, the last errors. Its scheduler is asked as \`ascend-pd scheduler --stack\`
asks it: from inside its container, over SSH where that is how the host is reached, so no port is opened there. It is asked
only while a browser shows the page. Changes nothing.

  --port PORT  the port of the page (a free one)

example:
  ascend-pd page 2p2d

exit codes: 0 shown, until it was interrupted, 2 the command line or the stack file is wrong, or the port cannot be had`,
  options: OPTIONS,
  operands: ["stack"],
  async run(args) {
    const { values, positionals } = parseOptions(args, OPTIONS);
    const stack = oneOperand(positionals, "STACK");
    const port = portOf(values.port);
    const { where, plan } = dockerStack(stack);
    const scheduler = administered(plan);
    if (scheduler === undefined) {
      throw new UserError(
        `${where}: the manual's own scheduler (runtime: ascendcloud) tells nothing to show\n` +
          "fix: see what its instances do on their own /metrics, or set scheduler.runtime: ascend-pd",
      );
    }
    const server = createServer(pageListener(new Feed(lookingAt(plan, scheduler)), undefined));
    server.listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new UserError(`127.0.0.1 port ${port} cannot be had: ${code}\nfix: give another --port`);
    }
    print(`http://localhost:${(server.address() as AddressInfo).port}/ shows ${stack}, until Ctrl-C`);
    const end = () => {
      server.close();
      server.closeAllConnections();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
    await once(server, "close");
    return 0;
  },
};

function portOf(given = "0"): number {
  const port = /^[0-9]{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (port >= 0 && port <= 65_535) return port;
  throw new UserError(`--port is ${given}\nfix: give 1 to 65535`);
}
