import type { AddressInfo } from "node:net";
import grpc from "@grpc/grpc-js";
import provider from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { statusAt } from "./engine.ts";
import { listenForOwnUser } from "./own-connections.ts";
import { providerService } from "./provider.ts";

// The engine passes its own address last, after any flags.
const address = process.argv.slice(2).at(-1);
const cancel = new AbortController();
const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
const showStatus = address === undefined ? async () => {} : statusAt(address);
server.addService(provider.ResourceProviderService, providerService(showStatus, cancel));
const served = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
let toldOf = false;
const listener = listenForOwnUser(
  (connection) => served.injectConnection(connection),
  (user) => {
    if (!toldOf) console.error(`pulumi-resource-command: refused a connection of ${whose(user)}`);
    toldOf = true;
  },
);
listener.listen(0, "127.0.0.1", () => {
  // The first line that a plugin prints tells the engine its port.
  console.log((listener.address() as AddressInfo).port);
});

process.on("SIGINT", stop).on("SIGTERM", stop);
// An engine that was killed cannot cancel: nothing may go on running behind its back.
const engine = process.ppid;
setInterval(() => process.ppid !== engine && stop(), 1000);

/** Ends the commands that run, answers for them, and exits. */
function stop(): void {
  cancel.abort(new Error("cancelled"));
  // A session that the engine is just closing never answers tryShutdown: let it go first, and wait for none for long.
  setTimeout(() => server.tryShutdown(() => process.exit()), 50);
  setTimeout(() => process.exit(), 1000);
}

function whose(user: number | undefined): string {
  return user === undefined ? "a process that has closed it or that /proc/net does not show" : `user ${user}`;
}
