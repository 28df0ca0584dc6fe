import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";

/**
 * A listener on loopback that hands on the connections of this process's own user alone: every user of the machine can
 * reach a port there, and whoever is served can run commands as this one. `refused` hears of the others.
 */
export function listenForOwnUser(
  accept: (connection: Socket) => void,
  refused: (user: number | undefined) => void,
): Server {
  const own = process.geteuid?.();
  return createServer((connection) => {
    const user = userOfPeer(connection);
    if (user !== undefined && user === own) return accept(connection);
    connection.destroy();
    refused(user);
  });
}

/**
 * The user whose socket is the other end of a connection within this machine; undefined where there is none. The
 * kernel shows a socket that its process has closed as root's, so it must be open: its inode is asked for again after
 * its user, since a socket that has lost its inode never gets it back.
 */
function userOfPeer({ remoteAddress, remotePort, localAddress, localPort }: Socket): number | undefined {
  const ends = [inTable(remoteAddress, remotePort), inTable(localAddress, localPort)] as const;
  const first = openSocket(ends);
  return first !== undefined && first.inode === openSocket(ends)?.inode ? first.user : undefined;
}

const established = "01";

/** The open socket with these ends, from the kernel's tables: an IPv6 socket can be connected to an IPv4 address. */
function openSocket([local, remote]: readonly [string, string]) {
  const mapped = "0000000000000000FFFF0000";
  return rowOf("/proc/net/tcp", local, remote) ?? rowOf("/proc/net/tcp6", mapped + local, mapped + remote);
}

function rowOf(table: string, local: string, remote: string): { user: number; inode: string } | undefined {
  if (!existsSync(table)) return undefined;
  for (const line of readFileSync(table, "utf8").split("\n")) {
    const [, itsLocal, itsRemote, state, , , , user, , inode = "0"] = line.trim().split(/\s+/);
    if (itsLocal !== local || itsRemote !== remote) continue;
    if (state === established && inode !== "0") return { user: Number(user), inode };
  }
  return undefined;
}

/** `127.0.0.1` and 8088 as `0100007F:1F98`: the bytes of the address as the machine holds a number, little end first. */
function inTable(address = "", port = 0): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return `${bytes.reverse().join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
