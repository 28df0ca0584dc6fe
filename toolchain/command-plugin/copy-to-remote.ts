import { promisify } from "node:util";
import { type Connection, completed, connectionShape } from "./connection.ts";
import { put, putText } from "./remote-files.ts";
import { messageOf, type Operation, type Resource } from "./resource.ts";
import { list, map, optional, problemsOf, type Shape, string } from "./shape.ts";
import { abortable, withConnection } from "./ssh.ts";
import { type Asset, assetKind, isMap, type Value } from "./values.ts";

type CopyInputs = {
  readonly connection: Connection;
  readonly source: Asset;
  readonly remotePath: string;
  readonly triggers?: readonly Value[];
};

const source: Shape = {
  problems: (value, property) => {
    const kind = assetKind(value);
    const local = isMap(value) && (value.path !== undefined || (kind === "asset" && value.uri === undefined));
    const reason = "must be a FileAsset, a StringAsset, or a FileArchive of a file or directory";
    return kind && local ? [] : [{ property, reason }];
  },
};

const shape = map({ connection: connectionShape, source, remotePath: string, triggers: optional(list) });

/**
 * `command:remote:CopyToRemote`: a file, text or directory placed on another host over SFTP. It is copied anew
 * when its content or its destination changes, and stays where it is when the resource is deleted.
 */
export const copyToRemote: Resource = {
  computed: [],
  check: (inputs) => ({ inputs: completed(inputs), failures: problemsOf(inputs, shape) }),
  async create(inputs: CopyInputs, operation) {
    await copy(inputs, operation);
    return {};
  },
  async update(inputs: CopyInputs, state: CopyInputs, operation) {
    const same = inputs.source.hash === state.source.hash && inputs.remotePath === state.remotePath;
    if (!same || inputs.source.hash === undefined) await copy(inputs, operation);
    return {};
  },
  async delete() {},
};

async function copy({ connection, source, remotePath }: CopyInputs, operation: Operation): Promise<void> {
  const { path, text = "" } = source;
  await withConnection(connection, operation, (client) =>
    abortable(operation.signal, async () => {
      try {
        const sftp = await promisify(client.sftp.bind(client))();
        await (path === undefined ? putText(sftp, text, remotePath) : put(sftp, path, remotePath));
      } catch (error) {
        throw new Error(`cannot copy ${path ?? "the text"} to ${connection.host}: ${messageOf(error)}`);
      }
    }),
  );
}
