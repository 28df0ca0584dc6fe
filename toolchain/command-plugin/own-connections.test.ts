import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tryRun } from "../../system/programs.ts";
import { type StartedPlugin, startPlugin } from "../testing/started-plugin.ts";

const nobody = { uid: 65534, gid: 65534 };
let plugin: StartedPlugin;

beforeEach(async () => {
  plugin = await startPlugin();
});

afterEach(() => plugin.stop());

/** Asks the plugin for its version, as a process of its own. */
function askInProcess(host: string, user = {}) {
  const script = `
    import { connect } from "node:http2";
    const session = connect("http://${host}:${plugin.port}").on("error", () => console.log("refused"));
    const path = "/pulumirpc.ResourceProvider/GetPluginInfo";
    const call = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
    call.on("error", () => {}).on("data", (data) => console.log(data.includes("1.2.1") ? "served" : String(data)));
    call.on("close", () => session.close());
    call.end(Buffer.alloc(5));`;
  return tryRun(process.execPath, ["--input-type=module", "--eval", script], { cwd: "/", ...user });
}

test.each(["127.0.0.1", "[::ffff:127.0.0.1]"])(
  "A process of the same user is served at %s.",
  async (host) => {
    expect(await askInProcess(host)).toMatchObject({ stdout: "served\n", code: 0 });
  },
);

describe.skipIf(process.geteuid?.() !== 0)("as root", () => {
  test.each(["127.0.0.1", "[::ffff:127.0.0.1]"])("Another user is refused at %s.", async (host) => {
    expect(await askInProcess(host, nobody)).toMatchObject({ stdout: "refused\n" });

    expect(await askInProcess(host)).toMatchObject({ stdout: "served\n" });
  });

  // The kernel shows the socket of a process that has closed it as root's.
  test("Another user that has asked and gone before it is looked at is not served either.", async () => {
    plugin.process.kill("SIGSTOP");
    const script = `
      const { connect } = require("node:net");
      const socket = connect(${plugin.port}, "127.0.0.1", () => {
        socket.write(Buffer.from("${cancelCall().toString("hex")}", "hex"), () => socket.destroy());
      });`;
    const gone = await tryRun(process.execPath, ["--eval", script], { cwd: "/", ...nobody });
    const closed = ` 0100007F:${plugin.port.toString(16).toUpperCase().padStart(4, "0")} 05 `;
    await expect.poll(() => readFile("/proc/net/tcp", "utf8"), { timeout: 30_000 }).toContain(closed);
    plugin.process.kill("SIGCONT");

    // A call of ours on a connection made later: theirs was looked at before.
    const { outputs } = await plugin.create("command:local:Command", { create: "echo still here" });

    expect(gone).toMatchObject({ code: 0, stderr: "" });
    expect(outputs.stdout).toBe("still here");
  });

  test("The same call is obeyed when it is this user's.", async () => {
    const socket = createConnection(plugin.port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    socket.write(cancelCall());
    await once(socket, "data");
    await sleep(200);

    const created = plugin.create("command:local:Command", { create: "echo still here" });

    await expect(created).rejects.toThrow();
    socket.destroy();
  });
});

/** HTTP/2 of a whole call that cancels the plugin: what a client has on the wire before it hears anything. */
function cancelCall(): Buffer {
  const frame = (type: number, flags: number, stream: number, payload: Buffer) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const header = (name: string, value: string) => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
  const headers = Buffer.concat([
    header(":method", "POST"),
    header(":scheme", "http"),
    header(":authority", "localhost"),
    header(":path", "/pulumirpc.ResourceProvider/Cancel"),
    header("content-type", "application/grpc"),
    header("te", "trailers"),
  ]);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(4, 0, 0, Buffer.alloc(0)),
    frame(1, 4, 1, headers),
    frame(0, 1, 1, Buffer.alloc(5)),
  ]);
}
